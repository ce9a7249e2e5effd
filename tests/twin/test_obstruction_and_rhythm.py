"""What surrounds the heart, what sets its rhythm, and what minutes bring, in both models."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from twin.core import beat_averaged, pulsatile
from twin.core.haemodynamics import QUANTITIES, Quantity
from twin.core.intervention_kinds import (
    Bleeding,
    Drug,
    DrugDose,
    Insult,
    InsultKind,
    Intervention,
    Route,
    Setting,
    SettingKind,
)
from twin.core.interventions import schedule
from twin.core.parameters import PARAMETER_INDEX, Body, standard_adult

ADULT = Body(50, "male", 77.0, 180.0)
State = Mapping[Quantity, float]
After = Callable[..., State]


@pytest.fixture(params=["pulsatile", "beat_averaged"])
def after(request: pytest.FixtureRequest) -> After:
    """Return the state some time after something has begun; parameters by name."""
    model = pulsatile if request.param == "pulsatile" else beat_averaged
    simulate = pulsatile.simulate_pulsatile if model is pulsatile else beat_averaged.simulate

    def state(*happening: Intervention, duration_s: float = 300.0, **parameters: float) -> State:
        patient = standard_adult()[:, None]
        for name, value in parameters.items():
            patient[PARAMETER_INDEX[name]] = value
        path = simulate(
            patient, schedule(happening, ADULT), duration_s, 5.0, model.settled(patient)
        )
        return dict(zip(QUANTITIES, path[:, -2:, 0].mean(axis=1), strict=True))

    return state


def test_fluid_around_the_heart_raises_filling_pressures_together_and_stops_output(
    after: After,
) -> None:
    well, some, much = (
        after(*([Insult(InsultKind.TAMPONADE, ml)] if ml else [])) for ml in (0.0, 150.0, 300.0)
    )
    for quantity in (Quantity.CARDIAC_OUTPUT, Quantity.STROKE_VOLUME, Quantity.MEAN_PRESSURE):
        assert much[quantity] < some[quantity] < well[quantity], quantity
    assert much[Quantity.HEART_RATE] > well[Quantity.HEART_RATE] + 10
    assert much[Quantity.CENTRAL_VENOUS_PRESSURE] > well[Quantity.CENTRAL_VENOUS_PRESSURE] + 4
    # Spodick 2003: what is around the heart shares itself out to both sides.
    assert much[Quantity.WEDGE_PRESSURE] > some[Quantity.WEDGE_PRESSURE]


def test_pressure_in_the_thorax_keeps_blood_out_of_it(after: After) -> None:
    well = after()
    ventilated = after(Setting(SettingKind.END_EXPIRATORY_PRESSURE, 15.0))
    assert ventilated[Quantity.CARDIAC_OUTPUT] < 0.97 * well[Quantity.CARDIAC_OUTPUT]
    assert (
        ventilated[Quantity.CENTRAL_VENOUS_PRESSURE] > well[Quantity.CENTRAL_VENOUS_PRESSURE] + 1
    )
    assert ventilated[Quantity.WEDGE_PRESSURE] > well[Quantity.WEDGE_PRESSURE]


def test_an_embolism_loads_the_right_heart_and_empties_the_left(after: After) -> None:
    well, blocked = after(), after(Insult(InsultKind.EMBOLISM, 0.6))
    assert blocked[Quantity.PULMONARY_MEAN_PRESSURE] > well[Quantity.PULMONARY_MEAN_PRESSURE] + 3
    assert blocked[Quantity.CENTRAL_VENOUS_PRESSURE] > well[Quantity.CENTRAL_VENOUS_PRESSURE]
    assert blocked[Quantity.CARDIAC_OUTPUT] < well[Quantity.CARDIAC_OUTPUT]
    assert blocked[Quantity.OXYGEN_SATURATION] < well[Quantity.OXYGEN_SATURATION]


def test_a_dilating_right_ventricle_takes_room_from_the_left(after: After) -> None:
    embolism = Insult(InsultKind.EMBOLISM, 0.7)
    bound = after(embolism)
    free = after(embolism, pericardial_slack_volume=900.0)
    assert bound[Quantity.CARDIAC_OUTPUT] < free[Quantity.CARDIAC_OUTPUT]


def test_fibrillating_atria_cost_output_at_the_same_rate(after: After) -> None:
    beating = after(Insult(InsultKind.ATRIAL_FIBRILLATION, 110.0))
    sinus = after(resting_heart_rate=110.0, reflex_sympathetic_heart_rate=0.0)
    lost = 1.0 - beating[Quantity.STROKE_VOLUME] / sinus[Quantity.STROKE_VOLUME]
    assert beating[Quantity.HEART_RATE] == pytest.approx(110.0, abs=1.0)
    assert 0.02 < lost < 0.35


def test_block_slows_whatever_the_nerves_ask_and_a_pacemaker_fills_in(after: After) -> None:
    block = Insult(InsultKind.HEART_BLOCK, 35.0)
    blocked = after(block)
    paced = after(block, Setting(SettingKind.PACING, 80.0))
    assert blocked[Quantity.HEART_RATE] == pytest.approx(35.0, abs=0.5)
    assert paced[Quantity.HEART_RATE] == pytest.approx(80.0, abs=0.5)
    assert blocked[Quantity.CARDIAC_OUTPUT] < paced[Quantity.CARDIAC_OUTPUT]
    assert blocked[Quantity.STROKE_VOLUME] > paced[Quantity.STROKE_VOLUME]


def test_ventricular_tachycardia_takes_stroke_and_a_weak_heart_its_output(after: After) -> None:
    racing = Insult(InsultKind.VENTRICULAR_TACHYCARDIA, 180.0)
    assert after(racing)[Quantity.STROKE_VOLUME] < 0.6 * after()[Quantity.STROKE_VOLUME]
    weak = {"left_ventricle_systolic_elastance": 0.7, "left_ventricle_diastolic_elastance": 0.16}
    failing, lost = after(**weak), after(racing, **weak)
    assert lost[Quantity.MEAN_PRESSURE] < failing[Quantity.MEAN_PRESSURE] - 5
    assert lost[Quantity.CARDIAC_OUTPUT] < failing[Quantity.CARDIAC_OUTPUT]


def test_a_heart_that_stands_still_leaves_the_closing_pressure(after: After) -> None:
    still = after(Insult(InsultKind.ARREST, 1.0), duration_s=180.0)
    assert still[Quantity.HEART_RATE] == 0.0
    assert still[Quantity.CARDIAC_OUTPUT] < 0.05
    # Paradis 1992: 18 +- 11 mmHg after three minutes, Kim 2008: 33 +- 10.
    assert 7.0 < still[Quantity.MEAN_PRESSURE] < 43.0


def test_anaemia_raises_output_and_lowers_resistance(after: After) -> None:
    # Duke & Abelmann 1969: haemoglobin down by 30 %.
    well, anaemic = after(), after(haemoglobin=10.5)
    assert 1.0 < anaemic[Quantity.CARDIAC_OUTPUT] / well[Quantity.CARDIAC_OUTPUT] < 1.25
    assert anaemic[Quantity.SYSTEMIC_RESISTANCE] < 0.97 * well[Quantity.SYSTEMIC_RESISTANCE]
    assert anaemic[Quantity.OXYGEN_SATURATION] == pytest.approx(
        well[Quantity.OXYGEN_SATURATION], abs=0.5
    )


def test_hormones_hold_more_pressure_after_minutes_than_nerves_alone(after: After) -> None:
    bled = Bleeding(100.0, 600.0)
    given = {"hormonal_resistance": 0.3, "hormonal_venous_volume": 400.0}
    without = {"hormonal_resistance": 0.0, "hormonal_venous_volume": 0.0}
    early = [after(bled, duration_s=300.0, **each) for each in (given, without)]
    late = [after(bled, duration_s=1800.0, **each) for each in (given, without)]
    gain = [
        states[0][Quantity.MEAN_PRESSURE] - states[1][Quantity.MEAN_PRESSURE]
        for states in (early, late)
    ]
    assert gain[1] > gain[0]
    assert gain[1] > 1.0


def test_too_little_oxygen_raises_output_and_none_stops_the_heart(after: After) -> None:
    rest = after()[Quantity.CARDIAC_OUTPUT]
    assert after(duration_s=600.0, pulmonary_shunt=0.5)[Quantity.CARDIAC_OUTPUT] > 1.05 * rest
    # Of thin blood and a shunt of eight tenths the muscle's own supply fails within minutes.
    asphyxiated = after(
        duration_s=600.0, pulmonary_shunt=0.8, inspired_oxygen_fraction=0.15, haemoglobin=6.0
    )
    assert asphyxiated[Quantity.OXYGEN_SATURATION] < 45
    assert np.isfinite(list(asphyxiated.values())).all()
    assert asphyxiated[Quantity.CARDIAC_OUTPUT] < 0.8 * rest


@pytest.mark.parametrize(
    ("standing", "insult"),
    [
        ({"standing_pericardial_fluid": 200.0}, Insult(InsultKind.TAMPONADE, 200.0)),
        ({"standing_atrial_kick_loss": 1.0}, None),
        ({"standing_vasoconstriction": -0.4}, None),
    ],
)
def test_what_stands_from_the_beginning_acts_like_what_is_given(
    after: After, standing: Mapping[str, float], insult: Insult | None
) -> None:
    found = after(**standing)
    if insult is not None:
        given = after(insult, duration_s=1800.0)
        for quantity in (Quantity.MEAN_PRESSURE, Quantity.CARDIAC_OUTPUT):
            assert found[quantity] == pytest.approx(given[quantity], rel=0.03)
    assert found[Quantity.CARDIAC_OUTPUT] != pytest.approx(
        after()[Quantity.CARDIAC_OUTPUT], rel=0.01
    )


def test_a_leaking_mitral_valve_takes_from_the_output_and_fills_the_lungs(after: After) -> None:
    sound, leaking = after(), after(mitral_regurgitation=0.015)
    assert leaking[Quantity.CARDIAC_OUTPUT] < sound[Quantity.CARDIAC_OUTPUT] - 0.3
    assert leaking[Quantity.WEDGE_PRESSURE] > sound[Quantity.WEDGE_PRESSURE] + 1.0
    # Cardiac output is what goes forward; the ejection fraction counts what goes back as well.
    assert leaking[Quantity.EJECTION_FRACTION] > sound[Quantity.EJECTION_FRACTION]
    output = leaking[Quantity.STROKE_VOLUME] * leaking[Quantity.HEART_RATE] / 1000.0
    assert leaking[Quantity.CARDIAC_OUTPUT] == pytest.approx(output, rel=0.02)


def test_vessels_escape_their_nerves_where_flow_falls_short_of_need(after: After) -> None:
    # Crawford 1959: hypoxic blood widens vessels. Nerves constrict meanwhile, so the test is that
    # a higher demand for oxygen, which nerves do not know of, raises output and not pressure.
    rest, working = after(), after(oxygen_consumption=450.0)
    assert working[Quantity.SYSTEMIC_RESISTANCE] < 0.95 * rest[Quantity.SYSTEMIC_RESISTANCE]
    assert working[Quantity.CARDIAC_OUTPUT] > rest[Quantity.CARDIAC_OUTPUT]
    assert working[Quantity.MEAN_PRESSURE] < rest[Quantity.MEAN_PRESSURE]


def test_oxygen_is_delivered_and_taken_up_as_flow_and_contents_say(after: After) -> None:
    rest = after()
    # Guyton & Hall 2006: 1000 mL/min brought, 250 used.
    assert rest[Quantity.OXYGEN_DELIVERY] == pytest.approx(1000.0, rel=0.15)
    assert rest[Quantity.OXYGEN_CONSUMPTION] == pytest.approx(250.0, rel=0.03)
    used = rest[Quantity.OXYGEN_CONSUMPTION] / rest[Quantity.OXYGEN_DELIVERY]
    left = rest[Quantity.MIXED_VENOUS_SATURATION] / rest[Quantity.OXYGEN_SATURATION]
    assert used == pytest.approx(1.0 - left, abs=0.02)
    assert rest[Quantity.ARTERIAL_CARBON_DIOXIDE_PRESSURE] == pytest.approx(40.0, abs=1.0)
    assert rest[Quantity.MINUTE_VENTILATION] == pytest.approx(6.5, abs=0.4)


def test_morphine_lets_carbon_dioxide_rise_because_less_is_breathed(after: After) -> None:
    rest = after()
    given = after(DrugDose(Drug.MORPHINE, 10.0, Route.INTRAVENOUS), duration_s=1200.0)
    less = given[Quantity.MINUTE_VENTILATION] / rest[Quantity.MINUTE_VENTILATION]
    assert less < 0.98
    risen = given[Quantity.ARTERIAL_CARBON_DIOXIDE_PRESSURE]
    assert risen > rest[Quantity.ARTERIAL_CARBON_DIOXIDE_PRESSURE] + 1.0
