"""Times reading a radiograph: the detector alone, and the way from the archive to its boxes.

In turn with the same net in torch, where torch is installed, and with a matrix product of equal
arithmetic. What cannot be measured here - no release that reads radiographs, no real radiograph at
hand - is null.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import httpx2
import numpy as np

from inference.archive.dicomweb import DicomwebArchive
from inference.bench.rounds import FLOOR_SIZE, case, rounds
from inference.core.radiograph_input import square_of
from inference.core.radiograph_reading import INPUT, batch_of, detections_of, side_of
from inference.core.release import ReleasedModel
from inference.core.study import StudyReference
from inference.releases.library import ReleaseLibrary
from inference.runtimes.onnx import OnnxRuntime

RELEASE: Final = "radiograph"
REAL: Final = Path("dicom/RG1_J2KI.dcm")
"""A computed radiograph of 1955 x 1841 pixels as JPEG 2000, below the data folder."""
Case = dict[str, float] | None


def measured(runs: int, library: ReleaseLibrary | None = None) -> dict[str, dict[str, Case]]:
    """Return cases and peers, each round timing everything once, so that all meet one machine."""
    library = library or ReleaseLibrary()
    names = ("detector_512_1t", "detector_512_2t", "radiograph_path_2t")
    peers = ("detector_torch_eager_2t", "detector_floor_2t")
    if RELEASE not in library.names():
        return {"cases": dict.fromkeys(names), "peers": dict.fromkeys(peers)}
    release = library.load(RELEASE)
    runtimes = {threads: OnnxRuntime(library, threads) for threads in (1, 2)}
    try:
        with _archive() as archive:
            works = _works(release, runtimes, archive)
            taken = rounds(works, runs)
    finally:
        for runtime in runtimes.values():
            runtime.close()
    share = float(_net(release).get("giga_macs", 0)) * 1e9 / FLOOR_SIZE**3
    product = [one * share for one in taken.pop("matrix_product")]
    cases = {name: _case(taken.get(name, []), 1 if "1t" in name else 2) for name in names}
    return {
        "cases": cases,
        "peers": {
            peers[0]: _case(taken.get(peers[0], []), 2),
            peers[1]: _case(product if share else [], os.cpu_count() or 1),
        },
    }


def _net(release: ReleasedModel) -> Mapping[str, Any]:
    found = release.evidence.get("net", {})
    return found if isinstance(found, Mapping) else {}


def _works(
    release: ReleasedModel,
    runtimes: Mapping[int, OnnxRuntime],
    archive: tuple[str, bytes] | None,
) -> dict[str, Callable[[], object]]:
    side = side_of(release)
    grey = np.random.default_rng(0).integers(0, 255, (side, side), dtype=np.uint8)
    if archive is not None:
        from inference.archive.dicom_pixels import radiograph_of

        grey = radiograph_of(archive[1], side).grey
    batch, _ = batch_of(grey, side)
    left = np.random.default_rng(0).random((FLOOR_SIZE, FLOOR_SIZE), dtype=np.float32)
    works: dict[str, Callable[[], object]] = {
        "detector_512_1t": lambda: runtimes[1].run_now(release, batch),
        "detector_512_2t": lambda: runtimes[2].run_now(release, batch),
        "matrix_product": lambda: left @ left,
    }
    if archive is not None:
        address = archive[0]
        works["radiograph_path_2t"] = lambda: asyncio.run(_path(address, release, runtimes[2]))
    eager = _eager(release, batch[INPUT])
    if eager is not None:
        works["detector_torch_eager_2t"] = eager
    return works


async def _path(address: str, release: ReleasedModel, runtime: OnnxRuntime) -> object:
    """Fetch a study, decode its first picture, show it to the net, and carry the boxes back."""
    from inference.archive.dicom_pixels import radiograph_of

    async with httpx2.AsyncClient() as client:
        fetched = await DicomwebArchive(client).fetch_instances(_study(address))
    side = side_of(release)
    radiograph = radiograph_of(fetched[0].data, side)
    square, placement = square_of(radiograph.grey, side)
    said = runtime.run_now(release, {INPUT: square[None]})
    return detections_of(said, placement, release.labels)


def _study(address: str) -> StudyReference:
    base, _, uid = address.rpartition("/studies/")
    return StudyReference(uid, base)


@contextmanager
def _archive() -> Iterator[tuple[str, bytes] | None]:
    """Serve the real radiograph over DICOMweb on this machine, where the data folder holds it."""
    folder = os.environ.get("CARDIOTWIN_DATA")
    file = Path(folder) / REAL if folder else None
    if file is None or not file.is_file():
        yield None
        return
    from inference.archive.dicom_file import identified

    data = file.read_bytes()
    uid = identified(data).study_instance_uid
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(data))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/dicom-web/studies/{uid}", data
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(data: bytes) -> type[BaseHTTPRequestHandler]:
    body = b"--part\r\nContent-Type: application/dicom\r\n\r\n" + data + b"\r\n--part--\r\n"

    class Study(BaseHTTPRequestHandler):
        """Answers every request with the one study."""

        def do_GET(self) -> None:
            """Send the study as WADO-RS does."""
            self.send_response(200)
            kind = 'multipart/related; type="application/dicom"; boundary=part'
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: standard error is for people."""

    return Study


def _eager(release: ReleasedModel, picture: np.ndarray[Any, Any]) -> Callable[[], object] | None:
    """Return the same net in torch, untrained: its work does not depend on its weights."""
    if find_spec("torch") is None or find_spec("timm") is None or "settings" not in _net(release):
        return None
    import torch

    from inference.nets.cascade_rcnn import CascadeRcnn, CascadeSettings

    settings: Any = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in _net(release)["settings"].items()
    }
    net = CascadeRcnn(CascadeSettings(**settings)).eval()
    shown = torch.from_numpy(picture)

    def run() -> object:
        torch.set_num_threads(2)
        with torch.inference_mode():
            return net(shown)

    return run


def _case(times: list[float], threads: int) -> Case:
    return case(times, threads) if times else None
