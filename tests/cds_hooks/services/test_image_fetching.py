"""Images come in the background: a hook never waits, and one study's failure is its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from cds_hooks.errors import EhrUnreachable, HostNotAllowed
from cds_hooks.fhir.imaging import ImagingStudyOnFile
from cds_hooks.ports import FhirQuery, Grant
from cds_hooks.services.image_fetching import (
    MOST_WAITING,
    TRY_AGAIN_AFTER,
    Failed,
    Fetched,
    FetchState,
    ImageFetching,
    Refused,
    Waiting,
)
from inference.core.owner import Owner, identifier_digest
from inference.core.study import EncodedInstance, StudyReference
from inference.errors import StudyNotFound

GRANT = Grant("https://ehr.example/fhir", "t", frozenset({"user/*.read"}), None, None)
ENDPOINT = (
    b'{"resourceType":"Endpoint","id":"e1","status":"active",'
    b'"connectionType":{"code":"dicom-wado-rs"},"address":"https://pacs.example/dicom-web"}'
)


def study(uid: str = "1.2.3", *endpoints: str) -> ImagingStudyOnFile:
    return ImagingStudyOnFile("ImagingStudy/1", uid, ("DX",), None, 1, 1, endpoints)


OWNER = Owner(frozenset({identifier_digest("SANDBOX-0001")}), "19600504", "female")


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


class Ehr:
    """A FHIR server with one Endpoint, or a failure."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.asked: list[str] = []
        self._failure = failure

    async def search(self, query: FhirQuery, grant: Grant) -> tuple[msgspec.Raw, ...]:
        self.asked.append(query.path)
        if self._failure is not None:
            raise self._failure
        return (msgspec.Raw(ENDPOINT),)


class Archive:
    """An archive that waits for a gate and then gives one image, or fails as it is told."""

    def __init__(self, *failures: Exception | None) -> None:
        self.asked: list[StudyReference] = []
        self.owner = OWNER
        self.gate = asyncio.Event()
        self._failures = list(failures)

    async def fetch_instances(self, study: StudyReference) -> tuple[EncodedInstance, ...]:
        self.asked.append(study)
        await self.gate.wait()
        failure = self._failures.pop(0) if self._failures else None
        if failure is not None:
            raise failure
        uid = study.study_instance_uid
        return (EncodedInstance(uid, "1", "2", "3", "4", 1, 1, b"", self.owner),)


async def settled(fetching: ImageFetching, *studies: ImagingStudyOnFile) -> list[FetchState]:
    states = [fetching.request(each, GRANT, OWNER) for each in studies]
    while any(isinstance(each, Waiting) for each in states):
        await asyncio.sleep(0)
        states = [fetching.request(each, GRANT, OWNER) for each in studies]
    return states


def during(fetching: ImageFetching, scenario: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        background = asyncio.create_task(fetching.run())
        try:
            await scenario()
        finally:
            background.cancel()
            with suppress(asyncio.CancelledError):
                await background

    asyncio.run(run())


def test_a_request_returns_at_once_and_the_images_follow() -> None:
    archive, ehr = Archive(), Ehr()
    fetching = ImageFetching(archive, ehr, Clock())

    async def scenario() -> None:
        first = fetching.request(study("1.2.3", "Endpoint/e1"), GRANT, OWNER)
        assert str(first) == "images are being fetched, not yet read"
        archive.gate.set()
        (state,) = await settled(fetching, study("1.2.3", "Endpoint/e1"))
        assert isinstance(state, Fetched)
        assert str(state) == "1 image fetched, not yet read"

    during(fetching, scenario)
    assert ehr.asked == ["Endpoint/e1"]
    assert archive.asked == [StudyReference("1.2.3", "https://pacs.example/dicom-web")]


def test_a_study_is_asked_for_once_however_often_charts_are_opened() -> None:
    archive = Archive()
    fetching = ImageFetching(archive, Ehr(), Clock(), "https://pacs.example")

    async def scenario() -> None:
        for _ in range(10):
            fetching.request(study(), GRANT, OWNER)
        archive.gate.set()
        await settled(fetching, study())

    during(fetching, scenario)
    assert len(archive.asked) == 1


def test_where_the_ehr_names_no_archive_the_configured_one_is_asked() -> None:
    archive = Archive()
    archive.gate.set()
    fetching = ImageFetching(archive, Ehr(), Clock(), "https://own.example")

    async def scenario() -> None:
        await settled(fetching, study())

    during(fetching, scenario)
    assert archive.asked[0].address == "https://own.example"


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (StudyNotFound(), "the archive holds no image of this study"),
        (HostNotAllowed("x"), "not on this installation's allow-list"),
        (RuntimeError("a name"), "a fault of this service, which is logged"),
    ],
)
def test_a_failure_is_said_and_costs_no_other_study(failure: Exception, words: str) -> None:
    archive = Archive(failure)
    archive.gate.set()
    fetching = ImageFetching(archive, Ehr(), Clock(), "https://pacs.example")

    async def scenario() -> None:
        (state,) = await settled(fetching, study("1.1"))
        assert isinstance(state, Failed)
        assert words in str(state)
        assert "a name" not in str(state)
        (other,) = await settled(fetching, study("1.2"))
        assert isinstance(other, Fetched)

    during(fetching, scenario)


def test_a_fhir_server_that_does_not_answer_is_said() -> None:
    fetching = ImageFetching(Archive(), Ehr(EhrUnreachable("It did not answer.")), Clock())

    async def scenario() -> None:
        (state,) = await settled(fetching, study("1.1", "Endpoint/e1"))
        assert str(state) == "images not fetched: it did not answer"

    during(fetching, scenario)


@pytest.mark.requirement("CH-056")
def test_without_a_scope_for_it_no_endpoint_is_read() -> None:
    ehr = Ehr()
    fetching = ImageFetching(Archive(), ehr, Clock())
    narrow = Grant("https://ehr.example", "t", frozenset({"patient/Observation.read"}), "p1", None)

    async def scenario() -> None:
        state: FetchState = Waiting()
        while isinstance(state, Waiting):
            state = fetching.request(study("1.1", "Endpoint/e1"), narrow, OWNER)
            await asyncio.sleep(0)
        assert "names no archive" in str(state)

    during(fetching, scenario)
    assert ehr.asked == []


def test_without_any_grant_only_the_configured_archive_is_asked() -> None:
    archive, ehr = Archive(), Ehr()
    archive.gate.set()
    fetching = ImageFetching(archive, ehr, Clock(), "https://pacs.example")

    async def scenario() -> None:
        state: FetchState = Waiting()
        while isinstance(state, Waiting):
            state = fetching.request(study("1.1", "Endpoint/e1"), None, OWNER)
            await asyncio.sleep(0)

    during(fetching, scenario)
    assert ehr.asked == []
    assert len(archive.asked) == 1


def test_a_failed_study_is_tried_again_after_a_while() -> None:
    archive, clock = Archive(StudyNotFound()), Clock()
    archive.gate.set()
    fetching = ImageFetching(archive, Ehr(), clock, "https://pacs.example")

    async def scenario() -> None:
        await settled(fetching, study())
        clock.time += TRY_AGAIN_AFTER - timedelta(seconds=1)
        assert isinstance(fetching.request(study(), GRANT, OWNER), Failed)
        clock.time += timedelta(seconds=1)
        (state,) = await settled(fetching, study())
        assert isinstance(state, Fetched)

    during(fetching, scenario)
    assert len(archive.asked) == 2


def test_a_full_queue_is_said_and_does_not_block() -> None:
    fetching = ImageFetching(Archive(), Ehr(), Clock(), "https://pacs.example")
    states = [
        fetching.request(study(f"1.{number}"), GRANT, OWNER) for number in range(MOST_WAITING + 1)
    ]
    assert all(isinstance(each, Waiting) for each in states[:-1])
    assert str(states[-1]) == "images not fetched: too many studies are waiting"


def test_a_study_of_another_patient_is_refused_with_nothing_of_the_patient() -> None:
    archive = Archive()
    archive.owner = Owner(frozenset({identifier_digest("SECRET-7")}), "19711231", "male")
    archive.gate.set()
    fetching = ImageFetching(archive, Ehr(), Clock(), "https://pacs.example")

    async def scenario() -> None:
        (state,) = await settled(fetching, study())
        assert isinstance(state, Refused)
        assert str(state).startswith("images not used: they are of another patient than the chart")
        assert "1971" not in str(state)
        assert "secret" not in repr(state).lower()

    during(fetching, scenario)


def test_a_study_that_two_charts_name_is_judged_for_each() -> None:
    archive = Archive()
    archive.gate.set()
    fetching = ImageFetching(archive, Ehr(), Clock(), "https://pacs.example")

    async def scenario() -> None:
        (mine,) = await settled(fetching, study())
        assert isinstance(mine, Fetched)
        other = Owner(frozenset({identifier_digest("SANDBOX-0002")}))
        while isinstance(theirs := fetching.request(study(), GRANT, other), Waiting):
            await asyncio.sleep(0)
        assert isinstance(theirs, Refused)

    during(fetching, scenario)
