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
