"""A stay as the nets read it: what was measured, when, and who the patient is.

Values, the table of the 41 parameters of PhysioNet/CinC 2012, and their cleaning into columns.
Pure. Nothing here knows rows, images or models.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Sex = Literal["female", "male"]
WINDOW_HOURS: Final = 48.0
"""Longest window that is read: PhysioNet/CinC 2012 charts the first 48 h of a stay."""


@dataclass(frozen=True, slots=True)
class TrajectoryParameter:
    """One charted quantity.

    The bounds keep artefacts out, not disease: they lie outside what is reported of living
    patients (own choice, wider than any reference range). A value outside is treated as not
    measured.
    """

    name: str
    clinical_name: str
    unit: str
    low: float
    high: float
    group: str


_SERIES: Final = (
    ("HR", "heart rate", "1/min", 15, 300, "circulation"),
    ("SysABP", "invasive systolic pressure", "mmHg", 20, 300, "circulation"),
    ("MAP", "invasive mean pressure", "mmHg", 15, 250, "circulation"),
    ("DiasABP", "invasive diastolic pressure", "mmHg", 10, 200, "circulation"),
    ("NISysABP", "cuff systolic pressure", "mmHg", 20, 300, "circulation"),
    ("NIMAP", "cuff mean pressure", "mmHg", 15, 250, "circulation"),
    ("NIDiasABP", "cuff diastolic pressure", "mmHg", 10, 200, "circulation"),
    ("Lactate", "lactate", "mmol/L", 0.1, 40, "circulation"),
    ("TroponinI", "troponin I", "ug/L", 0.001, 500, "circulation"),
    ("TroponinT", "troponin T", "ug/L", 0.001, 100, "circulation"),
    ("Urine", "urine", "mL", 0, 5000, "kidney"),
    ("Creatinine", "creatinine", "mg/dL", 0.05, 40, "kidney"),
    ("BUN", "urea nitrogen", "mg/dL", 1, 300, "kidney"),
    ("K", "potassium", "mmol/L", 1, 15, "kidney"),
    ("Na", "sodium", "mmol/L", 90, 200, "kidney"),
    ("Mg", "magnesium", "mmol/L", 0.1, 12, "kidney"),
    ("pH", "pH", "1", 6.5, 8.0, "acid-base"),
    ("HCO3", "bicarbonate", "mmol/L", 2, 65, "acid-base"),
    ("PaCO2", "arterial CO2 tension", "mmHg", 8, 200, "acid-base"),
    ("PaO2", "arterial O2 tension", "mmHg", 15, 750, "gas exchange"),
    ("FiO2", "inspired oxygen fraction", "1", 0.21, 1, "gas exchange"),
    ("SaO2", "oxygen saturation", "%", 20, 100, "gas exchange"),
    ("RespRate", "respiratory rate", "1/min", 2, 100, "gas exchange"),
    ("MechVent", "mechanical ventilation", "1", 0, 1, "gas exchange"),
    ("GCS", "Glasgow coma scale", "points", 3, 15, "brain and temperature"),
    ("Temp", "temperature", "degC", 28, 44, "brain and temperature"),
    ("WBC", "white cells", "10^9/L", 0.01, 500, "blood"),
    ("HCT", "haematocrit", "%", 5, 75, "blood"),
    ("Platelets", "platelets", "10^9/L", 1, 2500, "blood"),
    ("Bilirubin", "bilirubin", "mg/dL", 0.05, 90, "liver and metabolism"),
    ("ALT", "alanine aminotransferase", "IU/L", 1, 40000, "liver and metabolism"),
    ("AST", "aspartate aminotransferase", "IU/L", 1, 40000, "liver and metabolism"),
    ("ALP", "alkaline phosphatase", "IU/L", 5, 8000, "liver and metabolism"),
    ("Albumin", "albumin", "g/dL", 0.5, 8, "liver and metabolism"),
    ("Cholesterol", "cholesterol", "mg/dL", 10, 1500, "liver and metabolism"),
    ("Glucose", "glucose", "mg/dL", 10, 2500, "liver and metabolism"),
)
_FACTS: Final = (
    ("Age", "age", "years", 0, 120, "patient"),
    ("Gender", "sex", "0 female, 1 male", 0, 1, "patient"),
    ("Height", "height", "cm", 100, 230, "patient"),
    ("Weight", "weight", "kg", 20, 350, "patient"),
    ("ICUType", "kind of intensive care unit", "1-4", 1, 4, "patient"),
)
SERIES: Final = tuple(TrajectoryParameter(*row) for row in _SERIES)
FACTS: Final = tuple(TrajectoryParameter(*row) for row in _FACTS)
PARAMETERS: Final = SERIES + FACTS
"""The 36 time series and 5 descriptors of https://physionet.org/content/challenge-2012/1.0.0/."""

SERIES_INDEX: Final[Mapping[str, int]] = {row.name: index for index, row in enumerate(SERIES)}
_LOW: Final = np.array([row.low for row in SERIES])
_HIGH: Final = np.array([row.high for row in SERIES])


@dataclass(frozen=True, slots=True)
class TrajectoryEvent:
    """One charted value, in its parameter's unit; ``minute`` since the start of the window."""

    parameter: str
    minute: float
    value: float


@dataclass(frozen=True, slots=True)
class StayFacts:
    """What does not change during the stay; ``None`` is not known.

    ``icu_type``: 1 coronary care, 2 cardiac surgery, 3 medical, 4 surgical.
    """

    age_years: float | None
    sex: Sex | None
    height_cm: float | None
    weight_kg: float | None
    icu_type: int | None


@dataclass(frozen=True, slots=True)
class Bedside:
    """What NEWS2 asks and no series holds; ``None``: the series tell, or nobody does."""

    alert: bool | None = None
    on_oxygen: bool | None = None


@dataclass(frozen=True, slots=True)
class Trajectory:
    """A window of ``hours`` that ends now, with every event of it.

    ``twin_features`` may carry quantities of the patient's circulation model by name, for a
    release that was trained with them; the first one was not and leaves them unread.
    """

    events: tuple[TrajectoryEvent, ...]
    facts: StayFacts
    hours: float
    twin_features: Mapping[str, float] | None = None
    bedside: Bedside = Bedside()


@dataclass(frozen=True, slots=True)
class TrajectoryColumns:
    """A trajectory as columns, plausible values only, sorted by parameter, minute and value.

    Attributes
    ----------
    parameter
        Index into `SERIES`, one per event.
    hour
        Hours before now, zero or negative.
    value
        In the parameter's unit; repeats of one parameter at one minute are averaged.
    facts
        Age, sex (1 male), height, weight, kind of unit; NaN where unknown.
    hours
        Length of the window.
    bedside
        For NEWS2 only; no net reads it.
    """

    parameter: NDArray[np.int64]
    hour: NDArray[np.float64]
    value: NDArray[np.float64]
    facts: NDArray[np.float64]
    hours: float
    bedside: Bedside = Bedside()


def columns_of(trajectory: Trajectory) -> TrajectoryColumns:
    """Return the plausible events of the last 48 h as sorted columns.

    Events of an unknown parameter, after now or before the window are left out.
    """
    known = [event for event in trajectory.events if event.parameter in SERIES_INDEX]
    columns = clean_columns(
        np.array([SERIES_INDEX[event.parameter] for event in known], dtype=np.int64),
        np.array([event.minute / 60.0 - trajectory.hours for event in known], dtype=np.float64),
        np.array([event.value for event in known], dtype=np.float64),
        facts_array(trajectory.facts),
        trajectory.hours,
    )
    return replace(columns, bedside=trajectory.bedside)


def clean_columns(
    parameter: NDArray[np.int64],
    hour: NDArray[np.float64],
    value: NDArray[np.float64],
    facts: NDArray[np.float64],
    hours: float,
) -> TrajectoryColumns:
    """Drop what is implausible or outside the window, sort, and average repeats."""
    window = min(hours, WINDOW_HOURS)
    with np.errstate(invalid="ignore"):
        keep = (value >= _LOW[parameter]) & (value <= _HIGH[parameter])
        keep &= (hour <= 1e-6) & (hour >= -window - 1e-6)
    parameter, hour, value = parameter[keep], np.minimum(hour[keep], 0.0), value[keep]
    order = np.lexsort((value, hour, parameter))
    parameter, hour, value = parameter[order], hour[order], value[order]
    if len(value):
        first = np.r_[True, (np.diff(parameter) != 0) | (np.diff(hour) != 0)]
        start = np.flatnonzero(first)
        value = np.add.reduceat(value, start) / np.diff(np.r_[start, len(value)])
        parameter, hour = parameter[start], hour[start]
    return TrajectoryColumns(parameter, hour, value, facts, window)


def facts_array(facts: StayFacts) -> NDArray[np.float64]:
    """Return age, sex (1 male), height, weight, kind of unit; NaN if unknown or implausible."""
    sex = None if facts.sex is None else float(facts.sex == "male")
    raw = (facts.age_years, sex, facts.height_cm, facts.weight_kg, facts.icu_type)
    return np.array([_plausible(value, row) for value, row in zip(raw, FACTS, strict=True)])


def facts_of(values: Mapping[str, float]) -> StayFacts:
    """Return the descriptors of a PhysioNet 2012 stay; -1 there stands for unknown."""
    known = {row.name: _plausible(values.get(row.name), row) for row in FACTS}
    age, gender, height, weight, unit = (known[row.name] for row in FACTS)
    return StayFacts(
        age_years=_or_none(age),
        sex=None if math.isnan(gender) else ("male" if gender >= 0.5 else "female"),
        height_cm=_or_none(height),
        weight_kg=_or_none(weight),
        icu_type=None if math.isnan(unit) else int(unit),
    )


def parameters_present(columns: TrajectoryColumns) -> frozenset[str]:
    """Return the names of the series with at least one plausible value."""
    return frozenset(SERIES[index].name for index in _unique(columns.parameter))


def _unique(parameter: NDArray[np.int64]) -> Iterable[int]:
    return (int(index) for index in np.unique(parameter))


def _plausible(value: float | None, row: TrajectoryParameter) -> float:
    if value is None or not row.low <= value <= row.high:
        return math.nan
    return float(value)


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
