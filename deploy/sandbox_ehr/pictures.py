"""Drawn chest radiographs as DICOM files: geometry and noise, no patient and no anatomy atlas.

Every file says what it is in its pixels, its image type and its comments.
"""

from __future__ import annotations

import io
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from sandbox_ehr.patients.courses import SamplePatient
from sandbox_ehr.patients.generate import dicom_uid, record_number

SIDE_PX = 384
WORDS = "DRAWN FOR A SANDBOX - NOT A PATIENT"


def draw_chest(heart_width: float, opacity: float, seed: int) -> npt.NDArray[np.uint8]:
    """Return a drawing that resembles a chest radiograph.

    Parameters
    ----------
    heart_width
        Cardiothoracic ratio: heart's width over the chest's inner width, 0 to 1.
    opacity
        How white the infiltrate in the right lower field is, 0 to 1.
    seed
        Seed of the grain.

    Returns
    -------
    numpy.ndarray
        ``[SIDE_PX, SIDE_PX]``, 0 black to 255 white.
    """
    y, x = np.mgrid[-1 : 1 : SIDE_PX * 1j, -1 : 1 : SIDE_PX * 1j]
    picture = 175 - 60 * np.abs(x)
    lung_half_width = 0.66
    for side in (-1, 1):
        lung = ((x - side * 0.36) / 0.30) ** 2 + ((y + 0.02) / 0.62) ** 2
        picture -= 120 / (1 + np.exp((lung - 1) * 9))
    for rib in np.linspace(-0.55, 0.5, 9):
        picture += 13 * np.exp(-(((y - rib - 0.16 * x**2) / 0.022) ** 2)) * (np.abs(x) < 0.68)
    half = heart_width * lung_half_width
    heart = ((x - 0.22 * half) / half) ** 2 + ((y - 0.28) / 0.36) ** 2
    picture += 95 / (1 + np.exp((heart - 1) * 8))
    picture += 60 * np.exp(-((x / 0.09) ** 2))
    cloud = ((x + 0.36) / 0.2) ** 2 + ((y - 0.3) / 0.22) ** 2
    picture += opacity * 85 * np.exp(-(cloud**2))
    picture += np.random.default_rng(seed).normal(0, 4, picture.shape)
    page = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    ImageDraw.Draw(page).text((12, SIDE_PX - 22), WORDS, fill=255)
    return np.asarray(page)


def picture_file(sample: SamplePatient, now: datetime) -> Dataset | None:
    """Return the patient's drawing as a DICOM data set, or None where the patient has none."""
    if sample.picture is None:
        return None
    pixels = draw_chest(sample.picture.heart_width, sample.picture.opacity, sample.seed)
    taken_at = now - timedelta(hours=sample.picture.hours_before)
    data = Dataset()
    data.SOPClassUID = DigitalXRayImageStorageForPresentation
    data.SOPInstanceUID = dicom_uid(sample.key, "instance")
    data.StudyInstanceUID = dicom_uid(sample.key, "study")
    data.SeriesInstanceUID = dicom_uid(sample.key, "series")
    # No date of birth: the charts' dates move to the present, a file's would stay behind.
    data.PatientID = record_number(sample)
    data.PatientName = f"{sample.family}^{sample.given}"
    data.PatientSex = sample.sex[0].upper()
    data.StudyDate, data.StudyTime = taken_at.strftime("%Y%m%d"), taken_at.strftime("%H%M%S")
    data.TimezoneOffsetFromUTC = "+0000"
    data.Modality, data.BodyPartExamined, data.ViewPosition = "DX", "CHEST", "AP"
    data.StudyDescription = "Chest radiograph (a drawing)"
    data.SeriesDescription = WORDS
    data.ImageComments = WORDS
    data.ImageType = ["DERIVED", "SECONDARY"]
    data.SeriesNumber = data.InstanceNumber = "1"
    data.AccessionNumber = ""
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows = data.Columns = SIDE_PX
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    data.PixelData = pixels.tobytes()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    return data


def encoded(data: Dataset) -> bytes:
    """Return a data set as the bytes of a DICOM file."""
    stream = io.BytesIO()
    data.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def rendered(data: Dataset) -> bytes:
    """Return the picture of a data set as PNG."""
    stream = io.BytesIO()
    Image.fromarray(data.pixel_array).save(stream, "PNG")
    return stream.getvalue()
