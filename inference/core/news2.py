"""NEWS2, the National Early Warning Score 2, with what was missing said beside it.

Royal College of Physicians, *National Early Warning Score (NEWS) 2*, London 2017, chart 1
(https://www.rcp.ac.uk/resources/national-early-warning-score-news-2/); reproduced with
acknowledgement of the Royal College of Physicians. A missing parameter scores 0, as a bedside
chart left blank would, and is named. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

News2Level = Literal["low", "low-medium", "medium", "high"]
News2Parameter = Literal[
    "respiratory rate",
    "oxygen saturation",
    "air or oxygen",
    "systolic pressure",
    "pulse",
    "consciousness",
    "temperature",
]


@dataclass(frozen=True, slots=True)
class Band:
    """Points by upper edges: ``points[i]`` up to and including ``edges[i]``, the last above."""

    edges: tuple[float, ...]
    points: tuple[int, ...]
    decimals: int = 0

    def of(self, value: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the points of each value; NaN scores 0.

        Values are rounded as they are charted, to ``decimals``.
        """
        rounded = np.round(value, self.decimals)
        found = np.array(self.points, dtype=np.float64)[np.searchsorted(self.edges, rounded)]
        return np.where(np.isnan(value), 0.0, found)


RESPIRATORY_RATE: Final = Band((8, 11, 20, 24), (3, 1, 0, 2, 3))
OXYGEN_SATURATION: Final = Band((91, 93, 95), (3, 2, 1, 0))
OXYGEN_SATURATION_SCALE_2_ON_OXYGEN: Final = Band((83, 85, 87, 92, 94, 96), (3, 2, 1, 0, 1, 2, 3))
OXYGEN_SATURATION_SCALE_2_ON_AIR: Final = Band((83, 85, 87), (3, 2, 1, 0))
SYSTOLIC_PRESSURE: Final = Band((90, 100, 110, 219), (3, 2, 1, 0, 3))
PULSE: Final = Band((40, 50, 90, 110, 130), (3, 1, 0, 1, 2, 3))
TEMPERATURE: Final = Band((35.0, 36.0, 38.0, 39.0), (3, 1, 0, 1, 2), decimals=1)
SUPPLEMENTAL_OXYGEN_POINTS: Final = 2
NOT_ALERT_POINTS: Final = 3


@dataclass(frozen=True, slots=True)
class BedsideValues:
    """The seven parameters of NEWS2; ``None`` is not charted.

    ``hypercapnic_target`` selects SpO2 scale 2 (target 88-92 %), which a clinician must have set.
    """

    respiratory_rate_per_min: float | None = None
    oxygen_saturation_percent: float | None = None
    on_oxygen: bool | None = None
    systolic_pressure_mmhg: float | None = None
    pulse_per_min: float | None = None
    alert: bool | None = None
    temperature_c: float | None = None
    hypercapnic_target: bool = False


@dataclass(frozen=True, slots=True)
class News2:
    """A NEWS2 score of 0-20, the points of each charted parameter, and what was not charted."""

    score: int
    level: News2Level
    points: Mapping[News2Parameter, int]
    completeness: float
    missing: tuple[News2Parameter, ...]


def news2(values: BedsideValues) -> News2:
    """Return the score, its parts, and the parameters that were missing (each scored 0)."""
    given = _points(values)
    points = {name: found for name, found in given.items() if found is not None}
    missing = tuple(name for name, found in given.items() if found is None)
    score = sum(points.values())
    return News2(score, _level(score, points), points, len(points) / len(given), missing)


def _points(values: BedsideValues) -> dict[News2Parameter, int | None]:
    saturation = OXYGEN_SATURATION
    if values.hypercapnic_target:
        saturation = (
            OXYGEN_SATURATION_SCALE_2_ON_OXYGEN
            if values.on_oxygen
            else OXYGEN_SATURATION_SCALE_2_ON_AIR
        )
    oxygen = None if values.on_oxygen is None else SUPPLEMENTAL_OXYGEN_POINTS * values.on_oxygen
    alert = None if values.alert is None else NOT_ALERT_POINTS * (not values.alert)
    return {
        "respiratory rate": _scored(RESPIRATORY_RATE, values.respiratory_rate_per_min),
        "oxygen saturation": _scored(saturation, values.oxygen_saturation_percent),
        "air or oxygen": oxygen,
        "systolic pressure": _scored(SYSTOLIC_PRESSURE, values.systolic_pressure_mmhg),
        "pulse": _scored(PULSE, values.pulse_per_min),
        "consciousness": alert,
        "temperature": _scored(TEMPERATURE, values.temperature_c),
    }


def _scored(band: Band, value: float | None) -> int | None:
    return None if value is None else int(band.of(np.array([value]))[0])


def _level(score: int, points: Mapping[News2Parameter, int]) -> News2Level:
    if score >= 7:
        return "high"
    if score >= 5:
        return "medium"
    return "low-medium" if any(found == 3 for found in points.values()) else "low"
