"""A timm backbone and a feature pyramid on it (Lin et al. 2017, https://arxiv.org/abs/1612.03144).

    picture [b, 1, side, side] ─ without its mean and spread ─ backbone ─ laterals ─ P3 ... P6

Strides 8, 16, 32 and 64, for ResNet-50 on an accelerator 4 as well.
"""

from __future__ import annotations

from typing import Final

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

SMALLEST_SPREAD: Final = 1e-3


def standardised(picture: Tensor) -> Tensor:
    """Return pictures without their own mean and spread: exposure and window matter less."""
    mean = picture.mean(dim=(1, 2, 3), keepdim=True)
    spread = ((picture - mean) ** 2).mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return (picture - mean) / (spread + SMALLEST_SPREAD)


class Pyramid(nn.Module):
    """Features of one width at several strides.

    Parameters
    ----------
    name
        Of a timm model that gives features: ``efficientnet_b0``, ``efficientnet_b3``,
        ``mobilenetv3_large_100``, ``resnet50``.
    width
        Channels of every level.
    finest
        Stride of the finest level.
    """

    def __init__(self, name: str, width: int, finest: int = 8) -> None:
        super().__init__()
        whole = timm.create_model(name, features_only=True, in_chans=1, pretrained=False)
        strides = whole.feature_info.reduction()
        places = [place for place, stride in enumerate(strides) if stride >= finest]
        self.backbone = timm.create_model(
            name, features_only=True, in_chans=1, pretrained=False, out_indices=places
        )
        found = self.backbone.feature_info
        self.strides = (*found.reduction(), 2 * found.reduction()[-1])
        self.deepest = int(found.channels()[-1])
        self.laterals = nn.ModuleList(nn.Conv2d(each, width, 1) for each in found.channels())
        self.outputs = nn.ModuleList(
            nn.Conv2d(width, width, 3, padding=1) for _ in found.channels()
        )

    def deep(self, picture: Tensor) -> Tensor:
        """Return the deepest map of the backbone alone."""
        found: Tensor = self.backbone(standardised(picture))[-1]
        return found

    def forward(self, picture: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the levels from fine to coarse, and the deepest map of the backbone."""
        found = self.backbone(standardised(picture))
        merged = [lateral(each) for lateral, each in zip(self.laterals, found, strict=True)]
        for place in range(len(merged) - 2, -1, -1):
            merged[place] = merged[place] + functional.interpolate(
                merged[place + 1], scale_factor=2.0, mode="nearest"
            )
        levels = [output(each) for output, each in zip(self.outputs, merged, strict=True)]
        levels.append(functional.max_pool2d(levels[-1], 1, stride=2))
        return levels, found[-1]


def anchors_of(
    shape: tuple[int, int], stride: int, scale: float, ratios: tuple[float, ...]
) -> Tensor:
    """Return anchors ``[row x column x ratio, 4]`` of one level; a ratio is height over width."""
    rows, columns = shape
    y = (torch.arange(rows, dtype=torch.float32) + 0.5) * stride
    x = (torch.arange(columns, dtype=torch.float32) + 0.5) * stride
    side = torch.tensor(ratios).sqrt()
    half = scale * stride / 2 * torch.stack([1 / side, side], dim=1)  # width, height
    centre = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], dim=2).reshape(-1, 1, 2)
    return torch.cat([centre - half, centre + half], dim=2).reshape(-1, 4)
