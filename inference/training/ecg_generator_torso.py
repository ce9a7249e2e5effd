"""From the heart vector to twelve leads: lead vectors, breathing, and what disturbs electrodes.

Rule of the file: everything between the heart and the recorder. Disturbances are put on electrodes
and only then on leads, so that limb leads keep adding up, as they do in real recordings.

Lead vectors: Dower GE, Machado HB, Osborne JA. On deriving the electrocardiogram from
vectorcardiographic leads. Clin Cardiol 1980;3:87-95 (https://doi.org/10.1002/clc.1980.3.2.87), the
coefficients as they are commonly reproduced; the paper itself was not read.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter

Floats = NDArray[np.float64]
Signals = NDArray[np.float32]

LEAD_VECTORS: Final = np.array(
    [
        [0.632, -0.235, 0.059],
        [0.235, 1.066, -0.132],
        [-0.515, 0.157, -0.917],
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],
    ]
)
"""I, II, V1 to V6 by x (left), y (feet), z (back); mV per mV of heart vector."""
_ELECTRODES: Final = np.zeros((8, 9))
"""I, II, V1 to V6 from the potentials of right arm, left arm, left leg, and six on the chest."""
_ELECTRODES[0, :3] = (-1, 1, 0)
_ELECTRODES[1, :3] = (-1, 0, 1)
_ELECTRODES[2:, :3] = -1 / 3
_ELECTRODES[2:, 3:] = np.eye(6)
TWELVE: Final = np.zeros((12, 8))
"""Twelve leads from eight: III = II - I and Goldberger's three."""
TWELVE[[0, 1], [0, 1]] = 1.0
TWELVE[2, :2] = (-1, 1)
TWELVE[3, :2] = (-0.5, -0.5)
TWELVE[4, :2] = (1, -0.5)
TWELVE[5, :2] = (-0.5, 1)
TWELVE[6:, 2:] = np.eye(6)


def torso_of(rng: np.random.Generator) -> Floats:
    """Return one subject's lead vectors ``[8, 3]``: shape of the chest, placing of electrodes.

    Chest electrodes slip along their neighbours, as they do in practice.
    """
    vectors = LEAD_VECTORS + 0.1 * np.abs(LEAD_VECTORS) * rng.normal(size=(8, 3))
    vectors = vectors + 0.05 * rng.normal(size=(8, 3))
    slip = np.clip(np.arange(6) + 0.35 * rng.normal() + 0.2 * rng.normal(size=6), 0, 5)
    below = np.minimum(slip.astype(int), 4)
    share = (slip - below)[:, None]
    chest = vectors[2:]
    vectors[2:] = (1 - share) * chest[below] + share * chest[below + 1]
    vectors[2:] *= np.exp(rng.normal(-0.08, 0.16) + 0.1 * rng.normal(size=(6, 1)))
    out: Floats = vectors * np.exp(0.08 * rng.normal())
    return out


def disturbances(
    samples: int, rate_hz: float, strength: float, rng: np.random.Generator
) -> Signals:
    """Return ``[8, samples]`` mV of wander, muscle, mains and electrode steps; 0..1 or more."""
    time = np.arange(samples) / rate_hz
    sources = _wander(time, rng) * np.float32(rng.gamma(1.2, 0.06) * strength)
    muscle = rng.standard_normal((9, samples), dtype=np.float32)
    level = rng.gamma(1.1, 0.006, size=(9, 1)) * strength
    level[rng.integers(9)] *= rng.choice([1.0, 1.0, 1.0, 4.0])
    sources += muscle * level.astype(np.float32)
    if rng.random() < 0.25:
        hum = np.sin(2 * np.pi * rng.choice([50.0, 60.0]) * time + rng.uniform(0, 6.3))
        size = rng.gamma(1.0, 0.012, size=(9, 1)) * strength
        sources += (size * hum).astype(np.float32)
    if rng.random() < 0.12 * strength:
        _steps(sources, time, rng)
    leads: Signals = _ELECTRODES.astype(np.float32) @ sources
    return leads


def _wander(time: Floats, rng: np.random.Generator) -> Signals:
    """Return slow potentials of nine electrodes: breathing and drift, each its own share."""
    frequency = np.r_[rng.uniform(0.03, 0.12, 2), rng.uniform(0.15, 0.4), rng.uniform(0.4, 0.7)]
    phase = rng.uniform(0, 2 * np.pi, (9, 4))
    size = rng.normal(size=(9, 4)) * np.array([1.0, 0.8, 0.7, 0.2])
    turns = (2 * np.pi * frequency[:, None] * time).astype(np.float32)
    sines = (size * np.cos(phase)).astype(np.float32) @ np.sin(turns)
    cosines = (size * np.sin(phase)).astype(np.float32) @ np.cos(turns)
    slow: Signals = sines + cosines
    return slow


def _steps(sources: Signals, time: Floats, rng: np.random.Generator) -> None:
    """Move one or two electrodes: the potential jumps and comes back within a second or so."""
    for _ in range(int(rng.integers(1, 3))):
        at, size = rng.uniform(0, time[-1]), rng.normal(0.0, 0.5)
        since = time - at
        back = np.where(since > 0, np.exp(-since / rng.uniform(0.2, 1.5)), 0.0)
        sources[rng.integers(9)] += (size * back).astype(np.float32)


@lru_cache(maxsize=16)
def _filter(order: int, edge_hz: float, kind: str, rate_hz: float) -> tuple[Floats, Floats]:
    b, a = butter(order, edge_hz, kind, fs=rate_hz)
    return b, a


def recorded(leads: Signals, rate_hz: float, rng: np.random.Generator) -> Signals:
    """Return the leads ``[8, samples]`` as one of several recorders filters them."""
    kind = int(rng.choice(5, p=[0.35, 0.2, 0.2, 0.15, 0.1]))
    low = (None, 0.05, 0.15, 0.5, 0.67)[int(rng.integers(5))]
    high = (None, 100.0, 40.0, 35.0, 25.0)[kind]
    out = leads
    if low is not None:
        b, a = _filter(1, low, "high", rate_hz)
        start = np.median(out, axis=1, keepdims=True) * b[1]  # as if it had run for long
        out = lfilter(b, a, out, axis=1, zi=start.astype(np.float64))[0]
    if high is not None:
        b, a = _filter(2, high, "low", rate_hz)
        out = lfilter(b, a, out, axis=1)
    filtered: Signals = np.asarray(out, dtype=np.float32)
    return filtered
