"""Follows one charted quantity of one patient through time: a robust Kalman filter.

At every charted moment it says what it expected, before it looks; then it looks, and believes a
value that lies far off less (Student's t errors as a scale mixture: West 1981, J R Stat Soc B
43:157; Agamennoni 2012, IEEE Trans Signal Process 60:5024). How far a patient's values usually lie
off is learnt along the way (``learnt_spread``). Pure; times are hours from any origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np

from twin.core.compiled import inlined, kernel
from twin.core.wandering import DAY_H, SEEN_IN, STATES, Wandering

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Bool, Float, Int

    Flat = Float[np.ndarray, " moment"]

LOOKED_AT: Final = np.array([1, 0, 3, 2])
"""The line first: what is believed of the cuff then holds its offset against the line."""

PRIOR_ERRORS: Final = 6.0
"""Errors as large as expected that a new patient is credited with."""
ERRORS_REMEMBERED: Final = 24.0
"""Charted values after which an error counts half: a day of hourly charting."""
LARGEST_ERROR: Final = 3.0
"""Standard deviations; one artefact must not make a patient look restless."""


@dataclass(frozen=True, slots=True, eq=False)
class Charted:
    """What a chart shows of one quantity, moment by moment; NaN where a channel shows nothing."""

    hours: Flat
    """Ascending."""
    values: Float[np.ndarray, "moment 4"]
    """Columns in the order of ``wandering.CHANNELS``."""
    effect_seen: Flat
    """Simulated effect of the treatment that a value charted here holds already."""
    effect_ahead: Flat
    """The same effect an hour on, as far as it is known at this moment."""

    @property
    def target(self) -> Flat:
        """Return what is to be forecast: the line's value before any other's."""
        target: np.ndarray = np.where(
            np.isnan(self.values[:, 1]), self.values[:, 0], self.values[:, 1]
        )
        return target


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """What was expected at every moment before looking, and believed after."""

    expected: Flat
    """Of the channel that was charted last."""
    sd: Flat
    means: Float[np.ndarray, "moment state"]
    covariances: Float[np.ndarray, "moment state state"]


def follow(charted: Charted, wandering: Wandering) -> Track:
    """Return the track of a patient's chart; only the past of a moment enters what it expects."""
    return Chart((charted,)).follow(wandering)


@final
class Chart:
    """One or more stays, laid end to end so that they can be followed again and again quickly."""

    def __init__(self, stays: Sequence[Charted]) -> None:
        values = np.concatenate([stay.values for stay in stays])
        self._seen = ~np.isnan(values)
        self._values = np.where(self._seen, values, 0.0)
        self._hours = np.concatenate([stay.hours for stay in stays]).astype(np.float64)
        self._channel = np.concatenate([_channel_expected(~np.isnan(s.values)) for s in stays])
        self._effects = np.stack(
            [
                np.concatenate([stay.effect_seen for stay in stays]),
                np.concatenate([stay.effect_ahead for stay in stays]),
            ]
        ).astype(np.float64)
        self._starts = np.zeros(len(values), np.bool_)
        lengths = np.array([len(stay.hours) for stay in stays])
        self._starts[(np.cumsum(lengths) - lengths)[lengths > 0]] = True

    def follow(self, wandering: Wandering, beliefs: bool = True) -> Track:
        """Return the track of all stays, each from its own start.

        Without ``beliefs`` the track holds no states: half the time.
        """
        n, kept = len(self._hours), len(self._hours) if beliefs else 0
        expected, variance = np.zeros(n), np.zeros(n)
        means = np.zeros((kept, len(STATES)))
        covariances = np.zeros((kept, len(STATES), len(STATES)))
        _follow(
            self._starts,
            self._hours,
            self._values,
            self._seen,
            self._channel,
            self._effects,
            wandering.vector(),
            SEEN_IN,
            expected,
            variance,
            means,
            covariances,
        )
        return Track(expected, np.sqrt(variance), means, covariances)


def _channel_expected(seen: Bool[np.ndarray, "moment 4"]) -> Int[np.ndarray, " moment"]:
    """Return the channel of the last target before every moment (of the first, at the first)."""
    kind = np.where(seen[:, 1], 1, 0)
    charted = np.flatnonzero(seen[:, 0] | seen[:, 1])
    if not len(charted):
        return kind
    last = np.searchsorted(charted, np.arange(len(kind))) - 1
    channel: np.ndarray = kind[charted[np.maximum(last, 0)]]
    return channel


def learnt_spread(
    track: Track, target: Flat, before: tuple[float, float] = (PRIOR_ERRORS, PRIOR_ERRORS)
) -> tuple[Flat, tuple[float, float]]:
    """Return how restless the patient had shown to be before every moment, and the tally after.

    The share of the expected standard deviation: 1 for a patient like those the constants were
    fitted to. ``before`` is the tally that an earlier stay left: sums of squared errors and of
    their weights.
    """
    forget = 0.5 ** (1.0 / ERRORS_REMEMBERED)
    squared, count = before
    spread = np.ones(len(target))
    for moment, value in enumerate(target):
        spread[moment] = np.sqrt(squared / count)
        if np.isnan(value):
            continue
        error = min(abs(value - track.expected[moment]) / track.sd[moment], LARGEST_ERROR)
        squared = PRIOR_ERRORS + (squared - PRIOR_ERRORS) * forget + error**2
        count = PRIOR_ERRORS + (count - PRIOR_ERRORS) * forget + 1.0
    return spread, (squared, count)


@inlined
def _move(x: np.ndarray, p: np.ndarray, keep: np.ndarray, cosine: float, sine: float) -> None:
    """Carry the mean and the covariance of a state over a gap; chance is added elsewhere."""
    for j in range(1, 5):
        x[j] *= keep[j]
    turned = cosine * x[5] + sine * x[6]
    x[6] = cosine * x[6] - sine * x[5]
    x[5] = turned
    for r in range(5):
        for k in range(5):
            p[r, k] *= keep[r] * keep[k]
        first = keep[r] * (cosine * p[r, 5] + sine * p[r, 6])
        second = keep[r] * (cosine * p[r, 6] - sine * p[r, 5])
        p[r, 5] = first
        p[5, r] = first
        p[r, 6] = second
        p[6, r] = second
    a, b, d = p[5, 5], p[5, 6], p[6, 6]
    p[5, 5] = cosine * cosine * a + 2.0 * cosine * sine * b + sine * sine * d
    p[6, 6] = sine * sine * a - 2.0 * cosine * sine * b + cosine * cosine * d
    p[5, 6] = cosine * sine * (d - a) + (cosine * cosine - sine * sine) * b
    p[6, 5] = p[5, 6]


@inlined
def _wait(
    x: np.ndarray, p: np.ndarray, sds: np.ndarray, keep: np.ndarray, walk: float, h: float
) -> None:
    """Let ``h`` hours pass: states decay and turn, and chance adds to them."""
    angle = 2.0 * np.pi * h / DAY_H
    _move(x, p, keep, keep[5] * np.cos(angle), keep[5] * np.sin(angle))
    p[0, 0] += walk * walk * h
    for j in range(1, 7):
        p[j, j] += sds[j] * sds[j] * (1.0 - keep[j] * keep[j])


@inlined
def _look(
    x: np.ndarray,
    p: np.ndarray,
    gain: np.ndarray,
    row: np.ndarray,
    value: float,
    noise: float,
    tails: float,
) -> None:
    """Take in one value; one that lies far off moves the state less."""
    error = value
    total = noise
    for j in range(7):
        along = 0.0
        for k in range(7):
            along += p[j, k] * row[k]
        gain[j] = along
        error -= row[j] * x[j]
        total += row[j] * along
    # The weight of a normal within a Student's t: 1 at most, less far out.
    total /= min(1.0, (tails + 1.0) / (tails + error * error / total))
    for j in range(7):
        x[j] += gain[j] * error / total
        for k in range(7):
            p[j, k] -= gain[j] * gain[k] / total


@inlined
def _begin(x: np.ndarray, p: np.ndarray, sds: np.ndarray, level: float) -> None:
    """Know nothing yet but what patients are like."""
    for j in range(7):
        x[j] = 0.0
        for k in range(7):
            p[j, k] = 0.0
        p[j, j] = sds[j] * sds[j]
    x[0] = level


@inlined
def _expect(x: np.ndarray, p: np.ndarray, row: np.ndarray) -> tuple[float, float]:
    """Return mean and variance of what a channel would show, its noise left out."""
    mean = 0.0
    variance = 0.0
    for j in range(7):
        mean += row[j] * x[j]
        for k in range(7):
            variance += row[j] * p[j, k] * row[k]
    return mean, variance


@kernel
def _follow(
    starts: np.ndarray,
    hours: np.ndarray,
    values: np.ndarray,
    seen: np.ndarray,
    channel: np.ndarray,
    effects: np.ndarray,
    c: np.ndarray,
    rows: np.ndarray,
    expected: np.ndarray,
    variance: np.ndarray,
    means: np.ndarray,
    covariances: np.ndarray,
) -> None:
    sds = np.array([c[1], c[3], c[5], c[10], c[12], c[15], c[15]])
    times = np.array([1.0, c[4], c[6], c[11], c[13], c[16], c[16]])
    noise = np.array([c[7], c[8], c[14], c[14]]) ** 2
    x, p, keep, gain = np.zeros(7), np.zeros((7, 7)), np.ones(7), np.zeros(7)
    gap = -1.0
    for i in range(hours.shape[0]):
        effect = 0.0
        if starts[i]:
            _begin(x, p, sds, c[0])
        else:
            effect = c[17] * effects[1, i - 1]
            if hours[i] - hours[i - 1] != gap:
                gap = hours[i] - hours[i - 1]
                for j in range(1, 7):
                    keep[j] = np.exp(-gap / times[j])
            _wait(x, p, sds, keep, c[2], gap)
        mean, spread = _expect(x, p, rows[channel[i]])
        expected[i] = effect + mean
        variance[i] = noise[channel[i]] + spread
        for o in LOOKED_AT:
            if seen[i, o]:
                value = values[i, o] - c[17] * effects[0, i]
                _look(x, p, gain, rows[o], value, noise[o], c[9])
        if means.shape[0]:
            means[i] = x
            covariances[i] = p
