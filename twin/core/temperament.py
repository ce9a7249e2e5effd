"""Learns along the way what kind of patient this is: how noisy, how quick, how far from a level.

A small bank of temperaments, all made of one quantity's constants, follows the chart side by side;
each gains weight with what it foresaw (Bayesian model averaging: Raftery 2010, Technometrics
52:52). From the weighted bank come the forecast of the next value and paths of what may follow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.core.tracking import PRIOR_ERRORS, Chart, Track, learnt_spread
from twin.core.wandering import DAY_H, SEEN_IN, STATES, Wandering, added_sds, stationary_sds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float, Int

    from twin.core.tracking import Charted

    Flat = Float[np.ndarray, " moment"]

NOISIER: Final = (0.5, 1.0, 2.0)
SLOWER: Final = (0.5, 1.0, 2.0)
FURTHER: Final = (0.6, 1.5)
"""Multiples of a quantity's noise, of the time of its fast part, and of its slow spread: wide
enough to tell patients apart, few enough for a day of charting to choose between."""

EVIDENCE_SHARE: Final = 0.5
"""Errors of neighbouring hours repeat each other, so each counts half."""
EVIDENCE_TAILS: Final = 5.0
JITTER: Final = 1e-9


def temperaments(wandering: Wandering) -> tuple[Wandering, ...]:
    """Return the bank that these constants span."""
    w = wandering
    return tuple(
        replace(
            w,
            other_noise_sd=w.other_noise_sd * noisier,
            line_noise_sd=w.line_noise_sd * noisier,
            shape_noise_sd=w.shape_noise_sd * noisier,
            fast_h=w.fast_h * slower,
            slow_sd=w.slow_sd * further,
            level_walk_per_sqrt_h=w.level_walk_per_sqrt_h * further,
        )
        for noisier, slower, further in product(NOISIER, SLOWER, FURTHER)
    )


@dataclass(frozen=True, slots=True, eq=False)
class Learning:
    """What the bank expected at every moment before looking, and what it had learnt."""

    expected: Flat
    sd: Flat
    """Of the weighted bank, with the patient's own restlessness in it."""
    restlessness: Flat
    """The patient's errors over those usual with these constants, before each moment."""
    weights: Float[np.ndarray, "temperament moment"]
    """After looking; they sum to 1."""
    bank: tuple[Wandering, ...]
    tracks: tuple[Track, ...]
    """Of every temperament; they hold no states unless asked for."""


def learn(
    stays: Sequence[Charted],
    patients: Int[np.ndarray, " stay"],
    wandering: Wandering,
    beliefs: bool = False,
) -> Learning:
    """Follow stays end to end; a patient's stays stand together and share what was learnt."""
    chart, bank = Chart(stays), temperaments(wandering)
    tracks = tuple(chart.follow(each, beliefs) for each in bank)
    target = np.concatenate([stay.target for stay in stays])
    first = np.cumsum([0, *(len(stay.hours) for stay in stays)])
    evidence = EVIDENCE_SHARE * np.stack([_evidence(track, target) for track in tracks])
    weights = np.empty_like(evidence)
    expected, sd = np.zeros(len(target)), np.zeros(len(target))
    restlessness = np.ones(len(target))
    for patient in np.unique(patients):
        mine = np.flatnonzero(patients == patient)
        here = slice(first[mine[0]], first[mine[-1] + 1])
        known = np.cumsum(evidence[:, here], axis=1)
        weights[:, here] = _shares(known)
        # Shifted, not subtracted: not even a rounding of what comes later may be felt.
        before = _shares(np.pad(known, ((0, 0), (1, 0)))[:, :-1])
        means = np.stack([track.expected[here] for track in tracks])
        sds = np.stack([track.sd[here] for track in tracks])
        expected[here] = np.sum(before * means, axis=0)
        spread = np.sum(before * (sds**2 + (means - expected[here]) ** 2), axis=0)
        sd[here] = np.sqrt(spread)
        restlessness[here] = _restlessness(expected[here], sd[here], target[here])
    return Learning(expected, sd * restlessness, restlessness, weights, bank, tracks)


def _evidence(track: Track, target: Flat) -> Float[np.ndarray, " moment"]:
    """Return the logarithm of a Student's t density of each value; 0 where none was charted."""
    z = (target - track.expected) / track.sd
    density = -np.log(track.sd) - 0.5 * (EVIDENCE_TAILS + 1.0) * np.log1p(z**2 / EVIDENCE_TAILS)
    found: np.ndarray = np.where(np.isnan(target), 0.0, density)
    return found


def _shares(logarithms: np.ndarray) -> np.ndarray:
    shares = np.exp(logarithms - logarithms.max(axis=0))
    found: np.ndarray = shares / shares.sum(axis=0)
    return found


def _restlessness(expected: Flat, sd: Flat, target: Flat) -> Flat:
    none = np.zeros((0, 0))
    return learnt_spread(Track(expected, sd, none, none), target, (PRIOR_ERRORS, PRIOR_ERRORS))[0]


@dataclass(frozen=True, slots=True, eq=False)
class Belief:
    """What is believed of a patient's quantity at one moment, after looking."""

    bank: tuple[Wandering, ...]
    weights: Float[np.ndarray, " temperament"]
    means: Float[np.ndarray, "temperament state"]
    covariances: Float[np.ndarray, "temperament state state"]
    restlessness: float
    channel: int
    """In which a path is seen, of ``wandering.CHANNELS``: that of the last value, with its
    offset, since nothing tells a patient's cuff from the patient where no line lies."""

    @classmethod
    def after(cls, learning: Learning, moment: int, channel: int) -> Belief:
        """Return the belief after a moment, seen in a channel; the tracks must hold states."""
        return cls(
            learning.bank,
            learning.weights[:, moment],
            np.stack([track.means[moment] for track in learning.tracks]),
            np.stack([track.covariances[moment] for track in learning.tracks]),
            float(learning.restlessness[moment]),
            channel,
        )

    @property
    def now(self) -> float:
        """Return what the channel would show now, but for its noise."""
        return float(self.weights @ self.means @ SEEN_IN[self.channel])

    def paths(
        self, times_h: Float[np.ndarray, " step"], count: int, random: np.random.Generator
    ) -> Float[np.ndarray, "step path"]:
        """Return paths of what the channel would show at ascending times, but for its noise."""
        kind = self._kinds(count)
        jitter = JITTER * np.eye(len(STATES))
        roots = np.linalg.cholesky(self.covariances + jitter)
        chance = random.standard_normal((count, len(STATES), 1))
        state = self.means[kind] + self.restlessness * (roots[kind] @ chance)[:, :, 0]
        path = np.empty((len(times_h), count))
        for step, gap_h in enumerate(np.diff(times_h, prepend=0.0)):
            state = self._after(state, float(gap_h), kind, random)
            path[step] = state @ SEEN_IN[self.channel]
        return path

    def _after(
        self,
        state: Float[np.ndarray, "path state"],
        gap_h: float,
        kind: Int[np.ndarray, " path"],
        random: np.random.Generator,
    ) -> Float[np.ndarray, "path state"]:
        """Return each path's state after a gap, chance added."""
        keep, added = _steps(self.bank, gap_h)
        turn = 2.0 * np.pi * gap_h / DAY_H
        cosine, sine = np.cos(turn), np.sin(turn)
        turned = state.copy()
        turned[:, 5] = cosine * state[:, 5] + sine * state[:, 6]
        turned[:, 6] = cosine * state[:, 6] - sine * state[:, 5]
        chance = self.restlessness * added[kind] * random.standard_normal(state.shape)
        after: np.ndarray = keep[kind] * turned + chance
        return after

    def _kinds(self, count: int) -> Int[np.ndarray, " path"]:
        """Return the temperament of each path, as many of each as it has weight."""
        kind = np.searchsorted(np.cumsum(self.weights), (np.arange(count) + 0.5) / count)
        kinds: np.ndarray = np.minimum(kind, len(self.bank) - 1)
        return kinds

    def noise_sds(self, count: int) -> Float[np.ndarray, " path"]:
        """Return the standard deviation of what charting adds to each of so many paths."""
        names = ("other_noise_sd", "line_noise_sd", "shape_noise_sd", "shape_noise_sd")
        sds = np.array([getattr(each, names[self.channel]) for each in self.bank])
        found: np.ndarray = self.restlessness * sds[self._kinds(count)]
        return found


@lru_cache(maxsize=256)
def _steps(
    bank: tuple[Wandering, ...], gap_h: float
) -> tuple[Float[np.ndarray, "temperament state"], Float[np.ndarray, "temperament state"]]:
    """Return what a gap leaves of every state, and the spread of what chance adds."""
    keep = np.stack([_kept(each, gap_h) for each in bank])
    return keep, np.stack([added_sds(each, gap_h) for each in bank])


def _kept(wandering: Wandering, hours: float) -> Float[np.ndarray, " state"]:
    """Return the share of every state that is left after ``hours``."""
    sds = stationary_sds(wandering)
    share = np.sqrt(1.0 - (added_sds(wandering, hours) / np.maximum(sds, 1e-12)) ** 2)
    share[0] = 1.0
    found: np.ndarray = share
    return found
