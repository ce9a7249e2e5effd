"""Operators of a detector: suppression, RoIAlign, boxes as offsets. Each exports to one ONNX node.

torchvision's operators need its compiled part and export as what that part registers; these are
plain torch with a ``symbolic`` of their own, so that the graph holds NonMaxSuppression and
RoiAlign (https://onnx.ai/onnx/operators/) and ONNX Runtime computes what was trained. Boxes are
``[box, 4]``: left, top, right, bottom in pixels.
"""

from __future__ import annotations

import math
from typing import Any, Final

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional

MOST_LOG_SCALE: Final = math.log(1000.0 / 16.0)
"""A step changes a box's side by 62.5 times at most, so that the exponential stays finite."""
SAMPLES: Final = 2
"""Of RoIAlign along each side of a bin."""


def pairwise_iou(first: Tensor, second: Tensor) -> Tensor:
    """Return intersection over union ``[first, second]``."""
    corner = torch.maximum(first[:, None, :2], second[None, :, :2])
    other = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = (other - corner).clamp(min=0).prod(dim=2)
    union = _area(first)[:, None] + _area(second)[None, :] - shared
    return shared / union.clamp(min=1e-9)


def _area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(dim=1)


def offsets(boxes: Tensor, goals: Tensor, weights: tuple[float, float]) -> Tensor:
    """Return what moves ``boxes`` onto ``goals``: shifts in box sides and logarithms of scales.

    ``weights`` stretch shifts and scales, as the standard deviations of Girshick's R-CNN do.
    """
    size = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1e-3)
    wanted = (goals[:, 2:] - goals[:, :2]).clamp(min=1e-3)
    shift = ((goals[:, :2] + goals[:, 2:]) - (boxes[:, :2] + boxes[:, 2:])) / 2 / size
    return torch.cat([weights[0] * shift, weights[1] * torch.log(wanted / size)], dim=1)


def moved(boxes: Tensor, by: Tensor, weights: tuple[float, float], side: int) -> Tensor:
    """Return boxes moved by offsets and cut at the edges of a picture of ``side`` pixels."""
    size = boxes[:, 2:] - boxes[:, :2]
    centre = boxes[:, :2] + size / 2 + by[:, :2] / weights[0] * size
    half = size / 2 * torch.exp((by[:, 2:] / weights[1]).clamp(max=MOST_LOG_SCALE))
    return torch.cat([centre - half, centre + half], dim=1).clamp(0.0, float(side))


def mirrored(boxes: Tensor, side: int) -> Tensor:
    """Return boxes ``[..., 4]`` of a mirrored square in the square as it was."""
    left, top, right, bottom = boxes.unbind(dim=-1)
    return torch.stack([side - right, top, side - left, bottom], dim=-1)


def voted(boxes: Tensor, scores: Tensor, overlap: float) -> Tensor:
    """Return each box as the mean of those near it, weighted by their scores of its kind.

    ``boxes [n, 4]``, ``scores [n, kind]``; a box's kind is its likeliest, near are boxes that
    overlap it by more than ``overlap`` (Gidaris & Komodakis 2015,
    https://arxiv.org/abs/1505.01749, who let boxes vote in this way).
    """
    own = scores.T[scores.argmax(dim=1)]
    weight = torch.where(pairwise_iou(boxes, boxes) > overlap, own, torch.zeros_like(own))
    return (weight @ boxes) / weight.sum(dim=1, keepdim=True).clamp(min=1e-9)


class Suppression(Function):
    """Greedy non-maximum suppression of several kinds over shared boxes.

    ``boxes [n, 4]``, ``scores [kind, n]`` -> ``[kept, 2]``: kind and box, by kind and falling
    score; at most ``most`` of a kind, all above ``least``.
    """

    @staticmethod
    def forward(
        _: Any,  # noqa: ANN401 - torch's context
        boxes: Tensor,
        scores: Tensor,
        overlap: float,
        least: float,
        most: int,
    ) -> Tensor:
        """Return kind and box of what is kept."""
        kept = [
            torch.stack([torch.full_like(places, kind), places], dim=1)
            for kind, places in enumerate(
                _kept(boxes, score, overlap, least, most) for score in scores
            )
        ]
        return torch.cat(kept)

    @staticmethod
    def symbolic(
        g: Any,  # noqa: ANN401 - torch's graph
        boxes: Any,  # noqa: ANN401
        scores: Any,  # noqa: ANN401
        overlap: float,
        least: float,
        most: int,
    ) -> Any:  # noqa: ANN401
        """Write one NonMaxSuppression, whose first column, the picture's number, is left out."""
        first = _constant(g, [0])
        found = g.op(
            "NonMaxSuppression",
            g.op("Unsqueeze", boxes, first),
            g.op("Unsqueeze", scores, first),
            _constant(g, [int(most)]),
            _constant(g, [float(overlap)]),
            _constant(g, [float(least)]),
        )
        return g.op("Gather", found, _constant(g, [1, 2]), axis_i=1)


def _constant(g: Any, values: list[int] | list[float]) -> Any:  # noqa: ANN401
    return g.op("Constant", value_t=torch.tensor(values))


def _kept(boxes: Tensor, score: Tensor, overlap: float, least: float, most: int) -> Tensor:
    order = torch.argsort(score, descending=True, stable=True)
    order = order[score[order] > least]
    near = (pairwise_iou(boxes[order], boxes[order]) > overlap).cpu().numpy()
    free = torch.ones(len(order), dtype=torch.bool).numpy()
    kept: list[int] = []
    for place in range(len(order)):
        if free[place]:
            kept.append(place)
            free &= ~near[place]
            if len(kept) == most:
                break
    return order[torch.tensor(kept, dtype=torch.long, device=order.device)]


class RoiAlign(Function):
    """RoIAlign (He et al. 2017, https://arxiv.org/abs/1703.06870), half-pixel coordinates, mean.

    ``features [1, channel, row, column]``, ``boxes [n, 4]`` in pixels of the picture ->
    ``[n, channel, bins, bins]``. Boxes lie inside the picture.
    """

    @staticmethod
    def forward(_: Any, features: Tensor, boxes: Tensor, stride: int, bins: int) -> Tensor:  # noqa: ANN401
        """Return the features of each box; learning calls `sampled`, which this is."""
        return sampled(features, boxes, stride, bins)

    @staticmethod
    def symbolic(g: Any, features: Any, boxes: Any, stride: int, bins: int) -> Any:  # noqa: ANN401
        """Write one RoiAlign over a batch of one picture."""
        number = g.op(
            "Gather",
            g.op("Shape", boxes),
            g.op("Constant", value_t=torch.tensor([0])),
            axis_i=0,
        )
        zeros = g.op("ConstantOfShape", number, value_t=torch.tensor([0], dtype=torch.int64))
        return g.op(
            "RoiAlign",
            features,
            boxes,
            zeros,
            mode_s="avg",
            coordinate_transformation_mode_s="half_pixel",
            output_height_i=bins,
            output_width_i=bins,
            sampling_ratio_i=SAMPLES,
            spatial_scale_f=1.0 / stride,
        )


def sampled(features: Tensor, boxes: Tensor, stride: int, bins: int) -> Tensor:
    """Return what `RoiAlign` does, in operators that torch can differentiate."""
    points = bins * SAMPLES
    share = (torch.arange(points, device=boxes.device, dtype=boxes.dtype) + 0.5) / points
    corner, size = boxes[:, None, :2], (boxes[:, 2:] - boxes[:, :2])[:, None]
    places = (corner + share[None, :, None] * size) / stride  # [box, point, x and y]
    rows, columns = features.shape[2:]
    extent = torch.tensor([columns, rows], device=boxes.device, dtype=boxes.dtype)
    grid = 2 * places / extent - 1
    across = grid[:, None, :, 0].expand(-1, points, -1)
    down = grid[:, :, None, 1].expand(-1, -1, points)
    flat = torch.stack([across, down], dim=3).reshape(1, -1, points, 2)
    found = functional.grid_sample(
        features, flat.to(features.dtype), padding_mode="border", align_corners=False
    )
    found = found.reshape(features.shape[1], len(boxes), points, points).transpose(0, 1)
    return functional.avg_pool2d(found, SAMPLES)
