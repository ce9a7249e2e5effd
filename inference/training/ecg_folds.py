"""Cross-validates one finding in one set, by patient, from a run that never saw the set.

Rule of the file: for findings of which so few recordings exist that none can be spared to judge.
The run as it is judges the whole set first; then, fold by fold, it learns from the other folds and
judges the one left out. A record stands for a patient, as where the sets are read. What the folds
say is pooled; the place of every positive among the negatives is shown, because an interval over
so few says little.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.errors import TrainingDataUnusable
from inference.training.ecg_labels import PLACE
from inference.training.ecg_loop import EcgTrainer, log_odds_of, trained_net
from inference.training.ecg_run import EcgRun, generator
from inference.training.ecg_sets import EcgRecords
from inference.training.metrics import auroc, with_interval

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Held:
    """The set that is cut into folds, the finding that is judged in it, and how many folds."""

    name: str
    finding: str
    folds: int = 4

    def rows(self, records: EcgRecords) -> Rows:
        """Return the rows of the set on which the finding is annotated."""
        of_set = np.array([one == self.name for one in records.sets])
        return np.flatnonzero(of_set & ~np.isnan(records.targets[:, PLACE[self.finding]]))


def folds_of(ill: NDArray[np.bool_], folds: int) -> Rows:
    """Return the fold of each record: those with the finding dealt out in turn, then the others.

    Raises TrainingDataUnusable where a fold would have none with the finding or none without.
    """
    if min(ill.sum(), (~ill).sum()) < folds:
        raise TrainingDataUnusable("folds", 0, f"{folds} records with the finding and without")
    out = np.empty(len(ill), dtype=np.int64)
    out[ill] = np.arange(ill.sum()) % folds
    out[~ill] = np.arange((~ill).sum()) % folds
    return out


def without_fold(records: EcgRecords, held: Held, left_out: Rows) -> EcgRecords:
    """Return the records with all of the set teaching but the rows of a fold."""
    of_set = np.array([one == held.name for one in records.sets])
    teaches = records.teaches | of_set
    teaches[left_out] = False
    return replace(records, teaches=teaches)


def cross_validated(
    run: EcgRun, data: Path, base: Path, held: Held, report: Report
) -> dict[str, Any]:
    """Return what the run in ``base`` says of the set, alone and after learning from folds.

    ``run`` is how it learns from them; the folds' own runs are kept beside ``base``, and go on
    where they stopped.
    """
    records = run.records(data)
    rows, place = held.rows(records), PLACE[held.finding]
    ill = records.targets[rows, place] > 0
    fold = folds_of(ill, held.folds)
    net, settings = trained_net(base)
    alone = log_odds_of(net, settings["kind"], records, rows)[:, place]
    said, spent = np.empty(len(rows)), 0.0
    for one in range(held.folds):
        left_out = rows[fold == one]
        report(f"fold {one + 1} of {held.folds}: {int(ill[fold == one].sum())} with the finding")
        trainer = _taught(run, without_fold(records, held, left_out), base, one, report)
        spent += trainer.progress.core_s / 60.0
        found = log_odds_of(trainer.averaged, run.loop.kind, records, left_out)
        said[fold == one] = found[:, place]
    others = np.array([one != held.name for one in records.sets])
    return {
        "set": held.name,
        "finding": held.finding,
        "records": len(rows),
        "positives": int(ill.sum()),
        "recorded_positives_of_other_sets": int((records.targets[others, place] == 1).sum()),
        "alone": {
            **figures(ill, alone),
            "core_minutes": round(settings["progress"]["core_s"] / 60.0, 2),
        },
        "folds": {
            **figures(ill, said),
            "count": held.folds,
            "of_folds": [
                round(auroc(ill[fold == one], said[fold == one]), 4) for one in range(held.folds)
            ],
            "core_minutes": round(spent, 2),
        },
    }


def figures(ill: NDArray[np.bool_], score: Array) -> dict[str, Any]:
    """Return AUROC with its interval, and the share of negatives below each positive."""
    others = np.sort(score[~ill])
    below = np.searchsorted(others, np.sort(score[ill])) / max(1, len(others))
    return {
        "auroc": with_interval(auroc, ill, score),
        "share_of_negatives_below_each_positive": [round(float(one), 4) for one in below],
    }


def _taught(run: EcgRun, records: EcgRecords, base: Path, fold: int, report: Report) -> EcgTrainer:
    folder = base.parent / f"{base.name}-fold-{fold + 1}"
    generate = generator() if run.loop.mixture.generated > 0 else None
    trainer = EcgTrainer(run.loop, records, folder, generate)
    if not trainer.resume():
        trainer.begin_with(base)
    trainer.run(report)
    return trainer
