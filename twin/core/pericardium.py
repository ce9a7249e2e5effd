"""The pressure around the heart: thorax and pericardium. Scalars in, mmHg out.

May live here: what the four chambers share because they lie in one sac in one thorax. Compiled
into the kernels: no branch, no exponential, single-precision constants only.

The sac is slack until heart and fluid together exceed its volume and then stiffens steeply
(Holt 1970, Am J Cardiol 26:455). Because all chambers feel the same pressure, a right ventricle
that dilates takes room from the left one, and fluid takes it from both: ventricular interaction
and tamponade are the same equation.
"""

from __future__ import annotations

from typing import Final

from twin.core.compiled import inlined, single

_ZERO: Final = single(0.0)

TORN: Final = single(9.0)
"""Square of the stretch, in widths, from which on the sac stiffens no more."""


@inlined
def stretched_pressure(stretched: float) -> float:
    """Return the pressure of a sac stretched by so many widths beyond its slack, mmHg.

    Cubic up to ``TORN``, straight beyond: a pressure of 27 mmHg around the heart is lethal, and
    steeper walls would outrun any step.
    """
    return stretched * min(stretched * stretched, TORN)


@inlined
def pericardial_pressure(heart_ml: float, excess_ml: float, inverse_width: float) -> float:
    """Return ``(x / width)3``, with ``x`` what heart and fluid exceed the slack volume by.

    ``excess_ml`` is the fluid less the slack volume.
    """
    return stretched_pressure(max(heart_ml + excess_ml, _ZERO) * inverse_width)
