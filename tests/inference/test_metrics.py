"""Figures of merit against definitions and against an implementation that is not ours."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from inference.training.fusion_fit import calibration_line
from inference.training.metrics import (
    auprc,
    auroc,
    best_event1_threshold,
    brier,
    event1,
    paired_difference,
    with_interval,
)


@pytest.fixture
def invented() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    died = (random.random(400) < 0.2).astype(float)
    return died, np.round(random.normal(died, 1.0), 1)


def test_auroc_is_the_scaled_rank_sum_statistic(invented: tuple[np.ndarray, np.ndarray]) -> None:
    died, score = invented
    dead, alive = score[died > 0.5], score[died < 0.5]
    statistic = mannwhitneyu(dead, alive).statistic / (len(dead) * len(alive))
    assert auroc(died, score) == pytest.approx(statistic, abs=1e-12)


def test_average_precision_of_a_hand_worked_case() -> None:
    # Ranked: died, alive, died, alive. Precision 1 at recall 1/2, 2/3 at recall 1: (1 + 2/3) / 2.
    assert auprc([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1]) == pytest.approx(5 / 6)


def test_ties_are_taken_together() -> None:
    assert auprc([1, 0, 1, 0], [0.5, 0.5, 0.5, 0.5]) == pytest.approx(0.5)
    assert auroc([1, 0, 1, 0], [0.5, 0.5, 0.5, 0.5]) == pytest.approx(0.5)


def test_a_set_without_deaths_has_no_auroc() -> None:
    assert np.isnan(auroc([0, 0], [0.1, 0.2]))


def test_event_1_is_the_smaller_of_sensitivity_and_predictive_value() -> None:
    died, risk = [1, 1, 1, 0, 0], [0.9, 0.2, 0.1, 0.8, 0.3]
    assert event1(died, risk, 0.5) == pytest.approx(1 / 3)
    assert event1(died, risk, 0.15) == pytest.approx(0.5)
    assert event1(died, risk, best_event1_threshold(died, risk)) == pytest.approx(0.6)


def test_a_certain_wrong_forecast_has_a_brier_score_of_one() -> None:
    assert brier([1, 0], [0.0, 1.0]) == 1.0


def test_the_interval_holds_the_value_and_narrows_with_more_patients(
    invented: tuple[np.ndarray, np.ndarray],
) -> None:
    died, score = invented
    few = with_interval(auroc, died[:100], score[:100], resamples=200)
    many = with_interval(auroc, died, score, resamples=200)
    assert many["low"] < many["value"] < many["high"]
    assert many["high"] - many["low"] < few["high"] - few["low"]


def test_log_odds_that_are_twice_too_steep_show_as_a_slope_of_a_half() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(-1.5, 1.2, 40_000)
    died = (random.random(40_000) < 1 / (1 + np.exp(-truth))).astype(float)
    slope, intercept = calibration_line(died, 2 * truth)
    assert slope == pytest.approx(0.5, abs=0.03)
    assert intercept == pytest.approx(0.0, abs=0.1)


def test_a_better_score_differs_by_an_interval_above_nothing() -> None:
    random = np.random.default_rng(3)
    died = (random.random(600) < 0.3).astype(float)
    good, poor = (died + noise * random.normal(size=600) for noise in (0.8, 3.0))
    found = paired_difference(auroc, died, [(good, poor)])
    assert found["value"] == pytest.approx(auroc(died, good) - auroc(died, poor))
    assert 0 < found["low"] < found["value"] < found["high"]


def test_a_score_does_not_differ_from_itself() -> None:
    random = np.random.default_rng(3)
    died = (random.random(200) < 0.3).astype(float)
    score = random.normal(size=200)
    assert paired_difference(auroc, died, [(score, score)]) == {"value": 0, "low": 0, "high": 0}
