"""The standard adult at rest, against published resting values."""

from __future__ import annotations

import numpy as np
import pytest

from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.parameters import PARAMETERS, Body, scaled_to, standard_adult
from twin.core.pulsatile import steady_beats
from twin.validation.grading import Grade, grade
from twin.validation.runner import simulated_values
from twin.validation.targets import Row, load_targets

TARGETS = load_targets()
BANDS = [
    row
    for row in TARGETS.rows
    if row.scenario == "rest" and row.reading == "level" and row.low != row.high
]


@pytest.fixture(scope="module")
def resting_values() -> dict[Row, float]:
    found = simulated_values(TARGETS, BANDS, standard_adult()[:, None])
    return {row: float(values[0]) for row, values in found.items()}


@pytest.mark.parametrize("row", BANDS, ids=lambda row: row.quantity)
def test_every_resting_value_lies_inside_its_published_band(
    row: Row, resting_values: dict[Row, float]
) -> None:
    if row.use == "held_out":
        # Nobody tuned towards it, so it is held to what counts as good.
        assert grade(row, resting_values[row]).grade is Grade.GOOD
        return
    low, high = row.band
    assert low <= resting_values[row] <= high, f"{row.quantity}: {row.source}"


def test_the_standard_adult_lies_inside_every_parameter_range() -> None:
    for entry in PARAMETERS:
        assert entry.low <= entry.default <= entry.high, entry.name
        assert entry.source, entry.name


def test_body_size_changes_output_and_leaves_pressures_alone() -> None:
    bodies = [
        Body(40, "male", 60.0, 165.0),
        Body(40, "male", 77.0, 180.0),
        Body(40, "male", 110.0, 195.0),
    ]
    beats = steady_beats(np.stack([scaled_to(body) for body in bodies], axis=1))
    pressure = beats[QUANTITY_INDEX[Quantity.MEAN_PRESSURE]]
    output = beats[QUANTITY_INDEX[Quantity.CARDIAC_OUTPUT]]
    assert np.ptp(pressure) < 1.0
    assert output[0] < output[1] < output[2]


def test_the_resting_state_of_equal_members_is_equal_in_every_lane() -> None:
    beats = steady_beats(np.repeat(standard_adult()[:, None], 40, axis=1), 20.0)
    assert (beats == beats[:, :1]).all()
