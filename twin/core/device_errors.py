"""How wrong each device may be about each quantity, with the source of every figure.

May live here: standard deviations of measurement. What the model itself may be wrong by is not
measurement and lives in ``discrepancy``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.core.haemodynamics import Quantity
from twin.core.measurements import Device

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ErrorModel:
    """Standard deviation of a device: the larger of a fixed part and a share of the value."""

    fixed: float
    share: float
    source: str

    def sd(self, value: float) -> float:
        """Return the standard deviation at this value, in the unit of the value."""
        return max(self.fixed, self.share * abs(value))


_CUFF = ErrorModel(
    5.0,
    0.0,
    "ISO 81060-2:2018 allows a standard deviation of 8 mmHg against two observers; "
    "about 5 is left to a device that passes",
)
_REPEATED_CUFF_SOURCE = (
    "cuffs repeated within 16 minutes in 37 patients of intensive care (MIMIC-III demo, robust): "
    "6.3 and 5.2 mmHg a reading, the patients' own changes among them"
)
_CUFF_SYSTOLIC = ErrorModel(6.0, 0.0, _REPEATED_CUFF_SOURCE)
_CUFF_DIASTOLIC = ErrorModel(4.5, 0.0, _REPEATED_CUFF_SOURCE)
_ARTERIAL_LINE = ErrorModel(
    2.0,
    0.02,
    "IEC 60601-2-34:2011: within 4 mmHg or 4 % of the reading, taken as two standard deviations",
)
_ARTERIAL_LINE_SYSTOLIC = ErrorModel(
    5.0,
    0.03,
    "Romagnoli 2014, Crit Care 18:644: under-damped lines overshoot the systolic pressure",
)
_VENOUS_TRANSDUCER = ErrorModel(
    2.0, 0.0, "Magder 2006, Curr Opin Crit Care 12:219: levelling and respiration"
)
_RATE = ErrorModel(
    2.5, 0.02, "IEC 60601-2-27:2011: within 5 /min or 10 %, taken as two standard deviations"
)
_OXIMETER = ErrorModel(
    2.0, 0.0, "ISO 80601-2-61:2017 allows 4 points root mean square; devices reach about 2"
)
_CO_OXIMETER_SOURCE = (
    "co-oximetry of a sample: about 1 point; venous blood also varies by where it is drawn"
)
_CO_OXIMETER = ErrorModel(1.0, 0.0, _CO_OXIMETER_SOURCE)
_THERMODILUTION = ErrorModel(
    0.3, 0.10, "Stetz 1982, Am Rev Respir Dis 126:1001: 12-15 % differences mean something"
)
_ECHO_OUTPUT = ErrorModel(
    0.5, 0.18, "Wetterslev 2016, Intensive Care Med 42:1223: echo and thermodilution differ widely"
)
_ECHO_EJECTION = ErrorModel(
    5.0,
    0.0,
    "Thavendiranathan 2013, J Am Coll Cardiol 61:77: biplane repeats within about 10 points",
)

ARTERIAL_PRESSURES = (
    Quantity.SYSTOLIC_PRESSURE,
    Quantity.DIASTOLIC_PRESSURE,
    Quantity.MEAN_PRESSURE,
)
_LOW_PRESSURES = (
    Quantity.CENTRAL_VENOUS_PRESSURE,
    Quantity.PULMONARY_SYSTOLIC_PRESSURE,
    Quantity.PULMONARY_DIASTOLIC_PRESSURE,
    Quantity.PULMONARY_MEAN_PRESSURE,
    Quantity.WEDGE_PRESSURE,
)

_ERRORS_OF_ANY_DEVICE: Mapping[Quantity, ErrorModel] = {
    Quantity.HEART_RATE: _RATE,
    Quantity.SYSTOLIC_PRESSURE: _CUFF_SYSTOLIC,
    Quantity.DIASTOLIC_PRESSURE: _CUFF_DIASTOLIC,
    Quantity.MEAN_PRESSURE: _CUFF,
    **dict.fromkeys(_LOW_PRESSURES, _VENOUS_TRANSDUCER),
    Quantity.CARDIAC_OUTPUT: _ECHO_OUTPUT,
    Quantity.STROKE_VOLUME: ErrorModel(8.0, 0.18, _ECHO_OUTPUT.source),
    Quantity.EJECTION_FRACTION: _ECHO_EJECTION,
    Quantity.OXYGEN_SATURATION: _OXIMETER,
    Quantity.ARTERIAL_OXYGEN_PRESSURE: ErrorModel(
        3.0,
        0.03,
        "CLIA, 42 CFR 493.931 (2022): a laboratory may err by 15 mmHg or 15 %; taken as a fifth",
    ),
    Quantity.MIXED_VENOUS_SATURATION: ErrorModel(3.0, 0.0, _CO_OXIMETER_SOURCE),
}
"""The least accurate device in use for the quantity: an unknown device is not given credit."""

_ERRORS_BY_DEVICE: Mapping[tuple[Quantity, Device], ErrorModel] = {
    (Quantity.SYSTOLIC_PRESSURE, Device.ARTERIAL_LINE): _ARTERIAL_LINE_SYSTOLIC,
    (Quantity.DIASTOLIC_PRESSURE, Device.ARTERIAL_LINE): _ARTERIAL_LINE,
    (Quantity.MEAN_PRESSURE, Device.ARTERIAL_LINE): _ARTERIAL_LINE,
    (Quantity.CARDIAC_OUTPUT, Device.THERMODILUTION): _THERMODILUTION,
    (Quantity.STROKE_VOLUME, Device.THERMODILUTION): ErrorModel(5.0, 0.10, _THERMODILUTION.source),
    (Quantity.OXYGEN_SATURATION, Device.LABORATORY): _CO_OXIMETER,
}

FITTED_QUANTITIES: tuple[Quantity, ...] = tuple(_ERRORS_OF_ANY_DEVICE)
"""The quantities that a fit can take in, each with a known error."""


def error_model(quantity: Quantity, device: Device) -> ErrorModel:
    """Return how wrong this device may be about this quantity, with the source of the figure.

    Raises
    ------
    KeyError
        The quantity is not one of ``FITTED_QUANTITIES``.
    """
    return _ERRORS_BY_DEVICE.get((quantity, device)) or _ERRORS_OF_ANY_DEVICE[quantity]
