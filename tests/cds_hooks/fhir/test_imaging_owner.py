"""What a Patient says that images can be compared with."""

from __future__ import annotations

import json

import msgspec
import pytest

from cds_hooks.fhir.imaging_owner import chart_owner
from inference.core.owner import NOBODY, Owner, identifier_digest

PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"system": "https://hospital.example/mrn", "value": "MRN-1"}, {"value": None}],
    "gender": "female",
    "birthDate": "1960-05-04",
}


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def test_identifiers_are_digests_and_the_rest_is_as_dicom_writes_it() -> None:
    digests = frozenset({identifier_digest("MRN-1"), identifier_digest("p1")})
    assert chart_owner(raw(PATIENT)) == Owner(digests, "19600504", "female")


@pytest.mark.parametrize("patient", [None, msgspec.Raw(b"{"), raw({"identifier": "MRN-1"})])
def test_an_absent_or_unreadable_patient_says_nothing(patient: msgspec.Raw | None) -> None:
    assert chart_owner(patient) == NOBODY


@pytest.mark.parametrize("gender", ["other", "unknown", None])
def test_a_gender_that_dicom_does_not_compare_with_says_nothing(gender: str | None) -> None:
    assert chart_owner(raw(PATIENT | {"gender": gender})).sex is None
