"""What pressures read at the arm tell of the aorta: which are news, and how a fit shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from twin.core.arm import DIASTOLIC, MEAN, SYSTOLIC
from twin.core.arm_sets import at_the_aorta, news_of, reading_of
from twin.core.comparison import Plan, compare_interventions
from twin.core.haemodynamics import Quantity
from twin.core.interventions import Drug, Infusion
from twin.core.measurements import Device
from twin.core.observation_sets import observation_sets
from twin.core.rest import resting_state

if TYPE_CHECKING:
    from conftest import Bedside

    from twin.core.estimate import Estimator
    from twin.core.observation_sets import ObservationSet

THREE = {
    Quantity.SYSTOLIC_PRESSURE: 126.0,
    Quantity.DIASTOLIC_PRESSURE: 66.0,
    Quantity.MEAN_PRESSURE: 86.0,
}
RATE = {Quantity.HEART_RATE: 78.0}


def only_set(bedside: Bedside, values: dict[Quantity, float], device: Device) -> ObservationSet:
    (found,) = observation_sets(bedside.seen(values, device=device))
    return found


@pytest.mark.parametrize("device", [Device.CUFF, Device.UNKNOWN])
def test_a_cuffs_mean_is_no_news_beside_its_other_two_pressures(
    bedside: Bedside, device: Device
) -> None:
    assert set(news_of(only_set(bedside, THREE, device))) == {
        Quantity.SYSTOLIC_PRESSURE,
        Quantity.DIASTOLIC_PRESSURE,
    }


def test_a_lines_three_pressures_are_two_pieces_of_news(bedside: Bedside) -> None:
    whole = only_set(bedside, THREE, Device.ARTERIAL_LINE)
    news = news_of(whole)
    assert set(news) == set(THREE)
    for quantity in THREE:
        assert 3.0 / news[quantity].sd ** 2 == pytest.approx(2.0 / whole.seen[quantity].sd ** 2)


def test_a_mean_that_nobody_measured_is_no_news(bedside: Bedside) -> None:
    two = {quantity: THREE[quantity] for quantity in list(THREE)[:2]}
    for device in (Device.CUFF, Device.ARTERIAL_LINE):
        assert Quantity.MEAN_PRESSURE not in news_of(only_set(bedside, two, device))


def test_a_cuffs_mean_alone_counts_less_than_a_lines(bedside: Bedside) -> None:
    mean = {Quantity.MEAN_PRESSURE: 80.0}
    cuff, line = (
        news_of(only_set(bedside, mean, device))[Quantity.MEAN_PRESSURE]
        for device in (Device.CUFF, Device.ARTERIAL_LINE)
    )
    assert cuff.sd > line.sd


def test_a_monitors_own_formula_is_read_off_the_chart(bedside: Bedside) -> None:
    quarter = THREE | {Quantity.MEAN_PRESSURE: 66.0 + 0.24 * 60.0}
    read = reading_of(only_set(bedside, quarter, Device.CUFF), 60.0)
    assert read is not None
    assert read.mean_share == pytest.approx(0.24)
    line = reading_of(only_set(bedside, THREE, Device.ARTERIAL_LINE), 60.0)
    assert line is not None
    assert line.mean_share is None
    assert line.amplification > read.amplification
    assert reading_of(only_set(bedside, RATE, Device.MONITOR), 60.0) is None


def test_brought_back_to_the_aorta_the_pulse_is_smaller_and_less_sure(bedside: Bedside) -> None:
    shown = only_set(bedside, THREE, Device.ARTERIAL_LINE)
    aorta = at_the_aorta(shown, None).seen
    pulse = aorta[Quantity.SYSTOLIC_PRESSURE].value - aorta[Quantity.DIASTOLIC_PRESSURE].value
    assert pulse == pytest.approx(60.0 / 1.28)
    assert aorta[Quantity.SYSTOLIC_PRESSURE].sd > shown.seen[Quantity.SYSTOLIC_PRESSURE].sd
    assert aorta[Quantity.MEAN_PRESSURE].value == 86.0
    assert aorta[Quantity.DIASTOLIC_PRESSURE].value == 66.0


def test_a_cuffs_lone_mean_is_brought_up_to_where_the_aortas_lies(bedside: Bedside) -> None:
    lone = only_set(bedside, {Quantity.MEAN_PRESSURE: 80.0} | RATE, Device.CUFF)
    assert 81.0 < at_the_aorta(lone, None).seen[Quantity.MEAN_PRESSURE].value < 86.0
    rate = only_set(bedside, RATE, Device.MONITOR)
    assert at_the_aorta(rate, None) is rate


@pytest.mark.parametrize("device", [Device.CUFF, Device.ARTERIAL_LINE])
@pytest.mark.parametrize("share", [0.24, 1.0 / 3.0])
def test_a_fitted_twin_shows_what_was_charted(
    estimator: Estimator, bedside: Bedside, device: Device, share: float
) -> None:
    values = THREE | RATE | {Quantity.MEAN_PRESSURE: 66.0 + share * 60.0}
    fit = estimator.fit(bedside.seen(values, device=device), bedside.man, bedside.noon)
    for quantity in THREE:
        estimate = fit.estimates[quantity]
        assert estimate.low < values[quantity] < estimate.high
        assert estimate.median == pytest.approx(values[quantity], abs=5.0)


def test_what_the_fit_shows_is_its_own_circulations_read_at_the_arm(
    estimator: Estimator, bedside: Bedside
) -> None:
    fit = estimator.fit(bedside.seen(THREE | RATE, device=Device.CUFF), bedside.man, bedside.noon)
    pressures = [SYSTOLIC, DIASTOLIC, MEAN]
    simulated = fit.arm.shown(resting_state(fit.parameters.astype(np.float64)))[pressures]
    apart = simulated - fit.now[pressures]
    # The emulator errs by some 1.5 mmHg; read as the aorta's, systolic would be 5 mmHg off.
    assert np.abs(np.median(apart, axis=1)).max() < 2.0


def test_a_change_of_the_systolic_pressure_is_larger_at_the_arm_than_in_the_aorta(
    estimator: Estimator, bedside: Bedside
) -> None:
    fit = estimator.fit(
        bedside.seen(THREE | RATE, device=Device.ARTERIAL_LINE), bedside.man, bedside.noon
    ).converged()
    assert fit is not None
    (effect,) = compare_interventions(
        fit, [Plan("inotrope", (Infusion(Drug.DOBUTAMINE, 5.0),))], 600.0
    ).effects
    now = fit.fit.now
    change = effect.members - now
    pulse = change[SYSTOLIC] - change[DIASTOLIC]
    aortic = pulse / fit.arm.amplification
    assert np.median(aortic) > 2.0
    assert np.all(np.abs(pulse) >= np.abs(aortic) - 1e-3)
