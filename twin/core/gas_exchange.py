"""Oxygen from the breathing gas to the tissues and back. Scalars in, scalars out.

May live here: alveolar gas, dissociation curve, contents, shunt and stores. Compiled into the
kernels: no branch, no exponential, single-precision constants only. Breathing is in
``respiration``.

Sources: Severinghaus 1979, J Appl Physiol 46:599 (dissociation curve); West, Respiratory
Physiology (alveolar gas equation, shunt equation, 1.34 mL per gram of haemoglobin, 0.003 mL/dL
per mmHg).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from twin.core.compiled import inlined, single

if TYPE_CHECKING:
    from jaxtyping import Float

Pressure = TypeVar("Pressure", float, np.ndarray)

_ONE: Final = single(1.0)
_HALF: Final = single(0.5)
_TWO: Final = single(2.0)
_THREE: Final = single(3.0)
_CUBIC: Final = single(150.0)
_HALF_POINT: Final = single(23400.0)

DRY_GAS_MMHG: Final = single(713.0)
"""Barometric pressure at sea level less the vapour pressure at 37 degrees C, 760 - 47."""
INVERSE_EXCHANGE_RATIO: Final = single(1.0 / 0.85)
"""Respiratory exchange ratio of 0.85 (Guyton & Hall 2006)."""
HUEFNER_ML_PER_G: Final = single(1.34)
SOLUBLE_ML_PER_DL_MMHG: Final = single(0.003)
INVERSE_STORE_PER_ML: Final = single(1.0 / 4000.0)
"""Venous blood and tissue that share the venous content: about 4 L (Cherniack & Longobardo 1970,
Physiol Rev 50:196)."""
SCARCE_ML_PER_DL: Final = single(3.0)
"""Below this venous content the tissues take up less than they need: about 15 % saturation."""


def _severinghaus(pressure_mmhg: Pressure) -> Pressure:
    cubic = pressure_mmhg * (pressure_mmhg * pressure_mmhg + _CUBIC)
    share: Pressure = cubic / (cubic + _HALF_POINT)
    return share


_curve = inlined(_severinghaus)


@inlined
def saturation(pressure_mmhg: float) -> float:
    """Return the oxygen saturation (0-1) of haemoglobin: Severinghaus 1979, equation 1."""
    return _curve(pressure_mmhg)


def saturations(pressures_mmhg: Float[np.ndarray, ...]) -> Float[np.ndarray, ...]:
    """Return :func:`saturation` of every pressure, without compiling anything for arrays."""
    return np.asarray(_severinghaus(pressures_mmhg))


@inlined
def content_ml_per_dl(pressure_mmhg: float, haemoglobin_g_per_dl: float) -> float:
    """Return bound plus dissolved oxygen, mL/dL."""
    return (
        HUEFNER_ML_PER_G * haemoglobin_g_per_dl * saturation(pressure_mmhg)
        + SOLUBLE_ML_PER_DL_MMHG * pressure_mmhg
    )


@inlined
def alveolar_pressure_mmhg(inspired_fraction: float, carbon_dioxide_mmhg: float) -> float:
    """Return the alveolar oxygen pressure: the alveolar gas equation."""
    return inspired_fraction * DRY_GAS_MMHG - carbon_dioxide_mmhg * INVERSE_EXCHANGE_RATIO


@inlined
def nearer_pressure_mmhg(
    pressure_mmhg: float, content: float, haemoglobin_g_per_dl: float
) -> float:
    """Return one Newton step towards the pressure at which blood holds ``content``.

    The step is kept between half and twice the pressure, which makes it converge from anywhere.
    """
    square = pressure_mmhg * pressure_mmhg
    cubic = pressure_mmhg * (square + _CUBIC)
    inverse = _ONE / (cubic + _HALF_POINT)
    bound = HUEFNER_ML_PER_G * haemoglobin_g_per_dl
    held = bound * cubic * inverse + SOLUBLE_ML_PER_DL_MMHG * pressure_mmhg
    slope = (
        bound * _HALF_POINT * (_THREE * square + _CUBIC) * inverse * inverse
        + SOLUBLE_ML_PER_DL_MMHG
    )
    step = pressure_mmhg + (content - held) / slope
    return min(max(step, _HALF * pressure_mmhg), _TWO * pressure_mmhg)
