"""Who teaches and who judges, fixed by a hash of the record. Pure.

One record is one ICU stay; PhysioNet 2012 does not say which stays share a patient, so a record
stands for a patient here.
"""

from __future__ import annotations

import hashlib
from typing import Final, Literal

Part = Literal["train", "calibrate", "test"]
SALT: Final = "cardiotwin trajectories 1"
_TEST, _CALIBRATE = 20, 34
"""Of 100 buckets: 20 test, 14 calibrate (stacking, calibration, thresholds), 66 train."""


def part_of(record: int) -> Part:
    """Return the part a record belongs to, today and for ever."""
    bucket = _hash(f"{SALT} part {record}") % 100
    if bucket < _TEST:
        return "test"
    return "calibrate" if bucket < _CALIBRATE else "train"


def fold_of(record: int, folds: int) -> int:
    """Return the cross-fitting fold of a record, independent of its part."""
    return _hash(f"{SALT} fold {record}") % folds


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
