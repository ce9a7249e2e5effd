"""Philips SierraECG XML 1.03 and 1.04: samples in Base64, usually packed by XLI.

XLI, as it is known from open readers (no document of the maker was at hand): for each lead a chunk
with an 8-byte header (length, a code, the first difference), then codes of ten bits of an LZW
dictionary of bytes; the bytes are the high halves of all numbers followed by the low halves; the
numbers are second differences, offset by 64. III, aVR, aVL and aVF are stored as what is left of
them once they are derived from I and II.
"""

from __future__ import annotations

import base64
import binascii
import struct
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from inference.core.ecg import LEADS
from inference.core.owner import Owner, birth_date_of, identifier_digest
from inference.errors import EcgUnreadable
from inference.formats.recording import MOST_SAMPLES, EcgRecording, recording, xml_root

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

Counts = NDArray[np.int64]

_CODE_BITS: Final = 10
_END: Final = (1 << _CODE_BITS) - 1


def read_philips(data: bytes) -> EcgRecording:
    """Return the rhythm of a SierraECG file.

    Raises
    ------
    EcgUnreadable
        It is none, or its samples do not unpack.
    """
    root = xml_root(data)
    if root.tag != "restingecgdata":
        raise EcgUnreadable("it is no Philips resting ECG")
    waves = next(root.iter("parsedwaveforms"), None)
    if waves is None or waves.get("dataencoding") != "Base64":
        raise EcgUnreadable("it holds no waveforms in Base64")
    try:
        packed = base64.b64decode("".join((waves.text or "").split()), validate=True)
        names, counts = _leads(waves, packed)
        rate = float(waves.get("samplespersecond") or _text(root, "samplingrate") or "nan")
        step = float(
            waves.get("resolution") or _text(root, "resolution") or _text(root, "signalresolution")
            or "nan"
        )  # fmt: skip
    except (ValueError, binascii.Error, struct.error, IndexError):
        raise EcgUnreadable("its samples do not unpack") from None
    if not np.isfinite([rate, step]).all():
        raise EcgUnreadable("it does not say its sampling rate or its resolution")
    leads = {name: values * (step * 1e-3) for name, values in zip(names, counts, strict=True)}
    acquired = next(root.iter("dataacquisition"), None)
    taken = None
    if acquired is not None and acquired.get("date"):
        written = acquired.get("date", "") + acquired.get("time", "")
        taken = written.replace("-", "").replace(":", "")
    return recording(leads, rate, "Philips SierraECG", taken, _owner(root))


def _text(root: Element, name: str) -> str:
    element = next(root.iter(name), None)
    return (element.text or "").strip() if element is not None else ""


def _leads(waves: Element, packed: bytes) -> tuple[list[str], list[Counts]]:
    names = (waves.get("leadlabels") or " ".join(LEADS)).split()
    method = waves.get("compression") or waves.get("compressmethod") or ""
    if method.upper() != "XLI":
        flat = np.frombuffer(packed, dtype="<i2").astype(np.int64)
        return names, list(flat.reshape(len(names), -1))
    counts, at = [], 0
    for _ in names:
        if at + 8 > len(packed):
            break
        length, _, first = struct.unpack_from("<ihh", packed, at)
        if length <= 0 or at + 8 + length > len(packed):
            raise ValueError("a chunk is longer than the data")
        halves = _unpacked(packed[at + 8 : at + 8 + length])
        counts.append(_undone(halves, first))
        at += 8 + length
    shortest = min(map(len, counts))
    counts = [one[:shortest] for one in counts]
    names = names[: len(counts)]
    if names[:6] == list(LEADS[:6]):
        _add_derived(counts)
    return names, counts


def _unpacked(data: bytes) -> bytes:
    """Return the bytes that an LZW stream of ten-bit codes, highest bit first, stands for."""
    words: list[bytes] = [bytes((one,)) for one in range(256)]
    out = bytearray()
    previous = b""
    bits, held = 0, 0
    for byte in data:
        held = (held << 8) | byte
        bits += 8
        if bits < _CODE_BITS:
            continue
        bits -= _CODE_BITS
        code = held >> bits
        held &= (1 << bits) - 1
        if code == _END:
            break
        if code < len(words):
            word = words[code]
        elif previous:
            word = previous + previous[:1]
        else:
            raise ValueError("a code before its word")
        out += word
        if len(out) > 2 * MOST_SAMPLES:
            raise ValueError("unpacks to more than an hour")
        if previous and len(words) < _END:
            words.append(previous + word[:1])
        previous = word
    return bytes(out)


def _undone(halves: bytes, first: int) -> Counts:
    """Return samples from second differences kept as all high bytes, then all low bytes."""
    count = len(halves) // 2
    high = np.frombuffer(halves, dtype=np.uint8, count=count)
    low = np.frombuffer(halves, dtype=np.uint8, count=count, offset=count)
    steps = ((high.astype(np.uint16) << 8) | low).astype(np.int16).astype(np.int64)
    if count < 2:
        return steps
    # z = 2 y - x - last, last being the step before, less 64: twice a running sum.
    last = np.r_[first, steps[2:-1] - 64]
    slopes = np.cumsum(np.r_[steps[1] - steps[0], -last])
    samples: Counts = np.r_[steps[0], steps[0] + np.cumsum(slopes)]
    return samples


def _add_derived(counts: list[Counts]) -> None:
    """Add what Einthoven and Goldberger predict to the four leads that are stored without it."""
    one, two = counts[0], counts[1]
    counts[2] = two - one - counts[2]
    three = counts[2]
    counts[3] = -counts[3] - (one + two) // 2
    counts[4] = (one - three) // 2 - counts[4]
    counts[5] = (two + three) // 2 - counts[5]


def _owner(root: Element) -> Owner:
    sex = {"Female": "female", "Male": "male"}.get(_text(root, "sex"))
    identifier = _text(root, "patientid")
    return Owner(
        identifiers=frozenset({identifier_digest(identifier)} if identifier else ()),
        birth_date=birth_date_of(_text(root, "dateofbirth")),
        sex=sex,  # type: ignore[arg-type]
    )
