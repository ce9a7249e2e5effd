"""The rate that a pacemaker, an ectopic focus or a hand on the chest sets. Scalars in, /min out.

May live here: how often the heart is made to beat by anything but nerves. Compiled into the
kernels: no branch but a choice between two numbers.
"""

from __future__ import annotations

from typing import Final

from twin.core.compiled import inlined, single

_ZERO: Final = single(0.0)
_ONE: Final = single(1.0)
_QUARTER: Final = single(0.25)

IDLE_PER_MIN: Final = single(60.0)
"""How often pressures are read out where nothing beats."""


@inlined
def driven_rate(
    neural_per_min: float,
    forced_per_min: float,
    paced_per_min: float,
    arrest: float,
    compressions_per_min: float,
) -> float:
    """Return the rate of ventricular beats, or of compressions where the heart stands still.

    A forced rate (complete block, ventricular tachycardia) replaces what the nerves set; a
    pacemaker on demand fills in below its own rate.
    """
    intrinsic = forced_per_min if forced_per_min > _ZERO else neural_per_min
    beating = max(intrinsic, paced_per_min)
    pumped = compressions_per_min if compressions_per_min > _ZERO else IDLE_PER_MIN
    return pumped if arrest > _ZERO else beating


@inlined
def synchrony(dyssynchrony: float) -> float:
    """Return the share of contractility left when the ventricles are activated out of step.

    Right ventricular pacing costs up to a quarter of the maximal rate of pressure rise (Leclercq
    1995, Am Heart J 129:1133; Tantengco 2001, J Am Coll Cardiol 37:2093).
    """
    return _ONE - _QUARTER * dyssynchrony
