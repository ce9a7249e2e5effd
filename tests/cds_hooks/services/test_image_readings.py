"""Images are read in the background: a hook never waits, and one source's failure is its own."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cds_hooks.errors import EhrUnreachable, HostNotAllowed
from cds_hooks.fhir.ecgs import EcgOnFile
from cds_hooks.fhir.imaging import ImagingStudyOnFile
from cds_hooks.images.kept import PatientDigest
from cds_hooks.images.memory_readings import MemoryReadings
from cds_hooks.images.sqlite_readings import SqliteReadings
from cds_hooks.ports import FhirQuery, Grant, ReadingStore
from cds_hooks.services.image_fetching import ImageFetching, Source
from cds_hooks.services.image_readings import (
    MOST_OF_A_STUDY,
    MOST_WAITING,
    TRY_AGAIN_AFTER,
    Done,
    Failed,
    ImageReadings,
    ReadState,
    Refused,
    Waiting,
)
from inference.core.image_reading import (
    FileToRead,
    Finding,
    ImageKind,
    ImageReading,
    LeadsToRead,
    NotRead,
    Outcome,
    Picture,
    Read,
)
from inference.core.owner import Owner, identifier_digest
from inference.core.release import Threshold
from inference.core.study import EncodedInstance, StudyReference
from inference.errors import StudyNotFound

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


def test_a_request_returns_at_once_and_the_reading_follows() -> None:
    bench = Bench(address=None)
    readings = bench.readings()
    source = study("1.2.3", "Endpoint/e1")

    async def scenario() -> None:
        first = readings.request(source, GRANT, OWNER, PATIENT)
        assert str(first) == "not yet read"
        bench.archive.gate.set()
        state = await settled(readings, source)
        assert isinstance(state, Done)
        assert str(state) == "read"
        assert [each.reading for each in state.kept.outcomes] == [READING]

    during(readings, scenario)
    assert bench.ehr.asked == ["Endpoint/e1"]
    assert bench.archive.asked == [StudyReference("1.2.3", "https://pacs.example/dicom-web")]
    (given,) = bench.reader.given
    assert given == FileToRead(ImageKind.RADIOGRAPH, b"1.2.3 0", OWNER)


def test_a_study_is_read_once_however_often_charts_are_opened() -> None:
    bench = Bench()
    readings = bench.readings()

    async def scenario() -> None:
        for _ in range(10):
            readings.request(study(), GRANT, OWNER, PATIENT)
        bench.archive.gate.set()
        await settled(readings, study())

    during(readings, scenario)
    assert len(bench.archive.asked) == len(bench.reader.given) == 1


def test_where_the_ehr_names_no_archive_the_configured_one_is_asked() -> None:
    bench = Bench(address="https://own.example")
    asked(bench, study())
    assert bench.archive.asked[0].address == "https://own.example"


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (StudyNotFound(), "the archive holds no image of this study"),
        (HostNotAllowed("x"), "not on this installation's allow-list"),
        (RuntimeError("a name"), "a fault of this service, which is logged"),
    ],
)
def test_a_failure_is_said_and_costs_no_other_study(failure: Exception, words: str) -> None:
    bench = Bench(Archive(failure))
    bench.archive.gate.set()
    readings = bench.readings()

    async def scenario() -> None:
        state = await settled(readings, study("1.1"))
        assert isinstance(state, Failed)
        assert words in str(state)
        assert "a name" not in str(state)
        assert isinstance(await settled(readings, study("1.2")), Done)

    during(readings, scenario)


def test_a_fhir_server_that_does_not_answer_is_said() -> None:
    bench = Bench(ehr=Ehr(EhrUnreachable("It did not answer.")))
    state = asked(bench, study("1.1", "Endpoint/e1"))
    assert str(state) == "could not be read, because it was not fetched: it did not answer"


@pytest.mark.requirement("CH-056")
def test_without_a_scope_for_it_no_endpoint_and_no_binary_is_read() -> None:
    narrow = Grant("https://ehr.example", "t", frozenset({"patient/Observation.read"}), "p1", None)
    bench = Bench(address=None)
    assert "names no archive" in str(asked(bench, study("1.1", "Endpoint/e1"), grant=narrow))
    attached = document(inline_base64=None, binary="Binary/7")
    assert "scopes do not cover the Binary" in str(asked(bench, attached, grant=narrow))
    assert bench.ehr.asked == []


def test_without_any_grant_only_the_configured_archive_is_asked() -> None:
    bench = Bench()
    asked(bench, study("1.1", "Endpoint/e1"), grant=None)
    assert bench.ehr.asked == []
    assert len(bench.archive.asked) == 1


def test_what_could_not_be_had_is_tried_again_after_a_while() -> None:
    bench = Bench(Archive(StudyNotFound()))
    bench.archive.gate.set()
    readings = bench.readings()

    async def scenario() -> None:
        await settled(readings, study())
        bench.clock.time += TRY_AGAIN_AFTER - timedelta(seconds=1)
        assert isinstance(readings.request(study(), GRANT, OWNER, PATIENT), Failed)
        bench.clock.time += timedelta(seconds=1)
        assert isinstance(await settled(readings, study()), Done)

    during(readings, scenario)
    assert len(bench.archive.asked) == 2


def test_a_full_queue_is_said_and_does_not_block() -> None:
    readings = Bench().readings()
    states = [
        readings.request(study(f"1.{number}"), GRANT, OWNER, PATIENT)
        for number in range(MOST_WAITING + 1)
    ]
    assert all(isinstance(each, Waiting) for each in states[:-1])
    assert "too many studies are waiting" in str(states[-1])


def test_a_study_of_another_patient_is_refused_unread_with_nothing_of_the_patient() -> None:
    bench = Bench()
    bench.archive.owner = Owner(frozenset({identifier_digest("SECRET-7")}), "19711231", "male")
    state = asked(bench, study())
    assert isinstance(state, Refused)
    assert str(state).startswith("images not used: they are of another patient than the chart")
    assert "1971" not in str(state)
    assert "secret" not in repr(state).lower()
    assert bench.reader.given == []


def test_a_study_that_two_charts_name_is_judged_for_each() -> None:
    bench = Bench()
    bench.archive.gate.set()
    readings = bench.readings()
    other = Owner(frozenset({identifier_digest("SANDBOX-0002")}))

    async def scenario() -> None:
        assert isinstance(await settled(readings, study()), Done)
        theirs = await settled(readings, study(), owner=other, patient=PatientDigest("p2"))
        assert isinstance(theirs, Refused)

    during(readings, scenario)


def test_only_so_many_images_of_a_study_are_read_and_the_rest_is_named() -> None:
    bench = Bench()
    bench.archive.count = MOST_OF_A_STUDY + 2
    state = asked(bench, study())
    assert str(state) == (
        f"{MOST_OF_A_STUDY} read; not read: only the first {MOST_OF_A_STUDY} images of a study "
        "are read"
    )
    assert len(bench.reader.given) == MOST_OF_A_STUDY


def test_a_kind_of_image_that_no_net_reads_is_named() -> None:
    bench = Bench()
    bench.archive.modality = "CT"
    assert str(asked(bench, study())) == "not read: no net here reads its kind (modality CT)"


def test_an_attachment_of_the_chart_is_read_and_believed_to_be_the_charts() -> None:
    bench = Bench()
    assert str(asked(bench, document())) == "read"
    (given,) = bench.reader.given
    assert given == FileToRead(ImageKind.ECG, b"an ECG", OWNER, named_by_chart=True)


def test_an_attachment_in_a_binary_is_read_from_the_ehr() -> None:
    held = {"resourceType": "Binary", "id": "7", "data": base64.b64encode(b"page").decode()}
    bench = Bench(ehr=Ehr(held=msgspec.json.encode(held)))
    assert str(asked(bench, document(inline_base64=None, binary="Binary/7"))) == "read"
    assert bench.ehr.asked == ["Binary/7"]
    (given,) = bench.reader.given
    assert isinstance(given, FileToRead)
    assert given.data == b"page"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sha1_base64": base64.b64encode(b"x" * 20).decode()}, "whose hash the chart states"),
        ({"size": 7}, "another size than the chart states"),
        ({"inline_base64": "no base64!"}, "no base64"),
        ({"inline_base64": None, "out_of_reach": "it is elsewhere"}, "it is elsewhere"),
    ],
)
def test_an_attachment_that_is_not_what_the_chart_says_is_not_read(
    changes: dict[str, Any], words: str
) -> None:
    bench = Bench()
    state = asked(bench, document(**changes))
    assert isinstance(state, Failed)
    assert words in str(state)
    assert bench.reader.given == []


def test_an_attachment_with_the_hash_that_the_chart_states_is_read() -> None:
    digest = hashlib.sha1(b"an ECG", usedforsecurity=False).digest()
    changes = {"size": 6, "sha1_base64": base64.b64encode(digest).decode()}
    assert str(asked(Bench(), document(**changes))) == "read"


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], ReadingStore]:
    """Return what opens the store anew, as a restarted service does."""
    if request.param == "memory":
        kept = MemoryReadings()
        return lambda: kept
    return lambda: SqliteReadings(tmp_path / "readings.sqlite", KEY, Clock())


def test_after_a_restart_a_reading_is_recalled_without_archive_or_reader(
    store: Callable[[], ReadingStore],
) -> None:
    asked(Bench(store=store()), study())
    again = Bench(store=store())
    state = again.readings().request(study(), GRANT, OWNER, PATIENT)
    assert isinstance(state, Done)
    assert [each.reading for each in state.kept.outcomes] == [READING]
    own = state.kept.outcomes[0].id
    assert again.readings().picture(PATIENT, own) == b"png"
    assert again.archive.asked == []
    assert again.reader.given == []


def test_another_release_reads_anew_and_the_same_file_is_read_once_by_one_release(
    store: Callable[[], ReadingStore],
) -> None:
    asked(Bench(store=store()), document())
    same = Bench(store=store())
    asked(same, document(reference="DiagnosticReport/2", digest="d2"))
    assert same.reader.given == []
    newer = Bench(store=store(), releases=("newer",), reader=Reader(digest="newer"))
    asked(newer, document())
    assert len(newer.reader.given) == 1


def test_a_picture_and_a_reading_are_given_for_their_own_patient_only(
    store: Callable[[], ReadingStore],
) -> None:
    bench = Bench(store=store())
    state = asked(bench, study())
    assert isinstance(state, Done)
    own = state.kept.outcomes[0].id
    readings = bench.readings()
    assert readings.picture(PatientDigest("p2"), own) is None
    assert readings.of_patient(PatientDigest("p2")) == ()
    assert [each.reference for each in readings.of_patient(PATIENT)] == ["ImagingStudy/1"]


def test_what_is_no_longer_on_file_is_forgotten(store: Callable[[], ReadingStore]) -> None:
    bench = Bench(store=store())
    asked(bench, study())
    readings = bench.readings()
    readings.forget_others(PATIENT, {readings.key_of(study(), OWNER, PATIENT)})
    assert len(readings.of_patient(PATIENT)) == 1
    readings.forget_others(PATIENT, ())
    assert readings.of_patient(PATIENT) == ()


def test_what_may_go_better_the_next_time_is_not_kept_and_tried_again(
    store: Callable[[], ReadingStore],
) -> None:
    bench = Bench(store=store(), reader=Reader(NotRead("it takes too long", lasting=False)))
    bench.archive.gate.set()
    readings = bench.readings()

    async def scenario() -> None:
        assert str(await settled(readings, study())) == "not read: it takes too long"
        bench.reader.outcome = READ
        bench.clock.time += TRY_AGAIN_AFTER
        assert str(await settled(readings, study())) == "read"

    during(readings, scenario)


def test_a_store_on_disk_shows_neither_findings_nor_pictures(tmp_path: Path) -> None:
    store = SqliteReadings(tmp_path / "readings.sqlite", KEY, Clock())
    asked(
        Bench(store=store, reader=Reader(Read(READING, Picture(b"canary" * 50, 10, 5)))), study()
    )
    store.close()
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for canary in (b"fibrillation", b"canary", b"ImagingStudy", b"vizecgnet"):
        assert canary not in content


def test_a_store_under_another_key_recalls_nothing_and_breaks_nothing(tmp_path: Path) -> None:
    store = SqliteReadings(tmp_path / "readings.sqlite", KEY, Clock())
    asked(Bench(store=store), study())
    store.close()
    other = SqliteReadings(tmp_path / "readings.sqlite", b"x" * 32, Clock())
    assert other.of_patient(PATIENT) == ()


def test_a_store_that_fails_costs_no_reading(tmp_path: Path) -> None:
    store = SqliteReadings(tmp_path / "readings.sqlite", KEY, Clock())
    store.close()
    assert str(asked(Bench(store=store), study())) == "read"
