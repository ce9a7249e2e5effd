"""What the calibration pulses of a page say of its gain and its paper speed.

Rule of the file: ink and rows in, scales out; what no pulse tells is None, never the usual value.
A pulse is 1 mV high, and stands alike before every row; a recorder that draws it true is switched
on for 0.2 s, but some draw it narrower as a mere sign, so that only two widths tell a speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.core.ecg_layout import CANONICAL_PX_PER_MM
from inference.core.ecg_page_rows import Rows, trace_ink
from inference.core.ecg_page_traces import TRACES_PX
from inference.core.ecg_paper import Ink

_GAINS: Final = (5.0, 10.0, 20.0)
_WIDTHS: Final = {5.0: 25.0, 10.0: 50.0}
"""Millimetres of 0.2 s, and millimetres a second."""
_HEIGHT_TOLERANCE: Final = 0.15
_WIDTH_TOLERANCE: Final = 0.2
_BEFORE_PX: Final = 45
_AFTER_PX: Final = 6
_ABOVE_PX: Final = 62
_BELOW_PX: Final = 6
_NARROWEST_PX, _WIDEST_PX = 7, 34
"""Of a plateau, softened: recorders draw the pulse 2.5 to 10 mm wide. One stroke is no pulse."""
_STROKE: Final = 0.4
_HIGHEST_FOOT_PX: Final = 8
_FOOT_COLUMNS: Final = 2


@dataclass(frozen=True, slots=True)
class Scales:
    """Millimetres a millivolt and a second, as far as the page says them."""

    mm_per_mv: float | None = None
    mm_per_s: float | None = None


def scales_of(ink: Ink, rows: Rows) -> Scales:
    """Return what the calibration pulses before the rows say.

    ``ink`` is at 2.5 px/mm and without lines, see `inference.core.ecg_page_rows.without_lines`.
    """
    alike, upright = _alike(ink, rows)
    above = len(alike) - _BELOW_PX
    upper = np.where(alike.any(axis=0), above - alike.argmax(axis=0), 0)
    best: Scales = Scales()
    for start, stop in _plateaus(upper):
        foot = _foot(upper, start, stop)
        height = float(np.median(upper[start:stop])) - foot
        gain = _nearest(height / CANONICAL_PX_PER_MM, _GAINS, _HEIGHT_TOLERANCE)
        if gain is None or not _has_sides(upright, start, stop, (round(foot), round(height))):
            continue
        # From the middle of one side to that of the other; softening made both wider.
        width = (stop - start - _SIDE_PX) / CANONICAL_PX_PER_MM
        known = _nearest(width, tuple(_WIDTHS), _WIDTH_TOLERANCE)
        if known is not None:
            return Scales(gain, _WIDTHS[known])
        # Rows that stand close put other things of like shape before each other.
        if rows.pitch_px > _ABOVE_PX:
            best = Scales(gain, None)
    return best


_SIDE_PX: Final = 3.0


def _alike(ink: Ink, rows: Rows) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return what is dark before most rows at the same place, ``[above, column]``.

    Then the same of upright strokes: printed thin, their ink lies in two columns, half in each.
    """
    left = rows.right_px - TRACES_PX
    # The baseline of the row above is alike before all rows but the first.
    above = min(_ABOVE_PX, round(rows.pitch_px) - 4)
    start = max(left, 0)
    page = cv2.copyMakeBorder(ink, above, _BELOW_PX, _BEFORE_PX, _AFTER_PX, 0, value=0.0)
    page = page[:, start : start + _BEFORE_PX + _AFTER_PX]
    least = _STROKE * trace_ink(ink)

    def usual(drawn: NDArray[np.uint8]) -> NDArray[np.bool_]:
        tops = [round(at) for at in rows.down_px]
        patches = [drawn[top : top + above + _BELOW_PX] for top in tops]
        return np.asarray(np.median(np.stack(patches), axis=0) > least)

    soft = np.asarray(cv2.dilate(page, np.ones((3, 3), np.uint8)), dtype=np.uint8)
    summed = cv2.boxFilter(page, cv2.CV_8U, (3, 1), normalize=False)
    return usual(soft), usual(np.asarray(cv2.dilate(summed, np.ones((3, 1), np.uint8))))


def _foot(upper: NDArray[np.int64], start: int, stop: int) -> float:
    """Return how high a pulse stands, by the level line on either side of it.

    The height at which its row was found is the trace's, which wanders; where no line is beside
    the pulse it has to do. Words may stand on one side: the lower one counts.
    """
    found = []
    for side in (upper[max(start - 4, 0) : start], upper[stop : stop + 4]):
        level = side[(side > 0) & (side <= _HIGHEST_FOOT_PX)]
        if len(level) >= _FOOT_COLUMNS:
            found.append(float(np.median(level)))
    return min(found, default=1.0)


def _plateaus(upper: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return stretches of columns whose highest dark points are level and well above 0."""
    level = (upper > 8) & (np.abs(np.diff(upper, prepend=upper[0])) <= 1)
    level |= (upper > 8) & (np.abs(np.diff(upper, append=upper[-1])) <= 1)
    edges = np.flatnonzero(np.diff(np.r_[False, level, False].astype(np.int8)))
    found = []
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        flat = np.ptp(upper[start:stop]) <= 4
        if flat and _NARROWEST_PX <= stop - start <= _WIDEST_PX:
            found.append((int(start), int(stop)))
    return found


def _has_sides(upright: NDArray[np.bool_], start: int, stop: int, stands: tuple[int, int]) -> bool:
    """Return whether the plateau stands on two upright strokes, by its foot and its height."""
    foot, height = stands
    bottom = len(upright) - _BELOW_PX - max(foot, 1) - 1
    sides = upright[max(bottom - height + 3, 0) : bottom, :]
    ends = (slice(max(start - 1, 0), start + 4), slice(max(stop - 4, 0), stop + 1))
    return all(float(sides[:, end].any(axis=1).mean()) > 0.85 for end in ends)


def _nearest(value: float, known: tuple[float, ...], tolerance: float) -> float | None:
    best = min(known, key=lambda one: abs(np.log(max(value, 1e-3) / one)))
    return best if abs(value / best - 1.0) <= tolerance else None
