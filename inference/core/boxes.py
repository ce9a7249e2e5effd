"""Boxes over a picture: overlap, average precision, the box that never looks, the ratio of two.

Pure. A box is ``[left, top, right, bottom]`` in pixels; the right and bottom edges lie outside.
Average precision is COCO's (Lin et al. 2014, https://arxiv.org/abs/1405.0312; the rules are those
of https://github.com/cocodataset/cocoapi): greedy matching by falling score, one detection to one
true box, precision made monotonous and read at 101 recalls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]
"""``[box, 4]``."""
Array = NDArray[np.float64]

OVERLAPS: Final = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""Intersection over union at which COCO asks whether a detection is right."""
_RECALLS: Final = np.linspace(0.0, 1.0, 101)
MOST_DETECTIONS: Final = 100
"""Of one picture and kind that count, as in COCO."""


def iou(first: Boxes, second: Boxes) -> Array:
    """Return intersection over union of every pair: ``[first, second]``; 0 for empty boxes."""
    corner = np.maximum(first[:, None, :2], second[None, :, :2])
    other = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.clip(other - corner, 0.0, None), axis=2)
    union = area(first)[:, None] + area(second)[None, :] - shared
    found: Array = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return found


def area(boxes: Boxes) -> Array:
    """Return the area of each box, 0 where right or bottom lie before left or top."""
    found: Array = np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0.0, None), axis=1)
    return found


@dataclass(frozen=True, slots=True)
class Judged:
    """Of one picture: its detections by falling score, and at which overlap each is right.

    ``score`` ``[detection]``, ``right`` ``[overlap, detection]``, ``truths`` how many true boxes.
    """

    score: Array
    right: NDArray[np.bool_]
    truths: int


def judged(
    found: Boxes, score: Array, truth: Boxes, overlaps: Sequence[float] = OVERLAPS
) -> Judged:
    """Match the detections of one picture and kind to its true boxes."""
    order = np.argsort(-score, kind="stable")[:MOST_DETECTIONS]
    shared = iou(found[order], truth)
    right = np.stack([_matched(shared, least) for least in overlaps])
    return Judged(score[order], right, len(truth))


def _matched(shared: Array, least: float) -> NDArray[np.bool_]:
    """Return of each detection whether a true box that overlaps it enough is still free."""
    right = np.zeros(len(shared), dtype=bool)
    free = np.ones(shared.shape[1], dtype=bool)
    for place, overlap in enumerate(shared):
        possible = np.where(free, overlap, -1.0)
        if not len(possible) or possible.max() < least - 1e-10:
            continue
        best = len(possible) - 1 - int(np.argmax(possible[::-1]))  # of equal ones COCO's last
        free[best], right[place] = False, True
    return right


def average_precision(pictures: Sequence[Judged]) -> Array:
    """Return the average precision at each overlap; NaN where no picture has a true box."""
    truths = sum(each.truths for each in pictures)
    overlaps = len(pictures[0].right) if pictures else len(OVERLAPS)
    if truths == 0:
        return np.full(overlaps, np.nan)
    score = np.concatenate([each.score for each in pictures])
    order = np.argsort(-score, kind="stable")
    right = np.concatenate([each.right for each in pictures], axis=1)[:, order]
    return np.array([_area_under(each, truths) for each in right])


def _area_under(right: NDArray[np.bool_], truths: int) -> float:
    if not len(right):
        return 0.0
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(right) + 1)
    monotonous = np.maximum.accumulate(precision[::-1])[::-1]
    place = np.searchsorted(hits / truths, _RECALLS, side="left")
    return float(np.where(place < len(right), np.r_[monotonous, 0.0][place], 0.0).mean())


def suppressed(
    boxes: Boxes, score: Array, overlap: float, least: float, most: int
) -> NDArray[np.int64]:
    """Return the places of the boxes that greedy suppression keeps, by falling score."""
    order = np.argsort(-score, kind="stable")
    order = order[score[order] > least]
    near = iou(boxes[order], boxes[order]) > overlap
    free = np.ones(len(order), dtype=bool)
    kept: list[int] = []
    for place in range(len(order)):
        if free[place] and len(kept) < most:
            kept.append(place)
            free &= ~near[place]
    found: NDArray[np.int64] = order[np.array(kept, dtype=np.int64)]
    return found


def median_boxes(boxes: Mapping[str, Boxes], sizes: Mapping[str, NDArray[np.int64]]) -> Boxes:
    """Return the box that never looks: of each kind the median in shares of the picture.

    Parameters
    ----------
    boxes, sizes
        By kind (right and left lung apart): ``[picture, 4]``, and rows and columns
        ``[picture, 2]``.
    """
    return np.array([np.median(boxes[kind] / _extent(sizes[kind]), axis=0) for kind in boxes])


def in_picture(shares: Boxes, rows: int, columns: int) -> Boxes:
    """Return boxes that are given in shares of a picture in its pixels."""
    return shares * _extent(np.array([[rows, columns]]))


def _extent(sizes: NDArray[np.int64]) -> Array:
    return np.asarray(sizes, dtype=np.float64)[:, [1, 0, 1, 0]]


def cardiothoracic_ratio(heart: Array, right_lung: Array, left_lung: Array) -> float | None:
    """Return the width of the heart over that of the chest, from three boxes ``[4]``.

    The chest reaches from the outer edge of the right lung, on the left of the picture, to that of
    the left one: the inner width of the ribs, as Danzer measured it in 1919 (Am J Med Sci 157:513;
    cited from memory, unverified). None where the lungs
    are not side by side. A box is as wide as what it holds anywhere: with `cardiomediastinum` for
    the heart it is that of the heart wherever the heart is wider than the vessels above it.
    """
    chest = float(left_lung[2] - right_lung[0])
    width = float(heart[2] - heart[0])
    centre_of_left, centre_of_right = left_lung[[0, 2]].mean(), right_lung[[0, 2]].mean()
    if chest <= 0 or width <= 0 or centre_of_left <= centre_of_right:
        return None
    return width / chest
