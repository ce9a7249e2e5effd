"""Runs releases in this process with ONNX Runtime; no torch."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final, final

import numpy as np
import onnxruntime

from inference.core.release import ReleasedModel
from inference.errors import RuntimeBusy
from inference.ports import Batch
from inference.releases.library import ReleaseLibrary

MOST_WAITING: Final = 64


@final
class OnnxRuntime:
    """Sessions of the releases of a library, opened at first use and kept.

    Parameters
    ----------
    releases
        Where weights come from; each is checked against its digest before it is opened.
    threads
        Threads inside one run.
    at_once
        Runs at a time; more wait, and beyond `MOST_WAITING` are refused.
    """

    def __init__(self, releases: ReleaseLibrary, threads: int = 2, at_once: int = 1) -> None:
        self._releases = releases
        self._threads = threads
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}
        self._opening = threading.Lock()
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="onnx")
        self._waiting = 0

    async def run(self, release: ReleasedModel, batch: Batch) -> Batch:
        """Return the outputs of a release; see `inference.ports.ModelRuntime`."""
        release.check(batch)
        if self._waiting >= MOST_WAITING:
            raise RuntimeBusy
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, self.run_now, release, batch)
        finally:
            self._waiting -= 1

    def run_now(self, release: ReleasedModel, batch: Batch) -> Batch:
        """Return the outputs, in this thread."""
        session = self._session(release)
        wanted = [spec.name for spec in release.outputs]
        feed = {spec.name: np.ascontiguousarray(batch[spec.name]) for spec in release.inputs}
        return dict(zip(wanted, session.run(wanted, feed), strict=True))

    def open(self, release: ReleasedModel) -> None:
        """Open the session now, not at first use; raise WeightsMismatch if it may not be."""
        self._session(release)

    def close(self) -> None:
        """Let the threads and sessions go."""
        self._pool.shutdown()
        self._sessions.clear()

    def _session(self, release: ReleasedModel) -> onnxruntime.InferenceSession:
        with self._opening:
            session = self._sessions.get(release.digest)
            if session is None:
                session = open_session(self._releases.weights(release), self._threads)
                self._sessions[release.digest] = session
            return session


def open_session(weights: bytes, threads: int) -> onnxruntime.InferenceSession:
    """Open a lean session: few threads that do not spin, no arena that keeps memory."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Several sessions share a process: spinning threads of one doubled the time of the other.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Weights stored in 8 bits are turned into float32 once, at opening; otherwise at every run,
    # which made a run of EfficientNet-B3 take 14.6 ms of one core instead of 5.3.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
