"""Bayes' rule by Gauss-Newton and adaptive importance sampling, for any unknowns.

The unknowns are coordinates ``x`` with an independent standard normal prior, cut off at a box.
Measurements ``y`` have independent normal errors around ``forward.predict(x)``. First the mode, by
Gauss-Newton steps with a trust region; then draws from a Student proposal around it, weighted by
posterior over proposal; then as many draws again from a proposal with the moments of the first,
all weighted by the mixture of both (the balance heuristic of Veach & Guibas 1995; Cornuet et al.
2012, https://doi.org/10.1111/j.1467-9469.2011.00756.x). The effective sample size says how many
independent draws the weighted ones are worth (Kong 1992).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy import special, stats
from scipy.linalg import solve_triangular

if TYPE_CHECKING:
    from jaxtyping import Float

STUDENT_FREEDOM = 5.0
"""Tails heavier than any posterior here, so that no weight explodes; light enough to waste few
draws."""

PROPOSAL_WIDENING = 1.15
"""A proposal must be wider than its target; Laplace's covariance is a little too narrow when h is
curved."""


CLOSE_ENOUGH = 0.02
"""Of the mode's cost: a fiftieth of what one standard deviation costs; the draws do the rest."""


class Forward(Protocol):
    """What the unknowns predict of the measurements."""

    def predict(
        self, x: Float[np.ndarray, "coordinate sample"]
    ) -> Float[np.ndarray, "observation sample"]:
        """Return the predicted measurements of each sample."""
        ...

    def predict_with_slope(
        self, x: Float[np.ndarray, " coordinate"]
    ) -> tuple[Float[np.ndarray, " observation"], Float[np.ndarray, "observation coordinate"]]:
        """Return the prediction at one point and its derivative by each coordinate."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """Where the coordinates may lie; the prior is cut off at its faces."""

    low: Float[np.ndarray, " coordinate"]
    high: Float[np.ndarray, " coordinate"]


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """Measured values and the standard deviation of each, measurement and model together."""

    values: Float[np.ndarray, " observation"]
    sds: Float[np.ndarray, " observation"]


@dataclass(frozen=True, slots=True, eq=False)
class Mode:
    """The most probable point and the curvature there (Laplace's approximation)."""

    x: Float[np.ndarray, " coordinate"]
    covariance: Float[np.ndarray, "coordinate coordinate"]


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Well spread standard Student draws, made once: the same seed gives the same fit."""

    points: Float[np.ndarray, "coordinate sample"]

    @classmethod
    def scrambled_sobol(cls, coordinates: int, count: int, seed: int) -> Draws:
        """Return ``count`` (a power of 2) draws from a scrambled Sobol sequence (Owen 1998)."""
        sobol = stats.qmc.Sobol(coordinates + 1, scramble=True, rng=np.random.default_rng(seed))
        uniform = np.clip(sobol.random(count).T, 1e-6, 1.0 - 1e-6)
        normal = special.ndtri(uniform[:-1])
        chi_squared = stats.chi2.ppf(uniform[-1], STUDENT_FREEDOM)
        return cls(normal * np.sqrt(STUDENT_FREEDOM / chi_squared))

    def halves(self) -> tuple[Float[np.ndarray, "coordinate half"], ...]:
        """Return the draws in two halves, one for each proposal."""
        middle = self.points.shape[1] // 2
        return self.points[:, :middle], self.points[:, middle:]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Weighted draws of the posterior."""

    x: Float[np.ndarray, "coordinate sample"]
    predicted: Float[np.ndarray, "observation sample"]
    weights: Float[np.ndarray, " sample"]

    @property
    def effective_size(self) -> float:
        """Return how many independent draws the weighted ones are worth."""
        return float(1.0 / np.sum(self.weights**2))

    def resample(self, count: int, along: int) -> np.ndarray:
        """Return the indices of ``count`` equally weighted members, by systematic resampling.

        The draws are walked in the order of the coordinate ``along``, which the members then
        cover evenly. In the order of the Sobol sequence the even steps of the walk would meet the
        sequence's own rhythm and pick a lopsided part of it. The offset is one half, not random:
        the same measurements give the same twin.
        """
        order = np.argsort(self.x[along])
        positions = (np.arange(count) + 0.5) / count
        found = np.searchsorted(np.cumsum(self.weights[order]), positions)
        chosen: np.ndarray = order[np.minimum(found, len(self.weights) - 1)]
        return chosen


def find_mode(forward: Forward, observed: Observed, box: Box, iterations: int = 8) -> Mode:
    """Return the most probable point of the box, by damped Gauss-Newton from the middle."""
    x = np.clip(np.zeros(len(box.low)), box.low, box.high)
    damping, cost = 0.0, np.inf
    best = x
    for _ in range(iterations):
        predicted, slope = forward.predict_with_slope(x)
        residual = (observed.values - predicted) / observed.sds
        here = float(x @ x + residual @ residual)
        if here > cost:
            damping = max(1.0, 4.0 * damping)
            x = 0.5 * (x + best)
            continue
        if cost - here < CLOSE_ENOUGH:
            best = x
            break
        cost, best = here, x
        damping *= 0.25
        jacobian = slope / observed.sds[:, None]
        precision = np.eye(len(x)) * (1.0 + damping) + jacobian.T @ jacobian
        step = np.linalg.solve(precision, jacobian.T @ residual - x)
        x = np.clip(x + step, box.low, box.high)
    _, slope = forward.predict_with_slope(best)
    jacobian = slope / observed.sds[:, None]
    return Mode(best, np.linalg.inv(np.eye(len(best)) + jacobian.T @ jacobian))


def importance_sample(
    forward: Forward, observed: Observed, box: Box, mode: Mode, draws: Draws
) -> Sample:
    """Return weighted draws: half placed around the mode, half by the moments of those."""
    first_draws, second_draws = draws.halves()
    first = _Proposal.around(mode.x, mode.covariance)
    x1 = first.place(first_draws)
    predicted1, target1 = _log_posterior(forward, observed, box, x1)
    weights1 = _normalised(target1 - first.log_density(x1))
    mean = x1 @ weights1
    spread = (x1 - mean[:, None]) * weights1 @ (x1 - mean[:, None]).T
    # Few effective draws make a wild covariance; lean on Laplace's in proportion.
    trust = min(1.0, 1.0 / float(np.sum(weights1**2)) / (10.0 * len(mean)))
    second = _Proposal.around(
        trust * mean + (1.0 - trust) * mode.x,
        trust * spread + (1.0 - trust) * mode.covariance,
    )
    x2 = second.place(second_draws)
    predicted2, target2 = _log_posterior(forward, observed, box, x2)
    x = np.concatenate((x1, x2), axis=1)
    mixture = np.logaddexp(first.log_density(x), second.log_density(x))
    weights = _normalised(np.concatenate((target1, target2)) - mixture)
    return Sample(x, np.concatenate((predicted1, predicted2), axis=1), weights)


@dataclass(frozen=True, slots=True, eq=False)
class _Proposal:
    """A multivariate Student distribution."""

    middle: np.ndarray
    factor: np.ndarray

    @classmethod
    def around(cls, middle: np.ndarray, covariance: np.ndarray) -> _Proposal:
        widened = PROPOSAL_WIDENING**2 * covariance + 1e-9 * np.eye(len(middle))
        return cls(middle, np.linalg.cholesky(widened))

    def place(self, draws: np.ndarray) -> np.ndarray:
        placed: np.ndarray = self.middle[:, None] + self.factor @ draws
        return placed

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """Return the logarithm of the density, up to a constant that all proposals share."""
        scaled = solve_triangular(
            self.factor, x - self.middle[:, None], lower=True, check_finite=False
        )
        freedom = STUDENT_FREEDOM
        distance = np.einsum("ij,ij->j", scaled, scaled)
        density: np.ndarray = -0.5 * (freedom + len(self.middle)) * np.log1p(distance / freedom)
        density -= np.log(np.diag(self.factor)).sum()
        return density


def _log_posterior(
    forward: Forward, observed: Observed, box: Box, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    predicted = forward.predict(x)
    residual = (observed.values[:, None] - predicted) / observed.sds[:, None]
    log_density = -0.5 * (np.einsum("ij,ij->j", x, x) + np.einsum("ij,ij->j", residual, residual))
    inside = np.all((x >= box.low[:, None]) & (x <= box.high[:, None]), axis=0)
    return predicted, np.where(inside, log_density, -np.inf)


def _normalised(log_weights: np.ndarray) -> np.ndarray:
    highest = np.max(log_weights)
    if not np.isfinite(highest):
        # No draw lies in the box: equal weights; the residuals then tell that the fit is poor.
        return np.full(len(log_weights), 1.0 / len(log_weights))
    weights = np.exp(log_weights - highest)
    normalised: np.ndarray = weights / weights.sum()
    return normalised
