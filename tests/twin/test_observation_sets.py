"""Which measurements are used together, which are set aside, and what is said of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from twin.core.device_errors import FITTED_QUANTITIES, error_model
from twin.core.discrepancy import DISCREPANCIES
from twin.core.haemodynamics import Quantity
from twin.core.measurements import Condition, Device, Measurement
from twin.core.observation_sets import (
    contradiction,
    enough_to_fit,
    latest_conditions,
    observation_sets,
    screen,
)

if TYPE_CHECKING:
    from tests.twin.conftest import Bedside


def test_values_within_a_quarter_of_an_hour_form_one_set(bedside: Bedside) -> None:
    measurements = bedside.seen({Quantity.HEART_RATE: 80.0})
    measurements += bedside.seen({Quantity.MEAN_PRESSURE: 85.0}, hours_ago=0.2)
    measurements += bedside.seen({Quantity.HEART_RATE: 95.0}, hours_ago=1.0)
    newest, older = observation_sets(measurements)
    assert set(newest.seen) == {Quantity.HEART_RATE, Quantity.MEAN_PRESSURE}
    assert older.seen[Quantity.HEART_RATE].value == 95.0


def test_of_one_quantity_in_a_set_the_newest_value_counts(bedside: Bedside) -> None:
    measurements = bedside.seen({Quantity.HEART_RATE: 80.0}, hours_ago=0.1)
    measurements += bedside.seen({Quantity.HEART_RATE: 90.0})
    (only,) = observation_sets(measurements)
    assert only.seen[Quantity.HEART_RATE].value == 90.0


def test_a_later_version_replaces_the_earlier_one(bedside: Bedside) -> None:
    first = Measurement(
        Quantity.HEART_RATE, 200.0, bedside.noon, "Observation/1/_history/1", Device.MONITOR
    )
    second = Measurement(
        Quantity.HEART_RATE, 80.0, bedside.noon, "Observation/1/_history/2", Device.MONITOR
    )
    usable, aside = screen([first, second], bedside.noon)
    assert usable == (second,)
    assert aside == ()


@pytest.mark.parametrize(
    ("quantity", "value"),
    [
        (Quantity.HEART_RATE, 0.0),
        (Quantity.HEART_RATE, math.nan),
        (Quantity.OXYGEN_SATURATION, 101.0),
        (Quantity.SYSTOLIC_PRESSURE, math.inf),
        (Condition.HAEMOGLOBIN, 140.0),
    ],
)
def test_what_cannot_be_is_set_aside_with_a_sentence(
    bedside: Bedside, quantity: Quantity | Condition, value: float
) -> None:
    usable, (aside,) = screen(
        [Measurement(quantity, value, bedside.noon, "Observation/1")], bedside.noon
    )
    assert usable == ()
    assert aside.sentence.endswith("was not used.")


def test_a_value_of_the_future_is_set_aside(bedside: Bedside) -> None:
    late = bedside.noon + timedelta(hours=2)
    _, (aside,) = screen(
        [Measurement(Quantity.HEART_RATE, 80.0, late, "Observation/1")], bedside.noon
    )
    assert "future" in aside.sentence


@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        ({Quantity.DIASTOLIC_PRESSURE: 90.0}, {Quantity.SYSTOLIC_PRESSURE: 80.0}),
        ({Quantity.MEAN_PRESSURE: 130.0}, {Quantity.SYSTOLIC_PRESSURE: 120.0}),
        (
            {Quantity.PULMONARY_DIASTOLIC_PRESSURE: 30.0},
            {Quantity.PULMONARY_SYSTOLIC_PRESSURE: 25.0},
        ),
    ],
)
def test_pressures_that_no_heart_can_make_contradict_each_other(
    bedside: Bedside, lower: Mapping[Quantity, float], upper: Mapping[Quantity, float]
) -> None:
    (both,) = observation_sets(bedside.seen({**lower, **upper}))
    sentence = contradiction(both)
    assert sentence is not None
    assert "is not below" in sentence


def test_a_fit_needs_a_heart_rate_and_an_arterial_pressure(bedside: Bedside) -> None:
    rate = bedside.seen({Quantity.HEART_RATE: 80.0})
    pressure = bedside.seen({Quantity.MEAN_PRESSURE: 80.0}, hours_ago=1.0)
    assert not enough_to_fit(observation_sets(rate))
    assert not enough_to_fit(observation_sets(pressure))
    assert enough_to_fit(observation_sets(rate + pressure))
    assert not enough_to_fit(())


def test_the_newest_value_of_a_condition_counts_and_an_unmeasured_one_is_missing(
    bedside: Bedside,
) -> None:
    earlier = bedside.noon - timedelta(hours=3)
    known = latest_conditions(
        [
            Measurement(Condition.HAEMOGLOBIN, 9.0, bedside.noon, "Observation/2"),
            Measurement(Condition.HAEMOGLOBIN, 13.0, earlier, "Observation/1"),
        ]
    )
    assert known[Condition.HAEMOGLOBIN].value == 9.0
    assert Condition.TEMPERATURE not in known


def test_a_better_device_has_a_smaller_error() -> None:
    cuff = error_model(Quantity.MEAN_PRESSURE, Device.CUFF)
    line = error_model(Quantity.MEAN_PRESSURE, Device.ARTERIAL_LINE)
    assert line.sd(80.0) < cuff.sd(80.0)
    assert error_model(Quantity.MEAN_PRESSURE, Device.UNKNOWN) == cuff


@pytest.mark.parametrize("quantity", FITTED_QUANTITIES)
def test_every_fitted_quantity_has_a_sourced_error_and_a_model_error(quantity: Quantity) -> None:
    for device in Device:
        assert error_model(quantity, device).source
        assert error_model(quantity, device).sd(50.0) > 0.0
    assert DISCREPANCIES[quantity].model > 0.0


def test_the_mean_that_nobody_charts_is_the_one_a_monitor_would_show(bedside: Bedside) -> None:
    (pair,) = observation_sets(
        bedside.seen({Quantity.SYSTOLIC_PRESSURE: 120.0, Quantity.DIASTOLIC_PRESSURE: 72.0})
    )
    assert pair.seen[Quantity.MEAN_PRESSURE].value == pytest.approx(88.0)
    (lone,) = observation_sets(bedside.seen({Quantity.DIASTOLIC_PRESSURE: 70.0}))
    assert Quantity.MEAN_PRESSURE not in lone.seen


def test_pressures_of_a_set_are_the_lines_even_where_a_cuff_was_later(bedside: Bedside) -> None:
    line = {Quantity.SYSTOLIC_PRESSURE: 131.0, Quantity.DIASTOLIC_PRESSURE: 61.0}
    cuff = {Quantity.SYSTOLIC_PRESSURE: 112.0, Quantity.DIASTOLIC_PRESSURE: 66.0}
    rate = {Quantity.HEART_RATE: 80.0}
    (only,) = observation_sets(
        [
            *bedside.seen(line | rate, 0.1, Device.ARTERIAL_LINE),
            *bedside.seen(cuff | {Quantity.HEART_RATE: 84.0}, 0.0, Device.CUFF),
        ]
    )
    assert {q: only.seen[q].value for q in line} == line
    assert only.seen[Quantity.HEART_RATE].value == 84.0
