"""When a set of vital signs says that a patient is in trouble, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from twin.core.events import (
    LOW_MEAN_PRESSURE_MMHG,
    LOW_SATURATION_PERCENT,
    LOW_SYSTOLIC_MMHG,
)
from twin.core.haemodynamics import Quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from jaxtyping import Bool, Float

    from twin.core.observation_sets import ObservationSet

HIGH_SHOCK_INDEX: Final = 1.0
"""Heart rate over systolic pressure; 0.5-0.7 in health. Allgöwer & Burri 1967, Dtsch Med
Wochenschr 92:1947; above 1.0 mortality doubles (Rady 1994, Ann Emerg Med 24:685: from 0.9)."""

LIMITS: Final = (
    (Quantity.MEAN_PRESSURE, LOW_MEAN_PRESSURE_MMHG),
    (Quantity.SYSTOLIC_PRESSURE, LOW_SYSTOLIC_MMHG),
    (Quantity.OXYGEN_SATURATION, LOW_SATURATION_PERCENT),
)
"""Below which; sources in ``events``."""


def in_trouble(
    values: Mapping[Quantity, Float[np.ndarray, "*sample"]],
) -> Bool[np.ndarray, "*sample"]:
    """Return which of many simulated states are in trouble, by the same limits.

    ``values`` holds heart rate and every quantity of ``LIMITS``.
    """
    rate, systolic = values[Quantity.HEART_RATE], values[Quantity.SYSTOLIC_PRESSURE]
    found: np.ndarray = rate >= HIGH_SHOCK_INDEX * systolic
    for quantity, limit in LIMITS:
        found = found | (values[quantity] < limit)
    return found


def troubles(observed: ObservationSet) -> tuple[str, ...]:
    """Return what in this set is a reason to ask for a cause; empty when nothing is."""
    found = []
    for quantity, limit in LIMITS:
        seen = observed.seen.get(quantity)
        if seen is not None and seen.value < limit:
            found.append(
                f"{quantity.clinical_name} {seen.value:.0f} {quantity.unit}, below {limit:.0f}"
            )
    rate = observed.seen.get(Quantity.HEART_RATE)
    systolic = observed.seen.get(Quantity.SYSTOLIC_PRESSURE)
    if rate is not None and systolic is not None:
        index = rate.value / systolic.value
        if index >= HIGH_SHOCK_INDEX:
            found.append(f"shock index {index:.1f}, at or above {HIGH_SHOCK_INDEX:.1f}")
    return tuple(found)
