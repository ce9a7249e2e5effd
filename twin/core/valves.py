"""Heart valves as ideal diodes with a resistance. Scalars in, mL/s out.

May live here: flow through a valve. Leaks and stenoses are other values of the same resistances.
"""

from __future__ import annotations

from typing import Final

from twin.core.compiled import inlined, single

_ZERO: Final = single(0.0)


@inlined
def forward_flow(pressure_difference_mmhg: float, inverse_resistance: float) -> float:
    """Return the flow through an open valve, and none through a closed one, mL/s."""
    return max(pressure_difference_mmhg, _ZERO) * inverse_resistance
