"""Competing causes: what textbook patients are found to have, and what is said of others.

The figures on virtual patients are those of ``cardiotwin validate causes``; here a few suffice to
see that the machinery tells a vessel from a pump.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from twin.core.causes import Causes, CauseWeigher, NotWeighed
from twin.core.haemodynamics import Quantity
from twin.core.hypotheses import HYPOTHESES, LINEAR, PERSON, Cause
from twin.core.intervention_kinds import Fluid, FluidKind
from twin.core.measurements import Condition, Measurement
from twin.core.parameters import PARAMETER_INDEX, Body
from twin.core.rest import model_version
from twin.core.signs import haemoglobin_fall_g_per_dl
from twin.core.treatment import Administration
from twin.store.emulator_file import read_cause_emulator

if TYPE_CHECKING:
    from tests.twin.conftest import Bedside

SEPTIC = {
    Quantity.HEART_RATE: 118.0,
    Quantity.SYSTOLIC_PRESSURE: 88.0,
    Quantity.DIASTOLIC_PRESSURE: 40.0,
    Quantity.MEAN_PRESSURE: 56.0,
    Quantity.OXYGEN_SATURATION: 92.0,
}
HYPOXIC = {
    Quantity.HEART_RATE: 98.0,
    Quantity.SYSTOLIC_PRESSURE: 128.0,
    Quantity.DIASTOLIC_PRESSURE: 76.0,
    Quantity.OXYGEN_SATURATION: 82.0,
}
EQUAL = dict.fromkeys(Cause, 1.0)


@pytest.fixture(scope="module")
def weigher() -> CauseWeigher:
    return CauseWeigher(read_cause_emulator())


def weighed(
    weigher: CauseWeigher,
    bedside: Bedside,
    values: Mapping[Quantity, float],
    *,
    celsius: float | None = None,
    breaths: float | None = None,
    before: Mapping[Quantity, float] | None = None,
    rates: Mapping[Cause, float] | None = EQUAL,
) -> Causes:
    measurements = bedside.seen(values)
    if before is not None:
        measurements += bedside.seen(before, 3.0)
    if celsius is not None:
        measurements.append(
            Measurement(Condition.TEMPERATURE, celsius, bedside.noon, "Observation/t")
        )
    found = weigher.weigh(measurements, bedside.man, bedside.noon, breaths, rates)
    assert isinstance(found, Causes)
    return found


def test_the_emulator_is_of_this_model(weigher: CauseWeigher) -> None:
    assert weigher.emulator.model_version == model_version()


def test_low_pressure_with_a_low_diastolic_and_fever_is_vasoplegia(
    weigher: CauseWeigher, bedside: Bedside
) -> None:
    found = weighed(weigher, bedside, SEPTIC, celsius=38.9, breaths=28.0)
    assert found.likeliest.cause is Cause.VASOPLEGIA
    assert found.likeliest.probability > 0.8


def test_a_fast_pulse_a_narrow_pressure_and_an_empty_vein_are_blood_loss(
    weigher: CauseWeigher, bedside: Bedside
) -> None:
    values = {**bedside.bleeding, Quantity.CENTRAL_VENOUS_PRESSURE: -1.0}
    found = weighed(weigher, bedside, values, celsius=36.3, breaths=24.0, before=bedside.stable)
    assert found.likeliest.cause is Cause.BLOOD_LOSS


def odds(probability: float) -> float:
    return probability / (1.0 - probability)


def with_haemoglobin(
    weigher: CauseWeigher, bedside: Bedside, *values_g_per_dl: float
) -> Mapping[Cause, float]:
    measurements = bedside.seen(bedside.bleeding)
    for place, value in enumerate(values_g_per_dl):
        at = bedside.noon - timedelta(hours=10.0 * (len(values_g_per_dl) - 1 - place))
        measurements.append(Measurement(Condition.HAEMOGLOBIN, value, at, f"Observation/h{place}"))
    found = weigher.weigh(measurements, bedside.man, bedside.noon, 24.0, EQUAL)
    assert isinstance(found, Causes)
    return {each.cause: each.probability for each in found.candidates}


def test_haemoglobin_that_fell_within_a_day_speaks_of_blood_loss_and_one_that_stayed_against(
    weigher: CauseWeigher, bedside: Bedside
) -> None:
    once = with_haemoglobin(weigher, bedside, 9.0)
    fallen = with_haemoglobin(weigher, bedside, 12.6, 9.0)
    stayed = with_haemoglobin(weigher, bedside, 9.1, 9.0)
    risen = with_haemoglobin(weigher, bedside, 8.0, 9.0)
    assert odds(fallen[Cause.BLOOD_LOSS]) > 10.0 * odds(once[Cause.BLOOD_LOSS])
    assert stayed[Cause.BLOOD_LOSS] < once[Cause.BLOOD_LOSS]
    # Half an hour after the vessel broke no fluid has moved in: no fall rules nothing out.
    assert stayed[Cause.BLOOD_LOSS] > 0.2 * once[Cause.BLOOD_LOSS]
    assert risen[Cause.BLOOD_LOSS] == pytest.approx(stayed[Cause.BLOOD_LOSS], abs=0.05)


def test_a_fall_of_days_ago_and_a_stale_value_say_nothing(
    weigher: CauseWeigher, bedside: Bedside
) -> None:
    chart = [
        Measurement(
            Condition.HAEMOGLOBIN, value, bedside.noon - timedelta(hours=hours), f"h{hours}"
        )
        for hours, value in ((40.0, 13.0), (14.0, 9.0))
    ]
    assert haemoglobin_fall_g_per_dl(chart, bedside.noon) is None
    newer = Measurement(Condition.HAEMOGLOBIN, 8.5, bedside.noon, "h0")
    assert haemoglobin_fall_g_per_dl([*chart, newer], bedside.noon) == pytest.approx(0.5)


def test_a_low_ejection_fraction_points_at_the_pump(
    weigher: CauseWeigher, bedside: Bedside
) -> None:
    values = {
        **bedside.bleeding,
        Quantity.OXYGEN_SATURATION: 89.0,
        Quantity.EJECTION_FRACTION: 18.0,
    }
    found = weighed(weigher, bedside, values, celsius=36.6, breaths=26.0)
    assert found.likeliest.cause is Cause.PUMP_FAILURE
    assert found.likeliest.probability > 0.8


def test_low_saturation_with_a_good_pressure_is_of_the_lungs_making(
    weigher: CauseWeigher, bedside: Bedside
) -> None:
    found = weighed(weigher, bedside, HYPOXIC, celsius=37.2, breaths=28.0)
    assert found.likeliest.cause is Cause.HYPOXAEMIA


def course_of(
    weigher: CauseWeigher,
    bedside: Bedside,
    *sets: tuple[float, Mapping[Quantity, float]],
    given: tuple[Administration, ...] = (),
) -> Causes:
    measurements = [m for hours, values in sets for m in bedside.seen(values, hours)]
    found = weigher.weigh(measurements, bedside.man, bedside.noon, 24.0, EQUAL, given)
    assert isinstance(found, Causes)
    return found


def between(bedside: Bedside, share: float) -> Mapping[Quantity, float]:
    return {
        quantity: (1.0 - share) * bedside.stable[quantity] + share * bedside.bleeding[quantity]
        for quantity in bedside.stable
    }


def test_what_came_at_once_is_rather_an_embolism_and_what_crept_rather_a_bleeding_or_a_sepsis(
    weigher: CauseWeigher, bedside: Bedside
) -> None:
    now, well = (0.0, bedside.bleeding), (5.0, bedside.stable)
    crept = course_of(
        weigher, bedside, now, well, *((4.0 - 4.0 * s, between(bedside, s)) for s in (0.25, 0.6))
    )
    struck = course_of(
        weigher, bedside, now, well, (1.6, bedside.bleeding), (3.0, bedside.bleeding)
    )
    creeping = (Cause.BLOOD_LOSS, Cause.VASOPLEGIA)
    assert odds(struck.probability(Cause.EMBOLISM)) > 1.5 * odds(crept.probability(Cause.EMBOLISM))
    assert odds(crept.probability(*creeping)) > 1.5 * odds(struck.probability(*creeping))


def test_the_onset_lies_between_the_last_good_set_and_the_first_bad_one(
    weigher: CauseWeigher, bedside: Bedside
) -> None:
    found = course_of(
        weigher,
        bedside,
        (0.0, bedside.bleeding),
        (1.0, bedside.bleeding),
        (2.0, bedside.bleeding),
        (6.0, bedside.stable),
    )
    assert found.course.sets == 4
    assert found.course.hours == pytest.approx(6.0)
    assert found.course.onset_h is not None
    assert 1.5 < found.course.onset_h < 7.0
    alone = course_of(weigher, bedside, (0.0, bedside.bleeding))
    assert alone.course.onset_h is None


def test_a_litre_that_helped_speaks_for_an_empty_circulation_and_one_that_did_not_against(
    weigher: CauseWeigher, bedside: Bedside
) -> None:
    begun = bedside.noon - timedelta(hours=0.5)
    litre = (Administration(Fluid(FluidKind.CRYSTALLOID, 1000.0, 1200.0), begun, None),)
    helped = course_of(
        weigher,
        bedside,
        (0.0, {**between(bedside, 0.8), Quantity.HEART_RATE: 104.0}),
        (0.7, {**bedside.bleeding, Quantity.SYSTOLIC_PRESSURE: 74.0}),
        given=litre,
    )
    in_vain = course_of(
        weigher, bedside, (0.0, bedside.bleeding), (0.7, bedside.bleeding), given=litre
    )
    assert odds(helped.probability(Cause.BLOOD_LOSS)) > 1.3 * odds(
        in_vain.probability(Cause.BLOOD_LOSS)
    )


def test_only_trouble_is_worth_asking_about(weigher: CauseWeigher, bedside: Bedside) -> None:
    assert weigher.worth_asking(bedside.seen(bedside.bleeding), bedside.noon)
    assert not weigher.worth_asking(bedside.seen(bedside.stable), bedside.noon)
    assert not weigher.worth_asking([], bedside.noon)


def test_a_patient_without_trouble_is_said_to_have_none(
    weigher: CauseWeigher, bedside: Bedside
) -> None:
    found = weighed(weigher, bedside, bedside.stable, celsius=36.8, breaths=15.0, rates=None)
    assert found.troubles == ()
    assert found.likeliest.cause is Cause.NONE_OF_THESE


def test_probabilities_sum_to_one_and_are_ranked(weigher: CauseWeigher, bedside: Bedside) -> None:
    found = weighed(weigher, bedside, bedside.bleeding, rates=None)
    shares = [each.probability for each in found.candidates]
    assert sum(shares) == pytest.approx(1.0)
    assert shares == sorted(shares, reverse=True)
    equal = [each.probability_at_equal_rates for each in found.candidates]
    assert sum(equal) == pytest.approx(1.0)


def test_a_cause_without_a_base_rate_is_ruled_out(weigher: CauseWeigher, bedside: Bedside) -> None:
    rates = {Cause.BLOOD_LOSS: 1.0, Cause.PUMP_FAILURE: 1.0}
    found = weighed(weigher, bedside, SEPTIC, rates=rates)
    assert found.probability(Cause.VASOPLEGIA) == 0.0
    assert found.probability(Cause.BLOOD_LOSS, Cause.PUMP_FAILURE) == pytest.approx(1.0)


def test_twice_the_base_rate_is_twice_the_odds(weigher: CauseWeigher, bedside: Bedside) -> None:
    def odds(rate: float) -> float:
        rates = {Cause.BLOOD_LOSS: rate, Cause.VASOPLEGIA: 1.0}
        found = weighed(weigher, bedside, bedside.bleeding, rates=rates)
        return found.probability(Cause.BLOOD_LOSS) / found.probability(Cause.VASOPLEGIA)

    assert odds(2.0) == pytest.approx(2.0 * odds(1.0))


def test_fever_speaks_for_sepsis_but_never_alone_decides(
    weigher: CauseWeigher, bedside: Bedside
) -> None:
    cool = weighed(weigher, bedside, bedside.bleeding, celsius=36.6)
    hot = weighed(weigher, bedside, bedside.bleeding, celsius=39.2)
    assert hot.probability(Cause.VASOPLEGIA) > cool.probability(Cause.VASOPLEGIA)
    assert hot.probability(Cause.BLOOD_LOSS) > 0.01


def test_the_proposed_measurement_is_one_not_yet_made(
    weigher: CauseWeigher, bedside: Bedside
) -> None:
    first = weighed(weigher, bedside, bedside.bleeding)
    asked = next(each for each in first.telling if each.quantity is not None)
    assert asked.quantity is not None
    values = {**bedside.bleeding, asked.quantity: 4.0}
    second = weighed(weigher, bedside, values)
    assert asked.quantity not in {each.quantity for each in second.telling}


def test_the_same_measurements_give_the_same_causes(
    weigher: CauseWeigher, bedside: Bedside
) -> None:
    one, other = (weighed(weigher, bedside, bedside.bleeding, celsius=36.5) for _ in range(2))
    assert one.candidates == other.candidates


def test_other_draws_do_not_turn_the_probabilities_around(
    weigher: CauseWeigher, bedside: Bedside
) -> None:
    again = CauseWeigher(weigher.emulator, seed=3)
    one = weighed(weigher, bedside, bedside.bleeding, celsius=36.5, breaths=24.0)
    other = weighed(again, bedside, bedside.bleeding, celsius=36.5, breaths=24.0)
    # From seed to seed they differ by 0.05 as a rule, and by 0.15 where one draw weighs much.
    for cause in Cause:
        assert one.probability(cause) == pytest.approx(other.probability(cause), abs=0.16)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({Quantity.HEART_RATE: 110.0}, "at least a heart rate and an arterial pressure"),
        (
            {
                Quantity.HEART_RATE: 110.0,
                Quantity.SYSTOLIC_PRESSURE: 60.0,
                Quantity.DIASTOLIC_PRESSURE: 90.0,
            },
            "contradict",
        ),
        ({}, "at least a heart rate"),
    ],
)
def test_what_cannot_be_weighed_is_a_sentence(
    weigher: CauseWeigher, bedside: Bedside, values: Mapping[Quantity, float], says: str
) -> None:
    found = weigher.weigh(bedside.seen(values), bedside.man, bedside.noon)
    assert isinstance(found, NotWeighed)
    assert says in found.sentence


def test_children_are_not_weighed(weigher: CauseWeigher, bedside: Bedside) -> None:
    child = Body(6.0, "female", 20.0, 115.0)
    found = weigher.weigh(bedside.seen(bedside.bleeding), child, bedside.noon)
    assert isinstance(found, NotWeighed)
    assert "younger than 18" in found.sentence


def test_every_hypothesis_moves_parameters_of_the_model_and_cites_a_source() -> None:
    for hypothesis in HYPOTHESES:
        for name, spread in hypothesis.insult.items():
            assert spread.source
            assert spread.sd > 0.0
            assert name in PARAMETER_INDEX or name.startswith("standing_")
    assert set(PERSON) <= set(PARAMETER_INDEX)
    assert {h.cause for h in HYPOTHESES} == set(Cause)
    assert LINEAR & set(PERSON) == {"reflex_set_point"}


def test_a_cause_the_emulator_does_not_hold_is_left_out_and_said(
    weigher: CauseWeigher, bedside: Bedside
) -> None:
    unknown = HYPOTHESES[0].__class__(
        Cause.BLOOD_LOSS,
        {"no_such_parameter": HYPOTHESES[0].insult["blood_volume"]},
        HYPOTHESES[0].temperature_celsius,
        HYPOTHESES[0].respiratory_rate_per_min,
        0.2,
    )
    partial = CauseWeigher(weigher.emulator, (unknown, *HYPOTHESES[1:3]))
    found = weighed(partial, bedside, bedside.bleeding, rates=None)
    assert Cause.BLOOD_LOSS in found.left_out
    assert any("blood loss" in sentence for sentence in found.sentences)
    assert np.isclose(sum(each.probability for each in found.candidates), 1.0)
