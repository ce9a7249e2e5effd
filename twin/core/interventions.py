"""Interventions as values, and a schedule of them that has passed the plausibility checks.

May live here: what can be done to a circulation, with the doses that are plausible for adults.
How a drug acts is in ``drugs``; what the circulation answers is in ``pulsatile`` and
``beat_averaged``.

All interventions of a schedule start at its time 0, on top of what the patient already receives:
the fitted twin contains the running treatment, so an infusion's rate here is what is *added*.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from twin.core.parameters import Body
from twin.errors import ImplausibleDose, RouteNotModelled, WeightNeeded


class Drug(StrEnum):
    """A drug whose effect on the circulation is modelled."""

    NOREPINEPHRINE = "norepinephrine"
    METOPROLOL = "metoprolol"
    ESMOLOL = "esmolol"
    FUROSEMIDE = "furosemide"


class FluidKind(StrEnum):
    """A fluid given into a vein."""

    CRYSTALLOID = "crystalloid"
    RED_CELLS = "red cells"
    ALBUMIN = "albumin"


class Route(StrEnum):
    """The way of a single dose."""

    INTRAVENOUS = "intravenous"
    ORAL = "oral"


@dataclass(frozen=True, slots=True)
class Fluid:
    """A volume given into a vein at a constant rate over ``duration_s``."""

    kind: FluidKind
    volume_ml: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Infusion:
    """A drug infused at a constant rate, in µg per kg body weight and minute, from time 0 on."""

    drug: Drug
    rate: float


@dataclass(frozen=True, slots=True)
class DrugDose:
    """A single dose at time 0, mg."""

    drug: Drug
    dose_mg: float
    route: Route


@dataclass(frozen=True, slots=True)
class Oxygen:
    """Breathing gas with this oxygen fraction (0-1) from time 0 on."""

    inspired_fraction: float


@dataclass(frozen=True, slots=True)
class Bleeding:
    """Loss of whole blood at a constant rate over ``duration_s``."""

    rate_ml_per_min: float
    duration_s: float


Intervention = Fluid | Infusion | DrugDose | Oxygen | Bleeding


@dataclass(frozen=True, slots=True)
class Schedule:
    """Interventions that passed the checks of :func:`schedule`, all from time 0.

    ``weight_kg`` is the body weight the doses refer to; ``None`` when no dose depends on it.
    """

    interventions: tuple[Intervention, ...]
    weight_kg: float | None


NOTHING: Final = Schedule((), None)
"""The schedule of a patient left alone."""


class DoseRange(NamedTuple):
    """What is given to adults, with the source; outside it an order is refused, not simulated."""

    low: float
    high: float
    unit: str
    source: str


_LABEL = "US prescribing information"

FLUID_VOLUME: Final[dict[FluidKind, DoseRange]] = {
    FluidKind.CRYSTALLOID: DoseRange(
        10, 4000, "mL", "Surviving Sepsis Campaign 2021: 30 mL/kg within 3 h, for 133 kg"
    ),
    FluidKind.RED_CELLS: DoseRange(
        50, 3000, "mL", "AABB Circular of Information: units of 300-400 mL; massive transfusion"
    ),
    FluidKind.ALBUMIN: DoseRange(20, 2000, "mL", f"{_LABEL}, albumin 5 %: 250-500 mL, repeated"),
}
FLUID_DURATION: Final = DoseRange(30, 86_400, "s", "pressure bag to a day's maintenance")
INFUSION_RATE: Final[dict[Drug, DoseRange]] = {
    Drug.NOREPINEPHRINE: DoseRange(
        0.005, 3.0, "µg/kg/min", "Surviving Sepsis Campaign 2021; refractory shock up to 3"
    ),
    Drug.ESMOLOL: DoseRange(5, 300, "µg/kg/min", f"{_LABEL}, esmolol: 50-200, at most 300"),
}
SINGLE_DOSE: Final[dict[tuple[Drug, Route], DoseRange]] = {
    (Drug.METOPROLOL, Route.INTRAVENOUS): DoseRange(
        1, 15, "mg", f"{_LABEL}, metoprolol tartrate: 5 mg, three times"
    ),
    (Drug.METOPROLOL, Route.ORAL): DoseRange(
        6.25, 400, "mg", f"{_LABEL}, metoprolol: 12.5-400 mg a day"
    ),
    (Drug.ESMOLOL, Route.INTRAVENOUS): DoseRange(
        5, 150, "mg", f"{_LABEL}, esmolol: loading dose 0.5-1 mg/kg"
    ),
    (Drug.FUROSEMIDE, Route.INTRAVENOUS): DoseRange(
        5, 250, "mg", f"{_LABEL}, furosemide: 20-160 mg; renal failure up to 250 mg"
    ),
    (Drug.FUROSEMIDE, Route.ORAL): DoseRange(10, 600, "mg", f"{_LABEL}, furosemide: 20-600 mg"),
}
OXYGEN_FRACTION: Final = DoseRange(0.21, 1.0, "(fraction)", "air to pure oxygen")
BLEEDING_RATE: Final = DoseRange(
    1, 1000, "mL/min", "ooze to major vessel injury; advanced trauma life support classes"
)
BLEEDING_DURATION: Final = DoseRange(1, 86_400, "s", "a second to a day")


def schedule(interventions: Sequence[Intervention], body: Body) -> Schedule:
    """Check interventions against plausible ranges and bind them to the body.

    Raises
    ------
    ImplausibleDose
        A dose, rate, volume, duration or fraction is outside the range given to adults.
    WeightNeeded
        A dose in mg is to act on a body of unknown weight.
    RouteNotModelled
        The drug is not modelled as an infusion, or not by this route.
    """
    for intervention in interventions:
        _check(intervention)
        if isinstance(intervention, DrugDose) and body.weight_kg is None:
            raise WeightNeeded(intervention.drug.value)
    return Schedule(tuple(interventions), body.weight_kg)


def _check(intervention: Intervention) -> None:
    match intervention:
        case Fluid(kind, volume_ml, duration_s):
            _within(kind.value, volume_ml, FLUID_VOLUME[kind])
            _within(f"{kind.value}, duration", duration_s, FLUID_DURATION)
        case Infusion(drug, rate):
            if drug not in INFUSION_RATE:
                raise RouteNotModelled(drug.value, "an infusion")
            _within(drug.value, rate, INFUSION_RATE[drug])
        case DrugDose(drug, dose_mg, route):
            if (drug, route) not in SINGLE_DOSE:
                raise RouteNotModelled(drug.value, f"a single {route.value} dose")
            _within(f"{drug.value} ({route.value})", dose_mg, SINGLE_DOSE[drug, route])
        case Oxygen(inspired_fraction):
            _within("inspired oxygen", inspired_fraction, OXYGEN_FRACTION)
        case Bleeding(rate_ml_per_min, duration_s):
            _within("bleeding", rate_ml_per_min, BLEEDING_RATE)
            _within("bleeding, duration", duration_s, BLEEDING_DURATION)


def _within(what: str, value: float, plausible: DoseRange) -> None:
    if not math.isfinite(value) or not plausible.low <= value <= plausible.high:
        raise ImplausibleDose(what, value, plausible.low, plausible.high, plausible.unit)
