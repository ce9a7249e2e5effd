"""One recorded ECG as it might have been on another day: rate, gain, electrodes, noise.

Rule of the file: signal in, signal out, with what the change does to the targets. Pure; randomness
is passed in. Printing and photographing are not here.

Retiming plays the beats of a record again from any beat on, at another rate: the QRS keeps its
width, QT follows the cube root of the RR interval (Fridericia 1920) and the pause before the P
wave takes the rest. A sinus rhythm retimed below 60 a minute is a sinus bradycardia, above 100 a
tachycardia; near the limits nothing is taught.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.training.ecg_labels import PLACE, Targets

Leads = NDArray[np.float32]
RATE_HZ: Final = 250.0
SAMPLES: Final = 2500
FEWEST_BEATS: Final = 4
BRADYCARDIA, TACHYCARDIA = 60.0, 100.0
_DOUBT: Final = 3.0
"""Beats a minute to either side of a limit in which a rate is not taught."""
_QRS_S: Final = 0.07
_PR_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Strengths:
    """How far each change may go; 0 is none."""

    retime: float = 0.75
    gain: float = 0.35
    lead_gain: float = 0.1
    levelled: float = 0.15
    lead_off: float = 0.03
    wander_mv: float = 0.12
    noise_mv: float = 0.03
    smooth: float = 0.3


def retimed(
    leads: Leads,
    peaks: NDArray[np.int64],
    ratio: float,
    jitter: float,
    random: np.random.Generator,
) -> tuple[Leads, float]:
    """Return ``[12, 2500]`` of the same beats with RR times ``ratio``, and the new rate a minute.

    ``jitter`` is the standard deviation of each RR's own factor. The beats are played in order
    from a random one on, the first following the last.
    """
    old = np.diff(peaks) / RATE_HZ
    beats = len(old)
    first = int(random.integers(beats))
    into = float(random.uniform(0, old[first] * ratio))
    place, began, spent = [], -into, []
    number = first
    while began < SAMPLES / RATE_HZ:
        factor = float(np.exp(jitter * random.standard_normal()))
        length = old[number] * ratio * factor
        knots, before = _knots(old[number], length)
        low = max(0, int(np.ceil(began * RATE_HZ)))
        high = min(SAMPLES, int(np.ceil((began + length) * RATE_HZ)))
        at = np.arange(low, high) / RATE_HZ - began
        place.append(peaks[number] + np.interp(at, knots, before) * RATE_HZ)
        spent.append(length)
        began += length
        number = (number + 1) % beats
    where = np.clip(np.concatenate(place), 0, leads.shape[1] - 1.001)
    lower = where.astype(np.int64)
    share = (where - lower).astype(np.float32)
    out: Leads = leads[:, lower] * (1 - share) + leads[:, lower + 1] * share
    return out, float(60.0 / np.median(spent))


def _knots(old: float, new: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the times since the R wave, new and old, between which a beat is stretched evenly."""
    ratio = new / old
    qrs = min(_QRS_S, 0.15 * old, 0.15 * new)
    repolarised = min(0.42 * np.sqrt(old), 0.62 * old)
    before_next = min(_PR_S, 0.25 * old)
    new_before = min(before_next * ratio**0.15, 0.3 * new)
    new_repolarised = qrs + (repolarised - qrs) * ratio ** (1 / 3)
    new_repolarised = min(new_repolarised, new - new_before - 0.01)
    return (
        np.array([0.0, qrs, new_repolarised, new - new_before, new]),
        np.array([0.0, qrs, repolarised, old - before_next, old]),
    )


def at_another_rate(
    leads: Leads,
    targets: Targets,
    peaks: NDArray[np.int64],
    strengths: Strengths,
    random: np.random.Generator,
) -> tuple[Leads, Targets]:
    """Return the record played again, at times at another rate, with the targets that follow."""
    if len(peaks) < FEWEST_BEATS + 1:
        return leads, targets
    rate = 60.0 * RATE_HZ / float(np.median(np.diff(peaks)))
    changed = random.random() < strengths.retime and targets[PLACE["PACE"]] != 1
    wanted = float(_wanted_rate(random)) if changed else rate
    wanted = float(np.clip(wanted, rate / 1.9, rate * 1.9))
    if targets[PLACE["AFL"]] == 1 or targets[PLACE["3dAVb"]] == 1:
        wanted = rate
    jitter = 0.02 * float(random.random()) if changed else 0.0
    out, found = retimed(leads, peaks, rate / wanted, jitter, random)
    return out, with_rate(targets, found, changed)


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


def disturbed(
    leads: Leads, targets: Targets, strengths: Strengths, random: np.random.Generator
) -> tuple[Leads, Targets]:
    """Return the record with another gain, wandering, noise and filter, at times a lead off."""
    out = leads - np.median(leads, axis=1, keepdims=True)
    said = targets
    if random.random() < strengths.levelled:
        out = out / np.maximum(np.ptp(out, axis=1, keepdims=True), 0.05)
        said = targets.copy()
        said[PLACE["LVH"]] = np.nan
    spread = strengths.gain * random.standard_normal()
    each = strengths.lead_gain * random.standard_normal((len(out), 1))
    out = out * np.exp(spread + each).astype(np.float32)
    if abs(spread) > strengths.gain:
        said = said.copy()
        said[PLACE["LVH"]] = np.nan
    if random.random() < strengths.smooth:
        out = _smoothed(out, int(random.integers(2, 6)))
    out = out + _wander(len(out), strengths.wander_mv * random.random(), random)
    noise = strengths.noise_mv * random.random() ** 2
    out = out + (noise * random.standard_normal(out.shape)).astype(np.float32)
    if random.random() < strengths.lead_off:
        out[random.integers(len(out))] = 0.0
    return out.astype(np.float32), said


def levelled_leads(leads: Leads, random: np.random.Generator) -> Leads:
    """Return leads of a set that scaled each lead on its own, with amplitudes drawn anew."""
    gain = np.exp(0.35 * random.standard_normal((len(leads), 1))) * 1.4
    out: Leads = (leads * gain).astype(np.float32)
    return out


def _smoothed(leads: Leads, width: int) -> Leads:
    """Return the mean of ``width`` neighbours: what a 25 to 60 Hz filter leaves."""
    total = np.cumsum(np.pad(leads, ((0, 0), (width, 0)), mode="edge"), axis=1, dtype=np.float64)
    return ((total[:, width:] - total[:, :-width]) / width).astype(np.float32)


def _wander(rows: int, depth_mv: float, random: np.random.Generator) -> Leads:
    """Return a slow wandering of every lead, in mV: breathing and one slower drift."""
    time = np.arange(SAMPLES) / RATE_HZ
    slow = np.zeros((rows, SAMPLES))
    for hertz in (random.uniform(0.05, 0.15), random.uniform(0.15, 0.5)):
        phase = random.uniform(0, 2 * np.pi)
        slow += random.standard_normal((rows, 1)) * np.sin(2 * np.pi * hertz * time + phase)
    return (depth_mv * slow).astype(np.float32)
