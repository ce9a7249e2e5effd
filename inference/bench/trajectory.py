"""Times reading a trajectory: net and boosting, which are one graph, and the whole reading.

Beside them, in the same rounds: the net alone in torch where torch is installed, and a matrix
product of equal arithmetic at as many threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from typing import Final

import numpy as np

from inference.bench.rounds import Case, Work, case, floor_of, product, rounds
from inference.core.release import ReleasedModel
from inference.core.trajectory import StayFacts, Trajectory, TrajectoryEvent, columns_of
from inference.core.trajectory_image import summary_of
from inference.core.trajectory_reading import IMAGE, batch_of
from inference.releases.library import ReleaseLibrary
from inference.runtimes.onnx import OnnxRuntime
from inference.usecases import read_trajectory

RELEASE: Final = "deterioration"
MEGA_MACS: Final = 66.5
"""Multiply-accumulates of EfficientNet-B3 on one trajectory image, in millions; counted by hooks
on its convolutions and matrix products (see the table of compound scaling in the card)."""
THREADS: Final = (1, 2)


def measured(runs: int) -> dict[str, dict[str, Case | None]]:
    """Return cases and peers, each round timing everything once, so that all meet one machine."""
    library = ReleaseLibrary()
    runtimes = {threads: OnnxRuntime(library, threads) for threads in THREADS}
    works: dict[str, Work] = {}
    for threads, runtime in runtimes.items():
        for name, work in _works(library, runtime).items():
            works[f"{name}_{threads}t"] = work
    eager = _in_torch(library.load(RELEASE))
    if eager is not None:
        works |= {f"torch_{threads}t": partial(eager, threads) for threads in THREADS}
    with ThreadPoolExecutor(max(THREADS)) as pool:
        works |= {f"product_{threads}t": partial(product, pool, threads) for threads in THREADS}
        taken = rounds(works, runs)
    for runtime in runtimes.values():
        runtime.close()
    peers: dict[str, Case | None] = {}
    for threads in THREADS:
        times = taken.pop(f"torch_{threads}t", None)
        peers[f"efficientnet_b3_torch_eager_{threads}t"] = (
            None if times is None else case(times, threads)
        )
        peers[f"efficientnet_b3_matrix_product_{threads}t"] = floor_of(
            taken.pop(f"product_{threads}t"), MEGA_MACS, threads
        )
    return {
        "cases": {name: case(times, int(name[-2])) for name, times in taken.items()},
        "peers": peers,
    }


def _works(library: ReleaseLibrary, runtime: OnnxRuntime) -> dict[str, Callable[[], object]]:
    release = library.load(RELEASE)
    stay = invented_stay()
    batch = batch_of([summary_of(columns_of(stay))], release)
    return {
        "efficientnet_b3": lambda: runtime.run_now(release, batch),
        "reading": lambda: asyncio.run(read_trajectory(runtime, release, stay, explain=False)),
        "reading_explained": lambda: asyncio.run(read_trajectory(runtime, release, stay)),
    }


def _in_torch(release: ReleasedModel) -> Callable[[int], object] | None:
    """Return the net alone in torch, its weights not those of the release; None without torch."""
    if find_spec("torch") is None or find_spec("timm") is None:
        return None
    import torch

    from inference.nets.trajectory_net import ServedTrajectoryNet, TrajectoryNet

    given = batch_of([summary_of(columns_of(invented_stay()))], release)[IMAGE]
    _, channels, height, width = given.shape
    net = TrajectoryNet("efficientnet_b3", (channels, height, width), height).eval()
    served, picture = ServedTrajectoryNet(net), torch.from_numpy(given)

    def run(threads: int) -> object:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            return served(picture)

    return run


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
