"""Vital signs in a CSV file: one row a time, or one row a value as intensive care data sets have.

May live here: what the columns mean. Nothing is guessed: a column whose unit is not in its name is
refused, an empty cell is missing, a cell that is no number is named by row and column.
"""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

from twin.core.haemodynamics import Quantity
from twin.core.measurements import Condition, Device, Measurement

RESPIRATORY_RATE: Final = "respiratory rate"
"""Not a quantity of the circulation, but evidence of what ails it."""

START_OF_CLOCK: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Where minutes without a date begin; only differences of time matter."""

CLOCK_JUMP_H: Final = 12.0
"""A longer silence between two rows is said: a stay that was interrupted, or a clock set anew."""

_MISSING: Final = frozenset({"", "na", "nan", "null", "none", "-"})


class CannotRead(Exception):
    """The file cannot be read as vital signs; the message names row and column and what to do."""


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds, and how it comes to the unit of its quantity."""

    quantity: Quantity | Condition | Literal["respiratory rate"]
    device: Device = Device.UNKNOWN
    convert: Callable[[float], float] = float


@dataclass(frozen=True, slots=True)
class Charted:
    """What a file holds: measurements, the breathing, and what must be said of the file itself."""

    measurements: tuple[Measurement, ...]
    respiratory_rates: tuple[tuple[datetime, float], ...]
    sentences: tuple[str, ...]

    @property
    def newest_at(self) -> datetime:
        """Return when the newest value was taken; there is always one."""
        return max(m.taken_at for m in self.measurements)


def _celsius(fahrenheit: float) -> float:
    return (fahrenheit - 32.0) / 1.8


def _fraction(value: float) -> float:
    # Data sets mix fractions and percentages in one column; no fraction is above 1.
    return value / 100.0 if value > 1.0 else value


_UNITS: Final = {
    "/min": "per_min",
    "mmHg": "mmhg",
    "L/min": "l_per_min",
    "mL": "ml",
    "%": "percent",
    "g/dL": "g_per_dl",
}
_NOT_MEASURED: Final = frozenset(
    {Quantity.SYSTEMIC_RESISTANCE, Quantity.BLOOD_VOLUME, Quantity.HAEMOGLOBIN}
)


def _columns() -> Iterator[tuple[str, Column]]:
    for quantity in Quantity:
        if quantity in _NOT_MEASURED or quantity.unit not in _UNITS:
            continue
        name = f"{quantity.value}_{_UNITS[quantity.unit]}"
        yield name, Column(quantity)
        if quantity in (
            Quantity.SYSTOLIC_PRESSURE,
            Quantity.DIASTOLIC_PRESSURE,
            Quantity.MEAN_PRESSURE,
        ):
            yield f"cuff_{name}", Column(quantity, Device.CUFF)
            yield f"arterial_line_{name}", Column(quantity, Device.ARTERIAL_LINE)


COLUMNS: Final[Mapping[str, Column]] = {
    **dict(_columns()),
    "respiratory_rate_per_min": Column("respiratory rate"),
    "haemoglobin_g_per_dl": Column(Condition.HAEMOGLOBIN, Device.LABORATORY),
    "haemoglobin_g_per_l": Column(Condition.HAEMOGLOBIN, Device.LABORATORY, lambda v: v / 10.0),
    "inspired_oxygen_fraction": Column(Condition.INSPIRED_OXYGEN_FRACTION),
    "inspired_oxygen_percent": Column(
        Condition.INSPIRED_OXYGEN_FRACTION, convert=lambda v: v / 100.0
    ),
    "temperature_celsius": Column(Condition.TEMPERATURE),
    "cardiothoracic_ratio": Column(Condition.CARDIOTHORACIC_RATIO),
    "lung_opacity_fraction": Column(Condition.LUNG_OPACITY),
    "atrial_kick_loss_fraction": Column(Condition.ATRIAL_KICK_LOSS),
    "temperature_fahrenheit": Column(Condition.TEMPERATURE, convert=_celsius),
}
"""Columns of a file with one row a time; the unit is part of the name."""

TIMES: Final = ("time", "minute")

CHANNELS: Final[Mapping[str, Column]] = {
    "heart_rate": Column(Quantity.HEART_RATE, Device.MONITOR),
    "spo2": Column(Quantity.OXYGEN_SATURATION, Device.OXIMETER),
    "respiratory_rate": Column("respiratory rate"),
    "nbp_systolic": Column(Quantity.SYSTOLIC_PRESSURE, Device.CUFF),
    "nbp_diastolic": Column(Quantity.DIASTOLIC_PRESSURE, Device.CUFF),
    "nbp_mean": Column(Quantity.MEAN_PRESSURE, Device.CUFF),
    "abp_systolic": Column(Quantity.SYSTOLIC_PRESSURE, Device.ARTERIAL_LINE),
    "abp_diastolic": Column(Quantity.DIASTOLIC_PRESSURE, Device.ARTERIAL_LINE),
    "abp_mean": Column(Quantity.MEAN_PRESSURE, Device.ARTERIAL_LINE),
    "cvp": Column(Quantity.CENTRAL_VENOUS_PRESSURE),
    "cardiac_output": Column(Quantity.CARDIAC_OUTPUT, Device.THERMODILUTION),
    "pap_systolic": Column(Quantity.PULMONARY_SYSTOLIC_PRESSURE),
    "pap_diastolic": Column(Quantity.PULMONARY_DIASTOLIC_PRESSURE),
    "pap_mean": Column(Quantity.PULMONARY_MEAN_PRESSURE),
    "pcwp": Column(Quantity.WEDGE_PRESSURE),
    "temperature_c": Column(Condition.TEMPERATURE),
    "temperature_f": Column(Condition.TEMPERATURE, convert=_celsius),
    "fio2": Column(Condition.INSPIRED_OXYGEN_FRACTION, convert=_fraction),
}
"""Channels of a file with one row a value, as in the MIMIC-III demo: subject, minute, channel,
value. Other channels are passed over."""


def read_csv(path: Path, subject: str | None = None) -> Charted:
    """Return what a CSV file (plain or gzip) charts of one patient.

    Raises
    ------
    CannotRead
        No such file, no header that is known, a cell that is no number or time, or several
        subjects and none named.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            header = [name.strip() for name in rows.fieldnames or ()]
            rows.fieldnames = header
            if {"minute", "channel", "value"} <= set(header):
                return _collected(_long(rows, subject))
            return _collected(_wide(rows, header))
    except (OSError, UnicodeDecodeError, EOFError, csv.Error) as error:
        raise CannotRead(f"{path.name} cannot be read as CSV: {error}") from error


_Cell = tuple[int, datetime, Column, float]
"""Row of the file, time, what it is, value in the quantity's unit."""


def _wide(rows: csv.DictReader[str], header: list[str]) -> Iterator[_Cell]:
    clock = next((name for name in TIMES if name in header), None)
    if clock is None:
        raise CannotRead(
            "The file has no column `time` (ISO 8601, such as 2026-03-01T12:00) or `minute`."
        )
    for name in header:
        if name not in COLUMNS and name not in TIMES:
            raise CannotRead(_unknown_column(name))
    for number, row in enumerate(rows, start=2):
        at = _time(row[clock], clock, number)
        for name in header:
            if name in COLUMNS and (value := _number(row[name], name, number)) is not None:
                yield number, at, COLUMNS[name], value


def _unknown_column(name: str) -> str:
    like = [known for known in COLUMNS if known.startswith(name)]
    if like:
        return f"Column `{name}` does not say its unit; write {' or '.join(like)}."
    return f"Column `{name}` is not known; there are time, minute, {', '.join(COLUMNS)}."


def _long(rows: csv.DictReader[str], subject: str | None) -> Iterator[_Cell]:
    found: set[str] = set()
    for number, row in enumerate(rows, start=2):
        whose = row.get("subject") or ""
        if subject is not None and whose != subject:
            continue
        found.add(whose)
        if len(found) > 1:
            raise CannotRead("The file charts several subjects; name one with --subject.")
        column = CHANNELS.get(row["channel"])
        value = _number(row["value"], row["channel"], number) if column is not None else None
        if column is not None and value is not None:
            yield number, _time(row["minute"], "minute", number), column, value
    if not found:
        raise CannotRead(f"The file charts nothing of subject {subject}.")


def _number(cell: str | None, name: str, row: int) -> float | None:
    text = (cell or "").strip()
    if text.lower() in _MISSING:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise CannotRead(f"Row {row}, column {name}: `{text[:20]}` is no number.")
    return value


def _time(cell: str | None, clock: str, row: int) -> datetime:
    text = (cell or "").strip()
    try:
        if clock == "minute":
            return START_OF_CLOCK + timedelta(minutes=float(text))
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise CannotRead(f"Row {row}: `{text[:30]}` is no {clock}.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _collected(cells: Iterable[_Cell]) -> Charted:
    measurements: list[Measurement] = []
    breathing: list[tuple[datetime, float]] = []
    times: list[tuple[int, datetime]] = []
    for row, at, column, value in cells:
        if not times or times[-1][0] != row:
            times.append((row, at))
        converted = column.convert(value)
        if isinstance(column.quantity, Quantity | Condition):
            measurements.append(
                Measurement(column.quantity, converted, at, f"row {row}", column.device)
            )
        else:
            breathing.append((at, converted))
    if not measurements:
        raise CannotRead("The file holds no value that the twin knows.")
    breathing.sort()
    return Charted(tuple(measurements), tuple(breathing), _of_the_clock(times))


def _of_the_clock(times: list[tuple[int, datetime]]) -> tuple[str, ...]:
    said = []
    back = [(row, earlier, at) for (_, earlier), (row, at) in pairwise(times) if at < earlier]
    if back:
        row, earlier, at = back[0]
        by = (earlier - at).total_seconds() / 60.0
        more = f" and {len(back) - 1} more rows" if len(back) > 1 else ""
        said.append(
            f"The clock goes back: row {row}{more} is earlier than the row before it (by {by:.0f} "
            "min). The rows were ordered by their times."
        )
    return (*said, *said_of_jumps(at for _, at in times))


def said_of_jumps(times: Iterable[datetime]) -> tuple[str, ...]:
    """Return what must be said where a long silence lies between two charted times."""
    ordered = sorted(times)
    gaps = [(b - a).total_seconds() / 3600.0 for a, b in pairwise(ordered)]
    if gaps and max(gaps) > CLOCK_JUMP_H:
        return (
            f"The clock jumps: {max(gaps):.0f} h pass between two times of the chart. What was "
            "charted before says nothing of the present.",
        )
    return ()
