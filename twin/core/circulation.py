"""The closed loop: pressures from volumes, and flows from pressures, of one member at one moment.

May live here: the connection of chambers, vessels and valves. ``w`` is the flat array of
``layout``, ``i`` the member's lane. Blood goes left ventricle, arteries, veins, right atrium,
right ventricle, lung arteries, lung veins, left atrium; the sum of the eight rates is the inflow
from outside. Heart and lung vessels lie in the thorax, and the heart in its pericardium: their
pressures add to what walls hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.core.chambers import atrium_pressure, passive_pressure, ventricle_pressure
from twin.core.compiled import inlined
from twin.core.layout import (
    AORTIC,
    COMPRESSION_NOW,
    CONDUCTANCE_NOW,
    INFLOW_NOW,
    INVERSE_ARTERIAL_COMPLIANCE,
    INVERSE_ARTERIAL_STIFFENING,
    INVERSE_LUNG_ARTERY_COMPLIANCE,
    INVERSE_LUNG_VEIN_COMPLIANCE,
    INVERSE_PERICARDIAL_WIDTH,
    LEFT_ELASTANCE_NOW,
    LEFT_KICK_NOW,
    LEFT_STIFFENING,
    LUNG_NOW,
    LUNG_RETURN,
    MITRAL,
    MUSCLE_NOW,
    PERICARDIAL_EXCESS,
    PULMONARY,
    RIGHT_ELASTANCE_NOW,
    RIGHT_KICK_NOW,
    RIGHT_STIFFENING,
    THORAX_NOW,
    TRICUSPID,
    VEIN_BASE,
    VEIN_SLOPE,
    VENOUS_RETURN,
    parameter_row,
)
from twin.core.pericardium import pericardial_pressure
from twin.core.valves import forward_flow, regurgitant_flow
from twin.core.vessels import artery_pressure, flow_through_body, venous_return

if TYPE_CHECKING:
    from jaxtyping import Float

    Flat = Float[np.ndarray, " place"]
    Eight = tuple[float, float, float, float, float, float, float, float]

_CLOSING = parameter_row("critical_closing_pressure")
_LEFT_DIASTOLIC = parameter_row("left_ventricle_diastolic_elastance")
_RIGHT_DIASTOLIC = parameter_row("right_ventricle_diastolic_elastance")
_LEFT_UNSTRESSED = parameter_row("left_ventricle_unstressed_volume")
_RIGHT_UNSTRESSED = parameter_row("right_ventricle_unstressed_volume")
_LEFT_ATRIUM_DIASTOLIC = parameter_row("left_atrium_diastolic_elastance")
_RIGHT_ATRIUM_DIASTOLIC = parameter_row("right_atrium_diastolic_elastance")
_REGURGITATION = parameter_row("mitral_regurgitation")


@inlined
def around_the_heart(w: Flat, i: int, heart_ml: float) -> float:
    """Return the pressure around the four chambers, mmHg: thorax and pericardium."""
    around: float = w[THORAX_NOW + i] + pericardial_pressure(
        heart_ml, w[PERICARDIAL_EXCESS + i], w[INVERSE_PERICARDIAL_WIDTH + i]
    )
    return around


@inlined
def ventricle_pressures(
    w: Flat, i: int, left_ventricle: float, right_ventricle: float, active: float
) -> tuple[float, float]:
    """Return what the walls of both ventricles hold against what surrounds them, mmHg."""
    left = left_ventricle - w[_LEFT_UNSTRESSED + i]
    right = right_ventricle - w[_RIGHT_UNSTRESSED + i]
    muscle, compression = w[MUSCLE_NOW + i], w[COMPRESSION_NOW + i]
    return (
        ventricle_pressure(
            left,
            active,
            w[LEFT_ELASTANCE_NOW + i],
            passive_pressure(left, w[_LEFT_DIASTOLIC + i], w[LEFT_STIFFENING + i]),
            muscle,
            compression,
        ),
        ventricle_pressure(
            right,
            active,
            w[RIGHT_ELASTANCE_NOW + i],
            passive_pressure(right, w[_RIGHT_DIASTOLIC + i], w[RIGHT_STIFFENING + i]),
            muscle,
            compression,
        ),
    )


@inlined
def heart_pressures(
    w: Flat,
    i: int,
    left_ventricle: float,
    right_ventricle: float,
    left_atrium: float,
    right_atrium: float,
    ventricles_active: float,
    atria_active: float,
) -> tuple[float, float, float, float, float]:
    """Return the pressures of the four chambers from their volumes (mL), and of what is around.

    mmHg, against air.
    """
    around = around_the_heart(
        w, i, (left_ventricle + right_ventricle) + (left_atrium + right_atrium)
    )
    left, right = ventricle_pressures(w, i, left_ventricle, right_ventricle, ventricles_active)
    return (
        around + left,
        around + right,
        around
        + atrium_pressure(
            left_atrium, atria_active, w[LEFT_KICK_NOW + i], w[_LEFT_ATRIUM_DIASTOLIC + i]
        ),
        around
        + atrium_pressure(
            right_atrium, atria_active, w[RIGHT_KICK_NOW + i], w[_RIGHT_ATRIUM_DIASTOLIC + i]
        ),
        around,
    )


@inlined
def vessel_pressures(
    w: Flat, i: int, arteries: float, veins: float, lung_arteries: float, lung_veins: float
) -> tuple[float, float, float, float]:
    """Return the pressures of the four vessels (mmHg, against air).

    Volumes in mL above the unstressed ones, which are constants but for the veins.
    """
    return (
        artery_pressure(
            arteries, w[INVERSE_ARTERIAL_COMPLIANCE + i], w[INVERSE_ARTERIAL_STIFFENING + i]
        ),
        w[VEIN_BASE + i] + w[VEIN_SLOPE + i] * veins,
        w[THORAX_NOW + i] + lung_arteries * w[INVERSE_LUNG_ARTERY_COMPLIANCE + i],
        w[THORAX_NOW + i] + lung_veins * w[INVERSE_LUNG_VEIN_COMPLIANCE + i],
    )


@inlined
def leaking(
    w: Flat, i: int, ventricle_ml: float, ventricle_mmhg: float, atrium_mmhg: float
) -> float:
    """Return the flow back from the left ventricle into its atrium, mL/s."""
    leak: float = regurgitant_flow(
        ventricle_mmhg - atrium_mmhg, ventricle_ml - w[_LEFT_UNSTRESSED + i], w[_REGURGITATION + i]
    )
    return leak


@inlined
def volume_rates(
    w: Flat,
    i: int,
    leaked: float,
    left_ventricle: float,
    right_ventricle: float,
    left_atrium: float,
    right_atrium: float,
    arteries: float,
    veins: float,
    lung_arteries: float,
    lung_veins: float,
) -> Eight:
    """Return how fast eight volumes change (mL/s) at eight pressures (mmHg), in order.

    ``leaked`` is what flows back through the mitral valve, mL/s.
    """
    ejected = forward_flow(left_ventricle - arteries, w[AORTIC + i])
    through_body = flow_through_body(arteries, veins, w[_CLOSING + i], w[CONDUCTANCE_NOW + i])
    returning = venous_return(veins, right_atrium, w[VENOUS_RETURN + i])
    filling_right = forward_flow(right_atrium - right_ventricle, w[TRICUSPID + i])
    into_lungs = forward_flow(right_ventricle - lung_arteries, w[PULMONARY + i])
    through_lungs = (lung_arteries - lung_veins) * w[LUNG_NOW + i]
    from_lungs = (lung_veins - left_atrium) * w[LUNG_RETURN + i]
    filling_left = forward_flow(left_atrium - left_ventricle, w[MITRAL + i])
    return (
        filling_left - leaked - ejected,
        filling_right - into_lungs,
        from_lungs + leaked - filling_left,
        returning - filling_right,
        ejected - through_body,
        through_body - returning + w[INFLOW_NOW + i],
        into_lungs - through_lungs,
        through_lungs - from_lungs,
    )
