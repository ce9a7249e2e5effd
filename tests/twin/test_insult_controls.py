"""What insults and settings ask of the kernels, whatever these make of it."""

from __future__ import annotations

import pytest

from twin.core.drugs import controls_at
from twin.core.insults import acts_of
from twin.core.interventions import (
    Compressions,
    Drug,
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
from twin.core.layout import CONTROL_INDEX
from twin.core.parameters import Body

ADULT = Body(50, "male", 77.0, 180.0)


@pytest.mark.parametrize("kind", list(InsultKind))
def test_every_insult_acts_on_controls_that_exist(kind: InsultKind) -> None:
    acts = acts_of(Insult(kind, 0.5))
    assert acts
    assert {control for control, _ in acts} <= set(CONTROL_INDEX)


def test_half_of_the_airway_pressure_reaches_the_pleura() -> None:
    planned = schedule([Setting(SettingKind.END_EXPIRATORY_PRESSURE, 10.0)], ADULT)
    found = controls_at(planned, 1.0)[CONTROL_INDEX["thoracic_pressure_mmhg"]]
    assert found == pytest.approx(0.5 * 7.36, rel=1e-3)


def test_pressures_add_and_shunts_leave_the_product() -> None:
    given: list[Intervention] = [
        Setting(SettingKind.END_EXPIRATORY_PRESSURE, 10.0),
        Insult(InsultKind.TENSION_PNEUMOTHORAX, 0.5),
        Insult(InsultKind.LUNG_INJURY, 0.4),
    ]
    now = controls_at(schedule(given, ADULT), 1.0)
    assert now[CONTROL_INDEX["thoracic_pressure_mmhg"]] == pytest.approx(3.68 + 9.2, rel=1e-2)
    shunt = dict(acts_of(given[1]))["added_shunt"]
    assert now[CONTROL_INDEX["added_shunt"]] == pytest.approx(1 - (1 - shunt) * 0.6, rel=1e-4)


def test_drugs_fluids_and_bleeding_are_no_matter_of_this_table() -> None:
    with pytest.raises(TypeError, match="Infusion"):
        acts_of(Infusion(Drug.DOPAMINE, 5.0))


def test_an_insult_lasts_until_it_is_relieved() -> None:
    given: list[Given | Stop] = [
        Given(Insult(InsultKind.TAMPONADE, 200.0), 60.0),
        Stop(InsultKind.TAMPONADE, 600.0),
    ]
    planned = schedule(given, ADULT)
    fluid = [
        float(controls_at(planned, at)[CONTROL_INDEX["pericardial_fluid_ml"]])
        for at in (0.0, 60.0, 599.0, 600.0)
    ]
    assert fluid == [0.0, 200.0, 200.0, 0.0]


def test_more_of_the_lungs_obstructed_resists_more_than_in_proportion() -> None:
    def resistance(share: float) -> float:
        return dict(acts_of(Insult(InsultKind.EMBOLISM, share)))["pulmonary_vasoconstriction"]

    assert resistance(0.5) > 1.0
    assert resistance(0.7) > 2.0 * resistance(0.5)


def test_a_ventricular_escape_loses_step_and_a_junctional_one_keeps_it() -> None:
    slow = dict(acts_of(Insult(InsultKind.HEART_BLOCK, 30.0)))
    junctional = dict(acts_of(Insult(InsultKind.HEART_BLOCK, 50.0)))
    assert slow["dyssynchrony"] == 1.0
    assert "dyssynchrony" not in junctional
    assert junctional["atrial_kick_loss"] == 1.0


def test_compressions_press_by_their_depth() -> None:
    shallow = dict(acts_of(Compressions(100.0, 3.0)))["compression_force_mmhg"]
    deep = dict(acts_of(Compressions(100.0, 6.0)))["compression_force_mmhg"]
    assert deep == pytest.approx(2.0 * shallow)
