"""The pulsatile model: an ensemble of circulations integrated through every beat.

May live here: the calls others make. The integration is in ``pulsatile_kernel``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.beats import readings, whole_intervals
from twin.core.drugs import controls_over
from twin.core.interventions import NOTHING, Schedule
from twin.core.layout import CONTROL_INDEX, LANES, READ_ROWS
from twin.core.pulsatile_kernel import (
    FAST_STEPS,
    REGULATED_EVERY,
    SLOW_STEP_S,
    look_at_block,
    run_block,
)
from twin.core.start import start

if TYPE_CHECKING:
    from jaxtyping import Float

CONTROL_S: Final = 1.0
"""Drugs and fluids change from second to second; nothing given by vein acts faster."""

PLACES: Final = (
    "left_ventricle",
    "right_ventricle",
    "left_atrium",
    "right_atrium",
    "arteries",
    "veins",
    "lung_arteries",
    "lung_veins",
)
"""Where :func:`waveforms` looks; vessels are counted above unstressed volumes, veins excepted."""


def steady_beats(
    parameters: Float[np.ndarray, "parameter member"], settle_s: float = 120.0
) -> Float[np.ndarray, "quantity member"]:
    """Return what each member's circulation comes to rest at, rows in the order of ``Quantity``.

    The last whole beat after ``settle_s`` of being left alone.

    Raises
    ------
    SimulationError
        The parameters have the wrong shape or are not finite.
    """
    return simulate_pulsatile(parameters, NOTHING, settle_s, settle_s)[:, -1, :]


def settled(
    parameters: Float[np.ndarray, "parameter member"], settle_s: float = 120.0
) -> Float[np.ndarray, "block place"]:
    """Return the kernel's state after ``settle_s`` of being left alone, to simulate from.

    Raises
    ------
    SimulationError
        The parameters have the wrong shape or are not finite.
    """
    blocks = start(parameters)
    _run(blocks, NOTHING, settle_s, settle_s, settling=True)
    return blocks


def simulate_pulsatile(
    parameters: Float[np.ndarray, "parameter member"],
    schedule: Schedule,
    duration_s: float,
    sample_s: float,
    state: Float[np.ndarray, "block place"] | None = None,
) -> Float[np.ndarray, "quantity sample member"]:
    """Simulate every beat of every member; row order of ``Quantity``, float64.

    Each sample shows the last whole beat before ``sample_s``, ``2 sample_s``, ... . ``state``
    comes from :func:`settled` and is left as it was, so that members can be paired over
    schedules; without one the simulation begins at a rough start, and slow hormones are hurried
    so that it comes to rest within the usual two minutes.

    Raises
    ------
    SimulationError
        Parameters of a wrong shape or not finite, or times that are no multiples of 1 s.
    """
    blocks = start(parameters) if state is None else state.copy()
    samples = _run(blocks, schedule, duration_s, sample_s, settling=state is None)
    return readings(samples, parameters.shape[1])


def waveforms(
    parameters: Float[np.ndarray, "parameter member"],
    state: Float[np.ndarray, "block place"],
    duration_s: float,
) -> Mapping[str, tuple[Float[np.ndarray, "sample member"], Float[np.ndarray, "sample member"]]]:
    """Return volume (mL) and pressure (mmHg) of chambers and vessels every 20 ms.

    Keys are ``PLACES``; ``state`` comes from :func:`settled` and is left as it was.
    """
    blocks = state.copy()
    idle = controls_over(NOTHING, np.zeros(1))
    nowhere = np.zeros((1, READ_ROWS * LANES), blocks.dtype)
    moments = round(duration_s / SLOW_STEP_S)
    seen = np.zeros((moments, len(blocks), 2 * len(PLACES), LANES))
    for moment in range(moments):
        for block, into in zip(blocks, seen[moment], strict=True):
            run_block(block, idle, 1, 1, FAST_STEPS, 1, nowhere)
            look_at_block(block, into)
    rows = seen.transpose(2, 0, 1, 3).reshape(2 * len(PLACES), moments, -1)
    volumes, pressures = np.split(rows[:, :, : parameters.shape[1]], 2)
    return dict(zip(PLACES, zip(volumes, pressures, strict=True), strict=True))


def _run(
    blocks: Float[np.ndarray, "block place"],
    schedule: Schedule,
    duration_s: float,
    sample_s: float,
    settling: bool = False,
) -> Float[np.ndarray, "block sample place"]:
    intervals, per_sample = whole_intervals(duration_s, sample_s, CONTROL_S)
    controls = controls_over(schedule, (np.arange(intervals) + 0.5) * CONTROL_S)
    controls[:, CONTROL_INDEX["settling"]] = settling
    steps = round(CONTROL_S / SLOW_STEP_S)
    samples = np.zeros((blocks.shape[0], intervals // per_sample, READ_ROWS * LANES), blocks.dtype)
    for block, taken in zip(blocks, samples, strict=True):
        run_block(block, controls, steps, REGULATED_EVERY, FAST_STEPS, per_sample, taken)
    return samples
