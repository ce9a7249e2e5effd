"""What was given to a patient, in the twin's words, and what the twin makes of it by itself.

Knows how charts name drugs and fluids. The effect is simulated on the standard adult, drug by drug
and dose by dose; how much of it shows on patients is a constant that is fitted
(``Wandering.effect_share``): a rate is raised *because* the pressure falls, so the chart shows
much less than the drug does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from twin.core.beat_averaged import settled, simulate
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.interventions import INFUSION_RATE, Drug, Fluid, FluidKind, Infusion, schedule
from twin.core.parameters import Body, standard_adult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jaxtyping import Bool, Float

    from twin.core.interventions import Schedule
    from twin.evaluation.chart import Given

    Minutes = Float[np.ndarray, " moment"]

DRUG_WORDS: Final[Mapping[str, str]] = {
    "levophed": "norepinephrine",
    "norepinephrine": "norepinephrine",
    "neosynephrine": "phenylephrine",
    "phenylephrine": "phenylephrine",
    "vasopressin": "vasopressin",
    "epinephrine": "epinephrine",
    "dopamine": "dopamine",
    "dobutamine": "dobutamine",
    "milrinone": "milrinone",
    "nitroglycerin": "nitroglycerin",
    "nitroprusside": "nitroprusside",
    "nicardipine": "nicardipine",
    "esmolol": "esmolol",
    "propofol": "propofol",
    "midazolam": "midazolam",
    "fentanyl": "fentanyl",
}
"""How charts call drugs, and their generic names; the first word found in the item counts."""

SEDATIVES: Final = frozenset({"propofol", "midazolam", "fentanyl"})
RATE_UNITS: Final[Mapping[str, tuple[str, float]]] = {
    "mcgkgmin": ("µg/kg/min", 1.0),
    "mcg/kg/min": ("µg/kg/min", 1.0),
    "Umin": ("units/min", 1.0),
    "units/hour": ("units/min", 1.0 / 60.0),
}
"""Units of a rate as charts write them, in the twin's words. A rate in a unit other than the
twin's own for the drug counts as treatment whose effect is not known."""

FLUID_WORDS: Final[tuple[tuple[str, FluidKind], ...]] = (
    (r"packed (rbc|red)", FluidKind.RED_CELLS),
    (r"albumin|plasma|hespan|hetastarch", FluidKind.ALBUMIN),
    (r"normal saline|^nacl 0\.9|^lr$|lactated ringers|crystalloid", FluidKind.CRYSTALLOID),
)
BOLUS_ML: Final = 200.0
"""At least this much charted at once is more than maintenance (a unit of red cells has 300)."""
HELD_MINUTES: Final = 90.0
"""A rate that is charted hourly is taken to run on for so long."""
CHANGED_BY: Final = 0.2
"""Share by which a rate must differ to count as changed."""
ACTS_WITHIN_MINUTES: Final = 60.0

INFUSED_S: Final = 1800.0
FOLLOWED_S: Final = 6 * 3600.0
SAMPLE_S: Final = 300.0
GIVEN_IN_S: Final = 900.0
STANDARD_BOLUS_ML: Final = 500.0
RATES: Final = 8
"""Rates at which an infusion's effect is simulated; straight between them."""


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """An infusion of one drug: from ``minutes`` on at ``rates``, in the unit named."""

    drug: str
    minutes: Minutes
    rates: Float[np.ndarray, " moment"]
    unit: str

    def rate(self, minutes: Minutes, including_now: bool) -> Float[np.ndarray, " moment"]:
        """Return the rate that ran up to these minutes, or that was just set at them."""
        side: Literal["left", "right"] = "right" if including_now else "left"
        place = np.searchsorted(self.minutes, minutes, side=side) - 1
        return np.where(place >= 0, self.rates[np.maximum(place, 0)], 0.0)


@dataclass(frozen=True, slots=True)
class Bolus:
    """A volume given at once, as far as the chart tells."""

    kind: FluidKind
    minute: float
    volume_ml: float


@dataclass(frozen=True, slots=True, eq=False)
class Treatment:
    """All of a patient's treatment that acts on the circulation within an hour."""

    courses: tuple[Course, ...]
    boluses: tuple[Bolus, ...]

    def effect_seen(self, quantity: Quantity, minutes: Minutes) -> Float[np.ndarray, " moment"]:
        """Return the simulated effect that a value charted at these minutes holds."""
        return self._effect(quantity, minutes, ahead=0.0, including_now=False)

    def effect_ahead(self, quantity: Quantity, minutes: Minutes) -> Float[np.ndarray, " moment"]:
        """Return the simulated effect an hour on, by what is known at these minutes."""
        return self._effect(quantity, minutes, ACTS_WITHIN_MINUTES, including_now=True)

    def _effect(
        self, quantity: Quantity, minutes: Minutes, ahead: float, including_now: bool
    ) -> Float[np.ndarray, " moment"]:
        total = np.zeros(len(minutes))
        row = QUANTITY_INDEX[quantity]
        for course in self.courses:
            simulated = infusion_effect(course.drug, course.unit)
            if simulated is not None:
                rates, effects = simulated
                total += np.interp(course.rate(minutes, including_now), rates, effects[row])
        for bolus in self.boluses:
            age_s = 60.0 * (minutes + ahead - bolus.minute)
            known = minutes >= bolus.minute
            times, effects = bolus_effect(bolus.kind)
            share = bolus.volume_ml / STANDARD_BOLUS_ML
            total += known * share * np.interp(age_s, times, effects[row], left=0.0, right=0.0)
        return total

    def changed(self, minutes: Minutes) -> Bool[np.ndarray, " moment"]:
        """Return where treatment was started, changed or stopped in the last hour."""
        found = np.zeros(len(minutes), bool)
        for course in self.courses:
            before = np.concatenate(([0.0], course.rates[:-1]))
            large = np.abs(course.rates - before) > CHANGED_BY * np.maximum(course.rates, before)
            found |= _within(minutes, course.minutes[large])
        found |= _within(minutes, np.array([bolus.minute for bolus in self.boluses]))
        return found


def _within(minutes: Minutes, events: Minutes) -> Bool[np.ndarray, " moment"]:
    """Return where an event lies in the hour up to and including a minute."""
    events = np.sort(events)
    until = np.searchsorted(events, minutes, side="right")
    since = np.searchsorted(events, minutes - ACTS_WITHIN_MINUTES, side="right")
    found: np.ndarray = until > since
    return found


def treatment_of(given: Sequence[Given]) -> Treatment:
    """Return the treatment that acts on the circulation; the rest of the rows is passed over."""
    rows: dict[tuple[str, str], list[Given]] = {}
    boluses = []
    for row in given:
        drug, kind = _drug(row.item), _fluid(row.item)
        if drug is not None and row.rate is not None:
            unit, factor = RATE_UNITS.get(row.rate_unit, (row.rate_unit, 1.0))
            rows.setdefault((drug, unit), []).append(row._replace(rate=row.rate * factor))
        elif kind is not None and _at_once(row):
            boluses.append(Bolus(kind, row.start_minute, row.amount or 0.0))
    courses = tuple(_course(*key, each) for key, each in sorted(rows.items()))
    return Treatment(courses, tuple(boluses))


def _at_once(row: Given) -> bool:
    """Return whether a volume was given at once, as far as the chart tells."""
    short = row.charted_hourly or row.end_minute - row.start_minute <= ACTS_WITHIN_MINUTES
    return short and row.amount_unit == "ml" and (row.amount or 0.0) >= BOLUS_ML


def _course(drug: str, unit: str, rows: Sequence[Given]) -> Course:
    """Lay an infusion's rows end to end; where none runs on, it has stopped."""
    rates: dict[float, float] = {}
    for row in sorted(rows, key=lambda each: each.start_minute):
        lasts = HELD_MINUTES if row.charted_hourly else row.end_minute - row.start_minute
        rates = {minute: rate for minute, rate in rates.items() if minute < row.start_minute}
        rates[row.start_minute] = row.rate or 0.0
        rates[row.start_minute + max(lasts, 1.0)] = 0.0
    return Course(drug, np.array(list(rates)), np.array(list(rates.values())), unit)


def _drug(item: str) -> str | None:
    return next((drug for word, drug in DRUG_WORDS.items() if word in item.lower()), None)


def _fluid(item: str) -> FluidKind | None:
    found = (kind for pattern, kind in FLUID_WORDS if re.search(pattern, item.lower()))
    return next(found, None)


@cache
def infusion_effect(
    drug: str, unit: str
) -> tuple[Float[np.ndarray, " rate"], Float[np.ndarray, "quantity rate"]] | None:
    """Return rates and what each does to the standard adult; None where that is not modelled."""
    known = {each.value: each for each in Drug}
    if drug not in known or known[drug] not in INFUSION_RATE:
        return None
    allowed = INFUSION_RATE[known[drug]]
    if unit != allowed.unit:
        return None
    rates = np.geomspace(allowed.low, allowed.high, RATES)
    body = Body(None, None, 75.0, None)
    plans = [schedule([Infusion(known[drug], float(rate))], body) for rate in rates]
    effects = np.stack([_simulated(plan, INFUSED_S)[:, -1] for plan in plans], axis=1)
    rest = np.zeros((len(QUANTITY_INDEX), 1))
    return np.concatenate(([0.0], rates)), np.concatenate((rest, effects), axis=1)


@cache
def bolus_effect(
    kind: FluidKind,
) -> tuple[Float[np.ndarray, " sample"], Float[np.ndarray, "quantity sample"]]:
    """Return times and what ``STANDARD_BOLUS_ML`` in a quarter of an hour does to the adult."""
    bolus = Fluid(kind, STANDARD_BOLUS_ML, GIVEN_IN_S)
    effects = _simulated(schedule([bolus], Body(None, None, None, None)), FOLLOWED_S)
    times = SAMPLE_S * np.arange(effects.shape[1] + 1)
    return times, np.concatenate((np.zeros((len(QUANTITY_INDEX), 1)), effects), axis=1)


def _simulated(plan: Schedule, duration_s: float) -> Float[np.ndarray, "quantity sample"]:
    """Return the change in the standard adult against doing nothing."""
    adult = standard_adult()[:, None]
    rest = settled(adult)
    nothing = schedule([], Body(None, None, None, None))
    with_it, without = (
        simulate(adult, each, duration_s, SAMPLE_S, rest)[:, :, 0] for each in (plan, nothing)
    )
    change: np.ndarray = with_it - without
    return change
