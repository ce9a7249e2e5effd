"""What the circulation answers to each drug, in both models."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from twin.core import beat_averaged, pulsatile
from twin.core.haemodynamics import QUANTITIES, Quantity
from twin.core.interventions import (
    NOTHING,
    Drug,
    DrugDose,
    Given,
    Infusion,
    Intervention,
    Route,
    Schedule,
    Stop,
    schedule,
)
from twin.core.parameters import PARAMETER_INDEX, Body, standard_adult

ADULT = Body(50, "male", 77.0, 180.0)
FAILING = {"left_ventricle_systolic_elastance": 0.8, "blood_volume": 6000.0}
SEPTIC = {
    "systemic_resistance": 0.40,
    "venous_unstressed_volume": 3150.0,
    "left_ventricle_systolic_elastance": 1.8,
}
IV = Route.INTRAVENOUS
Course = Callable[[Schedule, Mapping[str, float]], np.ndarray]


@pytest.fixture(params=["pulsatile", "beat_averaged"])
def course(request: pytest.FixtureRequest) -> Course:
    """Simulate half an hour of a treated patient less an untreated one, by quantity and minute."""

    def simulated(done: Schedule, patient: Mapping[str, float]) -> np.ndarray:
        parameters = standard_adult()[:, None]
        for name, value in patient.items():
            parameters[PARAMETER_INDEX[name]] = value
        if request.param == "pulsatile":
            simulate, state = pulsatile.simulate_pulsatile, pulsatile.settled(parameters)
        else:
            simulate, state = beat_averaged.simulate, beat_averaged.settled(parameters)
        treated = simulate(parameters, done, 1800.0, 60.0, state)
        return np.asarray(treated - simulate(parameters, NOTHING, 1800.0, 60.0, state))[:, :, 0]

    return simulated


def changes(found: np.ndarray, minute: int) -> Mapping[Quantity, float]:
    return dict(zip(QUANTITIES, found[:, minute - 1], strict=True))


RISES, FALLS = "rises", "falls"
PRESSURE, RATE, OUTPUT = Quantity.MEAN_PRESSURE, Quantity.HEART_RATE, Quantity.CARDIAC_OUTPUT
TONE, WEDGE = Quantity.SYSTEMIC_RESISTANCE, Quantity.WEDGE_PRESSURE
LEAST = {PRESSURE: 1.0, RATE: 1.0, OUTPUT: 0.1, TONE: 0.02, WEDGE: 0.3}
"""From here on a change counts: mmHg, /min, L/min, mmHg s/mL, mmHg."""


@pytest.mark.parametrize(
    ("given", "patient", "minute", "expected"),
    [
        (Infusion(Drug.EPINEPHRINE, 0.05), {}, 15, {OUTPUT: RISES, RATE: RISES, TONE: FALLS}),
        (Infusion(Drug.PHENYLEPHRINE, 1.0), {}, 15, {PRESSURE: RISES, RATE: FALLS, TONE: RISES}),
        (Infusion(Drug.PHENYLEPHRINE, 1.0), SEPTIC, 15, {PRESSURE: RISES, TONE: RISES}),
        (Infusion(Drug.VASOPRESSIN, 0.04), SEPTIC, 30, {PRESSURE: RISES, TONE: RISES}),
        (Infusion(Drug.DOBUTAMINE, 5.0), FAILING, 15, {OUTPUT: RISES, WEDGE: FALLS, TONE: FALLS}),
        (Infusion(Drug.DOPAMINE, 8.0), FAILING, 15, {OUTPUT: RISES}),
        (Infusion(Drug.DOPAMINE, 20.0), SEPTIC, 15, {PRESSURE: RISES, OUTPUT: RISES}),
        (
            DrugDose(Drug.MILRINONE, 3.85, IV, 600.0),
            FAILING,
            12,
            {OUTPUT: RISES, WEDGE: FALLS, TONE: FALLS},
        ),
        (DrugDose(Drug.LABETALOL, 40.0, IV), {}, 15, {PRESSURE: FALLS, RATE: FALLS}),
        (Infusion(Drug.NITROGLYCERIN, 60.0), FAILING, 15, {WEDGE: FALLS, PRESSURE: FALLS}),
        (Infusion(Drug.NITROPRUSSIDE, 1.0), {}, 15, {PRESSURE: FALLS, TONE: FALLS, RATE: RISES}),
        (Infusion(Drug.NITROPRUSSIDE, 1.0), FAILING, 15, {WEDGE: FALLS, OUTPUT: RISES}),
        (Infusion(Drug.NICARDIPINE, 10.0), {}, 30, {PRESSURE: FALLS, TONE: FALLS, RATE: RISES}),
        (DrugDose(Drug.ATROPINE, 1.0, IV), {}, 5, {RATE: RISES}),
        (DrugDose(Drug.AMIODARONE, 300.0, IV, 600.0), {}, 10, {PRESSURE: FALLS}),
        (DrugDose(Drug.PROPOFOL, 150.0, IV), {}, 5, {PRESSURE: FALLS, TONE: FALLS}),
        (DrugDose(Drug.KETAMINE, 115.0, IV), {}, 3, {PRESSURE: RISES, RATE: RISES}),
        (DrugDose(Drug.MORPHINE, 11.0, IV, 240.0), {}, 15, {PRESSURE: FALLS}),
    ],
    ids=str,
)
def test_each_drug_moves_the_circulation_in_its_direction(
    course: Course,
    given: Intervention,
    patient: Mapping[str, float],
    minute: int,
    expected: Mapping[Quantity, str],
) -> None:
    found = changes(course(schedule([given], ADULT), patient), minute)
    for quantity, direction in expected.items():
        moved = found[quantity] if direction == RISES else -found[quantity]
        assert moved > LEAST[quantity], (quantity, found[quantity])


def test_a_stopped_infusion_lets_the_circulation_return(course: Course) -> None:
    given: list[Intervention | Stop] = [
        Infusion(Drug.NITROPRUSSIDE, 1.0),
        Stop(Drug.NITROPRUSSIDE, 600.0),
    ]
    found = course(schedule(given, ADULT), {})[QUANTITIES.index(PRESSURE)]
    assert found[9] < -3.0
    assert abs(found[-1]) < 0.5 * abs(found[9])


def test_nothing_happens_before_a_drug_begins(course: Course) -> None:
    late = schedule([Given(Infusion(Drug.PHENYLEPHRINE, 2.0), 600.0)], ADULT)
    found = course(late, {})[QUANTITIES.index(PRESSURE)]
    assert not found[:9].any()
    assert found[-1] > 3.0


def test_a_beta_blocker_takes_what_dobutamine_gives(course: Course) -> None:
    # Esmolol at its highest rate moves the curve of the agonist four times to the right.
    alone = changes(course(schedule([Infusion(Drug.DOBUTAMINE, 5.0)], ADULT), {}), 30)
    blocked = [Infusion(Drug.DOBUTAMINE, 5.0), Infusion(Drug.ESMOLOL, 300.0)]
    both = changes(course(schedule(blocked, ADULT), {}), 30)
    assert both[RATE] < 0.5 * alone[RATE]
    assert both[OUTPUT] < 0.5 * alone[OUTPUT]
