"""Files are read in a process of their own: what breaks or stalls it costs no other file."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from inference.core.ecg import LEADS
from inference.core.image_reading import (
    FileToRead,
    ImageKind,
    LeadsToRead,
    NotRead,
    Outcome,
    Read,
)
from inference.core.owner import Owner, identifier_digest
from inference.core.release import ReleasedModel
from inference.reader.process import ReadingProcess
from inference.releases.library import ReleaseLibrary
from inference.training.ecg_generator import generated
from tests.inference.archive.radiograph_files import chest_file

PAGE = FileToRead(ImageKind.ECG, b"", named_by_chart=True)


@pytest.fixture(scope="module")
def release() -> ReleasedModel:
    return ReleaseLibrary().load("vizecgnet")


def wayward(names: Mapping[ImageKind, tuple[str, ...]], file: FileToRead | LeadsToRead) -> Outcome:
    assert isinstance(file, FileToRead)
    if file.data == b"abort":
        os.abort()
    if file.data == b"sleep":
        time.sleep(60)
    if file.data == b"memory":
        np.ones(1 << 30)
    return NotRead(f"said by {os.getpid()}")


def read(release: ReleasedModel, *files: FileToRead | LeadsToRead) -> list[Outcome]:
    async def each() -> list[Outcome]:
        process = ReadingProcess({ImageKind.ECG: release}, seconds=120.0)
        try:
            return [await process.read(file) for file in files]
        finally:
            process.close()

    return asyncio.run(each())


def recording(scale: float = 1.0) -> LeadsToRead:
    """Return a generated ECG as leads that came as numbers."""
    ecg = generated(np.random.default_rng(3), "NORM").ecg
    leads = zip(LEADS, scale * ecg.leads_mv, strict=True)
    return LeadsToRead(
        tuple((name, lead.astype(np.float32).tobytes()) for name, lead in leads), ecg.rate_hz
    )


def test_recordings_and_pages_are_read_and_what_is_no_ecg_is_said(
    release: ReleasedModel, shared_data: Path
) -> None:
    """One child reads them all: starting one costs more than the readings."""
    page = next(iter(sorted((shared_data / "ecg_images").glob("*.jpg"))))
    normal, clinic, text, flat, short = read(
        release,
        recording(),
        FileToRead(ImageKind.ECG, page.read_bytes(), named_by_chart=True),
        FileToRead(ImageKind.ECG, b"no ECG at all", named_by_chart=True),
        recording(scale=0.0),
        LeadsToRead(tuple((name, values[:2000]) for name, values in recording().leads_mv), 250.0),
    )
    assert isinstance(normal, Read)
    assert normal.reading.release == release.identity
    assert [each.code for each in normal.reading.findings] == list(release.labels)
    assert (normal.picture.width, normal.picture.height) == (1344, 640)
    assert normal.picture.png.startswith(b"\x89PNG")
    assert isinstance(clinic, Read)
    assert clinic.reading.form.startswith("page, 3x4")
    assert clinic.picture.width == 672
    for each in clinic.reading.activations:
        assert (each.rows, each.columns, max(each.values)) == (20, 42, 255)
    assert text == NotRead("it is none of the formats that are read")
    assert isinstance(flat, NotRead)
    assert "no heart beats found" in flat.reason
    assert isinstance(short, NotRead)
    assert "shorter than the ten seconds" in short.reason


def test_a_recording_of_another_patient_is_refused_unread(
    release: ReleasedModel, shared_data: Path
) -> None:
    stored = (shared_data / "ecg_formats" / "dicom_ecgtoolkit_Example.dcm").read_bytes()
    other = Owner(frozenset({identifier_digest("SOMEBODY-ELSE")}), "19010203", None)
    (refused,) = read(release, FileToRead(ImageKind.ECG, stored, other, named_by_chart=True))
    assert isinstance(refused, NotRead)
    assert refused.of_another
    assert "another patient than the chart" in refused.reason


def test_without_a_release_it_is_said_that_no_reader_is_installed(release: ReleasedModel) -> None:
    (said,) = read(release, FileToRead(ImageKind.RADIOGRAPH, chest_file()))
    assert said == NotRead("no reader for radiographs is installed", lasting=False)


def test_a_file_that_ends_the_process_or_takes_too_long_is_refused_and_the_next_is_read(
    release: ReleasedModel,
) -> None:
    async def each() -> list[Outcome]:
        process = ReadingProcess({ImageKind.ECG: release}, wayward, seconds=8.0)
        said = []
        try:
            for data in (b"abort", b"sleep", b"memory"):
                said += [
                    await process.read(FileToRead(ImageKind.ECG, data)),
                    await process.read(PAGE),
                ]
        finally:
            process.close()
        return said

    said = asyncio.run(each())
    assert said[0] == NotRead("it breaks the reader", lasting=False)
    assert said[2] == NotRead("it takes too long to read", lasting=False)
    assert said[4] == NotRead("it needs more memory than a reading may take", lasting=False)
    assert all(isinstance(one, NotRead) and "said by" in one.reason for one in said[1::2])


def test_an_idle_child_is_let_go_and_the_next_file_starts_another(release: ReleasedModel) -> None:
    async def twice() -> list[Outcome]:
        process = ReadingProcess({ImageKind.ECG: release}, wayward, idle_seconds=0.05)
        try:
            first = await process.read(PAGE)
            while process.pid is not None:
                await asyncio.sleep(0.05)
            return [first, await process.read(PAGE)]
        finally:
            process.close()

    first, second = asyncio.run(twice())
    assert first != second
