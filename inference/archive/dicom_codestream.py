"""What a compressed picture says of its own size, read from its first bytes. Nothing is decoded.

A DICOM header can say 512 x 512 over a stream of 20,000 x 20,000, and a decoder believes the
stream: both are read, and must agree, before a decoder sees either.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

_START_OF_FRAME: Final = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
_WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_CODESTREAM: Final = b"\xff\x4f\xff\x51"
MOST_TILES: Final = 4_096
"""A decoder reserves memory for each tile; a radiograph has one, or some dozens."""


@dataclass(frozen=True, slots=True)
class StreamSize:
    """Rows, columns, components and bits of a compressed picture."""

    rows: int
    columns: int
    samples: int
    bits: int


def size_of(stream: bytes) -> StreamSize | None:
    """Return the size that a JPEG, JPEG-LS or JPEG 2000 stream states; None if it states none."""
    try:
        if stream[:2] == b"\xff\xd8":
            return _jpeg_size(stream)
        return _jpeg_2000_size(stream)
    except (struct.error, IndexError):
        return None


def _jpeg_size(stream: bytes) -> StreamSize | None:
    """ISO/IEC 10918-1, B.2.2; JPEG-LS has the same frame header under marker SOF55."""
    at = 2
    while at + 4 <= len(stream):
        if stream[at] != 0xFF:
            return None
        marker = stream[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _WITHOUT_LENGTH:
            at += 2
        elif marker in _START_OF_FRAME:
            bits, rows, columns, samples = struct.unpack_from(">BHHB", stream, at + 4)
            return StreamSize(rows, columns, samples, bits)
        else:
            at += 2 + max(2, struct.unpack_from(">H", stream, at + 2)[0])
    return None


def _jpeg_2000_size(stream: bytes) -> StreamSize | None:
    """ISO/IEC 15444-1, A.5.1, in a bare codestream or in the boxes of a JP2 file."""
    at = stream[:4_096].find(_CODESTREAM)
    if at < 0:
        return None
    right, bottom, left, top, tile_width, tile_height, tile_left, tile_top, samples, bits = (
        struct.unpack_from(">8IHB", stream, at + 8)
    )
    if not (right > left and bottom > top and tile_width and tile_height):
        return None
    across = -(-(right - tile_left) // tile_width)
    down = -(-(bottom - tile_top) // tile_height)
    if across * down > MOST_TILES:
        return None
    return StreamSize(bottom - top, right - left, samples, (bits & 0x7F) + 1)
