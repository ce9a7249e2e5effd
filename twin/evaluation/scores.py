"""Figures of merit of forecasts, with 95 % intervals by bootstrap over patients.

A forecast is a row of values at ``CENTILES`` of its distribution, straight between them and flat
beyond. Fractions are 0-1; what cannot be measured is None.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.wandering import CENTILES

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

    Pairs = Float[np.ndarray, " pair"]
    Rows = Float[np.ndarray, "pair centile"]

Figure = dict[str, float | None]
RESAMPLES: Final = 400
GRID: Final = (np.arange(99) + 1.0) / 100.0
MEDIAN: Final = int(np.flatnonzero(CENTILES == 0.5)[0])
FIFTH: Final = int(np.flatnonzero(CENTILES == 0.05)[0])
NINETY_FIFTH: Final = int(np.flatnonzero(CENTILES == 0.95)[0])


def crps(rows: Rows, truth: Pairs) -> Pairs:
    """Return the continuous ranked probability score, by pinball losses at 99 centiles."""
    place = np.interp(GRID, CENTILES, np.arange(len(CENTILES)))
    before = np.minimum(place.astype(int), len(CENTILES) - 2)
    share = place - before
    values = rows[:, before] * (1.0 - share) + rows[:, before + 1] * share
    error = truth[:, None] - values
    score: np.ndarray = 2.0 * np.mean(np.maximum(GRID * error, (GRID - 1.0) * error), axis=1)
    return score


def probability_below(rows: Rows, limit: float) -> Pairs:
    """Return the forecast probability of a value below ``limit``."""
    found = np.array([np.interp(limit, row, CENTILES) for row in rows])
    # Beyond the outer centiles the tails fall off exponentially, as fast as between the last two.
    lower = CENTILES[0] * np.exp((limit - rows[:, 0]) * _fall(rows[:, 0], rows[:, 1]))
    upper = CENTILES[0] * np.exp((rows[:, -1] - limit) * _fall(rows[:, -2], rows[:, -1]))
    found = np.where(limit < rows[:, 0], lower, found)
    return np.where(limit > rows[:, -1], 1.0 - upper, found)


def _fall(inner: Pairs, outer: Pairs) -> Pairs:
    """Return how fast a tail falls from its second last to its last centile."""
    fall: np.ndarray = np.log(CENTILES[1] / CENTILES[0]) / np.maximum(np.abs(outer - inner), 1e-9)
    return fall


def auroc(truth: Bool[np.ndarray, " pair"], score: Pairs) -> float:
    """Return the area under the receiver operating characteristic; ties count half."""
    events = int(truth.sum())
    if events in (0, len(truth)):
        return float("nan")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    area = float(rank[truth].sum()) - events * (events + 1) / 2
    return area / (events * (len(truth) - events))


def auprc(truth: Bool[np.ndarray, " pair"], score: Pairs) -> float:
    """Return average precision: precision summed over the steps of recall."""
    events = int(truth.sum())
    if not events:
        return float("nan")
    order = np.argsort(-score, kind="stable")
    last = np.concatenate((np.diff(score[order]) != 0, [True]))
    found = np.cumsum(truth[order])[last]
    precision = found / (np.flatnonzero(last) + 1)
    return float(np.sum(precision * np.diff(np.concatenate(([0], found)))) / events)


def with_interval(
    measure: Callable[[Int[np.ndarray, " picked"]], float],
    patients: Int[np.ndarray, " pair"],
    resamples: int = RESAMPLES,
) -> Figure:
    """Return a measure of all pairs and its interval, patients drawn with replacement.

    Parameters
    ----------
    measure
        Takes indices of pairs, repeats included; NaN is unknown.
    patients
        Number of each pair's patient.
    """
    order = np.argsort(patients, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(patients[order])) + 1)
    value = measure(order) if len(order) else float("nan")
    if np.isnan(value):
        return {"value": None, "low": None, "high": None}
    random = np.random.default_rng(0)
    draws = random.integers(0, len(parts), (resamples, len(parts)))
    found = [measure(np.concatenate([parts[one] for one in draw])) for draw in draws]
    known = [each for each in found if not np.isnan(each)]
    low, high = np.percentile(known, [2.5, 97.5])
    return {"value": value, "low": float(low), "high": float(high)}


def mean_of(values: Pairs) -> Callable[[Int[np.ndarray, " picked"]], float]:
    """Return a measure for ``with_interval``: the mean of one value a pair."""

    def measure(picked: np.ndarray) -> float:
        return float(np.mean(values[picked])) if len(picked) else float("nan")

    return measure


def ratio_less_one(values: Pairs, base: Pairs) -> Callable[[Int[np.ndarray, " picked"]], float]:
    """Return a measure: by which share the mean of ``values`` differs from that of ``base``."""

    def measure(picked: np.ndarray) -> float:
        below = float(np.mean(base[picked])) if len(picked) else 0.0
        return float(np.mean(values[picked])) / below - 1.0 if below else float("nan")

    return measure
