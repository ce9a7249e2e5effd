"""Interventions in words: understood as typed, or refused with what is missing; never guessed."""

from __future__ import annotations

import pytest

from cds_hooks.cli.twin_words import NotUnderstood, seconds, understood
from twin.core.interventions import (
    Bleeding,
    Compressions,
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Infusion,
    Insult,
    InsultKind,
    Intervention,
    Oxygen,
    Route,
    Setting,
    SettingKind,
    Stop,
)
from twin.core.parameters import Body

MAN = Body(60.0, "male", 80.0, 178.0)
NOBODY = Body(None, None, None, None)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("crystalloid 500 mL over 15 min", Fluid(FluidKind.CRYSTALLOID, 500.0, 900.0)),
        ("Crystalloid 1 L in 1 h", Fluid(FluidKind.CRYSTALLOID, 1000.0, 3600.0)),
        ("red cells 300 ml over 30 minutes", Fluid(FluidKind.RED_CELLS, 300.0, 1800.0)),
        ("norepinephrine 0.1 µg/kg/min", Infusion(Drug.NOREPINEPHRINE, 0.1)),
        ("norepinephrine 0.1 mcg/kg/min", Infusion(Drug.NOREPINEPHRINE, 0.1)),
        ("metoprolol 5 mg iv", DrugDose(Drug.METOPROLOL, 5.0, Route.INTRAVENOUS)),
        ("metoprolol 25 mg by mouth", DrugDose(Drug.METOPROLOL, 25.0, Route.ORAL)),
        ("oxygen 60 %", Oxygen(0.6)),
        ("oxygen 0.4", Oxygen(0.4)),
        ("bleeding 60 mL/min for 10 min", Bleeding(60.0, 600.0)),
        ("vasopressin 0.03 units/min", Infusion(Drug.VASOPRESSIN, 0.03)),
        ("nicardipine 5 mg/h", Infusion(Drug.NICARDIPINE, 5.0)),
        ("peep 10 cmH2O", Setting(SettingKind.END_EXPIRATORY_PRESSURE, 10.0)),
        ("pacing 80 /min", Setting(SettingKind.PACING, 80.0)),
        ("tilt 60 degrees", Setting(SettingKind.TILT, 60.0)),
        ("tamponade 200 mL", Insult(InsultKind.TAMPONADE, 200.0)),
        ("embolism 50 %", Insult(InsultKind.EMBOLISM, 0.5)),
        ("tension pneumothorax 0.6", Insult(InsultKind.TENSION_PNEUMOTHORAX, 0.6)),
        ("arrest", Insult(InsultKind.ARREST, 1.0)),
        ("compressions 110 /min 5 cm", Compressions(110.0, 5.0)),
        ("stop norepinephrine", Stop(Drug.NOREPINEPHRINE)),
        ("stop pacing", Stop(SettingKind.PACING)),
    ],
)
def test_what_is_typed_is_what_is_simulated(words: str, meant: Intervention | Stop) -> None:
    assert understood(words, MAN) == (meant,)


def test_a_rate_for_the_whole_body_is_divided_by_its_weight() -> None:
    (found,) = understood("norepinephrine 0.48 mg/h", MAN)
    assert isinstance(found, Infusion)
    assert found.rate == pytest.approx(0.1)


def test_a_rate_by_weight_of_a_drug_that_is_ordered_without_is_multiplied_by_it() -> None:
    (found,) = understood("nitroglycerin 0.5 µg/kg/min", MAN)
    assert found == Infusion(Drug.NITROGLYCERIN, 40.0)


def test_a_plan_may_hold_several_interventions() -> None:
    plan = understood("crystalloid 500 mL over 15 min; oxygen 60 %", MAN)
    assert [type(each) for each in plan] == [Fluid, Oxygen]


@pytest.mark.parametrize(
    ("words", "asks_for"),
    [
        ("crystalloid 500 mL", "time"),
        ("crystalloid over 15 min", "volume"),
        ("metoprolol 5 mg", "route"),
        ("metoprolol", "dose"),
        ("norepinephrine 0.1 beans/kg/min", "unit"),
        ("bleeding 60 mL/min", "time"),
        ("tamponade 200 %", "value in ml"),
        ("peep high", "value in cmh2o"),
        ("vasopressin 0.03 mg/min", "write units/min"),
        ("metoprolol 5 mg/h", "not modelled as an infusion"),
        ("snake oil 5 mg iv", "nothing that is modelled"),
        ("", "No intervention"),
    ],
)
def test_what_is_missing_is_asked_for_and_not_guessed(words: str, asks_for: str) -> None:
    with pytest.raises(NotUnderstood, match=asks_for):
        understood(words, MAN)


def test_a_rate_for_the_whole_body_needs_a_weight() -> None:
    with pytest.raises(NotUnderstood, match="no weight is known"):
        understood("norepinephrine 0.48 mg/h", NOBODY)


@pytest.mark.parametrize(
    ("words", "meant_s"), [("30 min", 1800.0), ("6 h", 21600.0), ("1.5 hours", 5400.0)]
)
def test_a_horizon_is_a_span_with_its_unit(words: str, meant_s: float) -> None:
    assert seconds(words) == meant_s


def test_a_horizon_without_a_unit_is_refused() -> None:
    with pytest.raises(NotUnderstood, match="span of time"):
        seconds("30")
