"""Arteries and veins as pressure-volume relations. Scalars in, mmHg out.

May live here: how a vessel's pressure follows from its volume. Compiled into the kernels: no
branch, no exponential, single-precision constants only.

Arteries and lung vessels are counted above their unstressed volumes, whose sum is one parameter:
it enters the balance of blood and nothing else.
"""

from __future__ import annotations

import math
from typing import Final

from twin.core.compiled import inlined, single

_ZERO: Final = single(0.0)
_HALF: Final = single(0.5)
_ONE: Final = single(1.0)


@inlined
def artery_pressure(
    stressed_ml: float, inverse_compliance: float, inverse_stiffening: float
) -> float:
    """Return the pressure of arteries that stiffen as they fill: ``x / C (1 + x / xs)``."""
    return stressed_ml * inverse_compliance * (_ONE + stressed_ml * inverse_stiffening)


@inlined
def vein_pressure(
    above_unstressed_ml: float, inverse_compliance: float, collapse_squared: float
) -> float:
    """Return the transmural pressure of veins that collapse when emptied.

    ``(x + sqrt(x2 + w2)) / 2C``: compliant and straight when filled, and in the toe of width ``w``
    it flattens towards zero, so that an emptying vein yields less and less pressure and none below
    zero (Moreno 1970, Circ Res 27:1069).
    """
    reach = math.sqrt(above_unstressed_ml * above_unstressed_ml + collapse_squared)
    return _HALF * (above_unstressed_ml + reach) * inverse_compliance


@inlined
def vein_line(
    above_unstressed_ml: float, inverse_compliance: float, collapse_squared: float
) -> tuple[float, float]:
    """Return :func:`vein_pressure` and how steeply it rises with volume, mmHg and mmHg/mL.

    The relation bends over about a hundred mL; within the few that veins gain or lose in a
    twentieth of a second it is straight to a thousandth of a mmHg, which spares the root.
    """
    reach = math.sqrt(above_unstressed_ml * above_unstressed_ml + collapse_squared)
    half = _HALF * inverse_compliance
    return half * (above_unstressed_ml + reach), half * (_ONE + above_unstressed_ml / reach)


@inlined
def flow_through_body(
    arteries_mmhg: float, veins_mmhg: float, closing_mmhg: float, conductance: float
) -> float:
    """Return the flow through the systemic vessels, mL/s: a waterfall.

    Small arteries close at a pressure above that of the veins, and flow stops while arterial
    pressure is still there (Permutt & Riley 1963, J Appl Physiol 18:924; Maas 2012, Anesth Analg
    114:803).
    """
    return max(arteries_mmhg - max(veins_mmhg, closing_mmhg), _ZERO) * conductance


@inlined
def venous_return(veins_mmhg: float, right_atrium_mmhg: float, inverse_resistance: float) -> float:
    """Return the flow from the veins into the right atrium, mL/s.

    Where atrial pressure falls below that of the air, the veins collapse at the thoracic inlet and
    the heart cannot suck: the plateau of the venous return curve (Guyton 1957, Am J Physiol
    189:609).
    """
    return (veins_mmhg - max(right_atrium_mmhg, _ZERO)) * inverse_resistance
