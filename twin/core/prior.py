"""What is believed of a patient's circulation before anything is measured, and how it may change.

The unknowns of a fit are *coordinates*: standard normal numbers ``u`` that move a parameter away
from the value expected for the body, ``expected * exp(sd u)`` for scales and ``expected + sd u``
for the reflex's set point. Sick people are the model's patients, so the spreads are those of a
hospital ward, wider than those of healthy people; where a source gives healthy spread, it says so.

Pressures do not depend on the size of a body (``parameters.scaled_to``), so everything is fitted
in a body of standard size; flows and volumes are scaled by ``size`` on the way in and out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.arm import AGES, TYPICAL_AGE_YEARS
from twin.core.haemodynamics import Quantity
from twin.core.measurements import Condition
from twin.core.parameters import PARAMETER_INDEX, PARAMETERS, scaled_to, standard_adult

if TYPE_CHECKING:
    from jaxtyping import Float

    from twin.core.parameters import Body


@dataclass(frozen=True, slots=True)
class Coordinate:
    """One unknown: which parameter it moves, and how far people and hours move it."""

    parameter: str
    sd: float
    """Between patients; of the logarithm where ``logarithmic``, else in the parameter's unit."""
    drift_sd_per_h: float
    """How fast it may be changing steadily, same scale; 0 where it does not change in hours."""
    source: str
    logarithmic: bool = True


COORDINATES: Final[tuple[Coordinate, ...]] = (
    Coordinate(
        "blood_volume",
        0.13,
        0.12,
        "Nadler 1962: sd about 9 % in health, bleeding and congestion added; drift: 650 mL/h, "
        "class II haemorrhage within two hours (ATLS)",
    ),
    Coordinate(
        "resting_heart_rate", 0.30, 0.08, "resting pulse sd 12 /min in adults, fever added"
    ),
    Coordinate(
        "left_ventricle_systolic_elastance",
        0.40,
        0.10,
        "Chen 2001, J Am Coll Cardiol 38:2028: 2.3 sd 1.0 mmHg/mL",
    ),
    Coordinate(
        "left_ventricle_diastolic_elastance",
        0.35,
        0.0,
        "Redfield 2005, Circulation 112:2254: stiffness doubles in heart failure",
    ),
    Coordinate(
        "arterial_compliance",
        0.35,
        0.0,
        "Chemla 1998, Am J Physiol 274:H500: stroke volume over pulse pressure, wide with age",
    ),
    Coordinate(
        "systemic_resistance",
        0.45,
        0.20,
        "from septic (less than half) to vasoconstricted (more than double) in two sd",
    ),
    Coordinate(
        "reflex_set_point",
        15.0,
        2.0,
        "habitual mean pressure, sd 12 mmHg in adults with hypertension among them; illness added",
        logarithmic=False,
    ),
    Coordinate(
        "pulmonary_shunt",
        1.0,
        0.35,
        "from 3 % in health (Levitzky 2013) to 20-40 % in respiratory failure, two sd",
    ),
    Coordinate(
        "pulmonary_resistance",
        0.45,
        0.0,
        "Kovacs 2009, Eur Respir J 34:888: mean pressure 14 sd 3 in health, doubled in disease",
    ),
    Coordinate(
        "right_ventricle_systolic_elastance", 0.35, 0.0, "as the left, of which less is measured"
    ),
    Coordinate("oxygen_consumption", 0.15, 0.0, "Weir 1949; indirect calorimetry at the bedside"),
)
"""The unknowns, in the order of every array of coordinates."""

GIVEN: Final = (
    "standing_vasoconstriction",
    "standing_venoconstriction",
    "standing_inotropy",
    "standing_chronotropy",
    "standing_beta_blockade",
    "standing_thoracic_pressure",
    "standing_pericardial_fluid",
    "standing_atrial_kick_loss",
)
"""Treatment and obstruction under which the measurements were taken, as parameters; 0 is none."""

FIXED_INPUTS: Final = (
    "maximum_heart_rate",
    "haemoglobin",
    "inspired_oxygen_fraction",
    *GIVEN,
)
"""Parameters that are known of the patient (age, a measured condition, what is given) and shift
what is expected."""

EMULATED: Final = tuple(c.parameter for c in COORDINATES) + FIXED_INPUTS
"""Parameters the emulator takes in, in the order of its rows."""

LOGARITHMIC: Final = np.array([c.logarithmic for c in COORDINATES] + [False] * len(FIXED_INPUTS))
DRIFTING: Final = np.array([i for i, c in enumerate(COORDINATES) if c.drift_sd_per_h > 0])
"""Which coordinates may change within hours."""

COORDINATE_SDS: Final = np.array([c.sd for c in COORDINATES])
DRIFT_SDS: Final = np.array([COORDINATES[i].drift_sd_per_h for i in DRIFTING])

HEART_RATE_PER_DEGREE: Final = 8.5
"""Beats a minute for each degree Celsius of fever: Karjalainen & Viitasalo 1986, Arch Intern Med
146:1169."""
OXYGEN_DEMAND_PER_DEGREE: Final = 1.10
"""Metabolic rate rises by about 10 % a degree Celsius of fever (DuBois 1921, JAMA 77:352: 13
%)."""

GROWS_WITH_SIZE: Final = frozenset(
    {
        Quantity.CARDIAC_OUTPUT,
        Quantity.STROKE_VOLUME,
        Quantity.BLOOD_VOLUME,
        Quantity.OXYGEN_DELIVERY,
        Quantity.OXYGEN_CONSUMPTION,
        Quantity.MINUTE_VENTILATION,
    }
)
"""Quantities proportional to the size of a body; resistance is inverse, all others do not depend
on it."""


USUAL_RATIO: Final = 0.5
"""Cardiothoracic ratio up to which a heart is not called enlarged (Danzer 1919, Am J Med Sci
157:513; cited from memory, unverified)."""
CONGESTION_PER_RATIO: Final = 1.0
MOST_CONGESTION: Final = 0.10
"""What an enlarged heart adds to the blood volume expected: a tenth of it at a ratio of 0.6.
Assumed: patients in decompensated heart failure have a third more blood on average (Miller &
Mullan 2014, JACC Heart Fail 2:298; from memory, unverified), and most enlarged hearts do not
decompensate. It is less than one standard deviation of what is believed without a radiograph."""
SHUNTED_OF_OPAQUE: Final = 0.7
"""Share of its blood flow that an opaque part of the lung lets pass unoxygenated: hypoxic
constriction turns a third of it away, as in ``insults``."""


def congestion(ratio: float) -> float:
    """Return the blood volume expected with this cardiothoracic ratio over that without."""
    beyond = max(ratio - USUAL_RATIO, 0.0)
    return 1.0 + min(CONGESTION_PER_RATIO * beyond, MOST_CONGESTION)


STEERED_SHARE: Final = 0.87
"""How much of a vasopressor's effect its need makes up for. Rates are steered to a pressure: on
charts of real patients 0.13 of the simulated effect shows (``Wandering.effect_share``). Who is
given a vasopressor lacks that tone, and before anything is measured hardly more pressure is
expected of him than of others."""


def untreated_tone(parameters: Float[np.ndarray, " parameter"]) -> float:
    """Return the expected tone of vessels without their drugs, over that of the untreated."""
    drugs = 1.0 + parameters[PARAMETER_INDEX["standing_vasoconstriction"]]
    return float(drugs**-STEERED_SHARE)


COMPLIANCE_PER_YEAR: Final = -0.01
"""By which the logarithm of arterial compliance changes with each year of age. Stroke volume over
pulse pressure falls with age in adults (de Simone 1997, Hypertension 29:1213); by how much is from
memory and unverified: brachial pulse pressure rises from 43 to 58 mmHg between 32 and 72 years
(Franklin 1997, Circulation 96:308) while its amplification falls."""
STANDARD_AGE_YEARS: Final = 40.0
"""Of the standard adult."""


def stiffened(age_years: float | None) -> float:
    """Return the arterial compliance expected at this age, over the standard adult's.

    An unknown age is that of patients in hospital (``arm.TYPICAL_AGE_YEARS``).
    """
    years = TYPICAL_AGE_YEARS if age_years is None else min(max(age_years, AGES[0]), AGES[1])
    return math.exp(COMPLIANCE_PER_YEAR * (years - STANDARD_AGE_YEARS))


_STANDARD: Final = standard_adult()
_EMULATED_ROWS: Final = np.array([PARAMETER_INDEX[name] for name in EMULATED])
_FLUID: Final = EMULATED.index("standing_pericardial_fluid")
_VOLUME: Final = EMULATED.index("blood_volume")
_SHUNT: Final = EMULATED.index("pulmonary_shunt")
_RATE: Final = EMULATED.index("resting_heart_rate")
_COMPLIANCE: Final = EMULATED.index("arterial_compliance")
_RESISTANCE: Final = EMULATED.index("systemic_resistance")
_OXYGEN: Final = EMULATED.index("oxygen_consumption")

_FITTED_ROWS: Final = _EMULATED_ROWS[: len(COORDINATES)]
_SCALES: Final = LOGARITHMIC[: len(COORDINATES)]
_LOWEST: Final = np.array([PARAMETERS[row].low for row in _FITTED_ROWS])[:, None]
_HIGHEST: Final = np.array([PARAMETERS[row].high for row in _FITTED_ROWS])[:, None]

NOTHING_GIVEN: Final[Mapping[str, float]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Expectation:
    """The parameters expected for one body under the conditions of one time."""

    parameters: Float[np.ndarray, " parameter"]
    """In the patient's own size."""
    size: float
    """Expected blood volume over the standard adult's."""

    @classmethod
    def of(
        cls,
        body: Body,
        conditions: Mapping[Condition, float],
        given: Mapping[str, float] = NOTHING_GIVEN,
    ) -> Expectation:
        """Return what is expected of this body under these conditions (units of ``Condition``).

        ``given`` has names of ``GIVEN`` for what acts on the patient while measured.

        Raises
        ------
        KeyError
            A name of ``given`` is not in ``GIVEN``.
        """
        values = scaled_to(body)
        row = PARAMETER_INDEX
        if Condition.HAEMOGLOBIN in conditions:
            values[row["haemoglobin"]] = conditions[Condition.HAEMOGLOBIN]
        if Condition.INSPIRED_OXYGEN_FRACTION in conditions:
            values[row["inspired_oxygen_fraction"]] = conditions[
                Condition.INSPIRED_OXYGEN_FRACTION
            ]
        if Condition.TEMPERATURE in conditions:
            fever = conditions[Condition.TEMPERATURE] - 37.0
            values[row["oxygen_consumption"]] *= OXYGEN_DEMAND_PER_DEGREE**fever
            values[row["resting_heart_rate"]] += HEART_RATE_PER_DEGREE * fever
        if Condition.ATRIAL_KICK_LOSS in conditions:
            values[row["standing_atrial_kick_loss"]] = conditions[Condition.ATRIAL_KICK_LOSS]
        if Condition.LUNG_OPACITY in conditions:
            opaque = conditions[Condition.LUNG_OPACITY]
            values[row["pulmonary_shunt"]] += SHUNTED_OF_OPAQUE * opaque
        for name, value in given.items():
            if name not in GIVEN:
                raise KeyError(f"{name} cannot be given; there are {', '.join(GIVEN)}")
            entry = PARAMETERS[row[name]]
            acting = value + values[row[name]]
            values[row[name]] = min(max(acting, entry.low), entry.high)
        values[row["systemic_resistance"]] *= untreated_tone(values)
        values[row["arterial_compliance"]] *= stiffened(body.age_years)
        size = values[row["blood_volume"]] / PARAMETERS[row["blood_volume"]].default
        if Condition.CARDIOTHORACIC_RATIO in conditions:
            ratio = conditions[Condition.CARDIOTHORACIC_RATIO]
            values[row["blood_volume"]] *= congestion(ratio)
        return cls(values, float(size))

    def emulator_middle(self) -> Float[np.ndarray, " input"]:
        """Return the emulator's transformed input at ``u = 0``, in a body of standard size."""
        middle: np.ndarray = _STANDARD[_EMULATED_ROWS]
        middle[len(COORDINATES) :] = self.parameters[_EMULATED_ROWS[len(COORDINATES) :]]
        middle[_FLUID] /= self.size
        middle[_COMPLIANCE] = self.parameters[_EMULATED_ROWS[_COMPLIANCE]] / self.size
        middle[_RESISTANCE] *= untreated_tone(self.parameters)
        middle[_VOLUME] = self.parameters[_EMULATED_ROWS[_VOLUME]] / self.size
        middle[_SHUNT] = self.parameters[_EMULATED_ROWS[_SHUNT]]
        middle[_RATE] = self.parameters[_EMULATED_ROWS[_RATE]]
        middle[_OXYGEN] = self.parameters[_EMULATED_ROWS[_OXYGEN]] / self.size
        middle[LOGARITHMIC] = np.log(middle[LOGARITHMIC])
        return middle

    def members(
        self, u: Float[np.ndarray, "coordinate member"]
    ) -> Float[np.ndarray, "parameter member"]:
        """Return whole parameter sets in the patient's own size, each kept in its range."""
        members = np.repeat(self.parameters[:, None], u.shape[1], axis=1)
        own = self.parameters[_FITTED_ROWS]
        moved = u * COORDINATE_SDS[:, None]
        values = own[:, None] + moved
        values[_SCALES] = own[_SCALES, None] * np.exp(moved[_SCALES])
        # The range is of a standard body; a size moves it along.
        reach = np.where(_SCALES, own / _STANDARD[_FITTED_ROWS], 1.0)[:, None]
        members[_FITTED_ROWS] = np.clip(values, reach * _LOWEST, reach * _HIGHEST)
        return members


def drifted(
    parameters: Float[np.ndarray, "parameter member"],
    drift_per_h: Float[np.ndarray, "coordinate member"],
    hours: float,
) -> Float[np.ndarray, "parameter member"]:
    """Return the members' parameters after ``hours`` of change at these rates (``u`` an hour)."""
    moved = parameters.astype(np.float64)
    for place in DRIFTING:
        coordinate = COORDINATES[place]
        row = PARAMETER_INDEX[coordinate.parameter]
        by = coordinate.sd * drift_per_h[place] * hours
        if coordinate.logarithmic:
            moved[row] *= np.exp(by)
        else:
            moved[row] += by
    return moved
