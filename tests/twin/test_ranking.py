"""Which of several simulated effects serves a goal; made by hand, so the answer is known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from twin.core.comparison import NOTHING_DONE, Comparison, Plan, SimulatedEffect
from twin.core.haemodynamics import QUANTITIES, QUANTITY_INDEX, Quantity
from twin.core.ranking import LEAST_GAIN, MOST_HARM, USUAL_GOAL, Goal, best_of, rank, verdict

SURFACE_M2 = 2.0
MET = {
    Quantity.MEAN_PRESSURE: 85.0,
    Quantity.CARDIAC_OUTPUT: 7.0,
    Quantity.OXYGEN_SATURATION: 98.0,
}
LOW_PRESSURE = {**MET, Quantity.MEAN_PRESSURE: 50.0}


def effect(plan: Plan, state: Mapping[Quantity, float], worse: float = 0.0) -> SimulatedEffect:
    members = np.zeros((len(QUANTITIES), 4))
    for quantity, value in state.items():
        members[QUANTITY_INDEX[quantity]] = value
    return SimulatedEffect(plan, 1800.0, {}, {}, {}, 0.0, worse, members, members[:, None, :], ())


def comparison(baseline: Mapping[Quantity, float], *effects: SimulatedEffect) -> Comparison:
    idle = effect(NOTHING_DONE, baseline)
    return Comparison(idle, effects, np.full(4, 0.25), SURFACE_M2, idle.members)


def test_what_meets_the_goal_comes_first_and_is_called_good() -> None:
    helps, useless = Plan("helps", ()), Plan("useless", ())
    first, second = rank(
        comparison(LOW_PRESSURE, effect(useless, LOW_PRESSURE), effect(helps, MET)), USUAL_GOAL
    )
    assert first.effect.plan is helps
    assert first.good
    assert first.probability_goal == pytest.approx(1.0, abs=0.01)
    assert first.gain == pytest.approx(1.0, abs=0.01)
    assert not second.good


@pytest.mark.parametrize(
    "missed",
    [
        {Quantity.MEAN_PRESSURE: 50.0},
        {Quantity.CARDIAC_OUTPUT: 3.0},
        {Quantity.OXYGEN_SATURATION: 85.0},
    ],
)
def test_the_goal_is_met_only_when_all_of_it_is(missed: Mapping[Quantity, float]) -> None:
    (only,) = rank(
        comparison(LOW_PRESSURE, effect(Plan("half", ()), {**MET, **missed})), USUAL_GOAL
    )
    assert only.probability_goal < 0.05
    assert not only.good


def test_a_harmful_plan_is_never_good_however_well_it_meets_the_goal() -> None:
    harmful = effect(Plan("harmful", ()), MET, worse=MOST_HARM + 0.1)
    mild = effect(Plan("mild", ()), {**MET, Quantity.MEAN_PRESSURE: 66.0})
    first, second = rank(comparison(LOW_PRESSURE, harmful, mild), USUAL_GOAL)
    assert first.effect is mild
    assert not second.good


def test_no_good_option_is_an_answer() -> None:
    ranked = rank(
        comparison(LOW_PRESSURE, effect(Plan("a", ()), LOW_PRESSURE), effect(Plan("b", ()), {})),
        USUAL_GOAL,
    )
    assert len(ranked) == 2
    assert not any(place.good for place in ranked)
    assert best_of(ranked) is None
    assert verdict(ranked, USUAL_GOAL).startswith("No good option")


def test_a_patient_who_meets_the_goal_needs_no_treatment() -> None:
    (only,) = rank(comparison(MET, effect(Plan("more", ()), MET)), USUAL_GOAL)
    assert only.gain < LEAST_GAIN
    assert not only.good
    assert verdict((only,), USUAL_GOAL).startswith("Nothing needs doing")


def test_the_verdict_names_plan_goal_and_harm() -> None:
    ranked = rank(comparison(LOW_PRESSURE, effect(Plan("fluid", ()), MET, worse=0.2)), USUAL_GOAL)
    said = verdict(ranked, USUAL_GOAL)
    assert best_of(ranked) is ranked[0]
    for words in ("fluid", "65 mmHg", "2.2 L/min/m2", "92 %", "20%"):
        assert words in said


@pytest.mark.parametrize(
    ("state", "worse", "says"),
    [
        (MET, 0.0, "Raises the probability of the goal by 100 points."),
        (MET, 0.5, "Makes 50% of the circulations worse"),
        (LOW_PRESSURE, 0.0, "by 0 points only"),
    ],
)
def test_every_plan_has_the_reason_for_its_place(
    state: Mapping[Quantity, float], worse: float, says: str
) -> None:
    (only,) = rank(comparison(LOW_PRESSURE, effect(Plan("a", ()), state, worse)), USUAL_GOAL)
    assert says in only.reason


def test_a_plan_that_takes_the_goal_away_says_so() -> None:
    (only,) = rank(comparison(MET, effect(Plan("a", ()), LOW_PRESSURE)), USUAL_GOAL)
    assert only.reason.startswith("Lowers the probability of the goal by 100 points")


def test_a_higher_goal_is_harder_to_meet() -> None:
    middle = comparison(
        LOW_PRESSURE, effect(Plan("some", ()), {**MET, Quantity.MEAN_PRESSURE: 70.0})
    )
    (usual,), (ambitious,) = (rank(middle, goal) for goal in (USUAL_GOAL, Goal(75.0, 2.2, 92.0)))
    assert ambitious.probability_goal < usual.probability_goal
