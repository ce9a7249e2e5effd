"""Decodes radiographs in a process of its own: a file that breaks a decoder ends no service.

Of some ten thousand broken files one made a native decoder abort its whole process. Here that is
the child, which also has limits on memory and time and a closed standard error, where decoders
write what they think of a file. The child is started with the first file and kept.
"""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Final, final

from inference.core.radiograph import Radiograph
from inference.errors import RadiographUnreadable

SECONDS: Final = 20.0
"""The largest picture that is read takes a fifth of it on a busy core."""
MEMORY_BYTES: Final = 3 << 30
"""Of addresses, of which a child that has decoded nothing yet uses a third."""

Decode = Callable[[bytes, int | None], Radiograph]


@final
class DecodingProcess:
    """One child that decodes, one file after another.

    Parameters
    ----------
    decode
        What the child runs; a function of a module, and by default
        `inference.archive.dicom_pixels.radiograph_of`.
    seconds
        That one file may take.
    """

    def __init__(self, decode: Decode | None = None, seconds: float = SECONDS) -> None:
        self._decode = decode or _radiograph_of
        self._seconds = seconds
        self._pool: ProcessPoolExecutor | None = None
        self._turn = asyncio.Lock()

    async def radiograph(self, data: bytes, least_side: int | None = None) -> Radiograph:
        """Return the frontal chest radiograph in a DICOM file.

        Raises
        ------
        inference.errors.RadiographError
            As `radiograph_of` says; and where the file broke the decoder or took too long.
        """
        async with self._turn:
            loop = asyncio.get_running_loop()
            try:
                async with asyncio.timeout(self._seconds):
                    return await loop.run_in_executor(
                        self._started(), self._decode, data, least_side
                    )
            except BrokenProcessPool:
                self.close()
                raise RadiographUnreadable("it breaks the decoder") from None
            except TimeoutError:
                self.close()
                raise RadiographUnreadable("it takes too long to decode") from None

    def close(self) -> None:
        """Let the child go, also in the middle of a file."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        for child in list((pool._processes or {}).values()):
            child.kill()
        pool.shutdown(wait=False, cancel_futures=True)

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=_restrain)
        return self._pool


def _restrain() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)


def _radiograph_of(data: bytes, least_side: int | None) -> Radiograph:
    # pydicom and its decoders are imported in the child alone.
    from inference.archive.dicom_pixels import radiograph_of

    try:
        return radiograph_of(data, least_side)
    except MemoryError:
        raise RadiographUnreadable("it needs more memory than a radiograph") from None
