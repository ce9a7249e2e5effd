"""Which imaging studies are on file, and where their images are."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cds_hooks.errors import WrongPatient
from cds_hooks.fhir.imaging import ImagingOnFile, endpoints_of, imaging_studies

DCM = "http://dicom.nema.org/resources/ontology/DCM"


def study(**members: Any) -> dict[str, Any]:
    resource = {
        "resourceType": "ImagingStudy",
        "id": "s1",
        "status": "available",
        "identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:1.2.840.1"}],
        "subject": {"reference": "Patient/p1"},
        "modality": [{"system": DCM, "code": "DX"}],
        "started": "2026-11-21T07:00:00+01:00",
        "endpoint": [{"reference": "Endpoint/e1"}],
        "series": [
            {"uid": "1.2.3", "modality": {"code": "DX"}, "instance": [{"uid": "1.2.3.4"}]},
            {"uid": "1.2.4", "modality": {"code": "SR"}, "numberOfInstances": 3},
        ],
    }
    return {key: value for key, value in (resource | members).items() if value is not None}


def read(*resources: object, patient: str = "p1") -> ImagingOnFile:
    raws = [msgspec.Raw(json.dumps(resource).encode()) for resource in resources]
    return imaging_studies(raws, patient)


def test_a_study_is_read_with_uid_modalities_counts_and_endpoints() -> None:
    found = read(study()).studies[0]
    assert found.study_instance_uid == "1.2.840.1"
    assert found.modalities == ("DX", "SR")
    assert found.started == datetime(2026, 11, 21, 6, tzinfo=UTC)
    assert (found.series, found.instances) == (2, 4)
    assert found.endpoints == ("Endpoint/e1",)


@pytest.mark.parametrize(
    ("identifier", "uid"),
    [
        ({"system": "urn:dicom:uid", "value": "1.2.840.1"}, "1.2.840.1"),
        ({"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.99"}, "1.2.99"),
    ],
)
def test_uids_come_with_and_without_prefix(identifier: dict[str, str], uid: str) -> None:
    assert read(study(identifier=[identifier])).studies[0].study_instance_uid == uid


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"identifier": None}, "no Study Instance UID"),
        (
            {"identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:../../etc/passwd"}]},
            "no Study Instance UID",
        ),
        (
            {"identifier": [{"system": "urn:dicom:uid", "value": "1." + "2" * 70}]},
            "no Study Instance UID",
        ),
        ({"status": "entered-in-error"}, "entered-in-error"),
        ({"subject": None}, "subject"),
        ({"series": {}}, "not in the shape"),
    ],
)
def test_a_study_that_cannot_be_used_is_named(members: dict[str, Any], words: str) -> None:
    found = read(study(**members), study(id="s2"))
    assert len(found.studies) == 1
    assert words in found.not_used[0].reason


@pytest.mark.requirement("CH-058")
def test_a_study_of_another_patient_stops_the_reading() -> None:
    with pytest.raises(WrongPatient):
        read(study(subject={"reference": "Patient/p2"}))


def test_studies_are_listed_newest_first_and_each_once() -> None:
    other = [{"system": "urn:dicom:uid", "value": "1.2.5"}]
    found = read(study(started="2020-01-01"), study(id="s2", identifier=other), study(id="s3"))
    assert [each.study_instance_uid for each in found.studies] == ["1.2.5", "1.2.840.1"]


@pytest.mark.parametrize("started", [None, "2026", "soon", "0001-01-01T00:00:00+14:00"])
def test_a_study_without_a_usable_time_is_still_a_study(started: str | None) -> None:
    assert read(study(started=started)).studies[0].started is None


def test_only_active_dicomweb_endpoints_have_addresses() -> None:
    def endpoint(name: str, **members: Any) -> msgspec.Raw:
        resource = {
            "resourceType": "Endpoint",
            "id": name,
            "status": "active",
            "connectionType": {"code": "dicom-wado-rs"},
            "address": f"https://pacs.example/{name}",
            "header": ["Authorization: Bearer of the EHR"],
        }
        return msgspec.Raw(json.dumps(resource | members).encode())

    found = endpoints_of(
        [
            endpoint("good"),
            endpoint("off", status="off"),
            endpoint("qido", connectionType={"code": "dicom-qido-rs"}),
            endpoint("bad", address=7),
            msgspec.Raw(b'{"resourceType":"Patient"}'),
        ]
    )
    assert found == {"Endpoint/good": "https://pacs.example/good"}


def test_synthea_studies_are_all_read(clinical_data: Path) -> None:
    modalities: Counter[str] = Counter()
    for path in sorted(clinical_data.glob("synthea-*.json.gz")):
        entries = json.loads(gzip.decompress(path.read_bytes()))["entry"]
        resources = [entry["resource"] for entry in entries]
        patient = next(each["id"] for each in resources if each["resourceType"] == "Patient")
        found = read(*resources, patient=patient)
        assert found.not_used == ()
        modalities.update(each.modalities[0] for each in found.studies)
    # The data folder's own description counts series: ultrasound 20, CR 12, DX 1.
    assert modalities == {"US": 20, "CR": 12, "DX": 1}
