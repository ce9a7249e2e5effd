"""What must not happen to a patient, as sets that a simulated path may enter.

The thresholds are those by which outcome studies and the engines of the field define the events.
The twin's probability of one is a *simulated haemodynamic risk*: how many of its plausible
circulations get there. It is not the risk of a cardiac arrest. Where charts of real patients hold
enough events, ``forecast`` calibrates it on them (``wanderings.CURVES``).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.haemodynamics import QUANTITY_INDEX, Quantity

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

    from twin.core.parameters import Body


class Event(StrEnum):
    """An event that a forecast counts; the value is what a clinician reads."""

    HYPOTENSION = "mean arterial pressure below 65 mmHg for a minute"
    SHOCK = "systolic pressure below 90 mmHg with a cardiac index below 2.2 L/min/m2"
    DESATURATION = "oxygen saturation below 90 %"

    @property
    def clinical_name(self) -> str:
        """Return what a clinician reads."""
        return self.value


LOW_MEAN_PRESSURE_MMHG: Final = 65.0
"""Evans 2021, Surviving Sepsis Campaign, Crit Care Med 49:e1063: the target of resuscitation."""

LOW_SYSTOLIC_MMHG: Final = 90.0
LOW_CARDIAC_INDEX: Final = 2.2
"""Both: Hochman 1999 (SHOCK trial), N Engl J Med 341:625; index in L/min/m2. That definition also
asks for a wedge pressure above 15 mmHg, which would leave out shock by blood loss."""

LOW_SATURATION_PERCENT: Final = 90.0
"""O'Driscoll 2017, British Thoracic Society guideline, Thorax 72:ii1."""

HYPOTENSION_LASTS_S: Final = 60.0
"""Maheshwari 2024, Anesthesiology 141:443, and others: one minute."""

STANDARD_SURFACE_M2: Final = 1.9
"""Of the standard adult, for whom cardiac index 3.0 is 5.6 L/min (Guyton & Hall 2006)."""


def body_surface_m2(body: Body, size: float = 1.0) -> float:
    """Return the surface of a body (Mosteller 1987, N Engl J Med 317:1098), or by its size.

    ``size`` is the expected blood volume over the standard adult's and counts only where weight or
    height is unknown.
    """
    if body.weight_kg is None or body.height_cm is None:
        return STANDARD_SURFACE_M2 * size
    return float(np.sqrt(body.weight_kg * body.height_cm / 3600.0))


def happens(
    event: Event,
    path: Float[np.ndarray, "quantity sample member"],
    sample_s: float,
    surface_m2: float,
) -> Bool[np.ndarray, " member"]:
    """Return which members' paths enter the event's set.

    Parameters
    ----------
    path
        Rows in the order of ``Quantity``, samples ``sample_s`` apart.
    surface_m2
        Body surface, to which cardiac output is related.
    """
    if event is Event.HYPOTENSION:
        low = path[QUANTITY_INDEX[Quantity.MEAN_PRESSURE]] < LOW_MEAN_PRESSURE_MMHG
        # Samples further apart than the event must last: one of them is enough.
        return _lasts(low, int(HYPOTENSION_LASTS_S // sample_s) + 1)
    if event is Event.SHOCK:
        index = path[QUANTITY_INDEX[Quantity.CARDIAC_OUTPUT]] / surface_m2
        systolic = path[QUANTITY_INDEX[Quantity.SYSTOLIC_PRESSURE]]
        shock = (index < LOW_CARDIAC_INDEX) & (systolic < LOW_SYSTOLIC_MMHG)
        return _lasts(shock, 1)
    saturation = path[QUANTITY_INDEX[Quantity.OXYGEN_SATURATION]]
    return _lasts(saturation < LOW_SATURATION_PERCENT, 1)


def _lasts(low: Bool[np.ndarray, "sample member"], samples: int) -> Bool[np.ndarray, " member"]:
    """Return which members are low in ``samples`` samples running."""
    running = np.zeros(low.shape[1], dtype=np.intp)
    reached = np.zeros(low.shape[1], dtype=bool)
    for here in low:
        running = np.where(here, running + 1, 0)
        reached |= running >= min(samples, len(low))
    return reached
