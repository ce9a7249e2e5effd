"""One suite for every adapter of ``FeedbackStore``: what was sent, and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from cds_hooks.audit.memory_feedback import MemoryFeedback
from cds_hooks.audit.sqlite_feedback import FEEDBACK_WINDOW, SqliteFeedback
from cds_hooks.errors import FeedbackNotStored
from cds_hooks.ports import FeedbackStore, IssuedCard, Verdict

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
CARD, SUGGESTION = uuid4(), uuid4()
ISSUED = IssuedCard(CARD, (SUGGESTION,), "probe", "https://ehr.example", NOW)
ACCEPTED = Verdict(CARD, "accepted", NOW, (SUGGESTION,))
OVERRIDDEN = Verdict(CARD, "overridden", NOW, (), "known", "https://twin.example/reasons", "Seen")


class StoppedClock:
    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


Make = Callable[[Path], FeedbackStore]


def in_memory(folder: Path) -> FeedbackStore:
    return MemoryFeedback()


def in_a_file(folder: Path) -> FeedbackStore:
    return SqliteFeedback(folder / "feedback.sqlite", StoppedClock())


ADAPTERS = pytest.mark.parametrize("make", [in_memory, in_a_file])


def record(
    store: FeedbackStore,
    *verdicts: Verdict,
    service_id: str = "probe",
    issuer: str = "https://ehr.example",
) -> frozenset[Verdict]:
    return asyncio.run(store.record(service_id, issuer, verdicts))


def with_card(make: Make, folder: Path) -> FeedbackStore:
    store = make(folder)
    asyncio.run(store.remember([ISSUED]))
    return store


@ADAPTERS
def test_a_verdict_on_a_card_that_was_sent_is_kept(make: Make, tmp_path: Path) -> None:
    assert record(with_card(make, tmp_path), ACCEPTED, OVERRIDDEN) == frozenset()


@pytest.mark.requirement("CH-150")
@ADAPTERS
def test_a_verdict_on_what_was_not_sent_is_told_back_and_the_rest_kept(
    make: Make, tmp_path: Path
) -> None:
    store = with_card(make, tmp_path)
    never_sent = Verdict(uuid4(), "overridden", NOW)
    other_suggestion = Verdict(CARD, "accepted", NOW, (uuid4(),))
    assert record(store, ACCEPTED, never_sent, other_suggestion) == {never_sent, other_suggestion}


@ADAPTERS
def test_a_card_of_another_service_or_to_another_ehr_is_unknown(
    make: Make, tmp_path: Path
) -> None:
    store = with_card(make, tmp_path)
    assert record(store, ACCEPTED, service_id="other") == {ACCEPTED}
    assert record(store, ACCEPTED, issuer="https://other.example") == {ACCEPTED}


@ADAPTERS
def test_remembering_the_same_card_twice_changes_nothing(make: Make, tmp_path: Path) -> None:
    store = with_card(make, tmp_path)
    asyncio.run(store.remember([ISSUED]))
    asyncio.run(store.remember([]))
    assert record(store, ACCEPTED) == frozenset()


def rows(path: Path) -> list[tuple[UUID, str]]:
    store = SqliteFeedback(path, StoppedClock())
    found = store._database.execute("select card, outcome from verdict").fetchall()
    store.close()
    return [(UUID(bytes=card), outcome) for card, outcome in found]


@pytest.mark.requirement("CH-149")
def test_a_repeated_verdict_is_one_row_and_two_verdicts_are_two(tmp_path: Path) -> None:
    store = with_card(in_a_file, tmp_path)
    assert isinstance(store, SqliteFeedback)
    record(store, ACCEPTED, ACCEPTED, OVERRIDDEN)
    record(store, ACCEPTED)
    store.close()
    assert sorted(rows(tmp_path / "feedback.sqlite")) == [
        (CARD, "accepted"),
        (CARD, "overridden"),
    ]


@pytest.mark.requirement("CH-152")
def test_a_card_without_a_verdict_has_no_row_that_could_be_counted(tmp_path: Path) -> None:
    store = with_card(in_a_file, tmp_path)
    assert isinstance(store, SqliteFeedback)
    store.close()
    assert rows(tmp_path / "feedback.sqlite") == []


def test_cards_without_feedback_are_forgotten_after_the_window(tmp_path: Path) -> None:
    store = with_card(in_a_file, tmp_path)
    assert isinstance(store, SqliteFeedback)
    store.close()
    later = StoppedClock(NOW + FEEDBACK_WINDOW + timedelta(days=1))
    second = SqliteFeedback(tmp_path / "feedback.sqlite", later)
    assert record(second, ACCEPTED) == {ACCEPTED}
    second.close()


def test_a_disk_that_is_full_is_a_named_error_and_nothing_is_kept(tmp_path: Path) -> None:
    store = with_card(in_a_file, tmp_path)
    assert isinstance(store, SqliteFeedback)
    store._database.execute("pragma max_page_count = 1")
    many = [Verdict(CARD, "overridden", NOW, comment="x" * 4_000) for _ in range(1)]
    many += [Verdict(CARD, "overridden", NOW + timedelta(seconds=n)) for n in range(2_000)]
    with pytest.raises(FeedbackNotStored):
        record(store, *many)
    store.close()
    assert rows(tmp_path / "feedback.sqlite") == []
