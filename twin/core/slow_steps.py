"""What both kernels do with a whole block now and then: controls, exchange, regulation.

May live here: loops over the members of a block for what is slower than a beat. The equations are
in ``acting``, ``exchange`` and ``regulation``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.core.acting import surround_and_pump, take_controls
from twin.core.compiled import inlined
from twin.core.exchange import exchange_fluid, exchange_gases
from twin.core.regulation import act_on_heart, act_on_vessels, settle_nerves

if TYPE_CHECKING:
    from jaxtyping import Float

    Flat = Float[np.ndarray, " place"]


@inlined
def begin_interval(
    w: Flat, lanes: int, controls: Float[np.ndarray, "interval control"], interval: int, h: float
) -> None:
    """Take up the controls of an interval, and exchange what it will exchange."""
    for i in range(lanes):
        take_controls(w, i, controls, interval)
    for i in range(lanes):
        surround_and_pump(w, i)
        exchange_fluid(w, i, h)
        exchange_gases(w, i, h)


@inlined
def regulate(w: Flat, lanes: int, h: float) -> None:
    """Let nerves and hormones, and what they act on, catch up with ``h`` seconds."""
    for i in range(lanes):
        settle_nerves(w, i, h)
        act_on_heart(w, i)
        act_on_vessels(w, i)
