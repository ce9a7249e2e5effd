"""EfficientNet on trajectory images, with heads for death, other outcomes and what was hidden.

    image [5, 57, 40] ─ local mixture ─ EfficientNet (timm) ─ map [c, 2, 2] ─ flattened, levelled
    levelled ─┬─ death logit
              ├─ auxiliary: length of stay, SAPS-I, SOFA
              ├─ hidden rows
              └─ next hours

A convolution shares its weights over rows, but a row of lactate is not a row of sodium. The local
mixture gives each place of the image its own small mixture of the channels, and the map is
flattened instead of averaged, so that place is not lost at the end. Layer normalisation then gives
every stay an embedding of the same length: without it a few stays in a hundred lit single channels
so brightly that their log-odds reached -28. Compound scaling: B0 to B3 of
Tan & Le 2019 (https://arxiv.org/abs/1905.11946) by name; the image size is the same for all.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import timm
import torch
from torch import Tensor, nn

from inference.nets.depthwise import with_tiny_maps

MIXTURES: Final = 8


class TrajectoryOutputs(NamedTuple):
    """What every head says of a batch.

    ``death`` is a logit; ``auxiliary`` [batch, 3], ``hidden`` and ``following`` [batch, timed row]
    are standardised; ``embedding`` is [batch, width].
    """

    death: Tensor
    auxiliary: Tensor
    hidden: Tensor
    following: Tensor
    embedding: Tensor


class LocalMixture(nn.Module):
    """Adds `MIXTURES` channels, each place mixing the channels with weights of its own."""

    def __init__(self, channels: int, rows: int, columns: int) -> None:
        super().__init__()
        weight = torch.randn(MIXTURES, channels, rows, columns) * channels**-0.5
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(0.1 * torch.randn(MIXTURES, rows, columns))

    def forward(self, image: Tensor) -> Tensor:
        """Return ``[batch, channel + mixture, row, column]``."""
        mixed = (image.unsqueeze(1) * self.weight).sum(dim=2) + self.bias
        return torch.cat([image, mixed], dim=1)


class TrajectoryNet(nn.Module):
    """EfficientNet ``name``, ``efficientnet_b0`` to ``_b3``, on images of ``shape``."""

    def __init__(
        self,
        name: str,
        shape: tuple[int, int, int],
        timed_rows: int,
        *,
        levelled: bool = True,
        dropout: float = 0.3,
        drop_path: float = 0.15,
    ) -> None:
        super().__init__()
        channels, rows, columns = shape
        self.mixture = LocalMixture(channels, rows, columns)
        self.backbone = with_tiny_maps(
            timm.create_model(
                name,
                in_chans=channels + MIXTURES,
                num_classes=0,
                global_pool="",
                drop_path_rate=drop_path,
            )
        )
        with torch.no_grad():
            width = self.backbone.eval()(
                torch.zeros(1, channels + MIXTURES, rows, columns)
            ).numel()
        self.train()
        self.level = nn.LayerNorm(width) if levelled else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.death = nn.Linear(width, 1)
        self.auxiliary = nn.Linear(width, 3)
        self.hidden = nn.Linear(width, timed_rows)
        self.following = nn.Linear(width, timed_rows)

    def forward(self, image: Tensor) -> TrajectoryOutputs:
        """Return all heads; death as a logit."""
        embedding = self.level(self.backbone(self.mixture(image)).flatten(1))
        kept = self.dropout(embedding)
        return TrajectoryOutputs(
            self.death(kept)[:, 0],
            self.auxiliary(kept),
            self.hidden(kept),
            self.following(kept),
            embedding,
        )


class ServedTrajectoryNet(nn.Module):
    """What is exported: the image in, the death logit out."""

    def __init__(self, net: TrajectoryNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> Tensor:
        """Return death logits ``[batch]``."""
        logit: Tensor = self.net(image).death
        return logit
