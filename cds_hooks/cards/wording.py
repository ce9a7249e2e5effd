"""The words every card shares: numbers with units, intervals, ages, tables, escaped text.

Pure. What belongs to one kind of card lives in that card's file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from cds_hooks.wire.response import SUMMARY_LIMIT

RESEARCH_SENTENCE = "Research use only - not a medical device. It supports your judgement only."
"""On every card and every written resource; no configuration removes it.

FDA guidance *Clinical Decision Support Software* (January 2026) counts software that analyses a
signal or an image as a device; this one has no clearance and says so.
"""

_UNIT_WORDS = {
    "mm[Hg]": "mmHg",
    "cm[H2O]": "cmH2O",
    "Cel": "\N{DEGREE SIGN}C",
    "1": "",
    "[pH]": "",
    "[score]": "points",
    "{score}": "points",
    "10*9/L": "\N{MULTIPLICATION SIGN}10\N{SUPERSCRIPT NINE}/L",
    "ug/L": "\N{GREEK SMALL LETTER MU}g/L",
    "dyn.s/cm5": "dyn s cm\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT FIVE}",
}
"""UCUM codes that no clinician writes, as they are written."""

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~-]|:(?=//)|(?<=www)\.)", re.IGNORECASE)
"""Signs that have a meaning in Markdown; the last two would make a bare address a link in GFM."""

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")
"""Line ends, control characters, and what turns the direction of the text that follows."""


def plain(text: str, limit: int = 60) -> str:
    """Return EHR text for a plain-text member: one line, at most ``limit`` characters long.

    Summaries and labels are plain text, so they are not escaped; but a client that shows them as
    HTML all the same must not meet a live tag there.
    """
    return _TAG.sub("\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}", _on_one_line(text, limit))


def _on_one_line(text: str, limit: int) -> str:
    flat = _CONTROL.sub(" ", text).strip()
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def escaped(text: str, limit: int = 60) -> str:
    """Return EHR text that neither HTML nor GitHub Flavored Markdown gives a meaning (CH-091)."""
    flat = _on_one_line(text, limit)
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", flat)


def summary(*sentences: str) -> str:
    """Join sentences while the whole stays under the limit; the first is cut if it must be."""
    text = plain(sentences[0], SUMMARY_LIMIT - 1)
    for sentence in sentences[1:]:
        longer = f"{text} {plain(sentence, SUMMARY_LIMIT)}"
        if len(longer) >= SUMMARY_LIMIT:
            break
        text = longer
    return text


def number(value: float, decimals: int = 0, *, signed: bool = False) -> str:
    """Return a number as a clinician writes it; ``signed`` keeps the plus of a rise."""
    text = f"{value:{'+' if signed else ''}.{decimals}f}"
    zero = f"{0:.{decimals}f}"
    if text.lstrip("+-") == zero:
        return zero
    return text.replace("-", "\N{MINUS SIGN}")


def measured(value: float, ucum_unit: str) -> str:
    """Return a measured value with its unit as a clinician writes both: ``118 /min``, ``7.31``."""
    decimals = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    text = number(value, decimals)
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text} {unit_in_words(ucum_unit)}".rstrip()


def unit_in_words(ucum_unit: str) -> str:
    """Return a UCUM unit as a clinician writes it; empty for a number that needs none."""
    return _UNIT_WORDS.get(ucum_unit, ucum_unit)


def between(low: float, high: float, decimals: int = 0, *, signed: bool = False) -> str:
    """Return an interval in words, ``3.1 to 6.0``; the card says once that it is a 90 % one."""
    return f"{number(low, decimals, signed=signed)} to {number(high, decimals, signed=signed)}"


def percent(fraction: float) -> str:
    """Return a fraction of one as a whole percentage, never a false 0 or 100."""
    value = 100 * fraction
    if 0 < value < 1:
        return "under 1 %"
    if 99 < value < 100:
        return "over 99 %"
    return f"{value:.0f} %"


def age(taken_at: datetime, now: datetime) -> str:
    """Return how long ago something was taken: ``8 min``, ``3 h``, ``2 days``."""
    elapsed = max(now - taken_at, timedelta(0))
    minutes = elapsed.total_seconds() / 60
    if minutes < 1:
        return "just now"
    if minutes < 90:
        return f"{minutes:.0f} min ago"
    if minutes < 48 * 60:
        return f"{minutes / 60:.0f} h ago"
    return f"{minutes / 1440:.0f} days ago"


def span(seconds: float) -> str:
    """Return a horizon or duration: ``30 min``, ``6 h``."""
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a GitHub Flavored Markdown table; the cells are already escaped."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def listed(items: Sequence[str], limit: int = 8) -> str:
    """Return ``a, b and 3 more``."""
    if len(items) <= limit:
        return ", ".join(items)
    return f"{', '.join(items[:limit])} and {len(items) - limit} more"


def paragraphs(*parts: str | None) -> str:
    """Join the parts that have something to say with blank lines."""
    return "\n\n".join(part for part in parts if part)
