"""Pages with a printed ECG as they come: PNG, JPEG, TIFF and PDF to RGB pictures.

Limits are checked on what a file says of itself, before anything is decoded: bytes, pixels, pages.
Pillow and pdfium do the decoding.
"""

from __future__ import annotations

import io
import threading
import zlib
from typing import Final

import numpy as np
import pypdfium2
from numpy.typing import NDArray
from PIL import Image, ImageOps

from inference.core.ecg_page import MOST_PIXELS
from inference.errors import EcgUnreadable
from inference.formats.recording import checked_size

Pixels = NDArray[np.uint8]

MOST_PAGES: Final = 8
"""A report of an ECG has one to three pages; a document of more is somebody's whole record."""
_LONG_SIDE_PX: Final = 1900
"""To which a PDF page is drawn: 160 dpi for A4."""
_MOST_POINTS: Final = 14_400.0
"""Of a PDF page's side: the most that PDF itself allows (five metres)."""
_KINDS: Final = ("PNG", "JPEG", "TIFF")
_MOST_INFLATED: Final = 200_000_000
"""Of all streams of a PDF together: the most pixels that are decoded, in colour, and then some."""
_AT_ONCE: Final = 1 << 20
_ZLIB_STARTS: Final = (b"\x08", b"\x18", b"\x28", b"\x38", b"\x48", b"\x58", b"\x68", b"\x78")
_PDFIUM: Final = threading.Lock()
"""pdfium keeps state of its own: one call at a time."""


def is_picture(data: bytes) -> bool:
    """Return whether the bytes begin as PNG, JPEG or TIFF do."""
    return data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*"))


def is_pdf(data: bytes) -> bool:
    """Return whether the bytes are a PDF; some begin with a few bytes of something else."""
    return b"%PDF-" in data[:1024]


def pages_of(data: bytes) -> tuple[Pixels, ...]:
    """Return every page as RGB ``[height, width, 3]``, turned as its own orientation says.

    Raises
    ------
    EcgUnreadable
        It is no picture, is broken, or exceeds a limit.
    """
    checked_size(data)
    if is_pdf(data):
        return _pdf_pages(data)
    if is_picture(data):
        return picture_pages(data)
    raise EcgUnreadable("it is none of PNG, JPEG, TIFF and PDF")


def picture_pages(data: bytes, kinds: tuple[str, ...] = _KINDS) -> tuple[Pixels, ...]:
    """Return every page of a picture of one of the kinds, by their names in Pillow."""
    pages: list[Pixels] = []
    try:
        with Image.open(io.BytesIO(data), formats=kinds) as picture:
            count = getattr(picture, "n_frames", 1)
            if count > MOST_PAGES:
                raise EcgUnreadable(f"it has more than the {MOST_PAGES} pages that are opened")
            for index in range(count):
                picture.seek(index)
                if picture.width * picture.height > MOST_PIXELS:
                    raise EcgUnreadable("it has more pixels than are decoded: store it at 300 dpi")
                upright = ImageOps.exif_transpose(picture)
                pages.append(np.asarray(_on_white(upright), dtype=np.uint8))
    except (
        EOFError, MemoryError, OSError, SyntaxError, ValueError,
        Image.DecompressionBombError, Image.DecompressionBombWarning,
    ):  # fmt: skip
        raise EcgUnreadable("its picture is broken or cut off: store it again") from None
    return tuple(pages)


def _on_white(picture: Image.Image) -> Image.Image:
    """Return the picture in RGB; what is transparent is paper."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        paper = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(paper, layered).convert("RGB")
    if picture.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert("RGB")
    return picture.convert("RGB")


def _pdf_pages(data: bytes) -> tuple[Pixels, ...]:
    _refuse_what_would_swell(data)
    with _PDFIUM:
        try:
            document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError:
            raise EcgUnreadable("its PDF is broken, empty or locked: store it again") from None
        try:
            if not 0 < len(document) <= MOST_PAGES:
                raise EcgUnreadable(
                    f"its PDF has no page, or more than {MOST_PAGES}: store the ECG alone"
                )
            return tuple(_drawn(document[index]) for index in range(len(document)))
        except pypdfium2.PdfiumError:
            raise EcgUnreadable("a page of its PDF is broken") from None
        finally:
            document.close()


def _refuse_what_would_swell(data: bytes) -> None:
    """Inflate each stream of a PDF in turn and keep none, before pdfium keeps them all."""
    left, at = _MOST_INFLATED, data.find(b"stream")
    while at >= 0:
        start = at + len(b"stream")
        start += {b"\r\n": 2}.get(data[start : start + 2], 1)
        if data[start : start + 1] in _ZLIB_STARTS and data[at - 3 : at] != b"end":
            left -= _inflated(memoryview(data)[start:], left)
            if left <= 0:
                raise EcgUnreadable("its PDF is larger when it is inflated than is opened")
        at = data.find(b"stream", start)


def _inflated(packed: memoryview, most: int) -> int:
    """Return how many bytes a stream inflates to, counting no further than ``most``."""
    inflating, size = zlib.decompressobj(), 0
    rest: bytes | memoryview = packed
    try:
        while size < most and not inflating.eof:
            part = len(inflating.decompress(rest, _AT_ONCE))
            rest = inflating.unconsumed_tail
            size += part
            if not rest:
                break
    except zlib.error:
        pass  # no such stream after all: pdfium makes of it what it can
    return size


def _refuse_large_pictures(page: pypdfium2.PdfPage) -> None:
    for shown in page.get_objects(filter=(pypdfium2.raw.FPDF_PAGEOBJ_IMAGE,), max_depth=4):
        width, height = shown.get_px_size()
        if width * height > MOST_PIXELS:
            raise EcgUnreadable("a picture in its PDF has more pixels than are decoded")


def _drawn(page: pypdfium2.PdfPage) -> Pixels:
    width, height = page.get_size()
    if not (0 < width <= _MOST_POINTS and 0 < height <= _MOST_POINTS):
        raise EcgUnreadable("a page of its PDF has no size that paper has")
    scale = _LONG_SIDE_PX / max(width, height)
    if min(width, height) * scale < 8:
        raise EcgUnreadable("a page of its PDF is a mere line")
    _refuse_large_pictures(page)
    bitmap = page.render(scale=scale, rev_byteorder=True, prefer_bgrx=True)
    return np.ascontiguousarray(bitmap.to_numpy()[:, :, :3])
