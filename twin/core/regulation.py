"""Nerves and hormones of one member for one slow step, and what they act on: for both models.

May live here: how heart and vessels are regulated. What blood exchanges with tissues, lungs and
the outside is in ``exchange``. ``w`` is the flat array of ``layout``, ``i`` the member's lane,
``h`` the step in s. Stepped by Euler: the fastest time constant is 1.5 s.
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
    outflow,
    quickening,
    sympathetic_activity,
    vagal_lengthening,
)
from twin.core.compiled import inlined, single
from twin.core.hormones import hormone_share
from twin.core.layout import (
    ARTERIAL_AFFERENT,
    ARTERIAL_CONTENT,
    BLOOD,
    COLLAPSE_SQUARED,
    CONDUCTANCE_NOW,
    DESATURATION,
    HAEMOGLOBIN_MASS,
    HORMONES,
    INVERSE_REFLEX_WIDTH,
    INVERSE_VENOUS_COMPLIANCE,
    LEFT_ELASTANCE_NOW,
    MUSCLE_NOW,
    RATE_NOW,
    RESERVE,
    RIGHT_ELASTANCE_NOW,
    SYMPATHETIC,
    UNSTRESSED_NOW,
    VAGAL,
    VEIN_BASE,
    VEIN_SLOPE,
    VEINS,
    VENOUS_AFFERENT,
    VENOUS_CONTENT,
    VENOUS_TONE,
    control_row,
    parameter_row,
)
from twin.core.rhythm import driven_rate, synchrony
from twin.core.vessels import vein_line

if TYPE_CHECKING:
    from jaxtyping import Float

    Flat = Float[np.ndarray, " place"]

_ZERO: Final = single(0.0)
_ONE: Final = single(1.0)
_HALF: Final = single(0.5)
_HUNDRED: Final = single(100.0)

RESERVE_S: Final = single(60.0)
ENOUGH_PRESSURE_MMHG: Final = single(20.0)
INVERSE_RESERVE_SPAN: Final = single(1.0 / 25.0)
"""Below a mean pressure of 45 mmHg coronary flow no longer follows demand and contractility fails
within a minute; at 20 it is nearly gone (Guyton & Hall 2006, chapters 21 and 24)."""
ENOUGH_OXYGEN_ML_PER_DL: Final = single(2.0)
INVERSE_OXYGEN_SPAN: Final = single(1.0 / 4.0)
"""The same for arterial oxygen: from 6 mL/dL, 30 % saturation of normal blood, downwards."""
LEAST_RESERVE: Final = single(0.1)
MOST_CONTRACTILE: Final = single(3.0)
"""Times its resting elastance that a ventricle reaches under nerves and drugs together."""
HYPOXIC_QUICKENING: Final = single(1.4)
"""Rise of the heart rate, as a share of that at rest, for a fall of saturation by all of it: 0.98
a minute for each hundredth, straight down, in volunteers (Slutsky & Rebuck 1978, Am J Physiol
234:H129), who are taken to beat 70 times a minute."""
INVERSE_RESTING_VENOUS: Final = single(1.0 / 15.0)
"""Oxygen in mixed venous blood at rest is 15 mL/dL (Guyton & Hall 2006, chapter 40)."""
ESCAPE: Final = single(0.5)
"""Share of its resistance that tissue without any oxygen left in its venous blood loses: vessels
of organs escape their nerves when flow falls short of need (Guyton & Hall 2006, chapter 17; flow
through a dog's leg is three times as high at an arterial saturation of 25 %: Crawford 1959, Am J
Physiol 197:613)."""
LEAST_RESISTANCE: Final = single(0.15)
"""Resistance of wholly dilated vessels over that at rest: exercise lowers it to about a sixth."""
PLASMA_SHARE: Final = single(0.55)
CELL_SHARE_PER_G: Final = single(0.45 / 15.0)
"""Resistance over that of normal blood by haemoglobin (g/dL): viscosity of blood is about twice
that of its plasma in vessels, and hypoxic tissue dilates (Guyton & Hall 2006, chapter 32: output
rises to three or four times in severe anaemia; Duke & Abelmann 1969, Circulation 39:503)."""

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
_HORMONES_TO_RESISTANCE = parameter_row("hormonal_resistance")
_HORMONES_TO_VEINS = parameter_row("hormonal_venous_volume")
_LOW_SET_POINT = parameter_row("low_pressure_set_point")
_LOW_GAIN = parameter_row("low_pressure_gain")
_LOW_VENOUS_GAIN = parameter_row("low_pressure_venous_gain")
_ISCHAEMIC_GAIN = parameter_row("ischaemic_gain")
_PRESSOR = parameter_row("vasopressor_sensitivity")
_BLOCKER = parameter_row("beta_blocker_sensitivity")

_VASOCONSTRICTION = control_row("vasoconstriction")
_VENOCONSTRICTION = control_row("venoconstriction")
_INOTROPY = control_row("inotropy")
_CHRONOTROPY = control_row("chronotropy")
_BETA_BLOCKADE = control_row("beta_blockade")
_VAGAL_BLOCKADE = control_row("vagal_blockade")
_SYMPATHETIC_BLOCKADE = control_row("sympathetic_blockade")
_RESET = control_row("baroreflex_reset_mmhg")
_POOLING = control_row("venous_pooling_ml")
_LOSS = control_row("contractile_loss")
_FORCED = control_row("forced_rate_per_min")
_PACED = control_row("paced_rate_per_min")
_DYSSYNCHRONY = control_row("dyssynchrony")
_ARREST = control_row("arrest")
_COMPRESSIONS = control_row("compression_rate_per_min")
_SETTLING = control_row("settling")


@inlined
def step_share(h: float, time_constant_s: float) -> float:
    """Return how much of its way a first-order lag goes in ``h``: 1 - exp(-h / T) within 2 %."""
    return h / (time_constant_s + _HALF * h)


@inlined
def sense(w: Flat, i: int, arterial_mmhg: float, venous_mmhg: float, h: float) -> None:
    """Let the receptors follow arterial pressure and that of the right atrium's wall.

    ``venous_mmhg`` is against what surrounds the heart, less the thoracic pressure at rest: what
    a ventilator or a full pericardium adds does not stretch the receptors.
    """
    share = step_share(h, AFFERENT_S)
    w[ARTERIAL_AFFERENT + i] += share * (arterial_mmhg - w[ARTERIAL_AFFERENT + i])
    w[VENOUS_AFFERENT + i] += share * (venous_mmhg - w[VENOUS_AFFERENT + i])


@inlined
def settle_nerves(w: Flat, i: int, h: float) -> None:
    """Move efferent activities, hormones and contractile reserve towards what is asked of them."""
    pressure = w[ARTERIAL_AFFERENT + i]
    deficit = arterial_deficit(
        pressure, w[_SET_POINT + i] + w[_RESET + i], w[INVERSE_REFLEX_WIDTH + i]
    )
    empty = emptiness(w[VENOUS_AFFERENT + i], w[_LOW_SET_POINT + i])
    common = deficit + ischaemic_drive(pressure, w[_ISCHAEMIC_GAIN + i])
    active = sympathetic_activity(common + w[_LOW_GAIN + i] * empty)
    veins_active = sympathetic_activity(common + w[_LOW_VENOUS_GAIN + i] * empty)
    w[SYMPATHETIC + i] += step_share(h, SYMPATHETIC_S) * (active - w[SYMPATHETIC + i])
    w[VENOUS_TONE + i] += step_share(h, VENOUS_S) * (veins_active - w[VENOUS_TONE + i])
    w[VAGAL + i] += step_share(h, VAGAL_S) * (-deficit - w[VAGAL + i])
    w[HORMONES + i] += hormone_share(h, w[_SETTLING + i]) * (veins_active - w[HORMONES + i])
    perfused = (pressure - ENOUGH_PRESSURE_MMHG) * INVERSE_RESERVE_SPAN
    oxygenated = (w[ARTERIAL_CONTENT + i] - ENOUGH_OXYGEN_ML_PER_DL) * INVERSE_OXYGEN_SPAN
    reserve = max(min(min(perfused, oxygenated), _ONE), LEAST_RESERVE)
    w[RESERVE + i] += h / RESERVE_S * (reserve - w[RESERVE + i])


@inlined
def act_on_heart(w: Flat, i: int) -> None:
    """Turn activities, drugs and rhythm into heart rate and systolic elastances."""
    pressor = w[_PRESSOR + i]
    unblocked = _ONE - min(w[_BETA_BLOCKADE + i] * w[_BLOCKER + i], _ONE)
    blocked = _ONE - unblocked * (_ONE - w[_SYMPATHETIC_BLOCKADE + i])
    neural = heart_rate(
        w[_RESTING_RATE + i]
        * (_ONE + pressor * w[_CHRONOTROPY + i] + HYPOXIC_QUICKENING * w[DESATURATION + i]),
        w[_HIGHEST_RATE + i],
        w[_TO_RATE + i] * quickening(w[SYMPATHETIC + i]),
        vagal_lengthening(w[_TO_VAGUS + i] * w[VAGAL + i], w[_VAGAL_BLOCKADE + i]),
        blocked,
    )
    w[RATE_NOW + i] = driven_rate(
        neural, w[_FORCED + i], w[_PACED + i], w[_ARREST + i], w[_COMPRESSIONS + i]
    )
    strength = (
        contractility(w[_TO_CONTRACTILITY + i] * w[SYMPATHETIC + i], blocked)
        * max(_ONE + pressor * w[_INOTROPY + i], LEAST_RESERVE)
        * (w[RESERVE + i] * synchrony(w[_DYSSYNCHRONY + i]))
    )
    strength = min(strength, MOST_CONTRACTILE) * w[MUSCLE_NOW + i]
    w[LEFT_ELASTANCE_NOW + i] = w[_LEFT_ELASTANCE + i] * strength * (_ONE - w[_LOSS + i])
    w[RIGHT_ELASTANCE_NOW + i] = w[_RIGHT_ELASTANCE + i] * strength


@inlined
def act_on_vessels(w: Flat, i: int) -> None:
    """Turn activities and drugs into systemic conductance and venous unstressed volume."""
    pressor = w[_PRESSOR + i]
    blockade = w[_SYMPATHETIC_BLOCKADE + i]
    tone = (
        _ONE
        + w[_TO_RESISTANCE + i] * outflow(w[SYMPATHETIC + i], blockade)
        + w[_HORMONES_TO_RESISTANCE + i] * w[HORMONES + i]
    )
    short = max(_ONE - w[VENOUS_CONTENT + i] * INVERSE_RESTING_VENOUS, _ZERO)
    constricted = max(
        tone * (_ONE + pressor * w[_VASOCONSTRICTION + i]) * (_ONE - ESCAPE * short),
        LEAST_RESISTANCE,
    )
    # One division for both: blood in the denominator of haemoglobin's concentration.
    blood = w[BLOOD + i]
    thick = PLASMA_SHARE * blood + CELL_SHARE_PER_G * _HUNDRED * w[HAEMOGLOBIN_MASS + i]
    w[CONDUCTANCE_NOW + i] = blood / (w[_RESISTANCE + i] * constricted * thick)
    w[UNSTRESSED_NOW + i] = (
        w[_UNSTRESSED + i] * (_ONE - pressor * w[_VENOCONSTRICTION + i])
        + w[_POOLING + i]
        - w[_TO_VEINS + i] * outflow(w[VENOUS_TONE + i], blockade)
        - w[_HORMONES_TO_VEINS + i] * w[HORMONES + i]
    )


@inlined
def straighten_veins(w: Flat, i: int) -> None:
    """Lay the line along which the veins' pressure runs until this is asked again."""
    above = w[VEINS + i] - w[UNSTRESSED_NOW + i]
    pressure, slope = vein_line(above, w[INVERSE_VENOUS_COMPLIANCE + i], w[COLLAPSE_SQUARED + i])
    w[VEIN_SLOPE + i] = slope
    w[VEIN_BASE + i] = pressure - slope * w[VEINS + i]
