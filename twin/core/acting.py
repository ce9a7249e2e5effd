"""What the controls of the moment make of each member's parameters, before nerves are asked.

May live here: how a control enters the equations, and the range it is kept in. ``w`` is the flat
array of ``layout``, ``i`` the member's lane. Run once an interval of controls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.compiled import inlined, single
from twin.core.layout import (
    COMPRESSION_NOW,
    CONTROL_FROM,
    CONTROLS,
    LANES,
    LEFT_KICK_NOW,
    LUNG,
    LUNG_NOW,
    MUSCLE_NOW,
    PERICARDIAL_EXCESS,
    PULSE_NOW,
    RIGHT_KICK_NOW,
    THORAX_NOW,
    control_row,
    parameter_row,
)

if TYPE_CHECKING:
    from jaxtyping import Float

    Flat = Float[np.ndarray, " place"]

_ZERO: Final = single(0.0)
_ONE: Final = single(1.0)
_HALF: Final = single(0.5)
LEAST_LUNG_RESISTANCE: Final = single(0.2)
"""Vasodilators take no more than four fifths of the lungs' resistance."""
_COUNT: Final = len(CONTROLS)

_VASOCONSTRICTION = control_row("vasoconstriction")
_VENOCONSTRICTION = control_row("venoconstriction")
_INOTROPY = control_row("inotropy")
_CHRONOTROPY = control_row("chronotropy")
_BETA_BLOCKADE = control_row("beta_blockade")
_VAGAL_BLOCKADE = control_row("vagal_blockade")
_SYMPATHETIC_BLOCKADE = control_row("sympathetic_blockade")
_LUNG_CONSTRICTION = control_row("pulmonary_vasoconstriction")
_THORACIC = control_row("thoracic_pressure_mmhg")
_FLUID = control_row("pericardial_fluid_ml")
_LOSS = control_row("contractile_loss")
_LEAK = control_row("capillary_leak")
_DEPRESSION = control_row("ventilatory_depression")
_KICK_LOSS = control_row("atrial_kick_loss")
_DYSSYNCHRONY = control_row("dyssynchrony")
_ARREST = control_row("arrest")
_COMPRESSIONS = control_row("compression_rate_per_min")
_FORCE = control_row("compression_force_mmhg")

_STANDING_VASOCONSTRICTION = parameter_row("standing_vasoconstriction")
_STANDING_VENOCONSTRICTION = parameter_row("standing_venoconstriction")
_STANDING_INOTROPY = parameter_row("standing_inotropy")
_STANDING_CHRONOTROPY = parameter_row("standing_chronotropy")
_STANDING_BETA_BLOCKADE = parameter_row("standing_beta_blockade")
_STANDING_THORACIC = parameter_row("standing_thoracic_pressure")
_STANDING_FLUID = parameter_row("standing_pericardial_fluid")
_STANDING_KICK_LOSS = parameter_row("standing_atrial_kick_loss")
_THORAX = parameter_row("intrathoracic_pressure")
_SLACK = parameter_row("pericardial_slack_volume")
_LEFT_SYSTOLIC = parameter_row("left_atrium_systolic_elastance")
_LEFT_DIASTOLIC = parameter_row("left_atrium_diastolic_elastance")
_RIGHT_SYSTOLIC = parameter_row("right_atrium_systolic_elastance")
_RIGHT_DIASTOLIC = parameter_row("right_atrium_diastolic_elastance")


@inlined
def take_controls(
    w: Flat, i: int, controls: Float[np.ndarray, "interval control"], interval: int
) -> None:
    """Write the controls into a member's rows, its standing ones added, shares kept in 0 to 1."""
    for column in range(_COUNT):
        w[CONTROL_FROM + column * LANES + i] = controls[interval, column]
    w[_VASOCONSTRICTION + i] += w[_STANDING_VASOCONSTRICTION + i]
    w[_VENOCONSTRICTION + i] += w[_STANDING_VENOCONSTRICTION + i]
    w[_INOTROPY + i] += w[_STANDING_INOTROPY + i]
    w[_CHRONOTROPY + i] += w[_STANDING_CHRONOTROPY + i]
    w[_THORACIC + i] += w[_STANDING_THORACIC + i]
    w[_FLUID + i] += w[_STANDING_FLUID + i]
    w[_BETA_BLOCKADE + i] = share(w[_BETA_BLOCKADE + i] + w[_STANDING_BETA_BLOCKADE + i])
    w[_KICK_LOSS + i] = share(w[_KICK_LOSS + i] + w[_STANDING_KICK_LOSS + i])
    w[_VAGAL_BLOCKADE + i] = share(w[_VAGAL_BLOCKADE + i])
    w[_SYMPATHETIC_BLOCKADE + i] = share(w[_SYMPATHETIC_BLOCKADE + i])
    w[_LOSS + i] = share(w[_LOSS + i])
    w[_LEAK + i] = share(w[_LEAK + i])
    w[_DEPRESSION + i] = share(w[_DEPRESSION + i])
    w[_DYSSYNCHRONY + i] = share(w[_DYSSYNCHRONY + i])
    w[_ARREST + i] = _ONE if w[_ARREST + i] > _HALF else _ZERO


@inlined
def share(value: float) -> float:
    """Return the value kept in 0 to 1."""
    return min(max(value, _ZERO), _ONE)


@inlined
def surround_and_pump(w: Flat, i: int) -> None:
    """Turn controls into what surrounds heart and lungs, and whether and how chambers contract."""
    arrest = w[_ARREST + i]
    muscle = _ONE - arrest
    w[THORAX_NOW + i] = w[_THORAX + i] + w[_THORACIC + i]
    w[PERICARDIAL_EXCESS + i] = w[_FLUID + i] - w[_SLACK + i]
    w[LUNG_NOW + i] = w[LUNG + i] / max(_ONE + w[_LUNG_CONSTRICTION + i], LEAST_LUNG_RESISTANCE)
    kick = muscle * (_ONE - w[_KICK_LOSS + i])
    w[LEFT_KICK_NOW + i] = kick * (w[_LEFT_SYSTOLIC + i] - w[_LEFT_DIASTOLIC + i])
    w[RIGHT_KICK_NOW + i] = kick * (w[_RIGHT_SYSTOLIC + i] - w[_RIGHT_DIASTOLIC + i])
    pumped = _ONE if w[_COMPRESSIONS + i] > _ZERO else _ZERO
    w[MUSCLE_NOW + i] = muscle
    w[COMPRESSION_NOW + i] = arrest * pumped * w[_FORCE + i]
    w[PULSE_NOW + i] = muscle + arrest * pumped
