"""Heart valves as ideal diodes with a resistance. Scalars in, mL/s out.

May live here: flow through a valve. Stenoses are other values of the same resistances.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.compiled import inlined, single

if TYPE_CHECKING:
    from jaxtyping import Float

_ZERO: Final = single(0.0)


@inlined
def forward_flow(pressure_difference_mmhg: float, inverse_resistance: float) -> float:
    """Return the flow through an open valve, and none through a closed one, mL/s."""
    return max(pressure_difference_mmhg, _ZERO) * inverse_resistance


@inlined
def regurgitant_flow(
    pressure_difference_mmhg: float, ventricle_ml: float, leak_per_mmhg_s: float
) -> float:
    """Return the flow back through a mitral valve that a large ventricle pulls open, mL/s.

    The orifice is proportional to the ventricle's volume above its unstressed one: it shrinks
    while the heart ejects, and more where a dilator lets it empty further (Yoran 1979,
    Circulation 60:170; Stevenson 1987, Am J Cardiol 60:654).
    """
    orifice = max(ventricle_ml, _ZERO) * leak_per_mmhg_s
    return max(pressure_difference_mmhg, _ZERO) * orifice


def least_resistance(
    elastance_mmhg_per_ml: Float[np.ndarray, " member"], step_s: float
) -> Float[np.ndarray, " member"]:
    """Return the valve resistance below which a chamber outruns the integration, mmHg s/mL.

    Runge and Kutta's fourth order is stable to 2.78 over the quickest rate, elastance over
    resistance; 2.2 leaves room for the chamber at the valve's other end. Only ventricles at once
    very stiff or strong and behind a very wide valve come near it.
    """
    return np.asarray(elastance_mmhg_per_ml * step_s / 2.2)
