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

if TYPE_CHECKING:
    from jaxtyping import Float

STUDENT_FREEDOM = 20.0
"""Tails heavier than those of any posterior here, so that no weight explodes, yet not so heavy
that in a dozen dimensions most draws fall too near or too far."""

GUESSES = 64
"""Prior draws among which starts are sought."""

DESCENTS = 4
MOST_MODES = 3

NEGLIGIBLE = 10.0
"""A mode that costs this much more than the first holds less than a hundredth of it."""

DISTINCT = 0.5
"""Ends nearer to each other than this, in prior standard deviations, are one mode."""

LEAST_ROUNDS = 4
"""Each round learns from those before how the posterior is shaped."""

MOST_ROUNDS = 16
ENOUGH = 120.0
"""Effective draws at which no further round is needed: the ends of a 90 % interval stand still."""

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
        self, x: Float[np.ndarray, "coordinate sample"]
    ) -> tuple[
        Float[np.ndarray, "observation sample"], Float[np.ndarray, "sample observation coordinate"]
    ]:
        """Return the predictions and their derivatives by each coordinate."""
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

    def rounds(self) -> list[Float[np.ndarray, "coordinate part"]]:
        """Return the draws in as many parts as there may be rounds."""
        return np.split(self.points, MOST_ROUNDS, axis=1)


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


def find_modes(
    forward: Forward, observed: Observed, box: Box, draws: Draws, iterations: int = 10
) -> tuple[Mode, ...]:
    """Return where damped Gauss-Newton descents end, the most probable first.

    One starts in the prior's middle, the others at the best of some prior draws: a history of
    several sets can often be explained in more than one way.
    """
    guesses = np.clip(draws.points[:, :GUESSES], box.low[:, None], box.high[:, None])
    _, heights = _log_posterior(forward, observed, box, guesses)
    starts = guesses[:, np.argsort(heights)[1 - DESCENTS :]]
    middle = np.clip(np.zeros(len(box.low)), box.low, box.high)
    ends, costs = _descend(
        forward, observed, box, np.concatenate((middle[:, None], starts), axis=1), iterations
    )
    chosen: list[np.ndarray] = []
    for end, cost in zip(ends.T[np.argsort(costs)], np.sort(costs), strict=True):
        apart = all(np.linalg.norm(end - other) > DISTINCT for other in chosen)
        if apart and cost - costs.min() < NEGLIGIBLE and len(chosen) < MOST_MODES:
            chosen.append(end)
    return _modes_at(forward, observed, np.stack(chosen, axis=1))


def _modes_at(forward: Forward, observed: Observed, x: np.ndarray) -> tuple[Mode, ...]:
    _, slopes = forward.predict_with_slope(x)
    jacobians = slopes / observed.sds[:, None]
    precisions = np.eye(len(x)) + np.swapaxes(jacobians, 1, 2) @ jacobians
    return tuple(Mode(*each) for each in zip(x.T, np.linalg.inv(precisions), strict=True))


def _descend(
    forward: Forward, observed: Observed, box: Box, starts: np.ndarray, iterations: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return where each descent got lowest, and the cost there; all descend side by side.

    A step that failed to lower the cost is halved, and the next ones are damped.
    """
    x, best = starts, starts
    damping = np.zeros(starts.shape[1])
    cost = np.full(starts.shape[1], np.inf)
    low, high = box.low[:, None], box.high[:, None]
    for _ in range(iterations):
        predicted, slopes = forward.predict_with_slope(x)
        residual = (observed.values[:, None] - predicted) / observed.sds[:, None]
        here = np.sum(x * x, axis=0) + np.sum(residual * residual, axis=0)
        better = here < cost
        gained = np.where(better, cost - here, 0.0)
        best, cost = np.where(better, x, best), np.where(better, here, cost)
        if np.all(better & (gained < CLOSE_ENOUGH)):
            break
        damping = np.where(better, 0.25 * damping, np.maximum(1.0, 4.0 * damping))
        jacobians = slopes / observed.sds[:, None]
        precision = np.swapaxes(jacobians, 1, 2) @ jacobians
        precision += (1.0 + damping)[:, None, None] * np.eye(len(x))
        pull = np.einsum("sij,is->sj", jacobians, residual) - x.T
        step = np.linalg.solve(precision, pull[:, :, None])[:, :, 0].T
        x = np.where(better, np.clip(x + step, low, high), 0.5 * (x + best))
    return best, cost


def importance_sample(
    forward: Forward, observed: Observed, box: Box, modes: tuple[Mode, ...], draws: Draws
) -> Sample:
    """Return weighted draws: a round around each mode, each later one as the earlier taught."""
    waiting = [_Proposal.around(mode.x, mode.covariance) for mode in modes]
    proposals: list[_Proposal] = []
    gathered = _Gathered.nothing(len(modes[0].x), len(observed.values))
    for count, part in enumerate(draws.rounds(), start=1):
        newest = waiting.pop(0)
        placed = newest.place(part)
        found = _log_posterior(forward, observed, box, placed)
        gathered = gathered.and_more(placed, *found, proposals, newest)
        proposals.append(newest)
        sample = gathered.sample()
        if count >= LEAST_ROUNDS and sample.effective_size >= ENOUGH:
            break
        if not waiting:
            waiting.append(_Proposal.taught_by(sample.x, gathered.log_weights(), modes[0]))
    return sample


@dataclass(frozen=True, slots=True, eq=False)
class _Proposal:
    """A multivariate Student distribution."""

    middle: np.ndarray
    factor: np.ndarray
    inverse: np.ndarray
    """Of the factor: a dozen rows, so that multiplying by it is as exact as solving, and
    faster."""

    @classmethod
    def around(cls, middle: np.ndarray, covariance: np.ndarray) -> _Proposal:
        widened = PROPOSAL_WIDENING**2 * covariance + 1e-9 * np.eye(len(middle))
        factor = np.linalg.cholesky(widened)
        return cls(middle, factor, np.linalg.inv(factor))

    @classmethod
    def taught_by(cls, x: np.ndarray, log_weights: np.ndarray, mode: Mode) -> _Proposal:
        """Return a proposal with the moments of weighted draws, softened until enough count."""
        enough = 4.0 * len(x)
        for softening in (1.0, 0.5, 0.25):
            weights = _normalised(softening * log_weights)
            if 1.0 / np.sum(weights**2) >= enough:
                mean = x @ weights
                apart = x - mean[:, None]
                return cls.around(mean, apart * weights @ apart.T)
        return cls.around(mode.x, 2.0 * mode.covariance)

    def place(self, draws: np.ndarray) -> np.ndarray:
        placed: np.ndarray = self.middle[:, None] + self.factor @ draws
        return placed

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """Return the logarithm of the density, up to a constant that all proposals share."""
        scaled = self.inverse @ (x - self.middle[:, None])
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


@dataclass(frozen=True, slots=True, eq=False)
class _Gathered:
    """All draws so far, with the posterior and the mixture of all proposals at each."""

    x: np.ndarray
    predicted: np.ndarray
    target: np.ndarray
    mixture: np.ndarray

    @classmethod
    def nothing(cls, coordinates: int, observations: int) -> _Gathered:
        nobody = np.empty(0)
        return cls(np.empty((coordinates, 0)), np.empty((observations, 0)), nobody, nobody)

    def and_more(
        self,
        placed: np.ndarray,
        predicted: np.ndarray,
        target: np.ndarray,
        earlier: list[_Proposal],
        newest: _Proposal,
    ) -> _Gathered:
        """Return these draws and the newest proposal's, every proposal counted at every draw."""
        here = newest.log_density(placed)
        for proposal in earlier:
            here = np.logaddexp(here, proposal.log_density(placed))
        before = np.logaddexp(self.mixture, newest.log_density(self.x))
        return _Gathered(
            np.concatenate((self.x, placed), axis=1),
            np.concatenate((self.predicted, predicted), axis=1),
            np.concatenate((self.target, target)),
            np.concatenate((before, here)),
        )

    def log_weights(self) -> np.ndarray:
        difference: np.ndarray = self.target - self.mixture
        return difference

    def sample(self) -> Sample:
        return Sample(self.x, self.predicted, _normalised(self.log_weights()))
