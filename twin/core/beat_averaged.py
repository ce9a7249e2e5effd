"""The beat-averaged model: the same circulation without the beat, for minutes to hours.

May live here: the integration at 0.5 and 1 s and the calls others make. The heart is algebraic
(``mean_beat``); vessels, nerves, drugs, fluid and oxygen are those of the pulsatile model, with
the same parameters.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core import (
    acting,
    baroreflex,
    beats,
    chambers,
    exchange,
    gas_exchange,
    hormones,
    layout,
    mean_beat,
    pericardium,
    regulation,
    respiration,
    rhythm,
    slow_steps,
    vessels,
)
from twin.core.beats import copy_readings, readings, whole_intervals
from twin.core.compiled import digest_of, inlined, kernel, single
from twin.core.drugs import controls_over
from twin.core.interventions import NOTHING, Schedule
from twin.core.layout import CONTROL_INDEX, LANES, READ_ROWS
from twin.core.mean_beat import beat, tell
from twin.core.side_by_side import begun, shared
from twin.core.slow_steps import begin_interval, regulate
from twin.core.start import start

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jaxtyping import Float

    Flat = Float[np.ndarray, " place"]
    Run = Callable[[Flat, Float[np.ndarray, "interval control"], int, int, np.ndarray], None]

CONTROL_S: Final = 5.0
"""Drugs and fluids are brought up to date every 5 s; over minutes nothing finer shows."""
SETTLE_S: Final = 180.0

STEP_S: Final = 0.5
REGULATED_EVERY: Final = 2
"""Steps between two looks at nerves and drugs."""
COARSE_STEP_S: Final = STEP_S * REGULATED_EVERY
"""Later steps, each with a look at nerves. Against steps of 0.5 s all along, of 512 members of the
prior none is more than 1 mmHg off within half an hour of a bolus, and of 1024 one or two under
norepinephrine and one to five with 750 mL of blood lost, by up to 6 mmHg: those on the brink of
oscillating by their reflex. Of the others it is hundredths."""
FINE_S: Final = 120.0
"""How long steps are fine: what begins with a simulation is over by then, and things go slowly."""

_FINE: Final = single(STEP_S)
_COARSE: Final = single(COARSE_STEP_S)
_INTERVAL_S: Final = single(CONTROL_S)
_FINE_STEPS: Final = round(CONTROL_S / STEP_S)
_COARSE_STEPS: Final = round(CONTROL_S / COARSE_STEP_S)
_FOLLOW: Final = single(0.5)
"""Share of its way to the stroke that an output goes in a step: a lag of half a second."""
_FOLLOW_COARSE: Final = single(0.5)
"""With a larger share of a longer step more of the severely bled oscillate."""
_SENSED_COARSE_S: Final = single(3.0)
"""Receptors are quicker than they are: the time they take is what outputs lag behind, so that the
loop of the reflex takes as long as with fine steps."""


@inlined
def advance_finely(w: Flat, lanes: int) -> None:
    """Advance a block by one interval of controls, in steps of ``STEP_S``."""
    for step in range(_FINE_STEPS):
        if step % REGULATED_EVERY == 0:
            regulate(w, lanes, _COARSE)
        for i in range(lanes):
            beat(w, i, _FINE, _FOLLOW, _FINE)


@inlined
def advance_coarsely(w: Flat, lanes: int) -> None:
    """Advance a block by one interval of controls, in steps of ``COARSE_STEP_S``."""
    for _ in range(_COARSE_STEPS):
        regulate(w, lanes, _COARSE)
        for i in range(lanes):
            beat(w, i, _COARSE, _FOLLOW_COARSE, _SENSED_COARSE_S)


def ensemble(lanes: int, digest: int) -> Run:
    """Return the kernel for a block of ``lanes`` members; ``digest`` is a key of the cache."""

    def run(
        w: Flat,
        controls: Float[np.ndarray, "interval control"],
        fine_intervals: int,
        intervals_per_sample: int,
        samples: Float[np.ndarray, "sample place"],
    ) -> None:
        if digest == 0:
            return
        for interval in range(controls.shape[0]):
            begin_interval(w, lanes, controls, interval, _INTERVAL_S)
            if interval < fine_intervals:
                advance_finely(w, lanes)
            else:
                advance_coarsely(w, lanes)
            if (interval + 1) % intervals_per_sample == 0:
                for i in range(lanes):
                    tell(w, i)
                copy_readings(w, samples[(interval + 1) // intervals_per_sample - 1])

    return kernel(run)


EQUATIONS: Final = digest_of(
    acting,
    baroreflex,
    beats,
    chambers,
    exchange,
    gas_exchange,
    hormones,
    layout,
    mean_beat,
    pericardium,
    regulation,
    respiration,
    rhythm,
    slow_steps,
    vessels,
)

run_block: Final = ensemble(LANES, EQUATIONS)


def settled(
    parameters: Float[np.ndarray, "parameter member"], settle_s: float = SETTLE_S
) -> Float[np.ndarray, "block place"]:
    """Return the state after ``settle_s`` of being left alone, to simulate from.

    Raises
    ------
    SimulationError
        The parameters have the wrong shape or are not finite.
    """
    return settled_from(start(parameters), settle_s)


def settled_from(
    begun: Float[np.ndarray, "block place"], settle_s: float = SETTLE_S
) -> Float[np.ndarray, "block place"]:
    """Return :func:`settled` of a rough start (``twin.core.start``), which is left as it was."""
    blocks = begun.copy()
    _run(blocks, NOTHING, settle_s, settle_s, settling=True)
    return blocks


def simulate(
    parameters: Float[np.ndarray, "parameter member"],
    schedule: Schedule,
    duration_s: float,
    sample_s: float,
    state: Float[np.ndarray, "block place"] | None = None,
) -> Float[np.ndarray, "quantity sample member"]:
    """Simulate an ensemble beat-averaged; rows in the order of ``Quantity``, float64.

    Samples are taken at ``sample_s``, ``2 sample_s``, ... after the schedule's start. ``state``
    comes from :func:`settled` and is left as it was, so that members can be paired over
    schedules; without one the ensemble settles first.

    Raises
    ------
    SimulationError
        Parameters of a wrong shape or not finite, or times that are no multiples of 5 s.
    """
    blocks = settled(parameters) if state is None else state.copy()
    return readings(_run(blocks, schedule, duration_s, sample_s), parameters.shape[1])


def led(
    schedule: Schedule,
    lead_s: float,
    state: Float[np.ndarray, "block place"],
) -> Float[np.ndarray, "block place"]:
    """Return the state that the schedule's past leads to: at time 0, from ``state`` before it.

    Raises
    ------
    SimulationError
        The time is no multiple of 5 s.
    """
    blocks = state.copy()
    _run(blocks, schedule, lead_s, lead_s, begins_s=-lead_s)
    return blocks


def simulate_each(
    parameters: Float[np.ndarray, "parameter member"],
    schedules: Sequence[Schedule],
    duration_s: float,
    sample_s: float,
    state: Float[np.ndarray, "block place"],
) -> list[Float[np.ndarray, "quantity sample member"]]:
    """Simulate every schedule from one settled ensemble, on both cores; see :func:`simulate`.

    Raises
    ------
    SimulationError
        The times are no multiples of 5 s.
    """

    def run(part: Sequence[Schedule]) -> list[np.ndarray]:
        return [_run(state.copy(), each, duration_s, sample_s) for each in part]

    parts = shared(schedules)
    futures = [begun(partial(run, part)) for part in parts[1:]]
    taken = [run(parts[0]), *(future.result() for future in futures)]
    # What was dealt out in turn is gathered in turn, and all of it translated at once.
    each = [taken[number % len(parts)][number // len(parts)] for number in range(len(schedules))]
    width = len(state) * LANES
    rows = readings(np.concatenate(each), width * len(schedules))
    members = parameters.shape[1]
    return [rows[:, :, first : first + members] for first in range(0, rows.shape[2], width)]


def _run(
    blocks: Float[np.ndarray, "block place"],
    schedule: Schedule,
    duration_s: float,
    sample_s: float,
    settling: bool = False,
    begins_s: float = 0.0,
) -> Float[np.ndarray, "block sample place"]:
    intervals, per_sample = whole_intervals(duration_s, sample_s, CONTROL_S)
    controls = controls_over(schedule, begins_s + (np.arange(intervals) + 0.5) * CONTROL_S)
    controls[:, CONTROL_INDEX["settling"]] = settling
    samples = np.zeros((blocks.shape[0], intervals // per_sample, READ_ROWS * LANES), np.float32)
    for block, taken in zip(blocks, samples, strict=True):
        run_block(block, controls, round(FINE_S / CONTROL_S), per_sample, taken)
    return samples
