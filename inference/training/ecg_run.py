"""One ECG training run on disk, from a TOML file to a trained net; started again, it goes on.

Rule of the file: settings and the order of steps. A hospital points ``[[data.sets]]`` at sets of
its own in the layout of the data folder, with reader ``ptbxl`` (statements with likelihoods) or
``listed`` (the column ``labels``).
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.errors import TrainingDataUnusable
from inference.training.ecg_augment import Strengths
from inference.training.ecg_batches import Generator, Mixture
from inference.training.ecg_labels import CODES, PLACE, Targets, targets_of
from inference.training.ecg_rhythms import RhythmShares
from inference.training.ecg_sets import EcgRecords, EcgSet, read_sets
from inference.training.ecg_settings import DistillationWeights, EcgLoopSettings, TeacherSettings

CONFIGS: Final = Path(__file__).parent / "configs"
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class EcgRun:
    """What the TOML file says: the sets that teach, the settings of the loop, sets that judge.

    ``judges`` are read by their readers when a release is made; they teach and choose nothing.
    """

    sets: tuple[EcgSet, ...]
    loop: EcgLoopSettings
    judges: tuple[EcgSet, ...] = ()

    def records(self, data: Path) -> EcgRecords:
        """Return every distinct record of the sets."""
        return read_sets(data, self.sets)


def read_run(file: Path, variant: str = "", seed: int | None = None) -> EcgRun:
    """Return the run of a TOML file; raise TrainingDataUnusable if it is out of layout.

    ``variant`` names one of the file's ``[variants]``, whose values take the place of the file's;
    ``seed`` takes the place of both.
    """
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        if variant:
            table = _with_values(table, table["variants"][variant])
        if seed is not None:
            table = _with_values(table, {"loop": {"seed": seed}})
        sets = tuple(EcgSet(**one) for one in table["data"]["sets"])
        mixture = dict(table.get("mixture", {}))
        augment = Strengths(**mixture.pop("augment", {}))
        rhythms = RhythmShares(**mixture.pop("rhythms", {}))
        loop: dict[str, Any] = dict(table["loop"])
        loop |= {"net": table.get("net", {})}
        return EcgRun(
            sets,
            EcgLoopSettings(
                **loop,
                mixture=Mixture(**mixture, augment=augment, rhythms=rhythms),
                distillation=DistillationWeights(**table.get("distillation", {})),
                teacher=TeacherSettings(**table.get("teacher", {})),
            ),
            tuple(EcgSet(**one) for one in table["data"].get("judges", ())),
        )
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise TrainingDataUnusable(file.name, 0, f"a training configuration ({error})") from error


def _with_values(table: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table with other values in it, tables within it alike."""
    out = dict(table)
    for name, value in values.items():
        inner = isinstance(value, dict) and isinstance(out.get(name), dict)
        out[name] = _with_values(out[name], value) if inner else value
    return out


def train(run: EcgRun, data: Path, folder: Path, report: Report) -> None:
    """Do what is left to do of a run; what it begins with lies beside this run's own folder."""
    from inference.training.ecg_loop import EcgTrainer

    records = run.records(data)
    report(f"{len(records)} records, {int(records.teaches.sum())} of them teach")
    generate = generator() if run.loop.mixture.generated > 0 else None
    trainer = EcgTrainer(run.loop, records, folder, generate)
    if not trainer.resume() and run.loop.begin:
        trainer.begin_with(folder.parent / run.loop.begins_with)
    trainer.run(report)


def generator() -> Generator:
    """Return the generator of invented ECGs as batches call it.

    What a case neither has nor leaves in doubt is denied. Findings outside our codes deny a normal
    ECG and nothing else.
    """
    from inference.training.ecg_generator import generated

    def one(random: np.random.Generator) -> tuple[NDArray[np.float32], Targets]:
        found = generated(random)
        doubtful = [code for code in found.doubtful if code in PLACE]
        return found.ecg.leads_mv, targets_of(found.labels, CODES, doubtful)

    return one
