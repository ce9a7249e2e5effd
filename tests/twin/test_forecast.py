"""What patients left alone are forecast to come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from twin.core.charted_history import charted
from twin.core.estimate import Estimator
from twin.core.events import Event, body_surface_m2, happens
from twin.core.forecast import HORIZONS_S, forecast, forecast_within
from twin.core.haemodynamics import QUANTITIES, QUANTITY_INDEX, Quantity
from twin.core.measurements import Device, Measurement
from twin.core.parameters import Body

if TYPE_CHECKING:
    from tests.twin.conftest import Bedside
    from twin.core.fit import ConvergedFit

HALF_AN_HOUR_S = 1800.0


def converged(estimator: Estimator, bedside: Bedside, *sets: list) -> ConvergedFit:
    measurements = [each for one in sets for each in one]
    fit = estimator.fit(measurements, bedside.man, bedside.noon).converged()
    assert fit is not None
    return fit


def test_with_one_set_of_vital_signs_no_change_is_assumed_and_that_is_said(
    estimator: Estimator, bedside: Bedside
) -> None:
    fit = converged(estimator, bedside, bedside.seen(bedside.stable))
    foreseen = forecast(fit, HALF_AN_HOUR_S)
    assert any("no change was assumed" in sentence for sentence in foreseen.sentences)
    ahead, now = (
        states[Quantity.MEAN_PRESSURE].median for states in (foreseen.at_horizon, fit.estimates)
    )
    assert ahead == pytest.approx(now, abs=2.0)


def test_a_trend_is_forecast_to_go_on(estimator: Estimator, bedside: Bedside) -> None:
    bleeding, stable = (
        converged(
            estimator,
            bedside,
            bedside.seen(values),
            bedside.seen(bedside.stable, hours_ago=1.0),
        )
        for values in (bedside.bleeding, bedside.stable)
    )
    rate, pressure = Quantity.HEART_RATE, Quantity.MEAN_PRESSURE
    falls = forecast(bleeding, HALF_AN_HOUR_S)
    assert falls.at_horizon[pressure].median < bleeding.estimates[pressure].median - 1.0
    assert falls.at_horizon[rate].median > bleeding.estimates[rate].median + 1.0
    stays = forecast(stable, HALF_AN_HOUR_S)
    assert stays.at_horizon[pressure].median == pytest.approx(
        stable.estimates[pressure].median, abs=3.0
    )


def test_a_bleeding_patient_is_at_more_risk_than_a_stable_one(
    estimator: Estimator, bedside: Bedside
) -> None:
    stable, bleeding = (
        forecast(converged(estimator, bedside, bedside.seen(values)), HALF_AN_HOUR_S)
        for values in (bedside.stable, bedside.bleeding)
    )
    for event in (Event.HYPOTENSION, Event.SHOCK):
        assert stable.probabilities[event] <= bleeding.probabilities[event]
    assert stable.probabilities[Event.HYPOTENSION] < 0.1
    assert bleeding.probabilities[Event.HYPOTENSION] > 0.2


def test_the_longer_the_horizon_the_wider_and_the_riskier(
    estimator: Estimator, bedside: Bedside
) -> None:
    fit = converged(estimator, bedside, bedside.seen(bedside.bleeding))
    soon, late = forecast(fit, 300.0), forecast(fit, 3600.0)
    pressure = Quantity.MEAN_PRESSURE
    assert soon.at_horizon[pressure].width < late.at_horizon[pressure].width
    assert soon.probabilities[Event.HYPOTENSION] <= late.probabilities[Event.HYPOTENSION]


def test_the_same_fit_and_seed_give_the_same_forecast_and_it_is_called_simulated(
    estimator: Estimator, bedside: Bedside
) -> None:
    fit = converged(estimator, bedside, bedside.seen(bedside.bleeding))
    one, again = forecast(fit, HALF_AN_HOUR_S), forecast(fit, HALF_AN_HOUR_S)
    assert one.probabilities == again.probabilities
    assert one.sentences[0].startswith("Simulated")


def path_of(quantity: Quantity, values: list[float], resting: float = 100.0) -> np.ndarray:
    path = np.full((len(QUANTITIES), len(values), 1), resting)
    path[QUANTITY_INDEX[quantity], :, 0] = values
    return path


@pytest.mark.parametrize(
    ("values", "happening"),
    [([70, 64, 70, 64], False), ([70, 64, 64, 70], True), ([64, 64], True), ([65, 65], False)],
)
def test_hypotension_must_last_a_minute(values: list[float], happening: bool) -> None:
    path = path_of(Quantity.MEAN_PRESSURE, values)
    assert happens(Event.HYPOTENSION, path, 60.0, 1.9).tolist() == [happening]


def test_shock_needs_a_low_pressure_and_a_low_index_at_once() -> None:
    path = path_of(Quantity.CARDIAC_OUTPUT, [3.0, 3.0, 6.0])
    path[QUANTITY_INDEX[Quantity.SYSTOLIC_PRESSURE], :, 0] = [120.0, 85.0, 85.0]
    assert happens(Event.SHOCK, path, 60.0, 1.9).tolist() == [True]
    assert happens(Event.SHOCK, path, 60.0, 1.3).tolist() == [False]


def test_the_surface_of_a_body_is_mostellers() -> None:
    assert body_surface_m2(Body(None, None, 80.0, 180.0)) == pytest.approx(2.0)
    assert body_surface_m2(Body(None, None, None, 180.0), size=1.0) == pytest.approx(1.9)


def test_a_longer_horizon_is_never_the_safer_one(estimator: Estimator, bedside: Bedside) -> None:
    for values in (bedside.stable, bedside.bleeding):
        fit = converged(estimator, bedside, bedside.seen(values))
        within = forecast_within(fit)
        assert tuple(within) == HORIZONS_S
        for event in Event:
            risks = [within[horizon][event] for horizon in HORIZONS_S]
            assert risks == sorted(risks)
            assert all(0.0 <= risk <= 1.0 for risk in risks)


def test_a_patient_returns_towards_the_level_that_his_own_course_shows(
    estimator: Estimator, bedside: Bedside
) -> None:
    low = {Quantity.SYSTOLIC_PRESSURE: 96.0, Quantity.DIASTOLIC_PRESSURE: 57.0}
    dip = {**bedside.stable, **low}
    fit = converged(estimator, bedside, bedside.seen(dip))
    pressure = Quantity.MEAN_PRESSURE
    course = [bedside.seen({pressure: 88.0}, hours_ago=float(h)) for h in range(1, 25)]
    history = [each for one in (*course, bedside.seen({pressure: 70.0})) for each in one]
    alone, told = (
        forecast(fit, 3600.0, history=known).at_horizon[pressure] for known in ((), history)
    )
    assert told.median > alone.median + 1.0
    assert told.median < 88.0
    assert told.width < alone.width


def test_a_restless_patient_is_forecast_less_surely_than_a_steady_one(
    estimator: Estimator, bedside: Bedside
) -> None:
    fit = converged(estimator, bedside, bedside.seen(bedside.stable))
    pressure = Quantity.MEAN_PRESSURE
    widths = []
    for swing in (1.0, 20.0):
        history = [
            each
            for h in range(25)
            for each in bedside.seen({pressure: 89.0 + swing * (-1) ** h}, hours_ago=float(h))
        ]
        widths.append(forecast(fit, 3600.0, history=history).at_horizon[pressure].width)
    assert widths[0] < 0.7 * widths[1]


def test_a_history_is_read_by_device_and_what_nobody_has_is_left_out(bedside: Bedside) -> None:
    pressure = Quantity.MEAN_PRESSURE
    history = [
        *bedside.seen({pressure: 80.0}, 2.0, Device.ARTERIAL_LINE),
        *bedside.seen(
            {Quantity.SYSTOLIC_PRESSURE: 120.0, Quantity.DIASTOLIC_PRESSURE: 60.0},
            1.0,
            Device.CUFF,
        ),
        *bedside.seen({pressure: 0.0}, 0.0),
    ]
    course = charted(history, pressure)
    assert course.hours.tolist() == [-1.0, 0.0]
    assert np.array_equal(
        course.values,
        [[np.nan, 80.0, np.nan, np.nan], [np.nan, np.nan, 80.0, np.nan]],
        equal_nan=True,
    )


def test_in_a_patient_below_the_limit_no_chart_taught_how_to_read_the_paths(
    estimator: Estimator, bedside: Bedside
) -> None:
    fit = converged(estimator, bedside, bedside.seen(bedside.bleeding))
    now = fit.estimates[Quantity.MEAN_PRESSURE].median
    at = bedside.noon
    above, below = (
        [Measurement(Quantity.MEAN_PRESSURE, value, at, "Observation/x")] for value in (66.0, 60.0)
    )
    assert now > 60.0
    assert forecast(fit, 3600.0, history=below).probabilities[Event.HYPOTENSION] > 0.5
    assert forecast(fit, 3600.0, history=above).probabilities[Event.HYPOTENSION] < 0.5
