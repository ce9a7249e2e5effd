"""Twelve-lead ECGs of hearts that never were, with their answers: rare findings can be learnt.

Rule of the file: a case becomes a recording here; what a case is, when it beats, what its waves
look like and how a torso shows them are the neighbours' (`ecg_generator_cases`, `_rhythm`,
`_heart`, `_torso`). Everything is drawn from the generator passed in, and marked generated.

The model: a heart vector made of asymmetric Gaussian waves, in the manner of McSharry and others
(IEEE Trans Biomed Eng 2003;50:289-294) with a direction given to each wave, seen by lead vectors.
It knows no cell and no conduction: what its labels mean is what its waves were told to look like.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from inference.core.ecg import STANDARD_RATE_HZ, STANDARD_SECONDS, Ecg
from inference.training.ecg_generator_cases import Case, draw_case, labels_of
from inference.training.ecg_generator_heart import Heart, heart_of
from inference.training.ecg_generator_rhythm import Schedule, schedule_of
from inference.training.ecg_generator_torso import TWELVE, disturbances, recorded, torso_of

Floats = NDArray[np.float64]

_REACH: Final = 3.5
"""Standard deviations after which a Gaussian wave has ended."""


@dataclass(frozen=True, slots=True, eq=False)
class GeneratedEcg:
    """A generated recording, what it must be called, and what it may be called.

    Labels are codes of the shared data (STEMI, RBBB, ...) and a few of our own (2dAVb, VT, RVH,
    hyperkalaemia, ...). What is neither in ``labels`` nor in ``doubtful`` is absent.
    """

    ecg: Ecg
    labels: frozenset[str]
    doubtful: frozenset[str]
    case: Case


def generated(rng: np.random.Generator, wanted: str | None = None) -> GeneratedEcg:
    """Return a recording of ten seconds at 250 Hz; ``wanted`` is a key of ``WANTED``, or any."""
    return recording_of(draw_case(rng, wanted), rng)


def recording_of(
    case: Case, rng: np.random.Generator, *, disturbed: float | None = None
) -> GeneratedEcg:
    """Return a recording of a case; ``disturbed`` is how much noise, drawn if not given."""
    samples = round(STANDARD_SECONDS * STANDARD_RATE_HZ)
    plan = schedule_of(case, STANDARD_SECONDS, rng)
    heart = heart_of(case, frozenset(plan.kinds), rng)
    vector = np.zeros((3, samples))
    _add_beats(vector, plan, heart, rng)
    _add_atria(vector, plan, heart, rng)
    if plan.fibrillation or plan.flutter_seconds is not None:
        vector += _atrial_waves(plan, samples, rng)
    leads = torso_of(rng) @ vector
    if plan.spikes:
        _add_spikes(leads, plan.spikes, rng)
    strength = float(rng.choice([0.3, 1.0, 2.0], p=[0.35, 0.5, 0.15]))
    noise = disturbances(
        samples, STANDARD_RATE_HZ, strength if disturbed is None else disturbed, rng
    )
    eight = recorded(leads.astype(np.float32) + noise, STANDARD_RATE_HZ, rng)
    ecg = Ecg(TWELVE.astype(np.float32) @ eight, STANDARD_RATE_HZ, generated=True)
    return GeneratedEcg(ecg, *labels_of(case, _shown_rate(plan)), case)


def fibrillation_leads(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return ten seconds of f waves alone ``[12, 2500]`` in mV, to lie under recorded beats."""
    samples = round(STANDARD_SECONDS * STANDARD_RATE_HZ)
    waves = _atrial_waves(Schedule(fibrillation=True), samples, rng)
    leads: NDArray[np.float32] = (TWELVE @ (torso_of(rng) @ waves)).astype(np.float32)
    return leads


def _shown_rate(plan: Schedule) -> float:
    inside = [at for at in plan.beats if 0.0 <= at < STANDARD_SECONDS]
    if len(inside) < 2:
        return 60.0 * len(inside) / STANDARD_SECONDS
    return 60.0 * (len(inside) - 1) / (inside[-1] - inside[0])


def _add_beats(vector: Floats, plan: Schedule, heart: Heart, rng: np.random.Generator) -> None:
    """Place every complex with its T wave; QT follows the cube root of the RR before it."""
    onset = np.array(plan.beats)
    before = np.diff(onset, prepend=onset[0] - 0.9)
    qt = heart.qtc_seconds * np.cbrt(np.clip(before, 0.3, 1.6))
    breath, phase = rng.uniform(0.15, 0.35), rng.uniform(0, 2 * np.pi)
    swing = 0.06 * rng.random() * np.sin(2 * np.pi * breath * onset + phase)
    for kind in set(plan.kinds):
        chosen = np.array(plan.kinds) == kind
        waves = heart.beats[kind]
        count = int(chosen.sum())
        size = 1.0 + swing[chosen] + heart.beat_spread * rng.normal(size=count)
        widen = np.where(waves.share_of_qt[None, :] > 0, qt[chosen, None] / 0.39, 1.0)
        centre = onset[chosen, None] + waves.fixed + waves.share_of_qt * qt[chosen, None]
        each = waves.vector[None] * size[:, None, None]
        each = each + 0.03 * np.abs(each) * rng.normal(size=each.shape)
        _add_waves(
            vector,
            each.reshape(-1, 3),
            centre.ravel(),
            (waves.rising * widen).ravel(),
            (waves.falling * widen).ravel(),
            STANDARD_RATE_HZ,
        )


def _add_atria(vector: Floats, plan: Schedule, heart: Heart, rng: np.random.Generator) -> None:
    if plan.fibrillation or not plan.atria:
        return
    for kind in set(plan.atrial_kinds):
        at = np.array(plan.atria)[np.array(plan.atrial_kinds) == kind]
        waves = heart.p[kind]
        size = 1.0 + 0.05 * rng.normal(size=len(at))
        _add_waves(
            vector,
            (waves.vector[None] * size[:, None, None]).reshape(-1, 3),
            (at[:, None] + waves.fixed).ravel(),
            np.tile(waves.rising, len(at)),
            np.tile(waves.falling, len(at)),
            STANDARD_RATE_HZ,
        )


@njit(cache=True, nogil=True)
def _add_waves(
    out: Floats, vector: Floats, centre: Floats, rising: Floats, falling: Floats, rate_hz: float
) -> None:
    for wave in range(len(centre)):
        first = max(int((centre[wave] - _REACH * rising[wave]) * rate_hz), 0)
        last = min(int((centre[wave] + _REACH * falling[wave]) * rate_hz) + 1, out.shape[1])
        for sample in range(first, last):
            since = sample / rate_hz - centre[wave]
            width = rising[wave] if since < 0 else falling[wave]
            value = np.exp(-0.5 * (since / width) ** 2)
            for axis in range(3):
                out[axis, sample] += vector[wave, axis] * value


def _atrial_waves(plan: Schedule, samples: int, rng: np.random.Generator) -> Floats:
    """Return flutter's saw teeth or fibrillation's f waves as a heart vector."""
    time = np.arange(samples) / STANDARD_RATE_HZ
    if plan.flutter_seconds is not None:
        turn = (time - plan.flutter_start) / plan.flutter_seconds
        part = turn - np.floor(turn)
        rise = rng.uniform(0.55, 0.8)
        teeth = np.where(part < rise, part / rise, (1 - part) / (1 - rise)) - 0.5
        smooth = np.convolve(teeth, np.hanning(9) / np.hanning(9).sum(), mode="same")
        reverse = rng.random() < 0.15
        direction = np.array([0.0, -0.22, 0.03]) * (-1 if reverse else 1)
        direction = direction + 0.05 * rng.normal(size=3)
        forward = np.array([0.0, 0.0, -0.1]) * rng.random()
        delayed = np.roll(smooth, int(0.25 * plan.flutter_seconds * STANDARD_RATE_HZ))
        saw: Floats = direction[:, None] * smooth + forward[:, None] * delayed
        saw *= np.exp(rng.normal(0.0, 0.35))
        return saw
    size = np.exp(rng.normal(-3.4, 0.6))
    out = np.zeros((3, samples))
    for _ in range(3):
        hertz = rng.uniform(4.5, 8.5) + 0.6 * np.sin(
            2 * np.pi * rng.uniform(0.05, 0.5) * time + rng.uniform(0, 6.3)
        )
        wave = np.sin(2 * np.pi * np.cumsum(hertz) / STANDARD_RATE_HZ + rng.uniform(0, 6.3))
        envelope = 1.0 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.1, 0.6) * time)
        direction = np.array([0.15, 0.4, -0.9]) + 0.4 * rng.normal(size=3)
        out += size * direction[:, None] * (wave * envelope)
    return out


def _add_spikes(leads: Floats, spikes: list[float], rng: np.random.Generator) -> None:
    """Add pacing pulses; bipolar ones are nearly invisible, unipolar ones large."""
    height = rng.normal(size=8) * (rng.uniform(0.4, 1.5) if rng.random() < 0.5 else 0.08)
    for spike in spikes:
        at = round(spike * STANDARD_RATE_HZ)
        if 0 <= at < leads.shape[1] - 1:
            leads[:, at] += height
            leads[:, at + 1] -= 0.3 * height
