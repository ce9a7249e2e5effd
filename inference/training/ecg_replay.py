"""The beats of one recorded ECG played again, at other times and with other P waves.

Rule of the file: signal in, signal out; targets and rhythms are `ecg_rhythms`'s. Pure.

A beat here is what lies between one R wave and the next. It is stretched piecewise: the QRS keeps
its width, QT follows the cube root of the RR interval (Fridericia, Acta Med Scand 1920;53:469-486,
from memory), P wave and PR segment keep theirs unless the conduction is delayed on purpose, and
the pause before the P wave takes the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Leads = NDArray[np.float32]
Samples = NDArray[np.int64]
RATE_HZ: Final = 250.0
SAMPLES: Final = 2500
SECONDS: Final = SAMPLES / RATE_HZ
_QRS_S: Final = 0.07
_QRS_BEFORE_R_S: Final = 0.05
"""How long before its R wave a narrow complex begins."""
_PR_SEGMENT_S: Final = 0.025
"""The end of the PR segment: what a delayed conduction stretches."""


@dataclass(frozen=True, slots=True)
class PlayedBeat:
    """One beat as it is to be played.

    ``number`` of the recorded beat, ``length_s`` from its R wave to the next, ``stretch`` of the
    heart's usual RR interval, which QT follows; ``delay_s`` more between P wave and next complex;
    ``source`` says which of the sources is played.
    """

    number: int
    length_s: float
    stretch: float
    delay_s: float = 0.0
    source: int = 0


@dataclass(frozen=True, slots=True)
class Timing:
    """R waves of a recording (samples), and when its P waves begin before them, in seconds."""

    peaks: Samples
    p_before_r_s: float = 0.26

    @property
    def lengths_s(self) -> NDArray[np.float64]:
        """Return the recorded RR intervals."""
        return np.diff(self.peaks) / RATE_HZ

    @property
    def usual_s(self) -> float:
        """Return the median RR interval."""
        return float(np.median(self.lengths_s))


def played(
    sources: Sequence[Leads], timing: Timing, beats: Sequence[PlayedBeat], into_s: float
) -> Leads:
    """Return ten seconds ``[12, 2500]`` of beats in turn, from ``into_s`` of the first one on.

    The beats must last ten seconds after ``into_s``; every source is the same recording.
    """
    old = timing.lengths_s
    out = np.empty((len(sources[0]), SAMPLES), dtype=np.float32)
    began = -into_s
    for beat in beats:
        ends = began + beat.length_s
        low, high = (int(np.clip(np.ceil(at * RATE_HZ), 0, SAMPLES)) for at in (began, ends))
        at = np.arange(low, high) / RATE_HZ - began
        new_knots, old_knots = knots(old[beat.number], beat, timing.p_before_r_s)
        where = timing.peaks[beat.number] + np.interp(at, new_knots, old_knots) * RATE_HZ
        out[:, low:high] = _between(sources[beat.source], where)
        began = ends
    return out


def _between(leads: Leads, where: NDArray[np.float64]) -> Leads:
    where = np.clip(where, 0, leads.shape[1] - 1.001)
    lower = where.astype(np.int64)
    share = (where - lower).astype(np.float32)
    found: Leads = leads[:, lower] * (1 - share) + leads[:, lower + 1] * share
    return found


def knots(
    old: float, beat: PlayedBeat, p_before_r_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the times since the R wave, new and old, between which a beat is stretched evenly."""
    new = beat.length_s
    qrs = min(_QRS_S, 0.15 * old, 0.15 * new)
    repolarised = repolarised_s(old)
    before = min(p_before_r_s, old - repolarised - 0.02)
    new_before = min(before, 0.43 * new)
    new_repolarised = qrs + (repolarised - qrs) * beat.stretch ** (1 / 3)
    new_repolarised = min(new_repolarised, new - new_before - beat.delay_s - 0.01)
    complex_at = min(_QRS_BEFORE_R_S, 0.4 * new_before)
    segment_at = min(complex_at + _PR_SEGMENT_S, 0.6 * new_before)
    late = beat.delay_s
    return (
        np.array(
            [
                0.0,
                qrs,
                new_repolarised,
                new - new_before - late,
                new - segment_at - late,
                new - complex_at,
                new,
            ]
        ),
        np.array([0.0, qrs, repolarised, old - before, old - segment_at, old - complex_at, old]),
    )


def repolarised_s(length_s: float) -> float:
    """Return when the T wave has ended after the R wave of a beat of a length, roughly."""
    return float(min(0.42 * np.sqrt(length_s), 0.62 * length_s))


def with_p_waves(
    leads: Leads, timing: Timing, factor: NDArray[np.float32] | float, narrow_s: float
) -> Leads:
    """Return the recording with each lead's P waves ``factor [12, 1]`` as high; 0 is none left.

    What stays is the straight line between the ends of the window before each complex, which
    begins ``narrow_s`` before the R wave.
    """
    out = leads.copy()
    for peak, length in zip(timing.peaks[1:], timing.lengths_s, strict=True):
        before = min(timing.p_before_r_s, length - repolarised_s(length) - 0.02)
        first, last = peak - round(before * RATE_HZ), peak - round(narrow_s * RATE_HZ)
        if first < 2 or last - first < 4:
            continue
        begin = leads[:, first - 2 : first + 3].mean(axis=1, keepdims=True)
        end = leads[:, last - 2 : last + 1].mean(axis=1, keepdims=True)
        line = begin + (end - begin) * np.linspace(0, 1, last - first, dtype=np.float32)
        out[:, first:last] = line + factor * (leads[:, first:last] - line)
    return out
