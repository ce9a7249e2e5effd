"""How well each of several Gaussian beliefs explains the same measurements: their evidences.

The evidence is the probability of the measurements with everything unknown averaged out,
``integral p(y | x) p(x) dx``. All beliefs are worked on side by side: damped Gauss-Newton descents
to the most probable point of each, then importance sampling from a Student proposal there (with a
share of draws from the belief itself, so that no weight can explode). Unlike a fit, which asks
which circulation, this asks which belief; it keeps the draws, because they also say what each
belief expects of a measurement not yet made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import special

from twin.core.student import STUDENT_FREEDOM

if TYPE_CHECKING:
    from jaxtyping import Float

    from twin.core.emulator import Emulator
    from twin.core.posterior import Observed
    from twin.core.student import Draws

ITERATIONS: Final = 12
STARTS: Final = 2
"""Descents of each belief: from its middle and from the best of some of its own draws."""

GUESSES: Final = 32

WIDENING: Final = 1.3
"""Of Laplace's covariance: where predictions are curved, a narrower proposal leaves single draws
with most of the weight, and evidences then differ from seed to seed."""

OWN_SHARE: Final = 8
"""One draw in so many comes from the belief itself."""

LEAST_ITERATIONS: Final = 3
CLOSE_ENOUGH: Final = 0.05
"""Of a cost, twice a logarithm: a step that gains no belief more than this is the last."""


@dataclass(frozen=True, slots=True, eq=False)
class Beliefs:
    """Gaussian beliefs about the emulator's input; columns are beliefs."""

    middle: Float[np.ndarray, "input belief"]
    factor: Float[np.ndarray, "belief input coordinate"]
    """``middle + factor @ z`` with standard normal ``z`` is a draw of the belief."""

    def inputs(self, z: Float[np.ndarray, "belief coordinate draw"]) -> np.ndarray:
        """Return the emulator's inputs, all draws of the first belief first."""
        placed = self.middle.T[:, :, None] + self.factor @ z
        return np.concatenate(list(placed), axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """What each belief made of the measurements."""

    log_evidence: Float[np.ndarray, " belief"]
    inputs: Float[np.ndarray, "belief input draw"]
    weights: Float[np.ndarray, "belief draw"]
    """Of the posterior under each belief; each row sums to 1."""

    @property
    def effective_sizes(self) -> Float[np.ndarray, " belief"]:
        """Return how many independent draws each belief's weighted ones are worth."""
        sizes: np.ndarray = 1.0 / np.sum(self.weights**2, axis=1)
        return sizes


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """The emulator's view of the measurements, by belief."""

    emulator: Emulator
    rows: np.ndarray
    beliefs: Beliefs
    observed: Observed

    def cost(self, z: np.ndarray) -> np.ndarray:
        """Return minus twice the log posterior of draws, up to the same constant for all."""
        predicted = self.emulator.predict_rows(self.beliefs.inputs(z), self.rows)
        residual = self._residual(predicted).reshape(len(self.rows), len(z), -1)
        own: np.ndarray = np.einsum("bcd,bcd->bd", z, z) + np.einsum(
            "obd,obd->bd", residual, residual
        )
        return own

    def linearised(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return residuals [belief, draw, observation] and slopes by ``z``, in sds."""
        predicted, slopes = self.emulator.predict_with_slope(self.beliefs.inputs(z))
        beliefs, _, draws = z.shape
        residual = self._residual(predicted[self.rows]).T.reshape(beliefs, draws, -1)
        by_input = slopes[:, self.rows] / self.observed.sds[:, None]
        shaped = by_input.reshape(beliefs, draws, len(self.rows), -1)
        return residual, shaped @ self.beliefs.factor[:, None]

    def _residual(self, predicted: np.ndarray) -> np.ndarray:
        apart: np.ndarray = (self.observed.values[:, None] - predicted) / self.observed.sds[
            :, None
        ]
        return apart


def weigh(
    emulator: Emulator,
    rows: np.ndarray,
    beliefs: Beliefs,
    observed: Observed,
    draws: Draws,
) -> Weighed:
    """Return the evidence of each belief, the same constant left out of all.

    Parameters
    ----------
    rows
        The emulator's output of each measurement.
    draws
        Standard Student draws; columns are the number of draws of each belief.
    """
    seen = _Seen(emulator, rows, beliefs, observed)
    modes = _descend(seen, draws)
    _, slopes = seen.linearised(modes[:, :, None])
    slope = slopes[:, 0]
    precision = np.eye(slope.shape[2]) + np.swapaxes(slope, 1, 2) @ slope
    factor = WIDENING * np.linalg.cholesky(np.linalg.inv(precision))
    z = modes[:, :, None] + factor @ draws.points
    z[:, :, ::OWN_SHARE] = draws.points[:, ::OWN_SHARE]
    log_weights = -0.5 * seen.cost(z) - _log_proposal(z, modes, factor)
    log_evidence = special.logsumexp(log_weights, axis=1) - np.log(z.shape[2])
    weights = np.exp(log_weights - special.logsumexp(log_weights, axis=1, keepdims=True))
    placed = beliefs.inputs(z).reshape(len(beliefs.middle), len(z), -1)
    return Weighed(log_evidence, np.swapaxes(placed, 0, 1), weights)


def updated(
    emulator: Emulator, rows: np.ndarray, belief: Beliefs, observed: Observed, draws: Draws
) -> tuple[Float[np.ndarray, " input"], Float[np.ndarray, "input input"]]:
    """Return the mean and covariance that measurements leave of one belief (Laplace)."""
    seen = _Seen(emulator, rows, belief, observed)
    mode = _descend(seen, draws)
    _, slopes = seen.linearised(mode[:, :, None])
    slope = slopes[0, 0]
    factor = belief.factor[0]
    covariance = factor @ np.linalg.inv(np.eye(slope.shape[1]) + slope.T @ slope) @ factor.T
    return belief.middle[:, 0] + factor @ mode[0], covariance


def expected(
    emulator: Emulator, rows: np.ndarray, weighed: Weighed
) -> Float[np.ndarray, "row belief draw"]:
    """Return what each draw of each belief expects of these outputs of the emulator."""
    beliefs, _, draws = weighed.inputs.shape
    flat = np.concatenate(list(weighed.inputs), axis=1)
    return emulator.predict_rows(flat, rows).reshape(len(rows), beliefs, draws)


def _descend(seen: _Seen, draws: Draws) -> np.ndarray:
    """Return the most probable ``z`` of each belief, [belief, coordinate]."""
    z = _starts(seen, draws)
    best, lowest = z, np.full((z.shape[0], z.shape[2]), np.inf)
    damping = np.zeros_like(lowest)
    for count in range(ITERATIONS):
        residual, slopes = seen.linearised(z)
        cost = np.einsum("bcd,bcd->bd", z, z) + np.einsum("bdo,bdo->bd", residual, residual)
        better = cost < lowest
        before = lowest.min(axis=1)
        best = np.where(better[:, None], z, best)
        lowest = np.where(better, cost, lowest)
        if count >= LEAST_ITERATIONS and np.all(before - lowest.min(axis=1) < CLOSE_ENOUGH):
            break
        damping = np.where(better, 0.25 * damping, np.maximum(1.0, 4.0 * damping))
        step = _step(z, residual, slopes, damping)
        z = np.where(better[:, None], z + step, 0.5 * (z + best))
    chosen = np.argmin(lowest, axis=1)
    return best[np.arange(len(best)), :, chosen]


def _step(
    z: np.ndarray, residual: np.ndarray, slopes: np.ndarray, damping: np.ndarray
) -> np.ndarray:
    transposed = np.swapaxes(slopes, 2, 3)
    precision = transposed @ slopes
    precision += (1.0 + damping)[:, :, None, None] * np.eye(z.shape[1])
    pull = (transposed @ residual[:, :, :, None])[:, :, :, 0] - np.swapaxes(z, 1, 2)
    step = np.linalg.solve(precision, pull[:, :, :, None])[:, :, :, 0]
    return np.swapaxes(step, 1, 2)


def _starts(seen: _Seen, draws: Draws) -> np.ndarray:
    beliefs, coordinates = seen.beliefs.factor.shape[0], seen.beliefs.factor.shape[2]
    guesses = np.repeat(draws.points[None, :, :GUESSES], beliefs, axis=0)
    order = np.argsort(seen.cost(guesses), axis=1)[:, : STARTS - 1]
    chosen = np.take_along_axis(guesses, order[:, None, :], axis=2)
    return np.concatenate((np.zeros((beliefs, coordinates, 1)), chosen), axis=2)


def _log_proposal(z: np.ndarray, modes: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Return the mixture's log density, with the belief's own normal constant left out."""
    coordinates = z.shape[1]
    scaled = np.linalg.solve(factor, z - modes[:, :, None])
    around = (
        _log_student(scaled) - np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)[:, None]
    )
    own_share = 1.0 / OWN_SHARE
    mixture: np.ndarray = np.logaddexp(
        np.log1p(-own_share) + around, np.log(own_share) + _log_student(z)
    )
    mixture += 0.5 * coordinates * np.log(2.0 * np.pi)
    return mixture


def _log_student(x: np.ndarray) -> np.ndarray:
    """Return the log density of standard Student draws along axis 1."""
    coordinates, freedom = x.shape[1], STUDENT_FREEDOM
    constant = (
        special.gammaln(0.5 * (freedom + coordinates))
        - special.gammaln(0.5 * freedom)
        - 0.5 * coordinates * np.log(freedom * np.pi)
    )
    distance = np.einsum("bcd,bcd->bd", x, x)
    density: np.ndarray = constant - 0.5 * (freedom + coordinates) * np.log1p(distance / freedom)
    return density
