"""Times reading a trajectory: the net alone, the whole reading, the floor of its arithmetic."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from inference.core.trajectory import StayFacts, Trajectory, TrajectoryEvent, columns_of
from inference.core.trajectory_image import summary_of
from inference.core.trajectory_reading import batch_of
from inference.releases.library import ReleaseLibrary
from inference.runtimes.onnx import OnnxRuntime
from inference.usecases import read_trajectory

RELEASE: Final = "deterioration"
MEGA_MACS: Final = 66.5
"""Multiply-accumulates of EfficientNet-B3 on one trajectory image, in millions; counted by hooks
on its convolutions and matrix products (see the table of compound scaling in the card)."""
_FLOOR_SIZE: Final = 512
_BLAS_THREADS: Final = os.cpu_count() or 1
"""numpy multiplies with every core."""
WARM_UP: Final = 3
Case = dict[str, float]


def measured(runs: int) -> dict[str, dict[str, Case]]:
    """Return cases and peers, each round timing everything once, so that all meet one machine."""
    library = ReleaseLibrary()
    runtimes = {threads: OnnxRuntime(library, threads) for threads in (1, 2)}
    works = {
        (name, threads): work
        for threads, runtime in runtimes.items()
        for name, work in _works(library, runtime).items()
    }
    left = np.random.default_rng(0).random((_FLOOR_SIZE, _FLOOR_SIZE), dtype=np.float32)
    works["matrix_product", _BLAS_THREADS] = lambda: left @ left
    taken = _rounds(works, runs)
    for runtime in runtimes.values():
        runtime.close()
    product = taken.pop(("matrix_product", _BLAS_THREADS))
    share = MEGA_MACS * 1e6 / _FLOOR_SIZE**3
    return {
        "cases": {
            f"{name}_{threads}_threads": _case(times, threads)
            for (name, threads), times in taken.items()
        },
        "peers": {
            "matrix_product_of_equal_arithmetic": _case(
                [one * share for one in product], _BLAS_THREADS
            )
        },
    }


def cases(runs: int = 20) -> dict[str, Case]:
    """Return the cases alone: the net, a reading, and a reading with its contributors."""
    return measured(runs)["cases"]


def _works(library: ReleaseLibrary, runtime: OnnxRuntime) -> dict[str, Callable[[], object]]:
    release = library.load(RELEASE)
    stay = invented_stay()
    batch = batch_of([summary_of(columns_of(stay))], release)
    return {
        "efficientnet_b3_and_boosting": lambda: runtime.run_now(release, batch),
        "reading": lambda: asyncio.run(read_trajectory(runtime, release, stay, explain=False)),
        "reading_explained": lambda: asyncio.run(read_trajectory(runtime, release, stay)),
    }


def _rounds(
    works: Mapping[tuple[str, int], Callable[[], object]], runs: int
) -> dict[tuple[str, int], list[float]]:
    taken: dict[tuple[str, int], list[float]] = {name: [] for name in works}
    for turn in range(-WARM_UP, runs):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            if turn >= 0:
                taken[name].append((time.perf_counter() - started) * 1e3)
    return taken


def _case(times: list[float], threads: int) -> Case:
    p50, p99 = np.quantile(times, [0.5, 0.99])
    return {"p50_ms": round(float(p50), 2), "p99_ms": round(float(p99), 2), "threads": threads}


def invented_stay() -> Trajectory:
    """Return 48 h of invented hourly vital signs and six-hourly laboratory values."""
    random = np.random.default_rng(0)
    hourly = {"HR": 92, "NISysABP": 108, "NIDiasABP": 58, "NIMAP": 75, "RespRate": 22, "SaO2": 95}
    slowly = {"Lactate": 2.4, "Creatinine": 1.5, "BUN": 31, "K": 4.2, "Na": 138, "HCO3": 21}
    slowly |= {"pH": 7.36, "PaCO2": 38, "PaO2": 88, "FiO2": 0.4, "WBC": 13, "Platelets": 180}
    events = [
        TrajectoryEvent(name, 60.0 * hour, value * float(random.normal(1.0, 0.04)))
        for every, values in ((1, hourly), (6, slowly))
        for name, value in values.items()
        for hour in range(0, 49, every)
    ]
    facts = StayFacts(age_years=67, sex="female", height_cm=165, weight_kg=70, icu_type=None)
    return Trajectory(tuple(events), facts, hours=48.0)
