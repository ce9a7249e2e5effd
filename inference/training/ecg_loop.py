"""Trains one ECG net: batches, schedule, exponential average, checkpoints, metrics as CSV.

One loop for every kind: ``signal`` (strips of signals alone), ``vizecgnet`` (page and signal with
attention between them and distillation), ``image`` (the page alone, the same net and budget), and
``page`` (EfficientNet on the page). The budget is minutes or steps; a folder that holds a
checkpoint is taken up where it stopped.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inference.core.viz_ecg import NO_LEAD
from inference.errors import TrainingDataUnusable
from inference.nets.efficientnet_page import PageEfficientNet
from inference.nets.vizecgnet import ImageStream, SignalStream, VizEcgNet
from inference.training.descent import average_weights, set_learning_rate
from inference.training.ecg_batches import (
    EcgBatch,
    EcgDraw,
    Generator,
    plain_view,
    usual_leads,
)
from inference.training.ecg_kept import KeptViews, keep
from inference.training.ecg_labels import CODES
from inference.training.ecg_losses import findings_loss, together_loss
from inference.training.ecg_sets import EcgRecords
from inference.training.ecg_settings import EcgLoopSettings
from inference.training.ecg_teacher import PageTeacher
from inference.training.metrics import auroc

STATISTICS_MOMENTUM: Final = 0.05
KEPT: Final = "views"
KEPT_SEED: Final = 0
Report = Callable[[str], None]


@dataclass(slots=True)
class Progress:
    """What survives an interruption beside the weights.

    ``seen_before`` and ``core_s_before`` are what the run that this one began with had cost.
    """

    steps: int = 0
    seen: int = 0
    spent_s: float = 0.0
    core_s: float = 0.0
    seen_before: int = 0
    core_s_before: float = 0.0


class EcgTrainer:
    """One net, its average, its optimiser and where it stands."""

    def __init__(
        self,
        settings: EcgLoopSettings,
        records: EcgRecords,
        folder: Path,
        generate: Generator | None = None,
    ) -> None:
        torch.manual_seed(settings.seed)
        torch.set_num_threads(settings.threads)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.settings, self.records, self.folder = settings, records, folder
        self.net, self.averaged = self._fresh(), self._fresh().eval()
        self.averaged.load_state_dict(self.net.state_dict())
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(),
            settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.progress = Progress()
        self.teacher = (
            PageTeacher(folder.parent / settings.teacher.run, settings.teacher, self.device)
            if settings.teacher.run
            else None
        )
        self.random = np.random.default_rng(settings.seed)
        self.draw = self._drawing(generate)
        folder.mkdir(parents=True, exist_ok=True)

    def _drawing(self, generate: Generator | None) -> EcgDraw | KeptViews:
        if not self.settings.kept:
            return EcgDraw(
                self.records,
                self.settings.mixture,
                generate,
                self.random,
                self.settings.injury,
            )
        kept = self.folder.parent / KEPT
        # The same for every seed: what differs between the runs is order and beginning.
        draw = EcgDraw(
            self.records, self.settings.mixture, generate, np.random.default_rng(KEPT_SEED)
        )
        keep(draw, self.settings.kept, kept)
        return KeptViews(kept, self.random)

    def _fresh(self) -> nn.Module:
        net = fresh_net(self.settings.kind, self.settings.net)
        for one in _normalisations(net):
            one.momentum = STATISTICS_MOMENTUM
        return net.to(self.device, memory_format=torch.channels_last)

    def begin_with(self, folder: Path) -> None:
        """Begin with another run's net: its signal stream, or all of one of the same kind."""
        net, settings = trained_net(folder)
        cost = Progress(**settings["progress"])
        self.progress.seen_before = cost.seen_before + cost.seen
        self.progress.core_s_before = cost.core_s_before + cost.core_s
        for mine in (self.net, self.averaged):
            if isinstance(mine, VizEcgNet) and isinstance(net, SignalStream):
                mine.begin_as(net.to(self.device), self._tensor(usual_leads()))
            elif settings["kind"] == self.settings.kind:
                mine.load_state_dict(net.state_dict())
            else:
                raise TrainingDataUnusable(folder.name, 0, "a run that this kind can begin with")

    def run(self, report: Report = print) -> nn.Module:
        """Train until the budget is spent; return the averaged net."""
        losses: list[float] = []
        while self.spent() < 1:
            started, core = time.monotonic(), time.process_time()
            losses.append(self._step())
            self.progress.spent_s += time.monotonic() - started
            self.progress.core_s += time.process_time() - core
            if self.progress.steps % self.settings.every == 0 or self.spent() >= 1:
                self._log(float(np.mean(losses)), report)
                self.save()
                losses.clear()
        return self.averaged

    def spent(self) -> float:
        """Return the share of the budget that is spent."""
        if self.settings.steps is not None:
            return self.progress.steps / self.settings.steps
        if self.settings.core_minutes is not None:
            return self.progress.core_s / 60.0 / self.settings.core_minutes
        return self.progress.spent_s / 60.0 / self.settings.minutes

    def _step(self) -> float:
        self._set_rate()
        batch = self._batch()
        self.net.train()
        with torch.autocast(self.device.type, enabled=self._mixed_precision()):
            loss = self._loss(batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimiser.step()
        self.progress.steps += 1
        self.progress.seen += len(batch.targets)
        average_weights(self.averaged, self.net, self.settings.average, self.progress.steps)
        return float(loss.detach())

    def _mixed_precision(self) -> bool:
        """bfloat16 on an accelerator; on these processors it is slower than float32."""
        return self.settings.amp and self.device.type == "cuda"

    def _batch(self) -> EcgBatch:
        if self.settings.kind == "signal":
            whole = self.random.random() < self.settings.whole
            return self.draw.signals(self.settings.batch, whole)
        return self.draw.pages(self.settings.batch)

    def _loss(self, batch: EcgBatch) -> Tensor:
        targets = self._tensor(batch.targets)
        if self.settings.kind == "signal":
            says = self.net(self._tensor(batch.strips), self._tensor(batch.leads))
            return findings_loss(says.logits, targets)
        page = self._page(batch)
        if self.teacher is not None and isinstance(self.net, PageEfficientNet):
            return self.teacher.loss(self.net, page, targets)
        if self.settings.kind != "vizecgnet":
            return findings_loss(self.net(page).logits, targets)
        leads = self._tensor(batch.leads)
        says = self.net(page, self._tensor(batch.strips), leads)
        return together_loss(says, targets, leads != NO_LEAD, self.settings.distillation)

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self.device, non_blocking=True)

    def _page(self, batch: EcgBatch) -> Tensor:
        assert batch.page is not None  # noqa: S101 - every kind but "signal" prints
        return self._tensor(batch.page).contiguous(memory_format=torch.channels_last)

    def _set_rate(self) -> None:
        warm_up = (self.progress.steps + 1) / self.settings.warm_up_steps
        peak = self.settings.learning_rate
        set_learning_rate(self.optimiser, peak, warm_up, self.spent(), 0.01)

    def _log(self, loss: float, report: Report) -> None:
        found = judged(self.averaged, self.settings.kind, self.records, self.device)
        line = {
            "steps": self.progress.steps,
            "seen": self.progress.seen,
            "minutes": round(self.progress.spent_s / 60, 2),
            "core_minutes": round(self.progress.core_s / 60, 2),
            "loss": round(loss, 4),
            **{code: round(value, 4) for code, value in found.items()},
        }
        file = self.folder / "metrics.csv"
        new = not file.exists()
        with file.open("a", encoding="utf-8", newline="") as out:
            rows = csv.DictWriter(out, list(line))
            if new:
                rows.writeheader()
            rows.writerow(line)
        known = [value for value in found.values() if not np.isnan(value)]
        shown = " ".join(f"{code} {found[code]:.3f}" for code in ("NORM", "AF", "SB", "PVC"))
        report(
            f"{self.spent():.0%} step {line['steps']} loss {line['loss']} "
            f"validation macro AUROC {np.mean(known):.3f} {shown}"
        )

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        state = {
            "settings": {"kind": self.settings.kind, "net": self.settings.net},
            "all_settings": asdict(self.settings),
            "codes": list(CODES),
            "net": self.net.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "progress": asdict(self.progress),
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
        self.draw.random = self.random
        return True


def fresh_net(kind: str, settings: dict[str, Any]) -> nn.Module:
    """Return an untrained net of a kind."""
    labels = len(CODES)
    if kind == "signal":
        return SignalStream(labels, **settings)
    if kind == "vizecgnet":
        return VizEcgNet(labels, **settings)
    return (
        ImageStream(labels, **settings)
        if kind == "image"
        else PageEfficientNet(labels, **settings)
    )


def trained_net(folder: Path) -> tuple[nn.Module, dict[str, Any]]:
    """Return the averaged net of a run, ready to judge with, and its settings."""
    file = folder / "checkpoint.pt"
    if not file.exists():
        raise TrainingDataUnusable(folder.name, 0, "the checkpoint of a run: train first")
    state = torch.load(file, weights_only=True, map_location="cpu")
    if tuple(state["codes"]) != CODES:
        raise TrainingDataUnusable(folder.name, 0, "a run over the findings of this version")
    settings = state["settings"]
    net = fresh_net(settings["kind"], settings["net"])
    net.load_state_dict(state["averaged"])
    return net.eval(), {**settings, "progress": state["progress"]}


def log_odds_of(
    net: nn.Module,
    kind: str,
    records: EcgRecords,
    rows: NDArray[np.int64],
    device: torch.device | str = "cpu",
) -> NDArray[np.float64]:
    """Return log-odds ``[row, code]`` of records as recorded, printed plainly for a page net."""
    batches = plain_views(records, rows, whole=kind == "signal")
    return np.concatenate([said_of(net, kind, batch, device) for batch in batches])


def plain_views(records: EcgRecords, rows: NDArray[np.int64], whole: bool) -> Iterator[EcgBatch]:
    """Yield records as recorded, some at a time: all leads, or the plainest page."""
    for start in range(0, len(rows), 32):
        yield plain_view(records, rows[start : start + 32], whole)


@torch.no_grad()
def said_of(
    net: nn.Module, kind: str, batch: EcgBatch, device: torch.device | str = "cpu"
) -> NDArray[np.float64]:
    """Return the log-odds ``[row, code]`` that a net in its judging state says of a batch."""
    net.eval()
    if kind == "signal":
        strips, leads = (torch.from_numpy(one) for one in (batch.strips, batch.leads))
        says = net(strips.to(device), leads.to(device))
    else:
        page = torch.from_numpy(batch.page).to(device)
        image = net.image if isinstance(net, VizEcgNet) else net
        says = image(page.contiguous(memory_format=torch.channels_last))
    found: NDArray[np.float64] = says.logits.double().cpu().numpy()
    return found


def judged(
    net: nn.Module, kind: str, records: EcgRecords, device: torch.device | str = "cpu"
) -> dict[str, float]:
    """Return the AUROC of each finding on the validation part; NaN where it cannot be measured."""
    rows = np.flatnonzero(~records.teaches)
    logits = log_odds_of(net, kind, records, rows, device)
    out = {}
    for place, code in enumerate(CODES):
        truth = records.targets[rows, place]
        known = ~np.isnan(truth)
        out[code] = auroc(truth[known], logits[known, place])
    return out


def _normalisations(net: nn.Module) -> list[nn.Module]:
    return [one for one in net.modules() if isinstance(one, nn.BatchNorm1d | nn.BatchNorm2d)]
