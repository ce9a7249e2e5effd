"""From a DICOM file to its stored values or to an upright frontal radiograph.

A file is input from outside: its size is checked in its header, in the stream inside and while it
is inflated, before anything large is held or any decoder runs. Decoders: pydicom with GDCM, CharLS
(pyjpegls), OpenJPEG and pylibjpeg-rle; Pillow decodes JPEG 2000 at half its size where a net needs
no more.
"""

from __future__ import annotations

import io
import math
import warnings
import zlib
from typing import Any, Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.filereader import read_dataset
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from inference.archive.dicom_codestream import size_of
from inference.archive.dicom_file import data_set_start, transfer_syntax
from inference.archive.dicom_header import header_of
from inference.core.grey_scale import grey_of
from inference.core.radiograph import (
    Radiograph,
    RadiographHeader,
    is_turned,
    upright,
    view_of,
    why_not_read,
)
from inference.errors import ArchiveUnreadable, NotAFrontalChest, RadiographUnreadable

MOST_PIXELS: Final = 25_000_000
"""Of a picture that is read: 5,000 x 5,000, twice the finest detector for chests."""
MOST_DECODED_BYTES: Final = 128_000_000
"""Of all pictures of a file together; its header says how many there would be."""
_DEFLATED: Final = "1.2.840.10008.1.2.1.99"
_DEFLATED_FRAMES: Final = "1.2.840.10008.1.2.8.1"
_PIXELS: Final = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_HALVED: Final = frozenset({JPEG2000, JPEG2000Lossless})

_DECODERS: Final = {
    **dict.fromkeys((JPEGBaseline8Bit, JPEGExtended12Bit), "pillow"),
    **dict.fromkeys((JPEGLossless, JPEGLosslessSV1), "gdcm"),
    **dict.fromkeys((JPEGLSLossless, JPEGLSNearLossless), "pyjpegls"),
    **dict.fromkeys((JPEG2000, JPEG2000Lossless, HTJ2K, HTJ2KLossless), "pylibjpeg"),
    **dict.fromkeys((HTJ2KLosslessRPCL, RLELossless), "pylibjpeg"),
}
"""One decoder for each transfer syntax: left to itself, pydicom asks GDCM first, which is the
slowest for most, and which ended the whole process on a broken JPEG-LS stream."""

Stored = NDArray[Any]


def radiograph_of(data: bytes, least_side: int | None = None) -> Radiograph:
    """Return the frontal chest radiograph in a DICOM file.

    Parameters
    ----------
    data
        The file, PS3.10.
    least_side
        Pixels that the longer side must keep: with it, JPEG 2000 is decoded at half its size where
        that leaves as many, in a third of the time.

    Raises
    ------
    inference.errors.NotAFrontalChest
        The header does not say that it is one.
    inference.errors.RadiographUnreadable
        It is damaged, too large, or stored in a way that no decoder reads.
    """
    dataset = _dataset(data)
    header = _header(dataset)
    reason = why_not_read(header)
    if reason is not None:
        raise NotAFrontalChest(reason)
    if header.rows * header.columns > MOST_PIXELS:
        raise RadiographUnreadable(_too_large(header))
    _refuse_what_would_be_too_large(dataset, header)
    stored, of_whole = _stored(dataset, header, least_side)
    if stored.shape != (-(-header.rows // of_whole), -(-header.columns // of_whole)):
        raise RadiographUnreadable("its pixels are not as many as its header says")
    return _seen(stored, header, of_whole)


def decoded(data: bytes) -> Stored:
    """Return the sample values of a DICOM file before any look-up.

    ``[frame, row, column, sample]``; axes of length 1 are left out, and colour is RGB. For
    comparison with other decoders; the errors are those of `radiograph_of`.
    """
    dataset = _dataset(data)
    _refuse_what_would_be_too_large(dataset, _header(dataset))
    return _all_values(dataset)


def _seen(stored: Stored, header: RadiographHeader, of_whole: int) -> Radiograph:
    assert header.grey_scale is not None  # noqa: S101  why_not_read refuses a picture without
    grey = upright(grey_of(stored, header.grey_scale), header.orientation)
    spacing = header.spacing_mm
    if spacing is not None:
        across = (spacing[1], spacing[0]) if is_turned(header.orientation) else spacing
        spacing = (across[0] * of_whole, across[1] * of_whole)
    return Radiograph(grey, view_of(header), spacing, of_whole)


def _dataset(data: bytes) -> pydicom.Dataset:
    try:
        syntax = transfer_syntax(data)
    except ArchiveUnreadable as error:
        raise RadiographUnreadable("it is no DICOM file") from error
    if syntax == _DEFLATED_FRAMES:
        raise RadiographUnreadable("its pictures are deflated, which no decoder here reads")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a damaged file lacks, in many words
            found = _inflated(data) if syntax == _DEFLATED else pydicom.dcmread(io.BytesIO(data))
    except RadiographUnreadable:
        raise
    except Exception:  # noqa: BLE001  pydicom has no one error for bytes that are no file
        raise RadiographUnreadable("it is a damaged DICOM file") from None
    kept = found.file_meta.get("TransferSyntaxUID")
    if not isinstance(kept, UID) or not kept.is_transfer_syntax:
        raise RadiographUnreadable("it does not say how its pixels are stored")
    return found


def _header(dataset: pydicom.Dataset) -> RadiographHeader:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return header_of(dataset)
    except RadiographUnreadable:
        raise
    except Exception:  # noqa: BLE001  values are parsed when they are looked at
        raise RadiographUnreadable("its header is damaged") from None


def _inflated(data: bytes) -> pydicom.Dataset:
    """Return the data set of a deflated file, inflated no further than a picture may be large."""
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    content = inflating.decompress(data[data_set_start(data) :], MOST_DECODED_BYTES)
    if inflating.unconsumed_tail:
        raise RadiographUnreadable("it is deflated, and too large when inflated")
    dataset = read_dataset(io.BytesIO(content), is_implicit_VR=False, is_little_endian=True)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def _refuse_what_would_be_too_large(dataset: pydicom.Dataset, header: RadiographHeader) -> None:
    if not any(keyword in dataset for keyword in _PIXELS):
        raise RadiographUnreadable("it holds no picture")
    bits = dataset.get("BitsAllocated")
    if not isinstance(bits, int) or not 1 <= bits <= 64:
        raise RadiographUnreadable("it does not say how its pixels are stored")
    values = header.rows * header.columns * header.frames * header.samples
    if values <= 0 or values * math.ceil(bits / 8) > MOST_DECODED_BYTES:
        raise RadiographUnreadable(_too_large(header))
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        _refuse_another_size_inside(dataset, header)


def _refuse_another_size_inside(dataset: pydicom.Dataset, header: RadiographHeader) -> None:
    if dataset.file_meta.TransferSyntaxUID == RLELossless:
        return  # its decoder fills an array of the header's size, and no more
    for number in range(header.frames):
        size = size_of(_frame(dataset, number, header.frames))
        if size is None:
            raise RadiographUnreadable("its compressed picture does not say how large it is")
        if (size.rows, size.columns, size.samples) != (
            header.rows,
            header.columns,
            header.samples,
        ):
            raise RadiographUnreadable("its compressed picture has another size than its header")


def _frame(dataset: pydicom.Dataset, number: int, frames: int) -> bytes:
    try:
        return get_frame(dataset.PixelData, number, number_of_frames=frames)
    except Exception:  # noqa: BLE001  pydicom raises what the bytes lead it to
        raise RadiographUnreadable("its compressed picture is cut off") from None


def _stored(
    dataset: pydicom.Dataset, header: RadiographHeader, least_side: int | None
) -> tuple[Stored, int]:
    """Return stored values and of how many stored pixels a side of one of them is."""
    enough = least_side is not None and max(header.rows, header.columns) >= 2 * least_side
    if enough and dataset.file_meta.TransferSyntaxUID in _HALVED:
        half = _at_half_size(dataset, header)
        if half is not None:
            return half, 2
    return _all_values(dataset), 1


def _at_half_size(dataset: pydicom.Dataset, header: RadiographHeader) -> Stored | None:
    """Return the values at the next lower resolution of JPEG 2000, or None if it has none."""
    frame = _frame(dataset, 0, 1)
    size = size_of(frame)
    if size is None or header.grey_scale is None or header.grey_scale.signed:
        return None  # Pillow moves signed values
    try:
        with Image.open(io.BytesIO(frame), formats=["JPEG2000"]) as picture:
            wide = {"L": 8, "I;16": 16}.get(picture.mode)
            if wide is None:
                return None
            picture.reduce = 1  # type: ignore[assignment]
            values = np.asarray(picture)
    except Exception:  # noqa: BLE001  the whole picture may still be read by another decoder
        return None
    # Pillow moves the values up to fill 8 or 16 bits.
    return values >> (wide - size.bits) if size.bits <= wide else None


def _all_values(dataset: pydicom.Dataset) -> Stored:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of padding and excess bytes, which do no harm
            values = pixel_array(
                dataset, decoding_plugin=_DECODERS.get(dataset.file_meta.TransferSyntaxUID, "")
            )
    except (KeyboardInterrupt, SystemExit):
        raise
    # Decoders raise what the bytes lead them to; that of RLE, written in Rust, a panic that is no
    # Exception: https://docs.rs/pyo3/latest/pyo3/panic/struct.PanicException.html
    except BaseException as error:  # noqa: BLE001
        raise RadiographUnreadable(_why_not_decoded(dataset, error)) from None
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _why_not_decoded(dataset: pydicom.Dataset, error: BaseException) -> str:
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax == JPEGExtended12Bit and dataset.get("BitsStored", 8) > 8:
        return "it is JPEG Extended of 12 bits, which no decoder here reads"
    if isinstance(error, ValueError) and "less than expected" in str(error):
        return "its pixels are cut off"
    return f"its pixels cannot be decoded ({syntax.name})"


def _too_large(header: RadiographHeader) -> str:
    return f"it would hold {header.frames} x {header.rows} x {header.columns} pixels, too many"
