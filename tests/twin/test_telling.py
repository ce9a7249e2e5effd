"""The most telling measurement, and when a patient is in trouble at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from twin.core.causes import Causes, CauseWeigher
from twin.core.haemodynamics import Quantity
from twin.core.hypotheses import Cause
from twin.core.observation_sets import observation_sets
from twin.core.telling import EXAMINATIONS, _expected_entropy, _left_by_finding
from twin.core.trouble import in_trouble, troubles
from twin.store.emulator_file import read_cause_emulator

if TYPE_CHECKING:
    from tests.twin.conftest import Bedside


def test_a_result_that_is_certain_under_each_cause_leaves_no_entropy() -> None:
    assert _expected_entropy(np.array([[0.5, 0.0], [0.0, 0.5]])) == pytest.approx(0.0)


def test_a_result_that_is_equally_likely_under_both_causes_leaves_all_of_it() -> None:
    assert _expected_entropy(np.array([[0.25, 0.25], [0.25, 0.25]])) == pytest.approx(1.0)


def test_entropy_left_by_an_examination_is_that_of_bayes_rule() -> None:
    (test,) = (each for each in EXAMINATIONS if Cause.TAMPONADE in each.positive)
    causes, prior = [Cause.TAMPONADE, Cause.BLOOD_LOSS], np.array([0.4, 0.6])
    positive = np.array([test.positive[Cause.TAMPONADE], test.positive_otherwise])
    by_hand = 0.0
    for likelihood in (positive, 1.0 - positive):
        total = float(prior @ likelihood)
        after = prior * likelihood / total
        by_hand -= total * float(np.sum(after * np.log2(after)))
    assert _left_by_finding(test, causes, prior) == pytest.approx(by_hand)


def test_between_bleeding_and_a_failing_pump_the_heart_is_worth_looking_at(
    bedside: Bedside,
) -> None:
    rates = {Cause.BLOOD_LOSS: 1.0, Cause.PUMP_FAILURE: 1.0}
    found = CauseWeigher(read_cause_emulator()).weigh(
        bedside.seen(bedside.bleeding), bedside.man, bedside.noon, 24.0, rates
    )
    assert isinstance(found, Causes)
    first = found.telling[0]
    assert first.quantity in (Quantity.EJECTION_FRACTION, Quantity.CENTRAL_VENOUS_PRESSURE)
    assert 0.0 < first.entropy_fall_bits <= first.entropy_now_bits


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({Quantity.MEAN_PRESSURE: 60.0}, "below 65"),
        ({Quantity.SYSTOLIC_PRESSURE: 85.0}, "below 90"),
        ({Quantity.OXYGEN_SATURATION: 85.0}, "below 90"),
        ({Quantity.HEART_RATE: 130.0}, "shock index"),
    ],
)
def test_trouble_is_said_with_its_limit(
    bedside: Bedside, changed: dict[Quantity, float], says: str
) -> None:
    found = troubles(observation_sets(bedside.seen({**bedside.stable, **changed}))[0])
    assert any(says in sentence for sentence in found)


def test_a_stable_patient_is_in_no_trouble(bedside: Bedside) -> None:
    assert troubles(observation_sets(bedside.seen(bedside.stable))[0]) == ()


def test_many_states_are_judged_as_one_is(bedside: Bedside) -> None:
    states = [
        {**bedside.stable, Quantity.MEAN_PRESSURE: mean} for mean in (50.0, 64.9, 65.1, 90.0)
    ]
    one_by_one = [bool(troubles(observation_sets(bedside.seen(s))[0])) for s in states]
    together = in_trouble(
        {quantity: np.array([state[quantity] for state in states]) for quantity in states[0]}
    )
    assert together.tolist() == one_by_one
