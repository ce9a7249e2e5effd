"""What every `inference.ports.ModelRuntime` promises, asked of each adapter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from inference.core.release import ReleasedModel
from inference.errors import InputUnusable, RuntimeBusy, WeightsMismatch
from inference.ports import ModelRuntime
from inference.releases.library import ReleaseLibrary
from inference.runtimes import onnx
from inference.runtimes.onnx import OnnxRuntime
from inference.runtimes.recorded import RecordedRuntime

NAME = "deterioration-boosting"


@pytest.fixture(scope="module")
def release() -> ReleasedModel:
    return ReleaseLibrary().load(NAME)


def features(stays: int, release: ReleasedModel) -> dict[str, np.ndarray]:
    width = release.inputs[0].shape[1]
    assert width is not None
    return {"features": np.full((stays, width), np.nan, dtype=np.float32)}


@pytest.fixture(params=["onnx", "recorded"])
def runtime(request: pytest.FixtureRequest) -> Iterator[ModelRuntime]:
    made: dict[str, Callable[[], OnnxRuntime | RecordedRuntime]] = {
        "onnx": lambda: OnnxRuntime(ReleaseLibrary(), threads=1),
        "recorded": lambda: RecordedRuntime({NAME: {"boosting_probability": np.full(4, 0.14)}}),
    }
    adapter = made[request.param]()
    yield adapter
    if isinstance(adapter, OnnxRuntime):
        adapter.close()


def test_a_run_gives_every_output_one_row_a_stay(
    runtime: ModelRuntime, release: ReleasedModel
) -> None:
    outputs = asyncio.run(runtime.run(release, features(3, release)))
    assert set(outputs) == {spec.name for spec in release.outputs}
    assert all(len(array) == 3 for array in outputs.values())
    assert ((outputs["boosting_probability"] > 0) & (outputs["boosting_probability"] < 1)).all()


def test_a_run_with_an_array_of_another_shape_is_refused(
    runtime: ModelRuntime, release: ReleasedModel
) -> None:
    with pytest.raises(InputUnusable):
        asyncio.run(runtime.run(release, {"features": np.zeros((1, 3), dtype=np.float32)}))


def test_the_same_batch_gives_the_same_answer(
    runtime: ModelRuntime, release: ReleasedModel
) -> None:
    batch = features(2, release)
    first, second = (asyncio.run(runtime.run(release, batch)) for _ in range(2))
    np.testing.assert_array_equal(first["boosting_probability"], second["boosting_probability"])


def test_onnx_runtime_refuses_weights_of_another_digest(release: ReleasedModel) -> None:
    runtime = OnnxRuntime(ReleaseLibrary(), threads=1)
    other = replace(release, digest="f" * 64)
    with pytest.raises(WeightsMismatch):
        asyncio.run(runtime.run(other, features(1, release)))
    runtime.close()


def test_onnx_runtime_says_when_it_is_busy(release: ReleasedModel) -> None:
    async def crowd() -> list[object]:
        runtime = OnnxRuntime(ReleaseLibrary(), threads=1)
        runs = (runtime.run(release, features(1, release)) for _ in range(onnx.MOST_WAITING + 5))
        answers = await asyncio.gather(*runs, return_exceptions=True)
        runtime.close()
        return list(answers)

    refused = [answer for answer in asyncio.run(crowd()) if isinstance(answer, RuntimeBusy)]
    assert len(refused) == 5
