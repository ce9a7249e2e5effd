"""ECGs on file: four kinds of resource, where their bytes are, and what is not followed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest

from cds_hooks.errors import WrongPatient
from cds_hooks.fhir.ecgs import EcgOnFile, EcgsOnFile, ecgs_on_file
from cds_hooks.fhir.sampled_ecg import sampled_leads
from inference.errors import EcgUnreadable

Json = dict[str, Any]
SERVER = "https://ehr.example/fhir"
STUDY = {"coding": [{"system": "http://loinc.org", "code": "11524-6"}]}
SUBJECT = {"reference": "Patient/p1"}
TAKEN = "2026-03-01T11:45:00Z"


def raw(resource: Json) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(resource).encode())


def read(*resources: Json, server: str | None = SERVER) -> EcgsOnFile:
    return ecgs_on_file([raw(each) for each in resources], "p1", server)


def only(resource: Json, server: str | None = SERVER) -> EcgOnFile:
    (found,) = read(resource, server=server).ecgs
    return found


def document(**attachment: Any) -> Json:
    return {
        "resourceType": "DocumentReference",
        "id": "d",
        "meta": {"versionId": "2"},
        "status": "current",
        "type": STUDY,
        "subject": SUBJECT,
        "date": "2026-03-01T12:30:00Z",
        "context": {"period": {"start": TAKEN}},
        "content": [{"attachment": attachment}],
    }


def media(**changes: Any) -> Json:
    modality = {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "ECG"}
    return {
        "resourceType": "Media",
        "id": "m",
        "status": "completed",
        "modality": {"coding": [modality]},
        "subject": SUBJECT,
        "createdDateTime": TAKEN,
        "content": {"contentType": "image/png", "data": "AAAA"},
    } | changes


def report(**changes: Any) -> Json:
    return {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": "final",
        "code": STUDY,
        "subject": SUBJECT,
        "effectiveDateTime": TAKEN,
        "presentedForm": [{"data": "AAAA"}, {"url": "Binary/7", "size": 12, "hash": "h"}],
    } | changes


def sampled(code: str, data: str = "0 1 E 2", **changes: Any) -> Json:
    """Return one lead as FHIR's own example of an ECG writes it."""
    values = {"origin": {"value": 2, "code": "mV"}, "period": 4, "factor": 0.5, "dimensions": 1}
    return {
        "code": {"coding": [{"system": "urn:iso:std:iso:11073:10101", "code": code}]},
        "valueSampledData": values | {"data": data} | changes,
    }


def observation(*components: Json) -> Json:
    return {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "code": {"coding": [{"system": "urn:iso:std:iso:11073:10101", "code": "131328"}]},
        "subject": SUBJECT,
        "effectiveDateTime": TAKEN,
        "component": list(components),
    }


def test_a_document_with_its_content_inside_is_found() -> None:
    found = only(document(contentType="application/pdf", data="AAAA"))
    assert found.inline_base64 == "AAAA"
    assert found.reference == "DocumentReference/d/_history/2"
    assert found.title == "ECG document"
    assert found.taken_at == datetime(2026, 3, 1, 11, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    "url", ["Binary/7", f"{SERVER}/Binary/7", f"{SERVER}/Binary/7/_history/1"]
)
def test_content_in_a_binary_of_the_same_server_is_found(url: str) -> None:
    assert only(document(url=url)).binary == "Binary/7"


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/fhir/Binary/7",
        "https://ehr.example.evil.example/fhir/Binary/7",
        "https://ehr.example/other/Binary/7",
        "http://ehr.example/fhir/Binary/7",
        "https://user@ehr.example/fhir/Binary/7",
        "//elsewhere.example/Binary/7",
        "../Binary/7",
        f"{SERVER}/Binary/7?x=Binary/8",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
    ],
)
@pytest.mark.parametrize("server", [SERVER, None])
def test_content_anywhere_else_is_not_followed(url: str, server: str | None) -> None:
    found = only(document(url=url), server)
    assert found.binary is None
    assert found.out_of_reach == (
        "its content lies outside the EHR's own FHIR server, which is not followed"
    )


def test_pictures_reports_and_recordings_are_found() -> None:
    found = read(media(), report(), observation(sampled("131329")))
    assert sorted((each.title, each.binary is not None) for each in found.ecgs) == [
        ("ECG picture", False),
        ("ECG recording", False),
        ("ECG report", False),
        ("ECG report", True),
    ]
    stated = next(each for each in found.ecgs if each.binary is not None)
    assert (stated.size, stated.sha1_base64) == (12, "h")


def test_another_document_than_an_ecg_is_passed_over() -> None:
    letter = document(data="AAAA") | {"type": {"coding": [{"code": "11524-6"}], "text": "ECG"}}
    assert read(letter, media(modality=None), {"resourceType": "Patient", "id": "p1"}).ecgs == ()


@pytest.mark.parametrize("status", ["entered-in-error", "superseded"])
def test_what_is_void_is_named_and_left(status: str) -> None:
    found = read(document(data="AAAA") | {"status": status})
    assert found.ecgs == ()
    assert [each.reason for each in found.not_used] == [f"its status is {status}"]


def test_what_does_not_say_whose_it_is_is_named_and_left() -> None:
    found = read(media(subject=None))
    assert found.ecgs == ()
    assert len(found.not_used) == 1


def test_another_patients_ecg_refuses_the_whole() -> None:
    with pytest.raises(WrongPatient):
        read(media(), report(subject={"reference": "Patient/p2"}))


def test_a_day_without_an_hour_is_no_time_for_a_rhythm() -> None:
    assert only(media(createdDateTime="2026-03-01")).taken_at is None


def test_other_content_is_another_ecg_and_the_same_content_is_the_same() -> None:
    one, again = only(document(data="AAAA")), only(document(data="AAAA"))
    other = only(document(data="AAAB"))
    assert one.digest == again.digest != other.digest
    binaries = {only(document(url="Binary/7", hash=each)).digest for each in ("h", "g")}
    assert len(binaries) == 2


def test_newest_first() -> None:
    older = media(id="older", createdDateTime="2026-02-01T10:00:00Z")
    assert [each.reference for each in read(older, media()).ecgs] == ["Media/m", "Media/older"]


class TestSampledData:
    def leads(self, *components: Json) -> dict[str, np.ndarray]:
        found = sampled_leads([raw(each) for each in components])
        assert found.rate_hz == 250.0
        return {name: np.frombuffer(values, np.float32) for name, values in found.leads_mv}

    def test_counts_become_millivolts_by_lead(self) -> None:
        """The codes are those of FHIR's example: 131329 is lead I, 131389 lead III."""
        found = self.leads(sampled("131329"), sampled("131389"), sampled("131331"))
        assert list(found) == ["I", "III", "V1"]
        np.testing.assert_allclose(found["I"], [2.0, 2.5, np.nan, 3.0])

    def test_microvolts_are_a_thousandth(self) -> None:
        found = self.leads(sampled("131330", origin={"value": 0, "code": "uV"}, factor=1000))
        np.testing.assert_allclose(found["II"], [0.0, 1.0, np.nan, 2.0])

    @pytest.mark.parametrize(
        ("components", "words"),
        [
            ((sampled("99"),), "none of its components"),
            ((sampled("131329", origin={"value": 0, "code": "mm[Hg]"}),), "in volts"),
            ((sampled("131329", origin={"value": 0}),), "in volts"),
            ((sampled("131329", data="0 x 1"),), "no number"),
            ((sampled("131329", dimensions=2),), "several dimensions"),
            ((sampled("131329"), sampled("131330", period=8)), "one and the same rate"),
            ((sampled("131329", period=0),), "one and the same rate"),
            (({"valueSampledData": 7},), "cannot be read"),
        ],
    )
    def test_what_is_no_ecg_is_refused_with_the_reason(
        self, components: tuple[Json, ...], words: str
    ) -> None:
        with pytest.raises(EcgUnreadable, match=words):
            sampled_leads([raw(each) for each in components])
