"""How an emulator comes to be: which circulations it studies, and how it learns them.

``study`` draws circulations from a wider prior than the fit's, so that the network is at home
wherever a posterior may go; whoever calls simulates them at rest; ``train`` learns the answers by
Adam (Kingma & Ba 2015, https://arxiv.org/abs/1412.6980) with a cosine schedule, and measures its
error on the tenth of the circulations it was not shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.emulator import Emulator
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.history import BOX_EDGE
from twin.core.parameters import PARAMETER_INDEX, Body
from twin.core.prior import COORDINATES, EMULATED, LOGARITHMIC, Expectation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jaxtyping import Bool, Float

WIDENING: Final = 1.5
"""Spread of the studied coordinates over the prior's."""

FIXED_RANGES: Final = {
    "maximum_heart_rate": (115.0, 200.0),
    "haemoglobin": (4.0, 20.0),
    "inspired_oxygen_fraction": (0.21, 1.0),
}
"""Adults from 18 to over 100 years, anaemia to polycythaemia, air to pure oxygen."""

GIVEN_RANGES: Final = {
    "standing_vasoconstriction": (-0.5, 1.5),
    "standing_venoconstriction": (-0.5, 0.25),
    "standing_inotropy": (-0.4, 1.0),
    "standing_chronotropy": (-0.3, 0.6),
    "standing_beta_blockade": (0.0, 1.0),
    "standing_thoracic_pressure": (0.0, 15.0),
    "standing_pericardial_fluid": (0.0, 300.0),
    "standing_atrial_kick_loss": (0.0, 1.0),
}
"""What drugs, ventilators and obstruction come to at the bedside; beyond it patients die. Veins
come to -0.5 with nitroprusside at 1.5 µg/kg/min in heart failure (Guiha 1974, NEJM 291:587)."""
GIVEN_SHARE: Final = 0.3
"""Each is given to this share of the circulations, so that about one in eighteen is left alone and
most are treated in two or three ways at once."""

ROOM_AIR_SHARE: Final = 0.5
"""Half of the studied circulations breathe air, as most patients do."""

FOLLOWING: Final = frozenset(
    {
        Quantity.SYSTEMIC_RESISTANCE,
        Quantity.BLOOD_VOLUME,
        Quantity.HAEMOGLOBIN,
        Quantity.OXYGEN_DELIVERY,
        Quantity.OXYGEN_CONSUMPTION,
        Quantity.ARTERIAL_CARBON_DIOXIDE_PRESSURE,
        Quantity.MINUTE_VENTILATION,
    }
)
"""What follows from a member's parameters and the quantities that the network learns."""

OUTPUTS: Final = tuple(quantity for quantity in Quantity if quantity not in FOLLOWING)
"""What the network learns."""

LOGARITHMIC_OUTPUTS: Final = frozenset({Quantity.ARTERIAL_OXYGEN_PRESSURE})

WIDTHS: Final = (64, 64, 64)
BATCH: Final = 512
LEARNING_RATE: Final = 4e-3
HELD_OUT_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """Circulations to be simulated at rest."""

    coordinates: Float[np.ndarray, "input member"]
    """The emulator's transformed inputs."""
    parameters: Float[np.ndarray, "parameter member"]
    inputs: tuple[str, ...] = EMULATED
    """Which parameters the rows of ``coordinates`` are; those of the fit by default."""
    logarithmic: Bool[np.ndarray, " input"] = field(default_factory=lambda: LOGARITHMIC)


def study(count: int, seed: int) -> Study:
    """Return circulations of standard size spread over everything a fit may consider."""
    random = np.random.default_rng(seed)
    u = WIDENING * random.standard_normal((len(COORDINATES), count))
    u = np.where(np.abs(u) > BOX_EDGE, random.uniform(-BOX_EDGE, BOX_EDGE, u.shape), u)
    nobody = Expectation.of(Body(None, None, None, None), {})
    parameters = nobody.members(u)
    for name, (low, high) in FIXED_RANGES.items():
        parameters[PARAMETER_INDEX[name]] = random.uniform(low, high, count)
    for name, (low, high) in GIVEN_RANGES.items():
        given = random.random(count) < GIVEN_SHARE
        parameters[PARAMETER_INDEX[name]] = np.where(given, random.uniform(low, high, count), 0.0)
    air = random.random(count) < ROOM_AIR_SHARE
    parameters[PARAMETER_INDEX["inspired_oxygen_fraction"], air] = 0.21
    inputs = parameters[[PARAMETER_INDEX[name] for name in EMULATED]]
    logarithmic = LOGARITHMIC[:, None]
    coordinates = np.where(logarithmic, np.log(np.where(logarithmic, inputs, 1.0)), inputs)
    return Study(coordinates.astype(np.float32), parameters)


def train(
    studied: Study,
    states: Float[np.ndarray, "quantity member"],
    model_version: str,
    seed: int,
    epochs: int,
    progress: Callable[[int, float], None] | None = None,
) -> Emulator:
    """Return the emulator that learnt these circulations.

    Parameters
    ----------
    states
        Each member at rest, rows in the order of ``Quantity``.
    model_version
        Of the model that produced the states.
    epochs
        How often each circulation is shown.
    progress
        Told the epoch and its mean squared error, in standardised units.
    """
    wanted = states[[QUANTITY_INDEX[quantity] for quantity in OUTPUTS]].astype(np.float64)
    whole = np.all(np.isfinite(wanted), axis=0)
    blank = replace(
        _blank(studied.coordinates[:, whole], wanted[:, whole], model_version, seed),
        inputs=studied.inputs,
        logarithmic=studied.logarithmic,
    )
    inputs = (studied.coordinates[:, whole] - blank.centre[:, None]) / blank.spread[:, None]
    targets = (_learnt(wanted[:, whole]) - blank.output_centre[:, None]) / blank.output_spread[
        :, None
    ]
    shown = int(inputs.shape[1] * (1.0 - HELD_OUT_SHARE))
    layers = _descend(
        blank,
        inputs[:, :shown].astype(np.float32),
        targets[:, :shown].astype(np.float32),
        (seed, epochs),
        progress,
    )
    trained = replace(blank, layers=layers)
    unseen = trained.predict(studied.coordinates[:, whole][:, shown:])
    error = np.sqrt(np.mean((unseen - wanted[:, whole][:, shown:]) ** 2, axis=1))
    return replace(trained, error_sd=error.astype(np.float32))


def _learnt(states: np.ndarray) -> np.ndarray:
    learnt = states.copy()
    for row, quantity in enumerate(OUTPUTS):
        if quantity in LOGARITHMIC_OUTPUTS:
            learnt[row] = np.log(np.maximum(states[row], 1.0))
    return learnt


def _blank(coordinates: np.ndarray, wanted: np.ndarray, version: str, seed: int) -> Emulator:
    """Return an untrained emulator with its box and scales."""
    random = np.random.default_rng(seed)
    sizes = (len(coordinates), *WIDTHS, len(OUTPUTS))
    layers = tuple(
        (
            (random.standard_normal((wide, narrow)) * np.sqrt(1.0 / narrow)).astype(np.float32),
            np.zeros(wide, np.float32),
        )
        for narrow, wide in pairwise(sizes)
    )
    learnt = _learnt(wanted)
    return Emulator(
        EMULATED,
        LOGARITHMIC,
        OUTPUTS,
        coordinates.min(axis=1).astype(np.float32),
        coordinates.max(axis=1).astype(np.float32),
        coordinates.mean(axis=1).astype(np.float32),
        coordinates.std(axis=1).astype(np.float32),
        np.array([quantity in LOGARITHMIC_OUTPUTS for quantity in OUTPUTS]),
        learnt.mean(axis=1).astype(np.float32),
        learnt.std(axis=1).astype(np.float32),
        layers,
        np.zeros(len(OUTPUTS), np.float32),
        version,
    )


Layers = tuple[tuple[np.ndarray, np.ndarray], ...]


def _descend(
    blank: Emulator,
    inputs: np.ndarray,
    targets: np.ndarray,
    seed_and_epochs: tuple[int, int],
    progress: Callable[[int, float], None] | None,
) -> Layers:
    seed, epochs = seed_and_epochs
    random = np.random.default_rng(seed + 1)
    weights = [array.copy() for layer in blank.layers for array in layer]
    first = [np.zeros_like(w) for w in weights]
    second = [np.zeros_like(w) for w in weights]
    step, steps = 0, epochs * (inputs.shape[1] // BATCH)
    for epoch in range(epochs):
        total = 0.0
        for batch in _batches(inputs.shape[1], random):
            loss, slopes = _loss_and_slopes(weights, inputs[:, batch], targets[:, batch])
            total += loss
            step += 1
            rate = LEARNING_RATE * 0.5 * (1.0 + np.cos(np.pi * step / steps))
            _adam(weights, slopes, (first, second), rate, step)
        if progress is not None:
            progress(epoch, total / (inputs.shape[1] // BATCH))
    return tuple(zip(weights[::2], weights[1::2], strict=True))


def _batches(count: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    order = random.permutation(count)
    for start in range(0, count - BATCH + 1, BATCH):
        yield order[start : start + BATCH]


def _adam(
    weights: list[np.ndarray],
    slopes: list[np.ndarray],
    moments: tuple[list[np.ndarray], list[np.ndarray]],
    rate: float,
    step: int,
) -> None:
    for weight, slope, first, second in zip(weights, slopes, *moments, strict=True):
        first += 0.1 * (slope - first)
        second += 0.001 * (slope * slope - second)
        unbiased = first / np.float32(1.0 - 0.9**step)
        scale = np.sqrt(second / np.float32(1.0 - 0.999**step)) + np.float32(1e-8)
        weight -= np.float32(rate) * unbiased / scale


def _loss_and_slopes(
    weights: list[np.ndarray], inputs: np.ndarray, targets: np.ndarray
) -> tuple[float, list[np.ndarray]]:
    """Return the mean squared error of a batch and its slope by every weight."""
    layers = list(zip(weights[::2], weights[1::2], strict=True))
    hidden, steepness = [inputs], []
    for weight, bias in layers[:-1]:
        before = weight @ hidden[-1] + bias[:, None]
        gate = 1.0 / (1.0 + np.exp(-before))
        after = before * gate
        hidden.append(after)
        steepness.append(gate + after * (1.0 - gate))
    weight, bias = layers[-1]
    apart = weight @ hidden[-1] + bias[:, None] - targets
    loss = float(np.mean(apart * apart))
    back = apart * np.float32(2.0 / apart.size)
    slopes: list[np.ndarray] = []
    for level in range(len(layers) - 1, -1, -1):
        slopes = [back @ hidden[level].T, back.sum(axis=1), *slopes]
        if level > 0:
            back = (layers[level][0].T @ back) * steepness[level - 1]
    return loss, slopes
