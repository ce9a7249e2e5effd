"""From what a detector says of a square to boxes in the picture, and their ratio. Pure.

The graph's outputs are those of `inference.nets.cascade_rcnn.Detected`, by name; the kinds are the
release's labels in their order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.core.boxes import Array, Boxes, cardiothoracic_ratio, suppressed
from inference.core.radiograph import Grey
from inference.core.radiograph_input import Placement, square_of
from inference.core.release import ReleasedModel

INPUT: Final = "radiograph"
OUTPUTS: Final = (
    "boxes",
    "score",
    "kind",
    "stage_boxes",
    "stage_scores",
    "posture",
    "embedding",
)
RIGHT_LUNG, LEFT_LUNG = "right_lung", "left_lung"
HEARTS: Final = ("heart", "cardiomediastinum")
"""Kinds whose width is the heart's; the first that is found counts."""
SUPPRESSED, LEAST_SCORE, MOST_OF_A_KIND = 0.5, 0.05, 20
"""As inside the graph; for the boxes of one stage, which leave it unsuppressed."""


@dataclass(frozen=True, slots=True)
class Found:
    """Boxes of one picture in its pixels: ``boxes [n, 4]``, ``score [n]``, kind of each."""

    boxes: Boxes = field(repr=False)
    score: Array = field(repr=False)
    kinds: tuple[str, ...]

    def best(self, kind: str) -> Array | None:
        """Return the box of a kind with the highest score, or None."""
        places = [place for place, own in enumerate(self.kinds) if own == kind]
        if not places:
            return None
        best: Array = self.boxes[max(places, key=lambda place: self.score[place])]
        return best


@dataclass(frozen=True, slots=True)
class Detections:
    """What a net found in one picture, at its end and after each stage."""

    found: Found
    stages: tuple[Found, ...]
    posture: Array
    embedding: Array


def batch_of(grey: Grey, side: int) -> tuple[dict[str, NDArray[np.float32]], Placement]:
    """Return the input of a release whose square has this side, and where the picture lies."""
    square, placement = square_of(grey, side)
    return {INPUT: square[None]}, placement


def side_of(release: ReleasedModel) -> int:
    """Return the side of the square that a release reads, in pixels."""
    side = next(spec.shape[-1] for spec in release.inputs if spec.name == INPUT)
    if side is None:
        raise ValueError("a detector's square has a fixed side")
    return side


def detections_of(
    outputs: Mapping[str, NDArray[Any]], placement: Placement, kinds: tuple[str, ...]
) -> Detections:
    """Return the boxes in the picture that a graph's outputs describe."""
    found = Found(
        placement.in_picture(np.asarray(outputs["boxes"], dtype=np.float64)),
        np.asarray(outputs["score"], dtype=np.float64),
        tuple(kinds[int(number)] for number in outputs["kind"]),
    )
    stages = tuple(
        _stage(boxes, scores, placement, kinds)
        for boxes, scores in zip(outputs["stage_boxes"], outputs["stage_scores"], strict=True)
    )
    posture, embedding = (
        np.asarray(outputs[name], dtype=np.float64) for name in ("posture", "embedding")
    )
    return Detections(found, stages, posture, embedding)


def _stage(
    boxes: NDArray[Any], scores: NDArray[Any], placement: Placement, kinds: tuple[str, ...]
) -> Found:
    """Return one stage's boxes ``[proposal, 4]`` after suppression of each kind."""
    square = np.asarray(boxes, dtype=np.float64)
    chances = np.asarray(scores, dtype=np.float64)
    places, names = [], []
    for number, kind in enumerate(kinds):
        kept = suppressed(square, chances[:, number], SUPPRESSED, LEAST_SCORE, MOST_OF_A_KIND)
        places += [(place, number) for place in kept]
        names += [kind] * len(kept)
    rows = np.array(places, dtype=np.int64).reshape(-1, 2)
    return Found(
        placement.in_picture(square[rows[:, 0]]), chances[rows[:, 0], rows[:, 1]], tuple(names)
    )


def ratio_of(found: Found) -> tuple[float, str] | None:
    """Return the cardiothoracic ratio and from which kind's width; None without the boxes."""
    right, left = found.best(RIGHT_LUNG), found.best(LEFT_LUNG)
    for kind in HEARTS:
        heart = found.best(kind)
        if heart is not None and right is not None and left is not None:
            ratio = cardiothoracic_ratio(heart, right, left)
            return None if ratio is None else (ratio, kind)
    return None
