"""Single equations against closed forms and published points."""

from __future__ import annotations

import math

import numpy as np
import pytest

from twin.core.baroreflex import heart_rate, saturating
from twin.core.chambers import activation, ventricle_pressure
from twin.core.gas_exchange import (
    alveolar_pressure_mmhg,
    content_ml_per_dl,
    nearer_pressure_mmhg,
    saturation,
)
from twin.core.units import dyn_s_per_cm5, litres_per_minute, ml_per_s
from twin.core.valves import forward_flow
from twin.core.vessels import artery_pressure, vein_pressure


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
    assert ventricle_pressure(50.0, 1.0, 2.5, 0.05, 1 / 150.0**2) == pytest.approx(125.0)


def test_full_beta_blockade_leaves_the_vagus_and_takes_the_sympathetic_share() -> None:
    free = heart_rate(70.0, 180.0, 0.4, 0.0, 0.0)
    blocked = heart_rate(70.0, 180.0, 0.4, 0.0, 1.0)
    assert free == pytest.approx(98.0)
    assert blocked == pytest.approx(70.0 * 0.86)
    # With the sympathetic silent already, a beta blocker has nothing left to take.
    assert heart_rate(70.0, 180.0, -1.0, 0.1, 1.0) == heart_rate(70.0, 180.0, -1.0, 0.1, 0.0)


def test_conversions() -> None:
    assert ml_per_s(6.0) == pytest.approx(100.0)
    assert litres_per_minute(100.0) == pytest.approx(6.0)
    assert dyn_s_per_cm5(1.0) == pytest.approx(1333.22)
