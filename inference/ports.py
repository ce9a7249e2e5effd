"""What the use cases of this room need from the world. Protocols and their errors; no adapter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

from inference.core.release import ReleasedModel

Batch = Mapping[str, NDArray[Any]]


class ModelRuntime(Protocol):
    """Whatever executes a released model: ONNX Runtime, a cluster, a recording."""

    async def run(self, release: ReleasedModel, batch: Batch) -> Batch:
        """Return the release's outputs by name for a batch of its inputs by name.

        Raises
        ------
        WeightsMismatch
            When the weights at hand are not those of the release.
        InputUnusable
            When an array is missing or does not have the shape the release reads.
        RuntimeBusy
            When every place in the queue is taken.
        """
        ...
