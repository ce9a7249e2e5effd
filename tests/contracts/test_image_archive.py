"""What every ``ImageArchive`` does, tried on a folder, a DICOMweb server and a cache."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pydicom
import pytest
import uvicorn
from fastapi import FastAPI
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from inference.archive.cache import CachedArchive
from inference.archive.dicomweb import DicomwebArchive
from inference.archive.folder import FolderArchive
from inference.core.study import StudyReference
from inference.errors import StudyNotFound
from inference.ports import ImageArchive
from sandbox_ehr.pacs import Archive

STUDY = "1.2.826.0.1.3680043.8.498.1"
OTHER = "1.2.826.0.1.3680043.8.498.2"


def instance(study: str, series: int, number: int) -> Dataset:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    data.SOPClassUID = ComputedRadiographyImageStorage
    data.StudyInstanceUID = study
    data.SeriesInstanceUID = f"{study}.{series}"
    data.SOPInstanceUID = f"{study}.{series}.{number}"
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.SeriesNumber, data.InstanceNumber, data.Modality = series, number, "CR"
    data.Rows = data.Columns = 4
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.SamplesPerPixel, data.PixelRepresentation = 7, 1, 0
    data.PhotometricInterpretation = "MONOCHROME2"
    data.PixelData = bytes(16)
    return data


INSTANCES = [
    instance(STUDY, 2, 1),
    instance(STUDY, 1, 10),
    instance(STUDY, 1, 9),
    instance(OTHER, 1, 1),
]


def encoded(data: Dataset) -> bytes:
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, data, enforce_file_format=True)
    return buffer.getvalue()


Opened = AbstractAsyncContextManager[tuple[ImageArchive, str | None]]
Open = Callable[[Path], Opened]


def fill(folder: Path) -> Path:
    (folder / "deeper").mkdir(parents=True)
    for number, data in enumerate(INSTANCES):
        place = folder / "deeper" if number % 2 else folder
        (place / f"{number}.dcm").write_bytes(encoded(data))
    (folder / "notes.txt").write_text("no image")
    return folder


@asynccontextmanager
async def a_folder(path: Path) -> Any:
    yield FolderArchive(fill(path / "files")), None


@asynccontextmanager
async def a_cache(path: Path) -> Any:
    yield CachedArchive(FolderArchive(fill(path / "files")), path / "cache", 10_000_000), None


@asynccontextmanager
async def a_cache_already_full(path: Path) -> Any:
    archive = CachedArchive(FolderArchive(fill(path / "files")), path / "cache", 10_000_000)
    await archive.fetch_instances(StudyReference(STUDY))
    yield archive, None


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Run the sandbox's picture archive, which shares no code with ours, on a loopback port."""
    app = FastAPI()
    app.include_router(Archive(INSTANCES).router(), prefix="/dicom-web")
    running = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        threading.Event().wait(0.01)
    port = running.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/dicom-web"
    running.should_exit = True
    thread.join()


@pytest.fixture(params=["folder", "cache", "cache already full", "dicomweb"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    if request.param == "dicomweb":
        address = request.getfixturevalue("server")

        @asynccontextmanager
        async def a_server(_: Path) -> Any:
            async with httpx2.AsyncClient(trust_env=False) as client:
                yield DicomwebArchive(client), address

        return a_server
    return {"folder": a_folder, "cache": a_cache, "cache already full": a_cache_already_full}[
        request.param
    ]


Scenario = Callable[[ImageArchive, str | None], Awaitable[Any]]


def on(opened: Open, path: Path, scenario: Scenario) -> Any:
    async def run() -> Any:
        async with opened(path) as (archive, address):
            return await scenario(archive, address)

    return asyncio.run(run())


def test_a_study_comes_whole_and_in_order(opened: Open, tmp_path: Path) -> None:
    async def scenario(archive: ImageArchive, address: str | None) -> Any:
        return await archive.fetch_instances(StudyReference(STUDY, address))

    found = on(opened, tmp_path, scenario)
    assert [(each.series_number, each.instance_number) for each in found] == [
        (1, 9),
        (1, 10),
        (2, 1),
    ]
    assert {each.study_instance_uid for each in found} == {STUDY}


def test_the_files_come_as_they_were_stored(opened: Open, tmp_path: Path) -> None:
    async def scenario(archive: ImageArchive, address: str | None) -> Any:
        return await archive.fetch_instances(StudyReference(OTHER, address))

    (found,) = on(opened, tmp_path, scenario)
    read = pydicom.dcmread(io.BytesIO(found.data))
    assert read.PixelData == INSTANCES[3].PixelData
    assert found.transfer_syntax_uid == ExplicitVRLittleEndian
    assert found.sop_class_uid == ComputedRadiographyImageStorage


def test_a_study_that_is_not_there_is_an_error_not_an_empty_study(
    opened: Open, tmp_path: Path
) -> None:
    async def scenario(archive: ImageArchive, address: str | None) -> Any:
        return await archive.fetch_instances(StudyReference("1.2.3", address))

    with pytest.raises(StudyNotFound):
        on(opened, tmp_path, scenario)


def test_fetching_twice_gives_the_same(opened: Open, tmp_path: Path) -> None:
    async def scenario(archive: ImageArchive, address: str | None) -> Any:
        study = StudyReference(STUDY, address)
        return await archive.fetch_instances(study), await archive.fetch_instances(study)

    first, second = on(opened, tmp_path, scenario)
    assert first == second


def test_many_at_once_get_each_their_own(opened: Open, tmp_path: Path) -> None:
    async def scenario(archive: ImageArchive, address: str | None) -> Any:
        wanted = [StudyReference(uid, address) for uid in (STUDY, OTHER) * 4]
        return await asyncio.gather(*(archive.fetch_instances(study) for study in wanted))

    found = on(opened, tmp_path, scenario)
    assert [each[0].study_instance_uid for each in found] == [STUDY, OTHER] * 4


@pytest.mark.parametrize("uid", ["", "../../etc", "1.2.3/../..", "*"])
def test_what_is_no_uid_finds_nothing(opened: Open, tmp_path: Path, uid: str) -> None:
    async def scenario(archive: ImageArchive, address: str | None) -> Any:
        return await archive.fetch_instances(StudyReference(uid, address))

    with pytest.raises(StudyNotFound):
        on(opened, tmp_path, scenario)
