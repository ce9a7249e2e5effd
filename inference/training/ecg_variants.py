"""Compares variants of one configuration, each trained with several seeds, on a set unseen.

Rule of the file: from trained runs to one table. Calls are made at each run's own thresholds, set
by its validation records; figures are means over labels with enough positives and over seeds.
Intervals are of 95 %, by bootstrap over records (a record stands for a patient), with the same
draws for every run, so that changes are paired. The figure of each seed is shown beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from torch import nn

from inference.errors import TrainingDataUnusable
from inference.training.ecg_calibration import fit_thresholds
from inference.training.ecg_comparison import figure_of, relative
from inference.training.ecg_evaluation import FEWEST_POSITIVES, scored_labels
from inference.training.ecg_labels import CODES, PLACE
from inference.training.ecg_loop import plain_views, said_of, trained_net
from inference.training.ecg_sets import EcgRecords, LabelledStem
from inference.training.metrics import auroc

Array = NDArray[np.float64]
MEASURES: Final = ("auroc", "precision", "recall", "f1")
RESAMPLES: Final = 500


@dataclass(frozen=True, slots=True)
class RunSays:
    """One run on the unseen set: log-odds ``[record, label]``, calls, and what it cost."""

    name: str
    score: Array
    called: NDArray[np.bool_]
    cost: Mapping[str, float]


def read_runs(
    folders: Sequence[Path], records: EcgRecords, stem: LabelledStem, labels: Sequence[str]
) -> list[RunSays]:
    """Return what each run's averaged net says of plainly printed records.

    A signal net reads the strips on them.
    """
    nets = [trained_net(folder) for folder in folders]
    rows = np.flatnonzero(~records.teaches)
    unseen = _as_records(stem)
    validation = _said(nets, records, rows)
    scores = _said(nets, unseen, np.arange(len(unseen)))
    places = [PLACE[label] for label in labels]
    found = []
    for folder, (_, settings), own, score in zip(folders, nets, validation, scores, strict=True):
        thresholds = fit_thresholds(_share(own), records.targets[rows])
        limits = np.array([thresholds[label]["value"] for label in labels])
        called = _share(score[:, places]) >= limits
        cost = _cost(settings) | {"validation_auroc": _mean_area(own, records.targets[rows])}
        found.append(RunSays(folder.name, score[:, places], called, cost))
    return found


def _said(
    nets: Sequence[tuple[nn.Module, Mapping[str, Any]]],
    records: EcgRecords,
    rows: NDArray[np.int64],
) -> list[Array]:
    """Return the log-odds of each net; every page is printed once for all of them."""
    found: list[list[Array]] = [[] for _ in nets]
    for batch in plain_views(records, rows, whole=False):
        for place, (net, settings) in enumerate(nets):
            found[place].append(said_of(net, settings["kind"], batch))
    return [np.concatenate(one) for one in found]


def _cost(settings: Mapping[str, Any]) -> dict[str, float]:
    """Return what a run saw and spent, with what the run that it began with had."""
    progress = settings["progress"]
    return {
        "records": progress["seen"] + progress.get("seen_before", 0),
        "pages": 0 if settings["kind"] == "signal" else progress["seen"],
        "core_minutes": round((progress["core_s"] + progress.get("core_s_before", 0.0)) / 60, 2),
    }


def _share(log_odds: Array) -> Array:
    out: Array = 1.0 / (1.0 + np.exp(-log_odds))
    return out


def _mean_area(log_odds: Array, targets: NDArray[np.float32]) -> float:
    """Return the mean AUROC over findings on validation records, printed plainly for every net."""
    areas = []
    for said, truth in zip(log_odds.T, targets.T, strict=True):
        known = ~np.isnan(truth)
        areas.append(auroc(truth[known].astype(np.float64), said[known]))
    return round(float(np.nanmean(areas)), 4)


def judged_labels(stem: LabelledStem) -> tuple[str, ...]:
    """Return the labels of a set that have enough positives and are among the findings."""
    found = tuple(
        label
        for label in scored_labels(stem)
        if label in PLACE and sum(label in one for one in stem.labels) >= FEWEST_POSITIVES
    )
    if not found:
        needed = f"a label with {FEWEST_POSITIVES} positives among the findings"
        raise TrainingDataUnusable("the set that judges", 0, needed)
    return found


def _as_records(stem: LabelledStem) -> EcgRecords:
    """Return a set as records that teach nothing and say nothing."""
    count = len(stem.steps)
    return EcgRecords(
        stem.steps,
        np.full((count, len(CODES)), np.nan, dtype=np.float32),
        np.zeros(count, dtype=np.bool_),
        tuple(map(str, range(count))),
        ("unseen",) * count,
    )


def table(
    stem: LabelledStem,
    labels: Sequence[str],
    variants: Mapping[str, Sequence[RunSays]],
    first: str,
) -> dict[str, Any]:
    """Return the figures of each variant and by how much ``first`` exceeds each other one."""
    if first not in variants:
        raise TrainingDataUnusable(first, 0, "a variant with at least one run")
    truth = np.array([[label in one for label in labels] for one in stem.labels])
    random = np.random.default_rng(0)
    draws = [np.arange(len(truth))]
    draws += [random.integers(0, len(truth), len(truth)) for _ in range(RESAMPLES)]
    found = {
        name: np.array([[_measured(truth, run, draw) for draw in draws] for run in runs])
        for name, runs in variants.items()
    }
    mean = {name: one.mean(axis=0) for name, one in found.items()}
    return {
        "records": len(truth),
        "labels": list(labels),
        "variants": {
            name: {
                "seeds": len(runs),
                **{key: _mean_cost(runs, key) for key in runs[0].cost},
                **{
                    measure: figure_of(mean[name][:, place])
                    | {"of_seeds": [round(float(one), 4) for one in found[name][:, 0, place]]}
                    for place, measure in enumerate(MEASURES)
                },
            }
            for name, runs in variants.items()
        },
        f"{first}_exceeds": {
            name: {
                measure: figure_of(relative(mean[first][:, place], mean[name][:, place]))
                for place, measure in enumerate(MEASURES)
            }
            for name in variants
            if name != first
        },
    }


def _mean_cost(runs: Sequence[RunSays], key: str) -> float:
    return round(float(np.mean([run.cost[key] for run in runs])), 4)


def _measured(truth: NDArray[np.bool_], run: RunSays, draw: NDArray[np.int64]) -> list[float]:
    """Return the means over labels of AUROC, precision, recall and F1 on the records drawn."""
    ill, called = truth[draw], run.called[draw]
    right = (ill & called).sum(axis=0)
    areas = [auroc(ill[:, k], run.score[draw, k]) for k in range(ill.shape[1])]
    return [
        float(np.nanmean(areas)),
        float(np.mean(right / np.maximum(called.sum(axis=0), 1))),
        float(np.mean(right / np.maximum(ill.sum(axis=0), 1))),
        float(np.mean(2 * right / np.maximum(called.sum(axis=0) + ill.sum(axis=0), 1))),
    ]
