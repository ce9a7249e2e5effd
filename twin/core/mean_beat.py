"""The algebraic heart of the beat-averaged model, and the vessels between its two sides.

May live here: one step of the beat-averaged circulation, and the pressures of a beat read from its
means. The ``Matched`` coefficients make this heart beat like the pulsatile one; they come from
``twin.validation.calibration``, which regresses them on a sweep of the pulsatile model.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.compiled import inlined, single
from twin.core.layout import (
    ARTERIES,
    BEAT_DIASTOLIC,
    BEAT_EMPTIED,
    BEAT_FILLED,
    BEAT_LUNG_DIASTOLIC,
    BEAT_LUNG_MEAN,
    BEAT_LUNG_SYSTOLIC,
    BEAT_MEAN,
    BEAT_RATE,
    BEAT_SYSTOLIC,
    BEAT_VENOUS,
    BEAT_WEDGE,
    BLOOD,
    COLLAPSE_SQUARED,
    CONDUCTANCE_NOW,
    FLOW_NOW,
    INVERSE_ARTERIAL_COMPLIANCE,
    INVERSE_ARTERIAL_STIFFENING,
    INVERSE_LUNG_ARTERY_COMPLIANCE,
    INVERSE_LUNG_VEIN_COMPLIANCE,
    INVERSE_VENOUS_COMPLIANCE,
    LEFT_ELASTANCE_NOW,
    LEFT_STIFFENING,
    LEFT_VENTRICLE,
    LUNG,
    LUNG_ARTERIES,
    LUNG_VEINS,
    RATE_NOW,
    RIGHT_ATRIUM,
    RIGHT_ELASTANCE_NOW,
    RIGHT_STIFFENING,
    RIGHT_VENTRICLE,
    UNSTRESSED_NOW,
    VEINS,
    VENOUS_RETURN,
    parameter_row,
)
from twin.core.regulation import sense
from twin.core.vessels import artery_pressure, vein_pressure

if TYPE_CHECKING:
    from jaxtyping import Float

    Flat = Float[np.ndarray, " place"]

STEP_S: Final = 0.25
RIGHT_FLOW: Final = RIGHT_ATRIUM
"""The right heart's output (mL/s) takes the row of a volume that this model does not have."""

_H: Final = single(STEP_S)
_HALF: Final = single(0.5)
_ONE: Final = single(1.0)
_TWO: Final = single(2.0)
_FIVE: Final = single(5.0)
_ZERO: Final = single(0.0)
_MINUTE_S: Final = single(60.0)
_FOLLOW: Final = single(STEP_S / (STEP_S + 0.5))
_LEAST_STRESSED_ML: Final = single(1.0)

_LEFT_DIASTOLIC: Final = parameter_row("left_ventricle_diastolic_elastance")
_RIGHT_DIASTOLIC: Final = parameter_row("right_ventricle_diastolic_elastance")
_LEFT_UNSTRESSED: Final = parameter_row("left_ventricle_unstressed_volume")
_RIGHT_UNSTRESSED: Final = parameter_row("right_ventricle_unstressed_volume")
_LEFT_ATRIUM: Final = parameter_row("left_atrium_diastolic_elastance")
_RIGHT_ATRIUM: Final = parameter_row("right_atrium_diastolic_elastance")
_THORAX: Final = parameter_row("intrathoracic_pressure")
_ELSEWHERE: Final = parameter_row("unstressed_volume_elsewhere")
_IMPEDANCE: Final = parameter_row("aortic_impedance")


class Matched:
    """Coefficients that make the algebraic heart beat like the pulsatile one.

    Regressed by ``twin.validation.calibration`` on the pulsatile model over the personalisation
    prior; pressures mmHg, volumes mL, times s.
    """

    LEFT_FILLING: Final = (-1.1477, 1.1092, 0.1469, 0.0118, -0.1937)
    RIGHT_FILLING: Final = (-0.9715, 1.1203, 0.413, 0.0108, -0.2249)
    LEFT_EMPTYING: Final = (-1.3173, 1.0362, 0.3212, 8.8786, -1.342, -1.1845)
    RIGHT_EMPTYING: Final = (-0.8417, 1.096, 0.3024)
    DIASTOLIC: Final = (0.4073, -0.0544, 0.8959)
    SYSTOLIC: Final = (0.3257, 0.0217, 2.3131)
    LUNG_DIASTOLIC: Final = (1.1656, -1.0759, -0.2565)
    LUNG_SYSTOLIC: Final = (0.7801, -0.4066, -0.2153)
    HEART_VOLUME: Final = (29.66, 1.0088, -1.2175, 0.2971, 4.9651, 8.4332)
    ROOT: Final = (1.22,)


_L0, _L1, _L2, _L3, _L4 = (single(value) for value in Matched.LEFT_FILLING)
_R0, _R1, _R2, _R3, _R4 = (single(value) for value in Matched.RIGHT_FILLING)
_E0, _E1, _E2, _E3, _E4, _E5 = (single(value) for value in Matched.LEFT_EMPTYING)
_G0, _G1, _G2 = (single(value) for value in Matched.RIGHT_EMPTYING)
_D0, _D1, _D2 = (single(value) for value in Matched.DIASTOLIC)
_S0, _S1, _S2 = (single(value) for value in Matched.SYSTOLIC)
_P0, _P1, _P2 = (single(value) for value in Matched.LUNG_DIASTOLIC)
_Q0, _Q1, _Q2 = (single(value) for value in Matched.LUNG_SYSTOLIC)
_H0, _H1, _H2, _H3, _H4, _H5 = (single(value) for value in Matched.HEART_VOLUME)
_ROOT: Final = single(Matched.ROOT[0])


@inlined
def filled_ml(
    stressed_ml: float, pressure_mmhg: float, diastolic_elastance: float, stiffening: float
) -> float:
    """Return one Newton step towards the volume whose passive pressure is ``pressure_mmhg``.

    The relation is convex and the volume moves slowly, so that one step a time step suffices.
    """
    square = stressed_ml * stressed_ml * stiffening
    fourth = square * square
    passive = diastolic_elastance * stressed_ml * (_ONE + fourth)
    slope = diastolic_elastance * (_ONE + _FIVE * fourth)
    return max(stressed_ml + (pressure_mmhg - passive) / slope, _LEAST_STRESSED_ML)


@inlined
def beat(w: Flat, i: int) -> None:
    """Advance heart and vessels of one member by one step.

    Rows ``LEFT_VENTRICLE`` and ``RIGHT_VENTRICLE`` hold end-diastolic volumes above the unstressed
    ones, ``FLOW_NOW`` the left and ``RIGHT_FLOW`` the right output (mL/s). What is not in
    arteries, lungs and heart is in the veins: blood is conserved by construction.
    """
    period = _MINUTE_S / w[RATE_NOW + i]
    left, right = w[FLOW_NOW + i], w[RIGHT_FLOW + i]
    # Vessels.
    stressed = w[ARTERIES + i]
    inverse_compliance = w[INVERSE_ARTERIAL_COMPLIANCE + i]
    stiffening = w[INVERSE_ARTERIAL_STIFFENING + i]
    arteries = artery_pressure(stressed, inverse_compliance, stiffening)
    slope = inverse_compliance * (_ONE + _TWO * stressed * stiffening)
    veins = vein_pressure(
        w[VEINS + i] - w[UNSTRESSED_NOW + i],
        w[INVERSE_VENOUS_COMPLIANCE + i],
        w[COLLAPSE_SQUARED + i],
    )
    lung_arteries = w[LUNG_ARTERIES + i] * w[INVERSE_LUNG_ARTERY_COMPLIANCE + i]
    lung_veins = w[LUNG_VEINS + i] * w[INVERSE_LUNG_VEIN_COMPLIANCE + i]
    thorax = w[_THORAX + i]
    atrium = veins - right / w[VENOUS_RETURN + i]
    filling = atrium - thorax
    mean = arteries + _ROOT * w[_IMPEDANCE + i] * left
    # Right heart.
    stroke_right = right * period
    pressure = (
        _R0
        + _R1 * filling
        + _R2 * filling * period
        + _R3 * right
        + _R4 * stroke_right * w[_RIGHT_ATRIUM + i]
    )
    filled_right = filled_ml(
        w[RIGHT_VENTRICLE + i], pressure, w[_RIGHT_DIASTOLIC + i], w[RIGHT_STIFFENING + i]
    )
    lung_stroke = w[INVERSE_LUNG_ARTERY_COMPLIANCE + i]
    elastance = w[RIGHT_ELASTANCE_NOW + i]
    stroke_right = max(
        (filled_right - (_G0 + _G1 * lung_arteries) / elastance)
        / (_ONE + _G2 * lung_stroke / elastance),
        _ZERO,
    )
    right += _FOLLOW * (stroke_right / period - right)
    # Left heart.
    stroke_left = left * period
    pressure = (
        _L0
        + _L1 * lung_veins
        + _L2 * lung_veins * period
        + _L3 * left
        + _L4 * stroke_left * w[_LEFT_ATRIUM + i]
    )
    filled_left = filled_ml(
        w[LEFT_VENTRICLE + i], pressure, w[_LEFT_DIASTOLIC + i], w[LEFT_STIFFENING + i]
    )
    elastance = w[LEFT_ELASTANCE_NOW + i]
    emptied = (_E0 + _E1 * (mean - thorax) + _E3 * period) / elastance + _E4 / slope + _E5
    stroke_left = max((filled_left - emptied) / (_ONE + _E2 * slope / elastance), _ZERO)
    left += _FOLLOW * (stroke_left / period - left)
    # Blood.
    through_body = (arteries - veins) * w[CONDUCTANCE_NOW + i]
    through_lungs = (lung_arteries - lung_veins) * w[LUNG + i]
    w[ARTERIES + i] = max(
        stressed + _H * (left - through_body) / (_ONE + _H * slope * w[CONDUCTANCE_NOW + i]),
        _LEAST_STRESSED_ML,
    )
    w[LUNG_ARTERIES + i] += _H * (right - through_lungs) / (_ONE + _H * lung_stroke * w[LUNG + i])
    w[LUNG_VEINS + i] = max(w[LUNG_VEINS + i] + _H * (through_lungs - left), _LEAST_STRESSED_ML)
    heart = (
        _H0
        + _H1 * (filled_left + filled_right)
        + stroke_left * (_H2 + _H3 * period)
        + _H4 * lung_veins
        + _H5 * filling
    )
    w[VEINS + i] = (
        w[BLOOD + i]
        - w[_ELSEWHERE + i]
        - w[ARTERIES + i]
        - w[LUNG_ARTERIES + i]
        - w[LUNG_VEINS + i]
        - heart
    )
    w[LEFT_VENTRICLE + i], w[RIGHT_VENTRICLE + i] = filled_left, filled_right
    w[FLOW_NOW + i], w[RIGHT_FLOW + i] = left, right
    sense(w, i, mean, atrium, _H)


@inlined
def tell(w: Flat, i: int) -> None:
    """Write the rows of a whole beat as the pulsatile model would have latched them."""
    period = _MINUTE_S / w[RATE_NOW + i]
    flow = w[FLOW_NOW + i]
    stroke = flow * period
    stressed = w[ARTERIES + i]
    inverse_compliance = w[INVERSE_ARTERIAL_COMPLIANCE + i]
    stiffening = w[INVERSE_ARTERIAL_STIFFENING + i]
    impedance = w[_IMPEDANCE + i]
    mean = artery_pressure(stressed, inverse_compliance, stiffening) + _ROOT * impedance * flow
    slope = inverse_compliance * (_ONE + _TWO * stressed * stiffening)
    swing = stroke * slope
    runoff = swing * period * w[CONDUCTANCE_NOW + i] * slope
    surge = impedance * stroke / math.sqrt(period)
    w[BEAT_RATE + i] = w[RATE_NOW + i]
    w[BEAT_MEAN + i] = mean
    w[BEAT_SYSTOLIC + i] = mean + _S0 * swing + _S1 * runoff + _S2 * surge
    w[BEAT_DIASTOLIC + i] = mean - _D0 * swing - _D1 * runoff - _D2 * surge
    lung_compliance = w[INVERSE_LUNG_ARTERY_COMPLIANCE + i]
    thorax = w[_THORAX + i]
    lung = thorax + w[LUNG_ARTERIES + i] * lung_compliance
    lung_swing = stroke * lung_compliance
    damped = lung_swing / (_ONE + _ONE / (w[LUNG + i] * lung_compliance * period))
    drop = flow / w[LUNG + i]
    w[BEAT_LUNG_MEAN + i] = lung
    w[BEAT_LUNG_SYSTOLIC + i] = lung + _Q0 * lung_swing + _Q1 * damped + _Q2 * drop
    w[BEAT_LUNG_DIASTOLIC + i] = lung - _P0 * lung_swing - _P1 * damped - _P2 * drop
    w[BEAT_WEDGE + i] = thorax + w[LUNG_VEINS + i] * w[INVERSE_LUNG_VEIN_COMPLIANCE + i]
    veins = vein_pressure(
        w[VEINS + i] - w[UNSTRESSED_NOW + i],
        w[INVERSE_VENOUS_COMPLIANCE + i],
        w[COLLAPSE_SQUARED + i],
    )
    w[BEAT_VENOUS + i] = veins - w[RIGHT_FLOW + i] / w[VENOUS_RETURN + i]
    w[BEAT_FILLED + i] = w[LEFT_VENTRICLE + i] + w[_LEFT_UNSTRESSED + i]
    w[BEAT_EMPTIED + i] = w[BEAT_FILLED + i] - stroke
