"""``cardiotwin evaluate forecast``: past data only, other patients' constants, honest figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from scipy.special import expit, logit
from typer.testing import CliRunner

from cds_hooks.cli import evaluate
from cds_hooks.cli.evaluate_forecast import news2_of
from tests.twin.evaluation.conftest import write_inputs, write_vitals
from twin.core.estimate import Estimator
from twin.core.haemodynamics import Quantity
from twin.core.interventions import Drug, Fluid, Infusion
from twin.core.wandering import CENTILES
from twin.core.wanderings import SHIPPED
from twin.evaluation.baselines import autoregression, half_and_half
from twin.evaluation.chart import Column, Given, Patient, Stay
from twin.evaluation.cohort import cohort_of
from twin.evaluation.crossfit import FOLDS, cross_fitted, folds_of, shipped
from twin.evaluation.fitting import START, fitted
from twin.evaluation.horizons import calibrated, happened, platt
from twin.evaluation.icu_chart import read_charts
from twin.evaluation.own_forecast import given_until, own_forecasts
from twin.evaluation.scores import FIFTH, MEDIAN, NINETY_FIFTH, auroc, probability_below

PRESSURE = Quantity.MEAN_PRESSURE


def run(*arguments: str) -> tuple[int, str]:
    application = typer.Typer()
    evaluate.register(application)
    application.callback()(lambda: None)
    result = CliRunner().invoke(application, ["evaluate", "forecast", *arguments])
    return result.exit_code, result.stdout


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("charts")
    vitals = write_vitals(folder / "vitals.csv", patients=3, hours=30)
    given = [(0, 120, 120, "Levophed-k", "", "", 0.1, "mcgkgmin", "cv")]
    code, text = run(
        str(vitals), "--inputs", str(write_inputs(folder / "inputs.csv", given)), "--json"
    )
    assert code == 0
    found: dict[str, Any] = json.loads(text)
    return found


def test_one_object_holds_every_figure_asked_for(printed: dict[str, Any]) -> None:
    assert printed["patients"] == 3
    for name in ("map", "heart_rate", "oxygen_saturation"):
        assert printed[name]["pairs"] == 3 * 29
        for key in ("mae", "crps", "coverage90", "width90"):
            figure = printed[name][key]
            assert figure["low"] <= figure["value"] <= figure["high"]
        assert printed[name]["persistence_mae"] > 0
        assert printed[name]["ar_mae"] > 0
    assert {"auroc", "auprc", "events", "current_map_auroc"} <= printed["hypotension"].keys()
    # The norepinephrine was started and, held no longer, stopped.
    assert printed["after_intervention"]["pairs"] >= 2
    assert printed["after_intervention"]["patients"] == 1
    assert printed["within_minutes"]["hypotension"].keys() == {"5", "30", "60", "360"}
    assert printed["within_minutes"]["shock"] is None


def test_hidden_values_are_estimated_from_vital_signs_before_they_are_shown(
    printed: dict[str, Any],
) -> None:
    for name, truth in (("cardiac_output", 5.2), ("cvp", 8.0)):
        alone, told = (printed[name][key] for key in ("from_vital_signs", "with_the_last_value"))
        # Charted twice in thirty hours in each of three patients, the second time after the first.
        assert alone["estimated"] == printed[name]["values"] == 6
        assert told["estimated"] == 3
        # Nothing of the truth was shown, so the estimate misses it; the last value is the truth.
        assert 0.0 < alone["mae"]["value"] < truth
        assert told["mae"]["value"] != alone["mae"]["value"]
        assert told["mae_without_twin"]["value"] == 0.0


def test_the_forecast_that_a_card_shows_is_judged_beside_the_belief_it_rests_on(
    printed: dict[str, Any],
) -> None:
    for found in printed["own_forecast"].values():
        assert 0 < found["pairs"] <= found["asked"]
        assert found["mae"]["value"] > 0.0
        assert 0.0 <= found["coverage90"]["value"] <= 1.0
        own = found["mae_against_persistence"]["value"]
        assert own == pytest.approx(found["belief_alone_against_persistence"]["value"], abs=0.1)
        assert found["hypotension_within_minutes"].keys() == {"60", "360"}


def test_with_few_patients_the_constants_that_ship_are_used_and_that_is_said(
    printed: dict[str, Any],
) -> None:
    assert printed["constants"]["folds"] == 0
    assert "release" in printed["constants"]["fitted_to"]


def test_what_cannot_be_read_ends_with_status_2_and_prints_nothing(tmp_path: Path) -> None:
    code, text = run(str(tmp_path / "nowhere.csv"), "--json")
    assert code == 2
    assert not text


def test_a_forecast_does_not_change_when_the_future_does(vitals: Path) -> None:
    until = 20 * 60
    cut = vitals.with_name("cut.csv")
    lines = vitals.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines[1:] if float(line.split(",")[2]) <= until]
    cut.write_text(lines[0] + "".join(kept), encoding="utf-8")
    whole, short = (cohort_of(read_charts(path, None), PRESSURE) for path in (vitals, cut))
    known = SHIPPED[PRESSURE]
    early = whole.minute[whole.next] <= until
    np.testing.assert_array_equal(shipped(whole, known).rows[early], shipped(short, known).rows)


def test_the_twins_own_forecast_does_not_change_when_the_future_does(
    vitals: Path, estimator: Estimator
) -> None:
    until = 12 * 60
    cut = vitals.with_name("cut.csv")
    lines = vitals.read_text(encoding="utf-8").splitlines(keepends=True)
    cut.write_text(
        lines[0] + "".join(each for each in lines[1:] if float(each.split(",")[2]) <= until),
        encoding="utf-8",
    )
    rows = {}
    for path in (vitals, cut):
        patients = read_charts(path, None)[:1]
        cohort = cohort_of(patients, PRESSURE)
        own = own_forecasts(patients, cohort, estimator, with_treatment=True)
        by_minute = dict(zip(cohort.minute[cohort.now[own.pairs]], own.rows, strict=True))
        rows[path] = [row for minute, row in by_minute.items() if minute < until]
    assert len(rows[cut]) > 6
    np.testing.assert_array_equal(rows[vitals], rows[cut])


def test_what_ran_until_a_minute_is_known_then_and_when_it_will_end_is_not() -> None:
    def row(start: float, end: float, rate: float) -> Given:
        return Given(start, end, "Levophed", None, "", rate, "mcgkgmin", "mv")

    bolus = Given(150.0, 160.0, "NaCl 0.9%", 500.0, "ml", None, "", "mv")
    patient = Patient("1", (), (row(0.0, 100.0, 0.1), row(100.0, 300.0, 0.2), bolus))
    (before,) = given_until(patient, 50.0)
    assert before.intervention == Infusion(Drug.NOREPINEPHRINE, 0.1)
    assert before.ends_at is None
    first, second = given_until(patient, 120.0)
    assert first.ends_at == second.starts_at
    assert (second.intervention, second.ends_at) == (Infusion(Drug.NOREPINEPHRINE, 0.2), None)
    assert any(isinstance(each.intervention, Fluid) for each in given_until(patient, 200.0))
    assert all(each.ends_at is not None for each in given_until(patient, 400.0)[:2])


def test_a_patient_is_judged_by_constants_that_others_taught(tmp_path: Path) -> None:
    patients = read_charts(write_vitals(tmp_path / "vitals.csv", 18, 24), None)
    cohort = cohort_of(patients, PRESSURE)
    folds = folds_of(cohort)
    found = cross_fitted(cohort, with_treatment=False)
    assert len(found.taught_by) == FOLDS
    # Another course of the patients of one fold changes the constants of all folds but theirs.
    for stay, fold in zip(cohort.stays, folds[cohort.first], strict=True):
        if fold == 0:
            stay.values[:, :] += 30.0 * np.random.default_rng(0).standard_normal((24, 1))
    again = cross_fitted(cohort, with_treatment=False)
    same = [
        one[0].wandering == two[0].wandering
        for one, two in zip(found.taught_by, again.taught_by, strict=True)
    ]
    assert same == [True] + [False] * (FOLDS - 1)


def test_on_patients_who_wander_as_assumed_intervals_hold_and_persistence_is_beaten(
    tmp_path: Path,
) -> None:
    patients = read_charts(write_vitals(tmp_path / "vitals.csv", 40, 60), None)
    cohort = cohort_of(patients, PRESSURE)
    found = shipped(cohort, SHIPPED[PRESSURE])
    truth, rows = cohort.value_next, found.rows
    held = np.mean((truth >= rows[:, FIFTH]) & (truth <= rows[:, NINETY_FIFTH]))
    assert 0.86 < held < 0.96
    error = np.mean(np.abs(truth - rows[:, MEDIAN]))
    folds = folds_of(cohort)[cohort.now]
    simple = {
        "current": cohort.value_now,
        "half": half_and_half(cohort),
        "linear": autoregression(cohort, folds),
    }
    for name, each in simple.items():
        assert error < np.mean(np.abs(truth - each)), name
    assert rows.shape[1] == len(CENTILES)


def test_a_fit_finds_which_of_two_wards_is_the_noisier(tmp_path: Path) -> None:
    cohort = cohort_of(read_charts(write_vitals(tmp_path / "v.csv", 20, 60), None), PRESSURE)
    everybody = np.ones(len(cohort.stays), bool)
    calm = fitted(cohort, everybody, with_treatment=False).wandering
    random = np.random.default_rng(1)
    for stay in cohort.stays:
        stay.values[:, 0] += 8.0 * random.standard_normal(len(stay.hours))
    cohort.target[:] = np.concatenate([stay.target for stay in cohort.stays])
    noisy = fitted(cohort, everybody, with_treatment=False).wandering
    assert noisy.other_noise_sd > 1.2 * calm.other_noise_sd
    assert calm.effect_share == 0.0
    assert calm.level != START[PRESSURE].level


def test_an_event_is_a_value_charted_below_the_limit_in_time(tmp_path: Path) -> None:
    path = tmp_path / "vitals.csv"
    rows = [(0, 70), (60, 72), (100, 60), (400, 50), (460, 70)]
    path.write_text(
        "subject,icustay,minute,channel,value\n"
        + "".join(f"1,1,{minute},nbp_mean,{value}\n" for minute, value in rows),
        encoding="utf-8",
    )
    cohort = cohort_of(read_charts(path, None), PRESSURE)
    assert cohort.value_now.tolist() == [70.0, 72.0, 50.0]
    pairs = np.array([0, 1])
    told = {minutes: happened(cohort, pairs, 65.0, minutes) for minutes in (30, 60, 120)}
    assert told[30][1].tolist() == [False, False]
    assert [each.tolist() for each in told[60]] == [[False, True], [True, True]]
    assert told[120][0].tolist() == [True, True]


def test_a_curve_makes_shares_of_paths_into_frequencies() -> None:
    random = np.random.default_rng(0)
    share = random.random(20_000)
    event = random.random(20_000) < expit(-1.0 + 0.6 * logit(share))
    assert platt(share, event) == pytest.approx((-1.0, 0.6), abs=0.05)
    probability = calibrated(share, platt(share, event))
    for low, high in ((0.1, 0.3), (0.4, 0.6), (0.7, 0.9)):
        here = (share > low) & (share < high)
        assert probability[here].mean() == pytest.approx(event[here].mean(), abs=0.03)


def test_news2_is_scored_from_what_is_charted_and_recent() -> None:
    def column(value: float) -> Column:
        return Column(np.array([0.0]), np.array([value]))

    stay = Stay(
        "1",
        {
            "respiratory_rate": column(26.0),
            "spo2": column(90.0),
            "nbp_systolic": column(88.0),
            "heart_rate": column(135.0),
            "temperature_c": column(34.0),
            "gcs": column(12.0),
            "fio2": column(0.5),
        },
    )
    # 3 points for each of six, 2 for oxygen: the most there is. After hours nothing counts.
    assert news2_of(stay, np.array([0.0, 600.0])).tolist() == [20.0, 0.0]


def test_on_real_charts_unseen_patients_are_foreseen_better_than_by_their_last_value(
    shared_data: Path,
) -> None:
    patients = read_charts(
        shared_data / "icu/mimic3_demo_vitals.csv.gz",
        shared_data / "icu/mimic3_demo_inputs.csv.gz",
    )
    cohort = cohort_of(patients, PRESSURE)
    found = cross_fitted(cohort, with_treatment=True)
    truth, now, rows = cohort.value_next, cohort.value_now, found.rows
    error, still = np.abs(truth - rows[:, MEDIAN]).mean(), np.abs(truth - now).mean()
    assert error < 0.87 * still
    held = np.mean((truth >= rows[:, FIFTH]) & (truth <= rows[:, NINETY_FIFTH]))
    assert 0.87 < held < 0.93
    above = now >= 65.0
    low = truth[above] < 65.0
    gain = auroc(low, probability_below(rows[above], 65.0)) - auroc(low, -now[above])
    assert gain > 0.055
