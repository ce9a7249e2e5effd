"""What a patient left alone may come to: paths of the fitted circulations, and the events on them.

Mean pressure, heart rate and saturation go on from the course that is charted of them, by what
charts of real patients taught (``wanderings``) and what this one's own shows (``temperament``).
Everything else, and these too where nothing is charted, changes at the rate that the sets of vital
signs showed, a rate that fades within ``FADING_H``; without two sets no change is assumed, and the
forecast says so. The circulation settles within a minute, much faster than blood volume or tone
drift, so such a path is a row of resting states of the beat-averaged model. Wandering that nothing
taught is assumed (``discrepancy``). ``twin.evaluation.own_forecast`` judges all of it on charts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import expit, logit

from twin.core.beat_averaged import simulate
from twin.core.charted_history import believed
from twin.core.discrepancy import DISCREPANCIES
from twin.core.events import (
    LOW_MEAN_PRESSURE_MMHG,
    LOW_SATURATION_PERCENT,
    Event,
    body_surface_m2,
    happens,
)
from twin.core.fit import intervals
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.identifiability import possible_ends
from twin.core.interventions import NOTHING
from twin.core.parameters import PARAMETER_INDEX, PARAMETERS, expected_blood_volume_ml
from twin.core.prior import GROWS_WITH_SIZE, drifted
from twin.core.treatment import UNTREATED, Underway
from twin.core.underway import begun_from
from twin.core.wanderings import CURVES, SHIPPED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jaxtyping import Float

    from twin.core.fit import ConvergedFit, Interval
    from twin.core.measurements import Measurement
    from twin.core.parameters import Body

    _Paths = Float[np.ndarray, "quantity sample path"]

FADING_H: Final = 1.0
"""A trend of vital signs says little of what comes after this time (assumed)."""

KNOTS: Final = 4
"""Resting states along a horizon; between them the path is straight."""

MARKS_S: Final = (300.0, 1800.0, *(3600.0 * hour for hour in range(1, 7)))
"""Times at which a path is looked at: those of ``twin.evaluation.horizons``, on whose paths the
probabilities were calibrated. Further apart than a minute, so one of them is long enough."""
PATHS_PER_MEMBER: Final = 16

WANDERING: Final = (
    (Quantity.MEAN_PRESSURE, Quantity.SYSTOLIC_PRESSURE, Quantity.DIASTOLIC_PRESSURE),
    (Quantity.HEART_RATE,),
    (Quantity.CARDIAC_OUTPUT,),
    (Quantity.OXYGEN_SATURATION,),
)
"""Quantities of one group wander together, as the first does."""

CALIBRATED: Final = {
    Event.HYPOTENSION: ("hypotension", Quantity.MEAN_PRESSURE, LOW_MEAN_PRESSURE_MMHG),
    Event.DESATURATION: (
        "desaturation",
        Quantity.OXYGEN_SATURATION,
        LOW_SATURATION_PERCENT,
    ),
}
"""Events that charts hold often enough: name in ``CURVES``, and what must not be below already."""

HORIZONS_S: Final = (300.0, 1800.0, 3600.0, 21_600.0)
"""5, 30 and 60 minutes, 6 hours."""

HOUR_S: Final = 3600.0
REST_S: Final = 60.0
"""A circulation moved by a trend is at rest again within this time."""
TREATED_S: Final = 3600.0
"""What treatment that is changing does is simulated for so long; later it stays as it is then."""
TREATED_SAMPLE_S: Final = 60.0
CHARTED_EFFECT_SHARE: Final = SHIPPED[Quantity.MEAN_PRESSURE].wandering.effect_share
"""Of what recorded treatment is simulated to do, how much shows on charts: rates are steered to a
target, so that a charted course holds most of it already. Taken whole it foresees worse."""
LEARNT_FROM: Final = 6
"""Charted values that tell of a patient's own level, to which a path returns (assumed)."""
LEAST_SHARE: Final = 1e-3
"""The curves were fitted to no smaller shares than this, nor nearer to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Simulated: what this patient may come to within the horizon, with nothing done."""

    horizon_s: float
    probabilities: Mapping[Event, float]
    """A simulated haemodynamic risk, 0 to 1: the share of paths on which the event happens, read
    as charts of real patients taught where they hold enough events."""
    at_horizon: Mapping[Quantity, Interval]
    sentences: tuple[str, ...]


def forecast(
    fit: ConvergedFit,
    horizon_s: float,
    seed: int = 0,
    history: Sequence[Measurement] = (),
    underway: Underway = UNTREATED,
) -> Forecast:
    """Return what the fitted circulations come to within ``horizon_s`` when nothing is done.

    Deterministic: the same fit, history and seed give the same forecast. ``history`` is what was
    measured of the patient till now; without it the patient wanders like an unknown one.
    ``underway`` is recorded treatment, which goes on.
    """
    times_s = np.array([*(mark for mark in MARKS_S if mark < horizon_s), horizon_s])
    wide, noise = _paths(fit, times_s, seed, history, underway)
    probabilities = _probabilities(fit, wide + noise, horizon_s, _below_now(fit, history))
    at_horizon = _intervals(wide[:, -1, :])
    return Forecast(horizon_s, probabilities, at_horizon, forecast_sentences(fit, history))


def forecast_within(
    fit: ConvergedFit,
    horizons_s: Sequence[float] = HORIZONS_S,
    seed: int = 0,
    history: Sequence[Measurement] = (),
    underway: Underway = UNTREATED,
) -> Mapping[float, Mapping[Event, float]]:
    """Return the probability of each event within each horizon, from one set of paths.

    A longer horizon is never the safer one.
    """
    marks = (mark for mark in MARKS_S if mark < max(horizons_s))
    times_s = np.array(sorted({*marks, *horizons_s}))
    wide, noise = _paths(fit, times_s, seed, history, underway)
    charted, below = wide + noise, _below_now(fit, history)
    return {
        horizon_s: _probabilities(fit, charted[:, times_s <= horizon_s], horizon_s, below)
        for horizon_s in horizons_s
    }


def forecast_course(
    fit: ConvergedFit,
    times_s: Sequence[float],
    seed: int = 0,
    history: Sequence[Measurement] = (),
    underway: Underway = UNTREATED,
) -> tuple[Mapping[Quantity, Interval], ...]:
    """Return the interval of each quantity at each of these rising times, on one set of paths."""
    wide, _ = _paths(fit, np.asarray(times_s, dtype=np.float64), seed, history, underway)
    return tuple(_intervals(wide[:, number, :]) for number in range(len(times_s)))


def charted_paths(
    fit: ConvergedFit,
    times_s: Sequence[float],
    seed: int = 0,
    history: Sequence[Measurement] = (),
    underway: Underway = UNTREATED,
) -> Float[np.ndarray, "quantity sample path"]:
    """Return equally probable paths as a chart would show them, noise of charting included."""
    times = np.asarray(times_s, dtype=np.float64)
    wide, noise = _paths(fit, times, seed, history, underway)
    charted: np.ndarray = wide + noise
    return charted


def _paths(
    fit: ConvergedFit,
    times_s: Float[np.ndarray, " sample"],
    seed: int,
    history: Sequence[Measurement],
    underway: Underway,
) -> tuple[_Paths, _Paths]:
    """Return equally probable paths of all quantities at these times, and noise of charting."""
    times_h = times_s / HOUR_S
    moved = _moved(fit, times_h)
    shape = (*moved.shape[:2], moved.shape[2] * PATHS_PER_MEMBER)
    away, noise, charted = _wandering(fit, shape, times_h, history, np.random.default_rng(seed))
    rows = [QUANTITY_INDEX[quantity] for quantity in charted]
    moved[rows] = 0.0
    treated = _treated(fit, underway, times_s)
    if treated is not None:
        treated[rows] *= CHARTED_EFFECT_SHARE
        moved = moved + treated
    path = fit.fit.now[:, None, :] + moved
    return np.repeat(path, PATHS_PER_MEMBER, axis=2) + away, noise


def _below_now(fit: ConvergedFit, history: Sequence[Measurement]) -> frozenset[Event]:
    """Return the events whose limit the patient is below at present, by the newest chart of it.

    Where nothing of it is charted the twin's own estimate stands for it; a chart that lies after
    the newest vital signs of the fit is of the future.
    """
    newest = _newest(fit, history)
    return frozenset(
        event
        for event, (_, quantity, limit) in CALIBRATED.items()
        if newest.get(quantity, fit.estimates[quantity].median) < limit
    )


def _newest(fit: ConvergedFit, history: Sequence[Measurement]) -> dict[Quantity, float]:
    """Return the newest charted value of each quantity."""
    taken_at = fit.fit.taken_at
    seen = sorted(
        (m for m in history if taken_at is None or m.taken_at <= taken_at),
        key=lambda m: m.taken_at,
    )
    return {each.quantity: each.value for each in seen if isinstance(each.quantity, Quantity)}


def _probabilities(
    fit: ConvergedFit, wide: np.ndarray, horizon_s: float, below: frozenset[Event]
) -> dict[Event, float]:
    surface = body_surface_m2(fit.body, size_of(fit.body))
    found = {}
    for event in Event:
        share = float(np.mean(happens(event, wide, MARKS_S[0], surface)))
        # A patient who is below the limit already is outside what the charts taught.
        read = event in CALIBRATED and event not in below
        found[event] = _calibrated(event, share, horizon_s) if read else share
    return found


def _calibrated(event: Event, share: float, horizon_s: float) -> float:
    """Return the share of paths as charts of real patients taught to read it."""
    name, _, _ = CALIBRATED[event]
    # Values charted within half an hour are of patients who are watched: an hour's curve serves.
    hour, longer = CURVES[name][60], CURVES[name][360]
    intercept, slope = hour if horizon_s <= HOUR_S else longer
    certain = min(max(share, LEAST_SHARE), 1.0 - LEAST_SHARE)
    return float(expit(intercept + slope * logit(certain)))


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
    resting = simulate(moved, NOTHING, REST_S, REST_S)[:, -1, :]
    states = fit.arm.shown(resting.reshape(len(QUANTITY_INDEX), KNOTS + 1, -1))
    away = states - states[:, :1, :]
    place = np.interp(times_h, knots_h, np.arange(KNOTS + 1.0))
    before = np.minimum(place.astype(int), KNOTS - 1)
    share = (place - before)[None, :, None]
    moved_along: np.ndarray = away[:, before, :] * (1.0 - share) + away[:, before + 1, :] * share
    return moved_along


def _treated(
    fit: ConvergedFit, underway: Underway, times_s: Float[np.ndarray, " sample"]
) -> Float[np.ndarray, "quantity sample member"] | None:
    """Return how far treatment takes each member from its present state; None if nowhere."""
    if not underway.given:
        return None
    minutes = np.ceil(min(float(times_s[-1]), TREATED_S) / TREATED_SAMPLE_S)
    horizon_s = float(minutes) * TREATED_SAMPLE_S
    begun = begun_from(fit.parameters, underway.with_plan((), fit.body), underway, horizon_s)
    if begun.resting is None:
        return None
    path = simulate(fit.parameters, begun.idle, horizon_s, TREATED_SAMPLE_S, begun.state)
    away = fit.arm.shown(path - begun.resting[:, None])
    # What is looked at between two samples has the nearer one's state.
    place = np.rint(times_s / TREATED_SAMPLE_S).astype(int) - 1
    found: np.ndarray = away[:, np.clip(place, 0, path.shape[1] - 1)]
    return found


def _wandering(
    fit: ConvergedFit,
    shape: tuple[int, ...],
    times_h: np.ndarray,
    history: Sequence[Measurement],
    random: np.random.Generator,
) -> tuple[_Paths, _Paths, frozenset[Quantity]]:
    """Return how far each path strays from its circulation, and what charting would add.

    Quantities of one group stray together. Last come those whose course is charted well enough to
    go on by itself.
    """
    size = size_of(fit.body)
    charted: frozenset[Quantity] = frozenset()
    walk, noise = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for group in WANDERING:
        if group[0] in SHIPPED:
            now = fit.estimates[group[0]].median
            belief, known = believed(history, group[0], now)
            away = belief.paths(times_h, shape[2], random) - belief.now
            if known < LEARNT_FROM:
                # Where this patient's own level lies is not known: no return to it is assumed.
                away -= away.mean(axis=1, keepdims=True)
            added = belief.noise_sds(shape[2]) * random.standard_normal(shape[1:])
            # Paths come sorted by temperament; members must not.
            order = random.permutation(shape[2])
            own = _own_level(fit, group, history, belief.now) if known else {}
            charted |= own.keys()
            for quantity in group:
                row, width = QUANTITY_INDEX[quantity], _relative_width(quantity, group[0])
                walk[row] = own.get(quantity, 0.0) + width * away[:, order]
                noise[row] = width * added[:, order]
        else:
            walk[QUANTITY_INDEX[group[0]]] = _assumed(group[0], shape, times_h, size, random)
    return walk, noise, charted


def _own_level(
    fit: ConvergedFit,
    group: Sequence[Quantity],
    history: Sequence[Measurement],
    now: float,
) -> dict[Quantity, Float[np.ndarray, " path"]]:
    """Return how far the patient's own charted level lies from each path's circulation.

    A fit weighs all that is measured and all that is believed of circulations against each other,
    so that single quantities stay off what is charted of them. What is charted next continues the
    chart: the leader's paths start from what its course says of the present, those of the others
    from their newest value.
    """
    newest = _newest(fit, history)
    levels = {quantity: newest[quantity] for quantity in group if quantity in newest}
    middles = {quantity: fit.estimates[quantity].median for quantity in levels}
    found = {q: np.full(1, level - middles[q]) for q, level in levels.items()}
    member_now = np.repeat(fit.fit.now[QUANTITY_INDEX[group[0]]], PATHS_PER_MEMBER)
    return found | {group[0]: now - member_now}


def _relative_width(quantity: Quantity, leader: Quantity) -> float:
    own, first = (DISCREPANCIES[each].wander_per_sqrt_h for each in (quantity, leader))
    return own / first


def _assumed(
    quantity: Quantity,
    shape: tuple[int, ...],
    times_h: np.ndarray,
    size: float,
    random: np.random.Generator,
) -> Float[np.ndarray, "sample path"]:
    """Return a random walk of assumed size on top of the model's own error."""
    own = DISCREPANCIES[quantity]
    start = random.standard_normal(shape[2])
    roots = np.sqrt(np.diff(times_h, prepend=0.0))
    steps = random.standard_normal(shape[1:]) * roots[:, None]
    scale = size if quantity in GROWS_WITH_SIZE else 1.0
    walk: np.ndarray = scale * (
        own.wander_per_sqrt_h * np.cumsum(steps, axis=0) + own.model * start
    )
    return walk


def forecast_sentences(fit: ConvergedFit, history: Sequence[Measurement] = ()) -> tuple[str, ...]:
    """Return what a forecast of this fit rests on, and what its probabilities were judged by."""
    simulated = (
        "Simulated haemodynamic risk. Hypotension and desaturation within 1 and 6 hours are "
        "calibrated on hourly charts of 54 intensive care patients; within 5 and 30 minutes they "
        "are read as within an hour, since hourly charts cannot judge them; shock is not "
        "calibrated."
    )
    if fit.fit.drift_per_h is None:
        return (simulated, "Only one set of vital signs is known, so no change was assumed.")
    if history:
        return (
            simulated,
            "What is charted goes on from its own course, by which it was foreseen better than by "
            "a trend; all else follows the trend between the sets of vital signs for an hour.",
        )
    return (
        simulated,
        "The trend between the sets of vital signs was continued, fading in an hour.",
    )
