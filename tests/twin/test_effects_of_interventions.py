"""What the circulation answers to interventions, in both models."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from twin.core import beat_averaged, pulsatile
from twin.core.haemodynamics import QUANTITIES, Quantity
from twin.core.interventions import (
    NOTHING,
    Bleeding,
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Infusion,
    Intervention,
    Oxygen,
    Route,
    schedule,
)
from twin.core.parameters import PARAMETER_INDEX, Body, standard_adult

ADULT = Body(50, "male", 77.0, 180.0)
Change = Callable[..., Mapping[Quantity, float]]


@pytest.fixture(params=["pulsatile", "beat_averaged"])
def change(request: pytest.FixtureRequest) -> Change:
    """Simulate a treated and an untreated patient and return by how much they differ."""
    model = request.param

    def differ(
        *given: Intervention, duration_s: float = 600.0, **parameters: float
    ) -> Mapping[Quantity, float]:
        patient = standard_adult()[:, None]
        for name, value in parameters.items():
            patient[PARAMETER_INDEX[name]] = value
        done = schedule(given, ADULT)
        if model == "pulsatile":
            state = pulsatile.settled(patient)
            simulate = pulsatile.simulate_pulsatile
        else:
            state = beat_averaged.settled(patient)
            simulate = beat_averaged.simulate
        treated = simulate(patient, done, duration_s, 5.0, state)[:, -4:, 0].mean(axis=1)
        left_alone = simulate(patient, NOTHING, duration_s, 5.0, state)[:, -4:, 0].mean(axis=1)
        return dict(zip(QUANTITIES, treated - left_alone, strict=True))

    return differ


def test_a_crystalloid_bolus_fills_the_heart_and_slows_it(change: Change) -> None:
    effect = change(Fluid(FluidKind.CRYSTALLOID, 500.0, 600.0))
    assert 250 < effect[Quantity.BLOOD_VOLUME] < 500
    assert effect[Quantity.CARDIAC_OUTPUT] > 0.1
    assert effect[Quantity.STROKE_VOLUME] > 2
    assert effect[Quantity.CENTRAL_VENOUS_PRESSURE] > 0.2
    assert effect[Quantity.HEART_RATE] < 0
    assert effect[Quantity.HAEMOGLOBIN] < -0.5


def test_red_cells_raise_haemoglobin_and_stay_longer_than_crystalloid(change: Change) -> None:
    cells = change(Fluid(FluidKind.RED_CELLS, 600.0, 600.0), duration_s=1800.0)
    water = change(Fluid(FluidKind.CRYSTALLOID, 600.0, 600.0), duration_s=1800.0)
    assert cells[Quantity.HAEMOGLOBIN] > 0
    assert cells[Quantity.BLOOD_VOLUME] > water[Quantity.BLOOD_VOLUME] + 50


def test_bleeding_lowers_output_before_pressure_and_quickens_the_heart(change: Change) -> None:
    effect = change(Bleeding(80.0, 600.0))
    assert effect[Quantity.BLOOD_VOLUME] == pytest.approx(-800, abs=40)
    assert effect[Quantity.CARDIAC_OUTPUT] < -0.4
    assert effect[Quantity.HEART_RATE] > 4
    assert -15 < effect[Quantity.MEAN_PRESSURE] < 0


def test_norepinephrine_raises_pressure_and_slows_the_heart(change: Change) -> None:
    effect = change(Infusion(Drug.NOREPINEPHRINE, 0.1), duration_s=900.0)
    assert effect[Quantity.MEAN_PRESSURE] > 5
    assert effect[Quantity.HEART_RATE] < -3
    # The output of the healthy falls, but by less than a fifth.
    assert -1.1 < effect[Quantity.CARDIAC_OUTPUT] < 0


def test_norepinephrine_raises_output_where_tone_is_lost(change: Change) -> None:
    effect = change(
        Infusion(Drug.NOREPINEPHRINE, 0.3),
        duration_s=900.0,
        systemic_resistance=0.35,
        venous_unstressed_volume=3240.0,
        left_ventricle_systolic_elastance=1.5,
        # What is left of the reflexes in septic shock, as in the targets.
        reflex_vagal_heart_rate=0.08,
        reflex_sympathetic_heart_rate=0.02,
        reflex_venous_volume=80.0,
    )
    assert effect[Quantity.MEAN_PRESSURE] > 10
    assert effect[Quantity.CARDIAC_OUTPUT] > 0


@pytest.mark.parametrize(
    "given",
    [
        DrugDose(Drug.METOPROLOL, 15.0, Route.INTRAVENOUS),
        Infusion(Drug.ESMOLOL, 150.0),
    ],
)
def test_a_beta_blocker_slows_the_heart_and_lowers_output(
    change: Change, given: Intervention
) -> None:
    effect = change(given, duration_s=1800.0)
    assert effect[Quantity.HEART_RATE] < -4
    assert effect[Quantity.CARDIAC_OUTPUT] < -0.2
    assert effect[Quantity.MEAN_PRESSURE] < 0


def test_a_beta_blocker_does_more_where_the_sympathetic_carries_the_heart(change: Change) -> None:
    given = DrugDose(Drug.METOPROLOL, 15.0, Route.INTRAVENOUS)
    well = change(given, duration_s=900.0)
    bled = change(given, duration_s=900.0, blood_volume=4500.0)
    assert bled[Quantity.HEART_RATE] < well[Quantity.HEART_RATE]


def test_oxygen_raises_saturation_where_blood_is_shunted(change: Change) -> None:
    effect = change(Oxygen(0.5), pulmonary_shunt=0.2)
    assert 2 < effect[Quantity.OXYGEN_SATURATION] < 12
    assert abs(effect[Quantity.MEAN_PRESSURE]) < 5.0


def _slowed_per_hundredth(change: Change, *given: Intervention) -> float:
    """Return by how much oxygen slows a hypoxaemic heart, /min for each 1 % of saturation."""
    thin = {"inspired_oxygen_fraction": 0.15, "pulmonary_shunt": 0.15}
    without = change(*given, **thin)
    breathing = change(*given, Oxygen(0.5), **thin)
    gained = breathing[Quantity.OXYGEN_SATURATION] - without[Quantity.OXYGEN_SATURATION]
    assert gained > 8
    return (without[Quantity.HEART_RATE] - breathing[Quantity.HEART_RATE]) / gained


def test_the_heart_beats_once_more_for_each_hundredth_of_saturation_lost(change: Change) -> None:
    # Slutsky & Rebuck 1978, Am J Physiol 234:H129: 0.62 to 1.46 /min in volunteers at rest.
    assert 0.62 < _slowed_per_hundredth(change) < 1.46


def test_the_heart_quickens_less_where_breathing_cannot_answer(change: Change) -> None:
    # Jpn J Physiol 1992, 42:865: with breathing held, hypoxia did not change the heart rate.
    opioid = DrugDose(Drug.MORPHINE, 30.0, Route.INTRAVENOUS)
    assert _slowed_per_hundredth(change, opioid) < 0.7 * _slowed_per_hundredth(change)


def test_a_large_shunt_is_refractory_to_oxygen(change: Change) -> None:
    # West, Respiratory Physiology: the hallmark of shunt.
    half = change(Oxygen(1.0), pulmonary_shunt=0.5)
    fifth = change(Oxygen(1.0), pulmonary_shunt=0.2)
    assert half[Quantity.ARTERIAL_OXYGEN_PRESSURE] < 0.3 * fifth[Quantity.ARTERIAL_OXYGEN_PRESSURE]


def test_furosemide_loses_volume_over_hours() -> None:
    patient = standard_adult()[:, None]
    done = schedule([DrugDose(Drug.FUROSEMIDE, 40.0, Route.INTRAVENOUS)], ADULT)
    course = beat_averaged.simulate(patient, done, 7200.0, 600.0)
    lost = 5500.0 - course[QUANTITIES.index(Quantity.BLOOD_VOLUME), :, 0]
    assert (np.diff(lost) > 0).all()
    # Lahav 1992, Chest; Hammarlund 1985: 500 to 1000 mL in two hours.
    assert 500 < lost[-1] < 1000


def test_an_insensitive_patient_answers_less(change: Change) -> None:
    given = Infusion(Drug.NOREPINEPHRINE, 0.1)
    usual = change(given)
    dull = change(given, vasopressor_sensitivity=0.3)
    assert 0 < dull[Quantity.MEAN_PRESSURE] < usual[Quantity.MEAN_PRESSURE]


def test_a_patient_bled_white_stays_finite(change: Change) -> None:
    effect = change(Bleeding(600.0, 600.0))
    assert all(np.isfinite(list(effect.values())))
    assert effect[Quantity.MEAN_PRESSURE] < -60
