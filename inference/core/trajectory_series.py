"""From charted columns to the rows that change with time: measured, derived by physiology, scored.

Pure. A derived value exists only at a time at which the later of its parts was charted, and only
if the earlier part is recent; nothing is invented where a part is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.core import news2
from inference.core.trajectory import SERIES, TrajectoryColumns
from inference.core.trajectory_rows import ROW_INDEX

Array = NDArray[np.float64]
SCORE_EVERY_HOURS: Final = 2.0
"""Scores are taken at the end of each column of the image."""
_WATER_VAPOUR_AND_PRESSURE_MMHG: Final = 713.0
"""760 - 47 mmHg: sea level less water vapour at 37 degC (West, Respiratory Physiology, ch. 5)."""
_RESPIRATORY_QUOTIENT: Final = 0.8


@dataclass(frozen=True, slots=True)
class Series:
    """One row's values: ``hour`` before now (<= 0, rising) and ``value``, of equal length."""

    hour: Array
    value: Array

    def carried_to(self, hour: Array, at_most_hours: float) -> Array:
        """Return the last value at or before each hour, NaN where older than ``at_most_hours``."""
        if not len(self.hour):
            return np.full(len(hour), np.nan)
        found = np.searchsorted(self.hour, hour + 1e-6, side="right") - 1
        age = hour - self.hour[found]
        return np.where((found >= 0) & (age <= at_most_hours), self.value[found], np.nan)


_NONE: Final = Series(np.empty(0), np.empty(0))


def timed_series(columns: TrajectoryColumns) -> dict[int, Series]:
    """Return the series of every row that has a value, by row number."""
    edges = np.searchsorted(columns.parameter, np.arange(len(SERIES) + 1))
    measured = {
        parameter.name: Series(columns.hour[start:stop], columns.value[start:stop])
        for parameter, start, stop in zip(SERIES, edges[:-1], edges[1:], strict=True)
        if stop > start
    }

    def of(name: str) -> Series:
        return measured.get(name, _NONE)

    pressures = _pressures(of)
    derived = {
        **pressures,
        "PulsePressure": _pulse_pressure(of),
        "ShockIndex": _paired(of("HR"), pressures["Systolic"], 2.0, np.divide),
        "UrineRate": _urine_rate(of("Urine"), columns.facts[3], columns.hours),
        "UreaRatio": _paired(of("BUN"), of("Creatinine"), 24.0, np.divide),
        "BaseExcess": _paired(of("pH"), of("HCO3"), 6.0, _base_excess),
        "OxygenRatio": _paired(of("PaO2"), of("FiO2"), 12.0, np.divide),
        "OxygenGradient": _oxygen_gradient(of),
    }
    every = {**measured, **derived, **_scores({**measured, **derived}, columns.hours)}
    return {ROW_INDEX[name]: series for name, series in every.items() if len(series.hour)}


def _pressures(of: Callable[[str], Series]) -> dict[str, Series]:
    """Systolic, mean and diastolic pressure by whatever means, the catheter before the cuff."""
    return {
        "Systolic": _either(of("SysABP"), of("NISysABP")),
        "Mean": _either(of("MAP"), of("NIMAP")),
        "Diastolic": _either(of("DiasABP"), of("NIDiasABP")),
    }


def _either(first: Series, second: Series) -> Series:
    if not len(second.hour):
        return first
    if not len(first.hour):
        return second
    lone = ~np.isin(second.hour, first.hour)
    hour = np.r_[first.hour, second.hour[lone]]
    value = np.r_[first.value, second.value[lone]]
    order = np.argsort(hour, kind="stable")
    return Series(hour[order], value[order])


def _paired(
    lead: Series, partner: Series, recent_hours: float, law: Callable[[Array, Array], Array]
) -> Series:
    """Apply ``law`` at the times of ``lead`` with the partner's last recent value."""
    if not len(lead.hour) or not len(partner.hour):
        return _NONE
    other = partner.carried_to(lead.hour, recent_hours)
    known = ~np.isnan(other)
    return Series(lead.hour[known], law(lead.value[known], other[known]))


def _pulse_pressure(of: Callable[[str], Series]) -> Series:
    invasive = _paired(of("SysABP"), of("DiasABP"), 0.0, np.subtract)
    cuff = _paired(of("NISysABP"), of("NIDiasABP"), 0.0, np.subtract)
    either = _either(invasive, cuff)
    return Series(either.hour[either.value > 0], either.value[either.value > 0])


def _urine_rate(urine: Series, weight_kg: float, window_hours: float) -> Series:
    """Urine in mL/kg/h since the entry before (1-12 h), which KDIGO 2012 grades kidneys by."""
    if not len(urine.hour) or np.isnan(weight_kg):
        return _NONE
    gap = np.diff(np.r_[max(-window_hours, urine.hour[0] - 2.0), urine.hour])
    return Series(urine.hour, urine.value / weight_kg / np.clip(gap, 1.0, 12.0))


def _base_excess(ph: Array, bicarbonate: Array) -> Array:
    """Van Slyke equation, mmol/L (Siggaard-Andersen 1977, as in CLSI C46-A2)."""
    return 0.93 * (bicarbonate - 24.4 + 14.83 * (ph - 7.4))


def _oxygen_gradient(of: Callable[[str], Series]) -> Series:
    """Alveolar gas equation: FiO2 x 713 - PaCO2 / 0.8 - PaO2, mmHg."""
    alveolar = _paired(
        of("PaCO2"),
        of("FiO2"),
        12.0,
        lambda carbon, fraction: (
            fraction * _WATER_VAPOUR_AND_PRESSURE_MMHG - carbon / _RESPIRATORY_QUOTIENT
        ),
    )
    return _paired(of("PaO2"), alveolar, 0.5, lambda oxygen, above: above - oxygen)


def _scores(rows: dict[str, Series], window_hours: float) -> dict[str, Series]:
    """NEWS2 and organ failure points at the end of each column, from values carried up to 24 h."""
    columns = max(1, round(window_hours / SCORE_EVERY_HOURS))
    hour: Array = np.arange(1 - columns, 1, dtype=np.float64) * SCORE_EVERY_HOURS

    def at(name: str, hours: float = 24.0) -> Array:
        return rows.get(name, _NONE).carried_to(hour, hours)

    return {
        "EarlyWarning": _known(hour, *_early_warning(at)),
        "OrganFailure": _known(hour, *_organ_failure(at)),
    }


def _known(hour: Array, points: Array, count: Array) -> Series:
    return Series(hour[count > 0], points[count > 0])


def _early_warning(at: Callable[[str], Array]) -> tuple[Array, Array]:
    bands = (
        (news2.RESPIRATORY_RATE, at("RespRate")),
        (news2.OXYGEN_SATURATION, at("SaO2")),
        (news2.SYSTOLIC_PRESSURE, at("Systolic")),
        (news2.PULSE, at("HR")),
        (news2.TEMPERATURE, at("Temp")),
    )
    points = np.sum([band.of(value) for band, value in bands], axis=0)
    oxygen = (np.nan_to_num(at("FiO2")) > 0.215) | (np.nan_to_num(at("MechVent")) > 0)
    drowsy = np.nan_to_num(at("GCS"), nan=15.0) < 15
    total = points + news2.SUPPLEMENTAL_OXYGEN_POINTS * oxygen + news2.NOT_ALERT_POINTS * drowsy
    return total, _count(*(value for _, value in bands), at("GCS"))


_ORGANS: Final = (
    ("GCS", (14.5, 12.5, 9.5, 5.5)),
    ("OxygenRatio", (400.0, 300.0, 200.0, 100.0)),
    ("Platelets", (150.0, 100.0, 50.0, 20.0)),
    ("Mean", (70.0,)),
    ("Creatinine", (1.2, 2.0, 3.5, 5.0)),
    ("Bilirubin", (1.2, 2.0, 6.0, 12.0)),
)
"""SOFA without vasopressor doses, which are missing (Vincent 1996, Int Care Med 22:707)."""
_RISING: Final = frozenset({"Creatinine", "Bilirubin"})


def _organ_failure(at: Callable[[str], Array]) -> tuple[Array, Array]:
    values = [at(name) for name, _ in _ORGANS]
    passed = [
        value >= limit if name in _RISING else value < limit
        for value, (name, limits) in zip(values, _ORGANS, strict=True)
        for limit in limits
    ]
    return np.sum(passed, axis=0).astype(np.float64), _count(*values)


def _count(*values: Array) -> Array:
    count: Array = np.sum([~np.isnan(value) for value in values], axis=0).astype(np.float64)
    return count
