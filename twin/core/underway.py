"""Where a simulation of a treated patient begins: the state that treatment since then has led to.

May live here: what is simulated between the newest vital signs and the present. Without recorded
treatment, or with one that goes on as it was, that is nothing, and costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from twin.core.beat_averaged import CONTROL_S, led, settled, simulate
from twin.core.interventions import NOTHING

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float

    from twin.core.interventions import Schedule
    from twin.core.treatment import Underway

LONGEST_LEAD_S: Final = 3600.0
"""Of older vital signs, the last hour is simulated: drugs given into a vein act within it."""

RESTED_S: Final = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Beginning:
    """The present state of every member, and the rest that the fitted present stands for."""

    idle: Schedule
    """What goes on when nothing new is done."""
    state: Float[np.ndarray, "block place"]
    resting: Float[np.ndarray, "quantity member"] | None
    """As measured at the newest vital signs; None where it is the idle path's own beginning."""


def begun_from(
    parameters: Float[np.ndarray, "parameter member"],
    idle: Schedule,
    underway: Underway,
    horizon_s: float,
) -> Beginning:
    """Return where simulations of ``horizon_s`` begin under the treatment that is under way."""
    state = settled(parameters)
    if not underway.moves(idle, horizon_s):
        return Beginning(NOTHING, state, None)
    resting = simulate(parameters, NOTHING, RESTED_S, RESTED_S, state)[:, -1]
    lead_s = CONTROL_S * round(min(-underway.stood_at_s, LONGEST_LEAD_S) / CONTROL_S)
    if lead_s > 0.0:
        state = led(idle, lead_s, state)
    return Beginning(idle, state, resting)
