"""Times reading a trajectory: the net alone, the whole reading, the floor of its arithmetic."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
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
Case = dict[str, float]


def cases(runs: int) -> dict[str, Case]:
    """Return the latency of the net alone and of a whole reading, at one and two threads."""
    found: dict[str, Case] = {}
    for threads in (1, 2):
        found |= _cases(runs, threads)
    return found


def _cases(runs: int, threads: int) -> dict[str, Case]:
    library = ReleaseLibrary()
    release = library.load(RELEASE)
    runtime = OnnxRuntime(library, threads)
    stay = invented_stay()
    batch = batch_of([summary_of(columns_of(stay))], release)

    def read(explain: bool) -> None:
        asyncio.run(read_trajectory(runtime, release, stay, explain=explain))

    few = max(5, runs // 5)
    timed = {
        "efficientnet_b3_and_boosting": _timed(lambda: runtime.run_now(release, batch), runs),
        "reading": _timed(lambda: read(explain=False), few),
        "reading_explained": _timed(lambda: read(explain=True), few),
    }
    runtime.close()
    return {
        f"{name}_{threads}_threads": {**one, "threads": threads} for name, one in timed.items()
    }


def peers(runs: int) -> dict[str, Case]:
    """Return how long the net's arithmetic takes as one product of large matrices: its floor."""
    size = _FLOOR_SIZE
    left = np.random.default_rng(0).random((size, size), dtype=np.float32)
    product = _timed(lambda: left @ left, runs)
    share = MEGA_MACS * 1e6 / size**3
    return {
        "matrix_product_of_equal_arithmetic": {
            "p50_ms": round(product["p50_ms"] * share, 3),
            "p99_ms": round(product["p99_ms"] * share, 3),
        }
    }


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


def _timed(work: Callable[[], object], runs: int) -> Case:
    for _ in range(3):
        work()
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1e3)
    p50, p99 = np.quantile(taken, [0.5, 0.99])
    return {"p50_ms": round(float(p50), 2), "p99_ms": round(float(p99), 2)}
