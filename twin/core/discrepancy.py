"""What the model itself is wrong by, and how far a patient moves in an hour without a cause.

Both widen intervals; neither is measurement error (``device_errors``). The figures are this
project's assumptions until they are measured on patients: compact models of the circulation leave
residuals of this size when fitted to patients (Revie 2013, Ann Intensive Care 3:6; Chase 2018,
Biomed Eng Online 17:24), and vital signs of stable patients scatter by this much from hour to
hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from twin.core.haemodynamics import Quantity


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Standard deviations in the unit of the quantity, in a body of standard size."""

    model: float
    """Of the model against the patient at rest."""
    wander_per_sqrt_h: float
    """Of the patient against himself an hour later; grows with the square root of time."""
    model_share: float = 0.0
    """Of the model, as a share of the value; the larger of the two counts."""

    def model_sd(self, value: float) -> float:
        """Return the model's standard deviation at this value."""
        return max(self.model, self.model_share * abs(value))


DISCREPANCIES: Final[dict[Quantity, Discrepancy]] = {
    Quantity.HEART_RATE: Discrepancy(2.0, 6.0),
    Quantity.SYSTOLIC_PRESSURE: Discrepancy(3.0, 10.0),
    Quantity.DIASTOLIC_PRESSURE: Discrepancy(2.5, 6.5),
    Quantity.MEAN_PRESSURE: Discrepancy(2.5, 7.5),
    Quantity.CENTRAL_VENOUS_PRESSURE: Discrepancy(1.5, 1.5),
    Quantity.PULMONARY_SYSTOLIC_PRESSURE: Discrepancy(3.0, 3.0),
    Quantity.PULMONARY_DIASTOLIC_PRESSURE: Discrepancy(2.0, 2.0),
    Quantity.PULMONARY_MEAN_PRESSURE: Discrepancy(2.0, 2.0),
    Quantity.WEDGE_PRESSURE: Discrepancy(2.0, 2.0),
    Quantity.CARDIAC_OUTPUT: Discrepancy(0.35, 0.45),
    Quantity.STROKE_VOLUME: Discrepancy(5.0, 6.0),
    Quantity.EJECTION_FRACTION: Discrepancy(4.0, 2.0),
    Quantity.SYSTEMIC_RESISTANCE: Discrepancy(0.07, 0.10),
    Quantity.BLOOD_VOLUME: Discrepancy(150.0, 100.0),
    Quantity.OXYGEN_SATURATION: Discrepancy(0.5, 1.2),
    Quantity.ARTERIAL_OXYGEN_PRESSURE: Discrepancy(6.0, 8.0, 0.10),
    Quantity.MIXED_VENOUS_SATURATION: Discrepancy(2.5, 3.0),
    Quantity.OXYGEN_DELIVERY: Discrepancy(70.0, 90.0),
    Quantity.OXYGEN_CONSUMPTION: Discrepancy(15.0, 20.0),
    # Not fitted: these widths are what differs between patients of a ward (assumed).
    Quantity.ARTERIAL_CARBON_DIOXIDE_PRESSURE: Discrepancy(5.0, 3.0),
    Quantity.MINUTE_VENTILATION: Discrepancy(1.2, 1.0),
}

EFFECT_SHARE: Final = 0.25
"""Of a simulated change that the model may be wrong by: published responses to one dose differ
between groups by about a quarter (the spreads in ``twin/validation/targets.toml``)."""
