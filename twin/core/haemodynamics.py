"""What a simulation says about a circulation: the quantities, their units and clinical names.

May live here: names of observable quantities and the algebra between them. Every simulation
returns its rows in the order of ``Quantity``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from twin.core.units import ML_PER_L, ml_per_s

if TYPE_CHECKING:
    from jaxtyping import Float

    Values = Float[np.ndarray, "..."]
    """One value per member, or per sample and member."""


class Quantity(StrEnum):
    """An observable quantity; definition order is the row order of every simulation's result."""

    HEART_RATE = "heart_rate"
    SYSTOLIC_PRESSURE = "systolic_pressure"
    DIASTOLIC_PRESSURE = "diastolic_pressure"
    MEAN_PRESSURE = "mean_pressure"
    CENTRAL_VENOUS_PRESSURE = "central_venous_pressure"
    PULMONARY_SYSTOLIC_PRESSURE = "pulmonary_systolic_pressure"
    PULMONARY_DIASTOLIC_PRESSURE = "pulmonary_diastolic_pressure"
    PULMONARY_MEAN_PRESSURE = "pulmonary_mean_pressure"
    WEDGE_PRESSURE = "wedge_pressure"
    CARDIAC_OUTPUT = "cardiac_output"
    STROKE_VOLUME = "stroke_volume"
    EJECTION_FRACTION = "ejection_fraction"
    SYSTEMIC_RESISTANCE = "systemic_resistance"
    BLOOD_VOLUME = "blood_volume"
    OXYGEN_SATURATION = "oxygen_saturation"
    ARTERIAL_OXYGEN_PRESSURE = "arterial_oxygen_pressure"
    MIXED_VENOUS_SATURATION = "mixed_venous_saturation"
    HAEMOGLOBIN = "haemoglobin"
    OXYGEN_DELIVERY = "oxygen_delivery"
    OXYGEN_CONSUMPTION = "oxygen_consumption"
    ARTERIAL_CARBON_DIOXIDE_PRESSURE = "arterial_carbon_dioxide_pressure"
    MINUTE_VENTILATION = "minute_ventilation"

    @property
    def unit(self) -> str:
        """Unit in UCUM-like clinical writing, such as ``mmHg``."""
        return _WORDS[self].unit

    @property
    def clinical_name(self) -> str:
        """The name a clinician reads on a card."""
        return _WORDS[self].clinical_name


class _Words(NamedTuple):
    clinical_name: str
    unit: str


_WORDS: Final[dict[Quantity, _Words]] = {
    Quantity.HEART_RATE: _Words("heart rate", "/min"),
    Quantity.SYSTOLIC_PRESSURE: _Words("systolic arterial pressure", "mmHg"),
    Quantity.DIASTOLIC_PRESSURE: _Words("diastolic arterial pressure", "mmHg"),
    Quantity.MEAN_PRESSURE: _Words("mean arterial pressure", "mmHg"),
    Quantity.CENTRAL_VENOUS_PRESSURE: _Words("central venous pressure", "mmHg"),
    Quantity.PULMONARY_SYSTOLIC_PRESSURE: _Words("pulmonary artery systolic pressure", "mmHg"),
    Quantity.PULMONARY_DIASTOLIC_PRESSURE: _Words("pulmonary artery diastolic pressure", "mmHg"),
    Quantity.PULMONARY_MEAN_PRESSURE: _Words("mean pulmonary artery pressure", "mmHg"),
    Quantity.WEDGE_PRESSURE: _Words("pulmonary artery wedge pressure", "mmHg"),
    Quantity.CARDIAC_OUTPUT: _Words("cardiac output", "L/min"),
    Quantity.STROKE_VOLUME: _Words("stroke volume", "mL"),
    Quantity.EJECTION_FRACTION: _Words("left ventricular ejection fraction", "%"),
    Quantity.SYSTEMIC_RESISTANCE: _Words("systemic vascular resistance", "mmHg s/mL"),
    Quantity.BLOOD_VOLUME: _Words("blood volume", "mL"),
    Quantity.OXYGEN_SATURATION: _Words("arterial oxygen saturation", "%"),
    Quantity.ARTERIAL_OXYGEN_PRESSURE: _Words("arterial oxygen pressure", "mmHg"),
    Quantity.MIXED_VENOUS_SATURATION: _Words("mixed venous oxygen saturation", "%"),
    Quantity.HAEMOGLOBIN: _Words("haemoglobin", "g/dL"),
    Quantity.OXYGEN_DELIVERY: _Words("oxygen delivery", "mL/min"),
    Quantity.OXYGEN_CONSUMPTION: _Words("oxygen consumption", "mL/min"),
    Quantity.ARTERIAL_CARBON_DIOXIDE_PRESSURE: _Words("arterial carbon dioxide pressure", "mmHg"),
    Quantity.MINUTE_VENTILATION: _Words("minute ventilation", "L/min"),
}

DL_PER_L: Final = 10.0

QUANTITIES: Final[tuple[Quantity, ...]] = tuple(Quantity)
QUANTITY_INDEX: Final[dict[Quantity, int]] = {name: row for row, name in enumerate(QUANTITIES)}


def cardiac_output_l_per_min(stroke_volume_ml: Values, heart_rate_per_min: Values) -> Values:
    """Return stroke volume times heart rate, L/min."""
    return np.asarray(stroke_volume_ml * heart_rate_per_min / ML_PER_L)


def ejection_fraction_percent(stroke_volume_ml: Values, end_diastolic_volume_ml: Values) -> Values:
    """Return stroke volume over end-diastolic volume, %."""
    return np.asarray(100.0 * stroke_volume_ml / np.maximum(end_diastolic_volume_ml, 1.0))


def oxygen_carried_ml_per_min(
    cardiac_output_l_per_min: Values, content_ml_per_dl: Values
) -> Values:
    """Return output times oxygen content, mL/min.

    With the arterial content this is oxygen delivery, 1000 mL/min at rest; with the difference of
    arterial and mixed venous content it is what the tissues take up, 250 mL/min (Fick's principle;
    Guyton & Hall 2006, chapters 20 and 40).
    """
    return np.asarray(DL_PER_L * cardiac_output_l_per_min * content_ml_per_dl)


def systemic_resistance_mmhg_s_per_ml(
    mean_pressure_mmhg: Values,
    central_venous_pressure_mmhg: Values,
    cardiac_output_l_per_min: Values,
) -> Values:
    """Return (mean - central venous pressure) / flow; flow is kept above 0.05 L/min."""
    flow_ml_per_s = ml_per_s(np.maximum(cardiac_output_l_per_min, 0.05))
    return np.asarray((mean_pressure_mmhg - central_venous_pressure_mmhg) / flow_ml_per_s)
