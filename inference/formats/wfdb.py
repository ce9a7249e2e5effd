"""WFDB records (https://wfdb.io/spec/header-files.html): a header and the signal files it names.

Signal formats 16, 212, 24, 32 and 80, and the ``.mat`` files of the PhysioNet Challenges, that is
format 16 after 24 bytes. Only the first four fields of the record line are read, because some
headers put a date where the specification has a time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.errors import EcgUnreadable
from inference.formats.recording import MOST_SAMPLES, EcgRecording, recording

_FORMAT: Final = re.compile(r"(\d+)(?:x(\d+))?(?::(\d+))?(?:\+(\d+))?")
_GAIN: Final = re.compile(r"([\d.eE+-]+)(?:\((-?\d+)\))?(?:/(\S+))?")
_MILLIVOLT: Final = {"mv": 1.0, "uv": 1e-3, "v": 1e3}
_USUAL_GAIN: Final = 200.0
"""Units a millivolt, where the header says 0 or nothing (the specification's default)."""

Raw = NDArray[np.int64]


def read_wfdb(header: bytes, files: Mapping[str, bytes]) -> EcgRecording:
    """Return a record from its header and its signal files by the names that it gives them.

    Raises
    ------
    EcgUnreadable
        A file is missing or shorter than the header says, or a format is not read.
    """
    try:
        lines = [
            line for line in header.decode("latin-1").splitlines()
            if line.strip() and not line.startswith("#")
        ]  # fmt: skip
        fields = lines[0].split()
        if "/" in fields[0]:
            raise EcgUnreadable("a record of several segments is not read")
        count, rate = int(fields[1]), float(re.split(r"[/(]", fields[2])[0])
        samples = int(fields[3]) if len(fields) > 3 else 0
        signals = [_signal(line) for line in lines[1 : 1 + count]]
        if len(signals) != count or not 0 <= samples <= MOST_SAMPLES:
            raise ValueError("signals missing")
        leads = _leads(signals, files, samples)
    except (IndexError, ValueError, ZeroDivisionError):
        raise EcgUnreadable("its WFDB header or signals are broken") from None
    return recording(leads, rate, "WFDB")


class _Signal:
    """One line of the header."""

    def __init__(self, fields: list[str]) -> None:
        match = _FORMAT.fullmatch(fields[1])
        gain = _GAIN.fullmatch(fields[2]) if len(fields) > 2 else None
        if match is None or match.group(2) not in (None, "1"):
            raise EcgUnreadable("a signal's format is not read")
        self.file = fields[0]
        self.format = int(match.group(1))
        self.offset = int(match.group(4) or 0)
        self.gain = (float(gain.group(1)) if gain else 0.0) or _USUAL_GAIN
        zero = int(fields[4]) if len(fields) > 4 else 0
        self.baseline = int(gain.group(2)) if gain and gain.group(2) else zero
        unit = ((gain.group(3) if gain else None) or "mV").lower()
        if unit not in _MILLIVOLT:
            raise EcgUnreadable("a signal is not measured in volts")
        self.factor = _MILLIVOLT[unit]
        self.name = " ".join(fields[8:])


def _signal(line: str) -> _Signal:
    return _Signal(line.split())


def _leads(
    signals: list[_Signal], files: Mapping[str, bytes], samples: int
) -> dict[str, NDArray[np.float64]]:
    leads: dict[str, NDArray[np.float64]] = {}
    for name in dict.fromkeys(signal.file for signal in signals):
        together = [signal for signal in signals if signal.file == name]
        if name not in files:
            raise EcgUnreadable("a signal file that its header names is missing")
        data = files[name][together[0].offset :]
        raw, missing = _raw(data, together[0].format)
        frames = samples or len(raw) // len(together)
        if len(raw) < frames * len(together):
            raise EcgUnreadable("a signal file is shorter than its header says")
        table = raw[: frames * len(together)].reshape(frames, len(together))
        for column, signal in enumerate(together):
            values = (table[:, column] - signal.baseline) / signal.gain * signal.factor
            leads[signal.name] = np.where(table[:, column] == missing, np.nan, values)
    return leads


def _raw(data: bytes, kind: int) -> tuple[Raw, int]:
    """Return the numbers of a signal file in one of the formats, and which one means missing."""
    if kind == 16:
        return np.frombuffer(data, "<i2", len(data) // 2).astype(np.int64), -(1 << 15)
    if kind == 32:
        return np.frombuffer(data, "<i4", len(data) // 4).astype(np.int64), -(1 << 31)
    if kind == 80:
        return np.frombuffer(data, np.uint8).astype(np.int64) - 128, -128
    if kind == 24:
        three = np.frombuffer(data, np.uint8, len(data) // 3 * 3).reshape(-1, 3).astype(np.int64)
        value = three[:, 0] | three[:, 1] << 8 | three[:, 2] << 16
        return np.where(value >> 23, value - (1 << 24), value), -(1 << 23)
    if kind == 212:
        three = np.frombuffer(data, np.uint8, len(data) // 3 * 3).reshape(-1, 3).astype(np.int64)
        first = three[:, 0] | (three[:, 1] & 0x0F) << 8
        second = three[:, 2] | (three[:, 1] >> 4) << 8
        value = np.stack([first, second], axis=1).ravel()
        return np.where(value >> 11, value - (1 << 12), value), -(1 << 11)
    raise EcgUnreadable("a signal's format is not read")
