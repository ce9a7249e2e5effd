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
    SUM_ATRIUM,
    UNSTRESSED_NOW,
    VEINS,
    VENOUS_RETURN,
    parameter_row,
)
from twin.core.regulation import sense
from twin.core.vessels import artery_pressure, vein_pressure, venous_return

if TYPE_CHECKING:
    from jaxtyping import Float

    Flat = Float[np.ndarray, " place"]

STEP_S: Final = 0.5
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

ATRIAL_PRESSURE: Final = SUM_ATRIUM
"""The right atrium's mean pressure (mmHg), which is a state here, takes the row of a sum over
beats."""
_ATRIAL_COMPLIANCE: Final = single(15.0)
"""Right atrium and filling ventricle together, mL/mmHg; only how fast they fill depends on it."""

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

    LEFT_FILLING: Final = (-0.8489, 1.2925, 0.0638, -0.1769, -0.0389)
    RIGHT_FILLING: Final = (0.2137, 1.4078, 0.3458, -0.228, -0.1482)
    LEFT_EMPTYING: Final = (0.0323, 1.021, 0.293, 5.2281, -0.4333, -0.7985)
    RIGHT_EMPTYING: Final = (-0.5591, 1.0796, 0.2629)
    DIASTOLIC: Final = (0.4241, -0.0729, 0.9946)
    SYSTOLIC: Final = (0.2635, -0.0175, 4.2169)
    LUNG_DIASTOLIC: Final = (0.9713, -0.8503, -0.1897)
    LUNG_SYSTOLIC: Final = (0.446, -0.0999, -0.0415)
    HEART_VOLUME: Final = (1.2409, -1.1964, 0.1978, 0.7571, 0.6727)
    ROOT: Final = (1.0514,)


_L0, _L1, _L2, _L3, _L4 = (single(value) for value in Matched.LEFT_FILLING)
_R0, _R1, _R2, _R3, _R4 = (single(value) for value in Matched.RIGHT_FILLING)
_E0, _E1, _E2, _E3, _E4, _E5 = (single(value) for value in Matched.LEFT_EMPTYING)
_G0, _G1, _G2 = (single(value) for value in Matched.RIGHT_EMPTYING)
_D0, _D1, _D2 = (single(value) for value in Matched.DIASTOLIC)
_S0, _S1, _S2 = (single(value) for value in Matched.SYSTOLIC)
_P0, _P1, _P2 = (single(value) for value in Matched.LUNG_DIASTOLIC)
_Q0, _Q1, _Q2 = (single(value) for value in Matched.LUNG_SYSTOLIC)
_H0, _H1, _H2, _H3, _H4 = (single(value) for value in Matched.HEART_VOLUME)
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
def artery_slope(w: Flat, i: int) -> float:
    """Return how steeply arterial pressure rises with volume at this filling, mmHg/mL."""
    slope: float = w[INVERSE_ARTERIAL_COMPLIANCE + i] * (
        _ONE + _TWO * w[ARTERIES + i] * w[INVERSE_ARTERIAL_STIFFENING + i]
    )
    return slope


@inlined
def mean_pressure(w: Flat, i: int) -> float:
    """Return the mean pressure in the aortic root, mmHg."""
    arteries = artery_pressure(
        w[ARTERIES + i],
        w[INVERSE_ARTERIAL_COMPLIANCE + i],
        w[INVERSE_ARTERIAL_STIFFENING + i],
    )
    root: float = arteries + _ROOT * w[_IMPEDANCE + i] * w[FLOW_NOW + i]
    return root


@inlined
def veins_pressure(w: Flat, i: int) -> float:
    """Return the pressure in the systemic veins, mmHg."""
    return vein_pressure(
        w[VEINS + i] - w[UNSTRESSED_NOW + i],
        w[INVERSE_VENOUS_COMPLIANCE + i],
        w[COLLAPSE_SQUARED + i],
    )


@inlined
def right_heart(w: Flat, i: int, filling_mmhg: float, flow: float, period: float) -> float:
    """Fill the right ventricle for its filling pressure and return its stroke volume, mL."""
    pressure = (
        _R0
        + filling_mmhg * (_R1 + _R2 * period)
        + flow * w[_RIGHT_ATRIUM + i] * (_R3 + _R4 * period)
    )
    filled = filled_ml(
        w[RIGHT_VENTRICLE + i], pressure, w[_RIGHT_DIASTOLIC + i], w[RIGHT_STIFFENING + i]
    )
    w[RIGHT_VENTRICLE + i] = filled
    inverse = _ONE / w[RIGHT_ELASTANCE_NOW + i]
    stiffness = w[INVERSE_LUNG_ARTERY_COMPLIANCE + i]
    emptied = (_G0 + _G1 * w[LUNG_ARTERIES + i] * stiffness) * inverse
    stroke: float = max((filled - emptied) / (_ONE + _G2 * stiffness * inverse), _ZERO)
    return stroke


@inlined
def left_heart(w: Flat, i: int, filling_mmhg: float, flow: float, period: float) -> float:
    """Fill the left ventricle for its filling pressure and return its stroke volume, mL."""
    pressure = (
        _L0
        + filling_mmhg * (_L1 + _L2 * period)
        + flow * w[_LEFT_ATRIUM + i] * (_L3 + _L4 * period)
    )
    filled = filled_ml(
        w[LEFT_VENTRICLE + i], pressure, w[_LEFT_DIASTOLIC + i], w[LEFT_STIFFENING + i]
    )
    w[LEFT_VENTRICLE + i] = filled
    inverse = _ONE / w[LEFT_ELASTANCE_NOW + i]
    slope = artery_slope(w, i)
    load = mean_pressure(w, i) - w[_THORAX + i]
    emptied = (_E0 + _E1 * load + _E3 * period) * inverse + _E4 / slope + _E5
    stroke: float = max((filled - emptied) / (_ONE + _E2 * slope * inverse), _ZERO)
    return stroke


@inlined
def beat(w: Flat, i: int) -> None:
    """Advance heart and vessels of one member by one step.

    Rows ``LEFT_VENTRICLE`` and ``RIGHT_VENTRICLE`` hold end-diastolic volumes above the unstressed
    ones, ``FLOW_NOW`` the left and ``RIGHT_FLOW`` the right output (mL/s). Outputs follow the
    stroke with a lag, which keeps the algebra of filling and emptying stable at this step.
    """
    period = _MINUTE_S / w[RATE_NOW + i]
    veins = veins_pressure(w, i)
    right = w[RIGHT_FLOW + i]
    atrium = w[ATRIAL_PRESSURE + i]
    filling = atrium - w[_THORAX + i]
    lung_veins = w[LUNG_VEINS + i] * w[INVERSE_LUNG_VEIN_COMPLIANCE + i]
    mean = mean_pressure(w, i)
    stroke_right = right_heart(w, i, filling, right, period)
    stroke_left = left_heart(w, i, lung_veins, w[FLOW_NOW + i], period)
    right += _FOLLOW * (stroke_right / period - right)
    returning = venous_return(veins, atrium, w[VENOUS_RETURN + i])
    w[ATRIAL_PRESSURE + i] += (
        _H * (returning - right) / (_ATRIAL_COMPLIANCE + _H * w[VENOUS_RETURN + i])
    )
    w[RIGHT_FLOW + i] = right
    w[FLOW_NOW + i] += _FOLLOW * (stroke_left / period - w[FLOW_NOW + i])
    move_blood(w, i, veins)
    heart = (
        _H0 * (w[LEFT_VENTRICLE + i] + w[RIGHT_VENTRICLE + i])
        + stroke_left * (_H1 + _H2 * period)
        + _H3 * lung_veins / w[_LEFT_ATRIUM + i]
        + _H4 * filling / w[_RIGHT_ATRIUM + i]
    )
    w[VEINS + i] = (
        w[BLOOD + i]
        - w[_ELSEWHERE + i]
        - w[ARTERIES + i]
        - w[LUNG_ARTERIES + i]
        - w[LUNG_VEINS + i]
        - heart
    )
    sense(w, i, mean, atrium, _H)


@inlined
def move_blood(w: Flat, i: int, veins_mmhg: float) -> None:
    """Let arteries and lung vessels fill and empty; implicit, as they are faster than the step.

    What is in neither of them nor in the heart is in the veins: blood is conserved by
    construction.
    """
    slope = artery_slope(w, i)
    arteries = mean_pressure(w, i) - _ROOT * w[_IMPEDANCE + i] * w[FLOW_NOW + i]
    through_body = (arteries - veins_mmhg) * w[CONDUCTANCE_NOW + i]
    filled = _H * (w[FLOW_NOW + i] - through_body) / (_ONE + _H * slope * w[CONDUCTANCE_NOW + i])
    w[ARTERIES + i] = max(w[ARTERIES + i] + filled, _LEAST_STRESSED_ML)
    stiff_arteries = w[INVERSE_LUNG_ARTERY_COMPLIANCE + i]
    stiff_veins = w[INVERSE_LUNG_VEIN_COMPLIANCE + i]
    into, out_of = _H * w[RIGHT_FLOW + i], _H * w[FLOW_NOW + i]
    drop = (w[LUNG_ARTERIES + i] + into) * stiff_arteries
    drop -= (w[LUNG_VEINS + i] - out_of) * stiff_veins
    across = _H * w[LUNG + i] * drop / (_ONE + _H * w[LUNG + i] * (stiff_arteries + stiff_veins))
    w[LUNG_ARTERIES + i] += into - across
    w[LUNG_VEINS + i] = max(w[LUNG_VEINS + i] + across - out_of, _LEAST_STRESSED_ML)


@inlined
def tell(w: Flat, i: int) -> None:
    """Write the rows of a whole beat as the pulsatile model would have latched them."""
    period = _MINUTE_S / w[RATE_NOW + i]
    flow = w[FLOW_NOW + i]
    stroke = flow * period
    impedance = w[_IMPEDANCE + i]
    mean = mean_pressure(w, i)
    slope = artery_slope(w, i)
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
    w[BEAT_VENOUS + i] = w[ATRIAL_PRESSURE + i]
    w[BEAT_FILLED + i] = w[LEFT_VENTRICLE + i] + w[_LEFT_UNSTRESSED + i]
    w[BEAT_EMPTIED + i] = w[BEAT_FILLED + i] - stroke
