"""Pictures and documents with a printed ECG: decoded within limits, or refused before decoding."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset

from inference.core.ecg_layout import THREE_BY_FOUR_RHYTHM
from inference.core.ecg_page import read_page
from inference.core.ecg_printer import PageStyle, print_page
from inference.errors import EcgUnreadable
from inference.formats.pages import MOST_PAGES, pages_of
from inference.formats.reading import read_ecg
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


def test_a_pdf_inside_a_dicom_file_is_found() -> None:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.EncapsulatedPDFStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    file = Dataset()
    file.file_meta = meta
    file.SOPClassUID, file.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3"
    file.MIMETypeOfEncapsulatedDocument = "application/pdf"
    document = saved("PDF")
    file.EncapsulatedDocument = document + bytes(len(document) % 2)
    out = io.BytesIO()
    pydicom.dcmwrite(out, file, enforce_file_format=True)
    pages = read_ecg(out.getvalue())
    assert isinstance(pages, tuple)
    assert read_page(pages[0]).page is not None
