"""Evidence of a course, held against an answer that is known: a linear model has a closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from twin.core.course_evidence import Charted, Troubles, weigh_course
from twin.core.emulator import Emulator
from twin.core.haemodynamics import Quantity
from twin.core.onsets import Paths
from twin.core.student import Draws
from twin.store.emulator_file import read_cause_emulator

OUTPUTS = (Quantity.HEART_RATE, Quantity.MEAN_PRESSURE, Quantity.CARDIAC_OUTPUT)
SLOPES = np.array([[2.0, 0.5], [-1.0, 3.0], [0.3, 0.2]])
OFFSETS = np.array([70.0, 90.0, 5.0])
MOMENTS, PLACES = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 1])
CAUSES = Troubles(
    np.array([0.1, -0.2]),
    np.diag([0.5, 0.8]),
    np.array([[0.0, 0.0], [2.0, -4.0], [-3.0, 1.0]]),
    np.array([[0.0, 0.0], [0.5, 0.0], [0.7, 0.9]]),
)
PATHS = [
    Paths(np.ones((1, 3)), np.ones(1), np.ones(1)),
    Paths(np.array([[1.0, 1.0, 0.0], [1.0, 0.4, 0.0]]), np.array([0.3, 0.7]), np.ones(2)),
    Paths(np.array([[1.0, 0.7, 0.2], [1.0, 0.0, 0.0]]), np.array([0.5, 0.5]), np.ones(2)),
]


class Linear(Emulator):
    """An emulator whose answer is a straight line: what it should weigh can be written down."""

    def rows_with_slope(
        self, coordinates: np.ndarray, rows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        values = (OFFSETS[:, None] + SLOPES @ coordinates)[rows]
        return values, np.repeat(SLOPES[None, rows], coordinates.shape[1], axis=0)


def _hidden(inputs: int, units: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((units, inputs), np.float32), np.zeros(units, np.float32)


@pytest.fixture(scope="module")
def linear() -> Linear:
    flat, none = np.zeros(2, np.float32), np.zeros(3, np.float32)
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


def covariance() -> np.ndarray:
    """Errors that hang together, as those of one device and one patient do."""
    spread = np.diag([1.5, 2.0, 1.5, 2.0, 2.5])
    alike = np.eye(5) + 0.4 * (PLACES[:, None] == PLACES) * (1.0 - np.eye(5))
    found: np.ndarray = spread @ alike @ spread
    return found


def seen(values: np.ndarray) -> Charted:
    middles = np.array([[0.0, 0.0], [0.2, 0.1], [0.3, -0.1]])
    whitener = np.linalg.inv(np.linalg.cholesky(covariance()))
    return Charted(middles, np.array([0, 1]), MOMENTS, PLACES, values, whitener)


def exact(values: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return each cause's log evidence in closed form, and the shares of its paths."""
    chart, slopes = seen(values), SLOPES[PLACES]
    evidence, shares = [], []
    for shift, sds, possible in zip(CAUSES.shifts, CAUSES.sds, PATHS, strict=True):
        by_path = []
        for severity, share in zip(possible.severities, possible.shares, strict=True):
            part = severity[MOMENTS]
            middle = chart.middles[MOMENTS] + CAUSES.person + part[:, None] * shift
            mean = OFFSETS[PLACES] + np.einsum("oi,oi->o", slopes, middle)
            person = slopes @ CAUSES.person_factor**2 @ slopes.T
            insult = (part[:, None] * slopes * sds**2) @ (part[:, None] * slopes).T
            density = stats.multivariate_normal(mean, person + insult + covariance())
            by_path.append(np.log(share) + density.logpdf(values))
        evidence.append(special.logsumexp(by_path))
        shares.append(np.exp(by_path - evidence[-1]))
    return np.array(evidence), shares


CHARTS = [(70.0, 90.0, 70.0, 90.0, 90.0), (73.0, 78.0, 71.0, 84.0, 91.0), (66.0, 95.0, 69, 88, 86)]


@pytest.mark.parametrize("values", CHARTS)
def test_evidence_of_a_linear_model_is_that_of_the_closed_form(
    linear: Linear, values: tuple[float, ...]
) -> None:
    found = weigh_course(linear, seen(np.array(values)), CAUSES, PATHS)
    expected, shares = exact(np.array(values))
    # The same constant is left out of all causes.
    assert np.ptp(found.log_evidence - expected) == pytest.approx(0.0, abs=1e-6)
    for found_shares, true_shares in zip(found.path_shares, shares, strict=True):
        assert found_shares == pytest.approx(true_shares, abs=1e-6)


def test_the_circulation_of_a_cause_is_the_posterior_of_its_likeliest_path(
    linear: Linear,
) -> None:
    values = np.array(CHARTS[1])
    found = weigh_course(linear, seen(values), CAUSES, PATHS)
    chart, slopes = seen(values), SLOPES[PLACES]
    # Cause 0 brings nothing: only the person is unknown, and every moment speaks of him.
    prior = CAUSES.person_factor**2
    mean = OFFSETS[PLACES] + np.einsum("oi,oi->o", slopes, chart.middles[MOMENTS] + CAUSES.person)
    gain = prior @ slopes.T @ np.linalg.inv(slopes @ prior @ slopes.T + covariance())
    assert found.inputs[0] == pytest.approx(CAUSES.person + gain @ (values - mean), abs=1e-5)
    left = prior - gain @ slopes @ prior
    assert found.factors[0] @ found.factors[0].T == pytest.approx(left, abs=1e-6)
    draws = found.drawn(Draws.stratified(found.factors.shape[2], 4096, 1))
    assert draws[0].mean(axis=1) == pytest.approx(found.inputs[0], abs=0.05)


def test_a_course_that_a_cause_foresees_speaks_for_it(linear: Linear) -> None:
    rising, shift = np.array([1.0, 0.4, 0.0]), CAUSES.shifts[1]
    middles = seen(np.zeros(5)).middles[MOMENTS] + CAUSES.person
    placed = middles + rising[MOMENTS][:, None] * shift
    values = OFFSETS[PLACES] + np.einsum("oi,oi->o", SLOPES[PLACES], placed)
    found = weigh_course(linear, seen(values), CAUSES, PATHS)
    assert np.argmax(found.log_evidence) == 1
    assert found.path_shares[1][1] > 0.7


def test_slopes_from_the_outputs_back_are_those_from_the_inputs_on() -> None:
    emulator = read_cause_emulator()
    random = np.random.default_rng(3)
    spread = 1.5 * emulator.spread[:, None]
    x = emulator.centre[:, None] + spread * random.standard_normal((len(emulator.inputs), 40))
    rows = emulator.rows((Quantity.OXYGEN_SATURATION, Quantity.ARTERIAL_OXYGEN_PRESSURE))
    values, slopes = emulator.predict_with_slope(x)
    some, back = emulator.rows_with_slope(x, rows)
    assert some == pytest.approx(values[rows], rel=1e-4, abs=1e-3)
    scale = np.abs(slopes[:, rows]).max(axis=(0, 2))[:, None]
    assert back / scale == pytest.approx(slopes[:, rows] / scale, abs=1e-4)
