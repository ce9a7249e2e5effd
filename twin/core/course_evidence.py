"""How well each cause foresees a whole course: several sets of vital signs of one trouble.

A cause moves the person by an insult; along the course by a part of it (``onsets``). What every
set should show then is the emulator's rest at that severity: the circulation is taken to keep up
with its trouble. That fails where a trouble outruns the minutes that reflexes and gases need, and
where hours of fluid shift undo a loss, of which only the volume that is left is ever seen.

The evidence is Laplace's: the most probable person and insult of each cause by damped Gauss-Newton
descents, and the volume around it. First each cause's average path; from there every path in a
straight line; then the likeliest paths of each cause anew. Of a linear model it is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float, Int

    from twin.core.emulator import Emulator
    from twin.core.onsets import Paths
    from twin.core.student import Draws

LEAST_STEPS: Final = 3
MOST_STEPS: Final = 8
CLOSE_ENOUGH: Final = 0.05
"""Of a cost, twice a logarithm: a step that gains no belief more than this is the last."""

NODES: Final = np.array([0.0, 0.5, 1.0])
"""Severities at which the emulator is asked; between them its answers lie on a parabola."""

LOOKED_AT: Final = 2
"""Paths of each cause that are worked out anew; the others keep their distance from the best."""


@dataclass(frozen=True, slots=True, eq=False)
class Charted:
    """What was seen along the course, as the emulator's outputs predict it."""

    middles: Float[np.ndarray, "moment input"]
    """The emulator's input of the body under the conditions of each moment; the present first."""
    rows: Int[np.ndarray, " row"]
    """The emulator's outputs that were seen at any moment."""
    moments: Int[np.ndarray, " observation"]
    places: Int[np.ndarray, " observation"]
    """Which of ``rows`` each observation is."""
    values: Float[np.ndarray, " observation"]
    whitener: Float[np.ndarray, "observation observation"]
    """Turns errors into independent ones of standard deviation 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Troubles:
    """What each cause does to a person: Gaussian, in the emulator's input."""

    person: Float[np.ndarray, " input"]
    """How the person differs from what is expected of the body, on average."""
    person_factor: Float[np.ndarray, "input coordinate"]
    shifts: Float[np.ndarray, "cause input"]
    sds: Float[np.ndarray, "cause input"]
    """Of the insults; independent."""

    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the person's and the insults' factors by coordinate, each cause's own first."""
        causes, inputs = self.sds.shape
        own = max(1, int(np.count_nonzero(self.sds, axis=1).max()))
        insult = np.zeros((causes, inputs, own))
        for cause, sds in enumerate(self.sds):
            moved = np.flatnonzero(sds)
            insult[cause, moved, np.arange(len(moved))] = sds[moved]
        return self.person_factor, insult


@dataclass(frozen=True, slots=True, eq=False)
class CourseWeighed:
    """What each cause made of the course."""

    log_evidence: Float[np.ndarray, " cause"]
    path_shares: tuple[Float[np.ndarray, " path"], ...]
    """How likely each path is, given the cause and the chart."""
    inputs: Float[np.ndarray, "cause input"]
    """The likeliest circulation now, under each cause."""
    factors: Float[np.ndarray, "cause input coordinate"]
    """Of the covariance around it."""

    def drawn(self, draws: Draws) -> Float[np.ndarray, "cause input draw"]:
        """Return circulations that each cause holds possible now, equally likely."""
        placed: np.ndarray = self.inputs[:, :, None] + self.factors @ draws.points
        return placed


@dataclass(frozen=True, slots=True, eq=False)
class _Beliefs:
    """Causes on given paths: linear in ``z``, the person's coordinates before the insult's."""

    emulator: Emulator
    seen: Charted
    base: Float[np.ndarray, "belief moment input"]
    factor: Float[np.ndarray, "belief moment input coordinate"]

    @classmethod
    def of(
        cls,
        emulator: Emulator,
        seen: Charted,
        troubles: Troubles,
        causes: np.ndarray,
        severities: Float[np.ndarray, "belief moment"],
    ) -> _Beliefs:
        person, insult = troubles.factors()
        part = severities[:, :, None]
        base = seen.middles + troubles.person + part * troubles.shifts[causes][:, None]
        steady = np.broadcast_to(person, (*base.shape, person.shape[1]))
        moved = part[:, :, :, None] * insult[causes][:, None]
        return cls(emulator, seen, base, np.concatenate((steady, moved), axis=3))

    def linearised(
        self, z: Float[np.ndarray, "belief coordinate"]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return whitened residuals [belief, observation] and slopes by ``z``."""
        values, slopes = self.predicted(z)
        seen = self.seen
        residual = (seen.values - values[:, seen.moments, seen.places]) @ seen.whitener.T
        return residual, seen.whitener @ slopes[:, seen.moments, seen.places]

    def predicted(
        self, z: Float[np.ndarray, "belief coordinate"]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return values [belief, moment, row] and their slopes by ``z``."""
        beliefs, moments, inputs = self.base.shape
        placed = self.base + (self.factor @ z[:, None, :, None])[:, :, :, 0]
        flat = placed.reshape(-1, inputs).T
        values, slopes = self.emulator.rows_with_slope(flat, self.seen.rows)
        by_input = slopes.reshape(beliefs, moments, -1, inputs)
        return values.T.reshape(beliefs, moments, -1), by_input @ self.factor


def weigh_course(
    emulator: Emulator, seen: Charted, troubles: Troubles, possible: Sequence[Paths]
) -> CourseWeighed:
    """Return the evidence of each cause, the same constant left out of all.

    Parameters
    ----------
    possible
        The paths of each cause; their moments are those of ``seen``.
    """
    causes = np.arange(len(possible))
    typical = np.stack([each.shares @ each.severities for each in possible])
    first = _Beliefs.of(emulator, seen, troubles, causes, typical)
    z = _descend(first, np.zeros((len(causes), first.factor.shape[3])), MOST_STEPS)
    counts = [len(each.shares) for each in possible]
    owner = np.repeat(causes, counts)
    severities = np.concatenate([each.severities for each in possible])
    prior = np.log(np.concatenate([each.shares for each in possible]))
    straight, moved = _in_a_straight_line(emulator, seen, troubles, z, owner, severities)
    chosen = _best(straight + prior, owner)
    anew = _Beliefs.of(emulator, seen, troubles, owner[chosen], severities[chosen])
    z = _descend(anew, moved[chosen], LEAST_STEPS)
    exact, factors = _laplace(anew, z)
    by_path = _corrected(straight, owner, chosen, exact, causes) + prior
    evidence = _log_sums(by_path, owner, len(causes))
    shares = tuple(np.exp(by_path[owner == c] - evidence[c]) for c in causes)
    # The circulation that is shown further on is that of each cause's likeliest path.
    gained = exact + prior[chosen]
    best = np.array([_first_of(gained, owner[chosen], cause) for cause in range(len(causes))])
    placed = anew.base[best, 0] + (anew.factor[best, 0] @ z[best, :, None])[:, :, 0]
    return CourseWeighed(evidence, shares, placed, anew.factor[best, 0] @ factors[best])


def _descend(beliefs: _Beliefs, z: np.ndarray, most: int) -> np.ndarray:
    """Return the most probable ``z`` of each belief, [belief, coordinate]."""
    best, lowest = z, np.full(len(z), np.inf)
    damping = np.zeros(len(z))
    for count in range(most):
        residual, slopes = beliefs.linearised(z)
        cost = np.einsum("bc,bc->b", z, z) + np.einsum("bo,bo->b", residual, residual)
        better = cost < lowest
        gain = np.max(np.where(better, lowest - cost, 0.0))
        best = np.where(better[:, None], z, best)
        lowest = np.where(better, cost, lowest)
        if count >= LEAST_STEPS and gain < CLOSE_ENOUGH:
            break
        damping = np.where(better, 0.25 * damping, np.maximum(1.0, 4.0 * damping))
        step = _step(z, residual, slopes, damping)
        z = np.where(better[:, None], z + step, 0.5 * (z + best))
    return best


def _step(
    z: np.ndarray, residual: np.ndarray, slopes: np.ndarray, damping: np.ndarray
) -> np.ndarray:
    transposed = np.swapaxes(slopes, 1, 2)
    precision = transposed @ slopes
    precision += (1.0 + damping)[:, None, None] * np.eye(z.shape[1])
    pull = (transposed @ residual[:, :, None])[:, :, 0] - z
    step: np.ndarray = np.linalg.solve(precision, pull[:, :, None])[:, :, 0]
    return step


def _laplace(beliefs: _Beliefs, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return log evidences at their modes, and factors of the covariance of ``z`` there."""
    residual, slopes = beliefs.linearised(z)
    cost = np.einsum("bc,bc->b", z, z) + np.einsum("bo,bo->b", residual, residual)
    root = np.linalg.cholesky(np.eye(z.shape[1]) + np.swapaxes(slopes, 1, 2) @ slopes)
    halves = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    factors = np.swapaxes(np.linalg.inv(root), 1, 2)
    return -0.5 * cost - halves, factors


def _in_a_straight_line(
    emulator: Emulator,
    seen: Charted,
    troubles: Troubles,
    z: np.ndarray,
    owner: np.ndarray,
    severities: Float[np.ndarray, "path moment"],
) -> tuple[np.ndarray, np.ndarray]:
    """Return each path's log evidence and most probable ``z``, the emulator bent no further."""
    causes, moments = len(z), len(seen.middles)
    values, slopes = [], []
    for node in NODES:
        level = np.full((causes, moments), node)
        at = _Beliefs.of(emulator, seen, troubles, np.arange(causes), level)
        value, slope = at.predicted(z)
        values.append(value)
        slopes.append(slope)
    weights = _parabola(severities)[:, :, seen.moments]
    value = np.stack(values)[:, :, seen.moments, seen.places]
    slope = np.stack(slopes)[:, :, seen.moments, seen.places]
    predicted = np.einsum("npo,npo->po", weights, value[:, owner])
    bent = np.einsum("npo,npoc->poc", weights, slope[:, owner])
    residual = (seen.values - predicted) @ seen.whitener.T
    whitened = seen.whitener @ bent
    from_zero = residual + (whitened @ z[owner][:, :, None])[:, :, 0]
    precision = np.eye(z.shape[1]) + np.swapaxes(whitened, 1, 2) @ whitened
    pull = (np.swapaxes(whitened, 1, 2) @ from_zero[:, :, None])[:, :, 0]
    root = np.linalg.cholesky(precision)
    moved = np.linalg.solve(precision, pull[:, :, None])[:, :, 0]
    cost = np.einsum("po,po->p", from_zero, from_zero) - np.einsum("pc,pc->p", pull, moved)
    halves = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    return -0.5 * cost - halves, moved


def _parabola(severities: np.ndarray) -> Float[np.ndarray, "node path moment"]:
    """Return Lagrange's weights of ``NODES``."""
    weights = np.ones((len(NODES), *severities.shape))
    for place, node in enumerate(NODES):
        for other in np.delete(NODES, place):
            weights[place] *= (severities - other) / (node - other)
    return weights


def _best(by_path: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Return the likeliest paths of each cause, the likeliest first."""
    chosen = []
    for cause in np.unique(owner):
        own = np.flatnonzero(owner == cause)
        chosen.append(own[np.argsort(-by_path[own])][:LOOKED_AT])
    return np.concatenate(chosen)


def _corrected(
    straight: np.ndarray,
    owner: np.ndarray,
    chosen: np.ndarray,
    exact: np.ndarray,
    causes: np.ndarray,
) -> np.ndarray:
    """Return every path's evidence: the worked-out ones as they are, the others moved alike."""
    moved = exact - straight[chosen]
    shift = np.array([moved[owner[chosen] == cause].mean() for cause in causes])
    found: np.ndarray = straight + shift[owner]
    found[chosen] = exact
    return found


def _log_sums(logs: np.ndarray, owner: np.ndarray, owners: int) -> np.ndarray:
    """Return the logarithm of the sum of each owner's exponentials."""
    highest = np.full(owners, -np.inf)
    np.maximum.at(highest, owner, logs)
    sums = np.bincount(owner, np.exp(logs - highest[owner]), owners)
    found: np.ndarray = highest + np.log(sums)
    return found


def _first_of(gained: np.ndarray, owner: np.ndarray, cause: int) -> int:
    own = np.flatnonzero(owner == cause)
    return int(own[np.argmax(gained[own])])
