"""Bayes' rule against cases whose answer is known in closed form or by brute force."""

from __future__ import annotations

import numpy as np
import pytest

from twin.core.posterior import Box, Draws, Observed, find_modes, importance_sample


class Linear:
    """y = A x, for which the posterior is a known normal distribution."""

    def __init__(self, matrix: np.ndarray) -> None:
        self.matrix = matrix

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.matrix @ x

    def predict_with_slope(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.matrix @ x, np.repeat(self.matrix[None], x.shape[1], axis=0)


class Ring:
    """y = x1^2 + x2: curved enough for Laplace's approximation to be wrong."""

    def predict(self, x: np.ndarray) -> np.ndarray:
        return (x[0] ** 2 + x[1])[None, :]

    def predict_with_slope(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        slopes = np.stack((2.0 * x[0], np.ones_like(x[0])), axis=1)
        return self.predict(x), slopes[:, None, :]


def box(coordinates: int, edge: float = 6.0) -> Box:
    return Box(np.full(coordinates, -edge), np.full(coordinates, edge))


def test_a_linear_posterior_is_the_textbook_one() -> None:
    random = np.random.default_rng(3)
    matrix = random.normal(size=(4, 9))
    observed = Observed(matrix @ random.normal(size=9), np.array([0.3, 0.5, 0.4, 1.0]))
    weighted = matrix / observed.sds[:, None]
    covariance = np.linalg.inv(np.eye(9) + weighted.T @ weighted)
    mean = covariance @ weighted.T @ (observed.values / observed.sds)
    forward = Linear(matrix)
    draws = Draws.scrambled_sobol(9, 8192, seed=0)
    modes = find_modes(forward, observed, box(9), draws)
    (mode,) = modes
    np.testing.assert_allclose(mode.x, mean, atol=1e-6)
    np.testing.assert_allclose(mode.covariance, covariance, atol=1e-9)
    sample = importance_sample(forward, observed, box(9), modes, draws)
    np.testing.assert_allclose(sample.x @ sample.weights, mean, atol=0.03)
    spread = sample.x - mean[:, None]
    np.testing.assert_allclose(spread * sample.weights @ spread.T, covariance, atol=0.08)
    assert sample.effective_size > 1000


def test_a_curved_posterior_agrees_with_a_fine_grid() -> None:
    observed = Observed(np.array([1.5]), np.array([0.6]))
    axis = np.linspace(-5.0, 5.0, 1001)
    first, second = np.meshgrid(axis, axis, indexing="ij")
    residual = (1.5 - (first**2 + second)) / 0.6
    density = np.exp(-0.5 * (first**2 + second**2 + residual**2))
    density /= density.sum()
    forward = Ring()
    draws = Draws.scrambled_sobol(2, 16384, seed=1)
    modes = find_modes(forward, observed, box(2), draws)
    sample = importance_sample(forward, observed, box(2), modes, draws)
    assert sample.x[1] @ sample.weights == pytest.approx((second * density).sum(), abs=0.05)
    assert sample.predicted[0] @ sample.weights == pytest.approx(
        ((first**2 + second) * density).sum(), abs=0.02
    )


def test_the_same_seed_gives_the_same_draws_and_another_gives_others() -> None:
    one, again, other = (Draws.scrambled_sobol(3, 64, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.points, again.points)
    assert not np.allclose(one.points, other.points)


def test_measurements_out_of_reach_leave_the_sample_inside_the_box() -> None:
    observed = Observed(np.array([50.0]), np.array([0.1]))
    forward = Linear(np.array([[1.0, 0.0]]))
    edges = box(2, 2.0)
    draws = Draws.scrambled_sobol(2, 1024, seed=0)
    modes = find_modes(forward, observed, edges, draws)
    assert modes[0].x[0] == pytest.approx(2.0)
    sample = importance_sample(forward, observed, edges, modes, draws)
    kept = sample.x[:, sample.weights > 0]
    assert np.all(np.abs(kept) <= 2.0)
    assert np.isfinite(sample.weights).all()


def test_resampling_keeps_each_draw_in_proportion_to_its_weight() -> None:
    observed = Observed(np.array([0.0]), np.array([1.0]))
    forward = Linear(np.array([[1.0]]))
    draws = Draws.scrambled_sobol(1, 4096, seed=0)
    modes = find_modes(forward, observed, box(1), draws)
    sample = importance_sample(forward, observed, box(1), modes, draws)
    kept = sample.x[0, sample.resample(256, along=0)]
    assert kept.std() == pytest.approx(np.sqrt(0.5), abs=0.05)


class Valley:
    """y = |x1| softened: two distinct explanations of one measurement."""

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.sqrt(x[:1] ** 2 + 0.01)

    def predict_with_slope(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        y = self.predict(x)
        slopes = np.stack((x[0] / y[0], np.zeros_like(x[0])), axis=1)
        return y, slopes[:, None, :]


def test_two_explanations_of_one_measurement_are_both_kept() -> None:
    observed = Observed(np.array([1.5]), np.array([0.1]))
    draws = Draws.scrambled_sobol(2, 4096, seed=0)
    modes = find_modes(Valley(), observed, box(2), draws)
    assert sorted(np.sign(mode.x[0]) for mode in modes) == [-1.0, 1.0]
    sample = importance_sample(Valley(), observed, box(2), modes, draws)
    assert 0.4 < sample.weights[sample.x[0] > 0].sum() < 0.6
