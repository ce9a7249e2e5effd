"""Fits of made-up patients: what is recovered, what stays open, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from twin.core.arm import AMPLIFICATION_SD, MONITOR_SHARE, Arm, expected_amplification
from twin.core.arm_sets import news_of
from twin.core.emulator import Emulator
from twin.core.estimate import Estimator
from twin.core.fit import ConvergedFit, FitOutcome
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.measurements import Condition, Device, Measurement
from twin.core.parameters import PARAMETERS, Body
from twin.core.prior import COORDINATES, Expectation
from twin.core.rest import guarding_state, resting_state

if TYPE_CHECKING:
    from tests.twin.conftest import Bedside

VITAL_SIGNS = (
    Quantity.HEART_RATE,
    Quantity.SYSTOLIC_PRESSURE,
    Quantity.DIASTOLIC_PRESSURE,
    Quantity.OXYGEN_SATURATION,
)
WITH_OUTPUT = (*VITAL_SIGNS, Quantity.CARDIAC_OUTPUT, Quantity.CENTRAL_VENOUS_PRESSURE)
NOISE = dict(zip(WITH_OUTPUT, (2.0, 5.0, 4.0, 1.0, 0.4, 1.5), strict=True))
PATIENTS = 48
SOMEBODY = Body(60.0, None, None, None)


Fits = dict[tuple[Quantity, ...], list[ConvergedFit | None]]


@pytest.fixture(scope="module")
def patients() -> np.ndarray:
    """Return the states, as a cuff shows them, of patients whom the estimator has not seen."""
    random = np.random.default_rng(29)
    u = random.standard_normal((len(COORDINATES), PATIENTS))
    nobody = Expectation.of(Body(None, None, None, None), {})
    own = expected_amplification(Device.CUFF, None) * np.exp(
        0.8 * AMPLIFICATION_SD * random.standard_normal(PATIENTS)
    )
    aorta = resting_state(nobody.members(np.clip(0.8 * u, -2.0, 2.0)))
    return Arm(own, MONITOR_SHARE).shown(aorta)


def measured(
    bedside: Bedside, state: np.ndarray, quantities: tuple[Quantity, ...], seed: int
) -> list[Measurement]:
    random = np.random.default_rng(seed)
    noisy = {
        q: float(state[QUANTITY_INDEX[q]] + NOISE[q] * random.standard_normal())
        for q in quantities
    }
    noisy[Quantity.OXYGEN_SATURATION] = min(noisy[Quantity.OXYGEN_SATURATION], 100.0)
    return bedside.seen(noisy, device=Device.THERMODILUTION)


@pytest.fixture(scope="module")
def fits(estimator: Estimator, bedside: Bedside, patients: np.ndarray) -> Fits:
    nobody = Body(None, None, None, None)
    return {
        quantities: [
            estimator.fit(
                measured(bedside, state, quantities, number), nobody, bedside.noon
            ).converged()
            for number, state in enumerate(patients.T)
        ]
        for quantities in (VITAL_SIGNS, WITH_OUTPUT)
    }


@pytest.mark.parametrize("quantities", [VITAL_SIGNS, WITH_OUTPUT], ids=["vitals", "with output"])
def test_nearly_every_circulation_of_the_models_own_kind_is_fitted(
    fits: Fits, quantities: tuple[Quantity, ...]
) -> None:
    assert sum(fit is not None for fit in fits[quantities]) >= 0.9 * PATIENTS


@pytest.mark.parametrize(
    "quantity",
    [
        Quantity.CARDIAC_OUTPUT,
        Quantity.MEAN_PRESSURE,
        Quantity.BLOOD_VOLUME,
        Quantity.EJECTION_FRACTION,
        Quantity.CENTRAL_VENOUS_PRESSURE,
    ],
)
@pytest.mark.parametrize("quantities", [VITAL_SIGNS, WITH_OUTPUT], ids=["vitals", "with output"])
def test_nine_of_ten_intervals_hold_the_truth(
    fits: Fits, patients: np.ndarray, quantities: tuple[Quantity, ...], quantity: Quantity
) -> None:
    inside = [
        fit.estimates[quantity].low <= truth <= fit.estimates[quantity].high
        for fit, truth in zip(fits[quantities], patients[QUANTITY_INDEX[quantity]], strict=True)
        if fit is not None
    ]
    # 90 % nominal; four standard errors of a binomial of 48 lie below it at 0.73.
    assert np.mean(inside) >= 0.80


def test_a_measured_output_narrows_its_interval_and_its_error(
    fits: Fits, patients: np.ndarray
) -> None:
    row = QUANTITY_INDEX[Quantity.CARDIAC_OUTPUT]
    width, error = {}, {}
    for quantities, fitted in fits.items():
        pairs = [
            (fit.estimates[Quantity.CARDIAC_OUTPUT], truth)
            for fit, truth in zip(fitted, patients[row], strict=True)
            if fit is not None
        ]
        width[quantities] = np.mean([interval.width for interval, _ in pairs])
        error[quantities] = np.mean([abs(interval.median - truth) for interval, truth in pairs])
    assert width[WITH_OUTPUT] < 0.7 * width[VITAL_SIGNS]
    assert error[WITH_OUTPUT] < 0.7 * error[VITAL_SIGNS]
    assert width[VITAL_SIGNS] > 1.5, "vital signs alone barely identify cardiac output"
    assert error[VITAL_SIGNS] < np.mean(np.abs(patients[row] - np.median(patients[row])))


def test_the_answer_is_that_of_an_independent_estimator_on_the_model_itself(
    estimator: Estimator, bedside: Bedside
) -> None:
    """Emerick & Reynolds 2013, Comput Geosci 55:3: ensemble smoother, four assimilations."""
    quantities = WITH_OUTPUT
    values = {
        Quantity.HEART_RATE: 88.0,
        Quantity.SYSTOLIC_PRESSURE: 108.0,
        Quantity.DIASTOLIC_PRESSURE: 64.0,
        Quantity.OXYGEN_SATURATION: 96.0,
        Quantity.CARDIAC_OUTPUT: 4.6,
        Quantity.CENTRAL_VENOUS_PRESSURE: 4.0,
    }
    nobody = Body(None, None, None, None)
    fit = estimator.fit(bedside.seen(values, device=Device.THERMODILUTION), nobody, bedside.noon)
    moment_sds = total_errors(estimator, bedside, values)
    smoothed = ensemble_smoother(np.array([values[q] for q in quantities]), moment_sds, quantities)
    for quantity in (
        Quantity.CARDIAC_OUTPUT,
        Quantity.MEAN_PRESSURE,
        Quantity.SYSTEMIC_RESISTANCE,
        Quantity.EJECTION_FRACTION,
    ):
        theirs = smoothed[QUANTITY_INDEX[quantity]]
        apart = abs(fit.estimates[quantity].median - np.median(theirs))
        assert apart < 0.6 * np.std(theirs), quantity


def total_errors(
    estimator: Estimator, bedside: Bedside, values: dict[Quantity, float]
) -> np.ndarray:
    from twin.core.history import Moment
    from twin.core.observation_sets import ObservationSet, observation_sets

    (only,) = observation_sets(bedside.seen(values, device=Device.THERMODILUTION))
    middle = np.zeros(len(estimator.emulator.inputs))
    news = ObservationSet(only.taken_at, news_of(only))
    moment = Moment.of(news, 0.0, middle, 1.0, estimator.emulator)
    return np.array([dict(zip(moment.quantities, moment.sds, strict=True))[q] for q in values])


def ensemble_smoother(
    values: np.ndarray, sds: np.ndarray, quantities: tuple[Quantity, ...]
) -> np.ndarray:
    random = np.random.default_rng(7)
    nobody = Expectation.of(Body(None, None, None, None), {})
    rows = [QUANTITY_INDEX[q] for q in quantities]
    u = random.standard_normal((len(COORDINATES) + 1, 512))
    rounds = 4

    def shown() -> np.ndarray:
        own = expected_amplification(Device.CUFF, None) * np.exp(AMPLIFICATION_SD * u[-1])
        aorta = resting_state(nobody.members(np.clip(u[:-1], -3.3, 3.3)), 60.0)
        return Arm(own, MONITOR_SHARE).shown(aorta)

    for _ in range(rounds):
        predicted = shown()[rows]
        noise = np.sqrt(rounds) * sds[:, None] * random.standard_normal(predicted.shape)
        du, dy = u - u.mean(axis=1, keepdims=True), predicted - predicted.mean(1, keepdims=True)
        gain = du @ dy.T @ np.linalg.inv(dy @ dy.T + 511 * rounds * np.diag(sds**2))
        u = u + gain @ (values[:, None] + noise - predicted)
    return shown()


def test_the_same_measurements_give_the_same_fit(estimator: Estimator, bedside: Bedside) -> None:
    measurements = bedside.seen(bedside.bleeding)
    one, again = (estimator.fit(measurements, bedside.man, bedside.noon) for _ in range(2))
    np.testing.assert_array_equal(one.parameters, again.parameters)
    assert one.estimates == again.estimates


def test_the_order_of_the_measurements_does_not_matter(
    estimator: Estimator, bedside: Bedside
) -> None:
    measurements = bedside.seen(bedside.stable)
    forth = estimator.fit(measurements, bedside.man, bedside.noon)
    back = estimator.fit(measurements[::-1], bedside.man, bedside.noon)
    output = Quantity.CARDIAC_OUTPUT
    assert forth.estimates[output].median == pytest.approx(back.estimates[output].median, rel=0.02)


def test_vital_signs_alone_are_said_to_leave_the_output_open(
    estimator: Estimator, bedside: Bedside
) -> None:
    fit = estimator.fit(bedside.seen(bedside.stable), bedside.man, bedside.noon)
    assert fit.outcome is FitOutcome.WIDE
    interval = fit.estimates[Quantity.CARDIAC_OUTPUT]
    wanted = f"leave cardiac output between {interval.low:.1f} and {interval.high:.1f} L/min."
    assert any(sentence.endswith(wanted) for sentence in fit.sentences)


def test_what_was_assumed_is_said(estimator: Estimator, bedside: Bedside) -> None:
    fit = estimator.fit(bedside.seen(bedside.stable), bedside.man, bedside.noon)
    assert any("room air was assumed" in sentence for sentence in fit.sentences)
    assert any("Haemoglobin is not known" in sentence for sentence in fit.sentences)
    conditions = [
        Measurement(Condition.HAEMOGLOBIN, 8.0, bedside.noon, "Observation/h"),
        Measurement(Condition.INSPIRED_OXYGEN_FRACTION, 0.4, bedside.noon, "Observation/o"),
    ]
    known = estimator.fit(bedside.seen(bedside.stable) + conditions, bedside.man, bedside.noon)
    assert not any("assumed" in sentence for sentence in known.sentences)
    names = [entry.name for entry in PARAMETERS]
    assert known.parameters[names.index("haemoglobin")] == pytest.approx(8.0)
    assert known.parameters[names.index("inspired_oxygen_fraction")] == pytest.approx(0.4)


def test_a_condition_charted_minutes_after_the_vital_signs_is_known(
    estimator: Estimator, bedside: Bedside
) -> None:
    earlier = bedside.seen({Quantity.HEART_RATE: 80.0}, hours_ago=1.0)
    haemoglobin = Measurement(
        Condition.HAEMOGLOBIN, 9.0, bedside.noon - timedelta(hours=2), "Observation/h"
    )
    oxygen = Measurement(
        Condition.INSPIRED_OXYGEN_FRACTION,
        0.5,
        bedside.noon + timedelta(minutes=4),
        "Observation/o",
    )
    measurements = [*earlier, *bedside.seen(bedside.stable), haemoglobin, oxygen]
    fit = estimator.fit(measurements, bedside.man, bedside.noon + timedelta(minutes=5))
    assert not any("assumed" in sentence for sentence in fit.sentences)


def test_a_smaller_body_has_a_smaller_output_at_the_same_vital_signs(
    estimator: Estimator, bedside: Bedside
) -> None:
    measurements = bedside.seen(bedside.stable)
    small = estimator.fit(measurements, Body(60.0, "female", 50.0, 155.0), bedside.noon)
    large = estimator.fit(measurements, Body(60.0, "male", 110.0, 190.0), bedside.noon)
    output = Quantity.CARDIAC_OUTPUT
    assert small.estimates[output].median < 0.7 * large.estimates[output].median
    pressure = Quantity.MEAN_PRESSURE
    assert small.estimates[pressure].median == pytest.approx(
        large.estimates[pressure].median, abs=1.5
    )


def test_falling_pressures_are_seen_as_a_loss_in_progress(
    estimator: Estimator, bedside: Bedside
) -> None:
    measurements = bedside.seen(bedside.bleeding) + bedside.seen(bedside.stable, hours_ago=1.0)
    fit = estimator.fit(measurements, bedside.man, bedside.noon)
    assert fit.drift_per_h is not None
    volume = [c.parameter for c in COORDINATES].index("blood_volume")
    assert np.mean(fit.drift_per_h[volume]) < -0.3
    steady = bedside.seen(bedside.stable) + bedside.seen(bedside.stable, hours_ago=1.0)
    still = estimator.fit(steady, bedside.man, bedside.noon)
    assert still.drift_per_h is not None
    # The mean of 32 members with a standard deviation of 0.7.
    assert abs(np.mean(still.drift_per_h[volume])) < 0.25
    assert np.mean(fit.drift_per_h[volume]) < np.mean(still.drift_per_h[volume]) - 0.3


def test_an_older_value_counts_for_less(estimator: Estimator, bedside: Bedside) -> None:
    now = bedside.seen(bedside.stable)
    output = {Quantity.CARDIAC_OUTPUT: 3.2}
    widths = [
        estimator.fit(
            now + bedside.seen(output, hours, Device.THERMODILUTION), bedside.man, bedside.noon
        )
        .estimates[Quantity.CARDIAC_OUTPUT]
        .width
        for hours in (0.0, 4.0)
    ]
    assert widths[0] < widths[1]


@pytest.mark.parametrize(
    ("values", "body", "outcome"),
    [
        ({}, SOMEBODY, FitOutcome.TOO_LITTLE),
        ({Quantity.HEART_RATE: 80.0}, SOMEBODY, FitOutcome.TOO_LITTLE),
        (
            {Quantity.HEART_RATE: 0.0, Quantity.MEAN_PRESSURE: 80.0},
            SOMEBODY,
            FitOutcome.TOO_LITTLE,
        ),
        (
            {
                Quantity.HEART_RATE: 80.0,
                Quantity.SYSTOLIC_PRESSURE: 60.0,
                Quantity.DIASTOLIC_PRESSURE: 90.0,
            },
            SOMEBODY,
            FitOutcome.CONTRADICTORY,
        ),
        (
            {Quantity.HEART_RATE: 110.0, Quantity.MEAN_PRESSURE: 60.0},
            Body(7.0, "male", 24.0, 122.0),
            FitOutcome.NOT_AN_ADULT,
        ),
    ],
)
def test_what_cannot_be_fitted_is_an_outcome_with_a_sentence_and_no_advice(
    estimator: Estimator,
    bedside: Bedside,
    values: dict[Quantity, float],
    body: Body,
    outcome: FitOutcome,
) -> None:
    fit = estimator.fit(bedside.seen(values), body, bedside.noon)
    assert fit.outcome is outcome
    assert fit.outcome.value.endswith(".")
    assert fit.converged() is None
    assert fit.parameters.shape == (len(PARAMETERS), 0)


@pytest.mark.parametrize(
    "values",
    [
        {Quantity.HEART_RATE: 280.0, Quantity.MEAN_PRESSURE: 250.0},
        {Quantity.HEART_RATE: 16.0, Quantity.MEAN_PRESSURE: 12.0},
        {
            Quantity.HEART_RATE: 70.0,
            Quantity.MEAN_PRESSURE: 70.0,
            Quantity.CARDIAC_OUTPUT: 24.0,
            Quantity.CENTRAL_VENOUS_PRESSURE: 45.0,
        },
    ],
)
def test_values_that_no_circulation_of_the_model_explains_give_no_advice(
    estimator: Estimator, bedside: Bedside, values: dict[Quantity, float]
) -> None:
    fit = estimator.fit(bedside.seen(values), bedside.man, bedside.noon)
    assert fit.outcome in (FitOutcome.POOR, FitOutcome.OUT_OF_RANGE)
    assert fit.converged() is None
    assert all(np.isfinite(interval.median) for interval in fit.estimates.values())


def test_a_fit_that_the_model_does_not_confirm_gives_no_advice(
    emulator: Emulator, bedside: Bedside
) -> None:
    centre = emulator.output_centre.copy()
    centre[emulator.outputs.index(Quantity.MEAN_PRESSURE)] += 25.0
    wrong = replace(emulator, output_centre=centre)
    values = {Quantity.HEART_RATE: 74.0, Quantity.MEAN_PRESSURE: 92.0}
    measurements = bedside.seen(values, device=Device.ARTERIAL_LINE)
    guarded = Estimator(wrong, guarding_state)
    assert guarded.fit(measurements, bedside.man, bedside.noon).outcome is FitOutcome.POOR
    honest = Estimator(emulator, guarding_state)
    assert honest.fit(measurements, bedside.man, bedside.noon).converged() is not None


def test_of_many_sets_those_are_fitted_that_bring_a_quantity_or_show_a_trend(
    bedside: Bedside,
) -> None:
    from twin.core.history import MOST_MOMENTS, chosen_sets
    from twin.core.observation_sets import observation_sets

    measurements = [
        each
        for hours_ago in (0.0, 0.3, 0.6, 1.1, 3.0, 5.0, 30.0)
        for each in bedside.seen(bedside.stable, hours_ago=hours_ago)
    ]
    measurements += bedside.seen({Quantity.CARDIAC_OUTPUT: 5.0}, hours_ago=4.0)
    chosen = chosen_sets(observation_sets(measurements))
    ages_h = [(bedside.noon - each.taken_at).total_seconds() / 3600.0 for each in chosen]
    assert len(chosen) == MOST_MOMENTS
    assert ages_h == pytest.approx([0.0, 1.1, 4.0])
    assert Quantity.CARDIAC_OUTPUT in chosen[-1].seen
