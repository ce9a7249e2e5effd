"""Quantities that a catheter measures, estimated by the twin before they are shown to it.

At a charted cardiac output or central venous pressure the twin is fitted to the vital signs
charted until then: once to these alone, and once with the last value shown as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.haemodynamics import Quantity
from twin.core.measurements import Condition, Device, Measurement
from twin.core.parameters import Body
from twin.evaluation.scores import mean_of, with_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twin.core.fit import Interval
    from twin.evaluation.chart import Patient, Stay
    from twin.ports import Estimator

HIDDEN: Final = {
    Quantity.CARDIAC_OUTPUT: "cardiac_output",
    Quantity.CENTRAL_VENOUS_PRESSURE: "cvp",
}
"""What is hidden, by its channel."""

SHOWN: Final[tuple[tuple[str, Quantity | Condition, Device], ...]] = (
    ("heart_rate", Quantity.HEART_RATE, Device.MONITOR),
    ("spo2", Quantity.OXYGEN_SATURATION, Device.OXIMETER),
    ("abp_systolic", Quantity.SYSTOLIC_PRESSURE, Device.ARTERIAL_LINE),
    ("abp_diastolic", Quantity.DIASTOLIC_PRESSURE, Device.ARTERIAL_LINE),
    ("abp_mean", Quantity.MEAN_PRESSURE, Device.ARTERIAL_LINE),
    ("nbp_systolic", Quantity.SYSTOLIC_PRESSURE, Device.CUFF),
    ("nbp_diastolic", Quantity.DIASTOLIC_PRESSURE, Device.CUFF),
    ("nbp_mean", Quantity.MEAN_PRESSURE, Device.CUFF),
    ("temperature_c", Condition.TEMPERATURE, Device.UNKNOWN),
    ("fio2", Condition.INSPIRED_OXYGEN_FRACTION, Device.UNKNOWN),
)
"""Vital signs that the twin may see, an arterial line before a cuff."""

DAY_ZERO: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Any day: charts count minutes from an instant of their own."""
FRESH_MINUTES: Final = 60.0
FRESH_CONDITION_MINUTES: Final = 720.0
MOST_A_PATIENT: Final = 24
"""Values of a patient that are asked for, evenly spread: neighbours say the same."""
UNKNOWN_BODY: Final = Body(None, None, None, None)


@dataclass(frozen=True, slots=True)
class Asked:
    """One hidden value with what the twin made of it; None where it gave no advice."""

    patient: int
    value: float
    previous: float | None
    from_vital_signs: Interval | None
    with_the_last_value: Interval | None


def asked_of(
    patients: Sequence[Patient],
    quantity: Quantity,
    estimator: Estimator,
    told: Callable[[], None] = lambda: None,
) -> list[Asked]:
    """Return the twin's estimates of hidden values; ``told`` is called after every one."""
    found = []
    for number, patient in enumerate(patients):
        moments = [
            (stay, place)
            for stay in patient.stays
            for place in range(len(stay.column(HIDDEN[quantity]).minutes))
        ]
        spread = np.linspace(0, len(moments) - 1, min(MOST_A_PATIENT, len(moments)))
        for each in spread.round().astype(int):
            stay, place = moments[each]
            found.append(_asked(number, stay, place, quantity, estimator))
            told()
    return found


def count_asked(patients: Sequence[Patient], quantity: Quantity) -> int:
    """Return how many values will be asked for."""
    counts = [
        sum(len(stay.column(HIDDEN[quantity]).minutes) for stay in patient.stays)
        for patient in patients
    ]
    return sum(min(MOST_A_PATIENT, count) for count in counts)


def _asked(
    patient: int, stay: Stay, place: int, quantity: Quantity, estimator: Estimator
) -> Asked:
    column = stay.column(HIDDEN[quantity])
    minute, value = float(column.minutes[place]), float(column.values[place])
    shown = _shown(stay, minute)
    alone = _estimate(estimator, shown, minute, quantity)
    if not place:
        return Asked(patient, value, None, alone, None)
    then, previous = float(column.minutes[place - 1]), float(column.values[place - 1])
    device = Device.THERMODILUTION if quantity is Quantity.CARDIAC_OUTPUT else Device.UNKNOWN
    last = Measurement(quantity, previous, _at(then), f"hidden/{then}", device)
    both = _estimate(estimator, [*_shown(stay, then), last, *shown], minute, quantity)
    return Asked(patient, value, previous, alone, both)


def _at(minute: float) -> datetime:
    return DAY_ZERO + timedelta(minutes=minute)


def _shown(stay: Stay, minute: float) -> list[Measurement]:
    """Return the newest vital signs until this minute, one device a quantity."""
    shown: dict[Quantity | Condition, Measurement] = {}
    for channel, quantity, device in SHOWN:
        column = stay.column(channel)
        known = int(np.searchsorted(column.minutes, minute, side="right")) - 1
        fresh = FRESH_MINUTES if isinstance(quantity, Quantity) else FRESH_CONDITION_MINUTES
        if known < 0 or minute - column.minutes[known] > fresh or quantity in shown:
            continue
        at, value = float(column.minutes[known]), float(column.values[known])
        shown[quantity] = Measurement(quantity, value, _at(at), f"{channel}/{at}", device)
    return list(shown.values())


def _estimate(
    estimator: Estimator, shown: Sequence[Measurement], minute: float, quantity: Quantity
) -> Interval | None:
    fit = estimator.fit(shown, UNKNOWN_BODY, _at(minute)).converged()
    return None if fit is None else fit.estimates.get(quantity)


def hidden_figures(asked: Sequence[Asked]) -> dict[str, object]:
    """Return how far the estimates lay off, beside what needs no twin."""
    return {
        "values": len(asked),
        "patients": len({each.patient for each in asked}),
        "from_vital_signs": _scored(
            [(each, each.from_vital_signs) for each in asked], _of_the_others(asked)
        ),
        "with_the_last_value": _scored(
            [(each, each.with_the_last_value) for each in asked],
            [each.previous for each in asked],
        ),
    }


def _of_the_others(asked: Sequence[Asked]) -> list[float | None]:
    """Return, for each value, the median of what other patients had."""
    medians: dict[int, float | None] = {}
    for patient in {each.patient for each in asked}:
        others = [each.value for each in asked if each.patient != patient]
        medians[patient] = float(np.median(others)) if others else None
    return [medians[each.patient] for each in asked]


def _scored(
    pairs: Sequence[tuple[Asked, Interval | None]], simple: Sequence[float | None]
) -> dict[str, object]:
    both = [
        (each, interval, guess)
        for (each, interval), guess in zip(pairs, simple, strict=True)
        if interval is not None and guess is not None
    ]
    if not both:
        return {"estimated": 0, "mae": None, "coverage90": None, "width90": None}
    truth = np.array([each.value for each, _, _ in both])
    patients = np.array([each.patient for each, _, _ in both])
    ends = np.array([(i.median, i.low, i.high) for _, i, _ in both])
    guessed = np.array([guess for _, _, guess in both])
    held = (truth >= ends[:, 1]) & (truth <= ends[:, 2])
    return {
        "estimated": len(both),
        "mae": with_interval(mean_of(np.abs(truth - ends[:, 0])), patients),
        "bias": with_interval(mean_of(ends[:, 0] - truth), patients),
        "coverage90": with_interval(mean_of(held.astype(float)), patients),
        "width90": float(np.mean(ends[:, 2] - ends[:, 1])),
        "mae_without_twin": with_interval(mean_of(np.abs(truth - guessed)), patients),
    }
