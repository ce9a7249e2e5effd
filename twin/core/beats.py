"""From volumes and pressures to whole beats, and from beats to what a clinician reads.

May live here: where beats begin and end, their extremes and means, the start of a simulation, and
the translation of kernel rows into ``Quantity`` rows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.chambers import ATRIUM_LEAD, ATRIUM_PEAK, VENTRICLE_PEAK
from twin.core.compiled import inlined, single
from twin.core.gas_exchange import (
    HUEFNER_ML_PER_G,
    SOLUBLE_ML_PER_DL_MMHG,
    saturations,
)
from twin.core.haemodynamics import (
    QUANTITIES,
    Quantity,
    cardiac_output_l_per_min,
    ejection_fraction_percent,
    systemic_resistance_mmhg_s_per_ml,
)
from twin.core.layout import (
    ALVEOLAR,
    AORTIC,
    ARTERIAL_AFFERENT,
    ARTERIAL_CONTENT,
    ARTERIAL_OXYGEN,
    ARTERIES,
    ATRIUM_RATE,
    ATRIUM_SHIFT,
    BEAT_DIASTOLIC,
    BEAT_EMPTIED,
    BEAT_FILLED,
    BEAT_LUNG_DIASTOLIC,
    BEAT_LUNG_MEAN,
    BEAT_LUNG_SYSTOLIC,
    BEAT_MEAN,
    BEAT_RATE,
    BEAT_SYSTOLIC,
    BEAT_TIME,
    BEAT_VENOUS,
    BEAT_WEDGE,
    BLOOD,
    COLLAPSE_SQUARED,
    COUNT,
    FLOW_NOW,
    HAEMOGLOBIN_MASS,
    HIGH_AORTA,
    HIGH_LUNG,
    HIGH_VENTRICLE,
    INVERSE_ARTERIAL_COMPLIANCE,
    INVERSE_ARTERIAL_STIFFENING,
    INVERSE_LUNG_ARTERY_COMPLIANCE,
    INVERSE_LUNG_VEIN_COMPLIANCE,
    INVERSE_REFLEX_WIDTH,
    INVERSE_VENOUS_COMPLIANCE,
    LANES,
    LAST_AORTA,
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
    READ_FROM,
    READ_ROWS,
    RESERVE,
    RIGHT_ATRIUM,
    RIGHT_STIFFENING,
    RIGHT_VENTRICLE,
    ROWS,
    SUM_AORTA,
    SUM_ATRIUM,
    SUM_LUNG,
    SUM_WEDGE,
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
from twin.errors import SimulationError

if TYPE_CHECKING:
    from jaxtyping import Float

    Flat = Float[np.ndarray, " place"]

_ZERO: Final = single(0.0)
_ONE: Final = single(1.0)
_MINUTE_S: Final = single(60.0)
_LOWEST: Final = single(-1.0e3)
_HIGHEST: Final = single(1.0e4)

TYPICAL_VENOUS_MMHG: Final = 40.0
"""Mixed venous oxygen pressure that dissolved oxygen is counted for; 10 mmHg err by 0.2 %."""


@inlined
def fold_beat(w: Flat, i: int, h: float) -> None:
    """Where a beat has ended: keep its extremes and means, and begin the next at the rate of now.

    ``h`` is the step in which pressures are noted, s. ``ended`` is 0 or 1 and every row is
    blended by it, because a branch would differ between members and keep them from running side
    by side.
    """
    ended = _ONE if w[BEAT_TIME + i] >= w[PERIOD + i] else _ZERO
    per_sample = _ONE / max(w[COUNT + i], _ONE)
    # The beat ended a little before this step: what lies after its end belongs to the next one.
    beyond = (w[BEAT_TIME + i] - w[PERIOD + i]) / h * w[LAST_AORTA + i]
    mean = (w[SUM_AORTA + i] - beyond) * h / w[PERIOD + i]
    rate = _MINUTE_S / w[PERIOD + i]
    stroke = w[HIGH_VENTRICLE + i] - w[LOW_VENTRICLE + i]
    w[BEAT_RATE + i] += ended * (rate - w[BEAT_RATE + i])
    w[BEAT_SYSTOLIC + i] += ended * (w[HIGH_AORTA + i] - w[BEAT_SYSTOLIC + i])
    w[BEAT_DIASTOLIC + i] += ended * (w[LOW_AORTA + i] - w[BEAT_DIASTOLIC + i])
    w[BEAT_MEAN + i] += ended * (mean - w[BEAT_MEAN + i])
    w[BEAT_VENOUS + i] += ended * (w[SUM_ATRIUM + i] * per_sample - w[BEAT_VENOUS + i])
    w[BEAT_LUNG_SYSTOLIC + i] += ended * (w[HIGH_LUNG + i] - w[BEAT_LUNG_SYSTOLIC + i])
    w[BEAT_LUNG_DIASTOLIC + i] += ended * (w[LOW_LUNG + i] - w[BEAT_LUNG_DIASTOLIC + i])
    w[BEAT_LUNG_MEAN + i] += ended * (w[SUM_LUNG + i] * per_sample - w[BEAT_LUNG_MEAN + i])
    w[BEAT_WEDGE + i] += ended * (w[SUM_WEDGE + i] * per_sample - w[BEAT_WEDGE + i])
    w[BEAT_FILLED + i] += ended * (w[HIGH_VENTRICLE + i] - w[BEAT_FILLED + i])
    w[BEAT_EMPTIED + i] += ended * (w[LOW_VENTRICLE + i] - w[BEAT_EMPTIED + i])
    w[FLOW_NOW + i] += ended * (stroke / w[PERIOD + i] - w[FLOW_NOW + i])
    w[SUM_AORTA + i] += ended * (beyond - w[SUM_AORTA + i])
    w[BEAT_TIME + i] -= ended * w[PERIOD + i]
    _begin(w, i, ended)
    _forget(w, i, ended)


@inlined
def _begin(w: Flat, i: int, ended: float) -> None:
    period = _MINUTE_S / w[RATE_NOW + i]
    root = math.sqrt(period)
    w[PERIOD + i] += ended * (period - w[PERIOD + i])
    w[VENTRICLE_RATE + i] += ended * (_ONE / (VENTRICLE_PEAK * root) - w[VENTRICLE_RATE + i])
    w[ATRIUM_RATE + i] += ended * (_ONE / (ATRIUM_PEAK * root) - w[ATRIUM_RATE + i])
    w[ATRIUM_SHIFT + i] += ended * (ATRIUM_LEAD * root - w[ATRIUM_SHIFT + i])


@inlined
def _forget(w: Flat, i: int, ended: float) -> None:
    goes_on = _ONE - ended
    w[COUNT + i] *= goes_on
    w[SUM_ATRIUM + i] *= goes_on
    w[SUM_LUNG + i] *= goes_on
    w[SUM_WEDGE + i] *= goes_on
    w[HIGH_AORTA + i] += ended * (_LOWEST - w[HIGH_AORTA + i])
    w[LOW_AORTA + i] += ended * (_HIGHEST - w[LOW_AORTA + i])
    w[HIGH_LUNG + i] += ended * (_LOWEST - w[HIGH_LUNG + i])
    w[LOW_LUNG + i] += ended * (_HIGHEST - w[LOW_LUNG + i])
    w[HIGH_VENTRICLE + i] += ended * (_LOWEST - w[HIGH_VENTRICLE + i])
    w[LOW_VENTRICLE + i] += ended * (_HIGHEST - w[LOW_VENTRICLE + i])


@inlined
def copy_readings(w: Flat, sample: Flat) -> None:
    """Copy the slow stores and the last whole beat of a block."""
    for place in range(READ_ROWS * LANES):
        sample[place] = w[READ_FROM + place]


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
        MITRAL: "mitral_resistance",
        TRICUSPID: "tricuspid_resistance",
        PULMONARY: "pulmonary_valve_resistance",
        VENOUS_RETURN: "venous_return_resistance",
        LUNG: "pulmonary_resistance",
        LUNG_RETURN: "pulmonary_vein_resistance",
        INVERSE_REFLEX_WIDTH: "reflex_width",
    }
    for place, name in inverses.items():
        rows[place // LANES] = 1.0 / _row(rows, name)
    # The characteristic impedance of the aorta is in series with its valve.
    rows[AORTIC // LANES] = 1.0 / (
        _row(rows, "aortic_valve_resistance") + _row(rows, "aortic_impedance")
    )
    rows[COLLAPSE_SQUARED // LANES] = _row(rows, "venous_collapse_volume") ** 2
    rows[LEFT_STIFFENING // LANES] = _row(rows, "left_ventricle_stiffening_volume") ** -2.0
    rows[RIGHT_STIFFENING // LANES] = _row(rows, "right_ventricle_stiffening_volume") ** -2.0


def _first_beat(rows: Float[np.ndarray, "row member"]) -> None:
    rate = _row(rows, "resting_heart_rate")
    period = 60.0 / rate
    rows[RATE_NOW // LANES] = rows[BEAT_RATE // LANES] = rate
    rows[PERIOD // LANES] = period
    rows[VENTRICLE_RATE // LANES] = 1.0 / (VENTRICLE_PEAK * np.sqrt(period))
    rows[ATRIUM_RATE // LANES] = 1.0 / (ATRIUM_PEAK * np.sqrt(period))
    rows[ATRIUM_SHIFT // LANES] = ATRIUM_LEAD * np.sqrt(period)
    for place in (HIGH_AORTA, HIGH_LUNG, HIGH_VENTRICLE):
        rows[place // LANES] = _LOWEST
    for place in (LOW_AORTA, LOW_LUNG, LOW_VENTRICLE):
        rows[place // LANES] = _HIGHEST


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
    haemoglobin = _row(rows, "haemoglobin")
    rows[HAEMOGLOBIN_MASS // LANES] = haemoglobin * blood / 100.0
    rows[ALVEOLAR // LANES] = rows[ARTERIAL_OXYGEN // LANES] = 100.0
    rows[VENOUS_CONTENT // LANES] = 0.75 * HUEFNER_ML_PER_G * haemoglobin
    rows[ARTERIAL_CONTENT // LANES] = 0.97 * HUEFNER_ML_PER_G * haemoglobin


def whole_intervals(duration_s: float, sample_s: float, interval_s: float) -> tuple[int, int]:
    """Return how many control intervals a simulation has, and how many lie between samples.

    Raises
    ------
    SimulationError
        The times are no multiples of the interval, or the sample is longer than the duration.
    """
    intervals, per_sample = round(duration_s / interval_s), round(sample_s / interval_s)
    if (
        per_sample < 1
        or intervals < per_sample
        or intervals * interval_s != duration_s
        or per_sample * interval_s != sample_s
    ):
        raise SimulationError(
            f"duration {duration_s:g} s and sample {sample_s:g} s: give multiples of "
            f"{interval_s:g} s, the sample not longer than the duration."
        )
    return intervals, per_sample


def readings(
    samples: Float[np.ndarray, "block sample place"], members: int
) -> Float[np.ndarray, "quantity sample member"]:
    """Translate copied rows into quantities, float64, rows in the order of ``Quantity``."""
    blocks, count, _ = samples.shape
    rows = samples.reshape(blocks, count, READ_ROWS, LANES).transpose(2, 1, 0, 3)
    rows = rows.reshape(READ_ROWS, count, blocks * LANES)[:, :, :members].astype(np.float64)

    def row(place: int) -> Float[np.ndarray, "sample member"]:
        found: Float[np.ndarray, "sample member"] = rows[(place - READ_FROM) // LANES]
        return found

    stroke = row(BEAT_FILLED) - row(BEAT_EMPTIED)
    output = cardiac_output_l_per_min(stroke, row(BEAT_RATE))
    haemoglobin = 100.0 * row(HAEMOGLOBIN_MASS) / row(BLOOD)
    venous_bound = row(VENOUS_CONTENT) - SOLUBLE_ML_PER_DL_MMHG * TYPICAL_VENOUS_MMHG
    by_quantity = {
        Quantity.HEART_RATE: row(BEAT_RATE),
        Quantity.SYSTOLIC_PRESSURE: row(BEAT_SYSTOLIC),
        Quantity.DIASTOLIC_PRESSURE: row(BEAT_DIASTOLIC),
        Quantity.MEAN_PRESSURE: row(BEAT_MEAN),
        Quantity.CENTRAL_VENOUS_PRESSURE: row(BEAT_VENOUS),
        Quantity.PULMONARY_SYSTOLIC_PRESSURE: row(BEAT_LUNG_SYSTOLIC),
        Quantity.PULMONARY_DIASTOLIC_PRESSURE: row(BEAT_LUNG_DIASTOLIC),
        Quantity.PULMONARY_MEAN_PRESSURE: row(BEAT_LUNG_MEAN),
        Quantity.WEDGE_PRESSURE: row(BEAT_WEDGE),
        Quantity.CARDIAC_OUTPUT: output,
        Quantity.STROKE_VOLUME: stroke,
        Quantity.EJECTION_FRACTION: ejection_fraction_percent(stroke, row(BEAT_FILLED)),
        Quantity.SYSTEMIC_RESISTANCE: systemic_resistance_mmhg_s_per_ml(
            row(BEAT_MEAN), row(BEAT_VENOUS), output
        ),
        Quantity.BLOOD_VOLUME: row(BLOOD),
        Quantity.OXYGEN_SATURATION: 100.0 * saturations(row(ARTERIAL_OXYGEN)),
        Quantity.ARTERIAL_OXYGEN_PRESSURE: row(ARTERIAL_OXYGEN),
        Quantity.MIXED_VENOUS_SATURATION: 100.0
        * np.clip(venous_bound / (HUEFNER_ML_PER_G * haemoglobin), 0.0, 1.0),
        Quantity.HAEMOGLOBIN: haemoglobin,
    }
    return np.stack([by_quantity[quantity] for quantity in QUANTITIES])
