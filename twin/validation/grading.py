"""How a simulated value is judged against a published one.

May live here: grades and their counts. The thresholds are those by which Pulse and BioGears judge
themselves: green within 10 % (or the right direction), yellow within 30 %, red beyond (or the
wrong direction).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from twin.validation.targets import Row

GOOD: Final = 0.10
FAIR: Final = 0.30
NOTICEABLE_PERCENT: Final = 1.0
"""A direction counts from here on; below it a value has not changed."""


class Grade(StrEnum):
    """A row's verdict."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"
    NOT_MODELLED = "not modelled"


@dataclass(frozen=True, slots=True)
class Graded:
    """A row with what the model gives for it; ``None`` where it cannot be simulated yet."""

    row: Row
    value: float | None
    error: float | None
    """Distance from the band over the band's nearest edge; ``None`` for a direction."""
    grade: Grade


def grade(row: Row, value: float | None) -> Graded:
    """Judge a value: within 10 % of the band is good, within 30 % fair.

    A change is judged as a share of the expected change, which is stricter than judging the level.
    """
    if value is None:
        return Graded(row, None, None, Grade.NOT_MODELLED)
    if not math.isfinite(value):
        return Graded(row, None, None, Grade.POOR)
    if row.reading in ("rises", "falls"):
        return Graded(row, value, None, _by_direction(row, value))
    error = _distance(row, value)
    if error <= GOOD:
        return Graded(row, value, error, Grade.GOOD)
    return Graded(row, value, error, Grade.FAIR if error <= FAIR else Grade.POOR)


def _by_direction(row: Row, percent_of_before: float) -> Grade:
    moved = percent_of_before - 100.0
    towards = moved if row.reading == "rises" else -moved
    if towards >= NOTICEABLE_PERCENT:
        return Grade.GOOD
    return Grade.FAIR if towards > -NOTICEABLE_PERCENT else Grade.POOR


def _distance(row: Row, value: float) -> float:
    low, high = row.band
    if low <= value <= high:
        return 0.0
    edge = low if value < low else high
    return abs(value - edge) / max(abs(edge), 1e-9)


def counts(graded: Iterable[Graded]) -> Mapping[str, int | float]:
    """Return rows, good, fair, poor and the good fraction, of those that were simulated."""
    grades = [item.grade for item in graded if item.grade is not Grade.NOT_MODELLED]
    good, fair = grades.count(Grade.GOOD), grades.count(Grade.FAIR)
    return {
        "rows": len(grades),
        "good": good,
        "fair": fair,
        "poor": grades.count(Grade.POOR),
        "good_fraction": round(good / len(grades), 4) if grades else 0.0,
    }
