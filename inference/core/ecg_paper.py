"""Ink told from paper: a page's picture brought to one channel, whatever light fell on it.

Rule of the file: grey values only; where the page is and which way up it lies is `ecg_page`'s.

Each channel is divided by the paper's own brightness nearby, which takes out shadow, exposure and
tint; the brightest of the three then counts, which takes out most of a coloured grid, because a
pink line is bright in red and ink is dark in all. What is left is scaled so that paper is 0 and
the darkest ink 255.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Ink = NDArray[np.uint8]
"""``[height, width]``: 0 is paper, 255 the darkest ink of the page."""

_REDUCTION: Final = 4
_PAPER_WINDOW: Final = 11
"""In reduced pixels: wider than any stroke, narrower than a shadow."""
_DARKEST_SHARE: Final = 0.004
"""So much of an ECG page is ink at the least."""
_LEAST_CONTRAST: Final = 40
"""Grey levels: without ink a page stays paper instead of its noise being made ink."""


def flattened(pixels: Pixels) -> NDArray[np.uint8]:
    """Return RGB ``[h, w, 3]`` with paper at 255 in every channel: light and tint taken out."""
    height, width = pixels.shape[:2]
    whole = pixels[: height // _REDUCTION * _REDUCTION, : width // _REDUCTION * _REDUCTION]
    # By a whole number: a third of the time that another ratio takes.
    size = (max(1, width // _REDUCTION), max(1, height // _REDUCTION))
    small = cv2.resize(whole if whole.size else pixels, size, interpolation=cv2.INTER_AREA)
    window = np.ones((_PAPER_WINDOW, _PAPER_WINDOW), dtype=np.uint8)
    paper = cv2.blur(np.asarray(cv2.dilate(small, window)), (_PAPER_WINDOW, _PAPER_WINDOW))
    paper = cv2.resize(np.asarray(paper), (width, height))
    flat = cv2.divide(pixels, np.asarray(paper), scale=255.0)
    return np.asarray(flat, dtype=np.uint8)


def ink_of(pixels: Pixels) -> Ink:
    """Return the ink of an RGB page ``[h, w, 3]`` as ``[h, w]``."""
    return ink_of_light(lightest(flattened(pixels)))


def lightest(flat: Pixels) -> NDArray[np.uint8]:
    """Return the brightest of the three channels, ``[h, w]``: coloured lines vanish in it."""
    red, green, blue = cv2.split(flat)
    return np.asarray(cv2.max(cv2.max(red, green), blue), dtype=np.uint8)


def ink_of_light(light: NDArray[np.uint8]) -> Ink:
    """Return the ink of what `lightest` made of a flattened page."""
    counts = np.cumsum(np.asarray(cv2.calcHist([light], [0], None, [256], [0, 256])))
    paper = int(np.searchsorted(counts, 0.5 * light.size))
    dark = int(np.searchsorted(counts, _DARKEST_SHARE * light.size))
    contrast = max(paper - dark, _LEAST_CONTRAST)
    table = np.clip((paper - np.arange(256)) * (255.0 / contrast), 0, 255)
    return np.asarray(cv2.LUT(light, table.astype(np.uint8)), dtype=np.uint8)
