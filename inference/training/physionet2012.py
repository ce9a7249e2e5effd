"""Reads PhysioNet/CinC 2012 in the compact layout: a file of events and one of outcomes.

https://physionet.org/content/challenge-2012/1.0.0/ (ODC-BY 1.0). -1 stands for unknown in the
descriptors and in every outcome but death; artefacts and repeats are dealt with by the core. Files
are read here and nowhere else; the core environment suffices.
"""

from __future__ import annotations

import csv
import gzip
import math
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import numpy as np

from inference.core.trajectory import (
    FACTS,
    SERIES_INDEX,
    WINDOW_HOURS,
    TrajectoryColumns,
    clean_columns,
    facts_array,
    facts_of,
)
from inference.errors import TrainingDataUnusable

EVENT_COLUMNS: Final = ("record", "minute", "parameter", "value")
OUTCOME_COLUMNS: Final = (
    "RecordID",
    "SAPS-I",
    "SOFA",
    "Length_of_stay",
    "Survival",
    "In-hospital_death",
)
_FACT_NAMES: Final = frozenset(row.name for row in FACTS)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the patient; NaN is not known. ``saps`` and ``sofa`` are points."""

    died: bool
    length_of_stay_days: float
    saps: float
    sofa: float


@dataclass(frozen=True, slots=True)
class Stay:
    """One record: the first 48 h of one ICU stay of one patient."""

    record: int
    columns: TrajectoryColumns
    outcome: Outcome


def read_stays(events: Path, outcomes: Path) -> list[Stay]:
    """Return every stay that has an outcome, by record number; one without events is kept, empty.

    Raises
    ------
    TrainingDataUnusable
        When a file is missing, is not in the layout, or holds a value that is not a number.
    """
    known = read_outcomes(outcomes)
    columns = read_events(events)
    empty = _stay_columns([], {})
    return [Stay(record, columns.get(record, empty), known[record]) for record in sorted(known)]


def read_outcomes(path: Path) -> dict[int, Outcome]:
    """Return the outcome of every record."""
    with _opened(path) as file:
        rows = csv.DictReader(file)
        _check_header(path, rows.fieldnames, OUTCOME_COLUMNS)
        try:
            return {int(row["RecordID"]): _outcome(row) for row in rows}
        except (ValueError, KeyError, TypeError) as error:
            raise TrainingDataUnusable(path.name, rows.line_num, "an outcome") from error


def read_events(path: Path) -> dict[int, TrajectoryColumns]:
    """Return the cleaned columns of every record; the window is the first 48 h of the stay."""
    events: dict[int, list[tuple[int, float, float]]] = {}
    facts: dict[int, dict[str, float]] = {}
    with _opened(path) as file:
        rows = csv.reader(file)
        _check_header(path, next(rows, None), EVENT_COLUMNS)
        try:
            for record_text, minute, parameter, value in rows:
                record = int(record_text)
                index = SERIES_INDEX.get(parameter)
                if index is not None:
                    events.setdefault(record, []).append((index, float(minute), float(value)))
                elif parameter in _FACT_NAMES and float(value) >= 0:
                    facts.setdefault(record, {}).setdefault(parameter, float(value))
        except ValueError as error:
            raise TrainingDataUnusable(path.name, rows.line_num, "an event") from error
    records = sorted(events.keys() | facts.keys())
    return {
        record: _stay_columns(events.get(record, []), facts.get(record, {})) for record in records
    }


def _stay_columns(
    events: list[tuple[int, float, float]], facts: dict[str, float]
) -> TrajectoryColumns:
    table = np.array(events, dtype=np.float64).reshape(-1, 3)
    return clean_columns(
        table[:, 0].astype(np.int64),
        table[:, 1] / 60.0 - WINDOW_HOURS,
        table[:, 2],
        facts_array(facts_of(facts)),
        WINDOW_HOURS,
    )


def _outcome(row: dict[str, str]) -> Outcome:
    return Outcome(
        died=int(row["In-hospital_death"]) == 1,
        length_of_stay_days=_known(row["Length_of_stay"]),
        saps=_known(row["SAPS-I"]),
        sofa=_known(row["SOFA"]),
    )


def _known(text: str) -> float:
    value = float(text)
    return value if value >= 0 else math.nan


def _check_header(path: Path, found: object, wanted: tuple[str, ...]) -> None:
    if list(found or ()) != list(wanted):  # type: ignore[call-overload]
        raise TrainingDataUnusable(path.name, 1, f"the header {','.join(wanted)}")


def _opened(path: Path) -> IO[str]:
    try:
        if path.suffix == ".gz":
            return gzip.open(path, "rt", encoding="utf-8", newline="")
        return path.open(encoding="utf-8", newline="")
    except OSError as error:
        raise TrainingDataUnusable(path.name, 0, "a readable file") from error
