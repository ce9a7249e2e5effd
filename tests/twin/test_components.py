"""Single equations against closed forms and published points."""

from __future__ import annotations

import math

import numpy as np
import pytest

from twin.core.baroreflex import heart_rate, saturating, vagal_lengthening
from twin.core.chambers import activation, passive_pressure, ventricle_pressure
from twin.core.gas_exchange import (
    alveolar_pressure_mmhg,
    content_ml_per_dl,
    nearer_pressure_mmhg,
    saturation,
)
from twin.core.pericardium import pericardial_pressure
from twin.core.respiration import (
    carbon_dioxide_slope,
    minute_volume_l_per_min,
    resting_minute_volume_l_per_min,
    resting_ventilation_ml_per_s,
    ventilatory_drive,
)
from twin.core.rhythm import driven_rate
from twin.core.units import dyn_s_per_cm5, litres_per_minute, ml_per_s
from twin.core.valves import forward_flow, regurgitant_flow
from twin.core.vessels import artery_pressure, flow_through_body, vein_line, vein_pressure


def test_activation_is_within_a_hundredth_of_the_half_cosine() -> None:
    for time in np.linspace(0.0, 0.3, 50):
        cosine = (1.0 - math.cos(math.pi * time / 0.3)) / 2.0
        assert activation(time, 1.0 / 0.3) == pytest.approx(cosine, abs=0.011)
    for time in np.linspace(0.3, 0.45, 50):
        cosine = (1.0 + math.cos(2.0 * math.pi * (time - 0.3) / 0.3)) / 2.0
        assert activation(time, 1.0 / 0.3) == pytest.approx(cosine, abs=0.011)
    assert activation(0.5, 1.0 / 0.3) == 0.0


def test_the_reflex_curve_is_within_a_fortieth_of_tanh() -> None:
    for drive in np.linspace(-6.0, 6.0, 200):
        assert saturating(drive) == pytest.approx(math.tanh(drive), abs=0.025)


@pytest.mark.parametrize(
    ("pressure_mmhg", "percent"), [(26.86, 50.0), (40.0, 74.69), (60.0, 90.7), (100.0, 97.49)]
)
def test_the_dissociation_curve_meets_the_standard_human_points(
    pressure_mmhg: float, percent: float
) -> None:
    # Severinghaus 1979, table 1, standard blood at pH 7.40 and 37 degrees C.
    assert 100.0 * saturation(pressure_mmhg) == pytest.approx(percent, abs=0.6)


@pytest.mark.parametrize("pressure_mmhg", [12.0, 40.0, 95.0, 600.0])
def test_the_pressure_for_a_content_is_found_from_far_away(pressure_mmhg: float) -> None:
    content = content_ml_per_dl(pressure_mmhg, 12.0)
    for guess in (5.0, 100.0, 700.0):
        for _ in range(20):
            guess = nearer_pressure_mmhg(guess, content, 12.0)
        assert guess == pytest.approx(pressure_mmhg, rel=1e-3)


def test_alveolar_gas_on_air_and_on_oxygen() -> None:
    # West: about 100 mmHg on air and 660 on pure oxygen at a carbon dioxide pressure of 40.
    assert alveolar_pressure_mmhg(0.21, 40.0) == pytest.approx(102.7, abs=0.5)
    assert alveolar_pressure_mmhg(1.0, 40.0) == pytest.approx(666.0, abs=1.0)


def test_veins_never_pull_and_are_straight_when_full() -> None:
    emptied = [vein_pressure(volume, 0.01, 250.0**2) for volume in (-2000.0, -500.0, 0.0)]
    assert 0.0 < emptied[0] < emptied[1] < emptied[2]
    assert vein_pressure(2000.0, 0.01, 250.0**2) == pytest.approx(20.0, rel=0.01)


def test_arteries_stiffen_as_they_fill() -> None:
    low = artery_pressure(101.0, 0.5, 1 / 800) - artery_pressure(100.0, 0.5, 1 / 800)
    high = artery_pressure(201.0, 0.5, 1 / 800) - artery_pressure(200.0, 0.5, 1 / 800)
    assert high > low


def test_a_valve_lets_nothing_back() -> None:
    assert forward_flow(-20.0, 100.0) == 0.0
    assert forward_flow(2.0, 100.0) == pytest.approx(200.0)


def test_an_active_ventricle_lies_on_its_straight_end_systolic_relation() -> None:
    passive = passive_pressure(50.0, 0.05, 1 / 150.0**2)
    assert ventricle_pressure(50.0, 1.0, 2.5, passive, 1.0, 0.0) == pytest.approx(125.0)


def test_a_relaxed_ventricle_stiffens_with_volume_and_no_more_once_overfilled() -> None:
    slopes = [
        passive_pressure(volume + 1.0, 0.05, 1 / 150.0**2)
        - passive_pressure(volume, 0.05, 1 / 150.0**2)
        for volume in (20.0, 150.0, 240.0, 400.0)
    ]
    assert slopes[0] == pytest.approx(0.05, rel=0.01)
    assert slopes[0] < slopes[1]
    assert slopes[2] == pytest.approx(slopes[3], rel=1e-3)


def test_a_heart_that_stands_still_is_emptied_by_compressions_only() -> None:
    passive = passive_pressure(100.0, 0.05, 1 / 150.0**2)
    assert ventricle_pressure(100.0, 1.0, 0.0, passive, 0.0, 0.0) == pytest.approx(passive)
    assert ventricle_pressure(100.0, 1.0, 0.0, passive, 0.0, 60.0) == pytest.approx(passive + 60)


def test_the_pericardium_is_slack_at_first_and_steep_when_full() -> None:
    assert pericardial_pressure(250.0, -300.0, 1 / 110.0) == 0.0
    assert pericardial_pressure(350.0, -300.0, 1 / 110.0) < 0.5
    # Spodick 2003: 150 to 200 mL added quickly raise the pressure dangerously.
    assert 5.0 < pericardial_pressure(330.0, 200.0 - 300.0, 1 / 110.0) < 20.0


def test_flow_stops_while_there_is_still_arterial_pressure() -> None:
    assert flow_through_body(19.0, 5.0, 20.0, 1.0) == 0.0
    assert flow_through_body(100.0, 5.0, 20.0, 1.0) == pytest.approx(80.0)
    assert flow_through_body(100.0, 30.0, 20.0, 1.0) == pytest.approx(70.0)


def test_the_line_along_which_veins_run_is_the_curve_within_a_few_ml() -> None:
    pressure, slope = vein_line(150.0, 0.011, 110.0**2)
    assert pressure == pytest.approx(vein_pressure(150.0, 0.011, 110.0**2))
    assert pressure + 4.0 * slope == pytest.approx(vein_pressure(154.0, 0.011, 110.0**2), abs=1e-3)


def test_breathing_answers_carbon_dioxide_hypoxia_and_depression() -> None:
    assert ventilatory_drive(0.0, 95.0, 0.0, 0.0) == pytest.approx(1.0)
    # Nunn: ventilation rises by about 2 L/min for each mmHg, of some 6 at rest.
    assert ventilatory_drive(2.0, 95.0, 0.0, 0.0) == pytest.approx(1.8, abs=0.2)
    assert ventilatory_drive(0.0, 40.0, 0.0, 0.0) > 1.4
    assert ventilatory_drive(0.0, 95.0, 0.0, 0.5) < 0.5
    assert ventilatory_drive(30.0, 95.0, 0.0, 1.0) == 0.0


def test_carbon_dioxide_stands_still_at_rest_and_rises_by_four_mmhg_a_minute_in_apnoea() -> None:
    ventilation = resting_ventilation_ml_per_s(250.0, 40.0)
    # West: 4.2 to 5 L/min of alveolar ventilation.
    assert 60.0 * ventilation / 1000.0 == pytest.approx(4.6, abs=0.4)
    produced = 0.85 * 250.0 / 60.0
    assert carbon_dioxide_slope(produced, 40.0, ventilation) == pytest.approx(0.0, abs=1e-6)
    assert 3.0 < 60.0 * carbon_dioxide_slope(produced, 40.0, 0.0) < 6.0


def test_a_pacemaker_fills_in_and_a_forced_rate_replaces() -> None:
    assert driven_rate(75.0, 0.0, 60.0, 0.0, 0.0) == 75.0
    assert driven_rate(40.0, 0.0, 60.0, 0.0, 0.0) == 60.0
    assert driven_rate(75.0, 180.0, 60.0, 0.0, 0.0) == 180.0
    assert driven_rate(75.0, 35.0, 60.0, 0.0, 0.0) == 60.0
    assert driven_rate(75.0, 0.0, 0.0, 1.0, 100.0) == 100.0


def test_full_beta_blockade_leaves_the_vagus_and_takes_the_sympathetic_share() -> None:
    free = heart_rate(70.0, 180.0, 0.4, 1.0, 0.0)
    blocked = heart_rate(70.0, 180.0, 0.4, 1.0, 1.0)
    assert free == pytest.approx(98.0)
    assert blocked == pytest.approx(70.0 * 0.82)
    # With the sympathetic silent already, a beta blocker has nothing left to take.
    assert heart_rate(70.0, 180.0, -1.0, 1.1, 1.0) == heart_rate(70.0, 180.0, -1.0, 1.1, 0.0)


def test_conversions() -> None:
    assert ml_per_s(6.0) == pytest.approx(100.0)
    assert litres_per_minute(100.0) == pytest.approx(6.0)
    assert dyn_s_per_cm5(1.0) == pytest.approx(1333.22)


def test_vagal_withdrawal_quickens_by_more_than_as_strong_a_stimulus_slows() -> None:
    # Parker 1984: the period is straight in the vagus' activity.
    quicker, slower = (1.0 / vagal_lengthening(change, 0.0) - 1.0 for change in (-0.2, 0.2))
    assert quicker == pytest.approx(0.25, abs=0.001)
    assert slower == pytest.approx(-1.0 / 6.0, abs=0.001)


def test_without_vagus_and_sympathetic_nerves_the_heart_beats_at_its_intrinsic_rate() -> None:
    # Jose & Collison 1970: 118.1 - 0.57 age, so 98 /min at 35 years.
    unbraked = vagal_lengthening(0.0, 1.0)
    assert heart_rate(70.0, 187.0, 0.0, unbraked, 1.0) == pytest.approx(98.0, abs=1.0)
    # Maciel 1985: atropine alone, 70 to 119.
    assert heart_rate(70.0, 187.0, 0.0, unbraked, 0.0) == pytest.approx(119.0, abs=1.0)


def test_a_valve_that_a_larger_ventricle_pulls_open_leaks_more() -> None:
    assert regurgitant_flow(90.0, 100.0, 0.004) == pytest.approx(36.0)
    assert regurgitant_flow(90.0, 200.0, 0.004) == pytest.approx(72.0)
    assert regurgitant_flow(-5.0, 200.0, 0.004) == 0.0
    assert regurgitant_flow(90.0, -20.0, 0.004) == 0.0


def test_the_minute_volume_of_rest_is_that_of_a_resting_adult() -> None:
    at_rest = resting_ventilation_ml_per_s(250.0, 40.0)
    # Levitzky 2013: 12 breaths of 540 mL.
    assert minute_volume_l_per_min(1.0, at_rest) == pytest.approx(6.5, abs=0.2)
    found = resting_minute_volume_l_per_min(np.array([250.0]), np.array([40.0]))
    assert found[0] == pytest.approx(minute_volume_l_per_min(1.0, at_rest), rel=1e-5)
