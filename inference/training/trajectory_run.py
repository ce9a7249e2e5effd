"""One training run on disk, from a TOML file to a trained net; it can be resumed."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.errors import TrainingDataUnusable
from inference.training.examples import Examples, build_examples, load_examples
from inference.training.gradient_boosting import BoostingSettings, cross_fit
from inference.training.physionet2012 import Stay, read_stays

CONFIGS: Final = Path(__file__).parent / "configs"
TWINS: Final = "twin_features.npz"
"""Beside the examples of a run: the twin of each stay, where it was fitted."""
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What the TOML file says: data files below the data folder, and the settings of each step."""

    events: tuple[str, ...]
    outcomes: tuple[str, ...]
    versions: int
    seed: int
    boosting: BoostingSettings
    net: Mapping[str, Any]


def read_settings(file: Path) -> RunSettings:
    """Return the settings of a TOML file; raise TrainingDataUnusable if it is out of layout."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        data = table["data"]
        return RunSettings(
            events=tuple(data["events"]),
            outcomes=tuple(data["outcomes"]),
            versions=int(data["versions"]),
            seed=int(data["seed"]),
            boosting=BoostingSettings(**table.get("boosting", {})),
            net=table.get("net", {}),
        )
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise TrainingDataUnusable(file.name, 0, f"a training configuration ({error})") from error


@dataclass(frozen=True, slots=True)
class TrajectoryRun:
    """The folder of one run: ``examples/``, ``boosting.onnx``, ``teacher.npy``, ``net/``."""

    folder: Path
    settings: RunSettings

    def examples(self, data: Path, report: Report) -> Examples:
        """Return the examples, building them at first."""
        kept = self.folder / "examples"
        if not (kept / "columns.npz").exists():
            report("building examples")
            build_examples(self.stays(data), self.settings.versions, self.settings.seed, kept)
        return load_examples(kept)

    def stays(self, data: Path) -> list[Stay]:
        """Return every stay of the run's data files."""
        pairs = zip(self.settings.events, self.settings.outcomes, strict=True)
        return [
            stay
            for events, outcomes in pairs
            for stay in read_stays(data / events, data / outcomes)
        ]

    def teacher(self, examples: Examples, report: Report) -> NDArray[np.float64]:
        """Return the cross-fitted probability of every example, fitting the boosting at first."""
        from inference.training.export import boosting_graph

        kept = self.folder / "teacher.npy"
        if not kept.exists():
            report("fitting gradient boosting")
            fitted = cross_fit(examples, self.settings.boosting, self.settings.seed)
            (self.folder / "boosting.onnx").write_bytes(
                boosting_graph(fitted.models).SerializeToString()
            )
            np.save(kept, fitted.probability)
        found: NDArray[np.float64] = np.load(kept)
        return found

    def known_examples(self) -> Examples:
        """Return the examples that are there; raise TrainingDataUnusable if none are."""
        kept = self.folder / "examples"
        if not (kept / "columns.npz").exists():
            raise TrainingDataUnusable(kept.name, 0, "the examples of a run: train first")
        return load_examples(kept)

    def known_teacher(self) -> NDArray[np.float64]:
        """Return the teacher that is there; raise TrainingDataUnusable if none is."""
        kept = self.folder / "teacher.npy"
        if not kept.exists():
            raise TrainingDataUnusable(kept.name, 0, "the teacher of a run: train first")
        found: NDArray[np.float64] = np.load(kept)
        return found


def train(run: TrajectoryRun, data: Path, report: Report) -> None:
    """Do what is left to do of a run."""
    from inference.training.trajectory_loop import LoopSettings, TrajectoryTrainer
    from inference.training.trajectory_losses import LossWeights

    run.folder.mkdir(parents=True, exist_ok=True)
    examples = run.examples(data, report)
    teacher = run.teacher(examples, report)
    plain = {name: value for name, value in run.settings.net.items() if name != "losses"}
    losses = LossWeights(**run.settings.net.get("losses", {}))
    trainer = TrajectoryTrainer(
        LoopSettings(**plain, losses=losses), examples, teacher, run.folder / "net"
    )
    trainer.resume()
    trainer.run(report)
