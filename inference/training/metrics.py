"""Figures of merit of a probability against what happened, with intervals over patients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Figure = dict[str, float | None]
RESAMPLES: Final = 500


def auroc(died: ArrayLike, score: ArrayLike) -> float:
    """Return the area under the receiver operating characteristic; ties count half."""
    truth, value = _pair(died, score)
    deaths = truth.sum()
    if deaths in (0, len(truth)):
        return float("nan")
    _, inverse, counts = np.unique(value, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    area = rank[truth].sum() - deaths * (deaths + 1) / 2
    return float(area / (deaths * (len(truth) - deaths)))


def auprc(died: ArrayLike, score: ArrayLike) -> float:
    """Return average precision: precision summed over the steps of recall, ties taken together."""
    truth, value = _pair(died, score)
    if not truth.any():
        return float("nan")
    order = np.argsort(-value, kind="stable")
    last = np.r_[np.diff(value[order]) != 0, True]
    found = np.cumsum(truth[order])[last]
    precision = found / (np.flatnonzero(last) + 1)
    return float(np.sum(precision * np.diff(np.r_[0, found])) / truth.sum())


def event1(died: ArrayLike, score: ArrayLike, threshold: float) -> float:
    """Return score 1 of the 2012 challenge: min(sensitivity, positive predictive value)."""
    truth, value = _pair(died, score)
    warned = value >= threshold
    right = float((warned & truth).sum())
    return min(right / max(1, int(truth.sum())), right / max(1, int(warned.sum())))


def best_event1_threshold(died: ArrayLike, score: ArrayLike) -> float:
    """Return the threshold with the highest `event1`; to be chosen where it is not judged."""
    truth, value = _pair(died, score)
    order = np.argsort(-value, kind="stable")
    right = np.cumsum(truth[order])
    warned = np.arange(1, len(value) + 1)
    best = int(np.argmax(np.minimum(right / max(1, int(truth.sum())), right / warned)))
    return float(value[order][best])


def brier(died: ArrayLike, probability: ArrayLike) -> float:
    """Return the mean squared distance of probability and outcome."""
    truth, value = _pair(died, probability)
    return float(np.mean((value - truth) ** 2))


def with_interval(
    measure: Callable[[Array, Array], float],
    died: ArrayLike,
    score: ArrayLike,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Figure:
    """Return value and 95 % interval, by bootstrap over patients (a record is a patient).

    What cannot be measured, such as an AUROC without deaths, is None.
    """
    truth, value = np.asarray(died, dtype=np.float64), np.asarray(score, dtype=np.float64)
    random = np.random.default_rng(seed)
    found = []
    for _ in range(resamples):
        picked = random.integers(0, len(truth), len(truth))
        found.append(measure(truth[picked], value[picked]))
    known = [one for one in found if not np.isnan(one)]
    if not known:
        return {"value": None, "low": None, "high": None}
    low, high = np.percentile(known, [2.5, 97.5])
    return {"value": measure(truth, value), "low": float(low), "high": float(high)}


def paired_difference(
    metric: Callable[[Array, Array], float], died: Array, pairs: list[tuple[Array, Array]]
) -> dict[str, float]:
    """Return the mean difference of pairs (one, other) with its 95 % bootstrap interval."""

    def over(places: NDArray[np.int64]) -> float:
        truth = died[places]
        apart = [metric(truth, one[places]) - metric(truth, other[places]) for one, other in pairs]
        return float(np.mean(apart))

    random = np.random.default_rng(0)
    draws = [over(random.integers(0, len(died), len(died))) for _ in range(RESAMPLES)]
    low, high = np.nanquantile(draws, (0.025, 0.975))
    return {"value": over(np.arange(len(died))), "low": float(low), "high": float(high)}


def _pair(died: ArrayLike, score: ArrayLike) -> tuple[NDArray[np.bool_], Array]:
    return np.asarray(died, dtype=np.float64) > 0.5, np.asarray(score, dtype=np.float64)
