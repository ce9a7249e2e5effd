"""Marks on paper: creases, stains and writing by hand, painted into a page in place.

Rule of the file: what lies on the paper itself, before any camera. Shapes are drawn from the
generator that is passed in; writing is strokes that look like words from afar and mean nothing.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def creased(page: Pixels, strength: float, rng: np.random.Generator) -> None:
    """Fold the page up to three times: a dark and a light side along each crease."""
    height, width = page.shape[:2]
    scale = 2
    relief = np.zeros((height // scale, width // scale), dtype=np.float32)
    for _ in range(int(rng.integers(1, 4))):
        depth = float(rng.uniform(10, 45) * strength)
        thickness = max(1, round(rng.uniform(1.5, 5) * relief.shape[1] / 1320))
        share, drift = rng.uniform(0.1, 0.9), rng.uniform(-0.05, 0.05)
        ends = np.array([[share, 0.0], [share + drift, 1.0]])
        if rng.random() < 0.4:
            ends = ends[:, ::-1]
        start, stop = np.rint(ends * relief.shape[::-1]).astype(int).tolist()
        cv2.line(relief, start, stop, depth, thickness)
    relief = np.asarray(cv2.GaussianBlur(relief, (0, 0), max(1.0, width / 900)))
    lit = np.roll(relief, max(1, relief.shape[1] // 400), axis=1)
    whole = np.asarray(cv2.resize(0.6 * lit - relief, (width, height)))
    cv2.add(page, cv2.merge([whole] * 3), dst=page, dtype=cv2.CV_8U)


def stained(page: Pixels, rng: np.random.Generator) -> None:
    """Spill something: a ring or blots, translucent, brownish or greyish."""
    height, width = page.shape[:2]
    scale = 4
    mask = np.zeros((height // scale + 1, width // scale + 1), dtype=np.float32)
    centre = (int(rng.integers(mask.shape[1])), int(rng.integers(mask.shape[0])))
    radius = int(rng.uniform(0.05, 0.16) * mask.shape[1])
    if rng.random() < 0.5:
        cv2.circle(mask, centre, radius, 1.0, max(1, radius // 10))
        cv2.circle(mask, centre, radius, 0.25, -1)
    for _ in range(int(rng.integers(1, 6))):
        at = (int(rng.integers(mask.shape[1])), int(rng.integers(mask.shape[0])))
        axes = (int(rng.integers(2, radius + 3)), int(rng.integers(2, radius + 3)))
        cv2.ellipse(mask, at, axes, float(rng.uniform(0, 180)), 0, 360, 0.6, -1)
    soft = np.asarray(cv2.GaussianBlur(mask, (0, 0), 2.0)) * float(rng.uniform(0.2, 0.7))
    dye = rng.uniform(0.55, 0.95, 3) * np.array([1.0, 0.92, 0.8])
    passed = (1.0 - soft[:, :, None] * (1.0 - dye)).astype(np.float32)
    cv2.multiply(page, cv2.resize(passed, (width, height)), dst=page, dtype=cv2.CV_8U)


def handwritten(page: Pixels, rng: np.random.Generator) -> None:
    """Write one to four words, sometimes with a circle or an arrow, in blue, black or red."""
    width = page.shape[1]
    for _ in range(int(rng.integers(1, 5))):
        colour = ((30, 40, 140), (25, 25, 30), (160, 30, 30))[
            int(rng.choice(3, p=[0.5, 0.35, 0.15]))
        ]
        size = rng.uniform(0.012, 0.028) * width
        at = rng.uniform((0.02, 0.02), (0.85, 0.95)) * np.array([width, page.shape[0]])
        thickness = max(1, round(size / 14))
        if rng.random() < 0.2:
            axes = (round(size * rng.uniform(1, 4)), round(size * rng.uniform(1, 3)))
            centre = (round(at[0]), round(at[1]))
            cv2.ellipse(page, centre, axes, 0.0, 10, 350, colour, thickness, cv2.LINE_AA)
            continue
        for stroke in _word(size, at, rng):
            points = np.rint(stroke * 16).astype(np.int32)
            cv2.polylines(page, [points], False, colour, thickness, cv2.LINE_AA, 4)


def _word(
    size: float, at: NDArray[np.float64], rng: np.random.Generator
) -> list[NDArray[np.float64]]:
    """Return strokes of a word that says nothing: loops that lean and run to the right."""
    strokes, x = [], 0.0
    slant, slope = rng.uniform(-0.1, 0.5), rng.uniform(-0.15, 0.15)
    for _ in range(int(rng.integers(2, 9))):
        count = int(rng.integers(3, 6))
        knots = np.cumsum(rng.normal(0.0, 0.4, (count, 2)), axis=0) + np.array([0.0, 0.4])
        knots[:, 0] += np.linspace(0, 0.8, count)
        time = np.linspace(0, count - 1, 6 * count)
        curve = np.stack([np.interp(time, np.arange(count), knots[:, axis]) for axis in (0, 1)], 1)
        curve[1:-1] = (curve[:-2] + curve[1:-1] + curve[2:]) / 3
        lean = curve[:, 0] + slant * curve[:, 1] + x
        strokes.append(np.stack([lean, -curve[:, 1] + slope * lean], axis=1) * size + at)
        x += rng.uniform(0.6, 1.0)
    return strokes
