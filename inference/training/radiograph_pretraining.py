"""Teaches a backbone without labels: two views of one picture agree, and it knows how it lies.

Simple siamese learning (Chen & He 2021, https://arxiv.org/abs/2011.10566): a prediction from one
view meets the other view's projection, whose gradient is stopped; no negative pairs, so small
batches do. Beside it the posture of turned and inverted copies. Pictures that may teach, with or
without boxes, and generated ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.core.radiograph import Grey
from inference.nets.cascade_rcnn import CascadeRcnn
from inference.training.radiograph_augmentation import Strength, augmented, turned
from inference.training.radiograph_generator import GeneratorSettings, generated

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class PretrainingSettings:
    """``minutes`` or, where given, ``steps`` is the budget; 0 minutes is none."""

    minutes: float = 0.0
    steps: int | None = None
    batch: int = 16
    learning_rate: float = 1e-3
    generated: float = 0.25
    """Share of the pictures that are generated."""
    seed: int = 0


class Siamese(nn.Module):
    """Projection and prediction on the detector's own backbone."""

    def __init__(self, net: CascadeRcnn, width: int = 256) -> None:
        super().__init__()
        self.net = net
        deepest = net.pyramid.deepest
        self.project = nn.Sequential(
            nn.Linear(deepest, width),
            nn.BatchNorm1d(width),
            nn.ReLU(inplace=True),
            nn.Linear(width, width),
            nn.BatchNorm1d(width, affine=False),
        )
        self.predict = nn.Sequential(
            nn.Linear(width, width // 4),
            nn.BatchNorm1d(width // 4),
            nn.ReLU(inplace=True),
            nn.Linear(width // 4, width),
        )

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return projections and predictions ``[b, width]``."""
        projected = self.project(self.net.pyramid(pictures)[1].mean(dim=(2, 3)))
        return projected, self.predict(projected)


def pretrain(
    net: CascadeRcnn,
    pictures: Sequence[Grey],
    settings: PretrainingSettings,
    made: GeneratorSettings,
    folder: Path,
    report: Report,
) -> None:
    """Teach the backbone of a net; go on from a checkpoint if the folder holds one."""
    if settings.steps is None and settings.minutes <= 0:
        return
    device = next(net.parameters()).device
    siamese = Siamese(net).to(device).train()
    optimiser = torch.optim.AdamW(siamese.parameters(), settings.learning_rate, weight_decay=0.01)
    state = _resumed(siamese, optimiser, folder)
    random = np.random.default_rng([settings.seed, state["steps"]])
    while not _done(state, settings):
        started = time.monotonic()
        loss = _step(siamese, _views(pictures, settings, made, net.settings.side, random), random)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        state["steps"] += 1
        state["spent_s"] += time.monotonic() - started
        if state["steps"] % 20 == 0 or _done(state, settings):
            report(f"pretraining step {state['steps']} loss {float(loss.detach()):.4f}")
            _save(siamese, optimiser, state, settings, folder)


def _done(state: dict[str, Any], settings: PretrainingSettings) -> bool:
    if settings.steps is not None:
        return bool(state["steps"] >= settings.steps)
    return bool(state["spent_s"] >= 60 * settings.minutes)


def _views(
    pictures: Sequence[Grey],
    settings: PretrainingSettings,
    made: GeneratorSettings,
    side: int,
    random: np.random.Generator,
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return two views of each of a batch of pictures: ``[b, side, side]`` each."""
    strength = Strength(scale=0.35, shift=0.2, grey=0.5, erase=0.5)
    none = np.zeros((0, 4))
    views: tuple[list[Any], list[Any]] = ([], [])
    for _ in range(settings.batch):
        if not pictures or random.random() < settings.generated:
            grey = generated(random, made).grey
        else:
            grey = pictures[int(random.integers(len(pictures)))]
        for view in views:
            view.append(augmented(grey, none, side, random, strength)[0])
    return np.stack(views[0]), np.stack(views[1])


def _step(
    siamese: Siamese,
    views: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]],
    random: np.random.Generator,
) -> Tensor:
    device = next(siamese.parameters()).device
    both = torch.from_numpy(np.concatenate(views))[:, None].to(device)
    projected, predicted = siamese(both)
    half = len(both) // 2
    other = torch.cat([projected[half:], projected[:half]]).detach()
    alike = -functional.cosine_similarity(predicted, other, dim=1).mean()
    return alike + posture_loss(siamese.net, views[0], random)


def posture_loss(
    net: CascadeRcnn, squares: np.ndarray[Any, Any], random: np.random.Generator
) -> Tensor:
    """Return the loss of telling turned and inverted copies of squares ``[b, side, side]``."""
    device = next(net.parameters()).device
    copies = [turned(square, random) for square in squares]
    logits = net.postures(
        torch.from_numpy(np.stack([one[0] for one in copies]))[:, None].to(device)
    )
    quarters = torch.tensor([one[1] for one in copies], device=device)
    inverted = torch.tensor([float(one[2]) for one in copies], device=device)
    return functional.cross_entropy(
        logits[:, :4].float(), quarters
    ) + functional.binary_cross_entropy_with_logits(logits[:, 4].float(), inverted)


def _save(
    siamese: Siamese,
    optimiser: torch.optim.Optimizer,
    state: dict[str, Any],
    settings: PretrainingSettings,
    folder: Path,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    whole = {
        "siamese": siamese.state_dict(),
        "optimiser": optimiser.state_dict(),
        "state": state,
        "settings": asdict(settings),
    }
    torch.save(whole, folder / "pretraining.partial")
    (folder / "pretraining.partial").replace(folder / "pretraining.pt")


def _resumed(siamese: Siamese, optimiser: torch.optim.Optimizer, folder: Path) -> dict[str, Any]:
    file = folder / "pretraining.pt"
    if not file.exists():
        return {"steps": 0, "spent_s": 0.0}
    whole = torch.load(file, weights_only=True, map_location="cpu")
    siamese.load_state_dict(whole["siamese"])
    optimiser.load_state_dict(whole["optimiser"])
    return dict(whole["state"])
