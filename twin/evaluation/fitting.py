"""Fits the constants of ``Wandering`` to charts, and how the errors of its forecasts lie.

Minimises the mean continuous ranked probability score of the next value (normal errors; Gneiting &
Raftery 2007, J Am Stat Assoc 102:359), with a pull towards round starting values, since a few
dozen patients do not settle eighteen constants. Deterministic.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import minimize
from scipy.special import ndtr

from twin.core.haemodynamics import Quantity
from twin.core.temperament import Learning, learn
from twin.core.tracking import Chart
from twin.core.wandering import CENTILES, CONSTANTS, Calibrated, Wandering

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from jaxtyping import Bool, Float, Int

    from twin.evaluation.cohort import Cohort

_PRESSURE: Final = Wandering(
    level=75.0,
    level_sd=8.0,
    level_walk_per_sqrt_h=1.0,
    slow_sd=8.0,
    slow_h=24.0,
    fast_sd=6.0,
    fast_h=2.0,
    other_noise_sd=4.0,
    line_noise_sd=3.0,
    tails=5.0,
    cuff_offset_sd=5.0,
    cuff_offset_h=200.0,
    shape_offset_sd=5.0,
    shape_offset_h=200.0,
    shape_noise_sd=3.0,
    rhythm_sd=3.0,
    rhythm_h=24.0,
    effect_share=0.2,
)
START: Final[Mapping[Quantity, Wandering]] = {
    Quantity.MEAN_PRESSURE: _PRESSURE,
    Quantity.HEART_RATE: replace(
        _PRESSURE, level=88.0, level_sd=12.0, other_noise_sd=3.0, cuff_offset_sd=0.01
    ),
    Quantity.OXYGEN_SATURATION: replace(
        _PRESSURE,
        level=97.0,
        level_sd=1.5,
        level_walk_per_sqrt_h=0.2,
        slow_sd=1.0,
        fast_sd=1.0,
        other_noise_sd=1.0,
        cuff_offset_sd=0.01,
        rhythm_sd=0.3,
        effect_share=0.0,
    ),
}
"""Round figures of the right size, from which a fit starts and to which it is pulled."""

FITTED: Final[Mapping[Quantity, tuple[str, ...]]] = {
    Quantity.MEAN_PRESSURE: CONSTANTS,
    **dict.fromkeys(
        (Quantity.HEART_RATE, Quantity.OXYGEN_SATURATION),
        tuple(name for name in CONSTANTS if not name.startswith(("cuff", "shape", "line"))),
    ),
}
"""Without an arterial line there is neither a second device nor a shape."""

TREATED: Final = frozenset({Quantity.MEAN_PRESSURE, Quantity.HEART_RATE})
"""Quantities that recorded treatment moves within an hour."""

LEVEL_SCALE: Final = 10.0
"""The level moves along a line in steps of this; all other constants along their logarithm."""
PULL: Final = 0.01
REACH: Final = 3.0
STEP: Final = 1e-3
ROUNDS: Final = 60


def expected_score(
    error: Float[np.ndarray, " pair"], sd: Float[np.ndarray, " pair"]
) -> Float[np.ndarray, " pair"]:
    """Return the continuous ranked probability score of normal forecasts."""
    z = error / sd
    density = np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
    score: np.ndarray = sd * (z * (2.0 * ndtr(z) - 1.0) + 2.0 * density - 1.0 / np.sqrt(np.pi))
    return score


def fitted(cohort: Cohort, taught: Bool[np.ndarray, " stay"], with_treatment: bool) -> Calibrated:
    """Return constants and errors as the stays in ``taught`` leave them.

    ``with_treatment`` false keeps the share of simulated effects at zero.
    """
    start = START[cohort.quantity]
    with_treatment = with_treatment and cohort.quantity in TREATED
    names = [n for n in FITTED[cohort.quantity] if with_treatment or n != "effect_share"]
    chart = Chart([stay for stay, one in zip(cohort.stays, taught, strict=True) if one])
    pairs, moments = _taught_pairs(cohort, taught)
    truth, place = cohort.value_next[pairs], moments[cohort.next[pairs]]
    usual = float(np.mean(np.abs(truth - cohort.value_now[pairs])))
    base = start if with_treatment else replace(start, effect_share=0.0)

    def cost(x: np.ndarray) -> float:
        track = chart.follow(_placed(base, names, x), beliefs=False)
        score = expected_score(truth - track.expected[place], track.sd[place])
        return float(np.mean(score) / usual + PULL * np.mean((x - origin) ** 2))

    origin = _coordinates(start, names)
    found = minimize(
        cost,
        origin,
        method="L-BFGS-B",
        bounds=[(each - REACH, each + REACH) for each in origin],
        options={"maxiter": ROUNDS, "eps": STEP},
    )
    wandering = _placed(base, names, found.x)
    return Calibrated(wandering, _errors(cohort, wandering, pairs))


def _taught_pairs(
    cohort: Cohort, taught: Bool[np.ndarray, " stay"]
) -> tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " moment"]]:
    """Return the pairs of the taught stays, and where each moment lies among their moments."""
    lengths = [len(stay.hours) for stay in cohort.stays]
    of_moment = np.repeat(taught, lengths)
    return np.flatnonzero(of_moment[cohort.now]), np.cumsum(of_moment) - 1


def _coordinates(wandering: Wandering, names: Collection[str]) -> Float[np.ndarray, " fitted"]:
    values = {name: getattr(wandering, name) for name in names}
    return np.array(
        [v / LEVEL_SCALE if name == "level" else np.log(v) for name, v in values.items()]
    )


def _placed(base: Wandering, names: Collection[str], x: np.ndarray) -> Wandering:
    values = {
        name: float(v * LEVEL_SCALE if name == "level" else np.exp(v))
        for name, v in zip(names, x, strict=True)
    }
    return replace(base, **values)


def _errors(
    cohort: Cohort, wandering: Wandering, pairs: Int[np.ndarray, " pair"]
) -> tuple[float, ...]:
    learnt = learnt_of(cohort, wandering)
    error = (cohort.target - learnt.expected) / learnt.sd
    return tuple(float(each) for each in np.quantile(error[cohort.next[pairs]], CENTILES))


def learnt_of(cohort: Cohort, wandering: Wandering, beliefs: bool = False) -> Learning:
    """Return what was expected of every moment, each patient learnt from his own past only."""
    return learn(cohort.stays, cohort.subject[cohort.first], wandering, beliefs)
