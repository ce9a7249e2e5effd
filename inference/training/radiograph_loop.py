"""Trains one detector: real and generated pictures, schedule, average, checkpoints, log.

The budget is wall-clock minutes, as in `trajectory_loop`; started again, a run goes on where it
stopped. A step reads real pictures of the training part and generated ones beside them, so that
kinds that no licensed picture marks are learnt from those.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from inference.core.radiograph import Grey
from inference.errors import TrainingDataUnusable
from inference.nets.cascade_matching import Truth
from inference.nets.cascade_rcnn import CascadeRcnn
from inference.training.descent import average_weights, set_learning_rate
from inference.training.radiograph_augmentation import Strength, augmented, mirrored
from inference.training.radiograph_generator import GeneratorSettings, generated
from inference.training.radiograph_pretraining import posture_loss

Report = Callable[[str], None]
STEPS_BETWEEN_CHECKPOINTS: Final = 50
KEPT_GENERATED: Final = 400
"""Generated pictures in memory: rendering one takes a quarter of the time of learning from it."""


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """``minutes`` or, where given, ``steps`` is the budget.

    ``generated`` is the share of generated pictures of a batch, of which ``rendered`` are new and
    the others drawn again from the last ones. ``settled`` is the last share of the budget in which
    normalisation uses the running statistics, as in serving. How pictures lie is learnt every
    ``posture_every`` steps with the weight ``posture``, or else from ``posture_pictures`` pictures
    once the net is finished (`radiograph_posture`). Every ``judge_every`` steps the validation
    part is read and logged. ``begin`` names the folder of another run, beside this one's, whose
    average is the first net: that net may have read squares of another side. With
    ``begin_pyramid`` only its backbone and pyramid begin so: the net behind them may be another.
    """

    minutes: float = 60.0
    steps: int | None = None
    batch: int = 4
    learning_rate: float = 6e-4
    weight_decay: float = 0.02
    warm_up_steps: int = 100
    average: float = 0.998
    generated: float = 0.35
    rendered: float = 1.0
    begin: str = ""
    begin_pyramid: bool = False
    settled: float = 0.25
    posture: float = 0.1
    posture_every: int = 1
    posture_pictures: int = 0
    judge_every: int = 400
    threads: int = 1
    device: str = "cpu"
    half: bool = False
    """Compute in bfloat16 where that is faster: on accelerators."""
    seed: int = 0
    strength: Strength = field(default_factory=Strength)


@dataclass(frozen=True, slots=True)
class Example:
    """A picture in memory: grey, its boxes in pixels, their kinds by number, what was marked."""

    grey: Grey
    boxes: NDArray[np.float64]
    kinds: NDArray[np.int64]
    known: NDArray[np.bool_]


@dataclass(slots=True)
class Progress:
    """What survives an interruption beside the weights."""

    steps: int = 0
    pictures: int = 0
    spent_s: float = 0.0
    core_s: float = 0.0


Judge = Callable[[CascadeRcnn], dict[str, float]]


class RadiographTrainer:
    """One detector, its average, its optimiser and where it stands."""

    def __init__(
        self,
        net: CascadeRcnn,
        settings: LoopSettings,
        examples: Sequence[Example],
        made: GeneratorSettings,
        judge: Judge,
        folder: Path,
    ) -> None:
        torch.set_num_threads(settings.threads)
        self.settings, self.examples, self.made = settings, examples, made
        self.judge, self.folder = judge, folder
        self.device = torch.device(settings.device)
        self.made_before: list[Example] = []
        # Channels last: a seventh less time for a step on a processor.
        self.net = net.to(self.device, memory_format=torch.channels_last)
        self.averaged = CascadeRcnn(net.settings).to(self.device).eval()
        self.averaged.load_state_dict(self.net.state_dict())
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(),
            settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.progress = Progress()
        self.random = np.random.default_rng(settings.seed)
        self.generator = torch.Generator().manual_seed(settings.seed)
        folder.mkdir(parents=True, exist_ok=True)

    def run(self, report: Report) -> CascadeRcnn:
        """Train until the budget is spent; return the averaged net."""
        while self._spent() < 1:
            started, core = time.monotonic(), time.process_time()
            lost = self._step()
            self.progress.spent_s += time.monotonic() - started
            self.progress.core_s += time.process_time() - core
            finished = self._spent() >= 1
            if self.progress.steps % self.settings.judge_every == 0 or finished:
                self._log(lost, report)
            if self.progress.steps % STEPS_BETWEEN_CHECKPOINTS == 0 or finished:
                self.save()
        averaged: CascadeRcnn = self.averaged
        return averaged

    def _spent(self) -> float:
        if self.settings.steps is not None:
            return self.progress.steps / self.settings.steps
        return self.progress.spent_s / 60.0 / self.settings.minutes

    def _step(self) -> dict[str, float]:
        self._set_rate()
        squares, truths = self._batch()
        self.net.train()
        if self._spent() >= 1 - self.settings.settled:
            settle(self.net)
        pictures = torch.from_numpy(squares)[:, None].to(self.device)
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.half):
            lost = self.net.losses(pictures, truths, self.generator)
            if self._turns():
                lost["posture"] = self.settings.posture * posture_loss(
                    self.net, squares[:2], self.random
                )
        whole = torch.stack(list(lost.values())).sum()
        self.optimiser.zero_grad(set_to_none=True)
        whole.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        self.progress.steps += 1
        self.progress.pictures += len(squares)
        average_weights(self.averaged, self.net, self.settings.average, self.progress.steps)
        return {name: float(value.detach()) for name, value in lost.items()}

    def _turns(self) -> bool:
        every = self.settings.posture_every
        return self.settings.posture > 0 and self.progress.steps % every == 0

    def _batch(self) -> tuple[NDArray[np.float32], list[Truth]]:
        squares, truths = [], []
        for _ in range(self.settings.batch):
            example = self._drawn()
            square, boxes, kept = augmented(
                example.grey,
                example.boxes,
                self.net.settings.side,
                self.random,
                self.settings.strength,
            )
            boxes, kinds, known = boxes[kept], example.kinds[kept], example.known
            if self.random.random() < self.settings.strength.mirror:
                square, boxes = mirrored(square, boxes)
                other = np.array(self.net.settings.other_side())
                kinds, known = other[kinds], known[other]
            squares.append(square)
            truth = Truth(
                torch.from_numpy(boxes.astype(np.float32)),
                torch.from_numpy(kinds),
                torch.from_numpy(known),
            )
            truths.append(truth.to(self.device))
        return np.stack(squares), truths

    def _drawn(self) -> Example:
        if self.examples and self.random.random() >= self.settings.generated:
            return self.examples[int(self.random.integers(len(self.examples)))]
        kept = self.made_before
        full = len(kept) >= KEPT_GENERATED
        if full and self.random.random() >= self.settings.rendered:
            return kept[int(self.random.integers(len(kept)))]
        made = self._rendered()
        if full:
            kept.pop(int(self.random.integers(len(kept))))
        kept.append(made)
        return made

    def _rendered(self) -> Example:
        made = generated(self.random, self.made)
        names = self.net.settings.kinds
        known = np.ones(len(names), dtype=bool)
        places = [place for place, kind in enumerate(made.kinds) if kind in names]
        numbers = np.array([names.index(made.kinds[place]) for place in places], dtype=np.int64)
        return Example(made.grey, made.boxes[places], numbers, known)

    def _set_rate(self) -> None:
        warm_up = (self.progress.steps + 1) / self.settings.warm_up_steps
        peak = self.settings.learning_rate
        set_learning_rate(self.optimiser, peak, warm_up, self._spent(), 0.02)

    def _log(self, lost: dict[str, float], report: Report) -> None:
        lost.pop("posture", None)  # not of every step
        row = {**asdict(self.progress), **lost, **self.judge(self.averaged)}
        report(" ".join(f"{name} {value:.4g}" for name, value in row.items()))
        file = self.folder / "metrics.csv"
        fresh = not file.exists()
        with file.open("a", newline="") as out:
            writer = csv.DictWriter(out, list(row))
            if fresh:
                writer.writeheader()
            writer.writerow(row)

    def begin_with(self, folder: Path) -> None:
        """Begin with the averaged net of another run's folder.

        Raises
        ------
        inference.errors.TrainingDataUnusable
            The folder keeps no run, or one of a net with other layers.
        """
        if not (folder / "checkpoint.pt").exists():
            raise TrainingDataUnusable(folder.name, 0, "the checkpoint of a run to begin with")
        begun = averaged_net(folder).state_dict()
        part = self.settings.begin_pyramid
        if part:
            begun = {name: value for name, value in begun.items() if name.startswith("pyramid.")}
        try:
            self.net.load_state_dict(begun, strict=not part)
            self.averaged.load_state_dict(self.net.state_dict())
        except RuntimeError as error:
            raise TrainingDataUnusable(folder.name, 0, "a run of the same net") from error

    def save(self) -> None:
        """Write the checkpoint beside the last one and put it in its place."""
        state = {
            "net": self.net.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "progress": asdict(self.progress),
            "settings": asdict(self.net.settings),
        }
        torch.save(state, self.folder / "checkpoint.partial")
        (self.folder / "checkpoint.partial").replace(self.folder / "checkpoint.pt")

    def resume(self) -> bool:
        """Take up a checkpoint if the folder holds one; return whether it did."""
        file = self.folder / "checkpoint.pt"
        if not file.exists():
            return False
        state = torch.load(file, weights_only=True, map_location=self.device)
        self.net.load_state_dict(state["net"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.progress = Progress(**state["progress"])
        self.random = np.random.default_rng([self.settings.seed, self.progress.steps])
        self.generator.manual_seed(self.settings.seed + self.progress.steps)
        return True


def settle(net: torch.nn.Module) -> None:
    """Let normalisation use its running statistics: a batch of four has poor ones of its own."""
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.eval()


def averaged_net(folder: Path) -> CascadeRcnn:
    """Return the averaged net of a checkpoint folder, ready to judge with."""
    from inference.nets.cascade_rcnn import CascadeSettings

    state: dict[str, Any] = torch.load(
        folder / "checkpoint.pt", weights_only=True, map_location="cpu"
    )
    settings: Any = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in state["settings"].items()
    }
    net = CascadeRcnn(CascadeSettings(**settings))
    net.load_state_dict(state["averaged"])
    net.eval()
    return net
