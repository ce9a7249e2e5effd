"""Poorer versions of a stay: earlier, shorter, with groups missing, vital signs only.

A hospital ward sends a handful of vital signs, not 48 h of intensive care: the nets and gradient
boosting learn from such windows too. Pure, given a random generator.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inference.core.trajectory import SERIES, TrajectoryColumns

BEDSIDE: Final = frozenset(
    [
        "HR",
        "SysABP",
        "MAP",
        "DiasABP",
        "NISysABP",
        "NIMAP",
        "NIDiasABP",
        "RespRate",
        "SaO2",
        "Temp",
        "GCS",
        "FiO2",
    ]
)
"""What a ward charts without a laboratory."""
_IS_BEDSIDE: Final = np.array([row.name in BEDSIDE for row in SERIES])
_GROUP: Final = np.unique([row.group for row in SERIES], return_inverse=True)[1]


def poorer(columns: TrajectoryColumns, random: Generator) -> tuple[TrajectoryColumns, float]:
    """Return a poorer version and the hour (before the end) at which it stops, 0 if at the end."""
    cut = 0.0
    style = random.choice(4, p=[0.3, 0.15, 0.3, 0.25])
    if style in (0, 2) and random.random() < 0.8:
        cut = -float(random.uniform(1.0, columns.hours - 2.0))
        columns = ended_at(columns, cut)
    if style in (1, 2):
        columns = shortened(columns, float(random.choice([1.0, 4.0, 8.0, 12.0, 24.0])))
    if style == 2:
        columns = _only(columns, _IS_BEDSIDE & (random.random(len(SERIES)) < 0.9))
    if style == 3:
        kept = random.random(_GROUP.max() + 1)[_GROUP] < random.uniform(0.3, 1.0)
        columns = _only(columns, kept & (random.random(len(SERIES)) < 0.85))
    return _with_fewer_facts(columns, random), cut


def ended_at(columns: TrajectoryColumns, hour: float) -> TrajectoryColumns:
    """Return the stay as it was at ``hour`` (before its end, negative)."""
    keep = columns.hour <= hour
    return replace(
        columns,
        parameter=columns.parameter[keep],
        hour=columns.hour[keep] - hour,
        value=columns.value[keep],
        hours=columns.hours + hour,
    )


def shortened(columns: TrajectoryColumns, hours: float) -> TrajectoryColumns:
    """Return only the last ``hours`` of a stay."""
    length = min(hours, columns.hours)
    return replace(_masked(columns, columns.hour >= -length), hours=length)


def bedside_only(columns: TrajectoryColumns) -> TrajectoryColumns:
    """Return a stay without its laboratory, as a ward would send it."""
    return _only(columns, _IS_BEDSIDE)


def _only(columns: TrajectoryColumns, kept: NDArray[np.bool_]) -> TrajectoryColumns:
    return _masked(columns, kept[columns.parameter])


def _masked(columns: TrajectoryColumns, keep: NDArray[np.bool_]) -> TrajectoryColumns:
    return replace(
        columns,
        parameter=columns.parameter[keep],
        hour=columns.hour[keep],
        value=columns.value[keep],
    )


def _with_fewer_facts(columns: TrajectoryColumns, random: Generator) -> TrajectoryColumns:
    """Age and sex are nearly always known; height, weight and the kind of unit often are not."""
    forget = random.random(len(columns.facts)) < np.array([0.03, 0.03, 0.4, 0.3, 0.4])
    return replace(columns, facts=np.where(forget, np.nan, columns.facts))
