"""Pharmacokinetics against numerical integration and measured levels; effects against figures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from twin.core.drugs import (
    FLOWS,
    PHARMACOLOGY,
    SHARES,
    controls_at,
    controls_over,
    standing_controls_at,
    standing_parameters,
)
from twin.core.interventions import (
    INFUSION_RATE,
    SINGLE_DOSE,
    Bleeding,
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Given,
    Infusion,
    Intervention,
    Oxygen,
    Route,
    Stop,
    schedule,
)
from twin.core.layout import CONTROL_INDEX
from twin.core.parameters import PARAMETER_INDEX, Body
from twin.core.pharmacokinetics import effect_site, rate_ug_per_kg_min
from twin.core.pharmacology import Effect, Pharmacology, one_phase

KG = 70.0
ADULT = Body(50, "male", KG, 175.0)
CONSTRICTION = PHARMACOLOGY[Drug.NOREPINEPHRINE].effects[0]
MOST, HALF = CONSTRICTION.most, CONSTRICTION.half
INFUSIONS = [Infusion(drug, (r.low * r.high) ** 0.5) for drug, r in INFUSION_RATE.items()]
DOSES = [DrugDose(drug, (r.low * r.high) ** 0.5, way) for (drug, way), r in SINGLE_DOSE.items()]


def site(given: Given, times_s: np.ndarray) -> np.ndarray:
    assert isinstance(given.intervention, Infusion | DrugDose)
    return effect_site(given, PHARMACOLOGY[given.intervention.drug], KG, times_s)


def _numerically(given: Given, times_s: np.ndarray) -> np.ndarray:
    """Integrate gut, each phase of the body, and effect site as differential equations."""
    what = given.intervention
    assert isinstance(what, Infusion | DrugDose)
    drug = PHARMACOLOGY[what.drug]
    losses = np.log(2) / np.array([phase.half_life_s for phase in drug.phases])
    shares = np.array([phase.share for phase in drug.phases])
    entry = np.log(2) / drug.effect_half_life_s
    absorption = 0.0
    gut, body, rate, ends = 0.0, 0.0, 0.0, np.inf
    if isinstance(what, Infusion):
        rate = rate_ug_per_kg_min(what, KG) / 60.0
        ends = np.inf if given.ends_at_s is None else given.ends_at_s
    elif what.route is not Route.INTRAVENOUS:
        assert drug.absorption_half_life_s is not None
        absorption = np.log(2) / drug.absorption_half_life_s
        gut = 1000.0 * what.dose_mg * drug.availability / KG
    elif what.duration_s:
        rate, ends = 1000.0 * what.dose_mg / KG / what.duration_s, what.duration_s
    else:
        body = 1000.0 * what.dose_mg / KG

    def slopes(t: float, state: np.ndarray) -> np.ndarray:
        entering = absorption * state[0] + (rate if t < ends else 0.0)
        plasma = shares @ state[1:-1] / drug.distribution_l_per_kg
        phases = entering - losses * state[1:-1]
        return np.array([-absorption * state[0], *phases, entry * (plasma - state[-1])])

    start = [gut, *[body] * len(losses), 0.0]
    solved = solve_ivp(
        slopes, (0.0, times_s[-1]), start, "LSODA", times_s, rtol=1e-9, atol=1e-9, max_step=30.0
    )
    return np.asarray(solved.y[-1])


@pytest.mark.parametrize("given", [*INFUSIONS, *DOSES], ids=str)
def test_the_effect_site_agrees_with_numerical_integration(given: Intervention) -> None:
    times = np.linspace(0.0, 4 * 3600.0, 60)
    expected = _numerically(Given(given, 0.0), times)
    found = site(Given(given, 0.0), times)
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-4 * expected.max())


@pytest.mark.parametrize(
    "given",
    [
        Given(Infusion(Drug.MILRINONE, 0.5), 0.0, 1800.0),
        Given(DrugDose(Drug.AMIODARONE, 150.0, Route.INTRAVENOUS, 600.0), 0.0),
    ],
)
def test_after_its_end_an_infusion_wanes_as_integrated(given: Given) -> None:
    times = np.linspace(0.0, 2 * 3600.0, 80)
    expected = _numerically(given, times)
    assert site(given, times) == pytest.approx(expected, rel=1e-3, abs=2e-3 * expected.max())


@pytest.mark.parametrize(
    ("infusion", "low", "high"),
    [
        # Ensinger 1992, as tabulated in Pulse 4.2, drugs table 9.
        (Infusion(Drug.NOREPINEPHRINE, 0.06), 2.27, 3.39),
        (Infusion(Drug.NOREPINEPHRINE, 0.1), 3.61, 4.41),
        (Infusion(Drug.NOREPINEPHRINE, 0.14), 4.62, 6.77),
        # Martinsson 1986, as tabulated in Pulse 4.2, drugs table 10.
        (Infusion(Drug.PHENYLEPHRINE, 0.5), 2.5, 5.2),
        (Infusion(Drug.PHENYLEPHRINE, 1.0), 5.0, 13.0),
        (Infusion(Drug.PHENYLEPHRINE, 2.0), 12.4, 26.3),
        (Infusion(Drug.PHENYLEPHRINE, 4.0), 35.6, 77.8),
        # Stratton 1985, less the level at rest of about 0.04.
        (Infusion(Drug.EPINEPHRINE, 0.025), 0.10, 0.16),
        (Infusion(Drug.EPINEPHRINE, 0.1), 0.37, 0.51),
        # Baruch 2001: 168 µg/L after three hours.
        (Infusion(Drug.MILRINONE, 0.5), 120.0, 200.0),
    ],
)
def test_infusions_reach_measured_plasma_levels(
    infusion: Infusion, low: float, high: float
) -> None:
    at = 3 * 3600.0 if infusion.drug is Drug.MILRINONE else 1800.0
    steady = float(site(Given(infusion, 0.0), np.array([at]))[0])
    assert low <= steady <= high


def test_a_drug_acts_only_once_it_was_given_and_from_then_on_shifted_in_time() -> None:
    times = np.arange(0.0, 1800.0, 5.0)
    for what in (Infusion(Drug.DOPAMINE, 5.0), DrugDose(Drug.ATROPINE, 1.0, Route.INTRAVENOUS)):
        early, late = site(Given(what, 0.0), times), site(Given(what, 600.0), times)
        assert not late[:121].any()
        assert late[120:] == pytest.approx(early[:-120], abs=1e-9)


def test_whole_seconds_are_times_as_good_as_any() -> None:
    planned = schedule([Infusion(Drug.DOPAMINE, 5.0)], ADULT)
    whole = controls_over(planned, np.arange(0, 600, 60))
    assert whole == pytest.approx(controls_over(planned, np.arange(0.0, 600.0, 60.0)))
    assert whole[-1].any()


def test_doses_of_one_drug_add_at_the_effect_site() -> None:
    doses = [
        Given(DrugDose(Drug.LABETALOL, 20.0, Route.INTRAVENOUS), at) for at in (0.0, 600.0, 1200.0)
    ]
    three = controls_at(schedule(doses, ADULT), 1500.0)
    one = controls_at(schedule(doses[-1:], ADULT), 1500.0)
    together = sum(site(each, np.array([1500.0]))[0] for each in doses)
    expected = together / (together + PHARMACOLOGY[Drug.LABETALOL].effects[0].half)
    assert three[CONTROL_INDEX["beta_blockade"]] == pytest.approx(expected, rel=1e-5)
    assert three[CONTROL_INDEX["beta_blockade"]] > one[CONTROL_INDEX["beta_blockade"]]


def test_treatment_of_the_past_is_the_present_state_of_the_controls() -> None:
    recorded = [
        Given(Infusion(Drug.NOREPINEPHRINE, 0.1), -3 * 3600.0),
        Given(DrugDose(Drug.METOPROLOL, 5.0, Route.INTRAVENOUS), -1200.0),
        Given(Fluid(FluidKind.CRYSTALLOID, 500.0, 900.0), -7200.0),
    ]
    now = controls_at(schedule([], ADULT, recorded), 0.0)
    steady = 0.1 / PHARMACOLOGY[Drug.NOREPINEPHRINE].clearance_l_per_kg_min
    assert now[CONTROL_INDEX["vasoconstriction"]] == pytest.approx(
        MOST * steady / (HALF + steady), rel=1e-3
    )
    assert 0.2 < now[CONTROL_INDEX["beta_blockade"]] < 0.5
    assert now[CONTROL_INDEX["fluid_ml_per_s"]] == 0.0


def test_what_a_circulation_settles_into_moves_no_volume() -> None:
    running = [
        Given(Infusion(Drug.FUROSEMIDE, 10.0), -7200.0),
        Given(Fluid(FluidKind.RED_CELLS, 300.0, 3600.0), -600.0),
        Given(Bleeding(50.0, 3600.0), -600.0),
        Given(Infusion(Drug.DOBUTAMINE, 5.0), -3600.0),
    ]
    planned = schedule([], ADULT, running)
    now, standing = controls_at(planned, 0.0), standing_controls_at(planned, 0.0)
    columns = [CONTROL_INDEX[name] for name in FLOWS]
    assert (now[columns] > 0).all()
    assert not standing[columns].any()
    assert standing[CONTROL_INDEX["inotropy"]] == now[CONTROL_INDEX["inotropy"]] > 0.2


class TestRecordedTreatment:
    """The circulation stands under it at time 0: the kernels take what changes from then on."""

    RUNNING = Given(Infusion(Drug.NOREPINEPHRINE, 0.2), -7200.0)
    TIMES = np.array([0.0, 900.0, 1800.0])

    def tone(self, *planned: Intervention | Stop) -> np.ndarray:
        given = schedule(planned, ADULT, [self.RUNNING])
        return controls_over(given, self.TIMES)[:, CONTROL_INDEX["vasoconstriction"]]

    def test_what_goes_on_as_it_was_changes_nothing(self) -> None:
        assert self.tone() == pytest.approx(np.zeros(3), abs=1e-6)

    def test_a_higher_rate_is_the_difference_and_not_the_sum(self) -> None:
        half = HALF * PHARMACOLOGY[Drug.NOREPINEPHRINE].clearance_l_per_kg_min
        expected = MOST * (0.4 / (0.4 + half) - 0.2 / (0.2 + half))
        assert self.tone(Infusion(Drug.NOREPINEPHRINE, 0.4))[-1] == pytest.approx(
            expected, rel=1e-3
        )

    def test_stopping_takes_away_what_stood(self) -> None:
        half = HALF * PHARMACOLOGY[Drug.NOREPINEPHRINE].clearance_l_per_kg_min
        stood = MOST * 0.2 / (0.2 + half)
        assert self.tone(Stop(Drug.NOREPINEPHRINE))[-1] == pytest.approx(-stood, rel=1e-2)

    def test_an_inspired_fraction_stays_what_it_is(self) -> None:
        planned = schedule([Given(Oxygen(0.6), 300.0)], ADULT, [Given(Oxygen(0.4), -3600.0)])
        found = controls_over(planned, np.array([0.0, 600.0]))
        assert found[:, CONTROL_INDEX["inspired_oxygen_fraction"]] == pytest.approx([0.4, 0.6])

    def test_a_bolus_of_before_wanes(self) -> None:
        bolus = Given(DrugDose(Drug.ESMOLOL, 80.0, Route.INTRAVENOUS), -300.0)
        found = controls_over(schedule([], ADULT, [bolus]), self.TIMES)
        blocked = found[:, CONTROL_INDEX["beta_blockade"]]
        assert blocked[0] == pytest.approx(0.0, abs=1e-6)
        assert blocked[2] < blocked[1] < -0.02

    def test_a_fit_is_told_the_present_effects_as_parameters(self) -> None:
        given = standing_parameters(schedule([], ADULT, [self.RUNNING]))
        now = controls_at(schedule([], ADULT, [self.RUNNING]), 0.0)
        assert set(given) == {each for each in PARAMETER_INDEX if each.startswith("standing_")}
        for parameter, value in given.items():
            control = next(each for each in CONTROL_INDEX if each.startswith(parameter[9:]))
            assert value == now[CONTROL_INDEX[control]]


def test_a_stopped_infusion_has_lost_half_its_effect_site_after_a_few_half_lives() -> None:
    given: list[Given | Stop] = [
        Given(Infusion(Drug.NOREPINEPHRINE, 0.2), -3600.0),
        Stop(Drug.NOREPINEPHRINE),
    ]
    tone = controls_over(schedule(given, ADULT), np.array([0.0, 380.0, 1200.0]))[
        :, CONTROL_INDEX["vasoconstriction"]
    ]
    assert tone[0] > 0.4 * MOST
    assert tone[1] < 0.5 * tone[0]
    assert tone[2] < 0.02


class TestReceptors:
    def test_a_beta_blocker_moves_the_curve_of_a_beta_agonist_to_the_right(self) -> None:
        # Schild: where the blocker is at its constant, twice the agonist does what one did.
        alone = controls_at(schedule([Infusion(Drug.DOBUTAMINE, 5.0)], ADULT), 7200.0)
        constant = PHARMACOLOGY[Drug.ESMOLOL].blocks
        rate = next(iter(constant.values())) * PHARMACOLOGY[Drug.ESMOLOL].clearance_l_per_kg_min
        both = controls_at(
            schedule([Infusion(Drug.DOBUTAMINE, 10.0), Infusion(Drug.ESMOLOL, rate)], ADULT),
            7200.0,
        )
        column = CONTROL_INDEX["inotropy"]
        assert both[column] == pytest.approx(alone[column], rel=1e-3)

    def test_a_beta_1_blocker_leaves_alpha_effects_as_they_are(self) -> None:
        given = [Infusion(Drug.NOREPINEPHRINE, 0.2)]
        alone = controls_at(schedule(given, ADULT), 3600.0)
        both = controls_at(schedule([*given, Infusion(Drug.ESMOLOL, 100.0)], ADULT), 3600.0)
        for name in ("vasoconstriction", "venoconstriction"):
            assert both[CONTROL_INDEX[name]] == alone[CONTROL_INDEX[name]]
        assert both[CONTROL_INDEX["chronotropy"]] < alone[CONTROL_INDEX["chronotropy"]]

    def test_labetalol_blocks_alpha_effects_too(self) -> None:
        given: list[Intervention] = [Infusion(Drug.PHENYLEPHRINE, 2.0)]
        alone = controls_at(schedule(given, ADULT), 1800.0)
        blocked = [*given, DrugDose(Drug.LABETALOL, 80.0, Route.INTRAVENOUS)]
        both = controls_at(schedule(blocked, ADULT), 1800.0)
        column = CONTROL_INDEX["vasoconstriction"]
        assert both[column] < 0.9 * alone[column]


def test_epinephrine_widens_vessels_at_low_and_narrows_them_at_high_rates() -> None:
    def tone(rate: float) -> float:
        planned = schedule([Infusion(Drug.EPINEPHRINE, rate)], ADULT)
        return float(controls_at(planned, 1800.0)[CONTROL_INDEX["vasoconstriction"]])

    # Stratton 1985: resistance falls; Goradia 2021: pressor as norepinephrine in shock.
    assert tone(0.025) < -0.25
    assert tone(0.1) < -0.35
    assert tone(1.0) > 0.2


def test_nitroglycerin_reaches_the_veins_at_rates_that_spare_the_arterioles() -> None:
    def shares(rate: float) -> tuple[float, float]:
        now = controls_at(schedule([Infusion(Drug.NITROGLYCERIN, rate)], ADULT), 1800.0)
        veins, arterioles = PHARMACOLOGY[Drug.NITROGLYCERIN].effects[:2]
        return (
            now[CONTROL_INDEX["venoconstriction"]] / veins.most,
            now[CONTROL_INDEX["vasoconstriction"]] / arterioles.most,
        )

    # Bayley 1984, Intensive Care Med 10:139: veins at 10, arterioles from 40 µg/min on.
    assert shares(10.0)[0] > 0.2 > 4 * shares(10.0)[1]
    assert shares(160.0)[1] > 0.4


def test_a_fluid_is_given_whole_and_then_stops() -> None:
    given = schedule([Fluid(FluidKind.RED_CELLS, 300.0, 600.0)], ADULT)
    controls = controls_over(given, np.arange(0.5, 1200.0))
    assert controls[:, CONTROL_INDEX["fluid_ml_per_s"]].sum() == pytest.approx(300.0, rel=1e-4)
    # A unit of red cells brings about 60 g of haemoglobin.
    assert 50 < controls[:, CONTROL_INDEX["haemoglobin_g_per_s"]].sum() < 65


def test_a_fluid_that_is_stopped_gives_the_part_that_ran_in() -> None:
    given = schedule(
        [
            Given(Fluid(FluidKind.CRYSTALLOID, 600.0, 600.0), 60.0),
            Stop(FluidKind.CRYSTALLOID, 260),
        ],
        ADULT,
    )
    controls = controls_over(given, np.arange(0.5, 1200.0))
    assert controls[:, CONTROL_INDEX["fluid_ml_per_s"]].sum() == pytest.approx(200.0, rel=1e-4)


def test_bleeding_and_oxygen_reach_the_controls() -> None:
    given = schedule([Bleeding(60.0, 120.0), Oxygen(0.5)], ADULT)
    controls = controls_over(given, np.arange(0.5, 600.0))
    assert controls[:, CONTROL_INDEX["bleeding_ml_per_s"]].sum() == pytest.approx(120.0)
    assert (controls[:, CONTROL_INDEX["inspired_oxygen_fraction"]] == 0.5).all()


def test_every_drug_is_modelled_names_its_source_and_can_be_given_in_some_way() -> None:
    assert set(PHARMACOLOGY) == set(Drug)
    for drug, row in PHARMACOLOGY.items():
        assert row.source
        assert row.effects
        assert all(effect.control in CONTROL_INDEX for effect in row.effects)
        assert sum(phase.share for phase in row.phases) == pytest.approx(1.0, abs=2e-3)
        ways = {way for known, way in SINGLE_DOSE if known is drug}
        assert ways or drug in INFUSION_RATE
        by_mouth = ways & {Route.ORAL, Route.SUBLINGUAL}
        assert bool(by_mouth) == (row.absorption_half_life_s is not None)


@pytest.mark.parametrize("given", [*INFUSIONS, *DOSES], ids=str)
def test_every_plausible_dose_gives_finite_controls_and_shares_below_one(
    given: Intervention,
) -> None:
    controls = controls_over(schedule([given], ADULT), np.arange(0.0, 6 * 3600.0, 60.0))
    assert np.isfinite(controls).all()
    assert np.abs(controls).max() > 1e-4
    shares = controls[:, [CONTROL_INDEX[name] for name in SHARES]]
    assert (shares >= 0).all()
    assert (shares <= 1).all()


def test_two_beta_blockers_block_no_more_than_all() -> None:
    given: list[Intervention] = [
        Infusion(Drug.ESMOLOL, 300.0),
        DrugDose(Drug.METOPROLOL, 15.0, Route.INTRAVENOUS),
        DrugDose(Drug.LABETALOL, 100.0, Route.INTRAVENOUS),
    ]
    blocked = controls_at(schedule(given, ADULT), 1800.0)[CONTROL_INDEX["beta_blockade"]]
    assert 0.9 < blocked < 1.0


def test_equal_half_lives_in_series_are_refused() -> None:
    with pytest.raises(ValueError, match="two half-lives are equal"):
        Pharmacology(one_phase(60.0), 1.0, 60.0, (Effect("inotropy", 1.0, 1.0),), "by hand")
