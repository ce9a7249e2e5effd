"""What a card rests on: the values that were seen, their age, what was set aside or not there.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cds_hooks.cards.wording import age, listed, paragraphs, table


@dataclass(frozen=True, slots=True)
class Seen:
    """The latest value of one quantity, in words, with when it was taken."""

    name: str
    value: str
    taken_at: datetime
    preliminary: bool = False


@dataclass(frozen=True, slots=True)
class Treated:
    """A treatment that the simulation knows of, in words, with when it began."""

    words: str
    begun_at: datetime
    running: bool


@dataclass(frozen=True, slots=True)
class Basis:
    """Everything a card says about the data behind its numbers."""

    seen: tuple[Seen, ...]
    readings: int
    """How many readings were used in all."""
    not_used: tuple[str, ...]
    """Sentences that name a resource and why it was set aside."""
    missing: tuple[str, ...]
    """Clinical names, or sentences of what could not be fetched."""
    treated: tuple[Treated, ...] = ()
    """Recorded treatment that the twin was fitted and simulated under, the newest first."""
    not_simulated: tuple[str, ...] = ()
    """Recorded treatment that the twin knows nothing of, with the reason in brackets."""
    images: tuple[str, ...] = ()
    """Sentences on what ECGs and radiographs changed in the twin."""


def basis_lines(basis: Basis, now: datetime) -> str:
    """Return the part of a card's detail that says what it rests on."""
    return paragraphs(
        f"**Based on {_counted(basis.readings)}**, the latest:" if basis.seen else None,
        _latest(basis.seen, now),
        treatment_lines(basis, now),
        image_lines(basis),
        gaps(basis.not_used, basis.missing),
    )


def image_lines(basis: Basis) -> str | None:
    """Return what was read on ECGs and radiographs and changed the twin."""
    if not basis.images:
        return None
    return f"**Read on ECGs and radiographs**: {' '.join(basis.images)}"


def treatment_lines(basis: Basis, now: datetime) -> str | None:
    """Return which recorded treatment was counted, since when, and which was not."""
    running = [
        f"{each.words} (begun {age(each.begun_at, now)})" for each in basis.treated if each.running
    ]
    before = [
        f"{each.words} ({age(each.begun_at, now)})" for each in basis.treated if not each.running
    ]
    lines = [
        f"**Taken as running**: {listed(running, 6)}." if running else None,
        f"**Given before, and counted**: {listed(before, 4)}." if before else None,
        f"**Recorded treatment that is not simulated**: {listed(basis.not_simulated, 4)}."
        if basis.not_simulated
        else None,
    ]
    return paragraphs(*lines) or None


def _counted(readings: int) -> str:
    return "1 reading" if readings == 1 else f"{readings} readings"


def gaps(not_used: Sequence[str], missing: Sequence[str]) -> str | None:
    """Return the lines that say which data were set aside and which were not there."""
    lines = [
        f"**Not used**: {listed(not_used, 4)}." if not_used else None,
        f"**Missing**: {listed(missing, 8)}." if missing else None,
    ]
    return paragraphs(*lines) or None


def _latest(seen: Sequence[Seen], now: datetime) -> str | None:
    if not seen:
        return None
    rows = [
        (
            each.name,
            f"{each.value} (preliminary)" if each.preliminary else each.value,
            age(each.taken_at, now),
        )
        for each in seen
    ]
    return table(("Seen", "Value", "Taken"), rows)
