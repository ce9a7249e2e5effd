"""The one sentence at the top of the clinician's page: where the patient stands, and how surely.

Pure. Measured and simulated are told apart in the words themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

import msgspec

from cds_hooks.cards.wording import age, number, percent
from cds_hooks.fhir.kinds import Kind

if TYPE_CHECKING:
    from cds_hooks.fhir.reading import Reading
    from inference.core.reading import TrajectoryReading
    from twin.core.causes import Causes

Level: TypeAlias = Literal["low", "medium", "high", "unknown"]


class Comparison(NamedTuple):
    """With what the newest value is compared: the one charted nearest to so long before."""

    before: timedelta
    around: timedelta
    """No value farther from that time is taken."""
    moved_mmhg: float
    """A change of less is called steady."""


COMPARISONS: Final = (
    Comparison(timedelta(hours=1), timedelta(minutes=40), 5.0),
    Comparison(timedelta(hours=6), timedelta(hours=2), 10.0),
)
"""The first that shows a change is told: a pressure that sinks by four an hour is not steady. The
first limit is that of ``twin.core.comparison``; the others are ours."""
OLD: Final = timedelta(hours=2)
"""A newest pressure older than this says where the patient stood, not where he stands; ours."""

PRESSURES: Final = (Kind.MEAN_PRESSURE, Kind.SYSTOLIC_PRESSURE)
_WORDS: Final = {Kind.MEAN_PRESSURE: "MAP", Kind.SYSTOLIC_PRESSURE: "Systolic pressure"}


class State(msgspec.Struct, frozen=True, rename="camel"):
    """What is said first."""

    level: Level
    because: str
    """The level in words, and which of the two estimates put it there."""
    headline: str
    beside: list[str]
    """Further sentences: the value an hour before, the simulated outlook."""


def state_of(
    readings: Sequence[Reading],
    now: datetime,
    risk: TrajectoryReading | None,
    causes: Causes | None,
    hypotension_1h: float | None,
) -> State:
    """Return the sentence.

    Parameters
    ----------
    readings
        Of the chart, oldest first.
    hypotension_1h
        Simulated probability of a mean pressure below 65 mmHg within an hour; None without a twin.
    """
    stands, earlier = _pressure(readings, now)
    headline = stands
    if causes is not None and causes.troubles:
        first = causes.likeliest
        headline += (
            f"; likeliest cause, simulated: {first.cause.value} ({percent(first.probability)})"
        )
    beside = [earlier] if earlier else []
    if hypotension_1h is not None:
        beside.append(
            "With nothing new done, simulated: MAP below 65 mmHg within 1 h with a probability "
            f"of {percent(hypotension_1h)}."
        )
    level, because = _level(risk)
    return State(level, because, _unbroken(f"{headline}."), [_unbroken(each) for each in beside])


def _unbroken(sentence: str) -> str:
    """Return a sentence whose numbers stay on one line with their units."""
    return _UNIT_AFTER.sub("\N{NO-BREAK SPACE}", sentence)


_UNIT_AFTER: Final = re.compile(r"(?<=\d) (?=%|mmHg|min\b|h\b)")


def _level(risk: TrajectoryReading | None) -> tuple[Level, str]:
    """Return the higher of the net's level and that of NEWS2, and whose it is."""
    if risk is None:
        return "unknown", "Risk not estimated"
    order: tuple[Level, ...] = ("low", "medium", "high")
    news2: Level = "medium" if risk.news2.level == "low-medium" else risk.news2.level
    level = max(risk.level, news2, key=order.index)
    if level == "low":
        return level, f"Low: NEWS2 {risk.news2.score} points, and so the estimated risk"
    if risk.level == news2:
        return level, f"{level.capitalize()}: NEWS2 {risk.news2.score} points and estimated risk"
    if news2 == level:
        return level, f"{level.capitalize()}: NEWS2 {risk.news2.score} points"
    return level, f"{level.capitalize()}: estimated risk {percent(risk.risk.value)}"


def _pressure(readings: Sequence[Reading], now: datetime) -> tuple[str, str | None]:
    """Return where the pressure stands and whither it went, and what it was before."""
    for kind in PRESSURES:
        charted = [each for each in readings if each.kind is kind]
        if charted:
            return _course(_WORDS[kind], charted, now)
    return "No arterial pressure is charted", None


def _course(word: str, charted: Sequence[Reading], now: datetime) -> tuple[str, str | None]:
    newest = charted[-1]
    stands = f"{word} {number(newest.value)} mmHg"
    when = age(newest.taken_at, now)
    if now - newest.taken_at > OLD:
        return f"{stands}, but that is {when}", None
    told = [
        (newest.value - before.value, comparison.moved_mmhg, before)
        for comparison in COMPARISONS
        if (before := _charted_before(newest, charted[:-1], comparison)) is not None
    ]
    if not told:
        return f"{stands} ({when})", None
    moved, _, before = next(
        (each for each in told if abs(each[0]) >= each[1]), (0.0, 0.0, told[0][2])
    )
    way = "falling" if moved < 0.0 else "rising" if moved > 0.0 else "steady"
    return (
        f"{stands} ({when}), {way}",
        f"{word} was {number(before.value)} mmHg {_apart(newest, before)} before.",
    )


def _charted_before(
    newest: Reading, charted: Sequence[Reading], comparison: Comparison
) -> Reading | None:
    wanted = newest.taken_at - comparison.before
    found = min(charted, key=lambda each: abs(each.taken_at - wanted), default=None)
    return found if found and abs(found.taken_at - wanted) <= comparison.around else None


def _apart(newest: Reading, before: Reading) -> str:
    minutes = (newest.taken_at - before.taken_at).total_seconds() / 60.0
    return f"{number(minutes)} min" if minutes < 120.0 else f"{number(minutes / 60.0)} h"
