"""Pictures and documents with a printed ECG: decoded within limits, or refused before decoding."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

from inference.core.ecg_layout import THREE_BY_FOUR_RHYTHM
from inference.core.ecg_page import read_page
from inference.core.ecg_printer import PageStyle, print_page
from inference.core.owner import NOBODY, Owner, doubt, identifier_digest
from inference.errors import EcgUnreadable
from inference.formats.pages import MOST_PAGES, pages_of
from inference.formats.reading import owner_in, read_ecg
from tests.inference.ecg_signals import regular


def printed() -> Image.Image:
    return Image.fromarray(print_page(regular(), THREE_BY_FOUR_RHYTHM, PageStyle()).pixels)


def saved(kind: str, pages: int = 1, **options: object) -> bytes:
    out = io.BytesIO()
    picture = printed()
    if pages > 1:
        options |= {"save_all": True, "append_images": [picture] * (pages - 1)}
    picture.save(out, kind, **options)  # type: ignore[arg-type]
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "PDF"])
def test_a_page_is_the_same_ecg_in_every_format(kind: str) -> None:
    pages = read_ecg(saved(kind))
    assert isinstance(pages, tuple)
    assert len(pages) == 1
    assert pages[0].dtype == np.uint8
    got = read_page(pages[0])
    assert (got.rows, got.page is not None) == (4, True)


@pytest.mark.parametrize("kind", ["TIFF", "PDF"])
def test_documents_have_pages_up_to_a_limit(kind: str) -> None:
    assert len(pages_of(saved(kind, pages=3))) == 3
    with pytest.raises(EcgUnreadable, match=r"pages|page, or more"):
        pages_of(saved(kind, pages=MOST_PAGES + 1))


def pdf_of(count: int) -> bytes:
    """Write a PDF of so many empty pages by hand."""
    kids = " ".join(f"{3 + k} 0 R" for k in range(count))
    objects = ["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {count}>>"]
    objects += ["<</Type/Page/Parent 2 0 R/MediaBox[0 0 842 595]>>"] * count
    out, places = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj{text}endobj\n".encode()
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    return out + (
        f"trailer<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF".encode()
    )


@pytest.mark.parametrize("count", [0, 500])
def test_an_empty_pdf_and_one_of_500_pages_are_refused(count: int) -> None:
    with pytest.raises(EcgUnreadable, match="PDF"):
        pages_of(pdf_of(count))


def test_an_empty_page_is_no_ecg() -> None:
    (page,) = pages_of(pdf_of(1))
    assert read_page(page).page is None


def png_of(width: int, height: int) -> bytes:
    """Write a PNG that says it is so large and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(100_000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [8_000, 12_000, 60_000])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(side: int) -> None:
    with pytest.raises(EcgUnreadable):
        pages_of(png_of(side, side))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "PDF"])
def test_what_is_cut_off_is_refused(kind: str) -> None:
    data = saved(kind)
    with pytest.raises(EcgUnreadable):
        pages_of(data[: len(data) // 3])


def test_what_is_transparent_is_paper_and_a_photographs_own_orientation_counts() -> None:
    clear = Image.new("RGBA", (400, 300), (0, 0, 0, 0))
    out = io.BytesIO()
    clear.save(out, "PNG")
    assert pages_of(out.getvalue())[0].min() == 255
    sideways = Image.new("RGB", (400, 300), "white")
    exif = sideways.getexif()
    exif[0x0112] = 6
    out = io.BytesIO()
    sideways.save(out, "JPEG", exif=exif)
    assert pages_of(out.getvalue())[0].shape == (400, 300, 3)


def dicom_file(**values: object) -> bytes:
    """Write a DICOM file of what is given, uncompressed unless ``syntax`` says otherwise."""
    meta: Any = FileMetaDataset()
    meta.TransferSyntaxUID = values.pop("syntax", pydicom.uid.ExplicitVRLittleEndian)
    meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    file = Dataset()
    file.file_meta = meta
    file.SOPClassUID, file.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3"
    for name, value in values.items():
        setattr(file, name, value)
    out = io.BytesIO()
    pydicom.dcmwrite(out, file, enforce_file_format=True)
    return out.getvalue()


def capture(pixels: np.ndarray, data: bytes, **values: object) -> bytes:
    grey = pixels.ndim == 2
    return dicom_file(
        **{
            "Rows": pixels.shape[0],
            "Columns": pixels.shape[1],
            "SamplesPerPixel": 1 if grey else 3,
            "PhotometricInterpretation": "MONOCHROME2" if grey else "RGB",
            "BitsAllocated": 8,
            "BitsStored": 8,
            "HighBit": 7,
            "PixelRepresentation": 0,
            **({} if grey else {"PlanarConfiguration": 0}),
            "PixelData": data,
            **values,
        }
    )


def test_a_pdf_inside_a_dicom_file_is_found() -> None:
    document = saved("PDF")
    data = dicom_file(
        MIMETypeOfEncapsulatedDocument="application/pdf",
        EncapsulatedDocument=document + bytes(len(document) % 2),
    )
    pages = read_ecg(data)
    assert isinstance(pages, tuple)
    assert read_page(pages[0]).page is not None


def test_a_secondary_capture_shows_the_page_that_was_captured() -> None:
    """Plain in colour and grey, light counted as low, and as JPEG: PS3.3, section A.8."""
    colour = np.asarray(printed())[:940, :1300]
    grey = np.ascontiguousarray(colour[:, :, 1])
    out = io.BytesIO()
    Image.fromarray(colour).save(out, "JPEG", quality=90)
    jpeg = encapsulate([out.getvalue() + bytes(len(out.getvalue()) % 2)])
    for data in (
        capture(colour, colour.tobytes()),
        capture(grey, grey.tobytes()),
        capture(grey, (255 - grey).tobytes(), PhotometricInterpretation="MONOCHROME1"),
        capture(
            colour, jpeg, syntax=pydicom.uid.JPEGBaseline8Bit, PhotometricInterpretation="YBR_FULL"
        ),
    ):
        pages = read_ecg(data)
        assert isinstance(pages, tuple)
        assert len(pages) == 1
        got = read_page(pages[0])
        assert got.page is not None
        assert got.layout is not None
        assert got.layout.name == "3x4+II"


def test_a_captures_owner_is_told_before_it_is_looked_at() -> None:
    grey = np.full((400, 500), 255, dtype=np.uint8)
    data = capture(grey, grey.tobytes(), PatientID="17", PatientBirthDate="19530508")
    assert owner_in(data) == Owner(frozenset({identifier_digest("17")}), "19530508")
    assert doubt([owner_in(data)], Owner(frozenset({identifier_digest("18")}))) is not None
    assert owner_in(saved("PNG")) == NOBODY


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"Rows": 60_000, "Columns": 60_000}, "pixels than"),
        ({"NumberOfFrames": 500}, "pages"),
        ({"Rows": 500}, "broken"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "colours"),
        ({"BitsAllocated": 32}, "stored"),
    ],
)
def test_a_capture_whose_header_cannot_be_is_refused(changed: dict[str, object], why: str) -> None:
    grey = np.full((400, 500), 255, dtype=np.uint8)
    with pytest.raises(EcgUnreadable, match=why):
        read_ecg(capture(grey, grey.tobytes(), **changed))


def test_a_jpeg_larger_than_its_dicom_header_says_is_refused_before_it_is_decoded() -> None:
    out = io.BytesIO()
    Image.new("L", (8_000, 8_000)).save(out, "JPEG")
    grey = np.zeros((400, 500), dtype=np.uint8)
    data = encapsulate([out.getvalue() + bytes(len(out.getvalue()) % 2)])
    with pytest.raises(EcgUnreadable, match="more pixels"):
        read_ecg(capture(grey, data, syntax=pydicom.uid.JPEGBaseline8Bit))


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_bombs_of_other_kinds_are_refused_too(kind: str) -> None:
    out = io.BytesIO()
    options = {} if kind == "JPEG" else {"compression": "tiff_deflate"}
    Image.new("L", (8_000, 8_000)).save(out, kind, **options)  # type: ignore[arg-type]
    with pytest.raises(EcgUnreadable, match="more pixels"):
        pages_of(out.getvalue())


def pdf_with(stream: bytes, entries: str) -> bytes:
    """Write a PDF of one page whose second object beside it is the stream given."""
    packed = zlib.compress(stream, 9)
    return (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 842 595]/Contents 4 0 R>>endobj\n"
        + f"4 0 obj<<{entries}/Filter/FlateDecode/Length {len(packed)}>>stream\n".encode()
        + packed
        + b"\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
    )


def test_a_pdf_that_swells_is_refused_before_pdfium_keeps_it() -> None:
    assert pages_of(pdf_with(b" " * 1_000, ""))[0].shape[2] == 3
    with pytest.raises(EcgUnreadable, match="inflated"):
        pages_of(pdf_with(bytes(250_000_000), ""))


def test_a_picture_called_a_document_is_read_as_what_it_is() -> None:
    """No reader looks at a name; a PNG sent as application/pdf is a PNG."""
    pages = read_ecg(saved("PNG"))
    assert isinstance(pages, tuple)
    assert read_page(pages[0]).rows == 4
