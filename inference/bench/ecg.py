"""Times reading an ECG page: each net alone, and a photograph found, put right and read by all.

Beside each, in the same rounds: the same net in torch where torch is installed, and a matrix
product of equal arithmetic at as many threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.bench.rounds import Case, Work, case, floor_of, product, rounds
from inference.core.ecg_layout import THREE_BY_FOUR_RHYTHM
from inference.core.ecg_page import read_page
from inference.core.ecg_printer import PageStyle, print_page
from inference.core.ecg_together import pair_of
from inference.core.release import ReleasedModel
from inference.core.viz_ecg import PAGE, net_pages
from inference.releases.library import ReleaseLibrary
from inference.runtimes.onnx import OnnxRuntime
from inference.training.ecg_camera import PHONE, photograph
from inference.training.ecg_generator import generated

FIRST: Final = "vizecgnet"
MEGA_MACS: Final = {FIRST: 271.4, "efficientnet-page": 334.3}
"""Multiply-accumulates of a page net on one page, in millions; counted by hooks on its
convolutions and matrix products."""
THREADS: Final = (1, 2)


def measured(runs: int) -> dict[str, dict[str, Case | None]]:
    """Return cases and peers, each round timing everything once; empty where nothing ships."""
    library = ReleaseLibrary()
    releases = [library.load(name) for name in MEGA_MACS if name in library.names()]
    if not releases:
        return {"cases": {}, "peers": {}}
    photo = invented_photograph()
    page = net_pages(_found(photo)[None])
    runtimes = {threads: OnnxRuntime(library, threads) for threads in THREADS}
    readers = _readers(releases)
    works: dict[str, Work] = {}
    for threads, runtime in runtimes.items():
        for one in releases:
            works[f"{_case_of(one)}_{threads}t"] = partial(runtime.run_now, one, {PAGE: page})
        works[f"ecg_page_{threads}t"] = partial(_read, runtime, readers, photo)
    for one in releases:
        eager = _in_torch(one.name, page)
        if eager:
            works |= {f"torch {one.name} {each}": partial(eager, each) for each in THREADS}
    with ThreadPoolExecutor(max(THREADS)) as pool:
        works |= {f"product_{threads}t": partial(product, pool, threads) for threads in THREADS}
        taken = rounds(works, runs)
    for runtime in runtimes.values():
        runtime.close()
    peers: dict[str, Case | None] = {}
    for threads in THREADS:
        floor = taken.pop(f"product_{threads}t")
        for one in releases:
            times = taken.pop(f"torch {one.name} {threads}", None)
            peers[f"{_case_of(one)}_torch_eager_{threads}t"] = (
                None if times is None else case(times, threads)
            )
            peers[f"{_case_of(one)}_matrix_product_{threads}t"] = floor_of(
                floor, MEGA_MACS[one.name], threads
            )
    return {
        "cases": {name: case(times, int(name[-2])) for name, times in taken.items()},
        "peers": peers,
    }


def _case_of(release: ReleasedModel) -> str:
    return release.name.replace("-", "_")


def _readers(releases: Sequence[ReleasedModel]) -> list[ReleasedModel]:
    """Return the releases that the service reads a page by: the first, and its second if heard."""
    first, *others = releases
    return [first, *(one for one in others if pair_of(first, one) is not None)]


def invented_photograph() -> NDArray[np.uint8]:
    """Return a generated ECG, printed and photographed."""
    random = np.random.default_rng(0)
    page = print_page(generated(random, "NORM").ecg, THREE_BY_FOUR_RHYTHM, PageStyle())
    return photograph(page.pixels, PHONE, random).pixels


def _found(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    page = read_page(photo).page
    return np.zeros((320, 672), dtype=np.uint8) if page is None else page


def _read(
    runtime: OnnxRuntime, readers: Sequence[ReleasedModel], photo: NDArray[np.uint8]
) -> object:
    page = {PAGE: net_pages(_found(photo)[None])}
    return [runtime.run_now(one, page) for one in readers]


def _in_torch(name: str, page: NDArray[np.float32]) -> Callable[[int], object] | None:
    """Return the same net in torch, its weights not those of the release; None without torch."""
    if find_spec("torch") is None:
        return None
    import torch

    from inference.nets.efficientnet_page import PageEfficientNet
    from inference.nets.vizecgnet import ImageStream, ServedPageNet
    from inference.training.ecg_labels import CODES

    labels = len(CODES)
    net: Any = (
        ServedPageNet(ImageStream(labels)) if name == FIRST else PageEfficientNet(labels)
    ).eval()
    given = torch.from_numpy(page)

    def run(threads: int) -> object:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            return net(given)

    return run
