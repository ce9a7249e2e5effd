"""Recorded treatment: what the fit, the causes, the forecast and every plan know of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from twin.core.causes import Causes, CauseWeigher
from twin.core.comparison import Plan, compare_interventions
from twin.core.fit import ConvergedFit
from twin.core.forecast import forecast
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.hypotheses import Cause
from twin.core.interventions import (
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Infusion,
    Intervention,
    Oxygen,
    Route,
    Stop,
)
from twin.core.parameters import PARAMETER_INDEX, PARAMETERS, Body
from twin.core.prior import COORDINATES, EMULATED, Expectation
from twin.core.treatment import (
    FORGOTTEN,
    UNTREATED,
    Administration,
    screened,
    standing_at,
    underway_at,
)
from twin.store.emulator_file import read_cause_emulator

if TYPE_CHECKING:
    from tests.twin.conftest import Bedside
    from twin.core.estimate import Estimator

HALF_AN_HOUR_S = 1800.0
PRESSURE = Quantity.MEAN_PRESSURE

LOW = {
    Quantity.HEART_RATE: 100.0,
    Quantity.SYSTOLIC_PRESSURE: 90.0,
    Quantity.DIASTOLIC_PRESSURE: 52.0,
    Quantity.MEAN_PRESSURE: 65.0,
    Quantity.OXYGEN_SATURATION: 96.0,
}
NOREPINEPHRINE = Infusion(Drug.NOREPINEPHRINE, 0.2)


def since(bedside: Bedside, minutes: float, what: Intervention) -> tuple[Administration, ...]:
    return (Administration(what, bedside.noon - timedelta(minutes=minutes), None),)


def fitted(
    estimator: Estimator,
    bedside: Bedside,
    given: tuple[Administration, ...],
    hours_ago: float = 0.0,
) -> ConvergedFit:
    measurements = bedside.seen(LOW, hours_ago=hours_ago)
    fit = estimator.fit(measurements, bedside.man, bedside.noon, given).converged()
    assert fit is not None
    return fit


def resistance(fit: ConvergedFit) -> float:
    return float(fit.parameters[PARAMETER_INDEX["systemic_resistance"]].mean())


class TestTheFit:
    def test_the_same_pressure_under_a_vasopressor_means_far_emptier_vessels(
        self, estimator: Estimator, bedside: Bedside
    ) -> None:
        untreated = fitted(estimator, bedside, ())
        treated = fitted(estimator, bedside, since(bedside, 180.0, NOREPINEPHRINE))
        assert resistance(treated) < 0.75 * resistance(untreated)
        # What is measured is the same: the drug explains it together with the patient.
        assert treated.estimates[PRESSURE].median == pytest.approx(
            untreated.estimates[PRESSURE].median, abs=5.0
        )

    def test_what_began_after_the_vital_signs_is_not_in_them(
        self, estimator: Estimator, bedside: Bedside
    ) -> None:
        later = fitted(estimator, bedside, since(bedside, 5.0, NOREPINEPHRINE), hours_ago=0.25)
        untreated = fitted(estimator, bedside, (), hours_ago=0.25)
        np.testing.assert_array_equal(later.parameters, untreated.parameters)

    def test_each_set_of_vital_signs_is_explained_under_what_ran_then(
        self, estimator: Estimator, bedside: Bedside
    ) -> None:
        # The same pressures an hour apart, but the drug was begun between them: he is falling.
        measurements = [*bedside.seen(LOW, hours_ago=1.0), *bedside.seen(LOW)]
        begun = since(bedside, 30.0, NOREPINEPHRINE)
        fits = [
            estimator.fit(measurements, bedside.man, bedside.noon, given) for given in ((), begun)
        ]
        still, falling = (fit.drift_per_h for fit in fits)
        assert still is not None
        assert falling is not None
        # What falls is blood or tone: pressures and rate do not tell which.
        blood, tone = 0, 5
        assert falling[[blood, tone]].sum(axis=0).mean() < (
            still[[blood, tone]].sum(axis=0).mean() - 0.1
        )


class TestThePlans:
    def test_an_infusion_that_goes_on_changes_nothing(
        self, estimator: Estimator, bedside: Bedside
    ) -> None:
        given = since(bedside, 180.0, NOREPINEPHRINE)
        fit = fitted(estimator, bedside, given)
        underway = underway_at(given, fit.fit.taken_at, bedside.noon)
        (again,) = compare_interventions(
            fit, (Plan("the same rate", (NOREPINEPHRINE,)),), HALF_AN_HOUR_S, underway
        ).effects
        assert again.change[PRESSURE].median == pytest.approx(0.0, abs=0.5)

    def test_stopping_it_lowers_the_pressure_and_raising_it_raises_it(
        self, estimator: Estimator, bedside: Bedside
    ) -> None:
        given = since(bedside, 180.0, NOREPINEPHRINE)
        fit = fitted(estimator, bedside, given)
        plans = (
            Plan("stop", (Stop(Drug.NOREPINEPHRINE),)),
            Plan("half", (Infusion(Drug.NOREPINEPHRINE, 0.1),)),
            Plan("more", (Infusion(Drug.NOREPINEPHRINE, 0.3),)),
        )
        underway = underway_at(given, fit.fit.taken_at, bedside.noon)
        compared = compare_interventions(fit, plans, HALF_AN_HOUR_S, underway)
        stop, half, more = (each.change[PRESSURE] for each in compared.effects)
        assert stop.high < 0.0
        assert stop.median < half.median < 0.0 < more.median
        assert compared.baseline.change[PRESSURE].median == 0.0

    def test_a_rate_is_no_addition_to_the_one_that_runs(
        self, estimator: Estimator, bedside: Bedside
    ) -> None:
        given = since(bedside, 180.0, NOREPINEPHRINE)
        fit = fitted(estimator, bedside, given)
        less = (Plan("0.1", (Infusion(Drug.NOREPINEPHRINE, 0.1),)),)
        underway = underway_at(given, fit.fit.taken_at, bedside.noon)
        (known,) = compare_interventions(fit, less, HALF_AN_HOUR_S, underway).effects
        (unknown,) = compare_interventions(fit, less, HALF_AN_HOUR_S).effects
        assert known.change[PRESSURE].high < 0.0 < unknown.change[PRESSURE].low

    def test_what_was_begun_since_the_vital_signs_acts_with_every_plan_and_with_none(
        self, estimator: Estimator, bedside: Bedside
    ) -> None:
        given = since(bedside, 5.0, NOREPINEPHRINE)
        fit = fitted(estimator, bedside, given, hours_ago=0.25)
        underway = underway_at(given, fit.fit.taken_at, bedside.noon)
        compared = compare_interventions(
            fit, (Plan("stop", (Stop(Drug.NOREPINEPHRINE),)),), HALF_AN_HOUR_S, underway
        )
        idle, (stop,) = compared.baseline, compared.effects
        assert idle.after[PRESSURE].median > idle.before[PRESSURE].median + 10.0
        assert stop.after[PRESSURE].median == pytest.approx(idle.before[PRESSURE].median, abs=6.0)

    def test_a_fluid_that_ran_in_since_the_vital_signs_is_in_the_vessels(
        self, estimator: Estimator, bedside: Bedside
    ) -> None:
        bolus = (
            Administration(
                Fluid(FluidKind.ALBUMIN, 500.0, 600.0), bedside.noon - timedelta(minutes=20), None
            ),
        )
        fit = fitted(estimator, bedside, bolus, hours_ago=0.5)
        underway = underway_at(bolus, fit.fit.taken_at, bedside.noon)
        idle = compare_interventions(fit, (), HALF_AN_HOUR_S, underway).baseline
        row = QUANTITY_INDEX[Quantity.BLOOD_VOLUME]
        gained = float(np.median(idle.members[row] - fit.fit.now[row]))
        assert 200.0 < gained < 500.0

    def test_no_recorded_treatment_is_as_before(
        self, estimator: Estimator, bedside: Bedside
    ) -> None:
        assert underway_at((), bedside.noon, bedside.noon) is UNTREATED


def test_the_forecast_goes_where_treatment_begun_since_leads(
    estimator: Estimator, bedside: Bedside
) -> None:
    given = since(bedside, 5.0, NOREPINEPHRINE)
    fit = fitted(estimator, bedside, given, hours_ago=0.25)
    underway = underway_at(given, fit.fit.taken_at, bedside.noon)
    known = forecast(fit, HALF_AN_HOUR_S, underway=underway).at_horizon[PRESSURE]
    unknown = forecast(fit, HALF_AN_HOUR_S).at_horizon[PRESSURE]
    assert known.median > unknown.median + 10.0


class TestCauses:
    def probabilities(self, bedside: Bedside, given: tuple[Administration, ...]) -> Causes:
        weigher = CauseWeigher(read_cause_emulator())
        found = weigher.weigh(bedside.seen(LOW), bedside.man, bedside.noon, given=given)
        assert isinstance(found, Causes)
        return found

    def test_a_vasopressor_that_does_not_suffice_speaks_for_vessels_without_tone(
        self, bedside: Bedside
    ) -> None:
        untreated = self.probabilities(bedside, ())
        treated = self.probabilities(bedside, since(bedside, 180.0, NOREPINEPHRINE))
        pump = Cause.PUMP_FAILURE
        assert treated.probability(pump) < untreated.probability(pump)
        assert treated.likeliest.cause is Cause.VASOPLEGIA

    def test_a_running_dilator_that_explains_the_trouble_is_no_other_cause(
        self, bedside: Bedside
    ) -> None:
        untreated = self.probabilities(bedside, ())
        dilated = self.probabilities(bedside, since(bedside, 60.0, Infusion(Drug.NICARDIPINE, 10)))
        assert dilated.probability(Cause.NONE_OF_THESE) > 1.3 * untreated.probability(
            Cause.NONE_OF_THESE
        )
        assert any("Recorded treatment is known" in said for said in dilated.sentences)


class TestScreening:
    def test_what_cannot_be_simulated_is_named_with_its_reason(self, bedside: Bedside) -> None:
        begun = bedside.noon - timedelta(hours=1)
        flood = Administration(Infusion(Drug.NOREPINEPHRINE, 500.0), begun, None)
        oxygen = Administration(Oxygen(0.4), begun, None)
        right = Administration(NOREPINEPHRINE, begun, None)
        kept, refused = screened((flood, oxygen, right), bedside.man, bedside.noon)
        assert kept == (right,)
        reasons = {each.administration: each.reason for each in refused}
        assert "outside the plausible range" in reasons[flood]
        assert "measured at the bedside" in reasons[oxygen]

    def test_a_dose_by_weight_of_a_patient_without_one_is_refused(self, bedside: Bedside) -> None:
        dose = DrugDose(Drug.METOPROLOL, 5.0, Route.INTRAVENOUS)
        given = (Administration(dose, bedside.noon, None),)
        nobody = Body(None, None, None, None)
        kept, (refused,) = screened(given, nobody, bedside.noon)
        assert kept == ()
        assert "Record a weight" in refused.reason

    def test_what_ended_days_ago_no_longer_counts(self, bedside: Bedside) -> None:
        ended = bedside.noon - FORGOTTEN - timedelta(minutes=1)
        past = Administration(NOREPINEPHRINE, ended - timedelta(hours=5), ended)
        assert screened((past,), bedside.man, bedside.noon) == ((), ())

    def test_an_infusion_that_runs_for_months_still_runs(self, bedside: Bedside) -> None:
        begun = bedside.noon - timedelta(days=90)
        long = Administration(Infusion(Drug.MILRINONE, 0.4), begun, None)
        kept, _ = screened((long,), bedside.man, bedside.noon)
        assert kept == (long,)
        assert standing_at(kept, bedside.man, bedside.noon)["standing_inotropy"] > 0.1


@pytest.mark.parametrize("tone", [-0.4, 0.0, 0.9])
def test_the_emulator_is_asked_about_the_very_circulation_that_the_members_are(
    bedside: Bedside, tone: float
) -> None:
    expected = Expectation.of(bedside.man, {}, {"standing_vasoconstriction": tone})
    (resistance,) = expected.members(np.zeros((len(COORDINATES), 1)))[
        PARAMETER_INDEX["systemic_resistance"]
    ]
    asked = np.exp(expected.emulator_middle()[EMULATED.index("systemic_resistance")])
    assert asked == pytest.approx(resistance * expected.size, rel=1e-3)
    untreated = PARAMETERS[PARAMETER_INDEX["systemic_resistance"]].default
    assert np.sign(round(asked - untreated, 6)) == -np.sign(tone)
