"""EfficientNet on a printed ECG page: findings, and where on the page they are seen.

    page [1, 320, 672] ─ made smaller ─ EfficientNet (timm) ─ map ─ evidence a place ─ log-odds

Compound scaling B0 to B3 of Tan & Le 2019 (https://arxiv.org/abs/1905.11946) by name. The size the
page is brought to inside the net is a setting: what a processor can train sets it, not the paper.
The log-odds are the mean over the map of what each place says, so that the map explains them.
"""

from __future__ import annotations

from typing import NamedTuple

import timm
from torch import Tensor, nn
from torch.nn.functional import interpolate


class PlaceSays(NamedTuple):
    """Log-odds ``[b, label]``, evidence of each place ``[b, label, y, x]``, embedding."""

    logits: Tensor
    activation: Tensor
    embedding: Tensor


class PageEfficientNet(nn.Module):
    """EfficientNet ``name``, ``efficientnet_b0`` to ``_b3``, on a page brought to ``size``."""

    def __init__(
        self,
        labels: int,
        name: str = "efficientnet_b3",
        size: tuple[int, int] = (160, 336),
        dropout: float = 0.2,
        drop_path: float = 0.1,
    ) -> None:
        super().__init__()
        self.size = (int(size[0]), int(size[1]))
        self.backbone = timm.create_model(
            name, in_chans=1, num_classes=0, global_pool="", drop_path_rate=drop_path
        )
        width = self.backbone.num_features
        self.dropout = nn.Dropout(dropout)
        self.places = nn.Conv2d(width, labels, 1)

    def forward(self, page: Tensor) -> PlaceSays:
        """Return what a page ``[b, 1, 320, 672]`` of ink shows."""
        small = interpolate(page, self.size, mode="bilinear", antialias=False)
        found = self.backbone(small)
        evidence = self.places(self.dropout(found))
        return PlaceSays(evidence.mean(dim=(2, 3)), evidence, found.mean(dim=(2, 3)))
