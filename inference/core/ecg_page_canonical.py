"""The canonical page: strips of ink put where the nets read them.

Rule of the file: what was found on a page comes in, 320 x 672 pixels of ink go out. Three rows of
four leads, with a rhythm strip or without, keep their rows whole. Every other layout is cut anew:
each lead gives the 2.5 s that it would have shown there, the strip below lead II as far as it was
printed; what was not printed stays paper, but for pages at 50 mm/s, whose half of the time is
carried on (`ecg_page_fast`). Cut leads are the strokes of their own trace alone,
because rows that stand close reach into each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from inference.core.ecg_layout import (
    CANONICAL_HEIGHT,
    CANONICAL_PX_PER_MM,
    CANONICAL_WIDTH,
    THREE_BY_FOUR,
    THREE_BY_FOUR_RHYTHM,
    Layout,
    TracePlace,
    canonical_layout,
    geometry_of,
)
from inference.core.ecg_layout import CANONICAL_MARGINS as MARGINS
from inference.core.ecg_page_fast import back_columns, beat_columns, carried_on
from inference.core.ecg_page_rows import TRACES_RIGHT_PX, Rows, trace_ink
from inference.core.ecg_page_traces import REACH_PX, TRACES_PX, Traces, band_of, traces_of
from inference.core.ecg_paper import Ink

_USUAL_TRACE_INK: Final = 235.0
"""Of a page as it is printed; fainter traces are brought to it."""
_USUAL_MM_PER_S: Final = 25.0
_USUAL_MM_PER_MV: Final = 10.0
_ROWS: Final = len(THREE_BY_FOUR.rows)
_HALF_PX: Final = CANONICAL_HEIGHT // 8
_REACH_PX: Final = 2 * _HALF_PX
"""As far as a row of 20 mm/mV is looked at, to be halved."""
_LONGEST_LEAD_S: Final = 2.6
_THINNED: Final = 1.5
"""Upright strokes lose half of their ink where two columns become one, level ones none."""
_WORDS_PX: Final = 12
"""At the beginning of a lead its name stands in the way."""


def canonical_of(ink: Ink, rows: Rows) -> Ink:
    """Return the page with its rows as they are, evenly down it, the traces' end at x = 665."""
    count = len(rows.down_px)
    out = np.zeros((CANONICAL_HEIGHT, CANONICAL_WIDTH), dtype=np.uint8)
    ink = _darkened(ink)
    edges = np.rint(np.linspace(0, CANONICAL_HEIGHT, count + 1)).astype(int)
    reach = 0.62 * rows.pitch_px
    for at, top, bottom in zip(rows.down_px, edges[:-1], edges[1:], strict=True):
        half = min((bottom - top) / 2, reach)
        middle = (top + bottom) / 2
        start, stop = round(middle - half), round(middle + half)
        _copy(out, ink, start, stop, round(at) - round(middle), rows.right_px - TRACES_RIGHT_PX)
    return out


def arranged(ink: Ink, rows: Rows, traces: Traces, layout: Layout) -> Ink:
    """Return the canonical page of a page whose layout and scales are known."""
    usual = (layout.mm_per_s, layout.mm_per_mv) == (_USUAL_MM_PER_S, _USUAL_MM_PER_MV)
    if not usual or layout.rows[:_ROWS] != THREE_BY_FOUR.rows:
        if layout.mm_per_mv > _USUAL_MM_PER_MV:
            traces = traces_of(ink, rows, round(REACH_PX * layout.mm_per_mv / _USUAL_MM_PER_MV))
        return _cut(_darkened(ink), rows, traces, layout)
    strips = layout.rows[_ROWS:]
    if len(strips) < 2:
        return canonical_of(ink, rows)
    kept = strips.index(("II",)) if ("II",) in strips else 0
    chosen = (*rows.down_px[:_ROWS], rows.down_px[_ROWS + kept])
    return canonical_of(ink, Rows(chosen, rows.left_px, rows.right_px))


def _darkened(ink: Ink) -> Ink:
    gain = max(1.0, _USUAL_TRACE_INK / trace_ink(ink))
    return cv2.convertScaleAbs(ink, alpha=gain).astype(np.uint8, copy=False)


def _copy(out: Ink, ink: Ink, start: int, stop: int, lower: int, right: int) -> None:
    """Copy rows ``start`` to ``stop`` of ``out`` from ``ink``, shifted; outside it is paper."""
    top, bottom = max(start + lower, 0), min(stop + lower, ink.shape[0])
    first, last = max(right, 0), min(right + out.shape[1], ink.shape[1])
    if top < bottom and first < last:
        out[top - lower : bottom - lower, first - right : last - right] = ink[
            top:bottom, first:last
        ]


@dataclass(frozen=True, slots=True)
class _Source:
    """Where on the printed page a lead's seconds are."""

    row: int
    place: TracePlace
    mirrored: bool


def _cut(ink: Ink, rows: Rows, traces: Traces, layout: Layout) -> Ink:
    target = geometry_of(canonical_layout(THREE_BY_FOUR_RHYTHM), MARGINS, CANONICAL_PX_PER_MM)
    out = np.zeros((CANONICAL_HEIGHT, CANONICAL_WIDTH), dtype=np.uint8)
    strips = [_own(ink, rows, traces, row) for row in range(len(rows.down_px))]
    fast = layout.mm_per_s > _USUAL_MM_PER_S
    beat = _beat_px(traces, layout) if fast else None
    for place in target.places:
        source = _source_of(place, layout)
        if source is None:
            continue
        patch = _taken(strips[source.row], source, place, layout)
        back = _back_px(traces, layout, source) if _is_long(place) else beat
        if fast and back is not None:
            patch = carried_on(patch, round(place.right_px) - round(place.left_px), back)
        left, top = round(place.left_px), round(place.baseline_px) - patch.shape[0] // 2
        out[top : top + patch.shape[0], left : left + patch.shape[1]] = patch
    return out


def _is_long(wanted: TracePlace) -> bool:
    return wanted.stop_seconds - wanted.start_seconds > _LONGEST_LEAD_S


def _beat_px(traces: Traces, layout: Layout) -> int | None:
    """Return one beat in columns of the canonical page, by the rhythm strips if there are any."""
    fewest = min(len(names) for names in layout.rows)
    width = TRACES_PX // fewest
    parts = [
        trace[start + _WORDS_PX : start + width - 4]
        for trace, names in zip(traces.heights, layout.rows, strict=True)
        if len(names) == fewest
        for start in range(0, TRACES_PX - width + 1, width)
    ]
    return _canonical_px(beat_columns(parts, layout.mm_per_s * CANONICAL_PX_PER_MM), layout)


def _back_px(traces: Traces, layout: Layout, source: _Source) -> int | None:
    """Return from how far before its end a rhythm strip is carried on; None for a short one."""
    first, last = round(source.place.left_px), round(source.place.right_px)
    upper, lower = (one[source.row, -TRACES_PX:] for one in (traces.upper, traces.lower))
    drawn = np.flatnonzero(upper[first:last] >= lower[first:last])
    trace = traces.heights[source.row, first : first + int(drawn.max(initial=-1)) + 1]
    return _canonical_px(back_columns(trace, layout.mm_per_s * CANONICAL_PX_PER_MM), layout)


def _canonical_px(columns: int | None, layout: Layout) -> int | None:
    return None if columns is None else round(columns * _USUAL_MM_PER_S / layout.mm_per_s)


def _own(ink: Ink, rows: Rows, traces: Traces, row: int) -> Ink:
    """Return the strokes of one row ``[161, 625]``, its baseline in the middle."""
    left = rows.right_px - TRACES_PX
    band = band_of(ink, rows.down_px[row], _REACH_PX, left, rows.right_px)
    height = _REACH_PX - np.arange(2 * _REACH_PX + 1)[:, None]
    upper, lower = traces.upper[row, -TRACES_PX:], traces.lower[row, -TRACES_PX:]
    own = (height <= upper) & (height >= lower)
    soft = cv2.dilate(own.astype(np.uint8), np.ones((5, 3), np.uint8))
    return np.where(np.asarray(soft) > 0, band, 0).astype(np.uint8)


def _source_of(wanted: TracePlace, layout: Layout) -> _Source | None:
    """Return where the layout prints a lead: the place that shows most of what is wanted."""
    found = [
        _Source(row, _place_of(layout, row, column), name.startswith("-"))
        for row, names in enumerate(layout.rows)
        for column, name in enumerate(names)
        if name.removeprefix("-") == wanted.lead
    ]
    length = wanted.stop_seconds - wanted.start_seconds

    def shown(source: _Source) -> float:
        return min(source.place.stop_seconds - source.place.start_seconds, length)

    return max(found, key=shown, default=None)


def _place_of(layout: Layout, row: int, column: int) -> TracePlace:
    """Return a lead's seconds, and its pixels counted from the beginning of the traces."""
    count = len(layout.rows[row])
    share, width = layout.seconds / count, TRACES_PX / count
    start = column * share if layout.sequential else 0.0
    name = layout.rows[row][column]
    return TracePlace(name, start, start + share, column * width, (column + 1) * width, 0.0)


def _taken(strip: Ink, source: _Source, wanted: TracePlace, layout: Layout) -> Ink:
    """Return the part of a strip that belongs to a place, at the canonical scales.

    The very seconds of that place where they were printed, else the first that were.
    """
    printed = source.place
    length = wanted.stop_seconds - wanted.start_seconds
    there = printed.start_seconds - 1e-6 <= wanted.start_seconds < printed.stop_seconds - 1e-6
    start = wanted.start_seconds if there else printed.start_seconds
    seconds = min(length, printed.stop_seconds - start)
    per_second = layout.mm_per_s * CANONICAL_PX_PER_MM
    first = round(printed.left_px + (start - printed.start_seconds) * per_second)
    gain = layout.mm_per_mv / _USUAL_MM_PER_MV
    half = min(round(_HALF_PX * gain), _REACH_PX)
    part = strip[_REACH_PX - half : _REACH_PX + half, first : first + round(seconds * per_second)]
    if source.mirrored:
        part = part[::-1]
    size = (
        round(part.shape[1] * _USUAL_MM_PER_S / layout.mm_per_s),
        min(round(2 * half / gain), 2 * _HALF_PX),
    )
    if (part.shape[1], part.shape[0]) != size:
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        if layout.mm_per_s > _USUAL_MM_PER_S:
            part = cv2.convertScaleAbs(part, alpha=_THINNED).astype(np.uint8, copy=False)
    return part
