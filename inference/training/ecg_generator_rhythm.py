"""When the atria and the ventricles of a generated heart are activated.

Rule of the file: times and kinds of activations, nothing of their shape. Intervals are physiology
as any textbook of electrocardiography has it (PR 0.12-0.20 s, compensatory pauses, Wenckebach's
lengthening, flutter near 300 a minute); spreads are chosen to be wide rather than measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from inference.training.ecg_generator_cases import Case

CONDUCTED, ABERRANT, VENTRICULAR, VENTRICULAR_OTHER, PACED, ESCAPE = range(6)
"""Kinds of ventricular activation."""
SINUS, ECTOPIC = range(2)
"""Kinds of P wave."""
LEAD_IN_SECONDS: Final = 2.5
"""Rhythm before the recording begins, so that it does not begin at a beat."""


@dataclass(slots=True)
class Schedule:
    """Activations in seconds from the start of the recording; some lie before 0.

    ``beats`` and ``kinds`` are QRS onsets, ``atria`` and ``atrial_kinds`` P onsets, ``spikes``
    pacing pulses. ``fibrillation`` and ``flutter_seconds`` say what the atria do instead of P.
    """

    beats: list[float] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    atria: list[float] = field(default_factory=list)
    atrial_kinds: list[int] = field(default_factory=list)
    spikes: list[float] = field(default_factory=list)
    fibrillation: bool = False
    flutter_seconds: float | None = None
    flutter_start: float = 0.0

    def add_beat(self, at: float, kind: int = CONDUCTED) -> None:
        """Add a ventricular activation."""
        self.beats.append(at)
        self.kinds.append(kind)

    def add_p(self, at: float, kind: int = SINUS) -> None:
        """Add an atrial activation."""
        self.atria.append(at)
        self.atrial_kinds.append(kind)


def schedule_of(case: Case, seconds: float, rng: np.random.Generator) -> Schedule:
    """Return the activations of a case over ``seconds``, and a little before and after."""
    plan = Schedule()
    start, stop = -LEAD_IN_SECONDS - rng.random(), seconds + 1.0
    pr = float(np.clip(rng.normal(0.16, 0.02), 0.11, 0.199))
    if case.rhythm in ("sinus", "1dAVb"):
        pr = float(rng.uniform(0.215, 0.38)) if case.rhythm == "1dAVb" else pr
        pr = min(pr, 0.75 * 60.0 / case.rate_per_minute)
        for at in _sinus(case.rate_per_minute, start, stop, rng):
            plan.add_p(at)
            plan.add_beat(at + pr)
    elif case.rhythm in ("PAC", "PVC", "bigeminy"):
        _with_extrasystoles(plan, case, pr, (start, stop), rng)
    elif case.rhythm in ("AF", "AFL"):
        _fibrillating_or_fluttering(plan, case, (start, stop), rng)
    elif case.rhythm == "2dAVb":
        _second_degree(plan, case, pr, (start, stop), rng)
    elif case.rhythm == "PACE":
        _paced(plan, case, pr, (start, stop), rng)
    else:
        _independent(plan, case, (start, stop), rng)
    return plan


def _sinus(rate: float, start: float, stop: float, rng: np.random.Generator) -> Iterator[float]:
    """Yield P onsets: respiratory arrhythmia, less of it in fast rhythms, and a slow drift."""
    usual = 60.0 / rate
    depth = float(rng.gamma(1.6, 0.036)) * min(1.0, usual) ** 2
    breath, phase = rng.uniform(0.15, 0.35), rng.uniform(0, 2 * np.pi)
    jitter, drift = rng.uniform(0.002, 0.015), rng.normal(0.0, 0.003)
    at = start
    while at < stop:
        yield at
        swing = depth * np.sin(2 * np.pi * breath * at + phase) + jitter * rng.normal()
        at += usual * (1.0 + swing + drift * at)


def _with_extrasystoles(
    plan: Schedule, case: Case, pr: float, span: tuple[float, float], rng: np.random.Generator
) -> None:
    """Sinus rhythm, one beat in so many too early; at least one inside the recording."""
    usual = 60.0 / case.rate_per_minute
    onsets = list(_sinus(case.rate_per_minute, *span, rng))
    inside = [k for k, at in enumerate(onsets[:-2]) if 0.6 < at < span[1] - 2.6]
    every = 2 if case.rhythm == "bigeminy" else int(rng.choice([3, 4, 6, 50]))
    first = int(rng.choice(inside)) if inside else 3
    early = {k for k in range(len(onsets)) if (k - first) % every == 0}
    coupling = float(rng.uniform(0.5, 0.72))
    other = rng.random() < 0.2
    couplets = rng.random() < 0.15
    shift = 0.0
    for k, onset in enumerate(onsets):
        at = onset + shift
        if k not in early:
            plan.add_p(at)
            plan.add_beat(at + pr)
        elif case.rhythm == "PAC":
            premature = at - usual * (1.0 - coupling - rng.uniform(0.0, 0.1))
            plan.add_p(premature, ECTOPIC)
            if rng.random() > 0.06:  # else the ventricles are still refractory: blocked
                kind = ABERRANT if rng.random() < 0.12 else CONDUCTED
                plan.add_beat(premature + pr * rng.uniform(0.85, 1.3), kind)
            # The sinus node is reset: the pause is not compensatory.
            shift += (premature - at) + 0.1 * usual * rng.random()
        else:
            premature = at + pr - usual * (1.0 - coupling - rng.uniform(0.0, 0.04))
            kind = VENTRICULAR_OTHER if other and rng.random() < 0.5 else VENTRICULAR
            plan.add_beat(premature, kind)
            if couplets and usual > 0.6:
                plan.add_beat(premature + coupling * usual, kind)
            elif rng.random() < 0.5:
                plan.add_p(at)  # hidden in the complex: the sinus node goes on undisturbed
    _in_order(plan)


def _in_order(plan: Schedule) -> None:
    order = np.argsort(plan.beats, kind="stable")
    beats, kinds = [plan.beats[k] for k in order], [plan.kinds[k] for k in order]
    kept = [k for k in range(len(beats)) if k == 0 or beats[k] - beats[k - 1] > 0.25]
    plan.beats, plan.kinds = [beats[k] for k in kept], [kinds[k] for k in kept]


def _fibrillating_or_fluttering(
    plan: Schedule, case: Case, span: tuple[float, float], rng: np.random.Generator
) -> None:
    at, stop = span
    if case.rhythm == "AF":
        plan.fibrillation = True
        usual, spread = 60.0 / case.rate_per_minute, rng.uniform(0.13, 0.3)
        while at < stop:
            plan.add_beat(at)
            at += max(0.3, usual * float(np.exp(rng.normal(-(spread**2) / 2, spread))))
        return
    plan.flutter_seconds = float(rng.uniform(0.18, 0.25))
    plan.flutter_start = at
    ratio = max(2, round(60.0 / case.rate_per_minute / plan.flutter_seconds))
    varied = rng.random() < 0.4
    delay = rng.uniform(0.0, plan.flutter_seconds)
    while at < stop:
        plan.add_beat(at + delay + 0.01 * rng.normal())
        step = int(rng.choice([2, 3, 4])) if varied else ratio
        at += step * plan.flutter_seconds


def _second_degree(
    plan: Schedule, case: Case, pr: float, span: tuple[float, float], rng: np.random.Generator
) -> None:
    cycle = int(rng.choice([2, 3, 4, 5], p=[0.25, 0.3, 0.25, 0.2]))
    wenckebach = cycle > 2 and rng.random() < 0.65
    growth = rng.uniform(0.03, 0.09)
    usual_pr = pr + rng.uniform(0.0, 0.08)
    for k, at in enumerate(_sinus(case.rate_per_minute, *span, rng)):
        place = k % cycle
        plan.add_p(at)
        if place < cycle - 1:
            longer = growth * place / (1 + 0.4 * place) if wenckebach else 0.0
            plan.add_beat(at + usual_pr + longer)


def _paced(
    plan: Schedule, case: Case, pr: float, span: tuple[float, float], rng: np.random.Generator
) -> None:
    """Pace on demand of the atria (DDD) or at a fixed rate over fibrillating ones (VVI)."""
    mode = str(rng.choice(["tracking", "both chambers", "ventricle"]))
    plan.fibrillation = mode == "ventricle" and rng.random() < 0.7
    at = span[0]
    usual = 60.0 / case.rate_per_minute
    delay = max(pr, 0.14)
    for p in _sinus(rng.uniform(60, 95), *span, rng) if mode == "tracking" else ():
        plan.add_p(p)
        plan.spikes.append(p + delay)
        plan.add_beat(p + delay + 0.006, PACED)
    while at < span[1] and mode != "tracking":
        if mode == "both chambers":
            plan.spikes.append(at - delay)
            plan.add_p(at - delay + 0.01)
        plan.spikes.append(at)
        plan.add_beat(at + 0.006, PACED)
        at += usual
    if mode == "ventricle" and not plan.fibrillation:
        for p in _sinus(rng.uniform(50, 90), *span, rng):
            plan.add_p(p)


def _independent(
    plan: Schedule, case: Case, span: tuple[float, float], rng: np.random.Generator
) -> None:
    """Ventricles on their own: complete block with an escape rhythm, VT, SVT without visible P."""
    usual = 60.0 / case.rate_per_minute
    narrow = case.rhythm == "SVT" or (case.rhythm == "3dAVb" and case.rate_per_minute > 38)
    kind = CONDUCTED if narrow else (ESCAPE if case.rhythm == "3dAVb" else VENTRICULAR)
    at = span[0] + usual * rng.random()
    while at < span[1]:
        plan.add_beat(at, kind)
        at += usual * (1.0 + 0.008 * rng.normal())
    if case.rhythm == "3dAVb":
        for p in _sinus(rng.uniform(65, 115), *span, rng):
            plan.add_p(p)
    elif case.rhythm == "VT" and rng.random() < 0.6:
        for p in _sinus(rng.uniform(60, 100), *span, rng):
            plan.add_p(p)
