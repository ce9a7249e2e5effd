"""Joins the parts of a trajectory release into one calibrated probability with an interval. Pure.

The log-odds of the parts are joined linearly; the coefficients are fitted on stays that taught
none of the parts they join, so joining is calibrating. The interval comes from refitting on
bootstrapped patients and, draw by draw, from another member of the gradient boosting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.core.reading import Estimate

Array = NDArray[np.float64]
INTERVAL: Final = (0.05, 0.95)
LARGEST_LOG_ODDS: Final = 6.0
"""Beyond 1 in 400 a net claims more than a few hundred deaths can have taught it."""


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """``central`` [1 + part] and ``draws`` [draw, 1 + part]: constant, EfficientNet, boosting."""

    central: Array
    draws: Array


def weights_from(calibration: Mapping[str, Array]) -> FusionWeights:
    """Return the coefficients that a release carries as ``central`` and ``draws``."""
    return FusionWeights(calibration["central"], calibration["draws"])


def log_odds(probability: Array) -> Array:
    """Return log(p / (1 - p)), kept within probabilities of 1e-5."""
    inside = np.clip(probability, 1e-5, 1 - 1e-5)
    found: Array = np.log(inside / (1 - inside))
    return found


def bounded(net: Array) -> Array:
    """Return the net's log-odds within `LARGEST_LOG_ODDS`.

    Of a net whose embeddings are not levelled (deploy/decisions/0031) one output in a hundred
    leaves the range of everything else (to -28, where boosting never passes -6); unbounded, it
    would outvote boosting there.
    """
    return np.clip(net, -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS)


def probability(log_odds: Array) -> Array:
    """Return the probability of log-odds."""
    found: Array = 1.0 / (1.0 + np.exp(-log_odds))
    return found


def design(net: Array, boosting: Array) -> Array:
    """Return ``[stay, 1 + part]`` from the log-odds of the parts."""
    return np.stack([np.ones_like(net), net, boosting], axis=1)


def fused_log_odds(weights: FusionWeights, net: Array, members: Array) -> Array:
    """Return calibrated log-odds ``[stay]``; boosting comes as ``[stay, member]``."""
    found: Array = design(net, members.mean(axis=1)) @ weights.central
    return found


def fused_estimate(weights: FusionWeights, net: float, members: Array) -> Estimate:
    """Return one stay's probability with its 90 % interval."""
    value = fused_log_odds(weights, np.array([net]), members[None, :])
    chosen = members[np.arange(len(weights.draws)) % len(members)]
    spread = np.sum(design(np.full(len(chosen), net), chosen) * weights.draws, axis=1)
    low, high = np.quantile(spread, INTERVAL)
    risk = probability(np.array([value[0], min(low, value[0]), max(high, value[0])]))
    return Estimate(*(float(part) for part in risk))
