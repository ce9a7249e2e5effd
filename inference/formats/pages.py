"""Pages with a printed ECG as they come: PNG, JPEG, TIFF and PDF to RGB pictures.

Limits are checked on what a file says of itself, before anything is decoded: bytes, pixels, pages.
Pillow and pdfium do the decoding.
"""

from __future__ import annotations

import io
import threading
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
        return _picture_pages(data)
    raise EcgUnreadable("it is none of PNG, JPEG, TIFF and PDF")


def _picture_pages(data: bytes) -> tuple[Pixels, ...]:
    pages: list[Pixels] = []
    try:
        with Image.open(io.BytesIO(data), formats=_KINDS) as picture:
            count = getattr(picture, "n_frames", 1)
            if count > MOST_PAGES:
                raise EcgUnreadable(f"it has more than the {MOST_PAGES} pages that are opened")
            for index in range(count):
                picture.seek(index)
                if picture.width * picture.height > MOST_PIXELS:
                    raise EcgUnreadable("it has more pixels than are decoded")
                upright = ImageOps.exif_transpose(picture)
                pages.append(np.asarray(_on_white(upright), dtype=np.uint8))
    except (
        EOFError, MemoryError, OSError, SyntaxError, ValueError,
        Image.DecompressionBombError, Image.DecompressionBombWarning,
    ):  # fmt: skip
        raise EcgUnreadable("its picture is broken or cut off") from None
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
    with _PDFIUM:
        try:
            document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError:
            raise EcgUnreadable("its PDF is broken, empty or locked") from None
        try:
            if not 0 < len(document) <= MOST_PAGES:
                raise EcgUnreadable(f"its PDF has no page, or more than {MOST_PAGES}")
            return tuple(_drawn(document[index]) for index in range(len(document)))
        except pypdfium2.PdfiumError:
            raise EcgUnreadable("a page of its PDF is broken") from None
        finally:
            document.close()


def _drawn(page: pypdfium2.PdfPage) -> Pixels:
    width, height = page.get_size()
    if not (0 < width <= _MOST_POINTS and 0 < height <= _MOST_POINTS):
        raise EcgUnreadable("a page of its PDF has no size that paper has")
    scale = _LONG_SIDE_PX / max(width, height)
    if min(width, height) * scale < 8:
        raise EcgUnreadable("a page of its PDF is a mere line")
    bitmap = page.render(scale=scale, rev_byteorder=True, prefer_bgrx=True)
    return np.ascontiguousarray(bitmap.to_numpy()[:, :, :3])
