"""The ECG sets of a run: which may teach, under which licence, split once and for ever.

Rule of the file: reading sets in the layout of the data folder (``STEM.npz`` and ``STEM.csv``) and
deciding who teaches and who validates. What the labels mean is said in `ecg_labels`.

Identical signals are kept once, within and across sets. A record stands for a patient except in
PTB-XL, whose patients are known. Sets without a stated licence cannot be read for teaching.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from inference.core.ecg import Ecg
from inference.core.ecg_beats import rate_per_minute
from inference.errors import TrainingDataUnusable
from inference.training.ecg_labels import CODES, READERS, Targets
from inference.training.ecg_replay import RATE_HZ
from inference.training.ecg_rhythms import with_rate

STEP_MV: Final = 0.005
SALT: Final = "cardiotwin ecg 1"
_VALIDATE: Final = 18
"""Of 100 buckets: 18 validate (stopping, calibration, thresholds), the others teach."""
PERMISSIVE: Final = (
    "CC BY 4.0",
    "CC BY-SA 4.0",
    "CC0 1.0",
    "ODC-BY 1.0",
    "BSD-2-Clause",
    "generated",
)
"""Licences under which weights trained on a set may be given away, with attribution."""

Part = Literal["train", "validate"]


@dataclass(frozen=True, slots=True)
class EcgSet:
    """A set that teaches: where it lies below the data folder, who made it, how it is read."""

    stem: str
    reader: str
    licence: str
    source: str

    def __post_init__(self) -> None:
        if self.licence not in PERMISSIVE:
            raise TrainingDataUnusable(
                self.stem, 0, f"a licence that lets weights ship, not {self.licence!r}"
            )
        if self.reader not in READERS:
            raise TrainingDataUnusable(self.stem, 0, f"a reader among {', '.join(READERS)}")


@dataclass(frozen=True, slots=True)
class EcgRecords:
    """Records by row.

    ``steps`` is ``[record, 12, 2500]`` int16 of `STEP_MV` at 250 Hz; ``targets``
    ``[record, code]`` holds 1, 0 or NaN; ``teaches`` ``[record]`` is False where it validates.
    """

    steps: NDArray[np.int16]
    targets: NDArray[np.float32]
    teaches: NDArray[np.bool_]
    names: tuple[str, ...]
    sets: tuple[str, ...]

    def __len__(self) -> int:
        """Return how many records there are."""
        return len(self.names)

    def leads_mv(self, row: int) -> NDArray[np.float32]:
        """Return one record ``[12, 2500]`` in mV."""
        leads: NDArray[np.float32] = self.steps[row].astype(np.float32) * np.float32(STEP_MV)
        return leads

    def of(self, rows: NDArray[np.int64]) -> EcgRecords:
        """Return some of the records."""
        return EcgRecords(
            self.steps[rows],
            self.targets[rows],
            self.teaches[rows],
            tuple(self.names[row] for row in rows),
            tuple(self.sets[row] for row in rows),
        )


@dataclass(frozen=True, slots=True)
class LabelledStem:
    """A set as ``evaluate`` reads it: ``steps`` as in `EcgRecords`, ``labels`` as listed."""

    steps: NDArray[np.int16]
    labels: tuple[frozenset[str], ...]
    rows: tuple[dict[str, str], ...]

    def every(self, stride: int) -> LabelledStem:
        """Return every ``stride``-th record."""
        return LabelledStem(self.steps[::stride], self.labels[::stride], self.rows[::stride])


def read_stem(stem: Path) -> LabelledStem:
    """Return ``STEM.npz`` with ``STEM.csv``; raise TrainingDataUnusable if out of layout."""
    signals, table = stem.with_suffix(".npz"), stem.with_suffix(".csv")
    try:
        with np.load(signals) as kept:
            steps = kept["signal"]
        with table.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        order = [int(row["row"]) for row in rows]
        labels = tuple(frozenset(filter(None, row["labels"].split("|"))) for row in rows)
    except (OSError, KeyError, ValueError, csv.Error) as error:
        raise TrainingDataUnusable(stem.name, 0, f"NAME.npz with NAME.csv ({error})") from error
    if steps.ndim != 3 or steps.shape[1] != 12 or max(order, default=-1) >= len(steps):
        raise TrainingDataUnusable(signals.name, 0, "an array [record, 12, samples]")
    return LabelledStem(steps[order].astype(np.int16), labels, tuple(rows))


def read_sets(data: Path, sets: Sequence[EcgSet]) -> EcgRecords:
    """Return every distinct record of the sets, with targets and parts."""
    seen: set[bytes] = set()
    taken = _ptbxl_numbers(data, sets)
    steps, targets, teaches, names, origins = [], [], [], [], []
    for one in sets:
        found = read_stem(data / one.stem)
        for place, row in enumerate(found.rows):
            digest = hashlib.sha256(found.steps[place].tobytes()).digest()
            name = row["record"]
            if digest in seen or (one.reader == "challenge" and _number(name) in taken):
                continue
            seen.add(digest)
            read = READERS[one.reader]
            target: Targets = read(name, row.get("source_label", ""), found.labels[place])
            steps.append(found.steps[place])
            targets.append(_unnamed_rate_is_open(found.steps[place], target))
            person = row.get("patient") or name
            teaches.append(part_of(one.stem, person) == "train")
            names.append(name)
            origins.append(Path(one.stem).name)
    if not steps:
        raise TrainingDataUnusable("ECG sets", 0, "at least one record that may teach")
    return EcgRecords(
        np.stack(steps),
        np.stack(targets).reshape(-1, len(CODES)),
        np.array(teaches),
        tuple(names),
        tuple(origins),
    )


def _unnamed_rate_is_open(steps: NDArray[np.int16], targets: Targets) -> Targets:
    """Return targets in which a sinus rate beyond a limit that nobody named is not denied.

    Many records of PTB-XL below 60 a minute are not called bradycardia: nor may they judge.
    """
    rate = rate_per_minute(Ecg(steps.astype(np.float32) * np.float32(STEP_MV), RATE_HZ))
    return targets if rate is None else with_rate(targets, rate, changed=False)


def part_of(stem: str, person: str) -> Part:
    """Return the part a patient (or a record that stands for one) belongs to, for ever."""
    text = f"{SALT} {Path(stem).name} {person}"
    bucket = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % 100
    return "validate" if bucket < _VALIDATE else "train"


def _ptbxl_numbers(data: Path, sets: Iterable[EcgSet]) -> set[int]:
    """Return the record numbers of PTB-XL sets: the Challenges hold the same as HR*."""
    numbers: set[int] = set()
    for one in sets:
        if one.reader == "ptbxl":
            numbers |= {int(row["record"]) for row in read_stem(data / one.stem).rows}
    return numbers


def _number(name: str) -> int | None:
    return int(name[2:]) if name.startswith("HR") and name[2:].isdigit() else None
