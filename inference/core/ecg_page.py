"""From any picture to the canonical page that the nets read, or to a sentence why not.

Rule of the file: the order of the steps and what may be said about a picture; how paper, grid,
rows and leads are found stands in `ecg_page_sheet`, `_grid`, `_rows`, `_order` and `_pulse`. Pure:
pictures in, values out; a picture that is no ECG is a value, not an error.

The canonical page is ink (`inference.core.ecg_paper`) of 320 x 672 pixels at 2.5 px/mm: 0 is
paper, 255 the darkest ink. Its rows of traces divide the height evenly; ten seconds at 25 mm/s run
from x = 40 to x = 665.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.core.ecg_layout import CANONICAL_PX_PER_MM, THREE_BY_FOUR_RHYTHM, Layout
from inference.core.ecg_page_canonical import arranged
from inference.core.ecg_page_grid import Grid, grid_of
from inference.core.ecg_page_leads import silent_leads
from inference.core.ecg_page_order import Order, order_of
from inference.core.ecg_page_pulse import scales_of
from inference.core.ecg_page_rows import (
    TRACES_LENGTH_MM,
    Rows,
    look_like_traces,
    rows_of,
    strokes_of,
    trace_ink,
    without_lines,
)
from inference.core.ecg_page_sheet import Sheet, sheet_of
from inference.core.ecg_page_traces import traces_of
from inference.core.ecg_page_upright import uprightness
from inference.core.ecg_paper import Ink

Pixels = NDArray[np.uint8]
Homography = NDArray[np.float64]

MOST_PIXELS: Final = 50_000_000
"""Larger pictures are not decoded: a page at 600 dpi has 35 million pixels."""
LEAST_SIDE_PX: Final = 300
"""Smaller pictures do not hold an ECG that could be read."""
_WORK_PX: Final = 960
"""Long side of the copy that is worked on: 3.2 px/mm for a page of A4."""
_NARROWEST_MM, _WIDEST_MM = 170.0, 430.0
"""A sheet with an ECG is no narrower and no wider, along its traces."""


class PageDoubt(Enum):
    """What is odd about a picture; the value is the sentence for a card."""

    TOO_SMALL = "too small to hold an ECG"
    NOT_AN_ECG = "not an ECG page"
    TWO_ECGS = "two ECGs on one page: not read; store each as a page of its own"
    TOO_SHORT = "less than half of the usual ten seconds is on the page: not read; show all of it"
    TURNED = "upside down: turned"
    SIDEWAYS = "sideways: turned"
    NO_GRID = "no grid found: the scale was taken from the length of the traces"
    STRETCHED = "stretched in one direction: put right by the grid"
    CUT_OFF = "the traces are shorter than ten seconds: the page may be cut off"
    ORIENTATION_UNSURE = "it could not be told for certain which way up the page lies"
    UNKNOWN_LAYOUT = "its rows of traces are no known layout of twelve leads: not read"
    LAYOUT_UNSURE = "the leads do not say where they stand: the usual order was taken"
    OTHER_GAIN = "printed at another gain than 10 mm/mV: brought to it"
    FAST_PAPER = (
        "printed at 50 mm/s: rhythm is judged from five seconds, carried on to ten, and less sure"
    )
    GAIN_ASSUMED = "no calibration pulse was found: 10 mm/mV was taken"
    SPEED_ASSUMED = "no calibration pulse tells the paper speed: 25 mm/s was taken"


BARS_READING: Final = frozenset(
    {
        PageDoubt.TOO_SMALL,
        PageDoubt.NOT_AN_ECG,
        PageDoubt.TWO_ECGS,
        PageDoubt.TOO_SHORT,
        PageDoubt.UNKNOWN_LAYOUT,
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class PageReading:
    """What became of a picture.

    ``page`` is the canonical page, None where the picture must not be read. ``to_page`` is the
    homography from the picture to the page before its rows were put in their places (for showing
    an activation map on the picture). ``rows`` counts rows of traces.
    """

    page: Ink | None
    doubts: tuple[PageDoubt, ...]
    px_per_mm: float | None = None
    """Of the picture as it came, along the traces; None where no grid was found."""
    rows: int = 0
    to_page: Homography | None = None
    layout: Layout | None = None
    """How the leads stand on the page and at which scales, as far as could be told; see doubts."""
    silent: tuple[str, ...] = ()
    """Leads without a heart in them: an electrode was off, or they were not printed."""


def read_page(pixels: Pixels) -> PageReading:
    """Find the ECG page in an RGB picture ``[h, w, 3]`` and bring it to canonical form."""
    if min(pixels.shape[:2]) < LEAST_SIDE_PX:
        return PageReading(None, (PageDoubt.TOO_SMALL,))
    work, to_work = _work_copy(pixels)
    doubts: list[PageDoubt] = []
    sheet = sheet_of(work)
    if _runs_down(sheet):
        doubts.append(PageDoubt.SIDEWAYS)
        sheet = sheet.turned()
    width = sheet.size[0]
    grid = grid_of(sheet.lines_seen(), width / _WIDEST_MM, width / _NARROWEST_MM)
    found = _scaled(sheet, grid)
    if found is None:
        return PageReading(None, (PageDoubt.NOT_AN_ECG,))
    doubts += _doubts_of(found, grid)
    if PageDoubt.NOT_AN_ECG in doubts:
        return PageReading(None, (PageDoubt.NOT_AN_ECG,), rows=len(found.rows.down_px))
    if BARS_READING & set(doubts):
        return PageReading(None, tuple(doubts), rows=len(found.rows.down_px))
    traces = traces_of(found.clear, found.rows)
    order, other = order_of(traces.heights), order_of(traces.heights_turned)
    if order is None or other is None:
        return PageReading(None, (*doubts, PageDoubt.UNKNOWN_LAYOUT), rows=len(found.rows.down_px))
    upright = uprightness(found.ink, found.rows, traces, order.evidence - other.evidence)
    if upright < 0:
        doubts.append(PageDoubt.TURNED)
        found = _turned(found)
        traces = traces_of(found.clear, found.rows)
        order = order_of(traces.heights) or other
    if abs(upright) < _UNSURE:
        doubts.append(PageDoubt.ORIENTATION_UNSURE)
    layout, more = _layout_of(found, order)
    return PageReading(
        page=arranged(found.ink, found.rows, traces, layout),
        doubts=(*doubts, *more),
        px_per_mm=None if grid is None else grid.px_per_mm_across / to_work[0, 0],
        rows=len(found.rows.down_px),
        to_page=found.way @ sheet.way @ to_work,
        layout=layout,
        silent=silent_leads(traces, layout),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """A page at 2.5 px/mm: its ink, with and without straight lines, rows, and the way there."""

    ink: Ink
    clear: Ink
    rows: Rows
    way: Homography


def _layout_of(found: _Found, order: Order) -> tuple[Layout, list[PageDoubt]]:
    """Return where the leads stand and at which scales, and what of it was not seen."""
    doubts = [] if order.sure else [PageDoubt.LAYOUT_UNSURE]
    scales = scales_of(found.clear, found.rows)
    usual = THREE_BY_FOUR_RHYTHM
    gain, speed = scales.mm_per_mv or usual.mm_per_mv, scales.mm_per_s or usual.mm_per_s
    if scales.mm_per_mv is None:
        doubts.append(PageDoubt.GAIN_ASSUMED)
    if scales.mm_per_s is None:
        doubts.append(PageDoubt.SPEED_ASSUMED)
    if gain != usual.mm_per_mv:
        doubts.append(PageDoubt.OTHER_GAIN)
    if speed != usual.mm_per_s:
        doubts.append(PageDoubt.FAST_PAPER)
    pitch = found.rows.pitch_px / CANONICAL_PX_PER_MM
    return replace(order.layout, mm_per_s=speed, mm_per_mv=gain, row_pitch_mm=pitch), doubts


_WIDEST_SHAPE: Final = 3.0
"""Traces of one ECG are about twice as long as its rows are deep; of two side by side, four."""
_UNSURE: Final = 1.5
"""Logarithm of odds: less than four to one."""
_LEAST_ROWS: Final = 2
_LEAST_LENGTH: Final = 0.55
"""Of the usual traces; shorter ones show two columns of leads, or strips of five seconds."""
_USUAL_PITCH, _WIDEST_PITCH = 0.13, 0.19
"""Of the length of ten seconds, between rows: 32 mm, and 47 mm, wider than any that we know."""
_LEAST_TRACE_INK: Final = 80.0
"""Of 255: a grid without traces reaches 45, photographed traces stay above 150."""


def _work_copy(pixels: Pixels) -> tuple[Pixels, Homography]:
    """Return a copy of at most `_WORK_PX`: by a whole number first, which is fast."""
    height, width = pixels.shape[:2]
    whole = max(1, max(height, width) // _WORK_PX)
    size = (width // whole, height // whole)
    small = pixels if whole == 1 else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    rest = min(1.0, _WORK_PX / max(size))
    if rest < 1.0:
        size = (round(size[0] * rest), round(size[1] * rest))
        small = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)
    scale = np.diag([size[0] / width, size[1] / height, 1.0])
    return np.asarray(small, dtype=np.uint8), scale


def _runs_down(sheet: Sheet) -> bool:
    """Return whether traces run from top to bottom.

    Every line across the traces meets each of them; lines along them meet some or none.
    """
    strokes = strokes_of(sheet.ink_at(0.5, 0.5, 0.0)[0]).astype(np.float32)
    height, width = strokes.shape
    inner = strokes[height // 10 : height - height // 10, width // 10 : width - width // 10]
    return _evenness(inner.mean(axis=1)) > _evenness(inner.mean(axis=0))


def _evenness(shares: NDArray[np.float32]) -> float:
    """Return how little the emptiest lines differ from the usual: near 1 across every trace."""
    smooth = np.convolve(shares, np.full(5, 0.2), mode="valid")
    low, usual = np.quantile(smooth, (0.1, 0.5))
    return float(low / (usual + 1e-6))


def _scaled(sheet: Sheet, grid: Grid | None) -> _Found | None:
    """Return the page at 2.5 px/mm with its rows; None where no rows of traces are."""
    if grid is not None:
        across = CANONICAL_PX_PER_MM / grid.px_per_mm_across
        return _found(sheet, across, CANONICAL_PX_PER_MM / grid.px_per_mm_down, grid.angle)
    # Without a grid: as if the page were as wide as most, then by the length of its traces.
    factor = CANONICAL_PX_PER_MM * 280.0 / sheet.size[0]
    found = _found(sheet, factor, factor, 0.0)
    if found is None:
        return None
    length = found.rows.right_px - found.rows.left_px
    wanted = (TRACES_LENGTH_MM + 10.0) * CANONICAL_PX_PER_MM
    if abs(length / wanted - 1.0) <= 0.03:
        return found
    factor *= float(np.clip(wanted / length, 0.6, 1.7))
    return _found(sheet, factor, factor, 0.0)


def _found(sheet: Sheet, across: float, down: float, angle: float) -> _Found | None:
    ink, way = sheet.ink_at(across, down, angle)
    clear = without_lines(ink)
    rows = rows_of(clear) if trace_ink(clear) >= _LEAST_TRACE_INK else None
    return None if rows is None else _Found(ink, clear, rows, way)


def _doubts_of(found: _Found, grid: Grid | None) -> list[PageDoubt]:
    """Return what rows and grid say about the page."""
    rows = found.rows
    if len(rows.down_px) < _LEAST_ROWS or not look_like_traces(found.clear, rows):
        return [PageDoubt.NOT_AN_ECG]
    doubts: list[PageDoubt] = []
    length_mm = _length_mm(rows, grid)
    if _holds_two(found.ink, rows):
        doubts.append(PageDoubt.TWO_ECGS)
    if grid is None:
        doubts.append(PageDoubt.NO_GRID)
    elif not 0.93 < grid.px_per_mm_across / grid.px_per_mm_down < 1.07:
        doubts.append(PageDoubt.STRETCHED)
    if length_mm < _LEAST_LENGTH * TRACES_LENGTH_MM:
        doubts.append(PageDoubt.TOO_SHORT)
    elif length_mm < 0.9 * TRACES_LENGTH_MM:
        doubts.append(PageDoubt.CUT_OFF)
    return doubts


def _length_mm(rows: Rows, grid: Grid | None) -> float:
    """Return how long the traces are; without a grid, by how far their rows stand apart."""
    length = rows.right_px - rows.left_px
    if grid is not None or rows.pitch_px < _WIDEST_PITCH * length:
        return length / CANONICAL_PX_PER_MM
    return TRACES_LENGTH_MM * length * _USUAL_PITCH / rows.pitch_px


def _holds_two(ink: Ink, rows: Rows) -> bool:
    """Return whether the rows fall into two groups, below or beside each other."""
    apart = np.diff(rows.down_px)
    if len(apart) >= 5 and apart.max() > 1.7 * np.median(apart):
        split = int(apart.argmax()) + 1
        if min(split, len(rows.down_px) - split) >= 3:
            return True
    length, depth = rows.right_px - rows.left_px, rows.pitch_px * len(rows.down_px)
    if length < _WIDEST_SHAPE * depth:
        return False
    top, bottom = rows.down_px[0] - rows.pitch_px / 2, rows.down_px[-1] + rows.pitch_px / 2
    band = ink[max(0, round(top)) : round(bottom), rows.left_px : rows.right_px]
    empty = np.asarray(band.max(axis=0) < 90)
    third = len(empty) // 3
    return bool(empty[third : 2 * third].sum() > 0.015 * length)


def _turned(found: _Found) -> _Found:
    """Return the page turned by half."""
    height, width = found.ink.shape
    turn = np.array([[-1.0, 0.0, float(width)], [0.0, -1.0, float(height)], [0.0, 0.0, 1.0]])
    rows = Rows(
        tuple(height - 1 - at for at in reversed(found.rows.down_px)),
        width - 1 - found.rows.right_px,
        width - 1 - found.rows.left_px,
    )
    ink, clear = (np.ascontiguousarray(one[::-1, ::-1]) for one in (found.ink, found.clear))
    return _Found(ink, clear, rows, turn @ found.way)
