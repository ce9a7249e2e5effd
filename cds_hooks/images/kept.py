"""What is kept of a reading, as values. The picture is kept beside them and asked for by its id.

Ids are keyed digests: nobody can turn one back into a patient or a file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NewType

import msgspec

from inference.core.image_reading import ImageReading, NotRead

ReadingId = NewType("ReadingId", str)
"""Names one file of one patient as one release reads it."""
SourceKey = NewType("SourceKey", str)
"""Names one study or ECG on one patient's file, in one version, before one set of releases."""
PatientDigest = NewType("PatientDigest", str)

KEPT_DAYS: Final = 30
"""After so long a reading is made anew if anybody still asks for it."""


@dataclass(frozen=True, slots=True)
class KeptOutcome:
    """One file's reading or why there is none; exactly one of the two is not None."""

    id: ReadingId
    reading: ImageReading | None
    not_read: NotRead | None
    width: int = 0
    """Of the picture, in pixels; 0 where there is none."""
    height: int = 0


@dataclass(frozen=True, slots=True)
class KeptSource:
    """A study or an ECG that was read, with what was found in its files."""

    source: SourceKey
    patient: PatientDigest = field(repr=False)
    reference: str
    """The resource and version that names it."""
    title: str
    taken_at: datetime | None
    read_at: datetime
    outcomes: tuple[KeptOutcome, ...]


_ENCODER: Final = msgspec.msgpack.Encoder()
_SOURCE: Final = msgspec.msgpack.Decoder(KeptSource)
_OUTCOME: Final = msgspec.msgpack.Decoder(KeptOutcome)


def to_bytes(kept: KeptSource | KeptOutcome) -> bytes:
    """Return a kept value as MessagePack."""
    return _ENCODER.encode(kept)


def source_of(payload: bytes) -> KeptSource:
    """Return the source that ``to_bytes`` was given; ValueError where the bytes are none."""
    return _SOURCE.decode(payload)


def outcome_of(payload: bytes) -> KeptOutcome:
    """Return the outcome that ``to_bytes`` was given; ValueError where the bytes are none."""
    return _OUTCOME.decode(payload)
