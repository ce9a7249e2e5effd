"""How a comparison of treatments runs over time: bands of every plan from one simulation.

May live here: what becomes of the paths that ``comparison`` simulated. Nothing is simulated here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.core.comparison import SAMPLE_S, state_and_change

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jaxtyping import Float

    from twin.core.comparison import Comparison
    from twin.core.fit import ConvergedFit, Interval
    from twin.core.haemodynamics import Quantity

MOST_MOMENTS = 12
"""Points of a band; between them the line is straight. Drugs act over minutes."""


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What one plan leads to over time, in the order of ``times_s``."""

    name: str
    times_s: tuple[float, ...]
    """From the present, which is 0 and the first."""
    state: Mapping[Quantity, tuple[Interval, ...]]
    change: Mapping[Quantity, tuple[Interval, ...]]
    """Against doing nothing, member by member."""


def courses(
    fit: ConvergedFit, comparison: Comparison, quantities: Sequence[Quantity]
) -> tuple[Course, ...]:
    """Return the bands of doing nothing, then of each plan, in the order of the comparison.

    They end in the very intervals of the comparison's effects. At time 0 all stand in the present
    state of the simulated circulations, a part of those that the fit's estimates rest on.
    """
    effects = (comparison.baseline, *comparison.effects)
    alone = comparison.baseline.path
    samples = _spread(alone.shape[1])
    times_s = (0.0, *(SAMPLE_S * (sample + 1.0) for sample in samples))
    rest = comparison.resting[:, None]
    moved = np.stack([_from_present(each.path[:, samples] - rest) for each in effects])
    beside = np.stack([_from_present((each.path - alone)[:, samples]) for each in effects])
    after = fit.fit.now[None, :, None, :] + moved
    states, changes = state_and_change(fit, _flat(after), _flat(beside), quantities)
    each = len(times_s)
    return tuple(
        Course(
            effect.plan.name,
            times_s,
            _by_time(quantities, states[number * each : (number + 1) * each]),
            _by_time(quantities, changes[number * each : (number + 1) * each]),
        )
        for number, effect in enumerate(effects)
    )


def _spread(minutes: int) -> list[int]:
    """Return at most ``MOST_MOMENTS`` samples, evenly spread, the last one among them."""
    chosen = np.linspace(0, minutes - 1, min(minutes, MOST_MOMENTS))
    return [int(sample) for sample in np.unique(np.round(chosen))]


def _from_present(
    moved: Float[np.ndarray, "quantity sample member"],
) -> Float[np.ndarray, "quantity moment member"]:
    """Return the same with the present, which has not moved, in front."""
    return np.concatenate([np.zeros_like(moved[:, :1]), moved], axis=1)


def _flat(
    paths: Float[np.ndarray, "plan quantity sample member"],
) -> Float[np.ndarray, "moment quantity member"]:
    """Return the moments of all plans in one row, those of a plan together."""
    rows: np.ndarray = np.swapaxes(paths, 1, 2).reshape(-1, paths.shape[1], paths.shape[3])
    return rows


def _by_time(
    quantities: Sequence[Quantity], moments: Sequence[Mapping[Quantity, Interval]]
) -> dict[Quantity, tuple[Interval, ...]]:
    return {quantity: tuple(each[quantity] for each in moments) for quantity in quantities}
