"""The emulator against the model it learnt, its slopes against differences, its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twin.core.emulator import Emulator
from twin.core.emulator_training import OUTPUTS, Study, study, train
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.parameters import PARAMETER_INDEX, Body
from twin.core.prior import COORDINATES, EMULATED, Expectation
from twin.core.rest import resting_state
from twin.errors import EmulatorUnreadable
from twin.store.emulator_file import read_emulator, write_emulator

PRIOR_DRAWS = 96


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Return parameter sets as patients are expected to have, and their resting states."""
    u = np.random.default_rng(11).standard_normal((len(COORDINATES), PRIOR_DRAWS))
    parameters = Expectation.of(Body(None, None, None, None), {}).members(np.clip(u, -2.5, 2.5))
    return parameters, resting_state(parameters)


@pytest.mark.parametrize(
    ("quantity", "tolerance"),
    [
        (Quantity.HEART_RATE, 2.0),
        (Quantity.SYSTOLIC_PRESSURE, 2.5),
        (Quantity.DIASTOLIC_PRESSURE, 2.0),
        (Quantity.MEAN_PRESSURE, 2.0),
        (Quantity.CENTRAL_VENOUS_PRESSURE, 0.3),
        (Quantity.WEDGE_PRESSURE, 0.7),
        (Quantity.CARDIAC_OUTPUT, 0.15),
        (Quantity.OXYGEN_SATURATION, 0.7),
    ],
)
def test_the_shipped_emulator_knows_the_model_as_it_is_now(
    emulator: Emulator,
    drawn: tuple[np.ndarray, np.ndarray],
    quantity: Quantity,
    tolerance: float,
) -> None:
    parameters, rest = drawn
    inputs = parameters[[PARAMETER_INDEX[name] for name in EMULATED]]
    emulated = emulator.predict(emulator.transform(inputs))[emulator.outputs.index(quantity)]
    apart = emulated - rest[QUANTITY_INDEX[quantity]]
    assert np.sqrt(np.mean(apart**2)) < tolerance, (
        "the model has changed since the emulator was trained: run `cardiotwin train emulator`"
    )


def test_slopes_are_those_of_finite_differences(emulator: Emulator) -> None:
    random = np.random.default_rng(5)
    at = emulator.centre + 0.3 * emulator.spread * random.standard_normal(len(EMULATED))
    _, slopes = emulator.predict_with_slope(at[:, None])
    for column in range(len(EMULATED)):
        step = 0.02 * float(emulator.spread[column])
        sides = np.repeat(at[:, None], 2, axis=1).astype(np.float64)
        sides[column] += (-step, step)
        below, above = emulator.predict(sides).T
        difference = (above - below) / (2.0 * step)
        scale = emulator.output_spread / emulator.spread[column]
        scale = np.where(emulator.output_logarithmic, scale * below, scale)
        np.testing.assert_allclose(slopes[0, :, column] / scale, difference / scale, atol=5e-3)


def test_beyond_its_box_the_emulator_stays_at_the_edge_and_says_so(emulator: Emulator) -> None:
    edge = emulator.centre.copy()
    edge[0] = emulator.high[0]
    beyond = edge.copy()
    beyond[0] += 1.0
    both = np.stack((edge, beyond), axis=1)
    at_edge, past_edge = emulator.predict(both).T
    np.testing.assert_allclose(at_edge, past_edge)
    assert emulator.outside(both).tolist() == [False, True]
    _, slopes = emulator.predict_with_slope(both)
    assert np.all(slopes[1, :, 0] == 0.0)


def test_a_written_emulator_reads_back_the_same(emulator: Emulator, tmp_path: Path) -> None:
    write_emulator(emulator, tmp_path / "emulator.npz")
    again = read_emulator(tmp_path / "emulator.npz")
    at = emulator.centre[:, None]
    np.testing.assert_array_equal(again.predict(at), emulator.predict(at))
    assert (again.inputs, again.outputs) == (emulator.inputs, emulator.outputs)
    assert again.model_version == emulator.model_version


@pytest.mark.parametrize("content", [b"", b"not an archive", None])
def test_an_unreadable_emulator_is_said(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "emulator.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EmulatorUnreadable, match="cardiotwin train emulator"):
        read_emulator(path)


def toy(seed: int) -> tuple[Study, np.ndarray]:
    """Return circulations whose resting state is a smooth formula: no simulation needed."""
    studied = study(4096, seed)
    middle = studied.coordinates.mean(axis=1, keepdims=True)
    z = (studied.coordinates - middle) / studied.coordinates.std(axis=1, keepdims=True)
    states = np.zeros((len(Quantity), 4096))
    for row in range(len(Quantity)):
        states[row] = 100.0 + 10.0 * np.tanh(z[row % len(z)]) + 5.0 * z[(row + 3) % len(z)]
    return studied, states


def test_training_learns_a_smooth_model_and_reports_its_error_on_unseen_members() -> None:
    studied, states = toy(2)
    learnt = train(studied, states, "toy", seed=0, epochs=40)
    fresh, wanted = toy(3)
    error = np.sqrt(
        np.mean(
            (learnt.predict(fresh.coordinates) - wanted[[QUANTITY_INDEX[q] for q in OUTPUTS]])
            ** 2,
            axis=1,
        )
    )
    assert np.all(error < 2.5), "a quarter of the spread of about 10"
    np.testing.assert_allclose(error, learnt.error_sd, rtol=0.5)


def test_the_same_seed_trains_the_same_emulator() -> None:
    studied, states = toy(2)
    one, again = (train(studied, states, "toy", seed=0, epochs=2) for _ in range(2))
    for (weight, _), (same, _) in zip(one.layers, again.layers, strict=True):
        np.testing.assert_array_equal(weight, same)
