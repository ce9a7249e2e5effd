"""What forecasts the next value without any twin; each is told the past of the patient only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from twin.evaluation.cohort import Cohort

    Pairs = Float[np.ndarray, " pair"]
    Folds = Int[np.ndarray, " pair"]

LAGS: Final = 6
WINDOWS: Final = (3, 6, 12, 24, 48)
HALF_LIVES_MINUTES: Final = (60.0, 180.0, 720.0, 2880.0)
BOOSTING: Final = {
    "loss": "absolute_error",
    "max_iter": 150,
    "learning_rate": 0.04,
    "max_leaf_nodes": 12,
    "min_samples_leaf": 60,
    "l2_regularization": 5.0,
    "random_state": 0,
}


def pasts(cohort: Cohort) -> list[Int[np.ndarray, " past"]]:
    """Return, for every pair, the moments of the stay at which a target was charted till now."""
    found = []
    charted = np.flatnonzero(~np.isnan(cohort.target))
    begins = cohort.first[np.searchsorted(cohort.first, cohort.now, side="right") - 1]
    for begin, now in zip(begins, cohort.now, strict=True):
        low, high = np.searchsorted(charted, (begin, now + 1))
        found.append(charted[low:high])
    return found


def half_and_half(cohort: Cohort) -> Pairs:
    """Return half the last value and half the mean of the last six."""
    recent = [float(np.mean(cohort.target[past[-LAGS:]])) for past in pasts(cohort)]
    return 0.5 * cohort.value_now + 0.5 * np.array(recent)


def lagged(cohort: Cohort) -> Float[np.ndarray, "pair lag"]:
    """Return the last six values, newest first; the oldest known stands for what is before it."""
    rows = np.empty((len(cohort.now), LAGS))
    for row, past in zip(rows, pasts(cohort), strict=True):
        values = cohort.target[past[-LAGS:]][::-1]
        row[: len(values)] = values
        row[len(values) :] = values[-1]
    return rows


def autoregression(cohort: Cohort, folds: Folds) -> Pairs:
    """Return a linear autoregression on six values, fitted to the patients of other folds."""
    rows = np.column_stack((lagged(cohort), np.ones(len(cohort.now))))
    found = np.empty(len(rows))
    for fold in np.unique(folds):
        here = folds == fold
        if here.all():
            # Nobody else to learn from: the last value.
            return cohort.value_now.copy()
        weights = np.linalg.lstsq(rows[~here], cohort.value_next[~here], rcond=None)[0]
        found[here] = rows[here] @ weights
    return found


def boosting(cohort: Cohort, folds: Folds) -> Pairs | None:
    """Return gradient boosting on features of past values; None where scikit-learn is missing.

    It learns what is left by ``half_and_half``, which helps it: by itself it is no better.
    """
    try:
        from sklearn.ensemble import HistGradientBoostingRegressor
    except ImportError:
        return None
    rows, start = _features(cohort), half_and_half(cohort)
    left = cohort.value_next - start
    found = start.copy()
    for fold in np.unique(folds):
        here = folds == fold
        trees = HistGradientBoostingRegressor(**BOOSTING).fit(rows[~here], left[~here])
        found[here] += trees.predict(rows[here])
    return found


def _features(cohort: Cohort) -> Float[np.ndarray, "pair feature"]:
    rows = []
    for past in pasts(cohort):
        values = cohort.target[past]
        ages = cohort.minute[past[-1]] - cohort.minute[past]
        weights = [0.5 ** (ages / half_life) for half_life in HALF_LIVES_MINUTES]
        lags = [values[-lag] if lag <= len(values) else np.nan for lag in range(1, LAGS + 1)]
        windows = [values[-window:] for window in WINDOWS]
        rows.append(
            [
                *lags,
                *(float(np.mean(each)) for each in windows),
                *(float(np.median(each)) for each in windows),
                *(float(np.average(values, weights=each)) for each in weights),
                float(np.mean(values)),
                float(np.std(values[-12:])),
                float(np.min(values[-24:])),
                float(len(values)),
                float(ages[-2]) if len(ages) > 1 else np.nan,
            ]
        )
    return np.array(rows)
