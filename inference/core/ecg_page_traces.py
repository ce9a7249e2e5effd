"""How high the traces of a page run: one stroke a row and column of pixels.

Rule of the file: ink and the rows on it in, places of strokes out. A trace is followed by taking,
in each column, the stroke nearest to the row's baseline: words, footers and complexes of the
neighbouring rows are farther away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.core.ecg_layout import CANONICAL_PX_PER_MM
from inference.core.ecg_page_rows import TRACES_LENGTH_MM, Rows, strokes_of
from inference.core.ecg_paper import Ink

Heights = NDArray[np.float32]
"""``[row, 625]``: pixels above the row's baseline, at 2.5 px/mm."""

TRACES_PX: Final = round(TRACES_LENGTH_MM * CANONICAL_PX_PER_MM)
"""Columns of a trace as long as a page shows: they end where the rows do."""
REACH_PX: Final = 45
"""So far from its baseline a stroke is followed: 18 mm."""
_NEAR_SHARE: Final = 0.7
"""Of the distance of two rows: a stroke that begins farther away is another row's."""


@dataclass(frozen=True, slots=True, eq=False)
class Traces:
    """Strokes ``[row, column]``: ``upper`` and ``lower`` end, pixels above the baseline.

    Where a column has no stroke, the lower end is above the upper one. The last column is where
    the rows end; there are 625 columns, or more where something stands before the rows.
    """

    upper: Heights
    lower: Heights

    @property
    def heights(self) -> Heights:
        """Return the middles of the strokes in the last 625 columns: ten seconds at 25 mm/s."""
        return self._middles()[:, -TRACES_PX:]

    @property
    def heights_turned(self) -> Heights:
        """Return the same of the page turned by half."""
        return -self._middles()[::-1, TRACES_PX - 1 :: -1]

    def _middles(self) -> Heights:
        middle = (self.upper + self.lower) / np.float32(2.0)
        return np.where(self.lower > self.upper, np.float32(0.0), middle)


def traces_of(ink: Ink, rows: Rows, reach_px: int = REACH_PX) -> Traces:
    """Return the strokes of the traces. ``ink`` is without lines, see `without_lines`."""
    dark = strokes_of(ink).view(np.uint8)
    left = min(rows.left_px, rows.right_px - TRACES_PX)
    near = round(min(_NEAR_SHARE * rows.pitch_px, reach_px))
    ends = [
        _followed(band_of(dark, at, reach_px, left, rows.right_px), near) for at in rows.down_px
    ]
    upper, lower = (np.stack([one[side] for one in ends]) for side in (0, 1))
    return Traces(upper, lower)


def band_of(page: Ink, at: float, reach_px: int, left_px: int, right_px: int) -> Ink:
    """Return ``2 reach + 1`` rows of a page around a baseline; outside the page it is paper."""
    out = np.zeros((2 * reach_px + 1, right_px - left_px), dtype=np.uint8)
    top, first = round(at) - reach_px, max(left_px, 0)
    part = page[max(top, 0) : top + len(out), first:right_px]
    down, across = max(-top, 0), first - left_px
    out[down : down + part.shape[0], across : across + part.shape[1]] = part
    return out


def _followed(band: NDArray[np.uint8], near: int) -> tuple[Heights, Heights]:
    """Return the ends of the stroke nearest to the middle row, as heights above it."""
    count = len(band)
    middle = count // 2
    places = np.arange(count, dtype=np.int16)[:, None]
    order = np.argsort(np.abs(places[:, 0] - middle), kind="stable")[: 2 * near + 1]
    nearest = order[band[order].argmax(axis=0)].astype(np.int16)
    has = band[nearest, np.arange(band.shape[1])] > 0
    light = band == 0
    # The last light pixel above the nearest dark one, and the first below: the stroke's ends.
    before = np.where(light & (places < nearest), places, np.int16(-1)).max(axis=0)
    after = np.where(light & (places > nearest), places, np.int16(count)).min(axis=0)
    upper = np.where(has, middle - before - 1, 0).astype(np.float32)
    lower = np.where(has, middle - after + 1, 1).astype(np.float32)
    return upper, lower
