"""Invented radiographs as DICOM files, for the tests of what is read and what is refused."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ComputedRadiographyImageStorage, ExplicitVRLittleEndian


def stored_chest(rows: int = 320, columns: int = 300, bits: int = 12) -> np.ndarray:
    """Two dark lungs in a bright trunk, darker to the right: mirrored or turned it differs."""
    y, x = np.mgrid[:rows, :columns]
    values = np.full((rows, columns), 0.8) - 0.1 * x / columns + 0.05 * y / rows
    for centre in (0.3, 0.7):
        inside = ((x / columns - centre) / 0.15) ** 2 + ((y / rows - 0.45) / 0.3) ** 2 < 1
        values[inside] -= 0.5
    return np.round(values * ((1 << bits) - 1)).astype(np.uint16)


def chest_dataset(stored: np.ndarray | None = None, **changes: Any) -> Dataset:
    """Return a chest radiograph, uncompressed; a change of None takes an attribute away."""
    values = stored_chest() if stored is None else stored
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = ComputedRadiographyImageStorage, "1.2.3"
    data.StudyInstanceUID, data.SeriesInstanceUID = "1.2", "1.2.1"
    data.Modality, data.BodyPartExamined, data.ViewPosition = "CR", "CHEST", "PA"
    data.Rows, data.Columns = values.shape[:2]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
    data.PixelRepresentation = 0
    data.WindowCenter, data.WindowWidth = 2048, 4096
    data.PixelData = values.tobytes()
    data["PixelData"].VR = "OW"
    for keyword, value in changes.items():
        if value is None:
            delattr(data, keyword)
        else:
            setattr(data, keyword, value)
    return data


def file_of(data: Dataset, syntax: UID = ExplicitVRLittleEndian) -> bytes:
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    stream = io.BytesIO()
    data.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def chest_file(stored: np.ndarray | None = None, **changes: Any) -> bytes:
    return file_of(chest_dataset(stored, **changes))
