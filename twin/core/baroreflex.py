"""Pressure receptors and what the autonomic nervous system makes of them. Scalars in, scalars out.

May live here: afferent and efferent activities and their gains. Compiled into the kernels: no
branch, no exponential, single-precision constants only.

Activities are deviations from rest. The arterial receptors saturate on both sides (Ursino 1998,
Am J Physiol 275:H1733); the low-pressure receptors of atria and lungs drive the vessels but not
the vagus (Johnson 1974, Circ Res 34:515: forearm vasoconstriction without a change of pulse or
pressure); below a mean pressure of 60 mmHg the ischaemic response of the central nervous system
joins (Guyton & Hall 2006, chapter 18).
"""

from __future__ import annotations

from typing import Final

from twin.core.compiled import inlined, single

_ZERO: Final = single(0.0)
_ONE: Final = single(1.0)
_TWO: Final = single(2.0)
_THREE: Final = single(3.0)
_NINE: Final = single(9.0)
_TWENTY_SEVEN: Final = single(27.0)

AFFERENT_S: Final = single(2.0)
"""Time constant of the receptors and their pathway (Ursino 1998: 2.1 s)."""
VAGAL_S: Final = single(1.5)
"""Time constant of vagal slowing (Ursino 1998: 1.5 s)."""
SYMPATHETIC_S: Final = single(8.0)
"""Time constant of sympathetic drive to heart and resistance vessels (Ursino 1998: 2-8 s)."""
VENOUS_S: Final = single(20.0)
"""Time constant of venous tone (Ursino 1998: 20 s)."""
INVERSE_LOW_PRESSURE_WIDTH: Final = single(1.0 / 3.0)
"""The low-pressure receptors work over about the normal span of atrial pressure, 3 mmHg."""
SYMPATHETIC_TONE: Final = single(0.35)
"""Activity at rest, as a share of the range above it: ganglionic blockade takes 15-20 mmHg off the
resting pressure (Jones 2001, Hypertension 38:1142)."""
ISCHAEMIC_ONSET_MMHG: Final = single(60.0)
INVERSE_ISCHAEMIC_SPAN: Final = single(1.0 / 40.0)
"""The ischaemic response begins at 60 mmHg and is whole at 15 to 20 (Guyton & Hall 2006)."""

RATE_TONE: Final = single(0.18)
"""Share of the resting heart rate that is sympathetic: full beta blockade takes 14 % (Jose &
Taylor 1969, J Clin Invest 48:2019, propranolol 0.2 mg/kg), because the vagus yields meanwhile."""
VAGAL_TONE: Final = single(0.41)
"""Share of the beat's period at rest that is vagal: full blockade quickens 70 beats a minute to
119 (Maciel 1985, Braz J Med Biol Res 18:303; atropine 0.04 mg/kg). What beta blockade then leaves,
98 /min, is the intrinsic rate at 35 years (Jose & Collison 1970, Cardiovasc Res 4:160)."""
CONTRACTILITY_TONE: Final = single(0.15)
"""The same for contractility: Epstein 1965, J Clin Invest 44:1745 (output 20 % lower at rest)."""
HEART_RATE_FLOOR: Final = single(20.0)
"""Ventricular escape rhythm, /min."""


@inlined
def saturating(drive: float) -> float:
    """Return a rational stand-in for tanh: 1 at 3 and above, -1 at -3 and below, error < 0.024."""
    part = min(max(drive, -_THREE), _THREE)
    square = part * part
    return part * (_TWENTY_SEVEN + square) / (_TWENTY_SEVEN + _NINE * square)


@inlined
def arterial_deficit(pressure_mmhg: float, set_point_mmhg: float, inverse_width: float) -> float:
    """Return how far the arterial receptors see pressure below the set point, -1 to 1."""
    return saturating((set_point_mmhg - pressure_mmhg) * inverse_width)


@inlined
def emptiness(central_venous_pressure_mmhg: float, set_point_mmhg: float) -> float:
    """Return how far the low-pressure receptors see the central veins emptied, -1 to 1."""
    return saturating((set_point_mmhg - central_venous_pressure_mmhg) * INVERSE_LOW_PRESSURE_WIDTH)


@inlined
def ischaemic_drive(arterial_pressure_mmhg: float, gain: float) -> float:
    """Return the sympathetic activity that an underperfused brain calls for."""
    ischaemia = (ISCHAEMIC_ONSET_MMHG - arterial_pressure_mmhg) * INVERSE_ISCHAEMIC_SPAN
    return gain * min(max(ischaemia, _ZERO), _ONE)


@inlined
def sympathetic_activity(called_for: float) -> float:
    """Return the activity that can be: rest is 0, and it can fall by no more than its rest."""
    return max(called_for, -SYMPATHETIC_TONE)


@inlined
def outflow(activity: float, blockade: float) -> float:
    """Return what a blockade leaves of a sympathetic activity, tone included."""
    return (activity + SYMPATHETIC_TONE) * (_ONE - blockade) - SYMPATHETIC_TONE


@inlined
def quickening(activity: float) -> float:
    """Return by how much a sympathetic activity quickens the heart, times its gain.

    ``s + 2 s3`` above rest: volunteers bled of a litre gain some ten beats a minute, most of them
    by the vagus, while the severely bled beat at 120 to 140 and more (ATLS, classes III and IV of
    haemorrhage), when the adrenal glands join.
    """
    raised = max(activity, _ZERO)
    return activity + _TWO * raised * raised * raised


@inlined
def vagal_lengthening(vagal: float, blockade: float) -> float:
    """Return the beat's period over that at rest, as the vagus sets it: at least 1 - its tone.

    The period is straight in the vagus' activity (Parker 1984, J Auton Nerv Syst 11:226), so that
    its withdrawal quickens by more than as strong a stimulus slows. A blockade (atropine) takes
    the tone at rest as well.
    """
    present = max(vagal + VAGAL_TONE, _ZERO)
    return _ONE - VAGAL_TONE + (_ONE - blockade) * present


@inlined
def heart_rate(
    resting_per_min: float,
    highest_per_min: float,
    sympathetic: float,
    lengthening: float,
    blocked: float,
) -> float:
    """Return the heart rate that nerves and beta blockade set, /min.

    Both branches multiply (Rosenblueth & Simeone 1934, Am J Physiol 110:42). ``sympathetic`` is
    activity times gain, ``lengthening`` from :func:`vagal_lengthening`; ``blocked`` is the share
    of beta receptors without effect. Sympathetic effect at rest is ``RATE_TONE`` and cannot fall
    below none.
    """
    tone = max(sympathetic + RATE_TONE, _ZERO)
    rate = resting_per_min * (_ONE - RATE_TONE + (_ONE - blocked) * tone) / lengthening
    return min(max(rate, HEART_RATE_FLOOR), highest_per_min)


@inlined
def contractility(sympathetic: float, blocked: float) -> float:
    """Return the factor on the systolic elastances that nerves and beta blockade set."""
    tone = max(sympathetic + CONTRACTILITY_TONE, _ZERO)
    return _ONE - CONTRACTILITY_TONE + (_ONE - blocked) * tone
