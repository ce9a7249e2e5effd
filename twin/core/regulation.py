"""Nerves, blood volume and oxygen of one member for one slow step: what both models share.

May live here: everything of the circulation that is slower than a heartbeat. ``w`` is the flat
array of ``layout``, ``i`` the member's lane, ``h`` the step in s. Stepped by Euler: its fastest
time constant is 1.5 s, against steps of 0.02 s (pulsatile) and 0.5 s (beat-averaged).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.baroreflex import (
    AFFERENT_S,
    SYMPATHETIC_S,
    VAGAL_S,
    VENOUS_S,
    arterial_deficit,
    contractility,
    emptiness,
    heart_rate,
    ischaemic_drive,
    sympathetic_activity,
)
from twin.core.compiled import inlined, single
from twin.core.gas_exchange import (
    ALVEOLAR_S,
    INVERSE_STORE_PER_ML,
    SCARCE_ML_PER_DL,
    alveolar_pressure_mmhg,
    content_ml_per_dl,
    nearer_pressure_mmhg,
)
from twin.core.layout import (
    ALVEOLAR,
    ARTERIAL_AFFERENT,
    ARTERIAL_CONTENT,
    ARTERIAL_OXYGEN,
    BLOOD,
    CONDUCTANCE_NOW,
    FLOW_NOW,
    HAEMOGLOBIN_MASS,
    INFLOW_NOW,
    INVERSE_REFLEX_WIDTH,
    LEFT_ELASTANCE_NOW,
    RATE_NOW,
    RESERVE,
    RETAINED,
    RIGHT_ELASTANCE_NOW,
    SYMPATHETIC,
    TISSUE_FLUID,
    UNSTRESSED_NOW,
    VAGAL,
    VENOUS_AFFERENT,
    VENOUS_CONTENT,
    VENOUS_TONE,
    parameter_row,
)

if TYPE_CHECKING:
    from jaxtyping import Float

    Flat = Float[np.ndarray, " place"]

_ZERO: Final = single(0.0)
_ONE: Final = single(1.0)
_HUNDRED: Final = single(100.0)
_PER_HUNDRED: Final = single(0.01)
_PER_MINUTE: Final = single(1.0 / 60.0)

RESERVE_S: Final = single(60.0)
ENOUGH_PRESSURE_MMHG: Final = single(20.0)
INVERSE_RESERVE_SPAN: Final = single(1.0 / 25.0)
"""Below a mean pressure of 45 mmHg coronary flow no longer follows demand and contractility fails
within a minute; at 20 it is nearly gone (Guyton & Hall 2006, chapters 21 and 24)."""
LEAST_RESERVE: Final = single(0.1)
LEAST_RESISTANCE: Final = single(0.15)
"""Resistance of wholly dilated vessels over that at rest: exercise lowers it to about a sixth."""
EMPTY_BLOOD_ML: Final = single(800.0)
INVERSE_EMPTY_SPAN: Final = single(1.0 / 400.0)
"""A wound stops yielding blood when almost none is left; keeps volumes above zero."""

_RESTING_RATE = parameter_row("resting_heart_rate")
_HIGHEST_RATE = parameter_row("maximum_heart_rate")
_LEFT_ELASTANCE = parameter_row("left_ventricle_systolic_elastance")
_RIGHT_ELASTANCE = parameter_row("right_ventricle_systolic_elastance")
_RESISTANCE = parameter_row("systemic_resistance")
_UNSTRESSED = parameter_row("venous_unstressed_volume")
_SET_POINT = parameter_row("reflex_set_point")
_TO_RATE = parameter_row("reflex_sympathetic_heart_rate")
_TO_VAGUS = parameter_row("reflex_vagal_heart_rate")
_TO_CONTRACTILITY = parameter_row("reflex_contractility")
_TO_RESISTANCE = parameter_row("reflex_resistance")
_TO_VEINS = parameter_row("reflex_venous_volume")
_LOW_SET_POINT = parameter_row("low_pressure_set_point")
_LOW_GAIN = parameter_row("low_pressure_gain")
_LOW_VENOUS_GAIN = parameter_row("low_pressure_venous_gain")
_ISCHAEMIC_GAIN = parameter_row("ischaemic_gain")
_BLOOD_AT_REST = parameter_row("blood_volume")
_FILTRATION = parameter_row("capillary_filtration")
_REFILL = parameter_row("capillary_refill")
_RATIO = parameter_row("interstitial_ratio")
_SHUNT = parameter_row("pulmonary_shunt")
_CONSUMPTION = parameter_row("oxygen_consumption")
_INSPIRED = parameter_row("inspired_oxygen_fraction")
_CARBON_DIOXIDE = parameter_row("arterial_carbon_dioxide_pressure")
_PRESSOR = parameter_row("vasopressor_sensitivity")
_BLOCKER = parameter_row("beta_blocker_sensitivity")
_DIURETIC = parameter_row("diuretic_sensitivity")


@inlined
def sense(w: Flat, i: int, arterial_mmhg: float, venous_mmhg: float, h: float) -> None:
    """Let the receptors follow arterial and central venous pressure."""
    share = h / AFFERENT_S
    w[ARTERIAL_AFFERENT + i] += share * (arterial_mmhg - w[ARTERIAL_AFFERENT + i])
    w[VENOUS_AFFERENT + i] += share * (venous_mmhg - w[VENOUS_AFFERENT + i])


@inlined
def settle_nerves(w: Flat, i: int, h: float) -> None:
    """Move the efferent activities and the contractile reserve towards what the receptors ask."""
    pressure = w[ARTERIAL_AFFERENT + i]
    deficit = arterial_deficit(pressure, w[_SET_POINT + i], w[INVERSE_REFLEX_WIDTH + i])
    empty = emptiness(w[VENOUS_AFFERENT + i], w[_LOW_SET_POINT + i])
    common = deficit + ischaemic_drive(pressure, w[_ISCHAEMIC_GAIN + i])
    active = sympathetic_activity(common + w[_LOW_GAIN + i] * empty)
    veins_active = sympathetic_activity(common + w[_LOW_VENOUS_GAIN + i] * empty)
    w[SYMPATHETIC + i] += h / SYMPATHETIC_S * (active - w[SYMPATHETIC + i])
    w[VENOUS_TONE + i] += h / VENOUS_S * (veins_active - w[VENOUS_TONE + i])
    w[VAGAL + i] += h / VAGAL_S * (-deficit - w[VAGAL + i])
    perfused = (pressure - ENOUGH_PRESSURE_MMHG) * INVERSE_RESERVE_SPAN
    reserve = min(max(perfused, LEAST_RESERVE), _ONE)
    w[RESERVE + i] += h / RESERVE_S * (reserve - w[RESERVE + i])


@inlined
def act_on_heart(
    w: Flat, i: int, inotropy: float, chronotropy: float, beta_blockade: float
) -> None:
    """Turn activities and drugs into heart rate and systolic elastances."""
    pressor = w[_PRESSOR + i]
    blocked = min(beta_blockade * w[_BLOCKER + i], _ONE)
    w[RATE_NOW + i] = heart_rate(
        w[_RESTING_RATE + i] * (_ONE + pressor * chronotropy),
        w[_HIGHEST_RATE + i],
        w[_TO_RATE + i] * w[SYMPATHETIC + i],
        w[_TO_VAGUS + i] * w[VAGAL + i],
        blocked,
    )
    strength = (
        contractility(w[_TO_CONTRACTILITY + i] * w[SYMPATHETIC + i], blocked)
        * (_ONE + pressor * inotropy)
        * w[RESERVE + i]
    )
    w[LEFT_ELASTANCE_NOW + i] = w[_LEFT_ELASTANCE + i] * strength
    w[RIGHT_ELASTANCE_NOW + i] = w[_RIGHT_ELASTANCE + i] * strength


@inlined
def act_on_vessels(w: Flat, i: int, vasoconstriction: float, venoconstriction: float) -> None:
    """Turn activities and drugs into systemic conductance and venous unstressed volume."""
    pressor = w[_PRESSOR + i]
    tone = max(
        (_ONE + w[_TO_RESISTANCE + i] * w[SYMPATHETIC + i]) * (_ONE + pressor * vasoconstriction),
        LEAST_RESISTANCE,
    )
    w[CONDUCTANCE_NOW + i] = _ONE / (w[_RESISTANCE + i] * tone)
    w[UNSTRESSED_NOW + i] = (
        w[_UNSTRESSED + i] * (_ONE - pressor * venoconstriction)
        - w[_TO_VEINS + i] * w[VENOUS_TONE + i]
    )


@inlined
def exchange_fluid(
    w: Flat,
    i: int,
    h: float,
    fluid_ml_per_s: float,
    retained_ml_per_s: float,
    haemoglobin_g_per_s: float,
    bleeding_ml_per_s: float,
    diuresis_ml_per_s: float,
) -> None:
    """Balance blood, fluid in the tissues and haemoglobin.

    Fluid leaves the capillaries until the tissues hold ``interstitial_ratio`` times what blood
    holds in excess, and returns, more slowly, when blood is short (Guyton & Hall 2006, chapter
    25).
    """
    blood = w[BLOOD + i]
    excess = blood - w[_BLOOD_AT_REST + i] - w[RETAINED + i] - w[TISSUE_FLUID + i] / w[_RATIO + i]
    filtered = max(excess, _ZERO) * w[_FILTRATION + i] + min(excess, _ZERO) * w[_REFILL + i]
    lost = bleeding_ml_per_s * min(max((blood - EMPTY_BLOOD_ML) * INVERSE_EMPTY_SPAN, _ZERO), _ONE)
    inflow = fluid_ml_per_s - lost - diuresis_ml_per_s * w[_DIURETIC + i] - filtered
    w[HAEMOGLOBIN_MASS + i] += h * (haemoglobin_g_per_s - lost * w[HAEMOGLOBIN_MASS + i] / blood)
    w[TISSUE_FLUID + i] += h * filtered
    w[RETAINED + i] += h * retained_ml_per_s
    w[BLOOD + i] = blood + h * inflow
    w[INFLOW_NOW + i] = inflow


@inlined
def exchange_oxygen(w: Flat, i: int, h: float, inspired_fraction: float) -> None:
    """Carry oxygen from the alveoli past the shunt to the tissues; ``FLOW_NOW`` is in mL/s."""
    inspired = inspired_fraction if inspired_fraction > _ZERO else w[_INSPIRED + i]
    alveolar = alveolar_pressure_mmhg(inspired, w[_CARBON_DIOXIDE + i])
    w[ALVEOLAR + i] += h / ALVEOLAR_S * (max(alveolar, _ONE) - w[ALVEOLAR + i])
    haemoglobin = _HUNDRED * w[HAEMOGLOBIN_MASS + i] / w[BLOOD + i]
    venous = w[VENOUS_CONTENT + i]
    capillary = content_ml_per_dl(w[ALVEOLAR + i], haemoglobin)
    arterial = capillary + w[_SHUNT + i] * (venous - capillary)
    supplied = min(venous / SCARCE_ML_PER_DL, _ONE)
    delivered = w[FLOW_NOW + i] * (arterial - venous) * _PER_HUNDRED
    consumed = w[_CONSUMPTION + i] * _PER_MINUTE * supplied
    w[VENOUS_CONTENT + i] = venous + h * _HUNDRED * INVERSE_STORE_PER_ML * (delivered - consumed)
    w[ARTERIAL_CONTENT + i] = arterial
    w[ARTERIAL_OXYGEN + i] = nearer_pressure_mmhg(w[ARTERIAL_OXYGEN + i], arterial, haemoglobin)
