"""Images are read in the background: a hook never waits, and one source's failure is its own."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from cds_hooks.errors import EhrUnreachable, HostNotAllowed
from cds_hooks.images.kept import PatientDigest
from cds_hooks.ports import Grant
from cds_hooks.services.image_readings import (
    MOST_OF_A_STUDY,
    MOST_WAITING,
    TRY_AGAIN_AFTER,
    Done,
    Failed,
    Refused,
    Waiting,
)
from inference.core.image_reading import (
    FileToRead,
    ImageKind,
)
from inference.core.owner import Owner, identifier_digest
from inference.core.study import StudyReference
from inference.errors import StudyNotFound
from tests.cds_hooks.services.image_bench import (
    GRANT,
    OWNER,
    PATIENT,
    READING,
    Archive,
    Bench,
    Ehr,
    asked,
    document,
    during,
    settled,
    study,
)


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
