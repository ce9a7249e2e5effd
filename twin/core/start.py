"""Where a simulation begins: parameters laid out in blocks, blood roughly distributed.

May live here: the first state and the reciprocals that kernels multiply by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.beats import HIGHEST, LOWEST
from twin.core.chambers import ATRIUM_LEAD, ATRIUM_PEAK, OVERFILLED, VENTRICLE_PEAK
from twin.core.gas_exchange import DRY_GAS_MMHG, HUEFNER_ML_PER_G, INVERSE_EXCHANGE_RATIO
from twin.core.layout import (
    ALVEOLAR,
    AORTIC,
    ARTERIAL_AFFERENT,
    ARTERIAL_CONTENT,
    ARTERIAL_OXYGEN,
    ARTERIES,
    ATRIUM_RATE,
    ATRIUM_SHIFT,
    BEAT_EMPTIED,
    BEAT_FILLED,
    BEAT_MEAN,
    BEAT_RATE,
    BLOOD,
    CARBON_DIOXIDE,
    COLLAPSE_SQUARED,
    FLOW_NOW,
    HAEMOGLOBIN_MASS,
    HIGH_AORTA,
    HIGH_LUNG,
    HIGH_VENTRICLE,
    INVERSE_ARTERIAL_COMPLIANCE,
    INVERSE_ARTERIAL_STIFFENING,
    INVERSE_INTERSTITIAL_RATIO,
    INVERSE_LEFT_ATRIUM,
    INVERSE_LUNG_ARTERY_COMPLIANCE,
    INVERSE_LUNG_VEIN_COMPLIANCE,
    INVERSE_PERICARDIAL_WIDTH,
    INVERSE_REFLEX_WIDTH,
    INVERSE_RIGHT_ATRIUM,
    INVERSE_VENOUS_COMPLIANCE,
    LANES,
    LEFT_ATRIUM,
    LEFT_STIFFENING,
    LEFT_VENTRICLE,
    LOW_AORTA,
    LOW_LUNG,
    LOW_VENTRICLE,
    LUNG,
    LUNG_ARTERIES,
    LUNG_RETURN,
    LUNG_VEINS,
    MITRAL,
    PARAMETER_ROWS,
    PERIOD,
    PULMONARY,
    RATE_NOW,
    RESERVE,
    RIGHT_ATRIUM,
    RIGHT_STIFFENING,
    RIGHT_VENTRICLE,
    ROWS,
    TRICUSPID,
    VEINS,
    VENOUS_AFFERENT,
    VENOUS_CONTENT,
    VENOUS_RETURN,
    VENTRICLE_RATE,
    checked,
    in_blocks,
)
from twin.core.parameters import PARAMETER_INDEX
from twin.core.pericardium import TORN
from twin.core.regulation import MOST_CONTRACTILE
from twin.core.valves import least_resistance

if TYPE_CHECKING:
    from jaxtyping import Float

STEP_S: Final = 0.005
"""Of the pulsatile model's integration (classic Runge-Kutta)."""
FULL: Final = 2.0
"""Times their elastance at low pressure that full arteries have; for stability only."""


def start(
    parameters: Float[np.ndarray, "parameter member"],
    dtype: type[np.floating] = np.float32,
) -> Float[np.ndarray, "block place"]:
    """Return an ensemble at a rough start, its blood volume distributed; let it settle before use.

    Raises
    ------
    SimulationError
        The parameters have the wrong shape or are not finite.
    """
    rows = np.zeros((ROWS, checked(parameters).shape[1]))
    rows[:PARAMETER_ROWS] = parameters
    _reciprocals(rows)
    _valves(rows)
    _first_beat(rows)
    _first_volumes(rows)
    return in_blocks(rows, dtype)


def _row(rows: Float[np.ndarray, "row member"], name: str) -> Float[np.ndarray, " member"]:
    found: Float[np.ndarray, " member"] = rows[PARAMETER_INDEX[name]]
    return found


def _reciprocals(rows: Float[np.ndarray, "row member"]) -> None:
    inverses = {
        INVERSE_ARTERIAL_COMPLIANCE: "arterial_compliance",
        INVERSE_ARTERIAL_STIFFENING: "arterial_stiffening_volume",
        INVERSE_VENOUS_COMPLIANCE: "venous_compliance",
        INVERSE_LUNG_ARTERY_COMPLIANCE: "pulmonary_artery_compliance",
        INVERSE_LUNG_VEIN_COMPLIANCE: "pulmonary_vein_compliance",
        LUNG: "pulmonary_resistance",
        INVERSE_REFLEX_WIDTH: "reflex_width",
        INVERSE_PERICARDIAL_WIDTH: "pericardial_width",
        INVERSE_LEFT_ATRIUM: "left_atrium_diastolic_elastance",
        INVERSE_RIGHT_ATRIUM: "right_atrium_diastolic_elastance",
        INVERSE_INTERSTITIAL_RATIO: "interstitial_ratio",
    }
    for place, name in inverses.items():
        rows[place // LANES] = 1.0 / _row(rows, name)
    rows[COLLAPSE_SQUARED // LANES] = _row(rows, "venous_collapse_volume") ** 2
    rows[LEFT_STIFFENING // LANES] = _row(rows, "left_ventricle_stiffening_volume") ** -2.0
    rows[RIGHT_STIFFENING // LANES] = _row(rows, "right_ventricle_stiffening_volume") ** -2.0


def _valves(rows: Float[np.ndarray, "row member"]) -> None:
    """Lay down conductances into and out of the heart, none quicker than the step follows."""
    sac = 3.0 * TORN / _row(rows, "pericardial_width")
    ventricle, atrium = {}, {}
    for side in ("left", "right"):
        passive = _row(rows, f"{side}_ventricle_diastolic_elastance") * (1.0 + 5.0 * OVERFILLED**2)
        active = _row(rows, f"{side}_ventricle_systolic_elastance") * MOST_CONTRACTILE
        atrium[side] = _row(rows, f"{side}_atrium_systolic_elastance")
        ventricle[side] = np.maximum(passive, active), passive + atrium[side]
    arteries = FULL / _row(rows, "arterial_compliance")
    lungs = 1.0 / _row(rows, "pulmonary_artery_compliance")
    # The characteristic impedance of the aorta is in series with its valve.
    aortic = _row(rows, "aortic_valve_resistance") + _row(rows, "aortic_impedance")
    for place, resistance, elastance in (
        (MITRAL, _row(rows, "mitral_resistance"), ventricle["left"][1]),
        (TRICUSPID, _row(rows, "tricuspid_resistance"), ventricle["right"][1]),
        (AORTIC, aortic, ventricle["left"][0] + arteries),
        (PULMONARY, _row(rows, "pulmonary_valve_resistance"), ventricle["right"][0] + lungs),
        (LUNG_RETURN, _row(rows, "pulmonary_vein_resistance"), atrium["left"] + sac),
        (VENOUS_RETURN, _row(rows, "venous_return_resistance"), atrium["right"] + sac),
    ):
        rows[place // LANES] = 1.0 / np.maximum(resistance, least_resistance(elastance, STEP_S))


def _first_beat(rows: Float[np.ndarray, "row member"]) -> None:
    rate = _row(rows, "resting_heart_rate")
    period = 60.0 / rate
    rows[RATE_NOW // LANES] = rows[BEAT_RATE // LANES] = rate
    rows[PERIOD // LANES] = period
    rows[VENTRICLE_RATE // LANES] = 1.0 / (VENTRICLE_PEAK * np.sqrt(period))
    rows[ATRIUM_RATE // LANES] = 1.0 / (ATRIUM_PEAK * np.sqrt(period))
    rows[ATRIUM_SHIFT // LANES] = ATRIUM_LEAD * np.sqrt(period)
    for place in (HIGH_AORTA, HIGH_LUNG, HIGH_VENTRICLE):
        rows[place // LANES] = LOWEST
    for place in (LOW_AORTA, LOW_LUNG, LOW_VENTRICLE):
        rows[place // LANES] = HIGHEST


def _first_volumes(rows: Float[np.ndarray, "row member"]) -> None:
    pressure = _row(rows, "reflex_set_point")
    size = _row(rows, "blood_volume") / 5500.0
    volumes = {
        LEFT_VENTRICLE: 120.0 * size,
        RIGHT_VENTRICLE: 120.0 * size,
        LEFT_ATRIUM: 50.0 * size,
        RIGHT_ATRIUM: 40.0 * size,
        ARTERIES: 0.75 * pressure * _row(rows, "arterial_compliance"),
        LUNG_ARTERIES: 19.0 * _row(rows, "pulmonary_artery_compliance"),
        LUNG_VEINS: 12.0 * _row(rows, "pulmonary_vein_compliance"),
    }
    for place, volume in volumes.items():
        rows[place // LANES] = volume
    blood = _row(rows, "blood_volume")
    rows[BLOOD // LANES] = blood
    elsewhere = _row(rows, "unstressed_volume_elsewhere")
    rows[VEINS // LANES] = blood - elsewhere - sum(volumes.values())
    rows[ARTERIAL_AFFERENT // LANES] = rows[BEAT_MEAN // LANES] = pressure
    rows[VENOUS_AFFERENT // LANES] = _row(rows, "low_pressure_set_point")
    rows[FLOW_NOW // LANES] = 90.0 * size
    rows[BEAT_FILLED // LANES] = 130.0 * size
    rows[BEAT_EMPTIED // LANES] = 55.0 * size
    rows[RESERVE // LANES] = 1.0
    _first_gases(rows)


def _first_gases(rows: Float[np.ndarray, "row member"]) -> None:
    blood = rows[BLOOD // LANES]
    haemoglobin = _row(rows, "haemoglobin")
    rows[HAEMOGLOBIN_MASS // LANES] = haemoglobin * blood / 100.0
    carbon_dioxide = _row(rows, "arterial_carbon_dioxide_pressure")
    alveolar = _row(rows, "inspired_oxygen_fraction") * DRY_GAS_MMHG
    alveolar = np.maximum(alveolar - carbon_dioxide * INVERSE_EXCHANGE_RATIO, 20.0)
    rows[ALVEOLAR // LANES] = alveolar
    rows[ARTERIAL_OXYGEN // LANES] = np.minimum(alveolar, 100.0)
    rows[CARBON_DIOXIDE // LANES] = carbon_dioxide
    rows[VENOUS_CONTENT // LANES] = 0.75 * HUEFNER_ML_PER_G * haemoglobin
    rows[ARTERIAL_CONTENT // LANES] = 0.97 * HUEFNER_ML_PER_G * haemoglobin
