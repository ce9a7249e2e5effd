"""Curves painted with soft edges, many at once: the pen of the ECG printer.

Rule of the file: coordinates in pixels in, a picture changed in place; no ECG is known here.

A curve that moves to the right and turns up and down covers, in each column of the picture, one
stretch from its lowest to its highest point there. Painting those stretches, each pixel by the
share that is covered, is exact for such curves and far faster than `cv2.polylines`, whose soft
lines of more than one pixel cost 13 ms of a page of 1340 x 760 (measured; this: below 1 ms).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Line = NDArray[np.float64]

_PARTS: Final = 2
"""Columns a pixel is divided into, for soft edges of steep lines."""


def paint_curves(
    pixels: Pixels,
    curves: Sequence[tuple[Line, Line]],
    colour: tuple[int, int, int],
    width_px: float,
) -> None:
    """Paint curves ``(x, y)`` whose x never decreases, ``width_px`` wide, into RGB ``pixels``.

    The centre of the pixel in row 3, column 5 is x = 5.5, y = 3.5. What leaves the picture is cut.
    """
    for x, y in curves:
        if len(x) > 1:
            _paint_curve(
                pixels,
                x.astype(np.float64),
                y.astype(np.float64),
                np.asarray(colour, dtype=np.float64),
                float(width_px),
            )


@njit(cache=True, nogil=True)
def _paint_curve(pixels: Pixels, x: Line, y: Line, colour: Line, width_px: float) -> None:
    height, width = pixels.shape[0], pixels.shape[1]
    first = max(int(np.floor(x[0])), 0)
    last = min(int(np.ceil(x[-1])), width)
    if last <= first:
        return
    low, high = _stretches(x, y, first, (last - first) * _PARTS)
    brush = int(0.35 * width_px * _PARTS)
    for column in range(first, last):
        lows = np.empty(_PARTS)
        highs = np.empty(_PARTS)
        for part in range(_PARTS):
            lows[part], highs[part] = np.inf, -np.inf
            here = (column - first) * _PARTS + part
            for near in range(max(here - brush, 0), min(here + brush + 1, len(low))):
                lows[part] = min(lows[part], low[near])
                highs[part] = max(highs[part], high[near])
            lows[part] -= width_px / 2
            highs[part] += width_px / 2
        top = max(int(np.floor(lows.min())), 0)
        bottom = min(int(np.ceil(highs.max())), height)
        for row in range(top, bottom):
            share = 0.0
            for part in range(_PARTS):
                share += max(min(highs[part], row + 1.0) - max(lows[part], row + 0.0), 0.0)
            share /= _PARTS
            for channel in range(3):
                old = float(pixels[row, column, channel])
                pixels[row, column, channel] = np.uint8(
                    old + share * (colour[channel] - old) + 0.5
                )


@njit(cache=True, nogil=True)
def _stretches(x: Line, y: Line, first: int, count: int) -> tuple[Line, Line]:
    """Return the lowest and highest point of the curve in each part of a column."""
    low = np.full(count, np.inf)
    high = np.full(count, -np.inf)
    for index in range(len(x) - 1):
        a, b = (x[index] - first) * _PARTS, (x[index + 1] - first) * _PARTS
        rise = (y[index + 1] - y[index]) / (b - a) if b > a else 0.0
        for part in range(max(int(np.floor(a)), 0), min(int(np.floor(b)) + 1, count)):
            start = y[index] + rise * (max(a, float(part)) - a)
            stop = y[index] + rise * (min(b, part + 1.0) - a) if b > a else y[index + 1]
            low[part] = min(low[part], start, stop)
            high[part] = max(high[part], start, stop)
    return low, high
