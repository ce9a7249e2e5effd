"""The standard adult bled, against Guyton's curves as the Pulse project digitised them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from twin.core import pulsatile
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.interventions import Bleeding, schedule
from twin.core.parameters import PARAMETER_INDEX, standard_adult
from twin.validation.runner import STANDARD_BODY

FURTHEST_PERCENT = 32.0
"""As far as Pulse 4.2 was run against the curves."""


@pytest.fixture(scope="module")
def bled() -> np.ndarray:
    """Bleed half the blood over half an hour; a beat every 10 s, in per cent of the one before."""
    adult = standard_adult()[:, None]
    state = pulsatile.settled(adult)
    rate = 0.5 * adult[PARAMETER_INDEX["blood_volume"], 0] / 30.0
    done = schedule([Bleeding(float(rate), 1800.0)], STANDARD_BODY)
    before = pulsatile.simulate_pulsatile(adult, schedule((), STANDARD_BODY), 10.0, 10.0, state)
    course = pulsatile.simulate_pulsatile(adult, done, 1800.0, 10.0, state)
    return np.asarray(100.0 * course[:, :, 0] / before[:, :1, 0])


@pytest.mark.parametrize(
    ("name", "quantity", "pulse_percent"),
    [
        ("MeanArterialPressure", Quantity.MEAN_PRESSURE, 4.9),
        ("CardiacOutput", Quantity.CARDIAC_OUTPUT, 7.5),
    ],
)
def test_pressure_and_output_follow_the_curve_more_closely_than_pulse(
    shared_data: Path, bled: np.ndarray, name: str, quantity: Quantity, pulse_percent: float
) -> None:
    path = shared_data / "twin" / f"Hemorrhagic{name}ShockValidation.csv"
    with path.open(encoding="utf-8") as lines:
        points = np.array([[float(cell) for cell in row] for row in list(csv.reader(lines))[1:]])
    points = points[points[:, 0] <= FURTHEST_PERCENT]
    lost_percent = np.arange(1, 181) * 10.0 / 1800.0 * 50.0
    simulated = np.interp(points[:, 0], lost_percent, bled[QUANTITY_INDEX[quantity]])
    error = float(np.sqrt(np.mean((simulated - points[:, 1]) ** 2)))
    assert error < pulse_percent, f"{error:.1f} %"
