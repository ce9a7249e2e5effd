"""Which true box a proposal is to learn, and what is lost where it does not. Training only.

Not every picture names every kind: where hearts were not marked, a box around the heart is neither
right nor wrong. A kind that is unknown in a picture takes no part in its softmax or dense loss,
and inside the chest of such a picture no anchor is background to a score that knows no kinds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from inference.nets.cascade_operators import offsets, pairwise_iou

UNKNOWN: Final = -1e4
"""Added to the logit of a kind that was not marked in a picture."""
ANCHOR_HIT: Final = 0.6
ANCHOR_MISS: Final = 0.3
SAMPLED_ANCHORS: Final = 128
_FOCUS, _BALANCE = 2.0, 0.25
"""Of the focal loss (Lin et al. 2017, https://arxiv.org/abs/1708.02002)."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of one picture.

    ``boxes [n, 4]`` in pixels of the net's square, ``kinds [n]`` from 0 on, ``known [kind]``
    whether the kind was marked here.
    """

    boxes: Tensor
    kinds: Tensor
    known: Tensor

    def to(self, device: torch.device) -> Truth:
        """Return the same on a device."""
        return Truth(self.boxes.to(device), self.kinds.to(device), self.known.to(device))

    def chest(self) -> Tensor | None:
        """Return the box ``[1, 4]`` around all boxes, or None without any."""
        if len(self.boxes) == 0:
            return None
        return torch.cat([self.boxes[:, :2].amin(0), self.boxes[:, 2:].amax(0)])[None]


def matched(boxes: Tensor, truth: Truth) -> tuple[Tensor, Tensor]:
    """Return of each box the overlap with its best true box, and which that is."""
    if len(truth.boxes) == 0:
        nothing = torch.zeros(len(boxes), device=boxes.device)
        return nothing, nothing.long()
    overlap, place = pairwise_iou(boxes, truth.boxes).max(dim=1)
    return overlap, place


def anchor_targets(anchors: Tensor, truth: Truth) -> tuple[Tensor, Tensor]:
    """Return of each anchor 1 for a hit, 0 for background, -1 for neither, and its true box.

    For a score that knows no kinds: whether an anchor of an incompletely marked chest shows
    something is unknown unless it shows what was marked.
    """
    state, place = marked_targets(anchors, truth)
    chest = truth.chest()
    if chest is not None and not bool(truth.known.all()):
        state[(state == 0) & (_share_inside(anchors, chest) > 0.5)] = -1.0
    return state, place


def marked_targets(anchors: Tensor, truth: Truth) -> tuple[Tensor, Tensor]:
    """Return the same for the marked kinds alone, of which every box of a picture is known."""
    overlap, place = matched(anchors, truth)
    state = torch.full_like(overlap, -1.0)
    state[overlap < ANCHOR_MISS] = 0.0
    state[overlap >= ANCHOR_HIT] = 1.0
    if len(truth.boxes):
        # The best anchor of each true box learns it, however poorly it fits.
        best = pairwise_iou(anchors, truth.boxes).argmax(dim=0)
        state[best] = 1.0
        place = place.clone()
        place[best] = torch.arange(len(best), device=best.device)
    return state, place


def _share_inside(boxes: Tensor, outer: Tensor) -> Tensor:
    corner = torch.maximum(boxes[:, :2], outer[:, :2])
    other = torch.minimum(boxes[:, 2:], outer[:, 2:])
    shared = (other - corner).clamp(min=0).prod(dim=1)
    return shared / (boxes[:, 2:] - boxes[:, :2]).prod(dim=1).clamp(min=1e-9)


def proposal_loss(
    scores: Tensor, shifts: Tensor, anchors: Tensor, truth: Truth, generator: torch.Generator
) -> Tensor:
    """Return the loss of objectness ``[anchor, 1]`` and offsets ``[anchor, 4]`` of one picture."""
    state, place = anchor_targets(anchors, truth)
    hits = picked(state == 1, SAMPLED_ANCHORS // 2, generator)
    misses = picked(state == 0, SAMPLED_ANCHORS - len(hits), generator)
    both = torch.cat([hits, misses])
    if len(both) == 0:
        return scores.sum() * 0.0
    right = functional.binary_cross_entropy_with_logits(scores[both, 0], state[both])
    return right + _offset_loss(shifts, anchors, truth, hits, place, (1.0, 1.0), len(both))


def dense_loss(scores: Tensor, shifts: Tensor, anchors: Tensor, truth: Truth) -> Tensor:
    """Return the focal loss of a single-stage detector from scores ``[anchor, kind]``."""
    # Each kind has a score of its own, so leaving out those of unmarked kinds is enough: anchors
    # inside the chest must learn that they are no lung, or they end up scoring above the hits.
    state, place = marked_targets(anchors, truth)
    goal = torch.zeros_like(scores)
    hits = torch.nonzero(state == 1)[:, 0]
    if len(hits):
        goal[hits, truth.kinds[place[hits]]] = 1.0
    chance = torch.sigmoid(scores)
    away = torch.where(goal > 0, 1 - chance, chance)
    balance = torch.where(goal > 0, _BALANCE, 1 - _BALANCE)
    each = functional.binary_cross_entropy_with_logits(scores, goal, reduction="none")
    counts = (state >= 0)[:, None] & truth.known[None, :]
    lost = (balance * away**_FOCUS * each)[counts].sum() / max(1, len(hits))
    return lost + _offset_loss(shifts, anchors, truth, hits, place, (1.0, 1.0), len(hits))


def stage_loss(
    logits: Tensor,
    shifts: Tensor,
    boxes: Tensor,
    truth: Truth,
    overlap_wanted: float,
    weights: tuple[float, float],
) -> Tensor:
    """Return the loss of one cascade stage on one picture.

    ``logits [box, 1 + kind]``, the first for background; ``shifts [box, 4]`` of no kind.
    """
    overlap, place = matched(boxes, truth)
    hits = torch.nonzero(overlap >= overlap_wanted)[:, 0]
    goal = torch.zeros(len(boxes), dtype=torch.long, device=boxes.device)
    if len(hits):
        goal[hits] = truth.kinds[place[hits]] + 1
    masked = logits.float().clone()
    masked[:, 1:] += torch.where(truth.known, 0.0, UNKNOWN)[None]
    right = functional.cross_entropy(masked, goal)
    return right + _offset_loss(shifts, boxes, truth, hits, place, weights, len(boxes))


def _offset_loss(
    shifts: Tensor,
    boxes: Tensor,
    truth: Truth,
    hits: Tensor,
    place: Tensor,
    weights: tuple[float, float],
    among: int,
) -> Tensor:
    if len(hits) == 0:
        return shifts.sum() * 0.0
    goal = offsets(boxes[hits], truth.boxes[place[hits]], weights)
    lost = functional.smooth_l1_loss(shifts[hits].float(), goal, beta=1.0 / 9, reduction="sum")
    return lost / max(1, among)


def sample(
    proposals: Tensor,
    truth: Truth,
    count: int,
    overlap: float,
    generator: torch.Generator,
    hits_share: float = 0.25,
) -> Tensor:
    """Return at most ``count`` boxes to learn from; true boxes join.

    ``hits_share`` of them are hits: a quarter as in Girshick's Fast R-CNN, more where few large
    organs are to be placed tightly.
    """
    boxes = torch.cat([proposals, truth.boxes.to(proposals.dtype)])
    best, _ = matched(boxes, truth)
    hits = picked(best >= overlap, round(hits_share * count), generator)
    misses = picked(best < overlap, count - len(hits), generator)
    return boxes[torch.cat([hits, misses])]


def picked(chosen: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Return the places of at most ``most`` true values, drawn with the generator."""
    places = torch.nonzero(chosen)[:, 0]
    if len(places) <= most:
        return places
    order = torch.randperm(len(places), generator=generator)[:most]
    return places[order.to(places.device)]
