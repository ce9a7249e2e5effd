"""The algebraic heart of the beat-averaged model, and the vessels between its two sides.

May live here: one step of the beat-averaged circulation, and the pressures of a beat read from its
means. The ``Matched`` coefficients make this heart beat like the pulsatile one; they come from
``twin.validation.calibration``, which regresses them on a sweep of the pulsatile model.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.chambers import OVERFILLED
from twin.core.compiled import inlined, single
from twin.core.layout import (
    ARTERIES,
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
    BEAT_VENOUS,
    BEAT_WEDGE,
    BLOOD,
    COLLAPSE_SQUARED,
    COMPRESSION_NOW,
    CONDUCTANCE_NOW,
    FLOW_NOW,
    INVERSE_ARTERIAL_COMPLIANCE,
    INVERSE_ARTERIAL_STIFFENING,
    INVERSE_LEFT_ATRIUM,
    INVERSE_LUNG_ARTERY_COMPLIANCE,
    INVERSE_LUNG_VEIN_COMPLIANCE,
    INVERSE_PERICARDIAL_WIDTH,
    INVERSE_RIGHT_ATRIUM,
    INVERSE_VENOUS_COMPLIANCE,
    LEFT_ELASTANCE_NOW,
    LEFT_STIFFENING,
    LEFT_VENTRICLE,
    LUNG_ARTERIES,
    LUNG_NOW,
    LUNG_VEINS,
    MUSCLE_NOW,
    PERICARDIAL_EXCESS,
    PERICARDIUM,
    PULSE_NOW,
    RATE_NOW,
    RIGHT_ATRIUM,
    RIGHT_ELASTANCE_NOW,
    RIGHT_STIFFENING,
    RIGHT_VENTRICLE,
    SUM_ATRIUM,
    THORAX_NOW,
    UNSTRESSED_NOW,
    VEINS,
    VENOUS_RETURN,
    control_row,
    parameter_row,
)
from twin.core.pericardium import TORN, stretched_pressure
from twin.core.regulation import sense
from twin.core.vessels import artery_pressure, flow_through_body, vein_pressure, venous_return

if TYPE_CHECKING:
    from jaxtyping import Float

    Flat = Float[np.ndarray, " place"]

RIGHT_FLOW: Final = RIGHT_ATRIUM
"""The right heart's output (mL/s) takes the row of a volume that this model does not have."""

_HALF: Final = single(0.5)
_ONE: Final = single(1.0)
_TWO: Final = single(2.0)
_PER_MINUTE: Final = single(1.0 / 60.0)
_LEAST_STRENGTH: Final = single(1e-3)
"""Keeps the division of a heart that stands still; mmHg/mL."""
_YIELD: Final = single(0.5)
"""Share of a Newton step that the pericardium's pressure takes, lest it swing with the heart."""
_THREE: Final = single(3.0)
_FIVE: Final = single(5.0)
_ZERO: Final = single(0.0)
_MINUTE_S: Final = single(60.0)
_LEAST_STRESSED_ML: Final = single(1.0)
_MOST_FILLED_ML: Final = single(50.0)
"""A ventricle's end-diastolic volume rises by no more in a step: far from the answer Newton's step
along the flat part of the relation overshoots."""

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
_KICK_LOSS: Final = control_row("atrial_kick_loss")
_CLOSING: Final = parameter_row("critical_closing_pressure")
_ELSEWHERE: Final = parameter_row("unstressed_volume_elsewhere")
_IMPEDANCE: Final = parameter_row("aortic_impedance")
_REGURGITATION: Final = parameter_row("mitral_regurgitation")


class Matched:
    """Coefficients that make the algebraic heart beat like the pulsatile one.

    Regressed by ``twin.validation.calibration`` on the pulsatile model over the personalisation
    prior; pressures mmHg, volumes mL, times s.
    """

    LEFT_FILLING: Final = (-0.1789, 1.0733, -0.1068, -0.1072, 0.0357, -0.0119, -0.0175)
    RIGHT_FILLING: Final = (
        0.1865,
        1.2053,
        -0.3165,
        -0.3847,
        0.2554,
        0.0338,
        -0.2324,
        0.0227,
        0.0753,
    )
    LEFT_EMPTYING: Final = (1.735, 1.0073, 0.3602, 5.0597, -0.2714, -1.6036)
    RIGHT_EMPTYING: Final = (0.3266, 1.3056)
    DIASTOLIC: Final = (0.4303, -0.0806, 0.959)
    SYSTOLIC: Final = (0.23, -0.0528, 5.1798)
    LUNG_DIASTOLIC: Final = (0.9387, -0.8454, -0.1591)
    LUNG_SYSTOLIC: Final = (0.5076, -0.2127, -0.0459)
    HEART_VOLUME: Final = (
        1.069,
        -1.2822,
        0.4568,
        0.9229,
        0.8566,
        23.4658,
        -0.0415,
        0.0951,
        0.1834,
    )
    ROOT: Final = (1.0404,)
    LEAK: Final = (0.1329, 0.1661)


_L0, _L1, _L2, _L3, _L4, _L5, _L6 = (single(value) for value in Matched.LEFT_FILLING)
_R0, _R1, _R2, _R3, _R4, _R5, _R6, _R7, _R8 = (single(value) for value in Matched.RIGHT_FILLING)
_E0, _E1, _E2, _E3, _E4, _E5 = (single(value) for value in Matched.LEFT_EMPTYING)
_G0, _G1 = (single(value) for value in Matched.RIGHT_EMPTYING)
_D0, _D1, _D2 = (single(value) for value in Matched.DIASTOLIC)
_S0, _S1, _S2 = (single(value) for value in Matched.SYSTOLIC)
_P0, _P1, _P2 = (single(value) for value in Matched.LUNG_DIASTOLIC)
_Q0, _Q1, _Q2 = (single(value) for value in Matched.LUNG_SYSTOLIC)
_H0, _H1, _H2, _H3, _H4, _H5, _H6, _H7, _H8 = (single(value) for value in Matched.HEART_VOLUME)
_ROOT: Final = single(Matched.ROOT[0])
_K0, _K1 = (single(value) for value in Matched.LEAK)


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
def end_diastolic_targets(
    w: Flat, i: int, right_filling: float, left_filling: float, period: float, steepness: float
) -> tuple[float, float]:
    """Return the passive pressures that right and left ventricle fill to, mmHg.

    ``steepness`` is that of the right ventricle's passive relation (mmHg/mL).
    Filling pressures are against what surrounds the heart. Without its atrium's kick a ventricle
    fills less, the more so the faster it beats.
    """
    loss = w[_KICK_LOSS + i]
    right = (
        _R0
        + right_filling * (_R1 + _R2 * period)
        + w[RIGHT_FLOW + i] * w[_RIGHT_ATRIUM + i] * (_R3 + _R4 * period)
        + loss * (_R5 + _R6 * right_filling)
        + _R7 * right_filling * w[INVERSE_RIGHT_ATRIUM + i]
        + _R8 * steepness * w[RIGHT_FLOW + i] * period
    )
    left = (
        _L0
        + left_filling * (_L1 + _L2 * period)
        + w[FLOW_NOW + i] * w[_LEFT_ATRIUM + i] * (_L3 + _L4 * period)
        + loss * (_L5 + _L6 * left_filling)
    )
    return right, left


@inlined
def passive_and_slope(
    stressed_ml: float, diastolic_elastance: float, stiffening: float
) -> tuple[float, float]:
    """Return a ventricle's passive pressure and how steeply it rises, mmHg and mmHg/mL."""
    square = min(stressed_ml * stressed_ml * stiffening, OVERFILLED)
    fourth = square * square
    return (
        diastolic_elastance * stressed_ml * (_ONE + fourth),
        diastolic_elastance * (_ONE + _FIVE * fourth),
    )


@inlined
def fill(
    w: Flat, i: int, right_filling: float, left_filling: float, period: float
) -> tuple[float, float, float, float, float, float]:
    """Take one Newton step towards the volumes whose passive pressures are the targets.

    The relation is convex and volumes move slowly, so that one step a time step suffices. Returns
    the slopes of both passive relations, their inverses, and the targets, each right first; all
    share a division.
    """
    right, right_slope = passive_and_slope(
        w[RIGHT_VENTRICLE + i], w[_RIGHT_DIASTOLIC + i], w[RIGHT_STIFFENING + i]
    )
    left, left_slope = passive_and_slope(
        w[LEFT_VENTRICLE + i], w[_LEFT_DIASTOLIC + i], w[LEFT_STIFFENING + i]
    )
    inverse = _ONE / (right_slope * left_slope)
    right_compliance, left_compliance = inverse * left_slope, inverse * right_slope
    right_target, left_target = end_diastolic_targets(
        w, i, right_filling, left_filling, period, right_slope
    )
    more_right = min((right_target - right) * right_compliance, _MOST_FILLED_ML)
    more_left = min((left_target - left) * left_compliance, _MOST_FILLED_ML)
    w[RIGHT_VENTRICLE + i] = max(w[RIGHT_VENTRICLE + i] + more_right, _LEAST_STRESSED_ML)
    w[LEFT_VENTRICLE + i] = max(w[LEFT_VENTRICLE + i] + more_left, _LEAST_STRESSED_ML)
    return right_slope, left_slope, right_compliance, left_compliance, right_target, left_target


@inlined
def strokes(
    w: Flat, i: int, right_load: float, left_load: float, slope: float, period: float
) -> tuple[float, float]:
    """Return both stroke volumes (mL) of filled ventricles against their loads.

    ``(V - V_es) / (1 + c dP/dV / E)`` with both multiplied by elastance, which may be 0, and one
    division for all.
    """
    right_strength, left_strength = w[RIGHT_ELASTANCE_NOW + i], w[LEFT_ELASTANCE_NOW + i]
    right_divisor = right_strength + _LEAST_STRENGTH
    left_divisor = left_strength + _E2 * slope
    inverse = _ONE / (right_divisor * left_divisor * slope)
    right = w[RIGHT_VENTRICLE + i] * right_strength - (_G0 + _G1 * right_load)
    compliance = inverse * right_divisor * left_divisor
    left = (w[LEFT_VENTRICLE + i] - _E4 * compliance - _E5) * left_strength
    left -= _E0 + _E1 * left_load + _E3 * period
    return (
        max(right * (inverse * left_divisor * slope), _ZERO),
        max(left * (inverse * right_divisor * slope), _ZERO),
    )


@inlined
def leaked_ml(w: Flat, i: int, stroke: float, difference: float, period: float) -> float:
    """Return what flows back through the mitral valve in a beat of this total stroke, mL.

    ``difference`` is that of mean arterial and left atrial pressure, mmHg. The rest goes forward.
    """
    held = max(w[LEFT_VENTRICLE + i] - _HALF * stroke, _ZERO) * w[_REGURGITATION + i]
    leaked: float = min(held * max(difference, _ZERO) * (_K0 + _K1 * period), stroke)
    return leaked


@inlined
def squeezed_ml(
    compression_mmhg: float, passive_mmhg: float, load_mmhg: float, stiffness: float
) -> float:
    """Return what a compression of the chest ejects from a heart that stands still, mL."""
    return max(compression_mmhg + passive_mmhg - load_mmhg, _ZERO) / stiffness


@inlined
def followed(flow: float, called: float, arriving: float, emptying: float, follow: float) -> float:
    """Return the left output a step later, mL/s, on its way to the one called for.

    Lung veins lose pressure as the ventricle takes their blood. An empty, soft ventricle takes
    more in a step than they can spare, then less, and so on; so the output answers to the
    pressure that the step will leave. ``emptying`` is how much more is called for, mL/s, for each
    mL/s that arrives from the right heart and stays in those veins.
    """
    more = follow * emptying
    ahead = (_ONE - follow) * flow + follow * called + more * arriving
    return ahead / (_ONE + more)


@inlined
def beat(w: Flat, i: int, h: float, follow: float, sensed_s: float) -> None:
    """Advance heart and vessels of one member by ``h`` seconds.

    ``follow`` is the share of their way to the strokes that outputs go in a step, ``sensed_s`` how
    far the receptors get in it.

    Rows ``LEFT_VENTRICLE`` and ``RIGHT_VENTRICLE`` hold end-diastolic volumes above the unstressed
    ones, ``FLOW_NOW`` the left and ``RIGHT_FLOW`` the right output (mL/s). Outputs follow the
    stroke with a lag, which keeps the algebra of filling and emptying stable at this step.
    """
    per_second = w[RATE_NOW + i] * _PER_MINUTE
    period = _ONE / per_second
    atrium, squeezed = w[ATRIAL_PRESSURE + i], w[PERICARDIUM + i]
    around = w[THORAX_NOW + i] + squeezed
    right_filling = atrium - around
    left_filling = w[LUNG_VEINS + i] * w[INVERSE_LUNG_VEIN_COMPLIANCE + i] - squeezed
    mean, slope = mean_pressure(w, i), artery_slope(w, i)
    right_load = w[LUNG_ARTERIES + i] * w[INVERSE_LUNG_ARTERY_COMPLIANCE + i] - squeezed
    right_slope, left_slope, right_compliance, left_compliance, right_target, left_target = fill(
        w, i, right_filling, left_filling, period
    )
    right, left = strokes(w, i, right_load, mean - around, slope, period)
    pressed = w[COMPRESSION_NOW + i]
    standing = _ONE - w[MUSCLE_NOW + i]
    stiffness = slope + left_slope
    right += standing * squeezed_ml(pressed, right_target, right_load, stiffness + right_slope)
    left += standing * squeezed_ml(pressed, left_target, mean - around, stiffness)
    leaked = leaked_ml(w, i, left, mean - around - left_filling, period)
    w[BEAT_LEAKED + i] = leaked
    veins = veins_pressure(w, i)
    returning = venous_return(veins, atrium, w[VENOUS_RETURN + i])
    w[RIGHT_FLOW + i] += follow * (right * per_second - w[RIGHT_FLOW + i])
    emptying = h * w[INVERSE_LUNG_VEIN_COMPLIANCE + i] * left_compliance * per_second
    w[FLOW_NOW + i] = followed(
        w[FLOW_NOW + i], (left - leaked) * per_second, w[RIGHT_FLOW + i], emptying, follow
    )
    move_blood(w, i, veins, slope, returning, h)
    loss = w[_KICK_LOSS + i]
    heart = (
        _H0 * (w[LEFT_VENTRICLE + i] + w[RIGHT_VENTRICLE + i])
        + left * (_H1 + _H2 * period)
        + max(left_filling, _ZERO) * w[INVERSE_LEFT_ATRIUM + i] * (_H3 + _H7 * loss)
        + max(right_filling, _ZERO) * w[INVERSE_RIGHT_ATRIUM + i] * (_H4 + _H8 * loss)
        + (_H5 + _H6 * loss)
    )
    hold(w, i, heart, _H0 * (right_compliance + left_compliance))
    sense(w, i, mean, right_filling + w[_THORAX + i], sensed_s)


@inlined
def hold(w: Flat, i: int, heart_ml: float, ventricles_yield: float) -> None:
    """Find the pressure of the pericardium around so full a heart, and what the veins are left.

    The pericardium takes part of a Newton step, because the heart yields to it. What is in
    arteries, lungs and heart is not in the veins: blood is conserved by construction.
    """
    inverse_width = w[INVERSE_PERICARDIAL_WIDTH + i]
    stretched = max(heart_ml + w[PERICARDIAL_EXCESS + i], _ZERO) * inverse_width
    steepness = _THREE * min(stretched * stretched, TORN) * inverse_width
    yielding = (
        ventricles_yield + _H3 * w[INVERSE_LEFT_ATRIUM + i] + _H4 * w[INVERSE_RIGHT_ATRIUM + i]
    )
    apart = stretched_pressure(stretched) - w[PERICARDIUM + i]
    w[PERICARDIUM + i] += _YIELD * apart / (_ONE + steepness * yielding)
    w[VEINS + i] = (w[BLOOD + i] - w[_ELSEWHERE + i] - w[ARTERIES + i]) - (
        w[LUNG_ARTERIES + i] + w[LUNG_VEINS + i] + heart_ml
    )


@inlined
def move_blood(
    w: Flat, i: int, veins_mmhg: float, slope: float, returning: float, h: float
) -> None:
    """Let atrium, arteries and lungs fill and empty; implicit, as they are faster than the step.

    The three divisors share one division.
    """
    conductance, lung = w[CONDUCTANCE_NOW + i], w[LUNG_NOW + i]
    stiff_arteries = w[INVERSE_LUNG_ARTERY_COMPLIANCE + i]
    stiff_veins = w[INVERSE_LUNG_VEIN_COMPLIANCE + i]
    for_atrium = _ATRIAL_COMPLIANCE + h * w[VENOUS_RETURN + i]
    for_body = _ONE + h * slope * conductance
    for_lungs = _ONE + h * lung * (stiff_arteries + stiff_veins)
    inverse = h / (for_atrium * for_body * for_lungs)
    w[ATRIAL_PRESSURE + i] += (returning - w[RIGHT_FLOW + i]) * (inverse * for_body * for_lungs)
    arteries = mean_pressure(w, i) - _ROOT * w[_IMPEDANCE + i] * w[FLOW_NOW + i]
    through_body = flow_through_body(arteries, veins_mmhg, w[_CLOSING + i], conductance)
    filled = (w[FLOW_NOW + i] - through_body) * (inverse * for_atrium * for_lungs)
    w[ARTERIES + i] = max(w[ARTERIES + i] + filled, _LEAST_STRESSED_ML)
    into, out_of = h * w[RIGHT_FLOW + i], h * w[FLOW_NOW + i]
    drop = (w[LUNG_ARTERIES + i] + into) * stiff_arteries
    drop -= (w[LUNG_VEINS + i] - out_of) * stiff_veins
    across = lung * drop * (inverse * for_atrium * for_body)
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
    w[BEAT_RATE + i] = w[RATE_NOW + i] * w[PULSE_NOW + i]
    w[BEAT_MEAN + i] = mean
    w[BEAT_SYSTOLIC + i] = mean + _S0 * swing + _S1 * runoff + _S2 * surge
    w[BEAT_DIASTOLIC + i] = mean - _D0 * swing - _D1 * runoff - _D2 * surge
    lung_compliance = w[INVERSE_LUNG_ARTERY_COMPLIANCE + i]
    thorax = w[THORAX_NOW + i]
    lung = thorax + w[LUNG_ARTERIES + i] * lung_compliance
    lung_swing = stroke * lung_compliance
    damped = lung_swing / (_ONE + _ONE / (w[LUNG_NOW + i] * lung_compliance * period))
    drop = flow / w[LUNG_NOW + i]
    w[BEAT_LUNG_MEAN + i] = lung
    w[BEAT_LUNG_SYSTOLIC + i] = lung + _Q0 * lung_swing + _Q1 * damped + _Q2 * drop
    w[BEAT_LUNG_DIASTOLIC + i] = lung - _P0 * lung_swing - _P1 * damped - _P2 * drop
    w[BEAT_WEDGE + i] = thorax + w[LUNG_VEINS + i] * w[INVERSE_LUNG_VEIN_COMPLIANCE + i]
    w[BEAT_VENOUS + i] = w[ATRIAL_PRESSURE + i]
    w[BEAT_FILLED + i] = w[LEFT_VENTRICLE + i] + w[_LEFT_UNSTRESSED + i]
    w[BEAT_EMPTIED + i] = w[BEAT_FILLED + i] - stroke - w[BEAT_LEAKED + i]
