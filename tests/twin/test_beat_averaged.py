"""The beat-averaged model against the pulsatile one, over the personalisation prior."""

from __future__ import annotations

import numpy as np
import pytest

from twin.core import beat_averaged, layout, pulsatile
from twin.core.beats import readings
from twin.core.drugs import controls_over
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.interventions import (
    NOTHING,
    Bleeding,
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Infusion,
    Intervention,
    Route,
    Schedule,
    schedule,
)
from twin.core.parameters import PARAMETER_INDEX, Body, standard_adult
from twin.core.prior import COORDINATES, Expectation
from twin.errors import SimulationError
from twin.validation.calibration import disagreement

ADULT = standard_adult()[:, None]


@pytest.fixture(scope="module")
def difference() -> dict[Quantity, tuple[float, float, float]]:
    return dict(disagreement(members=128, seed=11))


@pytest.mark.parametrize(
    ("quantity", "bias", "sd", "correlation"),
    [
        (Quantity.HEART_RATE, 1.0, 2.0, 0.985),
        (Quantity.SYSTOLIC_PRESSURE, 1.5, 4.0, 0.97),
        (Quantity.DIASTOLIC_PRESSURE, 1.5, 2.5, 0.97),
        (Quantity.MEAN_PRESSURE, 1.5, 2.5, 0.975),
        (Quantity.CARDIAC_OUTPUT, 0.15, 0.25, 0.975),
        (Quantity.CENTRAL_VENOUS_PRESSURE, 0.5, 0.8, 0.97),
        (Quantity.WEDGE_PRESSURE, 1.0, 1.6, 0.97),
        (Quantity.OXYGEN_SATURATION, 0.2, 0.3, 0.9),
    ],
)
def test_the_resting_state_agrees_with_the_pulsatile_model(
    difference: dict[Quantity, tuple[float, float, float]],
    quantity: Quantity,
    bias: float,
    sd: float,
    correlation: float,
) -> None:
    found = difference[quantity]
    assert abs(found[0]) < bias
    assert found[1] < sd
    assert found[2] > correlation


def test_a_haemorrhage_takes_the_same_course_in_both_models() -> None:
    done = schedule([Bleeding(100.0, 900.0)], Body(50, "male", 77.0, 180.0))
    every_beat = pulsatile.simulate_pulsatile(ADULT, done, 900.0, 60.0, pulsatile.settled(ADULT))
    averaged = beat_averaged.simulate(ADULT, done, 900.0, 60.0)
    for quantity, within in (
        (Quantity.MEAN_PRESSURE, 4.0),
        (Quantity.HEART_RATE, 4.0),
        (Quantity.CARDIAC_OUTPUT, 0.35),
    ):
        row = QUANTITY_INDEX[quantity]
        assert np.abs(every_beat[row] - averaged[row]).max() < within, quantity


@pytest.mark.parametrize(
    "done",
    [
        Fluid(FluidKind.CRYSTALLOID, 500.0, 900.0),
        Infusion(Drug.NOREPINEPHRINE, 0.1),
        DrugDose(Drug.METOPROLOL, 5.0, Route.INTRAVENOUS),
        Bleeding(50.0, 900.0),
    ],
)
def test_longer_steps_after_the_first_minutes_change_hardly_anything(
    done: Intervention,
) -> None:
    u = np.random.default_rng(3).standard_normal((len(COORDINATES), 64))
    members = Expectation.of(Body(None, None, None, None), {}).members(u)
    plan = schedule([done], Body(50, "male", 77.0, 180.0))
    state = beat_averaged.settled(members)
    mixed = beat_averaged.simulate(members, plan, 1800.0, 60.0, state)
    fine = _with_fine_steps_only(plan, 1800.0, 60.0, state)
    apart = np.abs(mixed - fine)[QUANTITY_INDEX[Quantity.MEAN_PRESSURE]].max(axis=0)
    assert np.quantile(apart, 0.95) < 0.5, "mmHg, at any minute of half an hour"
    # One on the brink of swinging by its reflex may be among them.
    assert np.sum(apart > 1.0) <= 1
    assert apart.max() > 0.0, "the steps are the same: nothing was compared"


def test_soft_hearts_bled_to_the_brink_sink_as_smoothly_as_beat_by_beat() -> None:
    # Soft, quick and empty: the ventricle holds five times what a mmHg holds in the lung veins.
    members = np.repeat(ADULT, 4, axis=1)
    members[PARAMETER_INDEX["left_ventricle_diastolic_elastance"]] = (0.019, 0.020, 0.025, 0.030)
    members[PARAMETER_INDEX["resting_heart_rate"]] = 105.0
    plan = schedule([Bleeding(50.0, 1800.0)], Body(50, "male", 77.0, 180.0))
    row = QUANTITY_INDEX[Quantity.MEAN_PRESSURE]
    averaged = beat_averaged.simulate(members, plan, 1800.0, 5.0)[row]
    every_beat = pulsatile.simulate_pulsatile(
        members, plan, 1800.0, 5.0, pulsatile.settled(members)
    )[row]
    # How far a sample lies from the middle of its neighbours; the first ones settle.
    rough = np.abs(np.diff(averaged[24:], 2, axis=0)).max()
    assert rough < 5.0 * np.abs(np.diff(every_beat[24:], 2, axis=0)).max() + 0.2


def _with_fine_steps_only(
    plan: Schedule, duration_s: float, sample_s: float, state: np.ndarray
) -> np.ndarray:
    times_s = (np.arange(duration_s / beat_averaged.CONTROL_S) + 0.5) * beat_averaged.CONTROL_S
    controls = controls_over(plan, times_s)
    width = layout.READ_ROWS * layout.LANES
    samples = np.zeros((len(state), round(duration_s / sample_s), width), np.float32)
    per_sample = round(sample_s / beat_averaged.CONTROL_S)
    for block, taken in zip(state.copy(), samples, strict=True):
        beat_averaged.run_block(block, controls, len(controls), per_sample, taken)
    return readings(samples, len(state) * layout.LANES)


def test_a_patient_left_alone_stays_at_rest_for_an_hour() -> None:
    course = beat_averaged.simulate(ADULT, NOTHING, 3600.0, 600.0)
    assert np.ptp(course[QUANTITY_INDEX[Quantity.MEAN_PRESSURE]]) < 0.05
    assert np.ptp(course[QUANTITY_INDEX[Quantity.CARDIAC_OUTPUT]]) < 0.005


def test_blood_is_conserved_exactly_over_an_hour() -> None:
    course = beat_averaged.simulate(ADULT, NOTHING, 3600.0, 3600.0)
    blood = course[QUANTITY_INDEX[Quantity.BLOOD_VOLUME], -1, 0]
    assert blood == pytest.approx(ADULT[PARAMETER_INDEX["blood_volume"], 0], rel=1e-6)


def test_members_are_paired_by_simulating_from_one_state() -> None:
    members = np.repeat(ADULT, 5, axis=1)
    members[PARAMETER_INDEX["arterial_compliance"]] *= np.linspace(0.7, 1.3, 5)
    state = beat_averaged.settled(members)
    before = state.copy()
    once = beat_averaged.simulate(members, NOTHING, 60.0, 60.0, state)
    again = beat_averaged.simulate(members, NOTHING, 60.0, 60.0, state)
    assert (once == again).all()
    assert (state == before).all()


def test_times_between_the_steps_are_refused() -> None:
    with pytest.raises(SimulationError, match="multiples of 5 s"):
        beat_averaged.simulate(ADULT, NOTHING, 61.0, 5.0)
