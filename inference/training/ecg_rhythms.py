"""Another rhythm on recorded beats, with the targets that follow from its definition.

Rule of the file: which beats are played when, and what may then be said of the record; how a beat
is played is `ecg_replay`'s. Randomness is passed in.

The findings that few recordings have are rhythms, and a rhythm is a matter of time: a record known
to be in sinus rhythm is played again slow or fast (sinus brady- and tachycardia), without P waves
and with irregular intervals over f waves (atrial fibrillation), with beats too early (atrial
premature complexes) or with a longer PR interval (first-degree block). Near a limit nothing is
taught. Complexes, noise and paper stay those of real recordings; what is played is counted as
such on the card of the release.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.training.ecg_generator import fibrillation_leads
from inference.training.ecg_labels import CODES, PLACE, Targets
from inference.training.ecg_replay import (
    SECONDS,
    Leads,
    PlayedBeat,
    Timing,
    played,
    repolarised_s,
    with_p_waves,
)

FEWEST_BEATS: Final = 4
BRADYCARDIA, TACHYCARDIA = 60.0, 100.0
P_LEFT_S: Final = 0.36
"""How long before the R wave the P wave of a first-degree block may begin."""
SURE_DELAY_S: Final = 0.09
"""Added to a PR interval of 0.12 s or more it is longer than 0.2 s."""
LATEST_EARLY: Final = 0.82
"""A premature beat comes after at most this share of the usual interval."""
_LEAST_DELAY_S: Final = 0.02
_DOUBT: Final = 3.0
"""Beats a minute to either side of a limit in which a rate is not taught."""
_SLOWEST_TO_CHANGE: Final = 0.5
"""Below this RR interval P and T waves overlap, so that P waves are not touched."""
_NOT_SINUS: Final = ("AF", "AFL", "3dAVb", "PACE")
_ECTOPIC: Final = ("PAC", "PVC")
_WIDE: Final = ("RBBB", "LBBB")


@dataclass(frozen=True, slots=True)
class RhythmShares:
    """Shares of recorded draws: ``retime`` of all, the others of those in sinus rhythm."""

    retime: float = 0.75
    fibrillate: float = 0.12
    premature: float = 0.12
    delay: float = 0.12
    breathe: float = 0.4


def as_another_rhythm(
    leads: Leads,
    targets: Targets,
    peaks: NDArray[np.int64],
    shares: RhythmShares,
    random: np.random.Generator,
) -> tuple[Leads, Targets]:
    """Return the record played again, at times in another rhythm, with the targets that follow."""
    if len(peaks) < FEWEST_BEATS + 1:
        return leads, targets
    timing = Timing(peaks, P_LEFT_S) if targets[PLACE["1dAVb"]] == 1 else Timing(peaks)
    if in_sinus_rhythm(targets) and timing.usual_s >= _SLOWEST_TO_CHANGE:
        drawn = random.random()
        if drawn < shares.fibrillate:
            return fibrillating(leads, targets, timing, random)
        if drawn < shares.fibrillate + shares.premature:
            return with_premature_beats(leads, targets, timing, random)
        if drawn < shares.fibrillate + shares.premature + shares.delay:
            return conducted_late(leads, targets, timing, random)
    return at_another_rate(leads, targets, timing, shares, random)


def in_sinus_rhythm(targets: Targets) -> bool:
    """Return whether a record is known to be in sinus rhythm without extrasystoles."""
    denied = targets[PLACE["AF"]] == 0
    return bool(denied and not any(targets[PLACE[one]] == 1 for one in (*_NOT_SINUS, *_ECTOPIC)))


def at_another_rate(
    leads: Leads,
    targets: Targets,
    timing: Timing,
    shares: RhythmShares,
    random: np.random.Generator,
) -> tuple[Leads, Targets]:
    """Return the record at another rate, at times breathing, with the targets that follow."""
    rate = 60.0 / timing.usual_s
    changed = random.random() < shares.retime and targets[PLACE["PACE"]] != 1
    wanted = float(_wanted_rate(random)) if changed else rate
    wanted = float(np.clip(wanted, rate / 1.9, rate * 1.9))
    if targets[PLACE["AFL"]] == 1 or targets[PLACE["3dAVb"]] == 1:
        wanted = rate
    breathes = changed and in_sinus_rhythm(targets) and random.random() < shares.breathe
    factors = _sinus_factors(60.0 / wanted, breathes, random) if changed else None
    ratio = rate / wanted
    first, into = _beginning(timing, ratio, random)
    beats = _beats_at(timing, first, into, ratio, factors)
    spent = float(np.median([beat.length_s for beat in beats]))
    return played([leads], timing, beats, into), with_rate(targets, 60.0 / spent, changed)


def fibrillating(
    leads: Leads, targets: Targets, timing: Timing, random: np.random.Generator
) -> tuple[Leads, Targets]:
    """Return the record in atrial fibrillation: no P waves, f waves, no two intervals alike."""
    usual = 60.0 / float(random.uniform(50, 140))
    spread = float(random.uniform(0.13, 0.3))
    quiet = with_p_waves(leads, timing, 0.0, _narrow_s(targets))
    first, into = int(random.integers(len(timing.lengths_s))), 0.3 * float(random.random())
    beats: list[PlayedBeat] = []
    while sum(beat.length_s for beat in beats) < SECONDS + into:
        number = (first + len(beats)) % len(timing.lengths_s)
        factor = float(np.exp(spread * random.standard_normal() - spread**2 / 2))
        length = max(0.32, usual * factor)
        beats.append(PlayedBeat(number, length, usual / timing.usual_s))
    out = played([quiet], timing, beats, into) + fibrillation_leads(random)
    said = _without(targets, "NORM", "SB", "ST", "AFL", "1dAVb", "3dAVb")
    said[PLACE["AF"]] = 1.0
    said[PLACE["PAC"]] = 0.0
    return out.astype(np.float32), said


def with_premature_beats(
    leads: Leads, targets: Targets, timing: Timing, random: np.random.Generator
) -> tuple[Leads, Targets]:
    """Return the record with beats whose P wave comes too early, and looks another way."""
    usual = 60.0 / float(random.uniform(48, 92))
    ratio = usual / timing.usual_s
    shape = np.where(
        random.random((12, 1)) < 0.5, random.uniform(-0.8, 0.4), random.uniform(0.5, 1.5)
    ).astype(np.float32)
    sources = [leads, with_p_waves(leads, timing, shape, _narrow_s(targets))]
    first, into = _beginning(timing, ratio, random)
    factors = _sinus_factors(usual, random.random() < 0.3, random)
    beats = _beats_at(timing, first, into, ratio, factors)
    # Not so early that the P wave would have to squeeze the T wave before it.
    earliest = (repolarised_s(timing.usual_s) * ratio ** (1 / 3) * 0.9 + 0.15) / usual
    every = int(random.choice([2, 3, 4, 5, 7, 50]))
    start = int(random.integers(1, max(2, min(every, len(beats) - 3) + 1)))
    pause = float(random.uniform(0.95, 1.35))
    for place in range(start, len(beats) - 1, every):
        early = max(float(random.uniform(0.55, 0.8)), min(earliest, LATEST_EARLY))
        beats[place] = _lasting(beats[place], usual * early, source=1)
        beats[place + 1] = _lasting(beats[place + 1], usual * pause)
    beats += _beats_at(timing, first + len(beats), 0.0, ratio, None)
    said = _without(targets, "NORM", "AFL")
    said[[PLACE["SB"], PLACE["ST"]]] = np.nan
    said[PLACE["PAC"]] = 1.0
    return played(sources, timing, beats, into), said


def conducted_late(
    leads: Leads, targets: Targets, timing: Timing, random: np.random.Generator
) -> tuple[Leads, Targets]:
    """Return the record with a longer PR interval; a little longer teaches neither answer.

    Where a fast rate leaves no room for it, the record is returned as it was.
    """
    usual = 60.0 / float(random.uniform(42, 95))
    ratio = usual / timing.usual_s
    room = usual - repolarised_s(timing.usual_s) * ratio ** (1 / 3) - timing.p_before_r_s - 0.02
    delay = min(float(random.uniform(0.03, 0.2)), room)
    if delay <= _LEAST_DELAY_S:
        return leads, targets
    first, into = _beginning(timing, ratio, random)
    factors = _sinus_factors(usual, random.random() < 0.3, random)
    beats = [
        PlayedBeat(one.number, one.length_s, one.stretch, delay)
        for one in _beats_at(timing, first, into, ratio, factors)
    ]
    said = with_rate(targets, 60.0 / usual, changed=True)
    if targets[PLACE["1dAVb"]] != 1:
        sure = delay >= SURE_DELAY_S
        said[PLACE["1dAVb"]] = 1.0 if sure else np.nan
        said[PLACE["NORM"]] = 0.0 if sure or targets[PLACE["NORM"]] == 0 else np.nan
    return played([leads], timing, beats, into), said


def _beginning(timing: Timing, ratio: float, random: np.random.Generator) -> tuple[int, float]:
    """Draw the beat to begin with, and how far into it."""
    first = int(random.integers(len(timing.lengths_s)))
    return first, float(random.uniform(0, timing.lengths_s[first] * ratio))


def _beats_at(
    timing: Timing, first: int, into: float, ratio: float, factors: NDArray[np.float64] | None
) -> list[PlayedBeat]:
    """Return ten seconds of the recorded beats, RR times ``ratio`` and each one's factor."""
    lengths, beats, spent = timing.lengths_s, list[PlayedBeat](), 0.0
    while spent < SECONDS + into:
        number = (first + len(beats)) % len(lengths)
        factor = 1.0 if factors is None else float(factors[len(beats) % len(factors)])
        length = max(0.3, float(lengths[number]) * ratio * factor)
        beats.append(PlayedBeat(number, length, ratio))
        spent += length
    return beats


def _lasting(beat: PlayedBeat, length: float, source: int = 0) -> PlayedBeat:
    return PlayedBeat(beat.number, length, beat.stretch, beat.delay_s, source)


def _sinus_factors(
    usual: float, breathes: bool, random: np.random.Generator
) -> NDArray[np.float64]:
    """Draw what each of forty sinus intervals is of the usual one: jitter, at times breathing."""
    jitter = 0.02 * float(random.random())
    out = np.exp(jitter * random.standard_normal(40))
    if breathes:
        depth = 0.14 * float(random.random()) * min(1.0, usual) ** 2
        cycle = float(random.uniform(0.15, 0.35)) * usual
        out *= 1.0 + depth * np.sin(2 * np.pi * (cycle * np.arange(40) + random.random()))
    return np.asarray(out, dtype=np.float64)


def _narrow_s(targets: Targets) -> float:
    """Return how long before the R wave a complex begins at the latest, by what is known of it."""
    return 0.085 if any(targets[PLACE[one]] == 1 for one in _WIDE) else 0.055


def _without(targets: Targets, *codes: str) -> Targets:
    out = targets.copy()
    out[[CODES.index(code) for code in codes]] = 0.0
    return out


def _wanted_rate(random: np.random.Generator) -> float:
    """Draw a rate: a third slow, a third usual, a third fast."""
    low, high = ((38, 58), (60, 100), (101, 150))[int(random.integers(3))]
    return float(random.uniform(low, high))


def with_rate(targets: Targets, rate: float, changed: bool) -> Targets:
    """Return the targets with the sinus rates that follow from the ventricular rate.

    Only where the rhythm is known to be sinus. An unchanged record keeps what was stated of it;
    what was not stated is not taught near the limits.
    """
    out = targets.copy()
    sinus = all(targets[PLACE[code]] == 0 for code in ("AF", "AFL"))
    ectopic = any(targets[PLACE[code]] == 1 for code in ("PAC", "PVC", "3dAVb", "PACE"))
    slow, fast, normal = PLACE["SB"], PLACE["ST"], PLACE["NORM"]
    if not sinus or (ectopic and changed):
        if changed:
            out[[slow, fast]] = np.where(targets[[slow, fast]] == 0, 0.0, np.nan)
        return out
    for place, limit, sign in ((slow, BRADYCARDIA, -1), (fast, TACHYCARDIA, 1)):
        beyond = sign * (rate - limit)
        if changed:
            out[place] = np.nan if abs(beyond) < _DOUBT else float(beyond > 0)
        elif targets[place] != 1 and beyond > -_DOUBT:
            out[place] = np.nan
    if changed and targets[normal] == 1 and not BRADYCARDIA <= rate <= TACHYCARDIA:
        # Whether a slow or fast sinus rhythm is still called normal differs from set to set.
        out[normal] = np.nan
    return out
