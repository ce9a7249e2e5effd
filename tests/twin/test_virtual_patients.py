"""Virtual patients and the examinations held on them; the commands examine hundreds."""

from __future__ import annotations

import numpy as np
import pytest

from twin.core.causes import CauseWeigher
from twin.core.estimate import Estimator
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.hypotheses import OBSTRUCTIONS, Cause
from twin.core.measurements import Condition, Device
from twin.core.observation_sets import contradiction, observation_sets
from twin.core.trouble import troubles
from twin.store.emulator_file import read_cause_emulator, read_emulator
from twin.validation import cause_report, recovery
from twin.validation.cause_judging import Answer, calibration, judged
from twin.validation.figures import coverage, share
from twin.validation.virtual_patients import (
    EARLIER_H,
    OUTPUT,
    VENOUS_PRESSURE,
    VirtualPatients,
    virtual_patients,
)


@pytest.fixture(scope="module")
def people() -> VirtualPatients:
    return virtual_patients({Cause.BLOOD_LOSS: 8, Cause.VASOPLEGIA: 8, Cause.PUMP_FAILURE: 8}, 3)


def of_cause(people: VirtualPatients, cause: Cause, quantity: Quantity) -> np.ndarray:
    chosen = [place for place, each in enumerate(people.causes) if each is cause]
    return people.now[QUANTITY_INDEX[quantity], chosen]


def test_everybody_was_well_before_and_is_in_trouble_now(people: VirtualPatients) -> None:
    for person in range(len(people.causes)):
        sets = observation_sets(people.measurements(person, earlier=True))
        assert (sets[0].taken_at - sets[1].taken_at).total_seconds() == 3600.0 * EARLIER_H
    assert np.isfinite(people.now).all()
    pressure = people.now[QUANTITY_INDEX[Quantity.MEAN_PRESSURE]]
    assert (pressure < people.before[QUANTITY_INDEX[Quantity.MEAN_PRESSURE]] + 5.0).all()


def test_most_of_what_is_charted_still_shows_the_trouble(people: VirtualPatients) -> None:
    charted = [observation_sets(people.measurements(p))[0] for p in range(len(people.causes))]
    assert sum(bool(troubles(each)) for each in charted) > 0.8 * len(charted)
    assert all(contradiction(each) is None for each in charted)


def test_each_insult_does_what_it_is_named_for(people: VirtualPatients) -> None:
    venous, output = Quantity.CENTRAL_VENOUS_PRESSURE, Quantity.CARDIAC_OUTPUT
    bled = of_cause(people, Cause.BLOOD_LOSS, venous)
    failing = of_cause(people, Cause.PUMP_FAILURE, venous)
    assert bled.mean() < failing.mean()
    septic = of_cause(people, Cause.VASOPLEGIA, output)
    assert septic.mean() > of_cause(people, Cause.BLOOD_LOSS, output).mean()
    ejection = Quantity.EJECTION_FRACTION
    assert of_cause(people, Cause.PUMP_FAILURE, ejection).max() < 45.0


def test_what_is_charted_is_noisy_and_rounded(people: VirtualPatients) -> None:
    charted = {m.quantity: m for m in people.measurements(0, (*VENOUS_PRESSURE, *OUTPUT))}
    pressure = charted[Quantity.MEAN_PRESSURE]
    assert pressure.device is Device.CUFF
    assert pressure.value == round(pressure.value)
    assert pressure.value != people.now[QUANTITY_INDEX[Quantity.MEAN_PRESSURE], 0]
    assert {Condition.TEMPERATURE, Quantity.CARDIAC_OUTPUT} <= set(charted)


def test_the_same_seed_gives_the_same_people(people: VirtualPatients) -> None:
    again = virtual_patients(
        {Cause.BLOOD_LOSS: 8, Cause.VASOPLEGIA: 8, Cause.PUMP_FAILURE: 8}, people.seed
    )
    assert np.array_equal(again.now, people.now)
    assert again.measurements(5) == people.measurements(5)


@pytest.fixture(scope="module")
def examined() -> dict[str, object]:
    return cause_report.report(
        CauseWeigher(read_cause_emulator()),
        24,
        2,
        shown={name: cause_report.SHOWN[name] for name in ("vital_signs", "with_both")},
        courses_shown={},
    )


def test_the_likeliest_cause_is_right_far_more_often_than_chance(examined: dict) -> None:
    cases = examined["cases"]
    assert cases["vital_signs"]["accuracy"]["value"] >= 0.4
    assert cases["with_both"]["accuracy"]["value"] >= 0.5


def test_all_patients_are_counted_and_every_group_is_drawn(examined: dict) -> None:
    for case in examined["cases"].values():
        counted = sum(sum(said.values()) for said in case["confusion"].values())
        assert counted == examined["patients"] == 24
        assert len(case["confusion"]) == 4
    obstructed = [name for name in examined["drawn"] if Cause[name] in OBSTRUCTIONS]
    assert sum(examined["drawn"][name] for name in obstructed) == 6


def test_patients_in_shock_are_counted_apart(examined: dict) -> None:
    people = virtual_patients({Cause.BLOOD_LOSS: 4}, 4)
    found = cause_report.answers(people, CauseWeigher(read_cause_emulator()), (), False, None)
    low = people.now[QUANTITY_INDEX[Quantity.MEAN_PRESSURE]] < 65.0
    assert all(answer.in_shock for answer, is_low in zip(found, low, strict=True) if is_low)
    assert examined["cases"]["vital_signs"]["accuracy_in_shock"] is not None


def test_an_accuracy_comes_with_its_interval(examined: dict) -> None:
    right = examined["cases"]["vital_signs"]["accuracy"]
    assert 0.0 < right["low"] < right["value"] < right["high"] < 1.0


def test_honest_probabilities_are_found_honest_and_boasts_are_not() -> None:
    random = np.random.default_rng(0)

    def answers(claimed: float, true: float) -> list[Answer]:
        rights = random.random(4000) < true
        return [
            Answer(
                Cause.BLOOD_LOSS if right else Cause.VASOPLEGIA,
                {"blood_loss": claimed, "vasoplegia": 1.0 - claimed},
            )
            for right in rights
        ]

    assert calibration(answers(0.7, 0.7))["expected_calibration_error"] < 0.03
    assert calibration(answers(0.95, 0.7))["expected_calibration_error"] > 0.2


def test_a_patient_who_cannot_be_weighed_counts_as_not_right() -> None:
    sure = Answer(Cause.BLOOD_LOSS, {"blood_loss": 1.0})
    found = judged([sure, Answer(Cause.BLOOD_LOSS, {})])
    assert found["accuracy"]["value"] == 0.5
    assert found["confusion"]["blood_loss"] == {"blood_loss": 1, "not weighed": 1}


def test_a_probability_that_is_right_costs_less_than_one_that_is_wrong() -> None:
    sure = {"blood_loss": 0.9, "vasoplegia": 0.1}
    right, wrong = (judged([Answer(c, sure)]) for c in (Cause.BLOOD_LOSS, Cause.VASOPLEGIA))
    assert right["brier"] == pytest.approx(0.02)
    assert wrong["brier"] == pytest.approx(1.62)
    assert right["accuracy_by_cause"]["blood_loss"]["value"] == 1.0
    assert wrong["log_loss"] > right["log_loss"]


def test_a_share_has_wilsons_interval() -> None:
    # Newcombe 1998, Stat Med 17:857, table I: 81 of 263.
    found = share(81, 263)
    assert found is not None
    assert (found["low"], found["high"]) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert share(0, 0) is None


@pytest.mark.parametrize(("hits", "within"), [(90, True), (84, True), (80, False), (98, False)])
def test_a_coverage_is_judged_by_binomial_error(hits: int, within: bool) -> None:
    inside = [True] * hits + [False] * (100 - hits)
    assert coverage(inside, 0.9)["within_binomial_error"] is within


def test_intervals_of_a_perfect_model_hold_the_truth_about_as_often_as_they_say() -> None:
    found = recovery.report(Estimator(read_emulator()), 12, 5)
    assert found["patients"] == 12
    assert found["advised"]["value"] > 0.7
    for part in ("parameters", "quantities", "counterfactuals"):
        assert found[part]["mean_coverage"] >= 0.8
    assert set(found["counterfactuals"]["each"]) == set(
        found["counterfactuals_beat_by_beat"]["each"]
    )
