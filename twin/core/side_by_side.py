"""Kernels side by side: they run without the interpreter's lock, so that two use two cores.

May live here: the threads that kernels run in. Whoever starts something here waits for it before
it returns, so that nothing outlives the call that asked for it.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Result = TypeVar("Result")

THREADS: Final = 2
"""A service answers few callers at once; more threads than cores would only share caches."""

_POOL: Final = ThreadPoolExecutor(THREADS, "kernels")


def begun(task: Callable[[], Result]) -> Future[Result]:
    """Start a task beside the caller, who asks the future for its result."""
    return _POOL.submit(task)


def shared(items: Sequence[Result]) -> list[Sequence[Result]]:
    """Return the items in as many nearly equal parts as there are threads, none of them empty."""
    parts = min(THREADS, len(items))
    return [items[part::parts] for part in range(parts)]
