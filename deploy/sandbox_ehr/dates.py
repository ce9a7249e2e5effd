"""FHIR dates as intervals, and the search prefixes that compare them. Pure.

A date of less than full precision stands for the whole time it covers:
https://hl7.org/fhir/R4/search.html#date.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sandbox_ehr.errors import BadSearch

DATE_TIME = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?)?)?"
)
PREFIXES = ("eq", "ne", "gt", "ge", "lt", "le", "sa", "eb")
BEGINNING = datetime.min.replace(tzinfo=UTC)
END = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Interval:
    """The half-open time from ``low`` to ``high``, aware, in UTC."""

    low: datetime
    high: datetime


def interval_of(text: str) -> Interval | None:
    """Return the time that a FHIR date, dateTime or instant covers; None where it is none.

    A time without zone is taken as UTC, the zone of this server.
    """
    found = DATE_TIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        start = datetime.fromisoformat(
            f"{year}-{month or '01'}-{day or '01'}T{hour or '00'}:{minute or '00'}"
            f":{second or '00'}{(fraction or '')[:7]}{zone or '+00:00'}"
        ).astimezone(UTC)
        return Interval(start, start + _span(start, month, day, hour, second, fraction))
    except (ValueError, OverflowError):
        return None


def _span(start: datetime, *parts: str | None) -> timedelta:
    """Return how long the last given part of a date lasts."""
    month, day, hour, second, fraction = parts
    if fraction is not None:
        return timedelta(milliseconds=1)
    if second is not None:
        return timedelta(seconds=1)
    if hour is not None:
        return timedelta(minutes=1)
    if day is not None:
        return timedelta(days=1)
    if month is not None:
        return timedelta(days=calendar.monthrange(start.year, start.month)[1])
    return timedelta(days=366 if calendar.isleap(start.year) else 365)


def interval_at(element: object) -> Interval | None:
    """Return the time of an element: a date, dateTime, instant or Period."""
    if isinstance(element, str):
        return interval_of(element)
    if isinstance(element, dict):
        start = interval_of(str(element.get("start", "")))
        end = interval_of(str(element.get("end", "")))
        if start or end:
            return Interval(start.low if start else BEGINNING, end.high if end else END)
    return None


def date_matches(wanted: str, element: object) -> bool:
    """Tell whether an element's time answers a search value such as ``ge2026-01-01``.

    The comparisons are those of https://hl7.org/fhir/R4/search.html#prefix.

    Raises
    ------
    BadSearch
        The value is no date, or its prefix is ``ap``, which this server does not answer.
    """
    prefix, text = (wanted[:2], wanted[2:]) if wanted[:2].isalpha() else ("eq", wanted)
    asked = interval_of(text)
    if asked is None:
        raise BadSearch(
            f"'{wanted[:40]}' is no FHIR date; in a URL, write the + of a time zone as %2B."
        )
    if prefix not in PREFIXES:
        raise BadSearch(f"The date prefix '{prefix}' is not answered; use {', '.join(PREFIXES)}.")
    held = interval_at(element)
    if held is None:
        return False
    within = asked.low <= held.low and held.high <= asked.high
    return {
        "eq": within,
        "ne": not within,
        "gt": held.high > asked.high,
        "ge": held.high > asked.high or within,
        "lt": held.low < asked.low,
        "le": held.low < asked.low or within,
        "sa": held.low >= asked.high,
        "eb": held.high <= asked.low,
    }[prefix]
