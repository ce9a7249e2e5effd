"""The concentration of a drug where it acts, after doses and infusions: sums of exponentials.

May live here: the movement of drugs over time. How they act is in ``pharmacology``. Everything is
linear, so that several doses, and the end of an infusion, are sums and differences of the same
courses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.dose_ranges import INFUSION_RATE
from twin.core.intervention_kinds import Drug, DrugDose, Infusion, Route
from twin.errors import WeightNeeded

if TYPE_CHECKING:
    from twin.core.intervention_kinds import Given
    from twin.core.pharmacology import Course, Pharmacology

_PER_MINUTE: Final = {
    "µg/kg/min": 1.0,
    "µg/min": 1.0,
    "mg/min": 1000.0,
    "mg/h": 1000.0 / 60.0,
    "units/min": 1000.0,
}
"""Micrograms, of vasopressin milliunits, a minute."""


def rate_ug_per_kg_min(infusion: Infusion, weight_kg: float | None) -> float:
    """Return the rate in µg/kg/min, of vasopressin in milliunits/kg/min.

    Raises
    ------
    WeightNeeded
        The drug is not ordered per kilogram, and the weight is not known.
    """
    unit = INFUSION_RATE[infusion.drug].unit
    rate = infusion.rate * _PER_MINUTE[unit]
    if "/kg/" in unit:
        return rate
    if weight_kg is None:
        raise WeightNeeded(infusion.drug.value)
    return rate / weight_kg


def infusion(
    drug: Drug, amount_per_min: float, weight_kg: float | None, *, per_kg: bool
) -> Infusion:
    """Return an infusion in the drug's customary unit.

    Parameters
    ----------
    drug
        What is infused; one that is not modelled as an infusion is left in µg/kg/min.
    amount_per_min
        Micrograms, of vasopressin milliunits, a minute.
    weight_kg
        Needed where order and customary unit differ in being per kilogram.
    per_kg
        Whether the amount is per kilogram of body weight.

    Raises
    ------
    WeightNeeded
        The weight is needed and not known.
    """
    unit = INFUSION_RATE[drug].unit if drug in INFUSION_RATE else "µg/kg/min"
    customary_per_kg = "/kg/" in unit
    if per_kg != customary_per_kg:
        if weight_kg is None:
            raise WeightNeeded(drug.value)
        amount_per_min = amount_per_min * weight_kg if per_kg else amount_per_min / weight_kg
    return Infusion(drug, amount_per_min / _PER_MINUTE[unit])


def effect_site(given: Given, drug: Pharmacology, weight_kg: float | None, at_s: Course) -> Course:
    """Return the concentration at the effect site, in the unit of ``pharmacology``, per litre.

    Raises
    ------
    WeightNeeded
        A dose that is not per kilogram, and no weight.
    """
    what = given.intervention
    if isinstance(what, Infusion):
        rate = rate_ug_per_kg_min(what, weight_kg) / 60.0
        return _constant_rate(drug, rate, given.starts_at_s, given.ends_at_s, at_s)
    if not isinstance(what, DrugDose):
        raise TypeError(f"{type(what).__name__} has no effect site")
    if weight_kg is None:
        raise WeightNeeded(what.drug.value)
    dose = 1000.0 * what.dose_mg / weight_kg
    if what.duration_s > 0.0 and what.route is Route.INTRAVENOUS:
        ends = given.starts_at_s + what.duration_s
        stopped = ends if given.ends_at_s is None else min(ends, given.ends_at_s)
        return _constant_rate(drug, dose / what.duration_s, given.starts_at_s, stopped, at_s)
    return _single(drug, dose, what.route, at_s - given.starts_at_s)


def _single(drug: Pharmacology, dose: float, route: Route, since_s: Course) -> Course:
    """Return the course of a dose in µg/kg: stages in series, one after the other."""
    entry = np.log(2.0) / drug.effect_half_life_s
    before: tuple[float, ...] = (float(entry),)
    if route is not Route.INTRAVENOUS:
        if drug.absorption_half_life_s is None:
            raise ValueError(f"no absorption of this drug is known by the {route.value} route")
        dose *= drug.availability
        before = (float(entry), float(np.log(2.0) / drug.absorption_half_life_s))
    site = np.zeros_like(since_s)
    for phase in drug.phases:
        loss = float(np.log(2.0) / phase.half_life_s)
        site += phase.share / loss * _passage((*before, loss), since_s)
    return np.asarray(dose / drug.distribution_l_per_kg * site)


def _constant_rate(
    drug: Pharmacology, rate_per_s: float, starts_s: float, ends_s: float | None, at_s: Course
) -> Course:
    """Return the course of a rate in µg/kg/s between two times."""
    site = _risen(drug, at_s - starts_s)
    if ends_s is not None:
        site = site - _risen(drug, at_s - ends_s)
    return np.asarray(rate_per_s / drug.distribution_l_per_kg * site)


def _risen(drug: Pharmacology, since_s: Course) -> Course:
    """Return the course of a rate of 1 that goes on, over the volume."""
    entry = np.log(2.0) / drug.effect_half_life_s
    elapsed = np.maximum(since_s, 0.0)
    site = np.zeros_like(elapsed)
    for phase in drug.phases:
        loss = np.log(2.0) / phase.half_life_s
        fast, slow = np.exp(-entry * elapsed), np.exp(-loss * elapsed)
        site += phase.share / loss * (1.0 - (entry * slow - loss * fast) / (entry - loss))
    return np.asarray(site)


def _passage(rates: tuple[float, ...], since_s: Course) -> Course:
    """Return the density of the passage time through stages in series: a sum of exponentials."""
    elapsed = np.maximum(since_s, 0.0)
    density = np.zeros_like(elapsed)
    product = float(np.prod(rates))
    for stage, rate in enumerate(rates):
        others = [other - rate for place, other in enumerate(rates) if place != stage]
        density = density + product * np.exp(-rate * elapsed) / float(np.prod(others))
    return np.where(since_s > 0.0, density, 0.0)
