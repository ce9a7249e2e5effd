"""Evidence of beliefs, held against an answer that is known: a linear model has a closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from twin.core.emulator import Emulator
from twin.core.evidence import Beliefs, expected, updated, weigh
from twin.core.haemodynamics import Quantity
from twin.core.posterior import Observed
from twin.core.student import Draws

OUTPUTS = (Quantity.HEART_RATE, Quantity.MEAN_PRESSURE, Quantity.CARDIAC_OUTPUT)
SLOPES = np.array([[2.0, 0.5], [-1.0, 3.0], [0.3, 0.2]])
OFFSETS = np.array([70.0, 90.0, 5.0])
MEASURED = np.array([0, 1])
SDS = np.array([1.5, 2.0])
DRAWS = Draws.stratified(2, 2048, 5)


class Linear(Emulator):
    """An emulator whose answer is a straight line: what it should weigh can be written down."""

    def predict_rows(self, coordinates: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return (OFFSETS[:, None] + SLOPES @ coordinates)[rows]

    def predict_with_slope(self, coordinates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values = self.predict_rows(coordinates, np.arange(3))
        return values, np.repeat(SLOPES[None], coordinates.shape[1], axis=0)


def _hidden(inputs: int, units: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((units, inputs), np.float32), np.zeros(units, np.float32)


@pytest.fixture(scope="module")
def linear() -> Linear:
    flat = np.zeros(2, np.float32)
    none = np.zeros(3, np.float32)
    return Linear(
        ("a", "b"),
        np.array([False, False]),
        OUTPUTS,
        flat - 100.0,
        flat + 100.0,
        flat,
        flat + 1.0,
        np.array([False] * 3),
        none,
        none + 1.0,
        (_hidden(2, 4), _hidden(4, 3)),
        none,
        "test",
    )


def beliefs(*middles: tuple[float, float]) -> Beliefs:
    factors = [np.array([[1.0, 0.0], [0.4, 0.6]]) * (1.0 + 0.5 * n) for n in range(len(middles))]
    return Beliefs(np.array(middles).T, np.stack(factors))


def exact(believed: Beliefs, values: np.ndarray) -> np.ndarray:
    """Return the log evidence of each belief in closed form, without the errors' constant."""
    slopes, offsets = SLOPES[MEASURED], OFFSETS[MEASURED]
    found = []
    for middle, factor in zip(believed.middle.T, believed.factor, strict=True):
        spread = slopes @ factor @ factor.T @ slopes.T + np.diag(SDS**2)
        density = stats.multivariate_normal(offsets + slopes @ middle, spread)
        found.append(density.logpdf(values) + np.log(2.0 * np.pi) + np.log(SDS).sum())
    return np.array(found)


@pytest.mark.parametrize("values", [(70.0, 90.0), (75.0, 82.0), (64.0, 99.0)])
def test_evidence_of_a_linear_model_is_that_of_the_closed_form(
    linear: Linear, values: tuple[float, float]
) -> None:
    believed = beliefs((0.0, 0.0), (2.0, -1.0), (-3.0, 2.0))
    weighed = weigh(linear, MEASURED, believed, Observed(np.array(values), SDS), DRAWS)
    assert weighed.log_evidence == pytest.approx(exact(believed, np.array(values)), abs=0.05)


def test_the_weights_are_those_of_the_posterior(linear: Linear) -> None:
    believed, values = beliefs((0.0, 0.0)), np.array([75.0, 82.0])
    weighed = weigh(linear, MEASURED, believed, Observed(values, SDS), DRAWS)
    mean = weighed.inputs[0] @ weighed.weights[0]
    slopes, factor = SLOPES[MEASURED], believed.factor[0]
    prior = factor @ factor.T
    gain = prior @ slopes.T @ np.linalg.inv(slopes @ prior @ slopes.T + np.diag(SDS**2))
    assert mean == pytest.approx(gain @ (values - OFFSETS[MEASURED]), abs=0.05)
    assert weighed.effective_sizes[0] > 200.0


def test_what_a_belief_expects_of_another_quantity_follows_its_posterior(linear: Linear) -> None:
    believed, values = beliefs((0.0, 0.0)), np.array([75.0, 82.0])
    weighed = weigh(linear, MEASURED, believed, Observed(values, SDS), DRAWS)
    (output,) = expected(linear, np.array([2]), weighed)
    mean = OFFSETS[2] + SLOPES[2] @ (weighed.inputs[0] @ weighed.weights[0])
    assert output[0] @ weighed.weights[0] == pytest.approx(mean, abs=1e-6)


def test_an_updated_belief_is_the_posterior_of_the_linear_model(linear: Linear) -> None:
    believed, values = beliefs((0.0, 0.0)), np.array([75.0, 82.0])
    mean, covariance = updated(linear, MEASURED, believed, Observed(values, SDS), DRAWS)
    slopes, factor = SLOPES[MEASURED], believed.factor[0]
    precision = np.linalg.inv(factor @ factor.T) + slopes.T @ np.diag(SDS**-2.0) @ slopes
    assert covariance == pytest.approx(np.linalg.inv(precision), rel=1e-6)
    pull = slopes.T @ ((values - OFFSETS[MEASURED]) / SDS**2)
    assert mean == pytest.approx(np.linalg.solve(precision, pull), abs=0.01)


def test_a_belief_that_foresees_the_values_beats_one_that_does_not(linear: Linear) -> None:
    believed = beliefs((0.0, 0.0), (6.0, 6.0))
    weighed = weigh(linear, MEASURED, believed, Observed(np.array([70.0, 90.0]), SDS), DRAWS)
    assert weighed.log_evidence[0] - weighed.log_evidence[1] > 3.0
