"""The four chambers of the heart as time-varying elastances. Scalars in, mmHg out.

May live here: how a chamber's pressure follows from its volume and its activation. The functions
are compiled into the kernels, so they hold no branch, no exponential and only single-precision
constants.

Sources: Suga & Sagawa 1974, Circ Res 35:117 (elastance); Heldt 2002, J Appl Physiol 92:1239 (the
timing, proportional to the square root of the beat's period).
"""

from __future__ import annotations

from typing import Final

from twin.core.compiled import inlined, single

_ZERO: Final = single(0.0)
_ONE: Final = single(1.0)
_TWO: Final = single(2.0)
_THREE: Final = single(3.0)

VENTRICLE_PEAK: Final = single(0.3)
"""Time from onset to peak elastance of the ventricles, s per square root of the period in s."""
ATRIUM_PEAK: Final = single(0.2)
"""The same for the atria (Heldt 2002)."""
OVERFILLED: Final = single(2.25)
"""Square of the volume over the stiffening volume from which on a ventricle stiffens no more."""
ATRIUM_LEAD: Final = single(0.12)
"""The atria begin this long before the ventricles, s per square root of the period in s."""


@inlined
def activation(time_s: float, rate_to_peak_per_s: float) -> float:
    """Return activation (0-1) at a time after onset.

    It rises to 1 in the time to peak and falls in half of that, both as the cubic ``w2 (3 - 2
    w)``, which differs from the half cosine of Heldt 2002 by less than 0.01.
    """
    rise = time_s * rate_to_peak_per_s
    part = max(min(rise, _THREE - _TWO * rise), _ZERO)
    return part * part * (_THREE - _TWO * part)


@inlined
def passive_pressure(
    stressed_ml: float, diastolic_elastance: float, inverse_stiffening_squared: float
) -> float:
    """Return the pressure of a relaxed ventricle holding so much above its unstressed volume.

    ``Ed x (1 + (x / xs)4)``: compliant when empty and stiff when full, as the exponential relation
    is (Glantz & Kernoff 1975, Circ Res 37:787), without the exponential. Beyond ``OVERFILLED``
    it goes on straight: nobody measured there, and a fifth power would outrun any step.
    """
    square = min(stressed_ml * stressed_ml * inverse_stiffening_squared, OVERFILLED)
    return diastolic_elastance * stressed_ml * (_ONE + square * square)


@inlined
def ventricle_pressure(
    stressed_ml: float,
    activated: float,
    systolic_elastance: float,
    passive_mmhg: float,
    muscle: float,
    compression_mmhg: float,
) -> float:
    """Return what a ventricle's wall, and a hand on the chest, add to the pressure around it.

    ``a Es x + (1 - a) P_passive``: between the relaxed relation and the straight end-systolic
    one. In arrest ``muscle`` and ``systolic_elastance`` are 0, and the rhythm ``a`` is that of
    the compressions.
    """
    return passive_mmhg + activated * (
        systolic_elastance * stressed_ml - muscle * passive_mmhg + compression_mmhg
    )


@inlined
def atrium_pressure(
    volume_ml: float, activated: float, kick: float, diastolic_elastance: float
) -> float:
    """Return the pressure of an atrium; ``kick`` is what contraction adds to its elastance."""
    return volume_ml * (diastolic_elastance + activated * kick)
