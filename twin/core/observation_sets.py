"""Which measurements can be used, and which of them describe one state of the patient.

Turns a patient's measurements into *sets* (what was seen at about one time, each value with its
error) and says in a sentence what was set aside. Nothing here knows the model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from twin.core.arm import MONITOR_SHARE, shown_mean_mmhg
from twin.core.device_errors import ARTERIAL_PRESSURES, FITTED_QUANTITIES, error_model
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.measurements import Condition, Device

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from twin.core.measurements import Measurement

PHYSICALLY_POSSIBLE: Mapping[Quantity | Condition, tuple[float, float]] = {
    Quantity.HEART_RATE: (15.0, 300.0),
    Quantity.SYSTOLIC_PRESSURE: (20.0, 320.0),
    Quantity.DIASTOLIC_PRESSURE: (5.0, 220.0),
    Quantity.MEAN_PRESSURE: (10.0, 260.0),
    Quantity.CENTRAL_VENOUS_PRESSURE: (-10.0, 50.0),
    Quantity.PULMONARY_SYSTOLIC_PRESSURE: (5.0, 150.0),
    Quantity.PULMONARY_DIASTOLIC_PRESSURE: (0.0, 90.0),
    Quantity.PULMONARY_MEAN_PRESSURE: (2.0, 110.0),
    Quantity.WEDGE_PRESSURE: (-2.0, 60.0),
    Quantity.CARDIAC_OUTPUT: (0.3, 25.0),
    Quantity.STROKE_VOLUME: (3.0, 250.0),
    Quantity.EJECTION_FRACTION: (3.0, 95.0),
    Quantity.OXYGEN_SATURATION: (20.0, 100.0),
    Quantity.ARTERIAL_OXYGEN_PRESSURE: (10.0, 700.0),
    Quantity.MIXED_VENOUS_SATURATION: (10.0, 95.0),
    Condition.HAEMOGLOBIN: (1.5, 25.0),
    Condition.INSPIRED_OXYGEN_FRACTION: (0.15, 1.0),
    Condition.TEMPERATURE: (22.0, 44.0),
    Condition.ATRIAL_KICK_LOSS: (0.0, 1.0),
    Condition.CARDIOTHORACIC_RATIO: (0.2, 0.95),
    Condition.LUNG_OPACITY: (0.0, 1.0),
}
"""Wider than any reference range: outside it the value is a slip of a unit or of a sensor (a
disconnected line, a lead that came off), not a sick patient with a beating heart."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """A measurement that was not used, and why."""

    measurement: Measurement
    sentence: str


@dataclass(frozen=True, slots=True)
class Seen:
    """One value of a set, with the standard deviation of its measurement."""

    value: float
    sd: float
    measurement: Measurement


@dataclass(frozen=True, slots=True)
class ObservationSet:
    """What was seen of the patient at about one time."""

    taken_at: datetime
    seen: Mapping[Quantity, Seen]


def screen(
    measurements: Sequence[Measurement], now: datetime
) -> tuple[tuple[Measurement, ...], tuple[SetAside, ...]]:
    """Return the usable measurements, oldest first, and those set aside with a sentence each.

    A later version of one source replaces the earlier; what is not finite, not possible or of the
    future is set aside. ``now`` is the instant at which the twin is asked.
    """
    usable: dict[tuple[str, Quantity | Condition], Measurement] = {}
    aside: list[SetAside] = []
    for measurement in sorted(measurements, key=lambda m: (m.taken_at, m.reference)):
        if sentence := _why_not(measurement, now):
            aside.append(SetAside(measurement, sentence))
        else:
            usable[(measurement.source, measurement.quantity)] = measurement
    return tuple(sorted(usable.values(), key=lambda m: m.taken_at)), tuple(aside)


CLOCK_TOLERANCE = timedelta(minutes=5)
"""A clock of a monitor may run ahead of the hospital's; more than this is a wrong date."""

_ANYTHING = (-math.inf, math.inf)


def _why_not(measurement: Measurement, now: datetime) -> str | None:
    low, high = PHYSICALLY_POSSIBLE.get(measurement.quantity, _ANYTHING)
    number = math.isfinite(measurement.value)
    late = measurement.taken_at - now > CLOCK_TOLERANCE
    if number and low <= measurement.value <= high and not late:
        return None
    name = measurement.quantity.value.replace("_", " ")
    if not number:
        return f"A {name} without a number was not used."
    if late:
        return f"A {name} dated in the future was not used."
    return f"A {name} of {measurement.value:g} is not possible and was not used."


SET_SPAN_S = 900.0
"""Vital signs charted within a quarter of an hour describe one state; nurses chart them one by
one."""


def observation_sets(
    measurements: Sequence[Measurement], reach_h: float = math.inf
) -> tuple[ObservationSet, ...]:
    """Group screened measurements into sets, newest first.

    A set spans ``SET_SPAN_S`` back from its newest value; of one quantity the newest value counts,
    of an arterial pressure the newest on a line before any other.
    Sets that begin more than ``reach_h`` before the newest value are left out.
    """
    fitted = [m for m in measurements if m.quantity in FITTED_QUANTITIES]
    if fitted and math.isfinite(reach_h):
        first = max(m.taken_at for m in fitted) - timedelta(hours=reach_h, seconds=SET_SPAN_S)
        fitted = [m for m in fitted if m.taken_at >= first]
    fitted.sort(key=lambda m: m.taken_at, reverse=True)
    span = timedelta(seconds=SET_SPAN_S)
    sets: list[ObservationSet] = []
    start = 0
    while start < len(fitted):
        earliest = fitted[start].taken_at - span
        end = start + 1
        while end < len(fitted) and fitted[end].taken_at >= earliest:
            end += 1
        sets.append(_one_set(fitted[start].taken_at, fitted[start:end]))
        start = end
    return tuple(sets)


def _by_cuff_beside_a_line(measurement: Measurement) -> bool:
    """Return whether a value comes after all others: pressures of a set are of one device."""
    pressure = measurement.quantity in ARTERIAL_PRESSURES
    return pressure and measurement.device is not Device.ARTERIAL_LINE


def _row(chosen: tuple[Quantity, Measurement]) -> int:
    """Return the place of a quantity: the order of a chart must not change what a fit draws."""
    return QUANTITY_INDEX[chosen[0]]


def _one_set(newest: datetime, newest_first: Sequence[Measurement]) -> ObservationSet:
    chosen: dict[Quantity, Measurement] = {}
    for measurement in sorted(newest_first, key=_by_cuff_beside_a_line):
        quantity = measurement.quantity
        if isinstance(quantity, Quantity) and quantity not in chosen:
            chosen[quantity] = measurement
    seen = {
        quantity: Seen(
            measurement.value,
            error_model(quantity, measurement.device).sd(measurement.value),
            measurement,
        )
        for quantity, measurement in sorted(chosen.items(), key=_row)
    }
    return ObservationSet(newest, _with_mean_pressure(seen))


def _with_mean_pressure(seen: dict[Quantity, Seen]) -> dict[Quantity, Seen]:
    """Return the set with the mean pressure that a monitor would show beside its other two.

    It says whether a patient is in trouble and is shown to clinicians; that it tells nothing new
    of the circulation is known to ``arm_sets``.
    """
    systolic = seen.get(Quantity.SYSTOLIC_PRESSURE)
    diastolic = seen.get(Quantity.DIASTOLIC_PRESSURE)
    if systolic is None or diastolic is None or Quantity.MEAN_PRESSURE in seen:
        return seen
    mean = float(shown_mean_mmhg(systolic.value, diastolic.value, MONITOR_SHARE))
    return {
        **seen,
        Quantity.MEAN_PRESSURE: Seen(mean, diastolic.sd, diastolic.measurement),
    }


def contradiction(observed: ObservationSet) -> str | None:
    """Return a sentence where the set's pressures cannot be of one beating heart, else None."""
    seen = observed.seen
    orders = (
        (Quantity.DIASTOLIC_PRESSURE, Quantity.SYSTOLIC_PRESSURE),
        (Quantity.DIASTOLIC_PRESSURE, Quantity.MEAN_PRESSURE),
        (Quantity.MEAN_PRESSURE, Quantity.SYSTOLIC_PRESSURE),
        (Quantity.PULMONARY_DIASTOLIC_PRESSURE, Quantity.PULMONARY_SYSTOLIC_PRESSURE),
    )
    for lower, upper in orders:
        if lower in seen and upper in seen and seen[lower].value >= seen[upper].value:
            return (
                f"The {lower.clinical_name} of {seen[lower].value:g} is not below the "
                f"{upper.clinical_name} of {seen[upper].value:g} {upper.unit}."
            )
    return None


def enough_to_fit(sets: Sequence[ObservationSet]) -> bool:
    """Whether these sets together hold a heart rate and an arterial pressure."""
    seen = {quantity for observed in sets for quantity in observed.seen}
    return Quantity.HEART_RATE in seen and any(q in seen for q in ARTERIAL_PRESSURES)


def latest_conditions(measurements: Sequence[Measurement]) -> dict[Condition, Measurement]:
    """Return the newest measurement of each condition that was measured at all."""
    latest: dict[Condition, Measurement] = {}
    for measurement in measurements:
        condition = measurement.quantity
        if isinstance(condition, Condition) and (
            condition not in latest or measurement.taken_at >= latest[condition].taken_at
        ):
            latest[condition] = measurement
    return latest


def earliest_conditions(measurements: Sequence[Measurement]) -> dict[Condition, Measurement]:
    """Return the oldest measurement of each condition that was measured at all."""
    earliest: dict[Condition, Measurement] = {}
    for measurement in measurements:
        condition = measurement.quantity
        if isinstance(condition, Condition) and (
            condition not in earliest or measurement.taken_at < earliest[condition].taken_at
        ):
            earliest[condition] = measurement
    return earliest
