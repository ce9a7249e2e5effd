"""Bayes' rule for any unknowns, by an ensemble: a smoother first, then steps that are exact.

The unknowns are coordinates ``x`` with an independent standard normal prior, cut off at a box.
Measurements ``y`` have independent normal errors around ``forward.predict(x)``.

An ensemble drawn from the prior is moved to the measurements by a smoother with multiple data
assimilation (Emerick & Reynolds 2013, https://doi.org/10.1016/j.cageo.2012.03.011), which needs
predictions only, is exact where they are linear, and finds every branch that the prior holds. What
the curvature of the predictions left wrong is then put right by Metropolis steps along differences
of members (ter Braak 2006, https://doi.org/10.1007/s11222-006-8769-1; subsets of the coordinates
as in Vrugt 2009, https://doi.org/10.1515/IJNSNS.2009.10.3.273), for which the posterior is
stationary. All randomness is drawn beforehand, so that the same measurements give the same
ensemble.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.special import ndtri

from twin.core.compiled import kernel

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Bool, Float, Int

ASSIMILATIONS = 4
"""Emerick & Reynolds found little to gain beyond four, each with the errors doubled."""

STEPS = 8
"""Against chains a thousand times as long, eight leave the means of the outputs within a tenth of
their spread where there are 256 members; 128 wobble by a seventh, by chance alone."""

MOST_OBSERVATIONS = 96
"""More measurements than the twin has quantities, at as many moments as are ever fitted."""

OPTIMAL_SCALE = 2.38
"""Of a step along a difference of two members, over the root of twice the coordinates moved
(ter Braak 2006)."""

SHARES_MOVED = (1.0, 0.5, 0.25)
"""Of the coordinates, in turn: all at once seldom succeeds among a dozen and a half."""

JUMP_EVERY = 7
"""A step of the whole difference leads from one explanation of the measurements to another."""

OUTSIDE = 1e30
"""What a coordinate outside the box costs."""

JITTER = 1e-3
"""Keeps members apart that the box has pressed together."""


class Forward(Protocol):
    """What the unknowns predict of the measurements."""

    def predict(
        self, x: Float[np.ndarray, "coordinate member"]
    ) -> Float[np.ndarray, "observation member"]:
        """Return the predicted measurements of each member."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """Where the coordinates may lie; the prior is cut off at its faces."""

    low: Float[np.ndarray, " coordinate"]
    high: Float[np.ndarray, " coordinate"]

    def clipped(
        self, x: Float[np.ndarray, "coordinate member"]
    ) -> Float[np.ndarray, "coordinate member"]:
        """Return the members, those outside moved to the nearest face."""
        clipped: np.ndarray = np.clip(x, self.low[:, None], self.high[:, None])
        return clipped


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """Measured values and the standard deviation of each, measurement and model together."""

    values: Float[np.ndarray, " observation"]
    sds: Float[np.ndarray, " observation"]


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """All that chance decides of a fit, made once: the same seed gives the same fit."""

    start: Float[np.ndarray, "coordinate member"]
    """The prior, one member in each of as many equally probable parts of every coordinate."""
    noise: Float[np.ndarray, "assimilation observation member"]
    partners: Int[np.ndarray, "step 2 member"]
    stride: Float[np.ndarray, "step coordinate member"]
    """How much of the partners' difference a member moves by; zero where a coordinate rests."""
    jitter: Float[np.ndarray, "step coordinate member"]
    log_chance: Float[np.ndarray, "step member"]

    @classmethod
    def seeded(cls, coordinates: int, members: int, seed: int, steps: int = STEPS) -> Draws:
        """Return the draws for a number of coordinates, members and exact steps."""
        random = np.random.default_rng(seed)
        places = random.permuted(np.tile(np.arange(members), (coordinates, 1)), axis=1)
        start = ndtri((places + random.random((coordinates, members))) / members)
        noise = random.standard_normal((ASSIMILATIONS, MOST_OBSERVATIONS, members))
        partners = np.stack(
            [[random.permutation(members) for _ in range(2)] for _ in range(steps)]
        )
        stride = np.stack([_stride(step, coordinates, members, random) for step in range(steps)])
        jitter = JITTER * random.standard_normal((steps, coordinates, members)) * (stride > 0.0)
        return cls(start, noise, partners, stride, jitter, np.log(random.random((steps, members))))

    def steps(self) -> zip[tuple[np.ndarray, ...]]:
        """Return partners, stride, jitter and chance of each exact step."""
        return zip(self.partners, self.stride, self.jitter, self.log_chance, strict=True)


def _stride(
    step: int, coordinates: int, members: int, random: np.random.Generator
) -> Float[np.ndarray, "coordinate member"]:
    share = SHARES_MOVED[step % len(SHARES_MOVED)]
    moved = random.random((coordinates, members)) < share
    if step % JUMP_EVERY == JUMP_EVERY - 1:
        return moved.astype(np.float64)
    stride: np.ndarray = moved * OPTIMAL_SCALE / np.sqrt(2.0 * np.maximum(moved.sum(axis=0), 1))
    return stride


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Equally probable members of the posterior."""

    x: Float[np.ndarray, "coordinate member"]
    predicted: Float[np.ndarray, "observation member"]
    effective_size: float
    """How many members an exact step has moved; the others stand where the smoother left them, and
    where few could move, the smoother's answer is not to be believed."""

    def along(self, coordinate: int) -> Int[np.ndarray, " member"]:
        """Return the members' indices in the order of one coordinate, to pick from evenly."""
        order: np.ndarray = np.argsort(self.x[coordinate], kind="stable")
        return order


def sample_posterior(
    forward: Forward,
    observed: Observed,
    box: Box,
    draws: Draws,
    smoothed: Callable[[np.ndarray, np.ndarray], None] | None = None,
) -> Sample:
    """Return an ensemble of the posterior, as many members as the draws have.

    ``smoothed`` is told the members and their predictions once the smoother is done and before the
    exact steps: what it starts runs beside them. It must not change them.
    """
    x = box.clipped(draws.start)
    for noise in draws.noise:
        x = _assimilated(x, forward.predict(x), observed, box, noise)
    predicted = np.array(forward.predict(x), np.float64)
    if smoothed is not None:
        smoothed(x.copy(), predicted.copy())
    height = _heights(x, predicted, observed, box)
    moved = np.zeros(x.shape[1], bool)
    proposed = np.empty_like(x)
    for (one, other), stride, jitter, log_chance in draws.steps():
        propose(x, one, other, stride, jitter, proposed)
        there = np.asarray(forward.predict(proposed), np.float64)
        heights = _heights(proposed, there, observed, box)
        accept(log_chance, proposed, there, heights, x, predicted, height, moved)
    return Sample(x, predicted, float(moved.sum()))


def _assimilated(
    x: Float[np.ndarray, "coordinate member"],
    predicted: Float[np.ndarray, "observation member"],
    observed: Observed,
    box: Box,
    noise: Float[np.ndarray, "most_observations member"],
) -> Float[np.ndarray, "coordinate member"]:
    """Return the members after one of the smoother's equal steps towards the measurements."""
    inflated = np.sqrt(ASSIMILATIONS)
    scaled = predicted / observed.sds[:, None]
    dx = x - x.mean(axis=1, keepdims=True)
    dy = scaled - scaled.mean(axis=1, keepdims=True)
    spread = dy @ dy.T + (x.shape[1] - 1) * ASSIMILATIONS * np.eye(len(scaled))
    wanted = (observed.values / observed.sds)[:, None] + inflated * noise[: len(scaled)]
    return box.clipped(x + dx @ dy.T @ np.linalg.solve(spread, wanted - scaled))


def _heights(
    x: Float[np.ndarray, "coordinate member"],
    predicted: Float[np.ndarray, "observation member"],
    observed: Observed,
    box: Box,
) -> Float[np.ndarray, " member"]:
    heights = np.zeros(x.shape[1])
    log_posterior(x, predicted, observed.values, observed.sds, box.low, box.high, heights)
    return heights


@kernel
def propose(
    x: Float[np.ndarray, "coordinate member"],
    one: Int[np.ndarray, " member"],
    other: Int[np.ndarray, " member"],
    stride: Float[np.ndarray, "coordinate member"],
    jitter: Float[np.ndarray, "coordinate member"],
    proposed: Float[np.ndarray, "coordinate member"],
) -> None:
    """Write where each member would step to, along the difference of two others."""
    for row in range(x.shape[0]):
        for member in range(x.shape[1]):
            along = x[row, one[member]] - x[row, other[member]]
            proposed[row, member] = x[row, member] + stride[row, member] * along
            proposed[row, member] += jitter[row, member]


@kernel
def log_posterior(
    x: Float[np.ndarray, "coordinate member"],
    predicted: Float[np.ndarray, "observation member"],
    values: Float[np.ndarray, " observation"],
    sds: Float[np.ndarray, " observation"],
    low: Float[np.ndarray, " coordinate"],
    high: Float[np.ndarray, " coordinate"],
    heights: Float[np.ndarray, " member"],
) -> None:
    """Add each member's log posterior density, up to a constant, to ``heights``."""
    for row in range(x.shape[0]):
        for member in range(x.shape[1]):
            here = x[row, member]
            # Outside the box is not impossible but so improbable that no step leads there: an
            # infinity could not be compared in the compiler's fast arithmetic.
            outside = here < low[row] or here > high[row]
            heights[member] -= 0.5 * here * here + (OUTSIDE if outside else 0.0)
    for row in range(predicted.shape[0]):
        for member in range(x.shape[1]):
            residual = (values[row] - predicted[row, member]) / sds[row]
            heights[member] -= 0.5 * residual * residual


@kernel
def accept(
    log_chance: Float[np.ndarray, " member"],
    proposed: Float[np.ndarray, "coordinate member"],
    there: Float[np.ndarray, "observation member"],
    heights: Float[np.ndarray, " member"],
    x: Float[np.ndarray, "coordinate member"],
    predicted: Float[np.ndarray, "observation member"],
    height: Float[np.ndarray, " member"],
    moved: Bool[np.ndarray, " member"],
) -> None:
    """Move in place the members whose step raises the posterior, or chance allows (Metropolis)."""
    for member in range(x.shape[1]):
        if log_chance[member] < heights[member] - height[member]:
            x[:, member] = proposed[:, member]
            predicted[:, member] = there[:, member]
            height[member] = heights[member]
            moved[member] = True
