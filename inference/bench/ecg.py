"""Times reading an ECG page: the net alone, and a photograph found, put right and read.

Beside each, in the same rounds: the same net in torch where torch is installed, and a matrix
product of equal arithmetic at as many threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.core.ecg_layout import THREE_BY_FOUR_RHYTHM
from inference.core.ecg_page import read_page
from inference.core.ecg_printer import PageStyle, print_page
from inference.core.release import ReleasedModel
from inference.core.viz_ecg import PAGE, net_pages
from inference.releases.library import ReleaseLibrary
from inference.runtimes.onnx import OnnxRuntime
from inference.training.ecg_camera import PHONE, photograph
from inference.training.ecg_generator import generated

RELEASE: Final = "vizecgnet"
MEGA_MACS: Final = 271.4
"""Multiply-accumulates of the image stream on one page, in millions; counted by hooks on its
convolutions and matrix products."""
WARM_UP: Final = 3
THREADS: Final = (1, 2)
_FLOOR_SIZE: Final = 512
Case = dict[str, float]
Work = Callable[[], object]


def measured(runs: int) -> dict[str, dict[str, Case | None]]:
    """Return cases and peers, each round timing everything once; empty where nothing ships."""
    library = ReleaseLibrary()
    if RELEASE not in library.names():
        return {"cases": {}, "peers": {}}
    release = library.load(RELEASE)
    photo = invented_photograph()
    page = net_pages(_found(photo)[None])
    runtimes = {threads: OnnxRuntime(library, threads) for threads in THREADS}
    works: dict[str, Work] = {}
    for threads, runtime in runtimes.items():
        works[f"vizecgnet_{threads}t"] = partial(runtime.run_now, release, {PAGE: page})
        works[f"ecg_page_{threads}t"] = partial(_read, runtime, release, photo)
    eager = _in_torch(page)
    works |= {f"torch_{threads}t": partial(eager, threads) for threads in THREADS if eager}
    with ThreadPoolExecutor(max(THREADS)) as pool:
        works |= {f"product_{threads}t": partial(_product, pool, threads) for threads in THREADS}
        taken = _rounds(works, runs)
    for runtime in runtimes.values():
        runtime.close()
    share = MEGA_MACS * 1e6 / _FLOOR_SIZE**3
    peers: dict[str, Case | None] = {}
    for threads in THREADS:
        torch_times = taken.pop(f"torch_{threads}t", None)
        product = [one * share for one in taken.pop(f"product_{threads}t")]
        peers[f"vizecgnet_torch_eager_{threads}t"] = (
            None if torch_times is None else _case(torch_times, threads)
        )
        peers[f"vizecgnet_matrix_product_{threads}t"] = _case(product, threads)
    return {
        "cases": {name: _case(times, int(name[-2])) for name, times in taken.items()},
        "peers": peers,
    }


def invented_photograph() -> NDArray[np.uint8]:
    """Return a generated ECG, printed and photographed."""
    random = np.random.default_rng(0)
    page = print_page(generated(random, "NORM").ecg, THREE_BY_FOUR_RHYTHM, PageStyle())
    return photograph(page.pixels, PHONE, random).pixels


def _found(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    page = read_page(photo).page
    return np.zeros((320, 672), dtype=np.uint8) if page is None else page


def _read(runtime: OnnxRuntime, release: ReleasedModel, photo: NDArray[np.uint8]) -> object:
    return runtime.run_now(release, {PAGE: net_pages(_found(photo)[None])})


def _in_torch(page: NDArray[np.float32]) -> Callable[[int], object] | None:
    """Return the same net in torch, its weights not those of the release; None without torch."""
    if find_spec("torch") is None:
        return None
    import torch

    from inference.nets.vizecgnet import ImageStream, ServedPageNet
    from inference.training.ecg_labels import CODES

    net = ServedPageNet(ImageStream(len(CODES)).eval())
    given = torch.from_numpy(page)

    def run(threads: int) -> object:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            return net(given)

    return run


def _product(pool: ThreadPoolExecutor, threads: int) -> object:
    """Multiply two square matrices, each thread a share of the rows."""
    parts = np.array_split(_LEFT, threads)
    return list(pool.map(lambda rows: rows @ _LEFT, parts))


_LEFT: Final[NDArray[np.float32]] = np.random.default_rng(0).random(
    (_FLOOR_SIZE, _FLOOR_SIZE), dtype=np.float32
)


def _rounds(works: Mapping[str, Work], runs: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in works}
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
