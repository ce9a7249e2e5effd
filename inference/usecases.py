"""What this room does for others: each use case glues ports to the core, and no more."""

from __future__ import annotations

import asyncio

from inference.core.explanation import Quantity, present
from inference.core.reading import TrajectoryReading
from inference.core.release import ReleasedModel
from inference.core.trajectory import Trajectory, TrajectoryColumns, columns_of
from inference.core.trajectory_image import TrajectorySummary, summary_of
from inference.core.trajectory_reading import batch_of, reading_of
from inference.ports import ModelRuntime


async def read_trajectory(
    runtime: ModelRuntime, release: ReleasedModel, trajectory: Trajectory, *, explain: bool = True
) -> TrajectoryReading:
    """Return the calibrated risk of death in hospital, with its interval, basis and neighbours.

    With ``explain`` the stay is read once more without each quantity it has, in the same batch.

    Raises
    ------
    WeightsMismatch, InputUnusable, RuntimeBusy
        As the runtime says.
    """
    columns = columns_of(trajectory)
    quantities = present(columns) if explain else ()
    # Some 2 ms for each quantity: the event loop has other calls to serve.
    summaries = await asyncio.to_thread(_summaries, columns, quantities)
    outputs = await runtime.run(release, batch_of(summaries, release))
    return await asyncio.to_thread(reading_of, release, columns, outputs, quantities)


def _summaries(
    columns: TrajectoryColumns, quantities: tuple[Quantity, ...]
) -> list[TrajectorySummary]:
    hidden = (quantity.hidden_from(columns) for quantity in quantities)
    return [summary_of(columns), *(summary_of(version) for version in hidden)]
