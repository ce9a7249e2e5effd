"""What was read of images is kept: for its own patient, by release, illegible on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cds_hooks.images.kept import PatientDigest
from cds_hooks.images.memory_readings import MemoryReadings
from cds_hooks.images.sqlite_readings import SqliteReadings
from cds_hooks.ports import ReadingStore
from cds_hooks.services.image_readings import (
    TRY_AGAIN_AFTER,
    Done,
)
from inference.core.image_reading import (
    NotRead,
    Picture,
    Read,
)
from tests.cds_hooks.services.image_bench import (
    GRANT,
    KEY,
    OWNER,
    PATIENT,
    READ,
    READING,
    Bench,
    Clock,
    Reader,
    asked,
    document,
    during,
    settled,
    study,
)


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
