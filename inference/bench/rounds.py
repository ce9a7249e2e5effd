"""How every net is timed: all works of a bench in turn, so that all meet one machine.

The floor of a net's arithmetic, a product of matrices on as many threads, is one of the works.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

Case = dict[str, float]
Work = Callable[[], object]
WARM_UP: Final = 3
FLOOR_SIZE: Final = 512
_LEFT: Final[NDArray[np.float32]] = np.random.default_rng(0).random(
    (FLOOR_SIZE, FLOOR_SIZE), dtype=np.float32
)


def rounds(works: Mapping[str, Work], runs: int) -> dict[str, list[float]]:
    """Return the milliseconds of each work in each round, after `WARM_UP` rounds not counted."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(-WARM_UP, runs):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            if turn >= 0:
                taken[name].append((time.perf_counter() - started) * 1e3)
    return taken


def case(times: list[float], threads: int) -> Case:
    """Return what a bench prints of one work."""
    p50, p99 = np.quantile(times, [0.5, 0.99])
    return {"p50_ms": round(float(p50), 2), "p99_ms": round(float(p99), 2), "threads": threads}


def product(pool: ThreadPoolExecutor, threads: int) -> object:
    """Multiply two square matrices, each thread a share of the rows.

    With a BLAS that takes one thread a call (``OPENBLAS_NUM_THREADS=1``), else it takes more.
    """
    parts = np.array_split(_LEFT, threads)
    return list(pool.map(lambda rows: rows @ _LEFT, parts))


def floor_of(times: list[float], mega_macs: float, threads: int) -> Case:
    """Return what so much arithmetic takes, from how long `product` took."""
    share = mega_macs * 1e6 / FLOOR_SIZE**3
    return case([one * share for one in times], threads)
