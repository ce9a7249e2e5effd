"""Orthanc itself: pictures are stored and found over DICOMweb, and strangers are refused."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import httpx2
import pydicom
import pytest
from dicomweb_client import DICOMwebClient

if TYPE_CHECKING:
    from conftest import PictureArchive, Study

Json = dict[str, Any]

pytestmark = pytest.mark.service("orthanc")


def test_a_stored_study_is_found_by_its_uid(orthanc: PictureArchive, study: Study) -> None:
    found = DICOMwebClient(orthanc.dicomweb).search_for_studies(
        search_filters={"StudyInstanceUID": study.uid}
    )
    assert [one["0020000D"]["Value"] for one in found] == [[study.uid]]


def test_a_stored_instance_comes_back_pixel_for_pixel(
    orthanc: PictureArchive, study: Study
) -> None:
    back = DICOMwebClient(orthanc.dicomweb).retrieve_study(study.uid)
    assert len(back) == len(study.encoded)
    stored = {
        dataset.SOPInstanceUID: dataset.PixelData
        for dataset in (pydicom.dcmread(BytesIO(each)) for each in study.encoded)
    }
    assert {dataset.SOPInstanceUID: dataset.PixelData for dataset in back} == stored


def test_a_caller_that_is_not_this_machine_is_refused(orthanc: PictureArchive) -> None:
    """Version 1.10.1 takes 127.0.0.1 alone for this machine, so another loopback is a stranger."""
    elsewhere = httpx2.HTTPTransport(local_address="127.0.0.9")
    with httpx2.Client(transport=elsewhere) as stranger:
        assert stranger.get(f"{orthanc.url}/dicom-web/studies").status_code in (401, 403)
