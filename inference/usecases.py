"""What this room does for others: each use case glues ports to the core, and no more."""

from __future__ import annotations

import asyncio

from inference.core.explanation import Quantity, most_unusual, present
from inference.core.reading import TrajectoryReading
from inference.core.release import ReleasedModel
from inference.core.trajectory import Trajectory, TrajectoryColumns, columns_of
from inference.core.trajectory_image import image, summary_of
from inference.core.trajectory_reading import batch_of, reading_of, standards_of
from inference.ports import Batch, ModelRuntime


async def read_trajectory(
    runtime: ModelRuntime, release: ReleasedModel, trajectory: Trajectory, *, explain: bool = True
) -> TrajectoryReading:
    """Return the calibrated risk of death in hospital, with its interval, basis and neighbours.

    With ``explain`` the stay is read again, in the same batch, without each of the quantities that
    lie furthest from usual.

    Raises
    ------
    WeightsMismatch, InputUnusable, RuntimeBusy
        As the runtime says.
    """
    columns = columns_of(trajectory)
    # Some 2 ms for each quantity: the event loop has other calls to serve.
    batch, quantities = await asyncio.to_thread(_batch, columns, release, explain)
    outputs = await runtime.run(release, batch)
    return await asyncio.to_thread(reading_of, release, columns, outputs, quantities)


def _batch(
    columns: TrajectoryColumns, release: ReleasedModel, explain: bool
) -> tuple[Batch, tuple[Quantity, ...]]:
    """Return the stay as it is and without each quantity, as one batch, and those quantities."""
    whole = summary_of(columns)
    if not explain:
        return batch_of([whole], release), ()
    quantities = most_unusual(present(columns), image(whole, standards_of(release)))
    hidden = (summary_of(quantity.hidden_from(columns)) for quantity in quantities)
    return batch_of([whole, *hidden], release), quantities
