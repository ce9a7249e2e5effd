"""The picture archive answers DICOMweb to a client that we did not write."""

from __future__ import annotations

from typing import Any

import pytest
from dicomweb_client.api import DICOMwebClient

from sandbox_ehr.patients.generate import dicom_uid
from sandbox_ehr.pictures import WORDS


@pytest.fixture(scope="module")
def archive(running_site: Any) -> DICOMwebClient:
    endpoint = running_site.http.get("/fhir/Endpoint/sandbox-archive").json()
    return DICOMwebClient(endpoint["address"])


def test_the_study_named_in_the_chart_can_be_found_and_fetched(
    running_site: Any, archive: DICOMwebClient
) -> None:
    study = running_site.http.get("/fhir/ImagingStudy?patient=septic").json()["entry"][0]
    uid = study["resource"]["identifier"][0]["value"].removeprefix("urn:oid:")
    found = archive.search_for_studies(search_filters={"StudyInstanceUID": uid})
    assert [match["0020000D"]["Value"] for match in found] == [[uid]]
    (instance,) = archive.retrieve_study(uid)
    patient = running_site.http.get("/fhir/Patient/septic").json()
    assert instance.PatientID == patient["identifier"][0]["value"]
    assert instance.SOPInstanceUID == study["resource"]["series"][0]["instance"][0]["uid"]
    assert instance.pixel_array.shape == (384, 384)


def test_every_picture_says_that_it_is_a_drawing(archive: DICOMwebClient) -> None:
    studies = archive.search_for_studies()
    assert len(studies) == 4
    for match in studies:
        (header,) = archive.retrieve_study_metadata(match["0020000D"]["Value"][0])
        assert header["00204000"]["Value"] == [WORDS]
        assert header["00080008"]["Value"] == ["DERIVED", "SECONDARY"]
        assert "7FE00010" not in header


def test_series_and_instances_are_searched_below_their_study(archive: DICOMwebClient) -> None:
    study = dicom_uid("bleeding", "study")
    (series,) = archive.search_for_series(study)
    (instance,) = archive.search_for_instances(study)
    assert series["00080060"]["Value"] == ["DX"]
    assert instance["00080018"]["Value"] == [dicom_uid("bleeding", "instance")]
    assert archive.search_for_instances("1.2.3") == []


def test_a_study_that_is_not_there_is_not_found(running_site: Any) -> None:
    endpoint = running_site.http.get("/fhir/Endpoint/sandbox-archive").json()
    assert running_site.http.get(f"{endpoint['address']}/studies/1.2.3").status_code == 404


def test_a_drawn_large_heart_is_wider_than_a_drawn_normal_one() -> None:
    from sandbox_ehr.pictures import draw_chest

    row = slice(230, 236)
    wide, normal = (draw_chest(ratio, 0.0, 1)[row] for ratio in (0.61, 0.44))
    assert wide.mean() > normal.mean() + 5
