"""What stands around the queue of image readings in its tests: EHR, archive, reader, clock."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from cds_hooks.fhir.ecgs import EcgOnFile
from cds_hooks.fhir.imaging import ImagingStudyOnFile
from cds_hooks.images.kept import PatientDigest
from cds_hooks.images.memory_readings import MemoryReadings
from cds_hooks.ports import FhirQuery, Grant, ReadingStore
from cds_hooks.services.image_fetching import ImageFetching, Source
from cds_hooks.services.image_readings import (
    ImageReadings,
    ReadState,
    Waiting,
)
from inference.core.image_reading import (
    FileToRead,
    Finding,
    ImageKind,
    ImageReading,
    LeadsToRead,
    Outcome,
    Picture,
    Read,
)
from inference.core.owner import Owner, identifier_digest
from inference.core.release import Threshold
from inference.core.study import EncodedInstance, StudyReference

GRANT = Grant("https://ehr.example/fhir", "t", frozenset({"user/*.read"}), None, None)
ENDPOINT = (
    b'{"resourceType":"Endpoint","id":"e1","status":"active",'
    b'"connectionType":{"code":"dicom-wado-rs"},"address":"https://pacs.example/dicom-web"}'
)
OWNER = Owner(frozenset({identifier_digest("SANDBOX-0001")}), "19600504", "female")
PATIENT = PatientDigest("p1")
KEY = b"k" * 32
READING = ImageReading(
    kind=ImageKind.ECG,
    form="page",
    findings=(Finding("AF", "atrial fibrillation", 0.9, Threshold(0.2, 0.8, 0.9)),),
    doubts=(),
    quality=1.0,
    regions=(),
    ratio=None,
    activations=(),
    rate_per_min=110.0,
    recorded_at=None,
    release="vizecgnet 0.1.0",
    release_digest="d" * 64,
)
READ = Read(READING, Picture(b"png", 10, 5))


def study(uid: str = "1.2.3", *endpoints: str) -> ImagingStudyOnFile:
    return ImagingStudyOnFile("ImagingStudy/1", uid, ("DX",), None, 1, 1, endpoints)


def document(**changes: Any) -> EcgOnFile:
    content = base64.b64encode(b"an ECG").decode()
    whole = EcgOnFile("DocumentReference/1", "ECG document", None, "d1", inline_base64=content)
    return replace(whole, **changes)


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


class Ehr:
    """A FHIR server with one resource, or a failure."""

    def __init__(self, failure: Exception | None = None, held: bytes = ENDPOINT) -> None:
        self.asked: list[str] = []
        self._failure, self._held = failure, held

    async def search(self, query: FhirQuery, grant: Grant) -> tuple[msgspec.Raw, ...]:
        self.asked.append(query.path)
        if self._failure is not None:
            raise self._failure
        return (msgspec.Raw(self._held),)


class Archive:
    """An archive that waits for a gate and then gives images, or fails as it is told."""

    def __init__(self, *failures: Exception | None) -> None:
        self.asked: list[StudyReference] = []
        self.owner = OWNER
        self.gate = asyncio.Event()
        self.modality = "DX"
        self.count = 1
        self._failures = list(failures)

    async def fetch_instances(self, study: StudyReference) -> tuple[EncodedInstance, ...]:
        self.asked.append(study)
        await self.gate.wait()
        failure = self._failures.pop(0) if self._failures else None
        if failure is not None:
            raise failure
        uid = study.study_instance_uid
        return tuple(
            EncodedInstance(
                *(uid, "1", f"2.{n}", "3", "4", 1, n, f"{uid} {n}".encode()),
                modality=self.modality,
                owner=self.owner,
            )
            for n in range(self.count)
        )


@dataclass
class Reader:
    """Answers each file with the same outcome and remembers what it was given."""

    outcome: Outcome = READ
    digest: str | None = "digest"
    given: list[FileToRead | LeadsToRead] = field(default_factory=list)

    def releases_of(self, file: FileToRead | LeadsToRead) -> str | None:
        return self.digest

    async def read(self, file: FileToRead | LeadsToRead) -> Outcome:
        self.given.append(file)
        return self.outcome


@dataclass
class Bench:
    """What stands around the queue in one test."""

    archive: Archive = field(default_factory=Archive)
    ehr: Ehr = field(default_factory=Ehr)
    reader: Reader = field(default_factory=Reader)
    clock: Clock = field(default_factory=Clock)
    store: ReadingStore = field(default_factory=MemoryReadings)
    address: str | None = "https://pacs.example"
    releases: tuple[str, ...] = ("digest",)

    def readings(self) -> ImageReadings:
        fetching = ImageFetching(self.archive, self.ehr, self.address)
        return ImageReadings(fetching, self.reader, self.store, self.clock, KEY, self.releases)


async def settled(
    readings: ImageReadings,
    source: Source,
    grant: Grant | None = GRANT,
    owner: Owner = OWNER,
    patient: PatientDigest = PATIENT,
) -> ReadState:
    while isinstance(state := readings.request(source, grant, owner, patient), Waiting):
        await asyncio.sleep(0.001)
    return state


def during(readings: ImageReadings, scenario: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        background = asyncio.create_task(readings.run())
        try:
            await scenario()
        finally:
            background.cancel()
            with suppress(asyncio.CancelledError):
                await background

    asyncio.run(run())


def asked(bench: Bench, source: Source, **more: Any) -> ReadState:
    """Return the state that a source settles in."""
    states: list[ReadState] = []
    bench.archive.gate.set()
    readings = bench.readings()

    async def scenario() -> None:
        states.append(await settled(readings, source, **more))

    during(readings, scenario)
    return states[0]
