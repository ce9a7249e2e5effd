"""EfficientNet on a printed ECG page: findings, and where on the page they are seen.

    page [1, 320, 672] ─ folded [4, 160, 336] ─ 3x3 [24, 80, 168] ─ EfficientNet (timm) ─┐
      stage at 1/16: map [5, 11] ─ evidence a place ─┐                                    │
      head at 1/32:  map [3, 6]  ─ evidence a place ─┴─ log-odds = mean over places ──────┘

Compound scaling B0 to B3 of Tan & Le 2019 (https://arxiv.org/abs/1905.11946) by name. Four
neighbouring pixels become channels and one convolution halves the map before the net proper: a
trace is one or two pixels wide, and a page made smaller would lose it. The log-odds are the mean
over the map of what each place says, so that the map explains them; the finer map is told the
answer earlier in the net, which on few pages is learnt sooner.

May live here: the net, and what it is asked in training alone (`taught`).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import timm
from torch import Tensor, nn
from torch.nn.functional import interpolate

from inference.nets.depthwise import with_tiny_maps
from inference.nets.vizecgnet import MAP_ROWS, STRIPS, TIMES

_FINE_STAGES: Final = 5
"""Stages of EfficientNet before the map is halved for the last time."""
_TOKEN_STAGES: Final = 3
"""Stages before its map has a column for two of VizECGNet's tokens."""
_FOLD: Final = 2


class PlaceSays(NamedTuple):
    """Log-odds ``[b, label]``, what each place adds to them ``[b, label, y, x]``, embedding."""

    logits: Tensor
    activation: Tensor
    embedding: Tensor


class PageEfficientNet(nn.Module):
    """EfficientNet ``name``, ``efficientnet_b0`` to ``_b3``, behind a folded page.

    Parameters
    ----------
    first
        Channels of the convolution that halves the folded page.
    tokens
        Width of the tokens of a VizECGNet that teaches; 0 where none does.
    """

    def __init__(
        self,
        labels: int,
        name: str = "efficientnet_b3",
        first: int = 24,
        tokens: int = 0,
        dropout: float = 0.1,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.fold = nn.Sequential(
            nn.PixelUnshuffle(_FOLD),
            nn.Conv2d(_FOLD**2, first, 3, 2, 1, bias=False),
            nn.BatchNorm2d(first),
            nn.SiLU(inplace=True),
        )
        self.backbone = with_tiny_maps(
            timm.create_model(
                name, in_chans=first, num_classes=0, global_pool="", drop_path_rate=drop_path
            )
        )
        by_stride = {each["reduction"]: each["num_chs"] for each in self.backbone.feature_info}
        self.dropout = nn.Dropout(dropout)
        self.fine = nn.Conv2d(by_stride[16], labels, 1)
        self.coarse = nn.Conv2d(self.backbone.num_features, labels, 1)
        self.tokens = (
            nn.Conv2d(by_stride[8], STRIPS * 2 * tokens, (MAP_ROWS // 2, 1)) if tokens else None
        )

    def forward(self, page: Tensor) -> PlaceSays:
        """Return what a page ``[b, 1, 320, 672]`` of ink shows."""
        return self._says(self._early(page))

    def taught(self, page: Tensor) -> tuple[PlaceSays, Tensor | None]:
        """Return what a page shows, and the teacher's tokens as guessed ``[b, 4, 42, width]``."""
        early = self._early(page)
        if self.tokens is None:
            return self._says(early), None
        guess = self.tokens(early)[:, :, 0].unflatten(1, (STRIPS, -1, 2))
        return self._says(early), guess.permute(0, 1, 4, 3, 2).reshape(
            len(page), STRIPS, TIMES, -1
        )

    def _early(self, page: Tensor) -> Tensor:
        net = self.backbone
        found = net.bn1(net.conv_stem(self.fold(page)))
        early: Tensor = net.blocks[:_TOKEN_STAGES](found)
        return early

    def _says(self, early: Tensor) -> PlaceSays:
        net = self.backbone
        middle = net.blocks[_TOKEN_STAGES:_FINE_STAGES](early)
        late = net.bn2(net.conv_head(net.blocks[_FINE_STAGES:](middle)))
        coarse = interpolate(self.coarse(self.dropout(late)), middle.shape[2:], mode="nearest")
        evidence = self.fine(self.dropout(middle)) + coarse
        adds = evidence / (evidence.shape[2] * evidence.shape[3])
        return PlaceSays(adds.sum(dim=(2, 3)), adds, early.mean(dim=(2, 3)))
