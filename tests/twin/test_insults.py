"""What obstruction, failure, posture, ventilation, rhythm and arrest do to the circulation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from twin.core import beat_averaged, pulsatile
from twin.core.haemodynamics import QUANTITIES, Quantity
from twin.core.interventions import (
    NOTHING,
    Bleeding,
    Compressions,
    Drug,
    Fluid,
    FluidKind,
    Given,
    Infusion,
    Insult,
    InsultKind,
    Intervention,
    Setting,
    SettingKind,
    Stop,
    schedule,
)
from twin.core.parameters import Body, standard_adult

ADULT = Body(50, "male", 77.0, 180.0)
Minutes = Callable[..., np.ndarray]


@pytest.fixture(params=["pulsatile", "beat_averaged"])
def minutes(request: pytest.FixtureRequest) -> Minutes:
    """Simulate a plan on the standard adult; quantities by minute."""
    parameters = standard_adult()[:, None]
    model = pulsatile if request.param == "pulsatile" else beat_averaged
    state = model.settled(parameters)
    simulate = pulsatile.simulate_pulsatile if model is pulsatile else beat_averaged.simulate

    def simulated(*given: Intervention | Given | Stop, duration_s: float = 600.0) -> np.ndarray:
        planned = schedule(given, ADULT) if given else NOTHING
        return np.asarray(simulate(parameters, planned, duration_s, 60.0, state))[:, :, 0]

    return simulated


def end(found: np.ndarray) -> Mapping[Quantity, float]:
    return dict(zip(QUANTITIES, found[:, -1], strict=True))


PRESSURE, RATE, OUTPUT = Quantity.MEAN_PRESSURE, Quantity.HEART_RATE, Quantity.CARDIAC_OUTPUT
VENOUS, WEDGE, STROKE = (
    Quantity.CENTRAL_VENOUS_PRESSURE,
    Quantity.WEDGE_PRESSURE,
    Quantity.STROKE_VOLUME,
)
LUNG, OXYGEN, TONE = (
    Quantity.PULMONARY_MEAN_PRESSURE,
    Quantity.OXYGEN_SATURATION,
    Quantity.SYSTEMIC_RESISTANCE,
)
UP, DOWN = 1.0, -1.0


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # Spodick 2003, NEJM 349:684.
        (
            Insult(InsultKind.TAMPONADE, 200.0),
            {OUTPUT: DOWN, STROKE: DOWN, VENOUS: UP, WEDGE: UP, RATE: UP},
        ),
        # Leigh-Smith & Harris 2005, Emerg Med J 22:8.
        (
            Insult(InsultKind.TENSION_PNEUMOTHORAX, 0.8),
            {OUTPUT: DOWN, PRESSURE: DOWN, RATE: UP, OXYGEN: DOWN, VENOUS: UP},
        ),
        # McIntyre & Sasahara 1971, Am J Cardiol 28:288.
        (
            Insult(InsultKind.EMBOLISM, 0.6),
            {LUNG: UP, VENOUS: UP, OUTPUT: DOWN, OXYGEN: DOWN, RATE: UP},
        ),
        # Hamzaoui 2010, Crit Care 14:R142.
        (Insult(InsultKind.VASOPLEGIA, 0.5), {PRESSURE: DOWN, TONE: DOWN, RATE: UP}),
        # Chatterjee 2007.
        (
            Insult(InsultKind.PUMP_FAILURE, 0.6),
            {OUTPUT: DOWN, STROKE: DOWN, WEDGE: UP, RATE: UP, PRESSURE: DOWN},
        ),
        # Zapol & Snider 1977, NEJM 296:476.
        (Insult(InsultKind.LUNG_INJURY, 0.3), {OXYGEN: DOWN, LUNG: UP}),
        # Luecke & Pelosi 2005, Crit Care 9:607.
        (
            Setting(SettingKind.END_EXPIRATORY_PRESSURE, 15.0),
            {STROKE: DOWN, OUTPUT: DOWN, VENOUS: UP},
        ),
        # Hainsworth 1988.
        (Setting(SettingKind.TILT, 60.0), {STROKE: DOWN, RATE: UP}),
        # Monnet & Teboul 2015, Crit Care 19:18: head down and legs up fill the heart.
        (Setting(SettingKind.TILT, -20.0), {STROKE: UP, VENOUS: UP}),
        # Klabunde: filling is shorter, strokes are smaller.
        (Setting(SettingKind.PACING, 110.0), {RATE: UP, STROKE: DOWN}),
        (Insult(InsultKind.HEART_BLOCK, 42.0), {RATE: DOWN, OUTPUT: DOWN, STROKE: UP}),
        (Insult(InsultKind.HEART_BLOCK, 28.0), {RATE: DOWN, OUTPUT: DOWN, PRESSURE: DOWN}),
        (
            Insult(InsultKind.VENTRICULAR_TACHYCARDIA, 180.0),
            {RATE: UP, STROKE: DOWN, OUTPUT: DOWN, PRESSURE: DOWN},
        ),
        (Insult(InsultKind.ATRIAL_FIBRILLATION, 140.0), {RATE: UP, STROKE: DOWN}),
        (Bleeding(80.0, 600.0), {OUTPUT: DOWN, VENOUS: DOWN, RATE: UP}),
    ],
    ids=str,
)
def test_each_insult_and_setting_has_its_picture(
    minutes: Minutes, given: Intervention, expected: Mapping[Quantity, float]
) -> None:
    before, after = end(minutes()), end(minutes(given))
    for quantity, direction in expected.items():
        moved = direction * (after[quantity] - before[quantity])
        assert moved > 0.01 * abs(before[quantity]), (quantity, before[quantity], after[quantity])


@pytest.mark.parametrize(
    ("kind", "extents", "quantity", "direction"),
    [
        (InsultKind.TAMPONADE, (50.0, 150.0, 250.0), OUTPUT, DOWN),
        (InsultKind.TENSION_PNEUMOTHORAX, (0.3, 0.6, 1.0), PRESSURE, DOWN),
        (InsultKind.EMBOLISM, (0.2, 0.4, 0.55), LUNG, UP),
        (InsultKind.VASOPLEGIA, (0.2, 0.4, 0.6), TONE, DOWN),
        (InsultKind.PUMP_FAILURE, (0.3, 0.5, 0.7), WEDGE, UP),
        (InsultKind.LUNG_INJURY, (0.1, 0.25, 0.4), OXYGEN, DOWN),
    ],
)
def test_more_of_an_insult_does_more(
    minutes: Minutes,
    kind: InsultKind,
    extents: tuple[float, ...],
    quantity: Quantity,
    direction: float,
) -> None:
    found = [end(minutes(Insult(kind, extent)))[quantity] for extent in extents]
    assert (direction * np.diff(found) > 0).all(), found


@pytest.mark.parametrize(
    ("insult", "stop"),
    [
        (Insult(InsultKind.TAMPONADE, 200.0), Stop(InsultKind.TAMPONADE, 600.0)),
        (
            Insult(InsultKind.TENSION_PNEUMOTHORAX, 0.8),
            Stop(InsultKind.TENSION_PNEUMOTHORAX, 600.0),
        ),
        (Setting(SettingKind.TILT, 60.0), Stop(SettingKind.TILT, 600.0)),
    ],
)
def test_once_relieved_the_circulation_returns_towards_its_rest(
    minutes: Minutes, insult: Intervention, stop: Stop
) -> None:
    rest = end(minutes())[STROKE]
    course = minutes(insult, stop, duration_s=1800.0)[QUANTITIES.index(STROKE)]
    assert course[9] < rest - 4.0
    assert abs(course[-1] - rest) < 0.35 * abs(course[9] - rest)


def test_a_tension_pneumothorax_goes_on_to_tachycardia_and_hypotension(minutes: Minutes) -> None:
    found = end(minutes(Insult(InsultKind.TENSION_PNEUMOTHORAX, 1.0)))
    rest = end(minutes())
    assert found[RATE] > rest[RATE] + 15
    assert found[PRESSURE] < rest[PRESSURE] - 8
    assert found[OXYGEN] < 93


def test_a_massive_embolism_is_a_shock_with_full_veins(minutes: Minutes) -> None:
    rest, found = end(minutes()), end(minutes(Insult(InsultKind.EMBOLISM, 0.75)))
    assert found[OUTPUT] < 0.6 * rest[OUTPUT]
    assert found[PRESSURE] < 65
    assert found[VENOUS] > rest[VENOUS] + 5


def test_a_failing_heart_gains_from_dobutamine(
    minutes: Minutes,
) -> None:
    failing = Insult(InsultKind.PUMP_FAILURE, 0.6)
    drug = Given(Infusion(Drug.DOBUTAMINE, 10.0), 0.0)
    better = end(minutes(failing, drug))[OUTPUT] - end(minutes(failing))[OUTPUT]
    assert better > 0.5


def test_fluid_helps_a_tamponade_a_little(minutes: Minutes) -> None:
    # Sagristà-Sauleda 2008, Circulation 117:1545: index up by 11 % after 500 mL in 10 min.
    tamponade = Insult(InsultKind.TAMPONADE, 200.0)
    without = end(minutes(tamponade))[OUTPUT]
    with_fluid = end(minutes(tamponade, Fluid(FluidKind.CRYSTALLOID, 500.0, 600.0)))[OUTPUT]
    assert with_fluid > without + 0.05


def test_an_arrest_stops_the_flow_and_compressions_bring_some_of_it_back(minutes: Minutes) -> None:
    rest = end(minutes())
    arrest = Insult(InsultKind.ARREST, 1.0)
    still = end(minutes(arrest, duration_s=180.0))
    assert still[OUTPUT] < 0.1
    # Paradis 1992, Kim 2008: 7 to 43 mmHg three minutes after the heart stopped.
    assert 2 < still[PRESSURE] < 45
    pressed = end(minutes(arrest, Given(Compressions(100.0, 5.0), 60.0), duration_s=240.0))
    assert 0.05 * rest[OUTPUT] < pressed[OUTPUT] < 0.5 * rest[OUTPUT]
    assert pressed[PRESSURE] > still[PRESSURE]


def test_a_heart_that_is_paced_beats_at_least_at_that_rate(minutes: Minutes) -> None:
    assert end(minutes(Setting(SettingKind.PACING, 90.0)))[RATE] == pytest.approx(90, abs=1.5)
    slow = end(minutes(Setting(SettingKind.PACING, 40.0)))[RATE]
    assert slow == pytest.approx(end(minutes())[RATE], abs=0.5)
