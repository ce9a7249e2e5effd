"""Trains one trajectory net: batches, schedule, exponential average, checkpoints, metrics as CSV.

The budget is wall-clock minutes, because the machines that train this differ and are shared; the
learning rate follows the share of the budget that is spent, and the release says what was spent,
in processor time too.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.core.trajectory_image import AGGREGATES, IMAGE_SHAPE, TIME_COLUMNS
from inference.core.trajectory_rows import TIMED_ROWS
from inference.nets.trajectory_net import TrajectoryNet
from inference.training.descent import average_weights, set_learning_rate
from inference.training.examples import Examples
from inference.training.metrics import auprc, auroc
from inference.training.trajectory_losses import LossWeights, Targets, total_loss

MEAN_COLUMN = TIME_COLUMNS + AGGREGATES.index("mean")
STEPS_BETWEEN_CHECKPOINTS = 40
STATISTICS_MOMENTUM = 0.03
"""Of the running statistics: the last ones are what the end of training and serving use."""


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """``minutes`` or, where given, ``epochs`` or ``steps`` is the budget.

    ``pretraining`` is its first share, without labels; ``settled`` its last, in which
    normalisation uses the running statistics as in serving: there a bright place no longer shrinks
    itself by raising the statistics of its own batch. ``hide`` is the largest share of rows hidden
    at random.
    """

    net: str = "efficientnet_b3"
    minutes: float = 60.0
    epochs: int | None = None
    steps: int | None = None
    pretraining: float = 0.08
    batch: int = 48
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.03
    warm_up_steps: int = 100
    average: float = 0.998
    threads: int = 2
    seed: int = 0
    poorer: bool = True
    hide: float = 0.25
    levelled: bool = True
    settled: float = 0.3
    losses: LossWeights = field(default_factory=LossWeights)


@dataclass(slots=True)
class Progress:
    """What survives an interruption beside the weights."""

    epoch: int = 0
    steps: int = 0
    spent_s: float = 0.0
    core_s: float = 0.0


class TrajectoryTrainer:
    """One net, its average, its optimiser and where it stands."""

    def __init__(
        self,
        settings: LoopSettings,
        examples: Examples,
        teacher: NDArray[np.float64],
        folder: Path,
    ) -> None:
        torch.manual_seed(settings.seed)
        torch.set_num_threads(settings.threads)
        self.settings, self.examples, self.teacher, self.folder = (
            settings,
            examples,
            teacher,
            folder,
        )
        self.random = np.random.default_rng(settings.seed)
        self.net = self._fresh()
        self.averaged = self._fresh().eval()
        self.averaged.load_state_dict(self.net.state_dict())
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(),
            settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.progress = Progress()
        folder.mkdir(parents=True, exist_ok=True)

    def _fresh(self) -> TrajectoryNet:
        net = TrajectoryNet(
            self.settings.net, IMAGE_SHAPE, len(TIMED_ROWS), levelled=self.settings.levelled
        )
        for one in _normalisations(net):
            one.momentum = STATISTICS_MOMENTUM
        return net.to(memory_format=torch.channels_last)

    def run(self, report: Any = print) -> TrajectoryNet:  # noqa: ANN401 - any callable with a line
        """Train until the budget is spent; return the averaged net."""
        while not self._finished():
            lines = []
            started, core = time.monotonic(), time.process_time()
            for picked in self._batches():
                lines.append(self._step(picked))
                self.progress.spent_s += time.monotonic() - started
                self.progress.core_s += time.process_time() - core
                started, core = time.monotonic(), time.process_time()
                if self.progress.steps % STEPS_BETWEEN_CHECKPOINTS == 0:
                    self.save()
                if self._spent() >= 1:
                    break
            self.progress.epoch += 1
            self._log(float(np.mean(lines)), report)
            self.save()
        return self.averaged

    def _finished(self) -> bool:
        return self._spent() >= 1

    def _spent(self) -> float:
        if self.settings.steps is not None:
            return self.progress.steps / self.settings.steps
        if self.settings.epochs is not None:
            return self.progress.steps / (self.settings.epochs * self._steps_per_epoch())
        return self.progress.spent_s / 60.0 / self.settings.minutes

    def _teaching(self) -> NDArray[np.int64]:
        """Whole stays of the training part, by row."""
        return np.flatnonzero(self.examples.part("train") & (self.examples.version == 0))

    def _steps_per_epoch(self) -> int:
        copies = 2 if self.settings.poorer else 1
        return max(1, copies * len(self._teaching()) // self.settings.batch)

    def _batches(self) -> Iterator[NDArray[np.int64]]:
        """Every whole stay once and, beside it, one of its poorer versions."""
        rows = self._teaching()
        if self.settings.poorer:
            versions = int(self.examples.version.max())
            rows = np.r_[rows, rows + self.random.integers(1, versions + 1, len(rows))]
        rows = self.random.permutation(rows)
        for step in range(self._steps_per_epoch()):
            yield np.sort(rows[step * self.settings.batch : (step + 1) * self.settings.batch])

    def _step(self, picked: NDArray[np.int64]) -> float:
        self._set_rate()
        image, targets = self._batch(picked)
        self.net.train()
        if self._spent() >= 1 - self.settings.settled:
            for one in _normalisations(self.net):
                one.eval()
        labelled = self._spent() >= self.settings.pretraining
        loss = total_loss(self.net(image), targets, self.settings.losses, labelled)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimiser.step()
        self.progress.steps += 1
        average_weights(self.averaged, self.net, self.settings.average, self.progress.steps)
        return float(loss.detach())

    def _set_rate(self) -> None:
        warm_up = (self.progress.steps + 1) / self.settings.warm_up_steps
        peak = self.settings.learning_rate
        set_learning_rate(self.optimiser, peak, warm_up, self._spent(), 0.02)

    def _batch(self, picked: NDArray[np.int64]) -> tuple[Tensor, Targets]:
        image = np.asarray(self.examples.image[picked], dtype=np.float32)
        hidden = self._hide(image)
        image += (0.05 * self.random.standard_normal(image.shape)).astype(np.float32) * (
            image[:, 3:4] > 0
        )
        targets = Targets(
            died=torch.from_numpy(self.examples.died[picked]),
            teacher=torch.from_numpy(self.teacher[picked].astype(np.float32)),
            auxiliary=torch.from_numpy(self.examples.auxiliary[picked]),
            hidden=torch.from_numpy(hidden),
            following=torch.from_numpy(self.examples.following[picked]),
        )
        tensor = torch.from_numpy(image).to(memory_format=torch.channels_last)
        return tensor, targets

    def _hide(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Hide some rows in place; return their means, NaN for rows that were not hidden."""
        timed = len(TIMED_ROWS)
        share = self.random.uniform(0.0, self.settings.hide, (len(image), 1))
        hide = self.random.random((len(image), timed)) < share
        means = image[:, 0, :timed, MEAN_COLUMN].copy()
        known = image[:, 3, :timed, MEAN_COLUMN] > 0
        image[:, :, :timed] *= ~hide[:, None, :, None]
        return np.where(hide & known, means, np.nan).astype(np.float32)

    def _log(self, loss: float, report: Any) -> None:  # noqa: ANN401
        judged = np.flatnonzero(self.examples.part("calibrate") & (self.examples.version == 0))
        logits = death_logits(self.averaged, self.examples, judged)
        died = self.examples.died[judged]
        row = {
            **asdict(self.progress),
            "loss": loss,
            "auroc": auroc(died, logits),
            "auprc": auprc(died, logits),
        }
        report(" ".join(f"{name} {value:.4g}" for name, value in row.items()))
        file = self.folder / "metrics.csv"
        fresh = not file.exists()
        with file.open("a", newline="") as out:
            writer = csv.DictWriter(out, list(row))
            if fresh:
                writer.writeheader()
            writer.writerow(row)

    def save(self) -> None:
        """Write the checkpoint beside the last one and put it in its place."""
        state = {
            "net": self.net.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "progress": asdict(self.progress),
            "name": self.settings.net,
            "levelled": self.settings.levelled,
        }
        torch.save(state, self.folder / "checkpoint.partial")
        (self.folder / "checkpoint.partial").replace(self.folder / "checkpoint.pt")

    def resume(self) -> None:
        """Take up a checkpoint if the folder holds one."""
        file = self.folder / "checkpoint.pt"
        if file.exists():
            state = torch.load(file, weights_only=True)
            self.net.load_state_dict(state["net"])
            self.averaged.load_state_dict(state["averaged"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.progress = Progress(**state["progress"])
            self.random = np.random.default_rng([self.settings.seed, self.progress.steps])


def averaged_net(folder: Path) -> TrajectoryNet:
    """Return the averaged net of a checkpoint folder, ready to judge with."""
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    net = TrajectoryNet(state["name"], IMAGE_SHAPE, len(TIMED_ROWS), levelled=state["levelled"])
    net.load_state_dict(state["averaged"])
    return net.eval()


def _normalisations(net: TrajectoryNet) -> list[torch.nn.BatchNorm2d]:
    return [one for one in net.modules() if isinstance(one, torch.nn.BatchNorm2d)]


class NetSays(NamedTuple):
    """Of some examples: logit of death ``[example]`` and embedding ``[example, width]``."""

    death: NDArray[np.float64]
    embedding: NDArray[np.float64]


@torch.no_grad()
def net_says(net: TrajectoryNet, examples: Examples, picked: NDArray[np.int64]) -> NetSays:
    """Return what a net says of each picked example."""
    net.eval()
    found: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    for start in range(0, len(picked), 128):
        image = np.asarray(examples.image[picked[start : start + 128]], dtype=np.float32)
        outputs = net(torch.from_numpy(image).to(memory_format=torch.channels_last))
        found.append((outputs.death.numpy(), outputs.embedding.numpy()))
    death, embedding = (
        np.concatenate(part).astype(np.float64) for part in zip(*found, strict=True)
    )
    return NetSays(death, embedding)


def death_logits(
    net: TrajectoryNet, examples: Examples, picked: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the logit of death of each picked example."""
    return net_says(net, examples, picked).death
