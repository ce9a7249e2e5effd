"""Fits what joins the parts of a release: coefficients, their bootstrap draws, thresholds, limits.

Everything here is fitted on the calibration part: the net never saw it, and the boosting's
probabilities there are cross-fitted. numpy and scipy only.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from inference.core.fusion import FusionWeights, design, probability
from inference.core.release import Threshold
from inference.training.metrics import best_event1_threshold

Array = NDArray[np.float64]
DRAWS: Final = 200
MEDIUM_SENSITIVITY: Final = 0.90
"""The medium level is meant to miss at most one death in ten."""
_PULL: Final = 1.0
"""Ridge towards equal shares of the parts, in units of one stay's log-likelihood."""


def fit_fusion(
    net: Array, boosting: Array, died: Array, stay: NDArray[np.int64], weight: Array, seed: int
) -> FusionWeights:
    """Return the coefficients and `DRAWS` refits on patients drawn with replacement.

    ``stay`` numbers the patient of each row: the versions of one stay are drawn together.
    """
    matrix = design(net, boosting)
    central = logistic(matrix, died, weight)
    random = np.random.default_rng(seed)
    patients, place = np.unique(stay, return_inverse=True)
    draws = []
    for _ in range(DRAWS):
        times = np.bincount(
            random.integers(0, len(patients), len(patients)), minlength=len(patients)
        )
        draws.append(logistic(matrix, died, weight * times[place]))
    return FusionWeights(central.round(5), np.stack(draws).round(5))


def logistic(matrix: Array, died: Array, weight: Array) -> Array:
    """Return logistic regression coefficients, pulled a little towards equal shares."""
    parts = matrix.shape[1] - 1
    towards = np.r_[0.0, np.full(parts, 1.0 / parts)]

    def loss(coefficients: Array) -> tuple[float, Array]:
        value = matrix @ coefficients
        away = coefficients - towards
        away[0] = 0.0
        total = np.sum(weight * (np.logaddexp(0.0, value) - died * value))
        slope = matrix.T @ (weight * (probability(value) - died))
        return float(total + _PULL * away @ away), slope + 2 * _PULL * away

    found: Array = minimize(loss, towards, jac=True, method="BFGS").x
    return found


def fit_thresholds(died: Array, risk: Array) -> dict[str, Threshold]:
    """Return the medium and high levels with what they bought on the stays they were chosen on."""
    medium = float(np.quantile(risk[died > 0.5], 1 - MEDIUM_SENSITIVITY))
    high = max(best_event1_threshold(died, risk), medium)
    return {name: threshold(died, risk, at) for name, at in (("medium", medium), ("high", high))}


def threshold(died: Array, risk: Array, value: float) -> Threshold:
    """Return a threshold with its sensitivity and specificity."""
    warned, truth = risk >= value, died > 0.5
    return Threshold(
        round(value, 5),
        round(float(warned[truth].mean()), 4),
        round(float((~warned[~truth]).mean()), 4),
    )


def calibration_line(died: Array, log_odds: Array) -> tuple[float, float]:
    """Return slope and intercept of outcome on log-odds, by logistic regression; ideal 1, 0."""
    matrix = np.stack([np.ones_like(log_odds), log_odds], axis=1)

    def loss(line: Array) -> tuple[float, Array]:
        value = matrix @ line
        total = np.sum(np.logaddexp(0.0, value) - died * value)
        return float(total), matrix.T @ (probability(value) - died)

    intercept, slope = minimize(loss, np.array([0.0, 1.0]), jac=True, method="BFGS").x
    return float(slope), float(intercept)
