"""What a patient left alone may come to: paths of the fitted circulations, and the events on them.

Each member goes on changing at the rate the sets of vital signs showed, a rate that fades within
``FADING_H``; without two sets of vital signs no change is assumed, and the forecast says so. The
circulation settles within a minute, much faster than blood volume or tone drift, so a path is a
row of resting states of the beat-averaged model. What no model foresees is added as the patient's
own wandering (``discrepancy``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.beat_averaged import simulate
from twin.core.discrepancy import DISCREPANCIES
from twin.core.events import Event, body_surface_m2, happens
from twin.core.fit import intervals
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.identifiability import possible_ends
from twin.core.interventions import NOTHING
from twin.core.parameters import PARAMETER_INDEX, PARAMETERS, expected_blood_volume_ml
from twin.core.prior import GROWS_WITH_SIZE, drifted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jaxtyping import Float

    from twin.core.fit import ConvergedFit, Interval
    from twin.core.parameters import Body

FADING_H: Final = 1.0
"""A trend of vital signs says little of what comes after this time (assumed)."""

KNOTS: Final = 4
"""Resting states along a horizon; between them the path is straight."""

SAMPLE_S: Final = 60.0
PATHS_PER_MEMBER: Final = 16

WANDERING: Final = (
    (Quantity.SYSTOLIC_PRESSURE, Quantity.DIASTOLIC_PRESSURE, Quantity.MEAN_PRESSURE),
    (Quantity.HEART_RATE,),
    (Quantity.CARDIAC_OUTPUT,),
    (Quantity.OXYGEN_SATURATION,),
)
"""Quantities of one group wander together."""


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Simulated: what this patient may come to within the horizon, with nothing done."""

    horizon_s: float
    probabilities: Mapping[Event, float]
    """Share of simulated paths on which the event happens: a simulated haemodynamic risk, 0 to
    1."""
    at_horizon: Mapping[Quantity, Interval]
    sentences: tuple[str, ...]


def forecast(fit: ConvergedFit, horizon_s: float, seed: int = 0) -> Forecast:
    """Return what the fitted circulations come to within ``horizon_s`` when nothing is done.

    Deterministic: the same fit and seed give the same forecast.
    """
    size = size_of(fit.body)
    times_h = np.arange(0.0, horizon_s + 1.0, SAMPLE_S) / 3600.0
    moved = _moved(fit, times_h)
    path = fit.fit.now[:, None, :] + moved
    wide = np.repeat(path, PATHS_PER_MEMBER, axis=2)
    wide += _wandering(wide.shape, times_h, size, np.random.default_rng(seed))
    surface = body_surface_m2(fit.body, size)
    shares = np.repeat(fit.weights, PATHS_PER_MEMBER) / PATHS_PER_MEMBER
    probabilities = {
        event: float(np.sum(shares * happens(event, wide, SAMPLE_S, surface))) for event in Event
    }
    at_horizon = _intervals(wide[:, -1, :])
    return Forecast(horizon_s, probabilities, at_horizon, _sentences(fit))


def _intervals(state: np.ndarray) -> dict[Quantity, Interval]:
    quantities = [quantity for group in WANDERING for quantity in group]
    rows = state[[QUANTITY_INDEX[quantity] for quantity in quantities]]
    # The wandering holds the model's own error already.
    each = intervals(rows, np.zeros(len(rows)), *possible_ends(quantities))
    return dict(zip(quantities, each, strict=True))


def size_of(body: Body) -> float:
    """Return the body's expected blood volume over the standard adult's."""
    standard = PARAMETERS[PARAMETER_INDEX["blood_volume"]].default
    return expected_blood_volume_ml(body) / standard


def _moved(
    fit: ConvergedFit, times_h: Float[np.ndarray, " sample"]
) -> Float[np.ndarray, "quantity sample member"]:
    """Return how far the trend takes each member from its present state."""
    drift = fit.fit.drift_per_h
    if drift is None:
        return np.zeros((len(QUANTITY_INDEX), len(times_h), len(fit.weights)), np.float32)
    knots_h = np.linspace(0.0, times_h[-1], KNOTS + 1)
    faded_h = FADING_H * (1.0 - np.exp(-knots_h / FADING_H))
    # All knots of all members side by side: one run of the kernel.
    moved = np.concatenate([drifted(fit.parameters, drift, h) for h in faded_h], axis=1)
    resting = simulate(moved, NOTHING, SAMPLE_S, SAMPLE_S)[:, -1, :]
    states = resting.reshape(len(QUANTITY_INDEX), KNOTS + 1, -1)
    away = states - states[:, :1, :]
    place = np.interp(times_h, knots_h, np.arange(KNOTS + 1.0))
    before = np.minimum(place.astype(int), KNOTS - 1)
    share = (place - before)[None, :, None]
    moved_along: np.ndarray = away[:, before, :] * (1.0 - share) + away[:, before + 1, :] * share
    return moved_along


def _wandering(
    shape: tuple[int, ...], times_h: np.ndarray, size: float, random: np.random.Generator
) -> Float[np.ndarray, "quantity sample path"]:
    """Return random walks of each group of quantities, on top of the model's own error."""
    walk = np.zeros(shape, np.float32)
    roots = np.sqrt(np.diff(times_h, prepend=0.0))
    for group in WANDERING:
        start = random.standard_normal(shape[2])
        steps = random.standard_normal(shape[1:]) * roots[:, None]
        together = np.cumsum(steps, axis=0)
        for quantity in group:
            own = DISCREPANCIES[quantity]
            scale = size if quantity in GROWS_WITH_SIZE else 1.0
            walk[QUANTITY_INDEX[quantity]] = scale * (
                own.wander_per_sqrt_h * together + own.model * start
            )
    return walk


def _sentences(fit: ConvergedFit) -> tuple[str, ...]:
    simulated = "Simulated haemodynamic risk; not calibrated against outcomes."
    if fit.fit.drift_per_h is None:
        return (simulated, "Only one set of vital signs is known, so no change was assumed.")
    return (
        simulated,
        "The trend between the sets of vital signs was continued, fading in an hour.",
    )
