"""Where a circulation comes to rest: the beats of its last seconds, averaged.

One beat is no resting state: with a slow heart and a strong vagus the reflex makes beats long and
short in turn, in the model as in people (respiratory and Mayer waves aside). A monitor shows the
average too.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from twin.core.beat_averaged import settled_from
from twin.core.handover import beating
from twin.core.interventions import NOTHING
from twin.core.parameters import PARAMETERS
from twin.core.pulsatile import simulate_pulsatile
from twin.core.pulsatile_kernel import EQUATIONS
from twin.core.start import start

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float

SETTLE_S: Final = 120.0
AVERAGED_S: Final = 20.0
"""About what bedside monitors average over."""

GUARD_S: Final = 10.0
GUARD_AVERAGED_S: Final = 5.0
"""Begun at the beat-averaged model's rest, the pulsatile one is then within 1 mmHg of its own."""


def model_version() -> str:
    """Return what tells this model from any other: its equations and its parameters' defaults."""
    defaults = repr([(entry.name, entry.default) for entry in PARAMETERS])
    return hashlib.sha256(f"{EQUATIONS} {defaults}".encode()).hexdigest()[:12]


def resting_state(
    parameters: Float[np.ndarray, "parameter member"], settle_s: float = SETTLE_S
) -> Float[np.ndarray, "quantity member"]:
    """Return the state after ``settle_s``, averaged over the last 20 s; rows of ``Quantity``.

    Raises
    ------
    twin.errors.SimulationError
        The parameters have the wrong shape or are not finite.
    """
    samples = int(AVERAGED_S)
    path = simulate_pulsatile(parameters, NOTHING, settle_s, 1.0)
    state: np.ndarray = path[:, -samples:, :].mean(axis=1)
    return state


def guarding_state(
    parameters: Float[np.ndarray, "parameter member"],
) -> Float[np.ndarray, "quantity member"]:
    """Return nearly the resting state at a tenth of its cost: what guards a fit.

    Raises
    ------
    twin.errors.SimulationError
        The parameters have the wrong shape or are not finite.
    """
    begun = start(parameters)
    near = beating(settled_from(begun), begun)
    path = simulate_pulsatile(parameters, NOTHING, GUARD_S, 1.0, near)
    state: np.ndarray = path[:, -int(GUARD_AVERAGED_S) :, :].mean(axis=1)
    return state
