"""One recorded ECG as it might have been on another day: gain, electrodes, filter, noise.

Rule of the file: signal in, signal out, with what the change does to the targets. Pure; randomness
is passed in. Rates and rhythms are `ecg_rhythms`'s; printing and photographing are not here.
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


@dataclass(frozen=True, slots=True)
class Strengths:
    """How far each change may go; 0 is none."""

    gain: float = 0.35
    lead_gain: float = 0.1
    levelled: float = 0.15
    lead_off: float = 0.03
    wander_mv: float = 0.12
    noise_mv: float = 0.03
    smooth: float = 0.3


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
