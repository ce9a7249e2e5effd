"""DICOM files that show an ECG instead of holding one: secondary captures and encapsulated PDF.

What a header says is checked before anything is decoded, and what a compressed picture inside says
of itself is checked again by whoever decodes it: Pillow for JPEG and JPEG 2000, pydicom for plain
and run-length pixels. Other compressions are refused by name of the reason.
"""

from __future__ import annotations

import warnings
from typing import Final

import numpy as np
import pydicom
from PIL import Image
from pydicom.encaps import get_frame
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    JPEG2000,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from inference.core.ecg_page import MOST_PIXELS
from inference.errors import EcgUnreadable
from inference.formats.pages import MOST_PAGES, Pixels, pages_of, picture_pages

_BY_PILLOW: Final = {JPEGBaseline8Bit: "JPEG", JPEG2000: "JPEG2000", JPEG2000Lossless: "JPEG2000"}
_GREY: Final = ("MONOCHROME1", "MONOCHROME2")
_COLOURS: Final = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT")


def is_shown(file: pydicom.Dataset) -> bool:
    """Return whether a data set holds a picture or a document rather than a waveform."""
    return "WaveformSequence" not in file and (
        "PixelData" in file or "EncapsulatedDocument" in file
    )


def shown_pages(file: pydicom.Dataset) -> tuple[Pixels, ...]:
    """Return the pages of an encapsulated PDF (PS3.3, A.45.1) or of a picture (A.8).

    Raises
    ------
    EcgUnreadable
        It is broken, too large or stored in a way that is not read.
    """
    if "EncapsulatedDocument" in file:
        return pages_of(bytes(file.EncapsulatedDocument))
    rows, columns, samples, bits = (
        int(file.get(name) or 0)
        for name in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")
    )
    frames = int(file.get("NumberOfFrames") or 1)
    if not 0 < frames <= MOST_PAGES:
        raise EcgUnreadable(f"it has more than the {MOST_PAGES} pages that are opened")
    if not 0 < rows * columns <= MOST_PIXELS:
        raise EcgUnreadable("it has more pixels than are decoded")
    kind = str(file.get("PhotometricInterpretation") or "")
    if (samples, kind) not in {*((1, one) for one in _GREY), *((3, one) for one in _COLOURS)}:
        raise EcgUnreadable("its colours are stored in a way that is not read")
    if bits not in (8, 16) or (samples == 3 and bits != 8):
        raise EcgUnreadable("its pixels are stored in a way that is not read")
    pages = _pages(file, frames)
    if any(page.shape != (rows, columns, 3) for page in pages):
        raise EcgUnreadable("its picture has another size than its header says")
    return pages


def _pages(file: pydicom.Dataset, frames: int) -> tuple[Pixels, ...]:
    syntax = file.file_meta.TransferSyntaxUID
    if syntax in _BY_PILLOW:
        return tuple(
            _inverted(page, file)
            for frame in range(frames)
            for page in picture_pages(
                get_frame(file.PixelData, frame, number_of_frames=frames), (_BY_PILLOW[syntax],)
            )
        )
    if syntax.is_encapsulated and syntax != RLELossless:
        raise EcgUnreadable("its picture is compressed in a way that is not read")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = np.asarray(pixel_array(file))
    whole = values.reshape(frames, int(file.Rows), int(file.Columns), -1)
    return tuple(_inverted(_in_colour(one, file), file) for one in whole)


def _in_colour(values: np.ndarray, file: pydicom.Dataset) -> Pixels:
    """Return stored values ``[row, column, sample]`` as RGB of 8 bits."""
    if values.dtype != np.uint8:
        unused = max(0, int(file.get("BitsStored") or 16) - 8)
        values = np.clip(values.astype(np.int64) >> unused, 0, 255).astype(np.uint8)
    if values.shape[2] == 3:
        return values
    return np.asarray(Image.fromarray(values[:, :, 0]).convert("RGB"), dtype=np.uint8)


def _inverted(page: Pixels, file: pydicom.Dataset) -> Pixels:
    """Return the page with paper light where the file counts light as low (MONOCHROME1)."""
    inverted = file.PhotometricInterpretation == "MONOCHROME1"
    return np.asarray(255 - page if inverted else page, dtype=np.uint8)
