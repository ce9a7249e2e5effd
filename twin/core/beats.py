"""From volumes and pressures to whole beats, and from beats to what a clinician reads.

May live here: where beats begin and end, their extremes and means, and the translation of kernel
rows into ``Quantity`` rows.
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
    oxygen_carried_ml_per_min,
    systemic_resistance_mmhg_s_per_ml,
)
from twin.core.layout import (
    ARTERIAL_CONTENT,
    ARTERIAL_OXYGEN,
    ATRIUM_RATE,
    ATRIUM_SHIFT,
    BEAT_DIASTOLIC,
    BEAT_EMPTIED,
    BEAT_FILLED,
    BEAT_LEAKED,
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
    BREATHING,
    CARBON_DIOXIDE,
    COUNT,
    FLOW_NOW,
    HAEMOGLOBIN_MASS,
    HIGH_AORTA,
    HIGH_LUNG,
    HIGH_VENTRICLE,
    LANES,
    LAST_AORTA,
    LAST_ATRIUM,
    LAST_LEAK,
    LAST_LUNG,
    LAST_WEDGE,
    LEFT_VENTRICLE,
    LOW_AORTA,
    LOW_LUNG,
    LOW_VENTRICLE,
    PERIOD,
    PULSE_NOW,
    RATE_NOW,
    READ_FROM,
    READ_ROWS,
    SEEN_AORTA,
    SUM_AORTA,
    SUM_ATRIUM,
    SUM_LEAK,
    SUM_LUNG,
    SUM_WEDGE,
    VENOUS_CONTENT,
    VENTRICLE_RATE,
)
from twin.errors import SimulationError

if TYPE_CHECKING:
    from jaxtyping import Float

    Flat = Float[np.ndarray, " place"]

_ZERO: Final = single(0.0)
_ONE: Final = single(1.0)
_MINUTE_S: Final = single(60.0)
LOWEST: Final = single(-1.0e3)
HIGHEST: Final = single(1.0e4)

TYPICAL_VENOUS_MMHG: Final = 40.0
"""Mixed venous oxygen pressure that dissolved oxygen is counted for; 10 mmHg err by 0.2 %."""


@inlined
def gather(w: Flat, i: int) -> None:
    """Add the last moment to the slow sums and extremes of the beat under way.

    Volumes stand still around their extremes and means need no more than forty moments a beat;
    aortic pressure, which does, is followed at every step.
    """
    w[COUNT + i] += _ONE
    w[SUM_ATRIUM + i] += w[LAST_ATRIUM + i]
    w[SUM_LUNG + i] += w[LAST_LUNG + i]
    w[SUM_WEDGE + i] += w[LAST_WEDGE + i]
    w[SUM_LEAK + i] += w[LAST_LEAK + i]
    w[HIGH_LUNG + i] = max(w[HIGH_LUNG + i], w[LAST_LUNG + i])
    w[LOW_LUNG + i] = min(w[LOW_LUNG + i], w[LAST_LUNG + i])
    w[HIGH_VENTRICLE + i] = max(w[HIGH_VENTRICLE + i], w[LEFT_VENTRICLE + i])
    w[LOW_VENTRICLE + i] = min(w[LOW_VENTRICLE + i], w[LEFT_VENTRICLE + i])


@inlined
def fold_beat(w: Flat, i: int, h: float) -> None:
    """Where a beat has ended: keep its extremes and means, and begin the next at the rate of now.

    ``h`` is the step in which aortic pressure is noted, s. ``ended`` is 0 or 1 and every row is
    blended by it, because a branch would differ between members and keep them from running side
    by side.
    """
    period = w[PERIOD + i]
    ended = _ONE if w[BEAT_TIME + i] >= period else _ZERO
    per_second = _ONE / period
    per_moment = _ONE / max(w[COUNT + i], _ONE)
    # The beat ended a little before this step: what lies after its end belongs to the next one.
    beyond = (w[BEAT_TIME + i] - period) / h * w[LAST_AORTA + i]
    mean = (w[SUM_AORTA + i] - beyond) * h * per_second
    rate = _MINUTE_S * per_second * w[PULSE_NOW + i]
    leaked = w[SUM_LEAK + i] * per_moment * period
    stroke = w[HIGH_VENTRICLE + i] - w[LOW_VENTRICLE + i] - leaked
    w[BEAT_RATE + i] += ended * (rate - w[BEAT_RATE + i])
    w[BEAT_SYSTOLIC + i] += ended * (w[HIGH_AORTA + i] - w[BEAT_SYSTOLIC + i])
    w[BEAT_DIASTOLIC + i] += ended * (w[LOW_AORTA + i] - w[BEAT_DIASTOLIC + i])
    w[BEAT_MEAN + i] += ended * (mean - w[BEAT_MEAN + i])
    w[BEAT_VENOUS + i] += ended * (w[SUM_ATRIUM + i] * per_moment - w[BEAT_VENOUS + i])
    w[BEAT_LUNG_SYSTOLIC + i] += ended * (w[HIGH_LUNG + i] - w[BEAT_LUNG_SYSTOLIC + i])
    w[BEAT_LUNG_DIASTOLIC + i] += ended * (w[LOW_LUNG + i] - w[BEAT_LUNG_DIASTOLIC + i])
    w[BEAT_LUNG_MEAN + i] += ended * (w[SUM_LUNG + i] * per_moment - w[BEAT_LUNG_MEAN + i])
    w[BEAT_WEDGE + i] += ended * (w[SUM_WEDGE + i] * per_moment - w[BEAT_WEDGE + i])
    w[BEAT_FILLED + i] += ended * (w[HIGH_VENTRICLE + i] - w[BEAT_FILLED + i])
    w[BEAT_EMPTIED + i] += ended * (w[LOW_VENTRICLE + i] - w[BEAT_EMPTIED + i])
    w[BEAT_LEAKED + i] += ended * (leaked - w[BEAT_LEAKED + i])
    flow = stroke * per_second * w[PULSE_NOW + i]
    w[FLOW_NOW + i] += ended * (flow - w[FLOW_NOW + i])
    w[SUM_AORTA + i] += ended * (beyond - w[SUM_AORTA + i])
    w[SEEN_AORTA + i] = w[SUM_AORTA + i]
    w[BEAT_TIME + i] -= ended * period
    _begin(w, i, ended)
    _forget(w, i, ended)


@inlined
def _begin(w: Flat, i: int, ended: float) -> None:
    period = _MINUTE_S / w[RATE_NOW + i]
    inverse_root = _ONE / math.sqrt(period)
    w[PERIOD + i] += ended * (period - w[PERIOD + i])
    w[VENTRICLE_RATE + i] += ended * (inverse_root / VENTRICLE_PEAK - w[VENTRICLE_RATE + i])
    w[ATRIUM_RATE + i] += ended * (inverse_root / ATRIUM_PEAK - w[ATRIUM_RATE + i])
    w[ATRIUM_SHIFT + i] += ended * (ATRIUM_LEAD * period * inverse_root - w[ATRIUM_SHIFT + i])


@inlined
def _forget(w: Flat, i: int, ended: float) -> None:
    goes_on = _ONE - ended
    w[COUNT + i] *= goes_on
    w[SUM_ATRIUM + i] *= goes_on
    w[SUM_LUNG + i] *= goes_on
    w[SUM_WEDGE + i] *= goes_on
    w[SUM_LEAK + i] *= goes_on
    w[HIGH_AORTA + i] += ended * (LOWEST - w[HIGH_AORTA + i])
    w[LOW_AORTA + i] += ended * (HIGHEST - w[LOW_AORTA + i])
    w[HIGH_LUNG + i] += ended * (LOWEST - w[HIGH_LUNG + i])
    w[LOW_LUNG + i] += ended * (HIGHEST - w[LOW_LUNG + i])
    w[HIGH_VENTRICLE + i] += ended * (LOWEST - w[HIGH_VENTRICLE + i])
    w[LOW_VENTRICLE + i] += ended * (HIGHEST - w[LOW_VENTRICLE + i])


@inlined
def copy_readings(w: Flat, sample: Flat) -> None:
    """Copy the slow stores and the last whole beat of a block."""
    for place in range(READ_ROWS * LANES):
        sample[place] = w[READ_FROM + place]


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

    emptied = row(BEAT_FILLED) - row(BEAT_EMPTIED)
    stroke = emptied - row(BEAT_LEAKED)
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
        Quantity.EJECTION_FRACTION: ejection_fraction_percent(emptied, row(BEAT_FILLED)),
        Quantity.SYSTEMIC_RESISTANCE: systemic_resistance_mmhg_s_per_ml(
            row(BEAT_MEAN), row(BEAT_VENOUS), output
        ),
        Quantity.BLOOD_VOLUME: row(BLOOD),
        Quantity.OXYGEN_SATURATION: 100.0 * saturations(row(ARTERIAL_OXYGEN)),
        Quantity.ARTERIAL_OXYGEN_PRESSURE: row(ARTERIAL_OXYGEN),
        Quantity.MIXED_VENOUS_SATURATION: 100.0
        * np.clip(venous_bound / (HUEFNER_ML_PER_G * haemoglobin), 0.0, 1.0),
        Quantity.HAEMOGLOBIN: haemoglobin,
        Quantity.OXYGEN_DELIVERY: oxygen_carried_ml_per_min(output, row(ARTERIAL_CONTENT)),
        Quantity.OXYGEN_CONSUMPTION: oxygen_carried_ml_per_min(
            output, row(ARTERIAL_CONTENT) - row(VENOUS_CONTENT)
        ),
        Quantity.ARTERIAL_CARBON_DIOXIDE_PRESSURE: row(CARBON_DIOXIDE),
        Quantity.MINUTE_VENTILATION: row(BREATHING),
    }
    return np.stack([by_quantity[quantity] for quantity in QUANTITIES])
