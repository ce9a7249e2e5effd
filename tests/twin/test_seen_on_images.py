"""What an ECG or a radiograph tells the twin: atria that do not beat, a forced rate, priors."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from twin.core.comparison import Plan, compare_interventions
from twin.core.fit import ConvergedFit
from twin.core.haemodynamics import Quantity
from twin.core.interventions import (
    Drug,
    DrugDose,
    Insult,
    InsultKind,
    Route,
    Setting,
    SettingKind,
)
from twin.core.measurements import Condition, Measurement
from twin.core.parameters import PARAMETER_INDEX
from twin.core.prior import EMULATED, MOST_CONGESTION, Expectation
from twin.core.treatment import Administration, screened, underway_at

if TYPE_CHECKING:
    from tests.twin.conftest import Bedside
    from twin.core.estimate import Estimator

BLOCKED = {
    Quantity.HEART_RATE: 42.0,
    Quantity.SYSTOLIC_PRESSURE: 118.0,
    Quantity.DIASTOLIC_PRESSURE: 58.0,
    Quantity.OXYGEN_SATURATION: 96.0,
}
BLOCK = Insult(InsultKind.HEART_BLOCK, 42.0)
ATROPINE = DrugDose(Drug.ATROPINE, 1.0, Route.INTRAVENOUS)


def fitted(
    estimator: Estimator,
    bedside: Bedside,
    values: dict[Quantity, float],
    *conditions: Measurement,
    given: tuple[Administration, ...] = (),
) -> ConvergedFit:
    measurements = [*bedside.seen(values), *conditions]
    fit = estimator.fit(measurements, bedside.man, bedside.noon, given).converged()
    assert fit is not None
    return fit


def seen(bedside: Bedside, condition: Condition, value: float) -> Measurement:
    return Measurement(condition, value, bedside.noon - timedelta(minutes=20), "Media/1 read by d")


def test_atria_that_do_not_beat_are_in_every_circulation_of_the_fit(
    estimator: Estimator, bedside: Bedside
) -> None:
    row = PARAMETER_INDEX["standing_atrial_kick_loss"]
    lost = seen(bedside, Condition.ATRIAL_KICK_LOSS, 1.0)
    fibrillating = fitted(estimator, bedside, dict(bedside.stable), lost)
    assert np.all(fibrillating.parameters[row] == 1.0)
    sinus = fitted(
        estimator, bedside, dict(bedside.stable), seen(bedside, Condition.ATRIAL_KICK_LOSS, 0.0)
    )
    assert np.all(sinus.parameters[row] == 0.0)


@pytest.mark.parametrize(
    ("rhythm", "held"), [(None, False), (Administration, True)], ids=["sinus", "block"]
)
def test_a_blocked_heart_keeps_its_rate_whatever_drug_is_tried(
    estimator: Estimator, bedside: Bedside, rhythm: type[Administration] | None, held: bool
) -> None:
    begun = bedside.noon - timedelta(hours=48)
    given = () if rhythm is None else (rhythm(BLOCK, begun, None, "Media/1"),)
    fit = fitted(estimator, bedside, BLOCKED, given=given)
    underway = underway_at(given, fit.fit.taken_at, bedside.noon)
    (idle, *_) = compare_interventions(fit, (Plan("nothing", ()),), 900.0, underway).effects
    (tried, *_) = compare_interventions(
        fit, (Plan("atropine", (ATROPINE,)),), 900.0, underway
    ).effects
    rate = Quantity.HEART_RATE
    assert idle.change[rate].median == pytest.approx(0.0, abs=0.5)
    risen = tried.change[rate].median
    assert (risen < 1.0) is held


def test_a_paced_heart_does_not_beat_slower_than_it_is_paced(
    estimator: Estimator, bedside: Bedside
) -> None:
    given = (
        Administration(
            Setting(SettingKind.PACING, 74.0), bedside.noon - timedelta(hours=48), None, "Media/1"
        ),
    )
    fit = fitted(estimator, bedside, dict(bedside.stable), given=given)
    slowed = DrugDose(Drug.METOPROLOL, 10.0, Route.INTRAVENOUS)
    falls = []
    for known in ((), given):
        underway = underway_at(known, fit.fit.taken_at, bedside.noon)
        (tried, *_) = compare_interventions(
            fit, (Plan("slower", (slowed,)),), 900.0, underway
        ).effects
        falls.append(tried.change[Quantity.HEART_RATE].median)
    assert falls[0] < -3.0
    assert falls[1] > -1.0


def test_a_rhythm_counts_as_given_and_other_insults_do_not(bedside: Bedside) -> None:
    begun = bedside.noon - timedelta(hours=1)
    tamponade = Administration(Insult(InsultKind.TAMPONADE, 200.0), begun, None)
    rhythm = Administration(BLOCK, begun, None)
    kept, refused = screened((rhythm, tamponade), bedside.man, bedside.noon)
    assert kept == (rhythm,)
    assert [each.administration for each in refused] == [tamponade]


@pytest.mark.parametrize(
    ("ratio", "share"), [(0.45, 1.0), (0.5, 1.0), (0.55, 1.05), (0.75, 1.0 + MOST_CONGESTION)]
)
def test_an_enlarged_heart_is_expected_to_hold_more_blood_in_a_body_of_the_same_size(
    bedside: Bedside, ratio: float, share: float
) -> None:
    usual = Expectation.of(bedside.man, {})
    enlarged = Expectation.of(bedside.man, {Condition.CARDIOTHORACIC_RATIO: ratio})
    row = PARAMETER_INDEX["blood_volume"]
    assert enlarged.parameters[row] / usual.parameters[row] == pytest.approx(share)
    assert enlarged.size == usual.size
    moved = enlarged.emulator_middle() - usual.emulator_middle()
    assert moved[EMULATED.index("blood_volume")] == pytest.approx(np.log(share), abs=1e-9)
    assert np.flatnonzero(np.abs(moved) > 1e-9).size == (share > 1.0)


def test_opaque_lungs_are_expected_to_shunt(estimator: Estimator, bedside: Bedside) -> None:
    usual = Expectation.of(bedside.man, {})
    opaque = Expectation.of(bedside.man, {Condition.LUNG_OPACITY: 0.3})
    row = PARAMETER_INDEX["pulmonary_shunt"]
    assert opaque.parameters[row] - usual.parameters[row] == pytest.approx(0.21)
    place = EMULATED.index("pulmonary_shunt")
    assert opaque.emulator_middle()[place] == pytest.approx(np.log(opaque.parameters[row]))


def test_a_measured_saturation_outweighs_what_a_radiograph_lets_expect(
    estimator: Estimator, bedside: Bedside
) -> None:
    row = PARAMETER_INDEX["pulmonary_shunt"]
    stable = dict(bedside.stable)
    plain = fitted(estimator, bedside, stable)
    expected = fitted(estimator, bedside, stable, seen(bedside, Condition.LUNG_OPACITY, 0.3))
    prior = 0.03 + 0.21
    apart = float(expected.parameters[row].mean() - plain.parameters[row].mean())
    assert 0.0 < apart < 0.5 * prior
