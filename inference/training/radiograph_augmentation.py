"""Radiographs as they might have come: moved, turned, cropped, exposed and printed differently.

Boxes move with the picture. A mirrored picture shows a heart on the other side: whoever mirrors
swaps the names of the lungs as well, so that a right lung stays on the left of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.core.radiograph import Grey
from inference.core.radiograph_input import placed

Boxes = NDArray[np.float64]
Square = NDArray[np.float32]
LEAST_LEFT: Final = 0.4
"""Share of a box that must still be in the picture for the box to teach."""


@dataclass(frozen=True, slots=True)
class Strength:
    """How far pictures are changed; 0 everywhere leaves them as served."""

    turn_degrees: float = 8.0
    scale: float = 0.18
    shift: float = 0.1
    stretch: float = 0.08
    grey: float = 0.35
    noise: float = 0.04
    erase: float = 0.25
    mirror: float = 0.0
    """Share of pictures that are mirrored."""


def augmented(
    grey: Grey, boxes: Boxes, side: int, random: np.random.Generator, strength: Strength
) -> tuple[Square, Boxes, NDArray[np.bool_]]:
    """Return a changed picture ``[side, side]``, 0 to 1, its boxes, and which of them it keeps."""
    rows, columns = grey.shape
    matrix = _change(rows, columns, side, random, strength)
    shrunk = _shrunk(grey, side)
    matrix = matrix @ np.diag([columns / shrunk.shape[1], rows / shrunk.shape[0], 1.0])
    picture = cv2.warpAffine(shrunk, matrix[:2], (side, side), flags=cv2.INTER_LINEAR)
    moved = _moved(boxes, matrix @ np.diag([shrunk.shape[1] / columns, shrunk.shape[0] / rows, 1]))
    inside = np.clip(moved, 0.0, float(side))
    left = np.prod(inside[:, 2:] - inside[:, :2], axis=1)
    kept = left > LEAST_LEFT * np.prod(moved[:, 2:] - moved[:, :2], axis=1)
    share = _regreyed(np.asarray(picture, dtype=np.float32) / 255.0, random, strength)
    return share, inside, kept


def mirrored(square: Square, boxes: Boxes) -> tuple[Square, Boxes]:
    """Return a square and its boxes as a mirror shows them."""
    side = float(square.shape[1])
    found = boxes.copy()
    found[:, [0, 2]] = side - boxes[:, [2, 0]]
    return np.ascontiguousarray(square[:, ::-1]), found


def _shrunk(grey: Grey, side: int) -> Grey:
    """Return the picture at no more than twice the net's side: warping does not average."""
    share = min(1.0, 1.4 * side / max(grey.shape))
    if share == 1.0:
        return grey
    size = (round(grey.shape[1] * share), round(grey.shape[0] * share))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _change(
    rows: int, columns: int, side: int, random: np.random.Generator, strength: Strength
) -> NDArray[np.float64]:
    """Return the matrix ``[3, 3]`` from the picture's pixels to the square's."""
    placement = placed(rows, columns, side)
    turn = np.deg2rad(strength.turn_degrees) * random.uniform(-1, 1)
    scale = placement.scale * np.exp(strength.scale * random.uniform(-1, 1))
    stretch = np.exp(strength.stretch * random.uniform(-1, 1))
    shift = side * (0.5 + strength.shift * random.uniform(-1, 1, 2))
    cosine, sine = np.cos(turn), np.sin(turn)
    turned = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag(
        [scale * stretch, scale / stretch]
    )
    matrix = np.eye(3)
    matrix[:2, :2] = turned
    matrix[:2, 2] = shift - turned @ [columns / 2, rows / 2]
    return matrix


def _moved(boxes: Boxes, matrix: NDArray[np.float64]) -> Boxes:
    """Return the boxes after a change of the picture.

    An organ fills its box as an ellipse rather than to the corners: turning by an angle widens its
    box by the ellipse's width, not by the corners'.
    """
    centre = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, np.ones((len(boxes), 1))], axis=1)
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    centre = centre @ matrix[:2].T
    reach = np.sqrt((half**2) @ (matrix[:2, :2] ** 2).T)
    return np.asarray(np.concatenate([centre - reach, centre + reach], axis=1))


def _regreyed(share: Square, random: np.random.Generator, strength: Strength) -> Square:
    """Return other exposure, contrast, sharpness, noise, and patches that hide something."""
    low, high = random.uniform(0, strength.grey / 2), 1 - random.uniform(0, strength.grey / 2)
    gamma = float(np.exp(2 * random.uniform(-strength.grey, strength.grey)))
    found = _float32(np.clip((share - low) / (high - low), 0.0, 1.0) ** gamma)
    if random.random() < strength.grey:
        equalise = cv2.createCLAHE(random.uniform(1.0, 3.0), (4, 4))
        found = _float32(equalise.apply((255 * found).astype(np.uint8))) / np.float32(255)
    if random.random() < strength.grey:
        found = _float32(cv2.GaussianBlur(found, (0, 0), random.uniform(0.4, 1.5)))
    noise = random.uniform(0, strength.noise) * random.standard_normal(share.shape)
    found = _float32(np.clip(found + noise, 0.0, 1.0))
    if random.random() < strength.erase:
        _erase(found, random)
    return found


def _float32(values: Any) -> Square:  # noqa: ANN401 - as OpenCV types what it gives
    return np.asarray(values, dtype=np.float32)


def _erase(share: Square, random: np.random.Generator) -> None:
    """Write letters, arrows' worth of bars and blank patches over the picture, in place."""
    side = share.shape[0]
    for _ in range(int(random.integers(1, 4))):
        height, width = (random.uniform(0.02, 0.15, 2) * side).astype(int)
        top, left = int(random.integers(side - height)), int(random.integers(side - width))
        share[top : top + height, left : left + width] = random.random()


def turned(square: Square, random: np.random.Generator) -> tuple[Square, int, bool]:
    """Return a square turned by quarters, maybe with black for white, and how: without labels.

    Returns
    -------
    tuple
        The square, its quarter turns (0 upright, 1 left, 2 upside down, 3 right), and whether it
        is inverted.
    """
    quarters, inverted = int(random.integers(4)), bool(random.random() < 0.5)
    found = np.rot90(square, quarters)
    return np.ascontiguousarray(1.0 - found if inverted else found), quarters, inverted
