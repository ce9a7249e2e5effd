"""The emulator: a small neural network that knows where the pulsatile model comes to rest.

It answers in a millisecond what the model answers in minutes of simulated time, for thousands of
parameter sets, with slopes. It is trained on the pulsatile model only
(``twin.core.emulator_training``), knows its own error, and knows the box it was trained in:
outside it the answer is at the edge, and ``outside`` says so.

    z = (transform(x) - centre) / spread;   h1 = silu(W1 z + b1);  h2 = silu(W2 h1 + b2);  ...
    y = centre_y + spread_y * (W h + b)

where ``transform`` is the logarithm for parameters that are scales, and the identity for the
others. SiLU: Elfwing, Uchibe, Doya 2018, https://doi.org/10.1016/j.neunet.2017.12.012.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.compiled import inlined, kernel, single

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Bool, Float, Int

    from twin.core.haemodynamics import Quantity

Layer = tuple["Float[np.ndarray, 'output input']", "Float[np.ndarray, ' output']"]


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """The last layer for some of the outputs."""

    weight: Float[np.ndarray, "row unit"]
    bias: Float[np.ndarray, " row"]
    logarithmic: Bool[np.ndarray, " row"]

    def read(self, hidden: Float[np.ndarray, "unit sample"]) -> Float[np.ndarray, "row sample"]:
        """Return the outputs, each in the unit of its quantity."""
        natural: np.ndarray = self.weight @ hidden
        natural += self.bias[:, None]
        for row in np.flatnonzero(self.logarithmic):
            np.exp(natural[row], out=natural[row])
        return natural


@dataclass(frozen=True, slots=True, eq=False)
class Emulator:
    """A trained network with what it needs to be used rightly."""

    inputs: tuple[str, ...]
    """Parameter names, in the order of the input's rows."""
    logarithmic: Bool[np.ndarray, " input"]
    outputs: tuple[Quantity, ...]
    low: Float[np.ndarray, " input"]
    """Lower edge of the training box, in transformed coordinates."""
    high: Float[np.ndarray, " input"]
    centre: Float[np.ndarray, " input"]
    spread: Float[np.ndarray, " input"]
    output_logarithmic: Bool[np.ndarray, " quantity"]
    """Which outputs the last layer gives as a logarithm."""
    output_centre: Float[np.ndarray, " quantity"]
    output_spread: Float[np.ndarray, " quantity"]
    layers: tuple[Layer, ...]
    error_sd: Float[np.ndarray, " quantity"]
    """Root mean square error on parameter sets that the training did not see."""
    model_version: str
    """Of the model it was trained on; an emulator of another version answers for another model."""
    folded: tuple[Layer, ...] = field(init=False, repr=False)
    """The hidden layers, the first of which also standardises its input."""
    edges: Float[np.ndarray, "2 input"] = field(init=False, repr=False)
    """Both edges of the training box."""

    def __post_init__(self) -> None:
        """Fold the scaling of the input into the first layer: it is done once, not at each use."""
        weight, bias = self.layers[0]
        scaled = np.asarray(weight / self.spread, np.float32)
        first = (scaled, np.asarray(bias - scaled @ self.centre, np.float32))
        object.__setattr__(self, "folded", (first, *self.layers[1:-1]))
        object.__setattr__(self, "edges", np.stack((self.low, self.high)))

    def transform(
        self, parameters: Float[np.ndarray, "input sample"]
    ) -> Float[np.ndarray, "input sample"]:
        """Return the coordinates in which the network is smooth: logarithms of the scales."""
        logarithmic = self.logarithmic[:, None]
        transformed = np.where(
            logarithmic, np.log(np.where(logarithmic, parameters, 1.0)), parameters
        )
        return np.asarray(transformed, np.float32)

    def outside(
        self, coordinates: Float[np.ndarray, "input sample"]
    ) -> Bool[np.ndarray, " sample"]:
        """Return which samples lie outside the training box."""
        below = coordinates < self.low[:, None]
        above = coordinates > self.high[:, None]
        beyond: np.ndarray = np.any(below | above, axis=0)
        return beyond

    def predict(
        self, coordinates: Float[np.ndarray, "input sample"]
    ) -> Float[np.ndarray, "quantity sample"]:
        """Return the resting state at these transformed coordinates, clipped to the training box.

        Rows in the order of ``outputs``, each in the unit of its quantity.
        """
        return self.predict_rows(coordinates, np.arange(len(self.outputs)))

    def predict_rows(
        self, coordinates: Float[np.ndarray, "input sample"], rows: np.ndarray
    ) -> Float[np.ndarray, "row sample"]:
        """Return ``predict`` for some of the outputs."""
        return self.reader(rows).read(self.hidden(coordinates))

    def hidden(
        self, coordinates: Float[np.ndarray, "input sample"]
    ) -> Float[np.ndarray, "unit sample"]:
        """Return the last hidden layer, from which a :meth:`reader` reads any of the outputs."""
        inside = np.asarray(coordinates, np.float32)
        hidden = np.clip(inside, self.low[:, None], self.high[:, None])
        for weight, bias in self.folded:
            hidden = weight @ hidden
            activate(hidden, bias)
        return hidden

    def reader(self, rows: np.ndarray) -> Reader:
        """Return what reads these outputs, the scaling of the output in its weights."""
        weight, bias = self.layers[-1]
        spread, centre = self.output_spread[rows], self.output_centre[rows]
        return Reader(
            spread[:, None] * weight[rows],
            centre + spread * bias[rows],
            self.output_logarithmic[rows],
        )

    def predict_with_slope(
        self, coordinates: Float[np.ndarray, "input sample"]
    ) -> tuple[Float[np.ndarray, "quantity sample"], Float[np.ndarray, "sample quantity input"]]:
        """Return ``predict`` and its slope by each coordinate, zero past the edge of the box."""
        inside = (coordinates >= self.low[:, None]) & (coordinates <= self.high[:, None])
        hidden = self._standardised(coordinates)
        # slope[sample, unit, input]: forward accumulation, cheap while inputs are a dozen.
        slope = (inside / self.spread[:, None]).T[:, None, :] * np.eye(
            len(self.inputs), dtype=np.float32
        )
        for weight, bias in self.layers[:-1]:
            before = weight @ hidden + bias[:, None]
            gate = 1.0 / (1.0 + np.exp(-before))
            hidden = before * gate
            steepness = gate + hidden * (1.0 - gate)
            slope = steepness.T[:, :, None] * np.matmul(weight, slope)
        weight, bias = self.layers[-1]
        value = self._natural(weight @ hidden + bias[:, None], np.arange(len(self.outputs)))
        scale = (
            np.where(self.output_logarithmic[:, None], value, 1.0) * self.output_spread[:, None]
        )
        return value, scale.T[:, :, None] * np.matmul(weight, slope)

    def rows_with_slope(
        self, coordinates: Float[np.ndarray, "input sample"], rows: np.ndarray
    ) -> tuple[Float[np.ndarray, "row sample"], Float[np.ndarray, "sample row input"]]:
        """Return ``predict_rows`` and its slopes by each coordinate, zero past the box's edge.

        Accumulated from the outputs back: cheaper than ``predict_with_slope`` for a few of them.
        """
        low, high = self.low[:, None], self.high[:, None]
        inside = (coordinates >= low) & (coordinates <= high)
        hidden: np.ndarray = np.clip(np.asarray(coordinates, np.float32), low, high)
        steepness = []
        for weight, bias in self.folded:
            before = weight @ hidden + bias[:, None]
            gate = 1.0 / (1.0 + np.exp(-before))
            hidden = before * gate
            steepness.append((gate + hidden * (1.0 - gate)).T)
        reader = self.reader(rows)
        value = reader.read(hidden)
        scale = np.where(reader.logarithmic[:, None], value, 1.0).T
        back = scale[:, :, None] * reader.weight
        for (weight, _), steep in zip(reversed(self.folded), reversed(steepness), strict=True):
            back = np.matmul(back * steep[:, None, :], weight)
        return value, back * inside.T[:, None, :]

    def rows(self, quantities: Sequence[Quantity]) -> np.ndarray:
        """Return the output rows of these quantities, each of which must be an output."""
        return np.array([self.outputs.index(quantity) for quantity in quantities], dtype=np.intp)

    def _natural(
        self, standardised: Float[np.ndarray, "row sample"], rows: np.ndarray
    ) -> Float[np.ndarray, "row sample"]:
        natural: np.ndarray = (
            self.output_centre[rows, None] + self.output_spread[rows, None] * standardised
        )
        logarithmic = self.output_logarithmic[rows]
        natural[logarithmic] = np.exp(natural[logarithmic])
        return natural

    def _standardised(
        self, coordinates: Float[np.ndarray, "input sample"]
    ) -> Float[np.ndarray, "input sample"]:
        clipped = np.clip(coordinates, self.low[:, None], self.high[:, None])
        standardised = (clipped - self.centre[:, None]) / self.spread[:, None]
        return np.asarray(standardised, np.float32)


_QUARTER: Final = single(0.25)
_HALF: Final = single(0.5)
_ONE: Final = single(1.0)
_FLAT: Final = single(4.0)
_N0, _N1, _N2 = (single(value) for value in (135135, 17325, 378))
_D0, _D1, _D2, _D3 = (single(value) for value in (135135, 62370, 3150, 28))


@kernel
def activate(rows: Float[np.ndarray, "unit sample"], bias: Float[np.ndarray, " unit"]) -> None:
    """Turn ``rows`` into ``silu(rows + bias)`` in place, within 5e-6: a fit spends its time here.

    ``x / (1 + exp(-x)) = x (1/2 + t / (1 + t^2))`` with ``t = tanh(x / 4)``, and ``t`` by the
    seventh convergent of Lambert's continued fraction (1761): no exponential, so that the compiler
    makes vector instructions of it.
    """
    for unit in range(rows.shape[0]):
        shift = bias[unit]
        row = rows[unit]
        for sample in range(row.shape[0]):
            x = row[sample] + shift
            quarter = min(max(_QUARTER * x, -_FLAT), _FLAT)
            square = quarter * quarter
            above = quarter * (_N0 + square * (_N1 + square * (_N2 + square)))
            below = _D0 + square * (_D1 + square * (_D2 + square * _D3))
            t = above / below
            row[sample] = x * (_HALF + t / (_ONE + t * t))


@inlined
def show(
    predicted: Float[np.ndarray, "observation member"],
    own: Float[np.ndarray, " member"],
    pressures: Int[np.ndarray, " 3"],
    reading: Float[np.ndarray, " 3"],
) -> None:
    """Turn the aorta's pressures into those that are read at the arm (``arm.Arm``), in place."""
    systolic, diastolic, mean = pressures[0], pressures[1], pressures[2]
    if systolic < 0 or diastolic < 0:
        return
    for member in range(own.shape[0]):
        low = predicted[diastolic, member]
        pulse = reading[0] * np.exp(reading[1] * own[member]) * (predicted[systolic, member] - low)
        predicted[systolic, member] = low + pulse
        if mean >= 0 and reading[2] >= 0.0:
            predicted[mean, member] = low + reading[2] * pulse


@kernel
def predict_at_moments(
    x: Float[np.ndarray, "coordinate member"],
    slopes: Float[np.ndarray, "moment input coordinate"],
    middles: Float[np.ndarray, "moment input"],
    edges: Float[np.ndarray, "2 input"],
    layers: tuple[Layer, ...],
    weight: Float[np.ndarray, "observation unit"],
    bias: Float[np.ndarray, " observation"],
    logarithmic: Bool[np.ndarray, " observation"],
    ends: Int[np.ndarray, " moment"],
    arm: int,
    pressures: Int[np.ndarray, "moment 3"],
    readings: Float[np.ndarray, "moment 3"],
) -> Float[np.ndarray, "observation member"]:
    """Return what members predict at every moment: one call, in which nobody waits for a lock.

    The network's input at a moment is ``slopes @ x + middles``, cut off at ``edges`` (low, high).
    ``layers`` are the hidden ones, the input's scaling folded in; ``weight``, ``bias`` and
    ``logarithmic`` those of the last, for the observations of one moment after the other, up to
    the row in ``ends``. Systolic and mean pressure are then shown as the arm shows them (``arm``:
    the unknown that scales the pulse; ``pressures``, ``readings``: as in ``History``).
    """
    members = x.shape[1]
    coordinates = x.astype(np.float32)
    predicted = np.empty((weight.shape[0], members))
    first = 0
    for moment in range(slopes.shape[0]):
        hidden = np.dot(slopes[moment], coordinates)
        for row in range(hidden.shape[0]):
            low, high, middle = edges[0, row], edges[1, row], middles[moment, row]
            for member in range(members):
                hidden[row, member] = min(max(hidden[row, member] + middle, low), high)
        for layer in layers:
            hidden = np.dot(layer[0], hidden)
            activate(hidden, layer[1])
        last = ends[moment]
        read = np.dot(weight[first:last], hidden)
        for row in range(last - first):
            for member in range(members):
                value = np.float64(read[row, member] + bias[first + row])
                predicted[first + row, member] = (
                    np.exp(value) if logarithmic[first + row] else value
                )
        show(predicted[first:last], x[arm], pressures[moment], readings[moment])
        first = last
    return predicted
