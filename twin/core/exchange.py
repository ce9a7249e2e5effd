"""What blood exchanges with tissues, lungs and the outside, for one slow step of one member.

May live here: the balances of blood, haemoglobin and gases, which both models share. ``w`` is the
flat array of ``layout``, ``i`` the member's lane, ``h`` the step in s. Stepped by Euler; the
fastest time constant is that of the alveoli, half a minute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.compiled import inlined, single
from twin.core.gas_exchange import (
    DRY_GAS_MMHG,
    INVERSE_STORE_PER_ML,
    SCARCE_ML_PER_DL,
    content_ml_per_dl,
    nearer_pressure_mmhg,
    saturation,
)
from twin.core.layout import (
    ALVEOLAR,
    ARTERIAL_CONTENT,
    ARTERIAL_OXYGEN,
    BLOOD,
    BREATHING,
    CARBON_DIOXIDE,
    DESATURATION,
    FLOW_NOW,
    HAEMOGLOBIN_MASS,
    INFLOW_NOW,
    INVERSE_INTERSTITIAL_RATIO,
    RETAINED,
    TISSUE_FLUID,
    VAGAL,
    VENOUS_CONTENT,
    control_row,
    parameter_row,
)
from twin.core.respiration import (
    EXCHANGE_RATIO,
    alveolar_oxygen_after,
    alveolar_share,
    carbon_dioxide_slope,
    minute_volume_l_per_min,
    minute_volume_over_rest,
    resting_ventilation_ml_per_s,
    ventilatory_drive,
)

if TYPE_CHECKING:
    from jaxtyping import Float

    Flat = Float[np.ndarray, " place"]

_ZERO: Final = single(0.0)
_ONE: Final = single(1.0)
_HUNDRED: Final = single(100.0)
_PER_HUNDRED: Final = single(0.01)
_PER_MINUTE: Final = single(1.0 / 60.0)
MOST_SHUNT: Final = single(0.95)
LEAST_ALVEOLAR_MMHG: Final = single(1.0)
PERFUSED_ML_PER_S: Final = single(1.0 / 20.0)
"""Below 1.2 L/min the blood no longer brings all carbon dioxide to the lungs."""
LEAKY_ML: Final = single(1500.0)
"""What blood seems to hold in excess where colloid has no hold at all: three fifths of the plasma
leave within the hour, as in the worst of sepsis (Holbeck & Grande 2003, Crit Care Med 31:1739)."""
USUAL_SATURATION: Final = single(0.97)
MOST_DESATURATION: Final = single(0.4)
"""Between 97 % and 57 % of saturation the heart is taken to quicken (Slutsky & Rebuck 1978 do not
say how far down they went), by as much as breathing is free to answer: the rise came with
breathing and was gone when its depth and rate were held (Jpn J Physiol 1992, 42:865). That a
heart starved of oxygen slows is not modelled."""
GAS_HURRY: Final = single(2.0)
"""While a resting state is sought the gas stores of the body fill three times as fast."""
_PER_STORE: Final = single(_HUNDRED * INVERSE_STORE_PER_ML)
EMPTY_BLOOD_ML: Final = single(800.0)
INVERSE_EMPTY_SPAN: Final = single(1.0 / 400.0)
"""A wound stops yielding blood when almost none is left; keeps volumes above zero."""

_BLOOD_AT_REST = parameter_row("blood_volume")
_FILTRATION = parameter_row("capillary_filtration")
_REFILL = parameter_row("capillary_refill")
_SHUNT = parameter_row("pulmonary_shunt")
_CONSUMPTION = parameter_row("oxygen_consumption")
_INSPIRED = parameter_row("inspired_oxygen_fraction")
_CARBON_DIOXIDE = parameter_row("arterial_carbon_dioxide_pressure")
_DIURETIC = parameter_row("diuretic_sensitivity")

_FLUID = control_row("fluid_ml_per_s")
_RETAINED_FLUID = control_row("retained_fluid_ml_per_s")
_HAEMOGLOBIN = control_row("haemoglobin_g_per_s")
_BLEEDING = control_row("bleeding_ml_per_s")
_DIURESIS = control_row("diuresis_ml_per_s")
_LEAK = control_row("capillary_leak")
_OXYGEN = control_row("inspired_oxygen_fraction")
_ADDED_SHUNT = control_row("added_shunt")
_DEAD_SPACE = control_row("added_dead_space")
_DEPRESSION = control_row("ventilatory_depression")
_VENTILATOR = control_row("minute_ventilation_l_per_min")
_SETTLING = control_row("settling")
_DEMAND = control_row("oxygen_consumption_change")


@inlined
def exchange_fluid(w: Flat, i: int, h: float) -> None:
    """Balance blood, fluid in the tissues and haemoglobin.

    Fluid leaves the capillaries until the tissues hold ``interstitial_ratio`` times what blood
    holds in excess, and returns, more slowly, when blood is short (Guyton & Hall 2006, chapter
    25).
    """
    blood = w[BLOOD + i]
    leak = w[_LEAK + i]
    excess = (
        blood
        - w[_BLOOD_AT_REST + i]
        - w[RETAINED + i] * (_ONE - leak)
        - w[TISSUE_FLUID + i] * w[INVERSE_INTERSTITIAL_RATIO + i]
        + LEAKY_ML * leak
    )
    filtered = max(excess, _ZERO) * w[_FILTRATION + i] + min(excess, _ZERO) * w[_REFILL + i]
    yielded = min(max((blood - EMPTY_BLOOD_ML) * INVERSE_EMPTY_SPAN, _ZERO), _ONE)
    lost = w[_BLEEDING + i] * yielded
    inflow = w[_FLUID + i] - lost - w[_DIURESIS + i] * w[_DIURETIC + i] * yielded - filtered
    w[HAEMOGLOBIN_MASS + i] += h * (w[_HAEMOGLOBIN + i] - lost * w[HAEMOGLOBIN_MASS + i] / blood)
    w[TISSUE_FLUID + i] += h * filtered
    w[RETAINED + i] += h * w[_RETAINED_FLUID + i]
    w[BLOOD + i] = blood + h * inflow
    w[INFLOW_NOW + i] = inflow


@inlined
def breathe(w: Flat, i: int, h: float, consumed_ml_per_s: float) -> float:
    """Move carbon dioxide and the drive to breathe; return alveolar ventilation, mL/s."""
    at_rest = resting_ventilation_ml_per_s(w[_CONSUMPTION + i], w[_CARBON_DIOXIDE + i])
    drive = ventilatory_drive(
        w[CARBON_DIOXIDE + i] - w[_CARBON_DIOXIDE + i],
        w[ARTERIAL_OXYGEN + i],
        -w[VAGAL + i],
        w[_DEPRESSION + i],
    )
    machine = w[_VENTILATOR + i]
    breathing = minute_volume_over_rest(machine, at_rest) if machine > _ZERO else drive
    ventilation = at_rest * breathing * alveolar_share(w[_DEAD_SPACE + i])
    perfused = min(w[FLOW_NOW + i] * PERFUSED_ML_PER_S, _ONE)
    w[CARBON_DIOXIDE + i] += h * carbon_dioxide_slope(
        EXCHANGE_RATIO * consumed_ml_per_s, w[CARBON_DIOXIDE + i], ventilation * perfused
    )
    w[BREATHING + i] = minute_volume_l_per_min(breathing, at_rest)
    return ventilation


@inlined
def exchange_gases(w: Flat, i: int, h: float) -> None:
    """Carry oxygen from the breath past the shunt to the tissues; ``FLOW_NOW`` is in mL/s."""
    inspired = w[_OXYGEN + i] if w[_OXYGEN + i] > _ZERO else w[_INSPIRED + i]
    venous = w[VENOUS_CONTENT + i]
    haemoglobin = _HUNDRED * w[HAEMOGLOBIN_MASS + i] / w[BLOOD + i]
    capillary = content_ml_per_dl(w[ALVEOLAR + i], haemoglobin)
    shunt = min(w[_SHUNT + i] + w[_ADDED_SHUNT + i], MOST_SHUNT)
    arterial = capillary + shunt * (venous - capillary)
    supplied = min(venous / SCARCE_ML_PER_DL, _ONE)
    delivered = w[FLOW_NOW + i] * (arterial - venous) * _PER_HUNDRED
    demand = w[_CONSUMPTION + i] * max(_ONE + w[_DEMAND + i], _ZERO)
    consumed = demand * _PER_MINUTE * supplied
    quick = _ONE + GAS_HURRY * w[_SETTLING + i]
    ventilation = breathe(w, i, h * quick, consumed)
    alveolar = alveolar_oxygen_after(
        h, inspired * DRY_GAS_MMHG, w[ALVEOLAR + i], ventilation, delivered, w[FLOW_NOW + i]
    )
    w[ALVEOLAR + i] = max(alveolar, LEAST_ALVEOLAR_MMHG)
    w[VENOUS_CONTENT + i] = venous + h * quick * _PER_STORE * (delivered - consumed)
    w[ARTERIAL_CONTENT + i] = arterial
    pressure = nearer_pressure_mmhg(w[ARTERIAL_OXYGEN + i], arterial, haemoglobin)
    w[ARTERIAL_OXYGEN + i] = pressure
    short = USUAL_SATURATION - saturation(pressure)
    felt = min(max(short, _ZERO), MOST_DESATURATION)
    w[DESATURATION + i] = felt * (_ONE - w[_DEPRESSION + i])
