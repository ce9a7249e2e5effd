"""What a DICOM file says of its patient is read with its identifiers, as digests."""

from __future__ import annotations

import io
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from inference.archive.dicom_file import identified
from inference.core.owner import NOBODY, Owner, identifier_digest
from inference.errors import ArchiveUnreadable


def file_with(**patient: Any) -> bytes:
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = DigitalXRayImageStorageForPresentation, "1.2.3"
    data.StudyInstanceUID, data.SeriesInstanceUID = "1.2", "1.2.1"
    for keyword, value in patient.items():
        setattr(data, keyword, value)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    stream = io.BytesIO()
    data.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def owner_in(**patient: Any) -> Owner:
    return identified(file_with(**patient)).owner


def test_identifier_date_of_birth_and_sex_are_read() -> None:
    found = owner_in(PatientID=" mrn-1", PatientBirthDate="19600504", PatientSex="F")
    assert found == Owner(frozenset({identifier_digest("MRN-1")}), "19600504", "female")


def test_other_identifiers_of_the_patient_count_too() -> None:
    other = Dataset()
    other.PatientID = "old-7"
    found = owner_in(PatientID="MRN-1", OtherPatientIDsSequence=[other])
    assert found.identifiers == {identifier_digest("MRN-1"), identifier_digest("old-7")}


@pytest.mark.parametrize(
    "patient",
    [{}, {"PatientID": "", "PatientBirthDate": "", "PatientSex": "O"}, {"PatientID": "  "}],
)
def test_a_file_without_a_patient_is_nobodys(patient: dict[str, str]) -> None:
    assert owner_in(**patient) == NOBODY


def test_nothing_of_the_patient_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    found = owner_in(PatientID="MRN-1", PatientName="Doe^Jane", PatientBirthDate="not a date")
    assert "MRN" not in repr(found)
    assert "Doe" not in caplog.text + repr(found)


def test_a_number_of_a_wrong_length_makes_a_file_unreadable_and_no_failure() -> None:
    """Found by a mutant: pydicom's error for it descends from none of Python's."""
    data = file_with(PatientID="MRN-1")
    at = data.index(b"DICM") + 4
    broken = data[: at + 6] + b"\x03\x00" + data[at + 8 :]
    with pytest.raises(ArchiveUnreadable):
        identified(broken)
