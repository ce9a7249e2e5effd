"""From a treatment and its dosing to one intervention in the twin's units. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from cds_hooks.fhir.dosage import Dosing, Measure, Unclear, measured
from cds_hooks.fhir.order_resources import Medication
from cds_hooks.fhir.resources import CodeableConcept
from cds_hooks.fhir.treatments import NotRecognised, treatment_of
from twin.core.interventions import (
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Infusion,
    Intervention,
    Oxygen,
    Route,
)

BOLUS_S: Final = 900.0
"""Where a bolus gives no time: 15 min, own choice; in practice half an hour at most (FENICE,
Cecconi 2015, Intensive Care Med 41:1529: 500 mL in 24 min, medians)."""

BOLUS_ML: Final = 500.0
"""A larger volume runs as long as boluses of this size one after another."""

RED_CELL_UNIT_ML: Final = 300.0
"""A unit has 250-350 mL: AABB, Circular of Information for the Use of Human Blood."""

RED_CELL_UNIT_S: Final = 1800.0
RUNNING_S: Final = 14_400.0
"""An infusion of fluid without an end is simulated for 4 h, longer than any horizon of a card."""

AIR: Final = 0.21
_PRONGS_TO_L_PER_MIN: Final = 6.0
_RESERVOIR_TO_L_PER_MIN: Final = 15.0

_MG_PER_ML: Final = re.compile(r"(\d+(?:[.,]\d+)?)\s*mg/ml\b", re.I)
_ROUTE_CODES: Final = {
    "47625008": Route.INTRAVENOUS,  # SNOMED CT
    "26643006": Route.ORAL,
    "IVPUSH": Route.INTRAVENOUS,  # HL7 RouteOfAdministration
    "IVDRIP": Route.INTRAVENOUS,
    "IVINJ": Route.INTRAVENOUS,
    "PO": Route.ORAL,
}
_ROUTE_WORDS: Final = (
    (
        Route.INTRAVENOUS,
        re.compile(
            r"\b(?:intravenous\w*|iv|i\.v\.?|central ven\w+|central line|into a (?:central )?vein)"
            r"(?!\w)",
            re.I,
        ),
    ),
    (Route.ORAL, re.compile(r"\b(?:oral\w*|by mouth|po|p\.o\.?|tablets?|capsules?)(?!\w)", re.I)),
)


def fluid(
    kind: FluidKind, dosing: Dosing, quantity: Measure | None, weight_kg: float | None
) -> tuple[Intervention, list[str]]:
    """Return a fluid; volume and time come from dose, rate or the order's quantity.

    Raises
    ------
    cds_hooks.fhir.dosage.Unclear
        No volume, or a volume that depends on an unknown weight.
    """
    assumptions: list[str] = []
    dose = dosing.dose or (quantity if quantity is not None and not quantity.per_minute else None)
    rate = _volume_rate(dosing.rate, weight_kg)
    duration_s = dosing.duration_s
    if dose is None and rate is None:
        raise Unclear("it gives no volume")
    if dose is None:
        if duration_s is None:
            duration_s = RUNNING_S
            assumptions.append("it is simulated as running for 4 h, since no end is written")
        volume_ml = (rate or 0.0) * duration_s / 60
        return Fluid(kind, volume_ml, duration_s), assumptions
    volume_ml = _volume(kind, dose, weight_kg, assumptions)
    if duration_s is None and rate is not None:
        duration_s = 60 * volume_ml / rate
    if duration_s is None:
        duration_s = _usual_duration_s(kind, volume_ml)
        assumptions.append(f"it is given over {duration_s / 60:.0f} min, since no time is written")
    return Fluid(kind, volume_ml, duration_s), assumptions


def _usual_duration_s(kind: FluidKind, volume_ml: float) -> float:
    if kind is FluidKind.RED_CELLS:
        return RED_CELL_UNIT_S * max(1.0, volume_ml / RED_CELL_UNIT_ML)
    return BOLUS_S * max(1.0, volume_ml / BOLUS_ML)


def _volume(
    kind: FluidKind, dose: Measure, weight_kg: float | None, assumptions: list[str]
) -> float:
    if dose.base == "mL":
        return dose.for_body(weight_kg)
    if dose.base == "unit" and kind is FluidKind.RED_CELLS:
        assumptions.append(f"a unit of red cells is taken as {RED_CELL_UNIT_ML:.0f} mL")
        return dose.value * RED_CELL_UNIT_ML
    raise Unclear("its amount is no volume")


def _volume_rate(rate: Measure | None, weight_kg: float | None) -> float | None:
    """Return mL/min."""
    if rate is None:
        return None
    if rate.base != "mL":
        raise Unclear("its rate is no volume per time")
    return rate.for_body(weight_kg)


def oxygen(dosing: Dosing, quantity: Measure | None) -> tuple[Intervention, list[str]]:
    """Return an inspired fraction, from a fraction or, approximately, from a flow.

    Nasal prongs give about 0.04 a litre and minute above air up to 6 L/min; masks up to 0.60 at
    10 L/min, and with a reservoir up to 0.90 at 15 L/min. The fraction at the mouth depends on
    breathing, so that the sentence says what was assumed. After O'Driscoll 2017, BTS guideline for
    oxygen use in adults, Thorax 72 Suppl 1.

    Raises
    ------
    cds_hooks.fhir.dosage.Unclear
        Neither a fraction nor a flow up to 15 L/min.
    """
    for amount in (quantity, dosing.dose, dosing.rate):
        if amount is None:
            continue
        if amount.base == "fraction" and not amount.per_minute:
            return Oxygen(amount.value), []
        if amount.base == "mL" and amount.per_minute and not amount.per_kg:
            return _of_flow(amount.value / 1000)
    raise Unclear("it gives neither an inspired fraction nor a flow")


def _of_flow(litres_per_min: float) -> tuple[Intervention, list[str]]:
    if litres_per_min > _RESERVOIR_TO_L_PER_MIN:
        raise Unclear("a high flow needs its inspired fraction, which is not given")
    if litres_per_min <= _PRONGS_TO_L_PER_MIN:
        fraction = AIR - 0.01 + 0.04 * litres_per_min
    elif litres_per_min <= 10:
        fraction = 0.44 + 0.04 * (litres_per_min - _PRONGS_TO_L_PER_MIN)
    else:
        fraction = 0.60 + 0.06 * (litres_per_min - 10)
    fraction = max(AIR, fraction)
    said = f"{litres_per_min:g} L/min is taken as an inspired fraction of about {fraction:.2f}"
    return Oxygen(fraction), [said]


def infusion_or_dose(
    drug: Drug,
    dosing: Dosing,
    route: Route | None,
    strength_mg_per_ml: float | None,
    weight_kg: float | None,
) -> Intervention:
    """Return an infusion where a rate is given, else a single dose.

    Raises
    ------
    cds_hooks.fhir.dosage.Unclear
        No dose or route, a dose in mL of unknown strength, or a weight needed and not known.
    """
    if dosing.rate is not None:
        if route is Route.ORAL:
            raise Unclear("an infusion by mouth is not understood")
        rate = _mass(dosing.rate, strength_mg_per_ml)
        if rate.per_kg:
            return Infusion(drug, 1000 * rate.value)
        if weight_kg is None:
            raise Unclear("the rate is not per kilogram and no body weight is recorded")
        return Infusion(drug, 1000 * rate.value / weight_kg)
    if dosing.dose is None:
        raise Unclear("it gives no single dose or rate")
    dose_mg = _mass(dosing.dose, strength_mg_per_ml).for_body(weight_kg)
    if route is None:
        raise Unclear("the route is not given")
    return DrugDose(drug, dose_mg, route)


def _mass(amount: Measure, strength_mg_per_ml: float | None) -> Measure:
    if amount.base == "mg":
        return amount
    if amount.base == "mL":
        if strength_mg_per_ml is None:
            raise Unclear("it is ordered in mL and the concentration is not given")
        value = amount.value * strength_mg_per_ml
        return Measure(value, "mg", amount.per_kg, amount.per_minute)
    raise Unclear("its amount is no mass or volume")


def concentration_mg_per_ml(medication: Medication | None, drug: Drug, name: str) -> float | None:
    """Return the strength of the drug: of a contained mixture, else of the product's name.

    RxNorm names a product by it, as in ``10 ML Furosemide 10 MG/ML Injection``.
    """
    for ingredient in (medication.ingredient or ()) if medication is not None else ():
        strength = ingredient.strength
        if strength is None or strength.numerator is None or strength.denominator is None:
            continue
        try:
            named = treatment_of(ingredient.item_codeable_concept)
            mass, volume = measured(strength.numerator), measured(strength.denominator)
        except (NotRecognised, Unclear):
            continue
        if named is drug and mass.base == "mg" and volume.base == "mL":
            return mass.value / volume.value
    in_name = _MG_PER_ML.findall(name)
    return float(in_name[0].replace(",", ".")) if len(in_name) == 1 else None


def route_of(routes: Iterable[CodeableConcept | None], texts: Iterable[str]) -> Route | None:
    """Return the route, from codes or from words; None where it is not given or not modelled.

    Raises
    ------
    cds_hooks.fhir.dosage.Unclear
        A route is given that is neither intravenous nor oral, or two are given.
    """
    given = [route for route in routes if route is not None]
    found = {
        _ROUTE_CODES[coding.code]
        for route in given
        for coding in route.codings
        if coding.code in _ROUTE_CODES
    }
    said = [route.text or "" for route in given]
    said += [coding.display or "" for route in given for coding in route.codings]
    if not found:
        found = _routes_in(said) if given else _routes_in(texts)
    if len(found) > 1:
        raise Unclear("two routes are given")
    if given and not found:
        raise Unclear("only intravenous and oral doses are modelled")
    return next(iter(found), None)


def described(intervention: Intervention) -> str:
    """Return dose, rate or volume in words, for a label."""
    match intervention:
        case Fluid():
            return f"{intervention.volume_ml:.0f} mL in {intervention.duration_s / 60:.0f} min"
        case Infusion():
            return f"{intervention.rate:.3g} µg/kg/min"
        case DrugDose():
            return f"{intervention.dose_mg:.3g} mg {intervention.route}"
        case Oxygen():
            return f"inspired fraction {intervention.inspired_fraction:.2f}"
        case _:
            return ""


def _routes_in(texts: Iterable[str]) -> set[Route]:
    joined = " ".join(texts)
    return {route for route, pattern in _ROUTE_WORDS if pattern.search(joined)}
