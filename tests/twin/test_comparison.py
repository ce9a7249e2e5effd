"""What treatments do to fitted patients: directions, pairing, harm, refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from twin.core.comparison import Plan, compare_interventions, state_and_change
from twin.core.estimate import Estimator
from twin.core.fit import ConvergedFit
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.interventions import (
    Bleeding,
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Infusion,
    Oxygen,
    Route,
)
from twin.core.parameters import Body
from twin.errors import ImplausibleDose, WeightNeeded

if TYPE_CHECKING:
    from tests.twin.conftest import Bedside

HALF_AN_HOUR_S = 1800.0
BOLUS = Plan("500 mL crystalloid", (Fluid(FluidKind.CRYSTALLOID, 500.0, 600.0),))
BETA_BLOCKER = Plan("metoprolol", (DrugDose(Drug.METOPROLOL, 5.0, Route.INTRAVENOUS),))
OXYGEN = Plan("oxygen", (Oxygen(0.6),))
BLEEDING = Plan("bleeding", (Bleeding(40.0, 1200.0),))
VASOPRESSOR = Plan("norepinephrine", (Infusion(Drug.NOREPINEPHRINE, 0.1),))


def fitted(estimator: Estimator, bedside: Bedside, values: dict[Quantity, float]) -> ConvergedFit:
    fit = estimator.fit(bedside.seen(values), bedside.man, bedside.noon).converged()
    assert fit is not None
    return fit


@pytest.fixture(scope="module")
def bleeder(estimator: Estimator, bedside: Bedside) -> ConvergedFit:
    return fitted(estimator, bedside, bedside.bleeding)


def test_in_a_bleeding_patient_a_bolus_helps_and_a_beta_blocker_does_not(
    bleeder: ConvergedFit,
) -> None:
    bolus, blocker = compare_interventions(bleeder, (BOLUS, BETA_BLOCKER), HALF_AN_HOUR_S).effects
    output, pressure, rate = (
        Quantity.CARDIAC_OUTPUT,
        Quantity.MEAN_PRESSURE,
        Quantity.HEART_RATE,
    )
    assert bolus.change[pressure].median > 0.0
    assert bolus.change[output].low > 0.0
    assert bolus.change[rate].median < 0.0
    assert blocker.change[rate].high < 0.0
    assert blocker.change[output].median < 0.0
    assert blocker.change[output].high < bolus.change[output].median
    assert blocker.change[pressure].median < 0.0
    assert bolus.probability_map_below_65 < blocker.probability_map_below_65


@pytest.mark.parametrize(
    ("plan", "quantity", "rises"),
    [
        (OXYGEN, Quantity.OXYGEN_SATURATION, True),
        (VASOPRESSOR, Quantity.MEAN_PRESSURE, True),
        (BLEEDING, Quantity.CARDIAC_OUTPUT, False),
        (BLEEDING, Quantity.BLOOD_VOLUME, False),
        (BLEEDING, Quantity.HEART_RATE, True),
    ],
)
def test_each_treatment_moves_what_it_is_given_for(
    bleeder: ConvergedFit, plan: Plan, quantity: Quantity, rises: bool
) -> None:
    (effect,) = compare_interventions(bleeder, (plan,), HALF_AN_HOUR_S).effects
    change = effect.change[quantity]
    assert (change.low > 0.0) if rises else (change.high < 0.0)


@pytest.mark.parametrize("quantity", [Quantity.MEAN_PRESSURE, Quantity.CARDIAC_OUTPUT])
def test_pairing_the_members_narrows_the_interval_of_a_change(
    bleeder: ConvergedFit, quantity: Quantity
) -> None:
    comparison = compare_interventions(bleeder, (BETA_BLOCKER,), HALF_AN_HOUR_S)
    treated = comparison.effects[0].members[QUANTITY_INDEX[quantity]]
    untreated = comparison.baseline.members[QUANTITY_INDEX[quantity]]
    shuffled = np.random.default_rng(0).permutation(untreated)
    assert np.std(treated - untreated) < 0.7 * np.std(treated - shuffled)


def test_doing_nothing_changes_nothing(bleeder: ConvergedFit) -> None:
    comparison = compare_interventions(bleeder, (), HALF_AN_HOUR_S)
    baseline = comparison.baseline
    assert baseline.plan.interventions == ()
    assert baseline.at_s == HALF_AN_HOUR_S
    assert baseline.probability_worse == 0.0
    assert all(change.median == 0.0 for change in baseline.change.values())
    drift = baseline.members - bleeder.fit.now
    # One circulation in thirty of those that are bled to the brink swings by its reflex.
    swing = np.sort(np.abs(drift[QUANTITY_INDEX[Quantity.MEAN_PRESSURE]]))
    assert swing[-2] < 0.5
    assert swing[-1] < 3.0


def test_every_plan_starts_from_the_same_members(bleeder: ConvergedFit) -> None:
    together = compare_interventions(bleeder, (BOLUS, BETA_BLOCKER), HALF_AN_HOUR_S).effects
    alone = compare_interventions(bleeder, (BOLUS,), HALF_AN_HOUR_S).effects
    np.testing.assert_array_equal(together[0].members, alone[0].members)


def test_bleeding_on_is_counted_as_harm(bleeder: ConvergedFit) -> None:
    (effect,) = compare_interventions(bleeder, (BLEEDING,), HALF_AN_HOUR_S).effects
    assert effect.probability_worse > 0.6


def test_an_impossible_dose_is_refused_with_its_range(bleeder: ConvergedFit) -> None:
    with pytest.raises(ImplausibleDose, match="plausible range"):
        compare_interventions(
            bleeder, (Plan("flood", (Fluid(FluidKind.CRYSTALLOID, 5e6, 600.0),)),), 600.0
        )


def test_a_dose_by_weight_needs_a_weight(estimator: Estimator, bedside: Bedside) -> None:
    nobody = Body(None, None, None, None)
    fit = estimator.fit(bedside.seen(bedside.stable), nobody, bedside.noon).converged()
    assert fit is not None
    with pytest.raises(WeightNeeded):
        compare_interventions(fit, (BETA_BLOCKER,), 600.0)


def test_no_state_is_beyond_what_can_be(bleeder: ConvergedFit) -> None:
    deadly = Plan("exsanguination", (Bleeding(150.0, 1500.0),))
    for effect in compare_interventions(bleeder, (deadly, OXYGEN), HALF_AN_HOUR_S).effects:
        assert np.isfinite(effect.members).all()
        assert effect.after[Quantity.OXYGEN_SATURATION].high <= 100.0
        assert effect.after[Quantity.CARDIAC_OUTPUT].low >= 0.0
        assert 0.0 <= effect.probability_map_below_65 <= 1.0


def test_where_members_answer_in_opposite_ways_each_keeps_the_doubt_of_its_own_change(
    bleeder: ConvergedFit,
) -> None:
    """Norepinephrine slows some hearts and quickens others; their mean is near nothing."""
    members = len(bleeder.weights)
    size = np.where(np.arange(members) % 2 == 0, 20.0, -20.0)
    change = np.broadcast_to(size, (1, len(QUANTITY_INDEX), members)).astype(np.float32)
    _, ((found,),) = (
        [list(each[0].values())]
        for each in state_and_change(
            bleeder, bleeder.fit.now[None] + change, change, (Quantity.HEART_RATE,)
        )
    )
    assert found.low < -24.0
    assert found.high > 24.0


def test_an_interval_of_a_change_is_a_normal_spread_of_answers_to_it(
    bleeder: ConvergedFit,
) -> None:
    members = len(bleeder.weights)
    change = np.full((1, len(QUANTITY_INDEX), members), 10.0, np.float32)
    _, (found,) = state_and_change(
        bleeder, bleeder.fit.now[None] + change, change, (Quantity.MEAN_PRESSURE,)
    )
    interval = found[Quantity.MEAN_PRESSURE]
    assert interval.median == pytest.approx(10.0, abs=0.1)
    # A normal distribution's 90 % reach 1.645 standard deviations to either side.
    assert interval.width == pytest.approx(2.0 * 1.645 * 2.5, rel=0.15)
