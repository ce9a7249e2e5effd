"""Bands over time of treatments and of the forecast, beside the intervals they must agree with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from twin.core.comparison import Comparison, Plan, compare_interventions
from twin.core.courses import MOST_MOMENTS, courses
from twin.core.forecast import forecast, forecast_course
from twin.core.haemodynamics import Quantity
from twin.core.interventions import Drug, Fluid, FluidKind, Infusion

if TYPE_CHECKING:
    from tests.twin.conftest import Bedside
    from twin.core.estimate import Estimator
    from twin.core.fit import ConvergedFit, Interval

SHOWN = (Quantity.MEAN_PRESSURE, Quantity.CARDIAC_OUTPUT, Quantity.OXYGEN_SATURATION)
PLANS = (
    Plan("bolus", (Fluid(FluidKind.CRYSTALLOID, 500.0, 900.0),)),
    Plan("norepinephrine", (Infusion(Drug.NOREPINEPHRINE, 0.1),)),
)


def ends(interval: Interval) -> tuple[float, float, float]:
    return interval.median, interval.low, interval.high


@pytest.fixture(scope="module")
def bleeder(estimator: Estimator, bedside: Bedside) -> ConvergedFit:
    seen = bedside.seen(bedside.bleeding)
    fit = estimator.fit(seen, bedside.man, bedside.noon).converged()
    assert fit is not None
    return fit


@pytest.fixture(scope="module")
def compared(bleeder: ConvergedFit) -> Comparison:
    return compare_interventions(bleeder, PLANS, 1800.0)


def test_a_band_ends_in_the_interval_that_the_comparison_gives(
    bleeder: ConvergedFit, compared: Comparison
) -> None:
    for course, effect in zip(
        courses(bleeder, compared, SHOWN), (compared.baseline, *compared.effects), strict=True
    ):
        assert course.name == effect.plan.name
        assert course.times_s[-1] == effect.at_s
        for quantity in SHOWN:
            assert ends(course.state[quantity][-1]) == pytest.approx(ends(effect.after[quantity]))
            assert ends(course.change[quantity][-1]) == pytest.approx(
                ends(effect.change[quantity]), abs=1e-9
            )


def test_every_plan_starts_where_doing_nothing_stays(
    bleeder: ConvergedFit, compared: Comparison
) -> None:
    alone, *plans = courses(bleeder, compared, SHOWN)
    for quantity in SHOWN:
        stays = ends(alone.state[quantity][0])
        assert ends(alone.state[quantity][-1]) == pytest.approx(stays, rel=0.015)
        for course in plans:
            assert ends(course.state[quantity][0]) == stays
            assert ends(course.change[quantity][0]) == (0.0, 0.0, 0.0)


def test_doing_nothing_changes_nothing_and_a_bolus_acts_while_it_runs_in(
    bleeder: ConvergedFit, compared: Comparison
) -> None:
    alone, bolus, _ = courses(bleeder, compared, SHOWN)
    assert all(ends(each) == (0.0, 0.0, 0.0) for each in alone.change[Quantity.CARDIAC_OUTPUT])
    early, *_, late = bolus.change[Quantity.CARDIAC_OUTPUT][1:]
    assert 0.0 < early.median < late.median


def test_a_long_horizon_is_shown_at_few_moments(bleeder: ConvergedFit) -> None:
    (alone,) = courses(bleeder, compare_interventions(bleeder, (), 7200.0), SHOWN)
    assert len(alone.times_s) == MOST_MOMENTS + 1
    assert alone.times_s[-1] == 7200.0
    assert list(alone.times_s) == sorted(set(alone.times_s))


def test_the_band_of_the_forecast_agrees_with_the_forecast_of_its_end(
    bleeder: ConvergedFit,
) -> None:
    band = forecast_course(bleeder, (300.0, 1800.0, 3600.0))
    end = forecast(bleeder, 3600.0).at_horizon
    # The same paths: forecast looks at the same marks.
    for quantity, interval in end.items():
        assert ends(band[-1][quantity]) == pytest.approx(ends(interval))
    width = [each[Quantity.MEAN_PRESSURE].width for each in band]
    assert np.all(np.diff(width) > 0.0)
