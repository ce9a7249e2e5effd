"""Events within minutes and hours: how likely they were held to be, and whether they came.

An event is a value charted below a limit, within the horizon, in a patient who is above it now.
What happens between two entries of the chart is not seen: where values are charted hourly, an
event within five minutes is mostly one that nobody wrote down. The probability is the share of
drawn paths that reach the limit, made calibrated by a logistic curve (Platt 1999) that other
patients taught.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit, ndtr

from twin.core.forecast import LEAST_SHARE
from twin.core.temperament import Belief, learn
from twin.evaluation.crossfit import folds_of
from twin.evaluation.scores import Figure, auprc, auroc, with_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jaxtyping import Bool, Float, Int

    from twin.evaluation.cohort import Cohort
    from twin.evaluation.crossfit import Forecasts

    Pairs = Float[np.ndarray, " pair"]

HORIZONS_MINUTES: Final = (5, 30, 60, 360)
MARKS_MINUTES: Final = np.array([5.0, 30.0, 60.0, 120.0, 180.0, 240.0, 300.0, 360.0])
"""At these times a path is looked at, with the noise of charting: a chart shows no more."""
PATHS: Final = 256
FEWEST_EVENTS: Final = 20
"""With fewer, a figure would say nothing; only their number is told."""


@dataclass(frozen=True, slots=True, eq=False)
class Foreseen:
    """Shares of paths below the limit within each horizon, of every pair that is above it now."""

    limit: float
    pairs: Int[np.ndarray, " pair"]
    shares: Float[np.ndarray, "pair horizon"]


def foreseen(
    cohort: Cohort,
    forecasts: Forecasts,
    limit: float,
    told: Callable[[], None] = lambda: None,
) -> Foreseen:
    """Return the shares of paths below ``limit``; ``told`` is called after every pair."""
    pairs, shares = [], []
    ends = np.searchsorted(MARKS_MINUTES, HORIZONS_MINUTES)
    for pair, belief in _beliefs(cohort, forecasts, limit):
        random = np.random.default_rng(pair)
        path = belief.paths(MARKS_MINUTES / 60.0, PATHS, random)
        # The noise is not drawn but reckoned: rare events need more than so many paths.
        above = np.cumprod(ndtr((path - limit) / belief.noise_sds(PATHS)), axis=0)[ends]
        pairs.append(pair)
        shares.append(1.0 - above.mean(axis=1))
        told()
    order = np.argsort(pairs)
    found = np.array(shares).reshape(-1, len(ends))
    return Foreseen(limit, np.array(pairs, np.int64)[order], found[order])


def _beliefs(cohort: Cohort, forecasts: Forecasts, limit: float) -> Iterator[tuple[int, Belief]]:
    """Yield each pair that is above the limit with what its patient's fold believes then."""
    ends = np.append(cohort.first, len(cohort.minute))
    fold_of_stay = forecasts.folds[cohort.first]
    for fold, (known, _) in enumerate(forecasts.taught_by):
        mine = np.flatnonzero(fold_of_stay == fold)
        if not len(mine):
            continue
        stays = [cohort.stays[stay] for stay in mine]
        learnt = learn(stays, cohort.subject[cohort.first[mine]], known.wandering, beliefs=True)
        place = np.full(len(cohort.minute), -1)
        moments = np.concatenate([np.arange(ends[stay], ends[stay + 1]) for stay in mine])
        place[moments] = np.arange(len(moments))
        line = np.concatenate([~np.isnan(stay.values[:, 1]) for stay in stays])
        for pair in np.flatnonzero((place[cohort.now] >= 0) & (cohort.value_now >= limit)):
            moment = int(place[cohort.now[pair]])
            yield int(pair), Belief.after(learnt, moment, int(line[moment]))


def happened(
    cohort: Cohort, pairs: Int[np.ndarray, " pair"], limit: float, minutes: float
) -> tuple[Bool[np.ndarray, " pair"], Bool[np.ndarray, " pair"]]:
    """Return whether a value below the limit was charted in time, and whether any value was."""
    ends = np.append(cohort.first, len(cohort.minute))
    event, known = np.zeros(len(pairs), bool), np.zeros(len(pairs), bool)
    for row, now in enumerate(cohort.now[pairs]):
        end = ends[np.searchsorted(cohort.first, now, side="right")]
        last = now + np.searchsorted(cohort.minute[now:end], cohort.minute[now] + minutes, "right")
        values = cohort.target[now + 1 : last]
        known[row] = bool(np.any(~np.isnan(values)))
        event[row] = bool(np.any(values < limit))
    return event, known


def platt(share: Pairs, event: Bool[np.ndarray, " pair"]) -> tuple[float, float]:
    """Return intercept and slope that turn shares of paths into probabilities."""
    x = _logit(share)

    def cost(ab: np.ndarray) -> float:
        z = ab[0] + ab[1] * x
        return float(np.mean(np.logaddexp(0.0, z) - event * z) + 1e-4 * (ab[1] - 1.0) ** 2)

    found = minimize(cost, np.array([0.0, 1.0]), method="BFGS").x
    return float(found[0]), float(found[1])


def curves_of(cohort: Cohort, seen: Foreseen) -> dict[int, tuple[float, float]]:
    """Return each horizon's intercept and slope from all pairs; only where events are enough."""
    curves = {}
    for place, minutes in enumerate(HORIZONS_MINUTES):
        event, known = happened(cohort, seen.pairs, seen.limit, minutes)
        if event[known].sum() >= FEWEST_EVENTS:
            curves[minutes] = platt(seen.shares[known, place], event[known])
    return curves


def calibrated(share: Pairs, curve: tuple[float, float]) -> Pairs:
    """Return the probabilities that a curve makes of shares of paths."""
    found: np.ndarray = expit(curve[0] + curve[1] * _logit(share))
    return found


def _logit(share: Pairs) -> Pairs:
    found: np.ndarray = logit(np.clip(share, LEAST_SHARE, 1.0 - LEAST_SHARE))
    return found


def horizon_figures(
    cohort: Cohort, seen: Foreseen, others: Mapping[str, Pairs]
) -> dict[str, dict[str, object]]:
    """Return the figures of every horizon.

    ``others`` are scores of the same patients for comparison, one value a pair of the cohort,
    higher for a patient at more risk.
    """
    folds = folds_of(cohort)[cohort.now[seen.pairs]]
    figures: dict[str, dict[str, object]] = {}
    for place, minutes in enumerate(HORIZONS_MINUTES):
        event, known = happened(cohort, seen.pairs, seen.limit, minutes)
        rows = np.flatnonzero(known)
        compared = {name: score[seen.pairs[rows]] for name, score in others.items()}
        figures[str(minutes)] = _figures(
            seen.shares[rows, place],
            event[rows],
            cohort.asked_of[seen.pairs[rows]],
            folds[rows],
            compared,
        )
    return figures


def _figures(
    share: Pairs,
    event: Bool[np.ndarray, " pair"],
    patients: Int[np.ndarray, " pair"],
    folds: Int[np.ndarray, " pair"],
    others: Mapping[str, Pairs],
) -> dict[str, object]:
    counted: dict[str, object] = {"pairs": len(share), "events": int(event.sum())}
    if event.sum() < FEWEST_EVENTS:
        return {**counted, "auroc": None, "auprc": None, "brier": None, "expected_events": None}
    probability = np.empty(len(share))
    for fold in np.unique(folds):
        here = folds == fold
        probability[here] = calibrated(share[here], platt(share[~here], event[~here]))

    def area(score: Pairs) -> Figure:
        return with_interval(lambda picked: auroc(event[picked], score[picked]), patients)

    rate = float(event.mean())
    return {
        **counted,
        "auroc": area(probability),
        **{f"{name}_auroc": area(score) for name, score in others.items()},
        "auprc": auprc(event, probability),
        "brier": float(np.mean((probability - event) ** 2)),
        "brier_of_the_rate": rate * (1.0 - rate),
        "expected_events": float(probability.sum()),
    }
