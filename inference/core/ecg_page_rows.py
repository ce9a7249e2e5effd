"""Where the rows of traces run on a page of known scale, and which way up the page lies.

Rule of the file: ink at the canonical scale (2.5 px/mm) in, places out; the grid and the paper's
edges have done their part. A row of traces is told from a line of words because it has ink in
nearly every column.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from scipy.signal import find_peaks

from inference.core.ecg_layout import CANONICAL_HEIGHT, CANONICAL_PX_PER_MM, CANONICAL_WIDTH
from inference.core.ecg_paper import Ink

Floats = NDArray[np.float64]

TRACES_RIGHT_PX: Final = 665
"""Where ten seconds at 25 mm/s end on a canonical page; they begin at 40."""
TRACES_LENGTH_MM: Final = 250.0
_SHARE_OF_TRACE: Final = 0.45
"""Share of the usual trace's ink from which a pixel belongs to a stroke."""
_LONGEST_STRAIGHT_MM: Final = 110.0
_TALLEST_STRAIGHT_MM: Final = 60.0
"""Longer straight lines are frames, edges of paper and separators, not traces."""
_USUAL_TRACE_INK: Final = 235.0
"""Of a page as it is printed; fainter traces are brought to it."""
_LEAST_APART_MM: Final = 8.0
_REACH_MM: Final = 9.0
"""So far from its row a trace is looked for when its columns are counted."""
_LEAST_FILLED: Final = 0.72
"""Share of columns with ink from which a row is a trace; words leave gaps between them."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Baselines ``down_px`` from the top of the picture, and where traces begin and end."""

    down_px: tuple[float, ...]
    left_px: int
    right_px: int

    @property
    def pitch_px(self) -> float:
        """Return the usual distance of two rows; that of a canonical page where there is one."""
        if len(self.down_px) < 2:
            return CANONICAL_HEIGHT / 4
        return float(np.median(np.diff(self.down_px)))


def rows_of(ink: Ink) -> Rows | None:
    """Return the rows of traces of a page at 2.5 px/mm, None where there are none.

    ``ink`` without lines: see `without_lines`.
    """
    if min(ink.shape) < 60:
        return None
    profile = _profile(ink)
    peaks, _ = find_peaks(
        profile,
        distance=round(_LEAST_APART_MM * CANONICAL_PX_PER_MM),
        height=0.22 * float(profile.max()),
        prominence=0.12 * float(profile.max()),
    )
    dark = strokes_of(ink)
    left, right = _ends(dark, peaks)
    if right - left < 150:
        return None
    kept = [int(at) for at in peaks if _filled(dark, int(at), peaks, left, right) > _LEAST_FILLED]
    if not kept:
        return None
    kept = _regular(kept, dark, left, right)
    left, right = _ends(dark, np.array(kept))
    return Rows(tuple(float(at) for at in kept), left, right)


def trace_ink(ink: Ink) -> float:
    """Return how dark the traces are: the median over the columns of their darkest pixel.

    Words and writing by hand are darker, but not in most columns.
    """
    return float(np.clip(np.median(ink.max(axis=0)), 40.0, 255.0))


def strokes_of(ink: Ink) -> NDArray[np.bool_]:
    """Return where there is a stroke."""
    return ink > _SHARE_OF_TRACE * trace_ink(ink)


def without_lines(ink: Ink) -> Ink:
    """Return the ink without long straight lines along the picture's axes."""
    dark = strokes_of(ink).astype(np.uint8)
    across = (round(_LONGEST_STRAIGHT_MM * CANONICAL_PX_PER_MM), 1)
    down = (1, round(_TALLEST_STRAIGHT_MM * CANONICAL_PX_PER_MM))
    lines = np.zeros_like(dark)
    for size, thick in ((across, (3, 1)), (down, (1, 3))):
        # A line that is turned by a quarter of a degree leaves its row of pixels on the way.
        lines |= _opened(np.asarray(cv2.dilate(dark, np.ones(thick, np.uint8))), size)
    return np.where(cv2.dilate(lines, np.ones((3, 3), np.uint8)) > 0, 0, ink).astype(np.uint8)


def _opened(dark: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the morphological opening by a line, by sums: their time knows no length."""
    full = size[0] * size[1]
    outside = cv2.BORDER_CONSTANT

    def summed(mask: NDArray[np.uint8]) -> NDArray[np.int32]:
        out = cv2.boxFilter(mask, cv2.CV_32S, size, normalize=False, borderType=outside)
        return np.asarray(out, dtype=np.int32)

    eroded = (summed(dark) == full).astype(np.uint8)
    return (summed(eroded) > 0).astype(np.uint8)


def _profile(ink: Ink) -> Floats:
    """Return how much each height looks like a baseline: ink there in many parts of the page."""
    most = 0.65 * trace_ink(ink)
    parts = np.array_split(np.minimum(ink, most).astype(np.float32), 24, axis=1)
    each = np.stack([gaussian_filter1d(part.mean(axis=1), 1.2) for part in parts])
    capped = np.minimum(each, 0.35 * most)
    smooth: Floats = gaussian_filter1d(capped.mean(axis=0).astype(np.float64), 3.5)
    return smooth


def _band(at: int, rows: NDArray[np.int64], height: int) -> slice:
    """Return the heights that belong to one row: as far as its reach or half way to the next."""
    apart = np.abs(rows[rows != at] - at)
    reach = min(_REACH_MM * CANONICAL_PX_PER_MM, apart.min() / 2 if len(apart) else np.inf)
    return slice(max(0, round(at - reach)), min(height, round(at + reach) + 1))


def _ends(dark: NDArray[np.bool_], rows: NDArray[np.int64]) -> tuple[int, int]:
    """Return the first and last column in which half of the rows have ink."""
    if not len(rows):
        return 0, 0
    has = np.stack([dark[_band(int(at), rows, len(dark))].any(axis=0) for at in rows])
    share = gaussian_filter1d(has.mean(axis=0), 2.0)
    columns = np.flatnonzero(share >= 0.5 * np.quantile(share, 0.9))
    return (int(columns[0]), int(columns[-1])) if len(columns) else (0, 0)


def _regular(rows: list[int], dark: NDArray[np.bool_], left: int, right: int) -> list[int]:
    """Return the rows with one put in where one was missed between two, and strays left out."""
    if len(rows) < 4:
        return rows
    pitch = float(np.median(np.diff(rows)))
    while len(rows) > 4 and not 0.75 < (rows[1] - rows[0]) / pitch < 1.35:
        rows = rows[1:]
    while len(rows) > 4 and not 0.75 < (rows[-1] - rows[-2]) / pitch < 1.35:
        rows = rows[:-1]
    whole = [rows[0]]
    for at in rows[1:]:
        between = (whole[-1] + at) // 2
        missed = 1.75 < (at - whole[-1]) / pitch < 2.25
        if missed and _filled(dark, between, np.array(rows), left, right) > 0.5:
            whole.append(between)
        whole.append(at)
    return whole


def _filled(
    dark: NDArray[np.bool_], at: int, rows: NDArray[np.int64], left: int, right: int
) -> float:
    columns = dark[_band(at, rows, len(dark)), left:right].any(axis=0)
    return float(maximum_filter1d(columns, 3).mean())


def look_like_traces(ink: Ink, rows: Rows) -> bool:
    """Return whether the rows are thin lines that move up and down, rather than shades or rules.

    In most columns a trace is one thin stroke; in some, a complex, it is a tall one. ``ink`` is
    without lines, as for `rows_of`.
    """
    dark = strokes_of(ink)
    at_rows = np.array([round(at) for at in rows.down_px])
    thin, tall = [], []
    for at in at_rows:
        band = dark[_band(int(at), at_rows, len(dark)), rows.left_px : rows.right_px]
        count = band.sum(axis=0)
        runs = (np.diff(band.astype(np.int8), axis=0, prepend=0) == 1).sum(axis=0)
        thin.append(((count > 0) & (count <= 6) & (runs == 1)).mean())
        tall.append((count > 7).mean())
    return bool(np.median(thin) > 0.35 and 0.004 < np.median(tall) < 0.45)


def canonical_of(ink: Ink, rows: Rows) -> Ink:
    """Return the canonical page: each row's strip in its place, the traces' end at x = 665."""
    count = len(rows.down_px)
    out = np.zeros((CANONICAL_HEIGHT, CANONICAL_WIDTH), dtype=np.uint8)
    gain = max(1.0, _USUAL_TRACE_INK / trace_ink(ink))
    ink = np.minimum(ink * gain, 255.0).astype(np.uint8) if gain > 1.0 else ink
    edges = np.rint(np.linspace(0, CANONICAL_HEIGHT, count + 1)).astype(int)
    reach = 0.62 * rows.pitch_px
    for at, top, bottom in zip(rows.down_px, edges[:-1], edges[1:], strict=True):
        half = min((bottom - top) / 2, reach)
        middle = (top + bottom) / 2
        start, stop = round(middle - half), round(middle + half)
        _place(out, ink, start, stop, round(at) - round(middle), rows.right_px - TRACES_RIGHT_PX)
    return out


def _place(out: Ink, ink: Ink, start: int, stop: int, lower: int, right: int) -> None:
    """Copy rows ``start`` to ``stop`` of ``out`` from ``ink``, shifted; outside it is paper."""
    top, bottom = max(start + lower, 0), min(stop + lower, ink.shape[0])
    first, last = max(right, 0), min(right + out.shape[1], ink.shape[1])
    if top < bottom and first < last:
        out[top - lower : bottom - lower, first - right : last - right] = ink[
            top:bottom, first:last
        ]


_UPRIGHT_WEIGHTS: Final = np.array([5.7, 1.9, 4.0, 1.3])
"""Logistic regression on 240 pages, printed plainly, scanned and photographed, of PTB-XL's and of
generated recordings, each also turned: 97 in 100 right on a quarter that was held out."""


def uprightness(ink: Ink, rows: Rows) -> float:
    """Return the logarithm of the odds that a page lies the right way up."""
    return float(orientation_signs(ink, rows) @ _UPRIGHT_WEIGHTS)


def orientation_signs(ink: Ink, rows: Rows) -> Floats:
    """Return four signs, each positive on upright pages more often than not.

    Complexes point up; slow waves follow them; calibration pulses, alike in all rows, stand on the
    left; there are more words above than below.
    """
    page = canonical_of(ink, rows)
    count = len(rows.down_px)
    edges = np.rint(np.linspace(0, CANONICAL_HEIGHT, count + 1)).astype(int)
    polarity, order = np.mean([_strip_signs(page[a:b]) for a, b in pairwise(edges)], axis=0)
    start, stop = rows.left_px, rows.right_px
    alike = _alike(ink, rows, start - 2) - _alike(ink, rows, stop - 28)
    margin = 0.6 * rows.pitch_px
    above = ink[: max(0, round(rows.down_px[0] - margin))].sum(dtype=np.float64)
    below = ink[round(rows.down_px[-1] + margin) :].sum(dtype=np.float64)
    words = (above - below) / (above + below + 255.0 * 200)
    return np.array([polarity, order, alike, words])


def _strip_signs(strip: Ink) -> Floats:
    """Return whether complexes point up, and whether slow waves come after them, in -1..1."""
    dark = strip[:, 30:TRACES_RIGHT_PX] > 110
    heights = np.arange(len(strip))[:, None]
    total = np.maximum(dark.sum(axis=0), 1)
    middle = len(strip) / 2 - (dark * heights).sum(axis=0) / total
    top = len(strip) / 2 - np.where(dark.any(axis=0), dark.argmax(axis=0), len(strip) / 2)
    bottom = len(strip) / 2 - np.where(
        dark.any(axis=0), len(strip) - 1 - dark[::-1].argmax(axis=0), len(strip) / 2
    )
    usual = float(np.median(middle))
    up, down = np.maximum(top - usual, 0), np.maximum(usual - bottom, 0)
    steep = (top - bottom) > 9
    polarity = (up - down)[steep].sum() / ((up + down)[steep].sum() + 20.0)
    slow = np.abs(gaussian_filter1d(middle - usual, 3.0))
    slow = np.where(maximum_filter1d(steep, 9), 0.0, slow)
    after, before = 0.0, 0.0
    for at in np.flatnonzero(steep & ~np.roll(steep, 1)):
        after += float(slow[at + 8 : at + 26].sum())
        before += float(slow[max(at - 26, 0) : max(at - 8, 0)].sum())
    order = (after - before) / (after + before + 50.0)
    return np.array([polarity, order])


def _alike(ink: Ink, rows: Rows, start: int) -> float:
    """Return how far the rows' patches from a column on, 12 mm wide, resemble each other."""
    half = max(4, round(0.45 * rows.pitch_px))
    patches = []
    for at in rows.down_px:
        top, left = round(at) - half, max(start, 0)
        patch = ink[max(top, 0) : top + 2 * half, left : left + 30].astype(np.float64)
        if patch.shape == (2 * half, 30) and patch.std() > 1:
            patches.append(((patch - patch.mean()) / patch.std()).ravel())
    if len(patches) < 2:
        return 0.0
    likeness = np.corrcoef(np.stack(patches))
    return float((likeness.sum() - len(patches)) / (len(patches) * (len(patches) - 1)))
