"""Replays outputs kept from an earlier run: for tests and demonstrations without weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from inference.core.release import ReleasedModel
from inference.errors import ReleaseNotFound
from inference.ports import Batch


@final
class RecordedRuntime:
    """Answers each run with the outputs kept for the release's name, one row for each asked."""

    def __init__(self, recorded: Mapping[str, Mapping[str, NDArray[Any]]]) -> None:
        self._recorded = recorded

    async def run(self, release: ReleasedModel, batch: Batch) -> Batch:
        """Return the kept outputs, repeated to the size of the batch."""
        release.check(batch)
        outputs = self._recorded.get(release.name)
        if outputs is None:
            raise ReleaseNotFound(release.name)
        size = len(batch[release.inputs[0].name])
        return {
            name: np.repeat(np.asarray(value)[None], size, axis=0)
            for name, value in outputs.items()
        }
