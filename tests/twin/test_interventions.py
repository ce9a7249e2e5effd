"""What may be simulated, and how a refusal reads."""

from __future__ import annotations

import math

import pytest

from twin.core.interventions import (
    SINGLE_DOSE,
    Bleeding,
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Infusion,
    Intervention,
    Oxygen,
    Route,
    schedule,
)
from twin.core.parameters import Body
from twin.errors import ImplausibleDose, InterventionError, RouteNotModelled, WeightNeeded

ADULT = Body(60, "male", 80.0, 178.0)
UNWEIGHED = Body(60, "male", None, None)


@pytest.mark.parametrize(
    "intervention",
    [
        Fluid(FluidKind.CRYSTALLOID, 50_000.0, 600.0),
        Fluid(FluidKind.RED_CELLS, 300.0, 0.0),
        Infusion(Drug.NOREPINEPHRINE, 10.0),
        Infusion(Drug.ESMOLOL, math.nan),
        DrugDose(Drug.METOPROLOL, 500.0, Route.INTRAVENOUS),
        DrugDose(Drug.FUROSEMIDE, -40.0, Route.INTRAVENOUS),
        Oxygen(21.0),
        Bleeding(5_000.0, 60.0),
    ],
)
def test_an_implausible_dose_is_refused_with_the_plausible_range(
    intervention: Intervention,
) -> None:
    with pytest.raises(ImplausibleDose) as refusal:
        schedule([intervention], ADULT)
    assert f"{refusal.value.low:g} to {refusal.value.high:g} {refusal.value.unit}" in str(
        refusal.value
    )


def test_a_dose_in_milligrams_needs_a_weight() -> None:
    with pytest.raises(WeightNeeded, match=r"metoprolol.*Record a weight"):
        schedule([DrugDose(Drug.METOPROLOL, 5.0, Route.INTRAVENOUS)], UNWEIGHED)


def test_fluids_oxygen_and_rates_per_kilogram_need_no_weight() -> None:
    given = (
        Fluid(FluidKind.CRYSTALLOID, 500.0, 900.0),
        Infusion(Drug.NOREPINEPHRINE, 0.1),
        Oxygen(0.4),
    )
    assert schedule(given, UNWEIGHED).interventions == given


@pytest.mark.parametrize(
    "intervention",
    [
        Infusion(Drug.FUROSEMIDE, 1.0),
        DrugDose(Drug.NOREPINEPHRINE, 1.0, Route.INTRAVENOUS),
        DrugDose(Drug.ESMOLOL, 50.0, Route.ORAL),
    ],
)
def test_a_route_that_is_not_modelled_is_refused_and_not_guessed(
    intervention: Intervention,
) -> None:
    with pytest.raises(RouteNotModelled, match="not modelled"):
        schedule([intervention], ADULT)


def test_every_refusal_is_an_intervention_error() -> None:
    for refusal in (ImplausibleDose, WeightNeeded, RouteNotModelled):
        assert issubclass(refusal, InterventionError)


def test_every_dose_range_names_its_source() -> None:
    assert all(allowed.source for allowed in SINGLE_DOSE.values())
