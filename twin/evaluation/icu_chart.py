"""Reads charts of intensive care in the compact layout: vital signs, and what was given.

``subject, icustay, minute, channel, value`` and ``subject, start_minute, end_minute, item, amount,
amount_unit, rate, rate_unit, kind``, gzipped or not, on one clock a subject. Values that no living
person has (``twin.core.observation_sets``) are dropped: zeros are disconnections. Files are read
here and nowhere else in the room.
"""

from __future__ import annotations

import csv
import gzip
import math
from typing import IO, TYPE_CHECKING, Final

import numpy as np

from twin.core.haemodynamics import Quantity
from twin.core.measurements import Condition
from twin.core.observation_sets import PHYSICALLY_POSSIBLE
from twin.errors import ChartUnreadable
from twin.evaluation.chart import Column, Given, Patient, Stay

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

VITAL_COLUMNS: Final = ("subject", "icustay", "minute", "channel", "value")
_BROKEN: Final = (ValueError, OSError, EOFError)
INPUT_COLUMNS: Final = (
    "subject",
    "start_minute",
    "end_minute",
    "item",
    "amount",
    "amount_unit",
    "rate",
    "rate_unit",
    "kind",
)

CHANNELS: Final[Mapping[str, Quantity | Condition | None]] = {
    "heart_rate": Quantity.HEART_RATE,
    "spo2": Quantity.OXYGEN_SATURATION,
    "respiratory_rate": None,
    "nbp_systolic": Quantity.SYSTOLIC_PRESSURE,
    "nbp_diastolic": Quantity.DIASTOLIC_PRESSURE,
    "nbp_mean": Quantity.MEAN_PRESSURE,
    "abp_systolic": Quantity.SYSTOLIC_PRESSURE,
    "abp_diastolic": Quantity.DIASTOLIC_PRESSURE,
    "abp_mean": Quantity.MEAN_PRESSURE,
    "cvp": Quantity.CENTRAL_VENOUS_PRESSURE,
    "cardiac_output": Quantity.CARDIAC_OUTPUT,
    "temperature_c": Condition.TEMPERATURE,
    "fio2": Condition.INSPIRED_OXYGEN_FRACTION,
    "gcs": None,
}
"""Channels that are read, with what they measure where the twin knows it; others are passed
over."""


def read_charts(vitals: Path, inputs: Path | None) -> list[Patient]:
    """Return the charts of all patients, by subject.

    Raises
    ------
    twin.errors.ChartUnreadable
        A file is missing, not in the layout, or holds a value that is not a number.
    """
    stays = _stays(vitals)
    given = {} if inputs is None else read_inputs(inputs)
    return [
        Patient(subject, tuple(stays[subject]), tuple(given.get(subject, ())))
        for subject in sorted(stays)
    ]


def _stays(path: Path) -> dict[str, list[Stay]]:
    values: dict[str, dict[str, dict[str, dict[float, float]]]] = {}
    with _opened(path) as file:
        rows = csv.reader(file)
        _check_header(path, next(rows, None), VITAL_COLUMNS)
        try:
            for subject, stay, minute, channel, text in rows:
                known = _possible(channel, float(text))
                if known is not None:
                    name, value = known
                    column = values.setdefault(subject, {}).setdefault(stay, {})
                    column.setdefault(name, {})[float(minute)] = value
        except _BROKEN as error:
            raise ChartUnreadable(path.name, rows.line_num, "a vital sign") from error
    return {
        subject: [
            Stay(stay, {name: _column(of) for name, of in channels.items()})
            for stay, channels in sorted(stays.items())
        ]
        for subject, stays in values.items()
    }


def _possible(channel: str, value: float) -> tuple[str, float] | None:
    """Return channel and value in its unit; None where nobody has such a value."""
    if channel == "temperature_f":
        channel, value = "temperature_c", (value - 32.0) / 1.8
    if channel == "fio2" and value > 1.0:
        value /= 100.0
    if channel not in CHANNELS:
        return None
    measures = CHANNELS[channel]
    if measures is None:
        return channel, value
    low, high = PHYSICALLY_POSSIBLE[measures]
    return (channel, value) if low <= value <= high else None


def _column(values: Mapping[float, float]) -> Column:
    minutes = np.array(sorted(values))
    return Column(minutes, np.array([values[minute] for minute in minutes]))


def read_inputs(path: Path) -> dict[str, list[Given]]:
    """Return what was given to each subject, in order.

    Raises
    ------
    twin.errors.ChartUnreadable
        The file is missing, not in the layout, or holds a value that is not a number.
    """
    given: dict[str, list[Given]] = {}
    with _opened(path) as file:
        rows = csv.reader(file)
        _check_header(path, next(rows, None), INPUT_COLUMNS)
        try:
            for subject, start, end, item, amount, amount_unit, rate, rate_unit, kind in rows:
                given.setdefault(subject, []).append(
                    Given(
                        float(start),
                        float(end),
                        item,
                        _number(amount),
                        amount_unit,
                        _number(rate),
                        rate_unit,
                        kind,
                    )
                )
        except _BROKEN as error:
            raise ChartUnreadable(path.name, rows.line_num, "a treatment") from error
    return {subject: sorted(rows, key=lambda row: row[:3]) for subject, rows in given.items()}


def _number(text: str) -> float | None:
    value = float(text) if text else None
    return value if value is not None and math.isfinite(value) else None


def _check_header(path: Path, found: Sequence[str] | None, wanted: tuple[str, ...]) -> None:
    if found is None or tuple(found) != wanted:
        raise ChartUnreadable(path.name, 1, f"the columns {', '.join(wanted)}")


def _opened(path: Path) -> IO[str]:
    try:
        if path.suffix == ".gz":
            return gzip.open(path, "rt", encoding="utf-8", newline="")
        return path.open(encoding="utf-8", newline="")
    except OSError as error:
        raise ChartUnreadable(path.name, 0, "a readable file") from error
