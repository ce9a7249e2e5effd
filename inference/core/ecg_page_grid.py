"""How wide a millimetre is on a picture of an ECG, and how the grid is turned.

Rule of the file: spectra of the grid; neither paper edges nor traces are looked at. The grid is a
comb in the spectrum: 5 mm lines give a line at f and its multiples, 1 mm lines at 5 f. The comb is
sought along directions near the picture's two axes, each on its own, so that a page stretched in
one direction is noticed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft2

Pixels = NDArray[np.uint8]
Lines = NDArray[np.uint8]
Floats = NDArray[np.float32]

_TILE: Final = 512
_MULTIPLES: Final = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
_WEIGHTS: Final = np.array([1.0, 0.5, 0.4, 0.4, 1.6])
_ANGLES: Final = np.radians(np.arange(-6.0, 6.01, 0.3))
_INK: Final = 90
"""Darkness in every channel beyond which a pixel is ink rather than grid."""
_STEP: Final = 0.005
"""From one size that is tried to the next, in logarithms."""
_ALIKE: Final = 1.0
_DARKEST_LINE: Final = 120.0
LEAST_STRENGTH: Final = 6.2
"""Below it no grid is believed: photographs of pages without one reach 5.5, once 6.6; those of
pages with one 6.9 to 10."""

_SURE_STRENGTH: Final = 8.0
"""From here on even a page that is stretched in one direction is believed."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A measured grid. ``angle`` is clockwise as seen, in radians; ``strength`` has no unit."""

    px_per_mm_across: float
    px_per_mm_down: float
    angle: float
    strength: float


def grid_of(lines: Lines, least_px_per_mm: float, most_px_per_mm: float) -> Grid | None:
    """Return the grid of a page; None where there is none. ``lines`` is from `lines_of`."""
    spectrum = _prominence(lines)
    sizes = np.exp(
        np.arange(np.log(least_px_per_mm), np.log(most_px_per_mm), _STEP), dtype=np.float64
    )
    across = _comb(spectrum, sizes, _ANGLES)
    down = _comb(spectrum, sizes, _ANGLES + np.pi / 2)
    # One angle for both directions: what is left of a perspective is less than the spectrum shows.
    best = int(np.argmax(across.max(axis=0) + down.max(axis=0)))
    near = slice(max(best - 1, 0), best + 2)
    each = across[:, near].max(axis=1), down[:, near].max(axis=1)
    place_across, place_down = _pair(*each)
    strength = min(each[0][place_across], each[1][place_down])
    if strength < LEAST_STRENGTH:
        return None
    found = sizes[place_across], sizes[place_down]
    if strength < _SURE_STRENGTH and not 0.93 < found[0] / found[1] < 1.07:
        return None
    return Grid(float(found[0]), float(found[1]), float(_ANGLES[best]), float(strength))


def _pair(across: Floats, down: Floats) -> tuple[int, int]:
    """Return which sizes stand out most together: alike if that may be, else a little apart.

    On its own one direction can take rows of traces, 20 mm apart, for lines of the grid.
    """
    apart = np.abs(np.subtract.outer(np.arange(len(across)), np.arange(len(down)))) * _STEP
    both = np.add.outer(across, down) + _ALIKE * (apart < 0.07) - 100.0 * (apart > 0.28)
    place = np.unravel_index(int(both.argmax()), both.shape)
    return int(place[0]), int(place[1])


def lines_of(flat: Pixels) -> Lines:
    """Return how dark the most absorbed colour is, ``[h, w]``, ink blotted out.

    ``flat`` is RGB ``[h, w, 3]`` from `inference.core.ecg_paper.flattened`.
    """
    red, green, blue = cv2.split(flat)
    darkest = cv2.min(cv2.min(red, green), blue)
    lightest = cv2.max(cv2.max(red, green), blue)
    _, bright = cv2.threshold(lightest, 255 - _INK, 255, cv2.THRESH_BINARY)
    kept = np.asarray(cv2.erode(bright, np.ones((5, 5), np.uint8)), dtype=np.uint8)
    _, dark = cv2.threshold(cv2.bitwise_not(darkest), _DARKEST_LINE, 0.0, cv2.THRESH_TRUNC)
    usual = round(cv2.mean(dark, mask=kept)[0])
    return np.asarray(cv2.bitwise_or(cv2.bitwise_and(dark, kept), _blot(kept, usual)))


def _blot(kept: Lines, usual: int) -> Lines:
    return np.asarray(cv2.LUT(kept, np.where(np.arange(256) > 0, 0, usual).astype(np.uint8)))


def _prominence(lines: Lines) -> Floats:
    """Return the spectrum ``[tile, tile]``: logarithm above its surroundings, 0 Hz in the middle.

    Averaged over two tiles, so that lines need not keep step over the whole page.
    """
    height, width = lines.shape
    rows, columns = min(height, _TILE), min(width, _TILE)
    window = _window(rows, columns)
    power = np.zeros((_TILE, _TILE // 2 + 1), dtype=np.float32)
    top = (height - rows) // 2
    for left in np.linspace(0, width - columns, 1 + (width > 1.3 * _TILE)).astype(int):
        part = lines[top : top + rows, left : left + columns].astype(np.float32)
        part -= part.mean()
        wave = rfft2(part * window, s=(_TILE, _TILE))
        power += wave.real**2 + wave.imag**2
    half = np.fft.fftshift(power, axes=0)
    level = np.log(half + 1e-3 * half.mean() + 1e-9).astype(np.float32)
    above = np.clip(level - np.asarray(cv2.blur(level, (15, 15))), 0.0, 5.0)
    # The other half of the plane is the same, seen through the middle.
    whole = np.zeros((_TILE, _TILE), dtype=np.float32)
    whole[:, _TILE // 2 :] = above[:, :-1]
    whole[1:, 1 : _TILE // 2] = above[:0:-1, _TILE // 2 - 1 : 0 : -1]
    return whole


@lru_cache(maxsize=8)
def _window(rows: int, columns: int) -> Floats:
    return np.outer(np.hanning(rows), np.hanning(columns)).astype(np.float32)


def _comb(spectrum: Floats, sizes: NDArray[np.float64], angles: NDArray[np.float64]) -> Floats:
    """Return ``[size, angle]``: how far a comb stands out, in weighted mean logarithms."""
    frequency = _MULTIPLES[None, :] / (5.0 * sizes[:, None])
    x = frequency[:, :, None] * np.cos(angles) * _TILE + _TILE / 2
    y = frequency[:, :, None] * np.sin(angles) * _TILE + _TILE / 2
    inside = frequency < 0.47
    shape = (len(sizes) * len(_MULTIPLES), len(angles))
    maps = x.reshape(shape).astype(np.float32), y.reshape(shape).astype(np.float32)
    sampled = np.asarray(cv2.remap(spectrum, *maps, cv2.INTER_LINEAR)).reshape(x.shape)
    weight = np.where(inside, _WEIGHTS[None, :], 0.0)
    height = (sampled * weight[:, :, None]).sum(axis=1) / _WEIGHTS.sum() * 2.0
    return np.asarray(height, dtype=np.float32)
