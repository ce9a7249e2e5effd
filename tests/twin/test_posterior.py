"""Bayes' rule against cases whose answer is known in closed form or by brute force."""

from __future__ import annotations

import numpy as np
import pytest

from twin.core.posterior import Box, Draws, Observed, sample_posterior


class Linear:
    """y = A x, for which the posterior is a known normal distribution."""

    def __init__(self, matrix: np.ndarray) -> None:
        self.matrix = matrix

    def predict(self, x: np.ndarray) -> np.ndarray:
        predicted: np.ndarray = self.matrix @ x
        return predicted


class Ring:
    """y = x1^2 + x2: curved enough for the smoother alone to be wrong."""

    def predict(self, x: np.ndarray) -> np.ndarray:
        predicted: np.ndarray = (x[0] ** 2 + x[1])[None, :]
        return predicted


class Valley:
    """y = |x1| softened: two distinct explanations of one measurement."""

    def predict(self, x: np.ndarray) -> np.ndarray:
        predicted: np.ndarray = np.sqrt(x[:1] ** 2 + 0.01)
        return predicted


def box(coordinates: int, edge: float = 6.0) -> Box:
    return Box(np.full(coordinates, -edge), np.full(coordinates, edge))


def test_a_linear_posterior_is_the_textbook_one() -> None:
    random = np.random.default_rng(3)
    matrix = random.normal(size=(4, 9))
    observed = Observed(matrix @ random.normal(size=9), np.array([0.3, 0.5, 0.4, 1.0]))
    weighted = matrix / observed.sds[:, None]
    covariance = np.linalg.inv(np.eye(9) + weighted.T @ weighted)
    mean = covariance @ weighted.T @ (observed.values / observed.sds)
    draws = Draws.seeded(9, 4096, seed=0)
    sample = sample_posterior(Linear(matrix), observed, box(9), draws)
    np.testing.assert_allclose(sample.x.mean(axis=1), mean, atol=0.06)
    np.testing.assert_allclose(np.cov(sample.x), covariance, atol=0.08)
    np.testing.assert_allclose(sample.predicted, matrix @ sample.x)
    assert sample.effective_size > 2500


def test_a_curved_posterior_agrees_with_a_fine_grid() -> None:
    observed = Observed(np.array([1.5]), np.array([0.6]))
    axis = np.linspace(-5.0, 5.0, 1001)
    first, second = np.meshgrid(axis, axis, indexing="ij")
    residual = (1.5 - (first**2 + second)) / 0.6
    density = np.exp(-0.5 * (first**2 + second**2 + residual**2))
    density /= density.sum()
    sample = sample_posterior(Ring(), observed, box(2), Draws.seeded(2, 4096, 1, steps=100))
    assert sample.x[1].mean() == pytest.approx((second * density).sum(), abs=0.06)
    assert sample.predicted[0].mean() == pytest.approx(
        ((first**2 + second) * density).sum(), abs=0.03
    )


def test_the_same_seed_gives_the_same_draws_and_another_gives_others() -> None:
    one, again, other = (Draws.seeded(3, 64, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.start, again.start)
    np.testing.assert_array_equal(one.log_chance, again.log_chance)
    assert not np.allclose(one.start, other.start)


def test_the_prior_is_drawn_evenly_in_every_coordinate() -> None:
    start = Draws.seeded(17, 128, seed=0).start
    np.testing.assert_allclose(start.mean(axis=1), 0.0, atol=0.02)
    np.testing.assert_allclose(start.std(axis=1), 1.0, atol=0.03)


def test_measurements_out_of_reach_leave_the_sample_inside_the_box() -> None:
    observed = Observed(np.array([50.0]), np.array([0.1]))
    forward = Linear(np.array([[1.0, 0.0]]))
    sample = sample_posterior(forward, observed, box(2, 2.0), Draws.seeded(2, 256, seed=0))
    assert np.all(np.abs(sample.x) <= 2.0)
    assert sample.x[0].mean() == pytest.approx(2.0, abs=0.01)


def test_members_are_listed_in_the_order_of_a_coordinate() -> None:
    observed = Observed(np.array([0.0]), np.array([1.0]))
    forward = Linear(np.array([[1.0]]))
    sample = sample_posterior(forward, observed, box(1), Draws.seeded(1, 1024, seed=0))
    ordered = sample.x[0, sample.along(0)]
    assert np.all(np.diff(ordered) >= 0.0)
    assert ordered[::16].std() == pytest.approx(np.sqrt(0.5), abs=0.06)


def test_two_explanations_of_one_measurement_are_both_kept() -> None:
    observed = Observed(np.array([1.5]), np.array([0.1]))
    sample = sample_posterior(Valley(), observed, box(2), Draws.seeded(2, 1024, seed=0))
    assert 0.4 < np.mean(sample.x[0] > 0.0) < 0.6
    assert np.abs(sample.x[0]).mean() == pytest.approx(1.48, abs=0.1)


def test_only_members_that_an_exact_step_has_moved_count() -> None:
    observed = Observed(np.array([1.5]), np.array([0.6]))
    few, many = (
        sample_posterior(Ring(), observed, box(2), Draws.seeded(2, 512, seed=1, steps=steps))
        for steps in (1, 8)
    )
    assert few.effective_size < 200 < 500 < many.effective_size
