"""What a patient's measurements say of one quantity's course, as ``tracking`` follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.haemodynamics import Quantity
from twin.core.measurements import Device
from twin.core.observation_sets import PHYSICALLY_POSSIBLE
from twin.core.temperament import Belief, learn
from twin.core.tracking import Charted
from twin.core.wanderings import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from twin.core.measurements import Measurement

S_PER_H: Final = 3600.0
OTHER, LINE, OTHER_SHAPE, LINE_SHAPE = range(4)
_ALONE: Final = np.zeros(1, np.int64)


def charted(measurements: Sequence[Measurement], quantity: Quantity) -> Charted:
    """Return the course of a quantity; a mean pressure also by its systolic and diastolic.

    Values that no living person has are left out. Of two values of one device at one time the
    later in the sequence counts.
    """
    seen: dict[datetime, dict[tuple[Quantity, bool], float]] = {}
    told_by = _told_by(quantity)
    for each in measurements:
        if isinstance(each.quantity, Quantity) and each.quantity in told_by:
            low, high = PHYSICALLY_POSSIBLE[each.quantity]
            if low <= each.value <= high:
                line = each.device is Device.ARTERIAL_LINE
                seen.setdefault(each.taken_at, {})[each.quantity, line] = each.value
    times = sorted(seen)
    values = np.full((len(times), 4), np.nan)
    for row, at in zip(values, times, strict=True):
        for line, own, shape in ((False, OTHER, OTHER_SHAPE), (True, LINE, LINE_SHAPE)):
            row[own] = seen[at].get((quantity, line), np.nan)
            if quantity is Quantity.MEAN_PRESSURE:
                row[shape] = _shape(seen[at], line)
    hours = np.array([(at - times[-1]).total_seconds() / S_PER_H for at in times])
    return Charted(hours, values, np.zeros(len(times)), np.zeros(len(times)))


def _told_by(quantity: Quantity) -> frozenset[Quantity]:
    if quantity is not Quantity.MEAN_PRESSURE:
        return frozenset({quantity})
    return frozenset({quantity, Quantity.SYSTOLIC_PRESSURE, Quantity.DIASTOLIC_PRESSURE})


def _shape(values: dict[tuple[Quantity, bool], float], line: bool) -> float:
    systolic = values.get((Quantity.SYSTOLIC_PRESSURE, line), np.nan)
    diastolic = values.get((Quantity.DIASTOLIC_PRESSURE, line), np.nan)
    return (systolic + 2.0 * diastolic) / 3.0 if systolic > diastolic else np.nan


def believed(
    measurements: Sequence[Measurement], quantity: Quantity, now: float
) -> tuple[Belief, int]:
    """Return what is believed of a quantity's course, and from how many moments.

    ``now`` is the twin's own estimate, which stands for the course where nothing of the quantity
    was measured.
    """
    course = charted(measurements, quantity)
    known = len(course.hours)
    if not known:
        values = np.array([[now, np.nan, np.nan, np.nan]])
        course = Charted(np.zeros(1), values, np.zeros(1), np.zeros(1))
    learnt = learn([course], _ALONE, SHIPPED[quantity].wandering, beliefs=True)
    return Belief.after(learnt, len(course.hours) - 1, _latest_channel(course)), known


def _latest_channel(course: Charted) -> int:
    """Return the channel of the newest value, the line's before any other's."""
    newest = course.values[-1]
    return next(each for each in (LINE, OTHER, LINE_SHAPE, OTHER_SHAPE) if newest[each] > 0.0)
