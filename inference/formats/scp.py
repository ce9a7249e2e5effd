"""SCP-ECG (EN 1064): the rhythm of section 6, packed by the standard's own Huffman code or plain.

Bytes are little endian; sections begin with 16 bytes (checksum, number, length, versions). Files
whose rhythm is kept as a difference from a median beat, or packed by a code of their own, are
refused with that reason: none was at hand to hold a reader against.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.core.owner import Owner, birth_date_of, identifier_digest
from inference.errors import EcgUnreadable
from inference.formats.recording import MOST_SAMPLES, EcgRecording, recording

Counts = NDArray[np.int64]

_HEADER: Final = 16
_DEFAULT_TABLE: Final = 19999
_NO_TABLE: Final = 0
_LEADS: Final = {
    1: "I", 2: "II", 3: "V1", 4: "V2", 5: "V3", 6: "V4", 7: "V5", 8: "V6",
    61: "III", 62: "aVR", 63: "aVL", 64: "aVF",
}  # fmt: skip
_SEXES: Final = {1: "male", 2: "female"}


def is_scp(data: bytes) -> bool:
    """Return whether the bytes begin as an SCP-ECG record does: its length, then section 0."""
    return (
        len(data) > 100
        and data[8:10] == b"\0\0"
        and struct.unpack_from("<I", data, 2)[0] == len(data)
    )


def read_scp(data: bytes) -> EcgRecording:
    """Return the rhythm of an SCP-ECG record.

    Raises
    ------
    EcgUnreadable
        It is none, is broken, or is packed in a way that is not read.
    """
    if not is_scp(data):
        raise EcgUnreadable("it is no SCP-ECG record, or was cut off")
    try:
        sections = _sections(data)
        leads, rate = _rhythm(sections)
        taken, owner = _patient(sections.get(1, b""))
    except (struct.error, IndexError, KeyError, ValueError):
        raise EcgUnreadable("its SCP-ECG is broken") from None
    return recording(leads, rate, "SCP-ECG", taken, owner)


def _sections(data: bytes) -> dict[int, bytes]:
    """Return what stands in each section, by number, from the pointers of section 0."""
    (length,) = struct.unpack_from("<I", data, 10)
    found: dict[int, bytes] = {}
    for at in range(6 + _HEADER, min(6 + length, len(data)) - 9, 10):
        number, size, start = struct.unpack_from("<HII", data, at)
        if size > _HEADER:
            if start < 1 or start - 1 + size > len(data):
                raise ValueError("a section lies outside the record")
            found[number] = data[start - 1 + _HEADER : start - 1 + size]
    return found


def _rhythm(sections: dict[int, bytes]) -> tuple[dict[str, NDArray[np.float64]], float]:
    definition, rhythm = sections[3], sections[6]
    count, flags = definition[0], definition[1]
    if flags & 1:
        raise EcgUnreadable("its rhythm is kept as a difference from a median beat")
    table = struct.unpack_from("<H", sections[2])[0] if 2 in sections else _NO_TABLE
    if table not in (_DEFAULT_TABLE, _NO_TABLE):
        raise EcgUnreadable("its rhythm is packed by a code of its own")
    nanovolt, microseconds, differences, bimodal = struct.unpack_from("<HHBB", rhythm)
    if bimodal:
        raise EcgUnreadable("its rhythm is thinned out between the complexes")
    if not nanovolt or not microseconds or differences > 2:
        raise ValueError("no scale")
    sizes = struct.unpack_from(f"<{count}H", rhythm, 6)
    at = 6 + 2 * count
    leads: dict[str, NDArray[np.float64]] = {}
    for index in range(count):
        first, last, kind = struct.unpack_from("<IIB", definition, 2 + 9 * index)
        part = rhythm[at : at + sizes[index]]
        at += sizes[index]
        samples = last - first + 1
        if not 0 < samples <= MOST_SAMPLES or len(part) < sizes[index]:
            raise ValueError("a lead of no length")
        steps = _decoded(part, samples) if table else np.frombuffer(part, "<i2").astype(np.int64)
        if kind in _LEADS:
            leads[_LEADS[kind]] = _summed(steps[:samples], differences) * (nanovolt * 1e-6)
    return leads, 1e6 / microseconds


def _decoded(part: bytes, samples: int) -> Counts:
    """Return numbers of the standard's Huffman code (EN 1064, annex C).

    ``n`` ones and a zero stand for +-(n - 1), the sign following as one bit (none after the zero
    alone, which is 0); nine ones and a zero announce 8 bits as they are, ten ones 16 bits.
    """
    bits = "".join(map(str, np.unpackbits(np.frombuffer(part, dtype=np.uint8))))
    out, at = np.zeros(samples, dtype=np.int64), 0
    for place in range(samples):
        ones = 0
        while ones < 10 and bits[at] == "1":
            ones, at = ones + 1, at + 1
        if ones < 10:
            at += 1
        if ones == 0:
            continue
        if ones >= 9:
            size = 8 if ones == 9 else 16
            value = int(bits[at : at + size], 2)
            out[place] = value - (1 << size) if value >> (size - 1) else value
            at += size
        else:
            out[place] = -ones if bits[at] == "1" else ones
            at += 1
    return out


def _summed(steps: Counts, differences: int) -> Counts:
    """Return samples from their first or second differences; the first ones stand as they are."""
    if differences == 0 or len(steps) < 3:
        return steps
    if differences == 1:
        return np.cumsum(steps)
    slopes = np.cumsum(np.r_[steps[1] - steps[0], steps[2:]])
    samples: Counts = np.r_[steps[0], steps[0] + np.cumsum(slopes)]
    return samples


def _patient(section: bytes) -> tuple[str | None, Owner]:
    """Return when it was recorded and what is said of the patient; names are not read."""
    tags: dict[int, bytes] = {}
    at = 0
    while at + 3 <= len(section) and section[at] != 255:
        length = int(struct.unpack_from("<H", section, at + 1)[0])
        tags.setdefault(section[at], section[at + 3 : at + 3 + length])
        at += 3 + length
    identifier = tags.get(2, b"").rstrip(b"\0 ").decode("latin-1").strip()
    owner = Owner(
        identifiers=frozenset({identifier_digest(identifier)} if identifier else ()),
        birth_date=birth_date_of(_date(tags.get(5, b""))),
        sex=_SEXES.get(tags.get(8, b"\0")[0] if tags.get(8) else 0),  # type: ignore[arg-type]
    )
    day, time = _date(tags.get(25, b"")), tags.get(26, b"")
    clock = "".join(f"{part:02d}" for part in time) if len(time) == 3 else ""
    return (day + clock if day else None), owner


def _date(value: bytes) -> str | None:
    if len(value) != 4:
        return None
    year, month, day = struct.unpack("<HBB", value)
    return f"{year:04d}{month:02d}{day:02d}" if year else None
