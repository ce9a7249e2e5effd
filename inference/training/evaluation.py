"""Judges releases and baselines on stays with known outcome, without torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.core.fusion import log_odds, probability
from inference.core.release import ReleasedModel
from inference.core.trajectory_image import AGGREGATES, TrajectorySummary, summary_of
from inference.core.trajectory_reading import (
    BOOSTING,
    batch_of,
    news2_of,
    part_probabilities,
    risk_log_odds,
)
from inference.core.trajectory_rows import ROW_INDEX
from inference.ports import Batch
from inference.training.fusion_fit import calibration_line
from inference.training.metrics import auprc, auroc, brier, event1, with_interval
from inference.training.physionet2012 import Stay
from inference.training.split import part_of

Array = NDArray[np.float64]
Run = Callable[[ReleasedModel, Batch], Batch]
BINS: Final = 10
BATCH: Final = 64
NEWS2_HIGH: Final = 7.0
"""Emergency response from 7 points (Royal College of Physicians, NEWS2, 2017)."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What every model says of the same stays: probabilities by name, and NEWS2 points.

    ``news2`` is of the last values, ``worst_news2`` the highest of the last half of the window.
    """

    died: Array
    release: Array
    parts: dict[str, Array]
    boosting: Array
    news2: Array
    worst_news2: Array


def score_stays(
    stays: Sequence[Stay],
    release: ReleasedModel,
    baseline: ReleasedModel,
    run: Run,
    advance: Callable[[int], None] = lambda count: None,
) -> Scores:
    """Return the scores of the release, its parts and the baselines; ``run`` executes a batch."""
    risk, boosting, points, worst = [], [], [], []
    parts: dict[str, list[Array]] = {}
    for some in _batches(stays):
        summaries = [summary_of(stay.columns) for stay in some]
        outputs = run(release, batch_of(summaries, release))
        risk.append(probability(risk_log_odds(release, outputs)))
        for name, value in part_probabilities(release, outputs).items():
            parts.setdefault(name, []).append(value)
        boosting.append(_boosting(baseline, summaries, run))
        points.append(np.array([float(news2_of(stay.columns).score) for stay in some]))
        worst.append(np.array([_worst_news2(summary) for summary in summaries]))
        advance(len(some))
    return Scores(
        died=np.array([float(stay.outcome.died) for stay in stays]),
        release=np.concatenate(risk),
        parts={name: np.concatenate(values) for name, values in parts.items()},
        boosting=np.concatenate(boosting),
        news2=np.concatenate(points),
        worst_news2=np.concatenate(worst),
    )


def _batches(stays: Sequence[Stay]) -> Iterator[list[Stay]]:
    rest = iter(stays)
    while some := list(islice(rest, BATCH)):
        yield some


def _boosting(baseline: ReleasedModel, summaries: Sequence[TrajectorySummary], run: Run) -> Array:
    outputs = run(baseline, batch_of(summaries, baseline))
    members = log_odds(np.asarray(outputs[BOOSTING], dtype=np.float64)).mean(axis=1)
    line = baseline.calibration["gradient_boosting"]
    return probability(line[0] + line[1] * members)


def figures(scores: Scores, release: ReleasedModel) -> dict[str, Any]:
    """Return the figures of the release first, then those of its parts and of the baselines."""
    high = release.thresholds["high"].value
    died = scores.died
    return {
        "records": len(died),
        "deaths": int(died.sum()),
        **of_probability(died, scores.release, high),
        "models": {name: of_probability(died, value, high) for name, value in scores.parts.items()}
        | {"gradient_boosting_fusion": of_probability(died, scores.release, high)},
        "baselines": {
            "news2": of_points(died, scores.news2),
            "news2_worst_of_last_half": of_points(died, scores.worst_news2),
            "gradient_boosting": of_probability(died, scores.boosting, high),
        },
    }


def of_points(died: Array, points: Array) -> dict[str, Any]:
    """Return the figures of a bedside score: discrimination, and event 1 from 7 points."""
    return {
        "auroc": with_interval(auroc, died, points),
        "auprc": with_interval(auprc, died, points),
        "event1": event1(died, points, NEWS2_HIGH),
    }


def _worst_news2(summary: TrajectorySummary) -> float:
    row, column = ROW_INDEX["EarlyWarning"], AGGREGATES.index("maximum of the last half")
    return float(np.nan_to_num(summary.aggregates[row, column]))


def of_probability(died: Array, risk: Array, threshold: float) -> dict[str, Any]:
    """Return discrimination, event 1 at a threshold fixed before, Brier score, calibration."""

    def at_threshold(truth: Array, value: Array) -> float:
        return event1(truth, value, threshold)

    return {
        "auroc": with_interval(auroc, died, risk),
        "auprc": with_interval(auprc, died, risk),
        "event1": with_interval(at_threshold, died, risk),
        "brier": with_interval(brier, died, risk),
        "calibration": calibration(died, risk),
    }


def calibration(died: Array, risk: Array) -> dict[str, Any]:
    """Return slope and intercept, and predicted beside observed in bins of equal size."""
    slope, intercept = calibration_line(died, log_odds(risk))
    order = np.array_split(np.argsort(risk, kind="stable"), BINS)
    bins = [
        {
            "records": len(places),
            "predicted": round(float(risk[places].mean()), 4),
            "observed": round(float(died[places].mean()), 4),
        }
        for places in order
        if len(places)
    ]
    return {"slope": round(slope, 4), "intercept": round(intercept, 4), "bins": bins}


def seen_in_training(stays: Sequence[Stay], release: ReleasedModel) -> int:
    """Return how many of the stays taught the release or calibrated it."""
    first, last = release.limits["first_record"], release.limits["last_record"]
    return sum(first <= stay.record <= last and part_of(stay.record) != "test" for stay in stays)


def held_out(stays: Sequence[Stay]) -> list[Stay]:
    """Return the stays of the test part of the split."""
    return [stay for stay in stays if part_of(stay.record) == "test"]
