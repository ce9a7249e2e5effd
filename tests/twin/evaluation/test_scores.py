"""Figures of merit against what somebody else computes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from inference.training import metrics
from twin.core.wandering import CENTILES
from twin.evaluation.fitting import expected_score
from twin.evaluation.scores import (
    auprc,
    auroc,
    crps,
    mean_of,
    probability_below,
    ratio_less_one,
    with_interval,
)


@pytest.fixture
def scored() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    truth = random.random(300) < 0.2
    return truth, np.round(random.standard_normal(300) + truth, 1)


def test_areas_are_those_of_the_nets_room(scored: tuple[np.ndarray, np.ndarray]) -> None:
    truth, score = scored
    assert auroc(truth, score) == pytest.approx(metrics.auroc(truth, score))
    assert auprc(truth, score) == pytest.approx(metrics.auprc(truth, score))
    assert np.isnan(auroc(np.zeros(3, bool), score[:3]))


def test_the_ranked_probability_score_of_a_normal_forecast_is_the_closed_form() -> None:
    random = np.random.default_rng(1)
    truth = random.normal(0.0, 2.0, 4000)
    rows = np.repeat(norm.ppf(CENTILES)[None] * 2.0, len(truth), axis=0)
    closed = expected_score(truth, np.full(len(truth), 2.0))
    assert crps(rows, truth).mean() == pytest.approx(closed.mean(), rel=0.02)
    # Integral of (F - 1{x >= y})^2, by sums.
    x = np.linspace(-20.0, 20.0, 40_001)
    summed = np.sum((norm.cdf(x / 2.0) - (x >= 1.3)) ** 2) * (x[1] - x[0])
    assert expected_score(np.array([1.3]), np.array([2.0]))[0] == pytest.approx(summed, rel=1e-3)


def test_a_probability_below_a_limit_is_read_off_the_centiles() -> None:
    rows = 80.0 + 10.0 * norm.ppf(CENTILES)[None]
    found = [probability_below(rows, limit)[0] for limit in (80.0, 65.0, 40.0, 30.0)]
    assert found[0] == pytest.approx(0.5, abs=0.001)
    assert found[1] == pytest.approx(norm.cdf(-1.5), abs=0.01)
    assert found[1] > found[2] > found[3]


def test_intervals_come_from_patients_not_from_values() -> None:
    random = np.random.default_rng(2)
    patients = np.repeat(np.arange(10), 200)
    values = random.normal(0.0, 1.0, 10)[patients] + 0.01 * random.standard_normal(2000)
    found = with_interval(mean_of(values), patients)
    assert found["low"] is not None
    assert found["high"] is not None
    assert found["value"] == pytest.approx(values.mean())
    width = found["high"] - found["low"]
    assert width == pytest.approx(2 * 1.96 * np.std(values) / np.sqrt(10), rel=0.3)
    assert with_interval(mean_of(values[:0]), patients[:0])["value"] is None


def test_a_share_less_one_says_by_how_much_errors_fell() -> None:
    values, base = np.array([1.0, 1.0]), np.array([2.0, 2.0])
    assert ratio_less_one(values, base)(np.array([0, 1])) == pytest.approx(-0.5)
