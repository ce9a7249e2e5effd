"""From a drug and its dosing to an infusion or a single dose in the twin's units. Pure.

Infusions are in the unit in which each drug is ordered (``twin.core.dose_ranges.INFUSION_RATE``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from cds_hooks.fhir.dosage import Base, Dosing, Measure, Unclear, measured
from cds_hooks.fhir.order_resources import Medication
from cds_hooks.fhir.resources import CodeableConcept
from cds_hooks.fhir.treatments import NotRecognised, treatment_of
from twin.core.interventions import SINGLE_DOSE, Drug, DrugDose, Infusion, Intervention, Route
from twin.core.pharmacokinetics import infusion
from twin.errors import WeightNeeded

LONGEST_DOSE_S: Final = 3600.0
"""What is given over a longer time is an infusion at a rate, whatever the bag holds."""

IN_UNITS: Final = frozenset({Drug.VASOPRESSIN})
"""Ordered by activity, not by mass."""

_MG_PER_ML: Final = re.compile(r"(\d+(?:[.,]\d+)?)\s*mg/ml\b", re.I)
_UNITS_PER_ML: Final = re.compile(r"(\d+(?:[.,]\d+)?)\s*(?:units?|unt|iu|u)/ml\b", re.I)
_ROUTE_CODES: Final = {
    "47625008": Route.INTRAVENOUS,  # SNOMED CT
    "26643006": Route.ORAL,
    "IVPUSH": Route.INTRAVENOUS,  # HL7 RouteOfAdministration
    "IVDRIP": Route.INTRAVENOUS,
    "IVINJ": Route.INTRAVENOUS,
    "PO": Route.ORAL,
    "37839007": Route.SUBLINGUAL,
    "SL": Route.SUBLINGUAL,
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
    (
        Route.SUBLINGUAL,
        re.compile(r"\b(?:sublingual\w*|under (?:the|your) tongue|sl|s\.l\.?)(?!\w)", re.I),
    ),
    (Route.ORAL, re.compile(r"\b(?:oral\w*|by mouth|po|p\.o\.?|tablets?|capsules?)(?!\w)", re.I)),
)


def infusion_or_dose(
    drug: Drug,
    dosing: Dosing,
    route: Route | None,
    strength_per_ml: float | None,
    weight_kg: float | None,
) -> Intervention:
    """Return an infusion where a rate is given, else a single dose.

    A dose with a rate is a dose over the time it takes, unless that is longer than an hour: then
    it is what the bag holds.

    Parameters
    ----------
    strength_per_ml
        mg, or units, in a millilitre; None where not known.

    Raises
    ------
    cds_hooks.fhir.dosage.Unclear
        No dose or route, a dose in mL of unknown strength, or a weight needed and not known.
    """
    dose, rate = (
        None if each is None else _amount(drug, each, strength_per_ml)
        for each in (dosing.dose, dosing.rate)
    )
    over_s = _takes_s(dose, rate, weight_kg) or dosing.given_over_s
    if dose is not None and over_s is not None and over_s > LONGEST_DOSE_S and rate is None:
        minutes = over_s / 60
        rate = Measure(dose.value / minutes, dose.base, dose.per_kg, per_minute=True)
    if rate is not None and not (dose is not None and _is_dose(drug, route, over_s)):
        return _infusion(drug, rate, route, weight_kg)
    if dose is None:
        raise Unclear("it gives no single dose or rate")
    return _single(drug, dose.for_body(weight_kg), route, over_s)


def _takes_s(dose: Measure | None, rate: Measure | None, weight_kg: float | None) -> float | None:
    if dose is None or rate is None:
        return None
    return 60.0 * dose.for_body(weight_kg) / rate.for_body(weight_kg)


def _is_dose(drug: Drug, route: Route | None, over_s: float | None) -> bool:
    given = (drug, route or Route.INTRAVENOUS) in SINGLE_DOSE
    return given and over_s is not None and over_s <= LONGEST_DOSE_S


def _infusion(drug: Drug, rate: Measure, route: Route | None, weight_kg: float | None) -> Infusion:
    if route in (Route.ORAL, Route.SUBLINGUAL):
        raise Unclear("an infusion by mouth is not understood")
    try:
        return infusion(drug, 1000 * rate.value, weight_kg, per_kg=rate.per_kg)
    except WeightNeeded:
        how = "per kilogram" if rate.per_kg else "not per kilogram"
        raise Unclear(f"the rate is {how} and no body weight is recorded") from None


def _single(drug: Drug, dose: float, route: Route | None, over_s: float | None) -> DrugDose:
    if drug in IN_UNITS:
        raise Unclear("a single dose of it is not modelled, only an infusion")
    if route is None:
        raise Unclear("the route is not given")
    if route is not Route.INTRAVENOUS or over_s is None:
        return DrugDose(drug, dose, route)
    return DrugDose(drug, dose, route, over_s)


def _amount(drug: Drug, amount: Measure, strength_per_ml: float | None) -> Measure:
    """Return the amount in mg, or in units where the drug is ordered so."""
    base: Base = "unit" if drug in IN_UNITS else "mg"
    if amount.base == base:
        return amount
    if amount.base == "mL":
        if strength_per_ml is None:
            raise Unclear("it is ordered in mL and the concentration is not given")
        value = amount.value * strength_per_ml
        return Measure(value, base, amount.per_kg, amount.per_minute)
    raise Unclear(
        "its amount is no number of units"
        if drug in IN_UNITS
        else "its amount is no mass or volume"
    )


def strength_per_ml(medication: Medication | None, drug: Drug, name: str) -> float | None:
    """Return mg, or units, in a mL: of a contained mixture, else of the product's name.

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
        base = "unit" if drug in IN_UNITS else "mg"
        if named is drug and mass.base == base and volume.base == "mL":
            return mass.value / volume.value
    in_name = (_UNITS_PER_ML if drug in IN_UNITS else _MG_PER_ML).findall(name)
    return float(in_name[0].replace(",", ".")) if len(in_name) == 1 else None


def route_of(routes: Iterable[CodeableConcept | None], texts: Iterable[str]) -> Route | None:
    """Return the route, from codes or from words; None where it is not given or not modelled.

    Raises
    ------
    cds_hooks.fhir.dosage.Unclear
        A route is given that is not intravenous, oral or sublingual, or two are given.
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
        raise Unclear("only intravenous, oral and sublingual doses are modelled")
    return next(iter(found), None)


def _routes_in(texts: Iterable[str]) -> set[Route]:
    joined = " ".join(texts)
    return {route for route, pattern in _ROUTE_WORDS if pattern.search(joined)}
