"""VizECGNet: a printed ECG read from its picture, taught beside the signal that was printed.

    page [1, 320, 672] ─ backbone (timm) ─ map [c, 20, 42] ─ where is each strip? ─ tokens [4, 42]
    strips [R, 2688]   ─ strip encoder (1-D) ───────────────────────────────────── tokens [R, 42]
    tokens ─ self-modality attention ─┬─ evidence a finding, token by token ─ log-odds
    image tokens ⇄ signal tokens ─ cross-modal attention ─ log-odds of both (training only)

After Kim et al. 2024, https://arxiv.org/abs/2408.02888: two streams in training, attention within
and between them, distillation; the image alone at inference. What the paper leaves open is decided
here: a token is 16 pixel columns (0.256 s at 25 mm/s) of one strip, and because the printed page
shows at each place what the signal has at that time, the image's tokens can be distilled from the
signal's one by one, before any attention. The strip encoder is shared by all strips, so the signal
stream reads the four printed strips or all twelve leads for ten seconds alike.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from timm.models.byobnet import ByoBlockCfg, ByobNet, ByoModelCfg
from torch import Tensor, nn

from inference.nets.ecg_attention import CrossModalityBlock, SelfModalityBlock

STRIPS: Final = 4
TIMES: Final = 42
MAP_ROWS: Final = 20
NO_LEAD: Final = 12
"""Where nothing is printed; 0 to 11 are the leads."""
_SIGNAL_WIDTHS: Final = (16, 32, 48, 64)
_SIGNAL_KERNELS: Final = (15, 7, 7, 5, 5)
_SIGNAL_STRIDES: Final = (4, 2, 2, 2, 2)


class StreamSays(NamedTuple):
    """What one stream says: ``logits``, ``tokens`` before attention and ``mixed`` after it.

    ``evidence [b, label, strip, time]`` adds up to the log-odds but for a constant.
    """

    logits: Tensor
    tokens: Tensor
    mixed: Tensor
    evidence: Tensor


class PageSays(NamedTuple):
    """Outputs of the page net: log-odds, where on the page they come from, and an embedding."""

    logits: Tensor
    activation: Tensor
    embedding: Tensor


class Findings(nn.Module):
    """Log-odds of each finding from tokens, as a sum over tokens.

    One part is weighted by attention, so that a single premature beat counts; the other is a mean,
    so that beats can be counted.
    """

    def __init__(self, width: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.level = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.weight, self.event = nn.Linear(width, labels), nn.Linear(width, labels)
        self.usual = nn.Linear(width, labels)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-odds ``[b, label]`` and evidence ``[b, label, strip, time]``."""
        strips, times = tokens.shape[1:3]
        flat = self.dropout(self.level(tokens)).flatten(1, 2)
        share = self.weight(flat).softmax(dim=1)
        evidence = share * self.event(flat) + self.usual(flat) / flat.shape[1]
        logits = evidence.sum(dim=1)
        return logits, evidence.transpose(1, 2).unflatten(2, (strips, times))


class StripEncoder(nn.Module):
    """Strips ``[b, strip, 2688]`` in mV at 250 Hz to tokens ``[b, strip, 42, width]``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        widths = (*_SIGNAL_WIDTHS, width)
        for after, kernel, stride in zip(widths, _SIGNAL_KERNELS, _SIGNAL_STRIDES, strict=True):
            layers += [
                nn.Conv1d(before, after, kernel, stride, kernel // 2, bias=False),
                nn.BatchNorm1d(after),
                nn.GELU(),
            ]
            before = after
        self.layers = nn.Sequential(*layers)
        self.level = nn.LayerNorm(width, elementwise_affine=False)

    def forward(self, strips: Tensor) -> Tensor:
        """Return tokens, each of length one in every direction (levelled)."""
        batch, count = strips.shape[:2]
        found = self.layers(strips.flatten(0, 1).unsqueeze(1))
        tokens: Tensor = self.level(found.transpose(1, 2)).unflatten(0, (batch, count))
        return tokens


class Upper(nn.Module):
    """What both streams have above their tokens: time, attention, findings."""

    def __init__(self, width: int, depth: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.time = nn.Parameter(0.02 * torch.randn(TIMES, width))
        self.blocks = nn.ModuleList([SelfModalityBlock(width, dropout) for _ in range(depth)])
        self.findings = Findings(width, labels, dropout)

    def forward(self, tokens: Tensor, where: Tensor) -> StreamSays:
        """Return what the tokens say; ``where`` says which lead or place each one is."""
        mixed = tokens + self.time + where
        for block in self.blocks:
            mixed = block(mixed)
        logits, evidence = self.findings(mixed)
        return StreamSays(logits, tokens, mixed, evidence)


class SignalStream(nn.Module):
    """Strips and the lead of each token to findings."""

    def __init__(self, labels: int, width: int = 64, depth: int = 2, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = StripEncoder(width)
        self.lead = nn.Embedding(NO_LEAD + 1, width)
        self.upper = Upper(width, depth, labels, dropout)

    def forward(self, strips: Tensor, leads: Tensor) -> StreamSays:
        """Return what ``strips [b, strip, 2688]`` with ``leads [b, strip, 42]`` show."""
        says: StreamSays = self.upper(self.encoder(strips), self.lead(leads))
        return says


class ImageStream(nn.Module):
    """A page ``[b, 1, 320, 672]`` of ink to findings, with where on the page they come from."""

    def __init__(
        self,
        labels: int,
        width: int = 64,
        depth: int = 2,
        dropout: float = 0.1,
        channels: tuple[int, ...] = (40, 80),
        blocks: tuple[int, ...] = (1, 2),
    ) -> None:
        super().__init__()
        # Four neighbouring pixels become channels before the first convolution: nothing is lost,
        # and the largest maps are a quarter of the work.
        self.fold = nn.PixelUnshuffle(2)
        self.backbone = _backbone(channels, blocks)
        self.project = nn.Conv2d(channels[-1], width, 1)
        self.find = nn.Conv2d(channels[-1], STRIPS, 1)
        self.place = nn.Parameter(_even_rows())
        self.level = nn.LayerNorm(width, elementwise_affine=False)
        self.where = nn.Parameter(0.02 * torch.randn(STRIPS, TIMES, width))
        self.upper = Upper(width, depth, labels, dropout)

    def tokens(self, page: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens and which rows of the map each was read from ``[b, strip, row, time]``."""
        found = self.backbone(self.fold(page))
        rows = (self.find(found) + self.place).softmax(dim=2)
        read = torch.einsum("bcyt,bsyt->bstc", self.project(found), rows)
        return self.level(read), rows

    def forward(self, page: Tensor) -> StreamSays:
        """Return what a page shows."""
        tokens, _ = self.tokens(page)
        says: StreamSays = self.upper(tokens, self.where)
        return says


def _backbone(channels: tuple[int, ...], blocks: tuple[int, ...]) -> ByobNet:
    """Return a residual net of plain 3x3 convolutions: on one core twice as fast as depthwise."""
    return ByobNet(
        ByoModelCfg(
            blocks=tuple(
                ByoBlockCfg(type="basic", d=depth, c=count, s=2, gs=None, br=1.0)
                for count, depth in zip(channels, blocks, strict=True)
            ),
            stem_chs=16,
            stem_type="3x3",
            stem_pool="",
            act_layer="relu",
        ),
        in_chans=4,
        num_classes=0,
        global_pool="",
    )


def _even_rows() -> Tensor:
    """Return where strips are looked for at first ``[strip, row, 1]``: evenly down the page."""
    row = torch.arange(MAP_ROWS) + 0.5
    centre = (torch.arange(STRIPS) + 0.5) * MAP_ROWS / STRIPS
    return -(((row[None] - centre[:, None]) / 2.0) ** 2).unsqueeze(-1)


class Together(NamedTuple):
    """What is said in training: by the image, by the signal, and by both."""

    image: StreamSays
    signal: StreamSays
    both: Tensor


class VizEcgNet(nn.Module):
    """Both streams and what joins them; ``cross`` False leaves the joining out (an ablation)."""

    def __init__(
        self,
        labels: int,
        width: int = 64,
        depth: int = 2,
        dropout: float = 0.1,
        cross: bool = True,
        channels: tuple[int, ...] = (40, 80),
        blocks: tuple[int, ...] = (1, 2),
    ) -> None:
        super().__init__()
        self.image = ImageStream(labels, width, depth, dropout, channels, blocks)
        self.signal = SignalStream(labels, width, depth, dropout)
        self.cross = cross
        if cross:
            self.image_asks = CrossModalityBlock(width, dropout)
            self.signal_asks = CrossModalityBlock(width, dropout)
            self.findings = Findings(width, labels, dropout)

    def forward(self, page: Tensor, strips: Tensor, leads: Tensor) -> Together:
        """Return what page and strips of the same recordings say."""
        image, signal = self.image(page), self.signal(strips, leads)
        if not self.cross:
            return Together(image, signal, (image.logits + signal.logits) / 2)
        seen = self.image_asks(image.mixed, signal.mixed)
        heard = self.signal_asks(signal.mixed, image.mixed)
        both, _ = self.findings((seen + heard) / 2)
        return Together(image, signal, both)

    def begin_as(self, signal: SignalStream, printed: Tensor) -> None:
        """Take a trained signal stream; the image begins with its attention and findings.

        ``printed [strip, 42]`` is the lead at each place of the usual page: the image begins with
        what the signal stream has learnt to call these leads.
        """
        self.signal.load_state_dict(signal.state_dict())
        self.image.upper.load_state_dict(signal.upper.state_dict())
        with torch.no_grad():
            self.image.where.copy_(signal.lead(printed))


class ServedPageNet(nn.Module):
    """What is exported of VizECGNet: the page in; log-odds, activation and embedding out."""

    def __init__(self, image: ImageStream) -> None:
        super().__init__()
        self.image = image

    def forward(self, page: Tensor) -> PageSays:
        """Return log-odds, activation ``[b, label, 20, 42]`` and embedding ``[b, width]``."""
        tokens, rows = self.image.tokens(page)
        says = self.image.upper(tokens, self.image.where)
        activation = torch.einsum("blst,bsyt->blyt", says.evidence, rows)
        return PageSays(says.logits, activation, says.mixed.mean(dim=(1, 2)))


class ServedSignalNet(nn.Module):
    """What is exported of the signal stream: strips and leads in; log-odds out."""

    def __init__(self, signal: SignalStream) -> None:
        super().__init__()
        self.signal = signal

    def forward(self, strips: Tensor, leads: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-odds ``[b, label]`` and an embedding ``[b, width]``."""
        says = self.signal(strips, leads)
        return says.logits, says.mixed.mean(dim=(1, 2))
