"""Where the rows of traces run on a page of known scale.

Rule of the file: ink at the canonical scale (2.5 px/mm) in, places out; the grid and the paper's
edges have done their part. A row of traces is told from a line of words because it has ink in
nearly every column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from scipy.signal import find_peaks

from inference.core.ecg_layout import CANONICAL_HEIGHT, CANONICAL_PX_PER_MM
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
_PARTS: Final = 24
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
    _, capped = cv2.threshold(ink, round(most), 0.0, cv2.THRESH_TRUNC)
    parts = cv2.resize(capped, (_PARTS, ink.shape[0]), interpolation=cv2.INTER_AREA)
    each = np.asarray(cv2.GaussianBlur(parts.astype(np.float32), (1, 11), 1.2))
    level = np.minimum(each, 0.35 * most).mean(axis=1).astype(np.float64)
    smooth: Floats = gaussian_filter1d(level, 3.5)
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
