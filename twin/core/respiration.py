"""Breathing: its drive, what it clears, and what it leaves in alveoli and blood. Scalars in, out.

May live here: ventilatory drive and the balance of carbon dioxide and alveolar oxygen. Compiled
into the kernels: no branch, no exponential, single-precision constants only. Breaths themselves
are not modelled: pressures do not swing with them.

Sources: West, Respiratory Physiology (alveolar ventilation equation, 863 mmHg; dead space 0.3 of
a breath); Nunn's Applied Respiratory Physiology, 8th ed., chapters 4 and 9 (response to carbon
dioxide and hypoxia, 3-6 mmHg/min rise in apnoea, functional residual capacity 2.5 L).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.compiled import inlined, single

if TYPE_CHECKING:
    from jaxtyping import Float

_ZERO: Final = single(0.0)
_ONE: Final = single(1.0)
_HALF: Final = single(0.5)
_PER_MINUTE: Final = single(1.0 / 60.0)
_ML_PER_L_MINUTE: Final = single(1000.0 / 60.0)

EXCHANGE_RATIO: Final = single(0.85)
GAS_MMHG: Final = single(863.0)
"""Turns dry gas at 0 degrees into pressure in alveoli at 37 degrees: mmHg mL / mL."""
INVERSE_CARBON_DIOXIDE_STORE: Final = single(1.0 / 50.0)
"""mmHg per mL of carbon dioxide in the quickly exchanging stores: 4 mmHg a minute in apnoea."""
INVERSE_RESIDUAL_ML: Final = single(1.0 / 2500.0)
STEEPEST: Final = single(863.0 * 0.005)
"""What a mL of normal blood takes up more for each mmHg, at most, as alveolar pressure."""
DEAD_SPACE: Final = single(0.3)
INVERSE_ALVEOLAR_SHARE: Final = single(1.0 / 0.7)

CARBON_DIOXIDE_GAIN: Final = single(0.4)
"""Rise of ventilation per mmHg, as a share of that at rest: about 2 L/min/mmHg."""
HYPOXIC_GAIN: Final = single(0.03)
HYPOXIC_ONSET_MMHG: Final = single(60.0)
PRESSURE_GAIN: Final = single(0.4)
"""Share by which unloaded arterial receptors raise ventilation: rapid breathing in haemorrhage
(Heistad 1975, J Appl Physiol 39:411)."""


@inlined
def ventilatory_drive(
    carbon_dioxide_excess_mmhg: float,
    arterial_oxygen_mmhg: float,
    unloading: float,
    depression: float,
) -> float:
    """Return ventilation over that at rest; 0 is apnoea.

    ``unloading`` (0-1) is how far arterial receptors see too little pressure. Depression flattens
    the response and moves its threshold, so that a full one is apnoea at any carbon dioxide.
    """
    hypoxic = HYPOXIC_GAIN * max(HYPOXIC_ONSET_MMHG - arterial_oxygen_mmhg, _ZERO)
    called_for = (
        _ONE
        + CARBON_DIOXIDE_GAIN * carbon_dioxide_excess_mmhg
        + hypoxic
        + PRESSURE_GAIN * max(unloading, _ZERO)
    )
    return max((_ONE - depression) * max(called_for, _ZERO) - _HALF * depression, _ZERO)


@inlined
def resting_ventilation_ml_per_s(consumption_ml_per_min: float, at_rest_mmhg: float) -> float:
    """Return the alveolar ventilation that holds the resting carbon dioxide pressure."""
    return GAS_MMHG * EXCHANGE_RATIO * _PER_MINUTE * consumption_ml_per_min / at_rest_mmhg


@inlined
def minute_volume_over_rest(l_per_min: float, alveolar_at_rest_ml_per_s: float) -> float:
    """Return a ventilator's minute volume over the minute volume breathed at rest."""
    return l_per_min * _ML_PER_L_MINUTE * (_ONE - DEAD_SPACE) / alveolar_at_rest_ml_per_s


def resting_minute_volume_l_per_min(
    consumption_ml_per_min: Float[np.ndarray, " member"],
    carbon_dioxide_mmhg: Float[np.ndarray, " member"],
) -> Float[np.ndarray, " member"]:
    """Return the minute volume that holds each member's carbon dioxide pressure at rest."""
    alveolar = GAS_MMHG * EXCHANGE_RATIO * consumption_ml_per_min / carbon_dioxide_mmhg
    return np.asarray(alveolar / (1000.0 * (1.0 - DEAD_SPACE)))


@inlined
def minute_volume_l_per_min(breathing: float, alveolar_at_rest_ml_per_s: float) -> float:
    """Return the minute volume of so many times the ventilation at rest: dead space comes back."""
    return breathing * alveolar_at_rest_ml_per_s * INVERSE_ALVEOLAR_SHARE / _ML_PER_L_MINUTE


@inlined
def alveolar_share(added_dead_space: float) -> float:
    """Return what added dead space leaves of alveolar ventilation, as a share."""
    return max(_ONE - DEAD_SPACE - added_dead_space, _ZERO) * INVERSE_ALVEOLAR_SHARE


@inlined
def carbon_dioxide_slope(
    produced_ml_per_s: float, pressure_mmhg: float, ventilation_ml_per_s: float
) -> float:
    """Return how fast arterial carbon dioxide pressure rises, mmHg/s."""
    cleared = pressure_mmhg * ventilation_ml_per_s / GAS_MMHG
    return (produced_ml_per_s - cleared) * INVERSE_CARBON_DIOXIDE_STORE


@inlined
def alveolar_oxygen_after(
    h: float,
    inspired_mmhg: float,
    alveolar_mmhg: float,
    ventilation_ml_per_s: float,
    taken_ml_per_s: float,
    flow_ml_per_s: float,
) -> float:
    """Return the alveolar oxygen pressure ``h`` seconds on; blood takes up ``taken_ml_per_s``.

    The step is damped by how much less blood takes up as pressure falls, on the steep part of the
    dissociation curve, so that it may be as long as alveoli take to fill.
    """
    brought = ventilation_ml_per_s * (inspired_mmhg - alveolar_mmhg)
    moved = h * INVERSE_RESIDUAL_ML * (brought - GAS_MMHG * taken_ml_per_s)
    answered = ventilation_ml_per_s + STEEPEST * flow_ml_per_s
    return alveolar_mmhg + moved / (_ONE + h * INVERSE_RESIDUAL_ML * answered)
