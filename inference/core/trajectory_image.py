"""The trajectory image: rows of physiology by two-hour columns, then sixteen aggregates.

::

    column    0 ............ 23 | 24 first  25 last  26 minimum ... 39 hours with a value
    row 0     shock index        |
    row 1     systolic pressure  |     five channels, see `CHANNELS`
    ...                          |
    row 48-56 facts of the patient, the same in every column

The last time column ends now. The same code makes the image in training and in serving; the
numbers it is standardised with travel in the release. Pure; missing stays missing (value 0, mask
0).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.core.trajectory import WINDOW_HOURS, Trajectory, TrajectoryColumns, columns_of
from inference.core.trajectory_rows import FACT_ROWS, ROWS, TIMED_ROWS
from inference.core.trajectory_series import Series, timed_series

TIME_COLUMNS: Final = 24
HOURS_PER_COLUMN: Final = WINDOW_HOURS / TIME_COLUMNS
CHANNELS: Final = (
    "last value, carried forward",
    "lowest of the column",
    "highest of the column",
    "measured (logarithm of the count)",
    "freshness exp(-hours since / 12)",
)
AGGREGATES: Final = (
    "first",
    "last",
    "minimum",
    "maximum",
    "mean",
    "median",
    "standard deviation",
    "slope per day",
    "change first to last",
    "mean of the first half",
    "mean of the last half",
    "minimum of the last half",
    "maximum of the last half",
    "hours since last",
    "count",
    "hours with a value",
)
LEVEL_AGGREGATES: Final = (0, 1, 2, 3, 4, 5, 9, 10, 11, 12)
"""Aggregates in the row's own unit; they share its logarithm."""
IMAGE_SHAPE: Final = (len(CHANNELS), len(ROWS), TIME_COLUMNS + len(AGGREGATES))
CLIP: Final = 4.0
"""Robust standard deviations beyond which a value says only "extreme"."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TrajectorySummary:
    """What the image and gradient boosting are both made of, in clinical units; NaN is missing.

    ``last, lowest, highest, count`` are ``[row, column]`` over `TIMED_ROWS`; ``last`` is not yet
    carried forward. ``aggregates`` is ``[row, aggregate]``; ``facts`` one value per fact row.
    """

    last: Array
    lowest: Array
    highest: Array
    count: Array
    aggregates: Array
    facts: Array


@dataclass(frozen=True, slots=True)
class Standards:
    """Robust centre and scale, fitted on the training stays and carried by the release.

    Timed rows have ``[row, 1 + aggregate]`` (0 is the time columns), facts ``[fact]``.
    """

    timed_centre: Array
    timed_scale: Array
    fact_centre: Array
    fact_scale: Array


def image_of(trajectory: Trajectory, standards: Standards) -> NDArray[np.float32]:
    """Return the image ``[channel, row, column]`` of `IMAGE_SHAPE`."""
    return image(summary_of(columns_of(trajectory)), standards)


def summary_of(columns: TrajectoryColumns) -> TrajectorySummary:
    """Bin every row into columns and aggregate it."""
    series = timed_series(columns)
    rows = np.array(sorted(series), dtype=np.int64)
    return _summarise(
        np.repeat(rows, [len(series[row].hour) for row in rows]) if len(rows) else rows,
        _joined([series[row] for row in rows]),
        facts_of_rows(columns.facts),
        columns.hours,
    )


def _joined(series: list[Series]) -> Series:
    if not series:
        return Series(np.empty(0), np.empty(0))
    return Series(
        np.concatenate([one.hour for one in series]), np.concatenate([one.value for one in series])
    )


def _summarise(
    row: NDArray[np.int64], events: Series, facts: Array, hours: float
) -> TrajectorySummary:
    shape = (len(TIMED_ROWS), TIME_COLUMNS)
    last, lowest, highest = (np.full(shape, np.nan) for _ in range(3))
    count = np.zeros(shape)
    aggregates = np.full((len(TIMED_ROWS), len(AGGREGATES)), np.nan)
    aggregates[:, [14, 15]] = 0.0
    if len(row):
        column = np.floor(events.hour / HOURS_PER_COLUMN - 1e-9).astype(np.int64) + TIME_COLUMNS
        column = np.clip(column, 0, TIME_COLUMNS - 1)
        cell = row * TIME_COLUMNS + column
        start = np.flatnonzero(np.r_[True, np.diff(cell) != 0])
        stop = np.r_[start[1:], len(cell)]
        at = cell[start]
        last.flat[at] = events.value[stop - 1]
        lowest.flat[at] = np.minimum.reduceat(events.value, start)
        highest.flat[at] = np.maximum.reduceat(events.value, start)
        count.flat[at] = stop - start
        _aggregate(aggregates, row, events, hours, count)
    return TrajectorySummary(last, lowest, highest, count, aggregates, facts)


def _aggregate(
    out: Array, row: NDArray[np.int64], events: Series, hours: float, count: Array
) -> None:
    hour, value = events.hour, events.value
    start = np.flatnonzero(np.r_[True, np.diff(row) != 0])
    stop = np.r_[start[1:], len(row)]
    at, number = row[start], (stop - start).astype(np.float64)
    mean = np.add.reduceat(value, start) / number
    centred = value - np.repeat(mean, stop - start)
    mean_hour = np.add.reduceat(hour, start) / number
    since = hour - np.repeat(mean_hour, stop - start)
    spread = np.add.reduceat(since * since, start)
    slope = np.add.reduceat(since * centred, start) / np.where(spread > 0, spread, np.inf)
    out[at, 0], out[at, 1] = value[start], value[stop - 1]
    out[at, 2] = np.minimum.reduceat(value, start)
    out[at, 3] = np.maximum.reduceat(value, start)
    out[at, 4] = mean
    out[at, 5] = _medians(row, value, start, stop)
    repeated = number > 1
    out[at, 6] = np.where(
        repeated, np.sqrt(np.add.reduceat(centred * centred, start) / number), np.nan
    )
    out[at, 7] = np.where(repeated, slope * 24.0, np.nan)
    out[at, 8] = np.where(repeated, value[stop - 1] - value[start], np.nan)
    _halves(out, row, events, hours)
    out[at, 13] = -hour[stop - 1]
    out[at, 14] = number
    out[:, 15] = (count > 0).sum(axis=1) * HOURS_PER_COLUMN


def _medians(
    row: NDArray[np.int64],
    value: Array,
    start: NDArray[np.int64],
    stop: NDArray[np.int64],
) -> Array:
    ordered = value[np.lexsort((value, row))]
    number = stop - start
    median: Array = 0.5 * (ordered[start + (number - 1) // 2] + ordered[start + number // 2])
    return median


def _halves(out: Array, row: NDArray[np.int64], events: Series, hours: float) -> None:
    late = events.hour > -hours / 2
    for chosen, places in ((~late, (9,)), (late, (10, 11, 12))):
        if not chosen.any():
            continue
        part, value = row[chosen], events.value[chosen]
        start = np.flatnonzero(np.r_[True, np.diff(part) != 0])
        at, number = part[start], np.diff(np.r_[start, len(part)])
        out[at, places[0]] = np.add.reduceat(value, start) / number
        if len(places) > 1:
            out[at, places[1]] = np.minimum.reduceat(value, start)
            out[at, places[2]] = np.maximum.reduceat(value, start)


def facts_of_rows(facts: Array) -> Array:
    """Return one value per fact row from age, sex, height, weight and kind of unit."""
    age, sex, height, weight, unit = facts
    kinds = [np.nan if np.isnan(unit) else float(unit == kind) for kind in (1, 2, 3, 4)]
    return np.array([age, sex, height, weight, weight / (height / 100.0) ** 2, *kinds])


def features(summary: TrajectorySummary) -> NDArray[np.float32]:
    """Return the aggregates of every row and the facts as one vector; NaN is missing."""
    return np.concatenate([summary.aggregates.ravel(), summary.facts]).astype(np.float32)


FEATURE_NAMES: Final = tuple(
    f"{row.clinical_name}: {name}" for row in TIMED_ROWS for name in AGGREGATES
) + tuple(row.clinical_name for row in FACT_ROWS)

_LOGARITHMIC: Final = np.array([row.logarithmic for row in TIMED_ROWS])[:, None]
_LEVEL: Final = np.isin(np.arange(len(AGGREGATES)), LEVEL_AGGREGATES)[None, :]
_COUNTS: Final = np.isin(np.arange(len(AGGREGATES)), (13, 14, 15))[None, :]


def levels(value: Array) -> Array:
    """Return ``[row, ...]`` values, logarithms in the rows that span orders of magnitude."""
    logarithmic = _LOGARITHMIC.reshape(-1, *([1] * (value.ndim - 1)))
    return np.where(logarithmic, np.log1p(np.maximum(value, 0.0)), value)


def scaled_aggregates(aggregates: Array) -> Array:
    """Return aggregates ``[row, aggregate]`` on the scales they are standardised on."""
    changing = np.sign(aggregates) * np.log1p(np.abs(aggregates))
    plain = np.where(_LOGARITHMIC, changing, aggregates)
    return np.where(
        _COUNTS, np.log1p(np.maximum(aggregates, 0.0)), np.where(_LEVEL, levels(aggregates), plain)
    )


def image(summary: TrajectorySummary, standards: Standards) -> NDArray[np.float32]:
    """Return the image ``[channel, row, column]``; all channels are 0 where nothing is known."""
    out = np.zeros(IMAGE_SHAPE, dtype=np.float32)
    timed, time = slice(0, len(TIMED_ROWS)), slice(0, TIME_COLUMNS)
    centre, scale = standards.timed_centre, standards.timed_scale

    def standard(value: Array) -> Array:
        return _clip((levels(value) - centre[:, :1]) / scale[:, :1])

    measured = summary.count > 0
    since = np.where(measured, np.arange(TIME_COLUMNS), -1)
    latest = np.maximum.accumulate(since, axis=1)
    ever = latest >= 0
    rows = np.arange(len(TIMED_ROWS))[:, None]
    out[0, timed, time] = np.where(ever, standard(summary.last)[rows, latest], 0.0)
    out[1, timed, time] = np.where(measured, standard(summary.lowest), 0.0)
    out[2, timed, time] = np.where(measured, standard(summary.highest), 0.0)
    out[3, timed, time] = np.log1p(summary.count) / np.log(8.0)
    age_hours = (np.arange(TIME_COLUMNS) - latest) * HOURS_PER_COLUMN
    out[4, timed, time] = np.where(ever, np.exp(-age_hours / 12.0), 0.0)
    _paint_aggregates(out, summary, standards)
    _paint_facts(out, summary, standards)
    return out


def _paint_aggregates(
    out: NDArray[np.float32], summary: TrajectorySummary, standards: Standards
) -> None:
    timed, bands = slice(0, len(TIMED_ROWS)), slice(TIME_COLUMNS, None)
    scaled = scaled_aggregates(summary.aggregates)
    ever = (summary.aggregates[:, 14:15] > 0) & ~np.isnan(scaled)
    value = _clip((scaled - standards.timed_centre[:, 1:]) / standards.timed_scale[:, 1:])
    for channel in (0, 1, 2):
        out[channel, timed, bands] = np.where(ever, value, 0.0)
    out[3, timed, bands] = ever
    out[4, timed, bands] = ever


def _paint_facts(
    out: NDArray[np.float32], summary: TrajectorySummary, standards: Standards
) -> None:
    rows = slice(len(TIMED_ROWS), None)
    known = ~np.isnan(summary.facts)
    value = _clip((summary.facts - standards.fact_centre) / standards.fact_scale)
    for channel in (0, 1, 2):
        out[channel, rows] = np.where(known, value, 0.0)[:, None]
    out[3, rows] = known[:, None]
    out[4, rows] = known[:, None]


def _clip(value: Array) -> Array:
    clipped: Array = np.clip(np.nan_to_num(value), -CLIP, CLIP)
    return clipped
