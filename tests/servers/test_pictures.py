"""From an ImagingStudy on HAPI to its instances out of Orthanc, in the background."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest

from cds_hooks.fhir.imaging import ImagingStudyOnFile, imaging_studies
from cds_hooks.fhir.imaging_owner import chart_owner
from cds_hooks.fhir.rest_ehr import RestEhr
from cds_hooks.images.kept import PatientDigest
from cds_hooks.images.memory_readings import MemoryReadings
from cds_hooks.ports import FhirQuery, Grant
from cds_hooks.security.egress import Egress
from cds_hooks.security.egress_transport import client
from cds_hooks.services.image_fetching import ImageFetching
from cds_hooks.services.image_readings import (
    Done,
    Failed,
    ImageReadings,
    ReadState,
    Refused,
    Waiting,
)
from inference.archive.cache import CachedArchive
from inference.archive.dicomweb import DicomwebArchive
from inference.core.study import EncodedInstance, StudyReference
from inference.errors import StudyNotFound
from inference.reader.process import ReadingProcess

if TYPE_CHECKING:
    from conftest import FhirServer, PictureArchive, Study

pytestmark = [pytest.mark.service("hapi"), pytest.mark.service("orthanc")]

NOW = datetime(2026, 1, 1, 10, tzinfo=UTC)


class AtTen:
    def now(self) -> datetime:
        return NOW


def fetched(orthanc: PictureArchive, uid: str) -> tuple[EncodedInstance, ...]:
    async def once() -> tuple[EncodedInstance, ...]:
        async with client(Egress([orthanc.dicomweb]), timeout_s=30) as gated:
            study = StudyReference(uid, orthanc.dicomweb)
            return await DicomwebArchive(gated).fetch_instances(study)

    return asyncio.run(once())


def pixels(data: bytes) -> bytes:
    content: bytes = pydicom.dcmread(BytesIO(data)).PixelData
    return content


def test_a_study_comes_out_of_orthanc_as_it_went_in(orthanc: PictureArchive, study: Study) -> None:
    (instance,) = fetched(orthanc, study.uid)
    assert instance.study_instance_uid == study.uid
    assert pixels(instance.data) == pixels(study.encoded[0])


def test_a_compressed_chest_radiograph_comes_as_it_is_stored(
    orthanc: PictureArchive, shared_data: Path
) -> None:
    stored = (shared_data / "dicom" / "RG1_J2KI.dcm").read_bytes()
    orthanc.store(stored)
    header = pydicom.dcmread(BytesIO(stored), stop_before_pixels=True)
    (instance,) = fetched(orthanc, header.StudyInstanceUID)
    assert instance.transfer_syntax_uid == header.file_meta.TransferSyntaxUID
    assert pixels(instance.data) == pixels(stored)


def test_a_study_that_orthanc_does_not_hold_is_not_found(orthanc: PictureArchive) -> None:
    with pytest.raises(StudyNotFound):
        fetched(orthanc, "2.25.1")


async def asked_for(
    ward: FhirServer, allowed_archive: str, folder: Path, whose: str = "bleeding"
) -> tuple[ImagingStudyOnFile, ReadState, ReadState]:
    """Read the bleeding patient's study from HAPI and hand it to the background.

    Returns the study, what a hook is told at once, and what a later one is told.
    """
    grant = Grant(ward.url, None, frozenset(), None, None)
    async with (
        client(Egress([ward.url]), timeout_s=30) as to_ehr,
        client(Egress([allowed_archive]), timeout_s=30) as to_archive,
    ):
        ehr = RestEhr(to_ehr, AtTen())
        found = await ehr.search(FhirQuery("ImagingStudy?patient=bleeding&_count=5"), grant)
        (study,) = imaging_studies(found, "bleeding").studies
        (patient,) = await ehr.search(FhirQuery(f"Patient/{whose}"), grant)
        owner = chart_owner(patient)
        archive = CachedArchive(DicomwebArchive(to_archive), folder, 100_000_000)
        reader = ReadingProcess({})
        readings = ImageReadings(
            ImageFetching(archive, ehr), reader, MemoryReadings(), AtTen(), b"k" * 32
        )
        digest = PatientDigest("bleeding")
        at_once = readings.request(study, grant, owner, digest)
        workers = asyncio.create_task(readings.run())
        while isinstance(later := readings.request(study, grant, owner, digest), Waiting):
            await asyncio.sleep(0.02)
        workers.cancel()
        with suppress(asyncio.CancelledError):
            await workers
        return study, at_once, later


def test_an_imaging_study_is_fetched_from_the_archive_that_its_endpoint_names(
    ward: FhirServer, orthanc: PictureArchive, study: Study, tmp_path: Path
) -> None:
    on_file, at_once, later = asyncio.run(asked_for(ward, orthanc.dicomweb, tmp_path))
    assert on_file.study_instance_uid == study.uid
    assert at_once == Waiting()
    assert isinstance(later, Done)
    assert str(later) == "not read: no reader for radiographs is installed"


def test_a_study_that_is_not_the_charts_patients_is_refused(
    ward: FhirServer, orthanc: PictureArchive, tmp_path: Path
) -> None:
    _, _, later = asyncio.run(asked_for(ward, orthanc.dicomweb, tmp_path, whose="septic"))
    assert isinstance(later, Refused)
    assert "another patient than the chart, by identifier" in later.reason


def test_an_archive_that_is_not_on_the_list_is_not_asked(ward: FhirServer, tmp_path: Path) -> None:
    _, _, later = asyncio.run(asked_for(ward, "http://127.0.0.1:9/dicom-web", tmp_path))
    assert isinstance(later, Failed)
    assert "allow-list" in later.reason


def test_what_was_fetched_once_is_there_when_orthanc_is_not(
    orthanc: PictureArchive, study: Study, tmp_path: Path
) -> None:
    async def twice() -> tuple[EncodedInstance, ...]:
        reference = StudyReference(study.uid, orthanc.dicomweb)
        async with client(Egress([orthanc.dicomweb]), timeout_s=30) as gated:
            archive = CachedArchive(DicomwebArchive(gated), tmp_path, 100_000_000)
            await archive.fetch_instances(reference)
        # The client is closed now: a second request to Orthanc could only fail.
        return await archive.fetch_instances(reference)

    (instance,) = asyncio.run(twice())
    assert pixels(instance.data) == pixels(study.encoded[0])
