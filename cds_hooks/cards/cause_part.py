"""Why the patient is in trouble: the part of a card that names the likeliest cause.

Pure. Nothing is said of a patient who is in no trouble.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from cds_hooks.cards.wording import age, listed, paragraphs, percent

if TYPE_CHECKING:
    from twin.core.causes import Candidate, Causes

ALTERNATIVES: Final = 3
WORTH_SAYING: Final = 0.03
"""A cause less probable than this is not named; ours, not validated."""


def cause_lines(causes: Causes, now: datetime) -> str | None:
    """Return the paragraph, or None for a patient who is in no trouble."""
    if not causes.troubles:
        return None
    first, *others = causes.candidates
    others = [each for each in others if each.probability >= WORTH_SAYING][:ALTERNATIVES]
    named = [f"{each.cause.value} {percent(each.probability)}" for each in others]
    return paragraphs(
        f"**In trouble** ({age(causes.taken_at, now)}): {'; '.join(causes.troubles)}.",
        f"**Likeliest cause, simulated**: {_with_doubt(first)}."
        + (f" Then {listed(named)}." if named else ""),
        _course(causes),
        f"**Would tell them apart best**: {causes.telling[0].name}." if causes.telling else None,
        " ".join(causes.sentences),
    )


def _course(causes: Causes) -> str | None:
    """Return what the hours before say, or None where nothing earlier was charted."""
    course = causes.course
    if course.sets < 2:
        return None
    began = ""
    if course.onset_h is not None:
        began = f"; under it, the trouble began about {_hours(course.onset_h)} before the newest"
    return (
        f"**Course**: weighed from {course.sets} sets of vital signs over {_hours(course.hours)}"
        f"{began}."
    )


def _hours(hours: float) -> str:
    return f"{60.0 * hours:.0f} min" if hours < 1.0 else f"{hours:.0f} h"


def _with_doubt(candidate: Candidate) -> str:
    """Return a cause with its probability, and how much of that is how common it is."""
    return (
        f"**{candidate.cause.value}**, {percent(candidate.probability)} (were all causes equally "
        f"common: {percent(candidate.probability_at_equal_rates)})"
    )
