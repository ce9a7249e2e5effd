"""A file that breaks or stalls a decoder is refused, and the next one is read."""

from __future__ import annotations

import asyncio
import os
import time

import numpy as np
import pytest

from inference.archive.decoding import DecodingProcess
from inference.archive.dicom_pixels import radiograph_of
from inference.core.radiograph import Radiograph
from inference.errors import NotAFrontalChest, RadiographUnreadable
from tests.inference.archive.radiograph_files import chest_file


def wayward(data: bytes, least_side: int | None) -> Radiograph:
    if data == b"abort":
        os.abort()
    if data == b"sleep":
        time.sleep(60)
    if data == b"memory":
        np.ones(1 << 30)
    return radiograph_of(data, least_side)


def test_a_picture_comes_back_as_it_is_decoded_here() -> None:
    async def both() -> tuple[Radiograph, str]:
        decoding = DecodingProcess()
        try:
            found = await decoding.radiograph(chest_file())
            with pytest.raises(NotAFrontalChest) as refused:
                await decoding.radiograph(chest_file(BodyPartExamined="HAND"))
            return found, str(refused.value)
        finally:
            decoding.close()

    found, sentence = asyncio.run(both())
    np.testing.assert_array_equal(found.grey, radiograph_of(chest_file()).grey)
    assert sentence == "The picture is not read: its body part is HAND, not the chest."


def test_a_file_that_ends_the_process_or_takes_too_long_is_refused_and_the_next_is_read() -> None:
    async def each() -> list[str]:
        decoding = DecodingProcess(wayward, seconds=8.0)
        said = []
        try:
            for data in (b"abort", b"sleep", b"memory"):
                with pytest.raises((RadiographUnreadable, MemoryError)) as refused:
                    await decoding.radiograph(data)
                said.append(str(refused.value))
                assert (await decoding.radiograph(chest_file())).view == "PA"
        finally:
            decoding.close()
        return said

    said = asyncio.run(each())
    assert "breaks the decoder" in said[0]
    assert "too long" in said[1]
