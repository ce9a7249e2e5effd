"""What may be simulated, and how a refusal reads."""

from __future__ import annotations

import math

import pytest

from twin.core.dose_ranges import INFUSION_RATE, INSULT_EXTENT, SETTING, SINGLE_DOSE
from twin.core.interventions import (
    Bleeding,
    Compressions,
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Given,
    Infusion,
    Insult,
    InsultKind,
    Intervention,
    Oxygen,
    Route,
    Setting,
    SettingKind,
    Stop,
    schedule,
)
from twin.core.parameters import Body
from twin.errors import (
    ImplausibleDose,
    InterventionError,
    NothingToStop,
    RouteNotModelled,
    WeightNeeded,
)

ADULT = Body(60, "male", 80.0, 178.0)
UNWEIGHED = Body(60, "male", None, None)


@pytest.mark.parametrize(
    "intervention",
    [
        Fluid(FluidKind.CRYSTALLOID, 50_000.0, 600.0),
        Fluid(FluidKind.RED_CELLS, 300.0, 0.0),
        Infusion(Drug.NOREPINEPHRINE, 10.0),
        Infusion(Drug.ESMOLOL, math.nan),
        Infusion(Drug.VASOPRESSIN, 2.4),
        Infusion(Drug.NICARDIPINE, 0.1),
        DrugDose(Drug.EPINEPHRINE, 10.0, Route.INTRAVENOUS),
        DrugDose(Drug.AMIODARONE, 150.0, Route.INTRAVENOUS, 36_000.0),
        DrugDose(Drug.METOPROLOL, 500.0, Route.INTRAVENOUS),
        DrugDose(Drug.FUROSEMIDE, -40.0, Route.INTRAVENOUS),
        Oxygen(21.0),
        Bleeding(5_000.0, 60.0),
        Setting(SettingKind.END_EXPIRATORY_PRESSURE, 80.0),
        Setting(SettingKind.PACING, 300.0),
        Setting(SettingKind.TILT, 180.0),
        Insult(InsultKind.EMBOLISM, 1.0),
        Insult(InsultKind.TAMPONADE, -50.0),
        Insult(InsultKind.ARREST, 0.5),
        Compressions(300.0, 5.0),
        Compressions(100.0, math.inf),
    ],
)
def test_an_implausible_dose_is_refused_with_the_plausible_range(
    intervention: Intervention,
) -> None:
    with pytest.raises(ImplausibleDose) as refusal:
        schedule([intervention], ADULT)
    assert f"{refusal.value.low:g} to {refusal.value.high:g} {refusal.value.unit}" in str(
        refusal.value
    )


@pytest.mark.parametrize(
    "given",
    [
        DrugDose(Drug.METOPROLOL, 5.0, Route.INTRAVENOUS),
        Infusion(Drug.VASOPRESSIN, 0.03),
        Infusion(Drug.NICARDIPINE, 5.0),
    ],
)
def test_a_dose_that_is_not_per_kilogram_needs_a_weight(given: Infusion | DrugDose) -> None:
    with pytest.raises(WeightNeeded, match=rf"{given.drug}.*Record a weight"):
        schedule([given], UNWEIGHED)


def test_fluids_oxygen_settings_and_rates_per_kilogram_need_no_weight() -> None:
    given = (
        Fluid(FluidKind.CRYSTALLOID, 500.0, 900.0),
        Infusion(Drug.NOREPINEPHRINE, 0.1),
        Oxygen(0.4),
        Setting(SettingKind.PACING, 80.0),
        Insult(InsultKind.VASOPLEGIA, 0.4),
    )
    assert schedule(given, UNWEIGHED).interventions == given


@pytest.mark.parametrize(
    "intervention",
    [
        Infusion(Drug.METOPROLOL, 1.0),
        DrugDose(Drug.NOREPINEPHRINE, 1.0, Route.INTRAVENOUS),
        DrugDose(Drug.ESMOLOL, 50.0, Route.ORAL),
        DrugDose(Drug.AMIODARONE, 200.0, Route.ORAL),
        DrugDose(Drug.FUROSEMIDE, 40.0, Route.SUBLINGUAL),
    ],
)
def test_a_route_that_is_not_modelled_is_refused_and_not_guessed(
    intervention: Intervention,
) -> None:
    with pytest.raises(RouteNotModelled, match="not modelled"):
        schedule([intervention], ADULT)


NOREPINEPHRINE = Given(Infusion(Drug.NOREPINEPHRINE, 0.2), -3600.0)


class TestWhatReplacesAndWhatAdds:
    def test_a_new_rate_replaces_the_running_one(self) -> None:
        planned = schedule([Infusion(Drug.NOREPINEPHRINE, 0.05)], ADULT, [NOREPINEPHRINE])
        assert planned.given == (
            Given(Infusion(Drug.NOREPINEPHRINE, 0.2), -3600.0, 0.0),
            Given(Infusion(Drug.NOREPINEPHRINE, 0.05), 0.0),
        )

    def test_of_two_rates_at_once_the_later_written_counts(self) -> None:
        rates: list[Intervention] = [Infusion(Drug.DOPAMINE, 3.0), Infusion(Drug.DOPAMINE, 8.0)]
        assert schedule(rates, ADULT).interventions == (rates[1],)

    def test_another_drug_goes_on(self) -> None:
        planned = schedule([Infusion(Drug.EPINEPHRINE, 0.05)], ADULT, [NOREPINEPHRINE])
        assert NOREPINEPHRINE in planned.given

    def test_doses_and_bags_add(self) -> None:
        given: list[Intervention] = [
            DrugDose(Drug.LABETALOL, 20.0, Route.INTRAVENOUS),
            DrugDose(Drug.LABETALOL, 20.0, Route.INTRAVENOUS),
            Fluid(FluidKind.CRYSTALLOID, 500.0, 900.0),
            Fluid(FluidKind.CRYSTALLOID, 500.0, 900.0),
        ]
        assert schedule(given, ADULT).given == tuple(Given(each, 0.0) for each in given)

    def test_a_loading_dose_leaves_the_infusion_running(self) -> None:
        given: list[Intervention] = [
            Infusion(Drug.ESMOLOL, 50.0),
            DrugDose(Drug.ESMOLOL, 40.0, Route.INTRAVENOUS),
        ]
        assert all(each.ends_at_s is None for each in schedule(given, ADULT).given)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (Oxygen(0.4), Oxygen(0.6)),
            (
                Setting(SettingKind.END_EXPIRATORY_PRESSURE, 5.0),
                Setting(SettingKind.END_EXPIRATORY_PRESSURE, 12.0),
            ),
            (Insult(InsultKind.TAMPONADE, 100.0), Insult(InsultKind.TAMPONADE, 200.0)),
            (Compressions(100.0, 5.0), Compressions(110.0, 6.0)),
        ],
    )
    def test_a_new_setting_or_extent_replaces_the_old(
        self, old: Intervention, new: Intervention
    ) -> None:
        planned = schedule([Given(new, 300.0)], ADULT, [Given(old, -60.0)])
        assert planned.given == (Given(old, -60.0, 300.0), Given(new, 300.0))

    def test_the_order_of_time_counts_not_that_of_writing(self) -> None:
        late = Given(Infusion(Drug.DOPAMINE, 8.0), 600.0)
        early = Given(Infusion(Drug.DOPAMINE, 3.0), 0.0)
        planned = schedule([late, early], ADULT)
        assert planned.given == (Given(early.intervention, 0.0, 600.0), late)


class TestStopping:
    @pytest.mark.parametrize(
        ("running", "stop"),
        [
            (Infusion(Drug.NOREPINEPHRINE, 0.2), Stop(Drug.NOREPINEPHRINE, 120.0)),
            (Fluid(FluidKind.ALBUMIN, 500.0, 7200.0), Stop(FluidKind.ALBUMIN, 120.0)),
            (Oxygen(0.5), Stop(Oxygen, 120.0)),
            (Setting(SettingKind.TILT, 60.0), Stop(SettingKind.TILT, 120.0)),
            (Bleeding(50.0, 7200.0), Stop(Bleeding, 120.0)),
            (Insult(InsultKind.TAMPONADE, 200.0), Stop(InsultKind.TAMPONADE, 120.0)),
            (Compressions(100.0, 5.0), Stop(Compressions, 120.0)),
            (
                DrugDose(Drug.AMIODARONE, 150.0, Route.INTRAVENOUS, 1200.0),
                Stop(Drug.AMIODARONE, 120.0),
            ),
        ],
    )
    def test_whatever_runs_can_be_stopped(self, running: Intervention, stop: Stop) -> None:
        planned = schedule([stop], ADULT, [Given(running, -600.0)])
        assert planned.given == (Given(running, -600.0, 120.0),)

    @pytest.mark.parametrize(
        "recorded",
        [
            (),
            (Given(Infusion(Drug.EPINEPHRINE, 0.1), -600.0),),
            (Given(Infusion(Drug.NOREPINEPHRINE, 0.1), -600.0, -60.0),),
            (Given(Infusion(Drug.NOREPINEPHRINE, 0.1), 600.0),),
        ],
    )
    def test_what_does_not_run_cannot_be_stopped_and_that_is_said(
        self, recorded: tuple[Given, ...]
    ) -> None:
        with pytest.raises(NothingToStop, match=r"norepinephrine.*Record its rate"):
            schedule([Stop(Drug.NOREPINEPHRINE)], ADULT, recorded)

    def test_a_dose_that_is_in_the_body_cannot_be_stopped(self) -> None:
        given = Given(DrugDose(Drug.METOPROLOL, 5.0, Route.INTRAVENOUS), -60.0)
        with pytest.raises(NothingToStop, match="metoprolol"):
            schedule([Stop(Drug.METOPROLOL)], ADULT, [given])


@pytest.mark.parametrize(
    "given",
    [
        Given(Oxygen(0.4), math.nan),
        Given(Oxygen(0.4), -1e9),
        Given(Oxygen(0.4), 600.0, 0.0),
        Stop(Oxygen, math.inf),
    ],
)
def test_an_impossible_time_is_refused(given: Given | Stop) -> None:
    with pytest.raises(ImplausibleDose):
        schedule([given], ADULT, [Given(Oxygen(0.3), -60.0)])


def test_every_refusal_is_an_intervention_error() -> None:
    for refusal in (ImplausibleDose, WeightNeeded, RouteNotModelled, NothingToStop):
        assert issubclass(refusal, InterventionError)


def test_every_dose_range_names_its_source() -> None:
    for ranges in (SINGLE_DOSE, INFUSION_RATE, INSULT_EXTENT, SETTING):
        for allowed in ranges.values():
            assert allowed.source
            assert allowed.low <= allowed.high

    assert set(INSULT_EXTENT) == set(InsultKind)
    assert set(SETTING) == set(SettingKind)
