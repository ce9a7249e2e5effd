"""The card of ``imaging-findings``: what was read on ECGs and radiographs, and what was not.

Pure. Every finding stands with its probability, with what its threshold buys, with the age of the
recording and with the release; what was not read is listed with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from cds_hooks.cards.basis import gaps
from cds_hooks.cards.frame import Frame
from cds_hooks.cards.wording import age, escaped, listed, paragraphs, percent, summary, table
from cds_hooks.wire.response import Card, Indicator
from inference.core.image_reading import ONE_IN_TEN

if TYPE_CHECKING:
    from inference.core.image_reading import Finding, ImageReading, Region

MOST_LISTED: Final = 10
MOST_READ: Final = 4
"""Readings that are told in full, the newest first."""
MOST_FINDINGS: Final = 6
ALARMING: Final = frozenset({"STEMI", "VT", "3dAVb"})
"""Findings that are worth a warning where they are rather there than not; ours, not validated."""


@dataclass(frozen=True, slots=True)
class ImageLine:
    """One study or ECG as the card lists it."""

    title: str
    taken_at: datetime | None
    files: int | None
    """Images or pages; None where the chart does not say."""
    state: str
    """In words: ``read``, ``not yet read``, or why not."""
    readings: tuple[ImageReading, ...] = ()


def imaging_card(
    frame: Frame,
    images: Sequence[ImageLine],
    changed: Sequence[str],
    not_used: Sequence[str],
    missing: Sequence[str] = (),
) -> Card:
    """Return the card, the newest image first; ``changed`` says what the twin was told."""
    read = [(line, reading) for line in images for reading in line.readings]
    detail = paragraphs(
        *(_told(line, reading, frame.now) for line, reading in read[:MOST_READ]),
        f"**In the twin**: {' '.join(changed)}" if changed else None,
        _listed(images, frame.now),
        gaps(not_used, missing),
        "Read by nets, not by a person, and not validated on patients; look at them yourself.",
    )
    return frame.card(
        "studies",
        summary(*_headline(images, read, frame.now)),
        _indicator([reading for _, reading in read]),
        detail,
    )


def _indicator(readings: Sequence[ImageReading]) -> Indicator:
    alarming = any(
        each.likely and each.code in ALARMING for reading in readings for each in reading.findings
    )
    return Indicator.WARNING if alarming else Indicator.INFO


def _headline(
    images: Sequence[ImageLine], read: Sequence[tuple[ImageLine, ImageReading]], now: datetime
) -> tuple[str, ...]:
    sentences = []
    kinds: set[str] = set()
    for line, reading in read:
        if reading.kind not in kinds:
            kinds.add(reading.kind)
            sentences.append(f"{_titled(line, now)}: {_in_short(reading)}.")
    waiting = sum(line.state == "not yet read" for line in images)
    if not read:
        newest = images[0]
        count = "1 study or ECG" if len(images) == 1 else f"{len(images)} studies or ECGs"
        state = "not yet read" if waiting else "not read"
        return (f"{count} on file, newest {_titled(newest, now)}, {state}.",)
    if waiting:
        sentences.append(f"{waiting} not yet read.")
    return tuple(sentences)


def _titled(line: ImageLine, now: datetime) -> str:
    when = age(line.taken_at, now) if line.taken_at is not None else "of unknown time"
    return f"{line.title} {when}"


def _in_short(reading: ImageReading) -> str:
    if reading.ratio is not None:
        return f"cardiothoracic ratio {reading.ratio.value:.2f}"
    called = [each for each in reading.possible if each.likely] or list(reading.possible)
    if not called:
        return "nothing likely or possible"
    words = [f"{_word(each)} {each.name} {percent(each.probability)}" for each in called[:2]]
    return ", ".join(words)


def _word(finding: Finding) -> str:
    return "likely" if finding.likely else "possible"


def _told(line: ImageLine, reading: ImageReading, now: datetime) -> str:
    when = age(line.taken_at, now) if line.taken_at is not None else "time not recorded"
    return paragraphs(
        f"**{escaped(line.title)}**, {when} ({escaped(reading.form)}):",
        _findings(reading),
        _measures(reading),
        _not_called(reading),
        f"**Doubt**: {listed(reading.doubts, 4)}." if reading.doubts else None,
        f"Read by {escaped(reading.release, 80)}.",
    )


def _findings(reading: ImageReading) -> str | None:
    if not reading.findings:
        return None
    called = reading.possible[:MOST_FINDINGS]
    rarely = f"Not excluded, each below {percent(ONE_IN_TEN)}: {listed(reading.not_excluded)}."
    if not called:
        nothing = "Nothing that this release looks for is likely or possible."
        return paragraphs(nothing, rarely if reading.not_excluded else None)
    rows = [
        (
            f"{each.name}, {_word(each)}",
            percent(each.probability),
            "" if each.threshold is None else percent(each.threshold.sensitivity),
            "" if each.threshold is None else percent(each.threshold.specificity),
        )
        for each in called
    ]
    header = ("Called", "Probability", "Sensitivity", "Specificity")
    more = len(reading.possible) - len(called)
    return paragraphs(
        table(header, rows),
        f"And {more} less likely." if more else None,
        rarely if reading.not_excluded else None,
    )


def _measures(reading: ImageReading) -> str | None:
    lines = []
    if reading.ratio is not None:
        error = reading.ratio.error
        how = "" if error is None else f", mean error {error:.2f} on the pictures that judged it"
        lines.append(
            f"Cardiothoracic ratio **{reading.ratio.value:.2f}** (width of the "
            f"{reading.ratio.of}{how})."
        )
    if reading.regions:
        boxes = [f"{each.name} {_place(each)}" for each in reading.regions]
        lines.append(
            f"Boxes, in per cent of the picture from the left and the top: {listed(boxes, 6)}."
        )
    if reading.rate_per_min is not None:
        lines.append(f"Ventricular rate {reading.rate_per_min:.0f} /min.")
    return paragraphs(*lines) or None


def _place(region: Region) -> str:
    left, top, right, bottom = (
        round(100 * each) for each in (region.left, region.top, region.right, region.bottom)
    )
    return f"{left}-{right} by {top}-{bottom} ({percent(region.score)})"


def _not_called(reading: ImageReading) -> str | None:
    never = reading.never_called
    return f"This release is not good enough to call: {listed(never, 8)}." if never else None


def _listed(images: Sequence[ImageLine], now: datetime) -> str:
    rows = [
        (
            escaped(line.title),
            age(line.taken_at, now) if line.taken_at is not None else "time not recorded",
            str(line.files) if line.files is not None else "not recorded",
            escaped(line.state, 160),
        )
        for line in images[:MOST_LISTED]
    ]
    more = len(images) - len(rows)
    return paragraphs(
        table(("On file", "Taken", "Images", "State"), rows),
        f"And {more} older." if more else None,
    )
