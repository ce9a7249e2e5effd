"""PNG and JPEG files are read as they are looked at; their size is checked before decoding."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from inference.archive.pictures import picture_of
from inference.errors import RadiographUnreadable
from tests.inference.archive.radiograph_files import stored_chest

GREY = (stored_chest() >> 4).astype(np.uint8)


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def test_a_png_is_read_exactly_and_a_jpeg_nearly() -> None:
    picture = Image.fromarray(GREY)
    np.testing.assert_array_equal(picture_of(saved(picture, "PNG")).grey, GREY)
    jpeg = picture_of(saved(picture, "JPEG", quality=95)).grey
    assert np.abs(jpeg.astype(int) - GREY).mean() < 2


def test_sixteen_bits_and_colour_become_eight_bits_of_grey() -> None:
    wide = Image.fromarray(GREY.astype(np.uint16) << 8)
    np.testing.assert_array_equal(picture_of(saved(wide, "PNG")).grey, GREY)
    colour = Image.fromarray(GREY).convert("RGB")
    assert np.abs(picture_of(saved(colour, "PNG")).grey.astype(int) - GREY).max() <= 1


def test_it_has_no_view_and_no_spacing() -> None:
    found = picture_of(saved(Image.fromarray(GREY), "PNG"))
    assert (found.view, found.spacing_mm) == (None, None)


def test_a_png_of_twelve_thousand_by_twelve_thousand_is_refused_by_its_header() -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", 12_000, 12_000, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(12_001) * 1_000)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows)
    with pytest.raises(RadiographUnreadable, match="too many"):
        picture_of(bomb + chunk(b"IEND", b""))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "neither a PNG nor a JPEG"),
        (b"<html>", "neither a PNG nor a JPEG"),
        (saved(Image.fromarray(GREY), "GIF"), "neither a PNG nor a JPEG"),
        (saved(Image.fromarray(GREY), "PNG")[:2000], "damaged"),
        (saved(Image.fromarray(GREY[:100, :100]), "PNG"), "only 100 x 100"),
        (
            saved(
                Image.fromarray(GREY),
                "PNG",
                save_all=True,
                append_images=[Image.fromarray(255 - GREY)],
            ),
            "more than one",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(RadiographUnreadable, match=reason):
        picture_of(data)
