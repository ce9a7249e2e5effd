"""One quantity of all patients, laid out for forecasting: who, when, what, and what came next.

A *pair* is a charted value and the next one, if that comes 30 to 90 minutes later: the question is
always what the next one will be, asked at the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.haemodynamics import Quantity
from twin.core.tracking import Charted
from twin.evaluation.treatment import Treatment, treatment_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jaxtyping import Bool, Float, Int

    from twin.evaluation.chart import Patient, Stay

SOONEST_MINUTES: Final = 30.0
LATEST_MINUTES: Final = 90.0

CHANNELS_OF: Final[Mapping[Quantity, tuple[str, str]]] = {
    Quantity.MEAN_PRESSURE: ("nbp_mean", "abp_mean"),
    Quantity.HEART_RATE: ("heart_rate", ""),
    Quantity.OXYGEN_SATURATION: ("spo2", ""),
}
"""Charted by anything else, and by an arterial line, which counts before it."""

SHAPES: Final = (("nbp_systolic", "nbp_diastolic"), ("abp_systolic", "abp_diastolic"))


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """One quantity of all patients; moments of all stays end to end."""

    quantity: Quantity
    stays: tuple[Charted, ...]
    first: Int[np.ndarray, " stay"]
    """Where each stay's moments begin."""
    charts: tuple[Stay, ...]
    """Each stay's whole chart."""
    subject: Int[np.ndarray, " moment"]
    """Number of the patient."""
    minute: Float[np.ndarray, " moment"]
    target: Float[np.ndarray, " moment"]
    changed: Bool[np.ndarray, " moment"]
    """Treatment was changed in the hour up to the moment."""
    now: Int[np.ndarray, " pair"]
    """Moments at which the question is asked."""
    next: Int[np.ndarray, " pair"]
    """Moments of the answers."""

    @property
    def asked_of(self) -> Int[np.ndarray, " pair"]:
        """Return the number of each pair's patient."""
        found: np.ndarray = self.subject[self.now]
        return found

    @property
    def value_now(self) -> Float[np.ndarray, " pair"]:
        """Return the value at which the question is asked."""
        found: np.ndarray = self.target[self.now]
        return found

    @property
    def value_next(self) -> Float[np.ndarray, " pair"]:
        """Return the answers."""
        found: np.ndarray = self.target[self.next]
        return found


def cohort_of(patients: Sequence[Patient], quantity: Quantity) -> Cohort:
    """Return one quantity of these patients with all its pairs."""
    stays, charts, numbers, minutes, changed = [], [], [], [], []
    for number, patient in enumerate(patients):
        treatment = treatment_of(patient.given)
        for stay in patient.stays:
            moments = _moments(stay, quantity)
            if not len(moments):
                continue
            stays.append(_charted(stay, quantity, moments, treatment))
            charts.append(stay)
            numbers.append(np.full(len(moments), number))
            minutes.append(moments)
            changed.append(treatment.changed(moments))
    first = np.cumsum([0, *(len(each) for each in minutes)])[:-1]
    target = _joined([stay.target for stay in stays])
    pairs = [
        begin + _pairs(each, stay.target)
        for begin, each, stay in zip(first, minutes, stays, strict=True)
    ]
    joined = np.concatenate([np.empty((2, 0), np.int64), *pairs], axis=1)
    return Cohort(
        quantity,
        tuple(stays),
        first,
        tuple(charts),
        _joined(numbers).astype(np.int64),
        _joined(minutes),
        target,
        _joined(changed).astype(bool),
        joined[0],
        joined[1],
    )


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.empty(0), *parts])


def _moments(stay: Stay, quantity: Quantity) -> Float[np.ndarray, " moment"]:
    """Return the minutes at which the quantity, or what tells of it, is charted."""
    names = [*CHANNELS_OF[quantity]]
    if quantity is Quantity.MEAN_PRESSURE:
        names += [systolic for systolic, _ in SHAPES]
    return np.unique(np.concatenate([stay.column(name).minutes for name in names]))


def _charted(
    stay: Stay, quantity: Quantity, minutes: Float[np.ndarray, " moment"], treatment: Treatment
) -> Charted:
    values = np.full((len(minutes), 4), np.nan)
    for place, name in enumerate(CHANNELS_OF[quantity]):
        values[:, place] = stay.column(name).at(minutes)
    if quantity is Quantity.MEAN_PRESSURE:
        for place, (upper, lower) in enumerate(SHAPES):
            systolic, diastolic = stay.column(upper).at(minutes), stay.column(lower).at(minutes)
            mean = (systolic + 2.0 * diastolic) / 3.0
            values[:, 2 + place] = np.where(systolic > diastolic, mean, np.nan)
    return Charted(
        minutes / 60.0,
        values,
        treatment.effect_seen(quantity, minutes),
        treatment.effect_ahead(quantity, minutes),
    )


def _pairs(
    minutes: Float[np.ndarray, " moment"], target: Float[np.ndarray, " moment"]
) -> Int[np.ndarray, "2 pair"]:
    charted = np.flatnonzero(~np.isnan(target))
    gap = np.diff(minutes[charted])
    asked = np.flatnonzero((gap >= SOONEST_MINUTES) & (gap <= LATEST_MINUTES))
    return np.stack((charted[asked], charted[asked + 1]))
