"""``imaging-findings``: what was read, what was not and why, without ever waiting for a PACS."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from anyio import create_task_group, run, sleep

from cds_hooks.errors import WrongPatient
from cds_hooks.fhir.closed_ehr import ClosedEhr
from cds_hooks.images.memory_readings import MemoryReadings
from cds_hooks.services.image_fetching import ImageFetching
from cds_hooks.services.image_readings import ImageReadings
from cds_hooks.services.imaging_findings import ImagingFindings
from cds_hooks.services.patient_twin import PatientTwins
from cds_hooks.services.service import HookCall
from cds_hooks.services.speaker import Speaker
from cds_hooks.wire.response import Card, Indicator
from inference.archive.folder import FolderArchive
from inference.core.image_reading import (
    FileToRead,
    Finding,
    ImageKind,
    ImageReading,
    LeadsToRead,
    NotRead,
    Outcome,
    Picture,
    Ratio,
    Read,
    Region,
)
from inference.core.release import Threshold
from tests.cds_hooks.services.conftest import raw

MakeCall = Callable[..., HookCall]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ECG = ImageReading(
    kind=ImageKind.ECG,
    form="page",
    findings=(
        Finding("NORM", "normal ECG", 0.1, Threshold(0.5, 0.7, 0.8)),
        Finding("AF", "atrial fibrillation", 0.87, Threshold(0.14, 0.65, 0.92)),
        Finding("STE", "ST elevation", 0.06, Threshold(0.05, 0.75, 0.56)),
        Finding("STEMI", "ST-elevation infarction", 0.02, None),
    ),
    doubts=("sideways: turned",),
    quality=0.9,
    regions=(),
    ratio=None,
    activations=(),
    rate_per_min=None,
    recorded_at=None,
    release="vizecgnet 0.1.0 sha256:0123456789ab",
    release_digest="0123456789abcdef",
)
CHEST = replace(
    ECG,
    kind=ImageKind.RADIOGRAPH,
    form="radiograph",
    findings=(),
    doubts=(),
    quality=1.0,
    regions=(Region("heart", "heart", 0.93, 0.31, 0.42, 0.78, 0.85),),
    ratio=Ratio(0.61, "heart", 0.03),
    release="radiograph 0.1.0 sha256:fedcba987654",
)


class Noon:
    def now(self) -> datetime:
        return NOW


class Reader:
    """Answers by kind."""

    def __init__(self, **outcomes: Outcome) -> None:
        self._outcomes = outcomes

    def releases_of(self, file: FileToRead | LeadsToRead) -> str | None:
        return "digest"

    async def read(self, file: FileToRead | LeadsToRead) -> Outcome:
        kind = "ecg" if isinstance(file, LeadsToRead) else file.kind.value
        return self._outcomes.get(kind, NotRead(f"no reader for {kind}s is installed"))


def document(patient: str, **changes: Any) -> dict[str, Any]:
    """Return an ECG as a DocumentReference, a quarter of an hour old."""
    return {
        "resourceType": "DocumentReference",
        "id": "ecg",
        "status": "current",
        "type": {"coding": [{"system": "http://loinc.org", "code": "11524-6"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "context": {"period": {"start": (NOW - timedelta(minutes=15)).isoformat()}},
        "content": [{"attachment": {"data": base64.b64encode(b"page").decode()}}],
    } | changes


def answered(
    call: HookCall, folder: Path, twins: PatientTwins, hooks: int = 1, **outcomes: Outcome
) -> tuple[Card, ...]:
    """Return the answer to the last of so many hooks, between which there is time to read."""

    async def asked() -> tuple[Card, ...]:
        fetching = ImageFetching(FolderArchive(folder), ClosedEhr(), "https://pacs.example")
        readings = ImageReadings(fetching, Reader(**outcomes), MemoryReadings(), Noon(), b"k" * 32)
        speaker = Speaker("https://cardiotwin.example/documentation", None)
        service = ImagingFindings(readings, twins, speaker)
        async with create_task_group() as background:
            background.start_soon(readings.run)
            cards: tuple[Card, ...] = ()
            for number in range(hooks):
                cards = await service.cards(call)
                if number + 1 < hooks:
                    await sleep(0.3)
            background.cancel_scope.cancel()
        return cards

    return run(asked)


def with_ecg(call: HookCall, **changes: Any) -> HookCall:
    """Return the call with an ECG in its chart, and no study."""
    given = document(call.context.patient_id, **changes)
    resources: Mapping[str, Any] = {
        **call.chart.resources, "imagingStudies": (), "ecgDocuments": (raw(given),),
    }  # fmt: skip
    return replace(call, chart=replace(call.chart, resources=resources))


def test_a_study_on_file_is_listed_as_not_yet_read(
    call: MakeCall, tmp_path: Path, twins: PatientTwins
) -> None:
    (card,) = answered(call("heart-failure", "patient-view"), tmp_path, twins)
    assert "on file" in card.summary
    assert "not yet read" in card.summary
    assert "| not yet read |" in (card.detail or "")


def test_no_study_no_card(call: MakeCall, tmp_path: Path, twins: PatientTwins) -> None:
    assert answered(call("almost-no-data", "patient-view"), tmp_path, twins) == ()


def test_an_ecg_of_the_chart_is_read_between_two_hooks(
    call: MakeCall, tmp_path: Path, twins: PatientTwins
) -> None:
    given = with_ecg(call("stable", "patient-view"))
    (first,) = answered(given, tmp_path, twins)
    assert first.summary == "1 study or ECG on file, newest ECG document 15 min ago, not yet read."
    read = Read(ECG, Picture(b"png", 672, 320))
    (later,) = answered(given, tmp_path, twins, 2, ecg=read)
    assert later.summary == "ECG document 15 min ago: likely atrial fibrillation 87 %."
    detail = later.detail or ""
    assert "| atrial fibrillation, likely | 87 % | 65 % | 92 % |" in detail
    assert "Not excluded, each below 10 %: ST elevation." in detail
    assert "normal ECG" not in detail
    assert "not good enough to call: ST-elevation infarction" in detail
    assert "**Doubt**: sideways: turned" in detail
    assert "vizecgnet 0.1.0 sha256:0123456789ab" in detail
    assert "the twin's atria do not contract" in detail


def test_what_could_not_be_read_is_said_with_the_reason(
    call: MakeCall, tmp_path: Path, twins: PatientTwins
) -> None:
    given = with_ecg(call("stable", "patient-view"))
    (card,) = answered(given, tmp_path, twins, 2, ecg=NotRead("not an ECG page"))
    assert card.summary.endswith("not read.")
    assert "not read: not an ECG page" in (card.detail or "")


def test_a_document_of_another_patient_refuses_the_call(
    call: MakeCall, tmp_path: Path, twins: PatientTwins
) -> None:
    other = {"subject": {"reference": "Patient/somebody-else"}}
    with pytest.raises(BaseExceptionGroup) as refused:
        answered(with_ecg(call("stable", "patient-view"), **other), tmp_path, twins)
    assert refused.group_contains(WrongPatient)


@pytest.mark.parametrize("status", ["entered-in-error", "superseded"])
def test_a_void_document_is_named_and_not_read(
    call: MakeCall, tmp_path: Path, twins: PatientTwins, status: str
) -> None:
    given = with_ecg(call("stable", "patient-view"), status=status)
    assert answered(given, tmp_path, twins) == ()


def test_an_infarction_that_is_rather_there_than_not_is_a_warning(
    call: MakeCall, tmp_path: Path, twins: PatientTwins
) -> None:
    alarming = Finding("STEMI", "ST-elevation infarction", 0.8, Threshold(0.3, 0.9, 0.9))
    read = Read(replace(ECG, findings=(alarming,)), Picture(b"png", 672, 320))
    (card,) = answered(with_ecg(call("stable", "patient-view")), tmp_path, twins, 2, ecg=read)
    assert card.indicator is Indicator.WARNING


def test_a_radiographs_ratio_stands_with_its_error_and_its_box(
    call: MakeCall, tmp_path: Path, twins: PatientTwins
) -> None:
    from sandbox_ehr.patients.courses import SAMPLE_PATIENTS
    from sandbox_ehr.pictures import encoded, picture_file

    sample = next(each for each in SAMPLE_PATIENTS if each.key == "heart-failure")
    drawing = picture_file(sample, NOW)
    assert drawing is not None
    (tmp_path / "drawing.dcm").write_bytes(encoded(drawing))
    read = Read(CHEST, Picture(b"png", 384, 384))
    given = call("heart-failure", "patient-view")
    (card,) = answered(given, tmp_path, twins, 2, radiograph=read)
    assert "cardiothoracic ratio 0.61" in card.summary
    detail = card.detail or ""
    assert "Cardiothoracic ratio **0.61** (width of the heart, mean error 0.03" in detail
    assert "heart 31-78 by 42-85 (93 %)" in detail
    assert "the twin expects somewhat more blood volume" in detail
