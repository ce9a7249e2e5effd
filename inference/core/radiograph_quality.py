"""How good a radiograph is to read: which way up it lies, whole lungs, exposure. Pure.

What is measured here was tried on real pictures that were turned, inverted, cropped or burnt on
purpose. What could not be tried is not guessed: rotation of the patient about the long axis, depth
of the breath, side markers. Lines and tubes were tried (AUROC .80 where it counts) and are not
said: deploy/decisions/0076.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.core.boxes import Array
from inference.core.radiograph import Grey
from inference.core.radiograph_reading import LEFT_LUNG, RIGHT_LUNG, Detections

LEAST_CHANCE: Final = 0.5
"""From which upside down, or black for white, is a doubt."""
LEAST_CHANCE_OF_A_QUARTER: Final = 0.6
"""The same for a quarter turn to either side: of four equally likely turns these two have .5."""
EDGE_SHARE: Final = 1.0 / 256.0
"""A lung whose box is nearer to an edge than this share of the longer side may go on beyond it."""
LEAST_SPREAD: Final = 25.0
"""Steps of 255 between the 5th and the 95th percentile of the chest; 27 is the least of 109 public
radiographs under CC BY, 83 their median."""
MOST_BURNT: Final = 0.03
"""Share of the chest that is black or white without detail; .006 is the most of the same 109."""
_BLACK, _WHITE = 3, 252
_LUNGS: Final = ((RIGHT_LUNG, "right lung"), (LEFT_LUNG, "left lung"))
_EDGES: Final = ("left", "upper", "right", "lower")


def doubts_of(grey: Grey, detections: Detections) -> tuple[str, ...]:
    """Return in clauses what lowers what may be said of a picture; empty where nothing does.

    Parameters
    ----------
    grey
        The picture that was read, ``[row, column]``.
    detections
        What the net found in it, in its pixels.
    """
    return (
        *_posture_doubts(detections.posture),
        *_lung_doubts(detections, grey.shape[0], grey.shape[1]),
        *_exposure_doubts(grey, detections),
    )


def posture_of(logits: Array) -> tuple[float, float, float]:
    """Return the chances of a quarter turn, of upside down, and of black for white.

    ``logits [5]``: four of quarter turns (upright, left, upside down, right), which exclude one
    another, and one of its own. Left and right count together: to a net that was taught mirrored
    pictures either looks like the other.
    """
    odds = np.exp(logits[:4] - logits[:4].max())
    chances = odds / odds.sum()
    inverted = 1.0 / (1.0 + np.exp(-logits[4]))
    return float(chances[1] + chances[3]), float(chances[2]), float(inverted)


def _posture_doubts(logits: Array) -> list[str]:
    if len(logits) == 0:
        return []
    quarter, upside_down, inverted = posture_of(logits)
    doubts = []
    if quarter >= LEAST_CHANCE_OF_A_QUARTER:
        doubts.append("the picture may be turned by a quarter")
    elif upside_down >= LEAST_CHANCE:
        doubts.append("the picture may be upside down")
    if inverted >= LEAST_CHANCE:
        doubts.append("black and white may be exchanged")
    return doubts


def _lung_doubts(detections: Detections, rows: int, columns: int) -> list[str]:
    doubts = []
    for kind, name in _LUNGS:
        box = detections.found.best(kind)
        if box is None:
            doubts.append(f"the {name} was not found")
            continue
        near = EDGE_SHARE * max(rows, columns)
        cut = (box[0] < near, box[1] < near, box[2] > columns - near, box[3] > rows - near)
        at = [edge for edge, beyond in zip(_EDGES, cut, strict=True) if beyond]
        if at:
            doubts.append(f"the {name} may be cut off at the {' and '.join(at)} edge")
    return doubts


def _exposure_doubts(grey: Grey, detections: Detections) -> list[str]:
    chest = _chest(grey, detections)
    if chest is None:
        return []
    doubts = []
    low, high = np.percentile(chest, (5.0, 95.0))
    if high - low < LEAST_SPREAD:
        doubts.append("the chest has hardly any contrast")
    for burnt, colour in ((chest <= _BLACK, "black"), (chest >= _WHITE, "white")):
        if float(burnt.mean()) > MOST_BURNT:
            doubts.append(f"parts of the chest are {colour} without detail")
    return doubts


def _chest(grey: Grey, detections: Detections) -> NDArray[np.uint8] | None:
    """Return the pixels within the box around the found lungs, or None without any."""
    found = [detections.found.best(kind) for kind, _ in _LUNGS]
    boxes = np.array([box for box in found if box is not None]).reshape(-1, 4)
    if len(boxes) == 0:
        return None
    left, top = np.floor(boxes[:, :2].min(axis=0)).astype(int)
    right, bottom = np.ceil(boxes[:, 2:].max(axis=0)).astype(int)
    chest = grey[top:bottom, left:right]
    return chest if chest.size else None
