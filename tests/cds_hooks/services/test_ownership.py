"""Whose a resource is: one word of another patient outweighs every other."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cds_hooks.errors import WrongPatient
from cds_hooks.fhir.subject import Whose
from cds_hooks.services.ownership import owner_of, refuse_drafts_of_others


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def subject(reference: str) -> dict[str, Any]:
    return {"subject": {"reference": reference}}


@pytest.mark.requirement("CH-058")
@pytest.mark.parametrize(
    ("resource", "owner"),
    [
        ({"resourceType": "Patient", "id": "p1"}, Whose.SAME),
        ({"resourceType": "Patient", "id": "p2"}, Whose.OTHER),
        ({"resourceType": "Patient"}, Whose.OTHER),
        ({"resourceType": "Observation"} | subject("Patient/p1"), Whose.SAME),
        ({"resourceType": "Observation"} | subject("Patient/p1/_history/3"), Whose.SAME),
        ({"resourceType": "Observation"} | subject("https://e/fhir/Patient/p1"), Whose.SAME),
        ({"resourceType": "Observation"} | subject("Patient/p11"), Whose.OTHER),
        ({"resourceType": "Observation"} | subject("Patient/p2"), Whose.OTHER),
        ({"resourceType": "Observation"} | subject("https://e/fhir/Patient/p2"), Whose.OTHER),
        ({"resourceType": "Observation"} | subject("Group/p1"), Whose.UNKNOWN),
        ({"resourceType": "Observation"} | subject("#p1"), Whose.UNKNOWN),
        ({"resourceType": "Observation", "subject": {"display": "p1"}}, Whose.UNKNOWN),
        ({"resourceType": "Observation"}, Whose.UNKNOWN),
        ({"resourceType": "ImagingStudy"}, Whose.UNKNOWN),
        ({"resourceType": "Endpoint", "id": "e1"}, Whose.SAME),
        ({"resourceType": "Device", "patient": {"reference": "Patient/p2"}}, Whose.OTHER),
        ({"resourceType": "Task", "for": {"reference": "Patient/p2"}}, Whose.OTHER),
        (
            {"resourceType": "Procedure", "patient": {"reference": "Patient/p2"}}
            | subject("Patient/p1"),
            Whose.OTHER,
        ),
        ([1], Whose.UNKNOWN),
        ({"resourceType": "Observation", "subject": "Patient/p2"}, Whose.UNKNOWN),
    ],
)
def test_the_owner_of_a_resource(resource: Any, owner: Whose) -> None:
    assert owner_of(raw(resource), "p1") is owner


@pytest.mark.requirement("CH-058")
def test_a_draft_without_a_subject_is_the_contexts_patients_and_another_ones_is_refused() -> None:
    refuse_drafts_of_others([raw({"resourceType": "ServiceRequest"})], "p1")
    with pytest.raises(WrongPatient, match="order 1"):
        refuse_drafts_of_others(
            [raw(subject("Patient/p1")), raw({"resourceType": "Task"} | subject("Patient/p2"))],
            "p1",
        )
