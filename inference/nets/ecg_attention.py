"""Attention over the tokens of an ECG: along time, across strips, and between two readings of one.

Tokens are ``[batch, strip, time, width]``. Attention within one modality (SMAM of VizECGNet,
https://arxiv.org/abs/2408.02888, whose equations are not published) is axial here: along the
time of each strip, then across the strips of each time. That costs 46 keys a token instead of 168
and still joins any two tokens in one block. Between modalities (CMAM) every token sees all of the
other.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

HEADS = 4


class Attention(nn.Module):
    """Multi-head attention of ``[batch, query, width]`` on ``[batch, key, width]``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, asking: Tensor, asked: Tensor) -> Tensor:
        """Return ``[batch, query, width]``."""
        query = _by_head(self.query(asking))
        key, value = (_by_head(one) for one in self.key_value(asked).chunk(2, dim=-1))
        found = scaled_dot_product_attention(query, key, value)
        mixed: Tensor = self.out(found.transpose(1, 2).flatten(2))
        return mixed


def _by_head(tokens: Tensor) -> Tensor:
    return tokens.unflatten(-1, (HEADS, -1)).transpose(1, 2)


class Feedforward(nn.Sequential):
    """Two layers on each token."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__(
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, width),
        )


class SelfModalityBlock(nn.Module):
    """Attention along time, then across strips, then each token on its own."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.level_time, self.level_strip = nn.LayerNorm(width), nn.LayerNorm(width)
        self.time, self.strip = Attention(width), Attention(width)
        self.feedforward = Feedforward(width, dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens of the same shape."""
        batch, strips, times, width = tokens.shape
        along = self.level_time(tokens).reshape(batch * strips, times, width)
        tokens = tokens + self.time(along, along).view(batch, strips, times, width)
        across = self.level_strip(tokens).transpose(1, 2).reshape(batch * times, strips, width)
        mixed = self.strip(across, across).view(batch, times, strips, width)
        tokens = tokens + mixed.transpose(1, 2)
        whole: Tensor = tokens + self.feedforward(tokens)
        return whole


class CrossModalityBlock(nn.Module):
    """Each token of one modality asks all tokens of the other."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.level_asking, self.level_asked = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width)
        self.feedforward = Feedforward(width, dropout)

    def forward(self, asking: Tensor, asked: Tensor) -> Tensor:
        """Return tokens of the shape of ``asking``."""
        flat = self.level_asking(asking).flatten(1, 2)
        found = self.attention(flat, self.level_asked(asked).flatten(1, 2))
        tokens = asking + found.view_as(asking)
        whole: Tensor = tokens + self.feedforward(tokens)
        return whole
