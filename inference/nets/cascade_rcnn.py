"""Cascade R-CNN (Cai & Vasconcelos 2018, https://arxiv.org/abs/1712.00726) for radiographs.

    picture ─ pyramid ─ proposals (100) ─┬ RoIAlign ─ head 1 (IoU .5) ─ boxes ─┐
                                         └ RoIAlign ─ head 2 (IoU .6) ─ boxes ─┤
                                           RoIAlign ─ head 3 (IoU .7) ─ boxes ─┘ scores averaged

The boxes of one stage are what the next one is taught on, matched anew at a higher overlap; the
regression knows no kinds. Read in two views, the picture and its mirror image go through as one
batch, and their boxes vote for one another. With one stage it is Faster R-CNN, with none a dense
single-stage detector: both are there to measure what the cascade brings. The proposals' map also
says how the picture lies, which augmentation teaches without labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from inference.nets.cascade_matching import (
    Truth,
    dense_loss,
    proposal_loss,
    sample,
    stage_loss,
)
from inference.nets.cascade_operators import (
    RoiAlign,
    Suppression,
    mirrored,
    moved,
    sampled,
    voted,
)
from inference.nets.cascade_pyramid import Pyramid, anchors_of

BINS: Final = 7
RATIOS: Final = (0.5, 1.0, 2.0)
OFFSET_WEIGHTS: Final = ((10.0, 5.0), (20.0, 10.0), (30.0, 15.0))
"""Of the stages, as in detectron2's cascade: a later stage moves boxes by less."""
READ_AT_16: Final = 224.0 / 512.0
"""Side of a box, in shares of the square's, from which it is read at stride 16."""
POSTURES: Final = 5
"""Quarter turns (upright, left, upside down, right) and, the fifth logit, black for white."""
OTHER_SIDE: Final = {"right_lung": "left_lung", "left_lung": "right_lung"}
"""What a kind is called in a mirrored picture; all others keep their names."""
VOTING: Final = 0.6
"""Overlap from which boxes of two views vote for one another, chosen by validation patients."""
SUPPRESSED_PROPOSALS, SUPPRESSED_BOXES, LEAST_SCORE = 0.7, 0.5, 0.05
MOST_OF_A_KIND: Final = 20


@dataclass(frozen=True, slots=True)
class CascadeSettings:
    """What a detector is built of.

    ``overlaps`` of the stages: three for the cascade, one for Faster R-CNN, none for a
    single-stage detector. ``anchor`` is an anchor's side in strides, ``hits`` the share of boxes
    of a stage's lesson that lie on something, ``views`` 2 where a picture is read as it is and
    mirrored: only a net that was taught mirrored pictures gains by it. The views of a picture
    share its ``proposals``.
    """

    kinds: tuple[str, ...]
    backbone: str = "efficientnet_b0"
    side: int = 512
    width: int = 128
    hidden: int = 512
    finest: int = 8
    anchor: float = 8.0
    overlaps: tuple[float, ...] = (0.5, 0.6, 0.7)
    proposals: int = 100
    before_suppression: int = 200
    sampled: int = 64
    hits: float = 0.25
    views: int = 1

    def other_side(self) -> list[int]:
        """Return of each kind the number that it has in a mirrored picture."""
        return [self.kinds.index(OTHER_SIDE.get(kind, kind)) for kind in self.kinds]


class Detected(NamedTuple):
    """What is found in one picture.

    ``boxes [found, 4]``, ``score [found]`` and ``kind [found]`` after suppression;
    ``stage_boxes [stage, proposal, 4]`` and ``stage_scores [stage, proposal, kind]`` before it;
    ``posture [5]`` logits and ``embedding [width]``.
    """

    boxes: Tensor
    score: Tensor
    kind: Tensor
    stage_boxes: Tensor
    stage_scores: Tensor
    posture: Tensor
    embedding: Tensor


class Head(nn.Module):
    """One stage: features of a box to logits of kinds and offsets."""

    def __init__(self, width: int, hidden: int, kinds: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(width * BINS * BINS, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
        )
        self.kind = nn.Linear(hidden, kinds + 1)
        self.shift = nn.Linear(hidden, 4)
        nn.init.normal_(self.shift.weight, std=1e-3)
        nn.init.zeros_(self.shift.bias)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits ``[box, 1 + kind]`` and offsets ``[box, 4]``."""
        found = self.body(features.flatten(1))
        return self.kind(found), self.shift(found)


class CascadeRcnn(nn.Module):
    """The detector; ``forward`` reads one picture, ``losses`` teaches from several."""

    def __init__(self, settings: CascadeSettings) -> None:
        super().__init__()
        self.settings = settings
        width, kinds = settings.width, len(settings.kinds)
        self.pyramid = Pyramid(settings.backbone, width, settings.finest)
        outputs = len(RATIOS) * (1 if settings.overlaps else kinds)
        self.shared = nn.Conv2d(width, width, 3, padding=1)
        self.object = nn.Conv2d(width, outputs, 1)
        self.shift = nn.Conv2d(width, 4 * len(RATIOS), 1)
        for layer in (self.shared, self.object, self.shift):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.object.bias, -2.0)  # most anchors are background
        self.heads = nn.ModuleList(Head(width, settings.hidden, kinds) for _ in settings.overlaps)
        self.posture = nn.Linear(self.pyramid.deepest, POSTURES)

    # --- reading ---------------------------------------------------------------------------------
    def forward(self, picture: Tensor) -> Detected:
        """Return what is found in one picture ``[1, 1, side, side]``, 0 to 1."""
        two = self.settings.views == 2
        levels, deepest = self.pyramid(torch.cat([picture, picture.flip(3)]) if two else picture)
        embedding = deepest.mean(dim=(2, 3))[0]
        posture = self.posture(embedding)
        scores, shifts, anchors = self._dense(levels)
        stage_boxes, stage_scores = self._viewed(levels, scores[0], shifts[0], anchors, 0)
        if two:
            stage_boxes, stage_scores = self._together(
                (stage_boxes, stage_scores),
                self._viewed(levels, scores[1], shifts[1], anchors, 1),
            )
        kept = Suppression.apply(
            stage_boxes[-1], stage_scores[-1].T, SUPPRESSED_BOXES, LEAST_SCORE, MOST_OF_A_KIND
        )
        kind, place = kept[:, 0], kept[:, 1]
        score = stage_scores[-1].T.reshape(-1)[kind * stage_scores.shape[1] + place]
        return Detected(
            stage_boxes[-1][place], score, kind, stage_boxes, stage_scores, posture, embedding
        )

    def _viewed(
        self,
        levels: list[Tensor],
        scores: Tensor,
        shifts: Tensor,
        anchors: list[Tensor],
        view: int,
    ) -> tuple[Tensor, Tensor]:
        """Return boxes and scores of each stage from one picture of the batch."""
        if not self.heads:
            return self._densely(scores, shifts, anchors)
        most = self.settings.proposals // self.settings.views
        boxes = self._proposals(scores, shifts, anchors, most)
        return self._cascade([level[view : view + 1] for level in levels], boxes)

    def _together(
        self, plain: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return the boxes of both views in the plain one's square, each placed by all near it."""
        boxes = torch.cat([plain[0], mirrored(other[0], self.settings.side)], dim=1)
        scores = torch.cat([plain[1], other[1][:, :, self.settings.other_side()]], dim=1)
        stages = range(max(1, len(self.heads)))
        return torch.stack([voted(boxes[one], scores[one], VOTING) for one in stages]), scores

    def _dense(self, levels: list[Tensor]) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return scores ``[b, anchor, *]``, offsets ``[b, anchor, 4]`` and anchors by level."""
        scores, shifts, anchors = [], [], []
        for level, stride in zip(levels, self.pyramid.strides, strict=True):
            found = torch.relu(self.shared(level))
            scores.append(_flat(self.object(found), len(RATIOS)))
            shifts.append(_flat(self.shift(found), len(RATIOS)))
            shape = (int(level.shape[2]), int(level.shape[3]))
            anchors.append(anchors_of(shape, stride, self.settings.anchor, RATIOS).to(level))
        return torch.cat(scores, 1), torch.cat(shifts, 1), anchors

    def _proposals(
        self, scores: Tensor, shifts: Tensor, anchors: list[Tensor], most: int
    ) -> Tensor:
        """Return at most ``most`` boxes of one view, the likeliest first."""
        start, best = 0, []
        for level in anchors:
            count = min(self.settings.before_suppression, len(level))
            best.append(start + scores[start : start + len(level), 0].topk(count).indices)
            start += len(level)
        chosen = torch.cat(best)
        boxes = moved(
            torch.cat(anchors)[chosen], shifts[chosen].float(), (1.0, 1.0), self.settings.side
        )
        score = torch.sigmoid(scores[chosen, 0].float())
        kept = Suppression.apply(boxes, score[None], SUPPRESSED_PROPOSALS, 0.0, most)
        return boxes[kept[:, 1]]

    def _cascade(self, levels: list[Tensor], boxes: Tensor) -> tuple[Tensor, Tensor]:
        places, chances = [], []
        for stage, head in enumerate(self.heads):
            logits, shifts = head(self._features(levels, boxes))
            boxes = moved(boxes, shifts.float(), OFFSET_WEIGHTS[stage], self.settings.side)
            chances.append(torch.softmax(logits.float(), dim=1)[:, 1:])
            places.append(boxes)
        averaged = [torch.stack(chances[: stage + 1]).mean(dim=0) for stage in range(len(chances))]
        return torch.stack(places), torch.stack(averaged)

    def _densely(
        self, scores: Tensor, shifts: Tensor, anchors: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        chances = torch.sigmoid(scores.float())
        count = min(4 * self.settings.proposals, len(chances))
        best = chances.amax(dim=1).topk(count).indices
        boxes = moved(
            torch.cat(anchors)[best], shifts[best].float(), (1.0, 1.0), self.settings.side
        )
        return boxes[None], chances[best][None]

    def _features(self, levels: list[Tensor], boxes: Tensor) -> Tensor:
        """Return RoIAlign of each box on the level that fits its size, in the boxes' order."""
        pooled = levels[: len(self.pyramid.strides) - 1]
        side = ((boxes[:, 2:] - boxes[:, :2]).clamp(min=1.0).prod(dim=1)).sqrt()
        # A box of 224 pixels of a 512 square is read at stride 16, as FPN reads it on COCO; of
        # another square the same share, so that a net may go on to learn at another size.
        share = side * (16.0 / (self.pyramid.strides[0] * READ_AT_16 * self.settings.side))
        level = torch.floor(torch.log2(share)).clamp(0, len(pooled) - 1)
        found, order = [], []
        for number, features in enumerate(pooled):
            places = torch.nonzero(level == number)[:, 0]
            order.append(places)
            align = sampled if self.training else RoiAlign.apply
            found.append(align(features, boxes[places], self.pyramid.strides[number], BINS))
        # Where each box went, so that one gather puts all back in their order.
        back = torch.argsort(torch.cat(order))
        return torch.cat(found)[back]

    # --- learning --------------------------------------------------------------------------------
    def losses(
        self, pictures: Tensor, truths: list[Truth], generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the losses of a batch: ``proposals`` or ``dense``, and one of each stage."""
        levels, _ = self.pyramid(pictures)
        scores, shifts, anchors = self._dense(levels)
        every = torch.cat(anchors)
        lost: dict[str, list[Tensor]] = {}
        for number, truth in enumerate(truths):
            if not self.heads:
                one = dense_loss(scores[number].float(), shifts[number].float(), every, truth)
                lost.setdefault("dense", []).append(one)
                continue
            one = proposal_loss(
                scores[number].float(), shifts[number].float(), every, truth, generator
            )
            lost.setdefault("proposals", []).append(one)
            with torch.no_grad():
                proposals = self._proposals(
                    scores[number], shifts[number], anchors, self.settings.proposals
                )
            own = [level[number : number + 1] for level in levels]
            for stage, each in enumerate(self._stage_losses(own, proposals, truth, generator)):
                lost.setdefault(f"stage_{stage + 1}", []).append(each)
        return {name: torch.stack(each).mean() for name, each in lost.items()}

    def _stage_losses(
        self, levels: list[Tensor], proposals: Tensor, truth: Truth, generator: torch.Generator
    ) -> list[Tensor]:
        overlaps = self.settings.overlaps
        boxes = sample(
            proposals, truth, self.settings.sampled, overlaps[0], generator, self.settings.hits
        )
        lost = []
        for stage, head in enumerate(self.heads):
            features = self._features(levels, boxes)
            # Each stage sends its share of the gradient into the features, as in detectron2.
            features = features / len(overlaps) + features.detach() * (1 - 1 / len(overlaps))
            logits, shifts = head(features)
            lost.append(
                stage_loss(logits, shifts, boxes, truth, overlaps[stage], OFFSET_WEIGHTS[stage])
            )
            with torch.no_grad():
                boxes = moved(boxes, shifts.float(), OFFSET_WEIGHTS[stage], self.settings.side)
        return lost

    def postures(self, pictures: Tensor) -> Tensor:
        """Return how pictures lie: logits ``[b, 5]``."""
        found: Tensor = self.posture(self.pyramid.deep(pictures).mean(dim=(2, 3)))
        return found


def _flat(found: Tensor, ratios: int) -> Tensor:
    """``[b, ratio x value, row, column]`` -> ``[b, row x column x ratio, value]``."""
    batch, channels, rows, columns = found.shape
    found = found.view(batch, ratios, channels // ratios, rows, columns)
    return found.permute(0, 3, 4, 1, 2).reshape(batch, -1, channels // ratios)
