"""Reads ECGs and radiographs in a process of its own: an adapter of ``ImageReader``.

Inference and page finding hold the interpreter's lock for tens of milliseconds, which a hook would
wait for; and of some ten thousand broken files one made a native decoder abort its whole process.
Here that is the child, which also has limits on memory and time, yields to whoever answers hooks,
and has a closed standard error, where decoders write what they think of a file. The child is
started with the first file, kept while files come, and let go when none has come for a while.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import resource
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Final, final

from inference.core.image_reading import FileToRead, ImageKind, LeadsToRead, NotRead, Outcome
from inference.core.release import ReleasedModel, joint_digest

SECONDS: Final = 60.0
"""The largest file takes some seconds of a core; of a machine that is busy, ten times as long."""
STARTING_SECONDS: Final = 180.0
"""More for the first file: the child imports decoders and nets, seven seconds of a core."""
IDLE_SECONDS: Final = 600.0
"""After so long without a file the child's memory is given back."""
MEMORY_BYTES: Final = 3 << 30
"""Of addresses, of which a child that has read nothing yet uses a third."""
NICENESS: Final = 10
_DIE_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG of prctl(2)

Reading = FileToRead | LeadsToRead
Work = Callable[[Mapping[ImageKind, tuple[str, ...]], Reading], Outcome]


@final
class ReadingProcess:
    """One child that reads, one file after another.

    Parameters
    ----------
    releases
        Which release reads which kind; each is checked against its digest when it is opened.
    second
        For a kind, a release that is heard with the one that reads it.
    work
        What the child runs; a function of a module, and by default
        `inference.reader.child.Readers.read`.
    seconds
        That one file may take.
    """

    def __init__(
        self,
        releases: Mapping[ImageKind, ReleasedModel],
        work: Work | None = None,
        seconds: float = SECONDS,
        idle_seconds: float = IDLE_SECONDS,
        second: Mapping[ImageKind, ReleasedModel] | None = None,
    ) -> None:
        self._releases = {
            kind: [release, *([second[kind]] if second and kind in second else [])]
            for kind, release in releases.items()
        }
        self._names = {
            kind: tuple(each.name for each in read_by) for kind, read_by in self._releases.items()
        }
        self._work = work or _read
        self._seconds = seconds
        self._idle_seconds = idle_seconds
        self._pool: ProcessPoolExecutor | None = None
        self._letting_go: asyncio.TimerHandle | None = None
        self._turn = asyncio.Lock()

    def releases_of(self, file: Reading) -> str | None:
        """Return what names the releases that would read it; None where none is installed."""
        read_by = self._releases.get(_kind(file))
        return None if read_by is None else joint_digest(read_by)

    @property
    def pid(self) -> int | None:
        """Return the child's process, for asking the system about it; None while there is none."""
        children = (self._pool._processes or {}) if self._pool is not None else {}
        return next(iter(children), None)

    async def read(self, file: Reading) -> Outcome:
        """Return the reading with its picture, or why there is none."""
        if _kind(file) not in self._names:
            return NotRead(f"no reader for {_kind(file).value}s is installed", lasting=False)
        async with self._turn:
            self._keep()
            fresh = self._pool is None
            try:
                async with asyncio.timeout(self._seconds + fresh * STARTING_SECONDS):
                    loop = asyncio.get_running_loop()
                    return await loop.run_in_executor(
                        self._started(), self._work, self._names, file
                    )
            except BrokenProcessPool:
                self.close()
                return NotRead("it breaks the reader", lasting=False)
            except MemoryError:
                return NotRead("it needs more memory than a reading may take", lasting=False)
            except TimeoutError:
                self.close()
                return NotRead("it takes too long to read", lasting=False)
            finally:
                loop = asyncio.get_running_loop()
                self._letting_go = loop.call_later(self._idle_seconds, self.close)

    def close(self) -> None:
        """Let the child go, also in the middle of a file."""
        self._keep()
        pool, self._pool = self._pool, None
        if pool is None:
            return
        for child in list((pool._processes or {}).values()):
            child.kill()
        pool.shutdown(wait=False, cancel_futures=True)

    def _keep(self) -> None:
        """Take back that the child will be let go."""
        if self._letting_go is not None:
            self._letting_go.cancel()
            self._letting_go = None

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=restrain)
        return self._pool


def _kind(file: Reading) -> ImageKind:
    return ImageKind.ECG if isinstance(file, LeadsToRead) else file.kind


def restrain() -> None:
    """Bound a child before it sees a file; it ends with the process that started it."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICENESS)
    # A service that is killed outright cannot tell its child: the kernel does.
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)


_READERS: dict[str, object] = {}
"""The child's own: sessions of its releases, made with the first file."""


def _read(names: Mapping[ImageKind, tuple[str, ...]], file: Reading) -> Outcome:
    # Decoders and nets are imported in the child alone.
    from inference.reader.child import Readers

    readers = _READERS.get("readers")
    if not isinstance(readers, Readers):
        readers = _READERS["readers"] = Readers(dict(names))
    return readers.read(file)
