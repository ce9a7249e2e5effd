"""Whether a recording can be trusted: each doubt a named value, never an exception.

Rule of the file: every way in which twelve leads can be wrong without being unreadable, and one
score that sums them up. Thresholds are our own unless a source is named; they are set so that the
recordings of PTB-XL and LUDB raise few doubts (the tests hold them there).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from inference.core.ecg import LEADS, Ecg
from inference.core.ecg_beats import median_beat, r_peaks

NEEDED_SECONDS: Final = 8.0
"""Shorter is not read: rhythm is judged over ten seconds."""
FLAT_MV: Final = 0.02
"""A lead whose 2nd to 98th percentile spans less carries no heart (0.2 mm on paper)."""
HIGHEST_QRS_MV: Final = 8.0
"""Peak-to-peak beyond which the gain is doubted: the largest recorded complexes, of hypertrophic
hearts, reach about 5-6 mV in one lead (from memory, unverified)."""
LOWEST_QRS_MV: Final = 0.15
"""No lead above it: even low voltage (limb < 0.5 mV, chest < 1 mV) is more than that."""
LOW_QRS_MV: Final = 0.35
"""No lead above it: 2 of 570 recordings of PTB-XL, CPSC, the Challenges and HDAI, and most of
those that say 0.1 mV where 1 mV is meant."""


Chosen = NDArray[np.bool_]
"""Which of the twelve leads."""


class DoubtKind(Enum):
    """What may be wrong; the value is the sentence for a card, ``{leads}`` filled in."""

    MISSING_LEAD = "no recording of {leads}"
    FLAT_LEAD = "no signal on {leads}: the electrode may be off"
    SATURATED_LEAD = "{leads} at the limit of the recorder"
    NOISY_LEAD = "{leads} too noisy to judge"
    GAIN_HIGH = "complexes larger than a heart makes: have the gain or unit of the file checked"
    GAIN_LOW = "complexes smaller than a heart makes: have the gain or unit of the file checked"
    GAIN_UNSURE = "complexes smaller than most hearts make: the gain may be wrong"
    LIMB_LEADS_DISAGREE = "limb leads do not add up (I + III is not II)"
    ARM_ELECTRODES_SWAPPED = "lead I is upside down: arm electrodes may be exchanged"
    RIGHT_LEG_SWAPPED = "{leads} almost flat alone: an arm and the right leg may be exchanged"
    POLARITY = "{leads} upside down against the neighbouring leads"
    LEADS_IDENTICAL = "{leads} are the same signal"
    TOO_SHORT = "shorter than the ten seconds that are read: record ten"
    RATE_LOW = "sampled too coarsely to read"
    NO_BEATS = "no heart beats found: check electrodes and cable, and record again"


BARS_READING: Final = frozenset(
    {
        DoubtKind.GAIN_HIGH,
        DoubtKind.GAIN_LOW,
        DoubtKind.TOO_SHORT,
        DoubtKind.RATE_LOW,
        DoubtKind.NO_BEATS,
    }
)
_PENALTY: Final = {
    DoubtKind.GAIN_UNSURE: 0.5,
    DoubtKind.MISSING_LEAD: 0.12,
    DoubtKind.FLAT_LEAD: 0.12,
    DoubtKind.SATURATED_LEAD: 0.08,
    DoubtKind.NOISY_LEAD: 0.06,
    DoubtKind.LIMB_LEADS_DISAGREE: 0.15,
    DoubtKind.ARM_ELECTRODES_SWAPPED: 0.3,
    DoubtKind.RIGHT_LEG_SWAPPED: 0.3,
    DoubtKind.POLARITY: 0.15,
    DoubtKind.LEADS_IDENTICAL: 0.2,
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """One reason to trust a recording less, and the leads it is about (none: all of it)."""

    kind: DoubtKind
    leads: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Return the doubt in words."""
        return self.kind.value.format(leads=", ".join(self.leads))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What several checks ask of one recording, measured once."""

    ecg: Ecg
    recorded: Chosen
    span_mv: NDArray[np.float64]
    """2nd to 98th percentile of each lead; NaN where missing."""
    peaks: NDArray[np.int64]
    beat_mv: NDArray[np.float64] | None
    """Median complex ``[12, samples]``; None where there is none."""

    @property
    def flat(self) -> Chosen:
        return self.recorded & (np.nan_to_num(self.span_mv, nan=1.0) < FLAT_MV)

    @property
    def complexes_mv(self) -> NDArray[np.float64] | None:
        """The QRS part of the median complex."""
        if self.beat_mv is None:
            return None
        middle, reach = round(0.3 * self.ecg.rate_hz), round(0.07 * self.ecg.rate_hz)
        return np.nan_to_num(self.beat_mv[:, middle - reach : middle + reach])


def _seen(ecg: Ecg) -> _Seen:
    recorded: Chosen = np.asarray(np.isfinite(ecg.leads_mv).any(axis=1))
    span = np.full(len(LEADS), np.nan)
    if recorded.any():
        low, high = np.nanpercentile(ecg.leads_mv[recorded], (2, 98), axis=1)
        span[recorded] = high - low
    peaks = r_peaks(ecg)
    beat = median_beat(ecg, peaks=peaks).astype(np.float64)
    return _Seen(ecg, recorded, span, peaks, beat if np.isfinite(beat).any() else None)


def doubts(ecg: Ecg) -> tuple[Doubt, ...]:
    """Return every doubt about the recording, the graver first; empty when there is none."""
    seen = _seen(ecg)
    found = [doubt for check in _CHECKS if (doubt := check(seen)) is not None]
    return tuple(sorted(found, key=lambda doubt: doubt.kind not in BARS_READING))


def quality(found: tuple[Doubt, ...]) -> float:
    """Return 1 for a recording without doubt, 0 for one that must not be read."""
    if any(doubt.kind in BARS_READING for doubt in found):
        return 0.0
    lost = sum(_PENALTY[doubt.kind] * max(1, len(doubt.leads)) for doubt in found)
    return float(max(0.0, 1.0 - lost))


def _named(chosen: Chosen) -> tuple[str, ...]:
    return tuple(name for name, one in zip(LEADS, chosen, strict=True) if one)


def _missing_lead(seen: _Seen) -> Doubt | None:
    return Doubt(DoubtKind.MISSING_LEAD, seen.ecg.missing) if seen.ecg.missing else None


def _flat_lead(seen: _Seen) -> Doubt | None:
    chosen = seen.flat
    return Doubt(DoubtKind.FLAT_LEAD, _named(chosen)) if chosen.any() else None


def _saturated_lead(seen: _Seen) -> Doubt | None:
    """Find leads that stay at their own highest or lowest value for 3 % of the time."""
    leads = seen.ecg.leads_mv
    lively = seen.recorded & (np.nan_to_num(seen.span_mv) > 1.0)
    chosen = np.zeros(len(LEADS), dtype=bool)
    for index in np.flatnonzero(lively):
        lead = leads[index][np.isfinite(leads[index])]
        chosen[index] = max((lead == lead.max()).mean(), (lead == lead.min()).mean()) > 0.03
    return Doubt(DoubtKind.SATURATED_LEAD, _named(chosen)) if chosen.any() else None


def _noisy_lead(seen: _Seen) -> Doubt | None:
    """Find leads whose part above 40 Hz, between complexes, is larger than half of all."""
    if seen.ecg.rate_hz < 150 or seen.ecg.leads_mv.shape[1] < 2 * seen.ecg.rate_hz:
        return None
    leads = seen.ecg.zero_filled().astype(np.float64)
    fast = sosfiltfilt(butter(2, 40.0, "high", fs=seen.ecg.rate_hz, output="sos"), leads)
    noise = np.median(np.abs(fast), axis=1) / 0.6745
    chosen = (noise > 0.12) & seen.recorded
    return Doubt(DoubtKind.NOISY_LEAD, _named(chosen)) if chosen.any() else None


def _gain(seen: _Seen) -> Doubt | None:
    beat = seen.beat_mv
    if beat is None:
        return None
    height = np.nanmax(beat[seen.recorded], axis=1) - np.nanmin(beat[seen.recorded], axis=1)
    if np.max(height) > HIGHEST_QRS_MV:
        return Doubt(DoubtKind.GAIN_HIGH)
    if np.max(height) < LOW_QRS_MV:
        low = np.max(height) < LOWEST_QRS_MV
        return Doubt(DoubtKind.GAIN_LOW if low else DoubtKind.GAIN_UNSURE)
    return None


def _limb_leads_disagree(seen: _Seen) -> Doubt | None:
    """Compare I + III with II on the median beat: baselines may differ, complexes may not."""
    if {"I", "II", "III"} & (set(seen.ecg.missing) | set(seen.ecg.derived)):
        return None
    beat = seen.beat_mv
    if beat is None or not np.isfinite(beat[:3]).all():
        return None
    rest = beat[0] + beat[2] - beat[1]
    size = max(float(np.ptp(beat[:3], axis=1).max()), 0.2)
    wrong = float(np.ptp(rest)) > 0.4 * size
    return Doubt(DoubtKind.LIMB_LEADS_DISAGREE) if wrong else None


def _likeness(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / size if size > 0 else 0.0


def _arm_electrodes_swapped(seen: _Seen) -> Doubt | None:
    """Lead I against V6: both look to the left, so their complexes resemble each other.

    The known sign of exchanged arm electrodes (negative P-QRS-T in I, upright aVR) with an
    ordinary progression in the chest leads, which tells it from a heart on the right.
    """
    parts = seen.complexes_mv
    if parts is None:
        return None
    one, avr, v6 = parts[0], parts[3], parts[11]
    upside_down = one.sum() < 0 and abs(one.min()) > 2.0 * one.max() and avr.sum() > 0
    left_is_upright = v6.sum() > 0 and v6.max() > 0.4
    if upside_down and left_is_upright and _likeness(one, v6) < -0.6:
        return Doubt(DoubtKind.ARM_ELECTRODES_SWAPPED)
    return None


def _right_leg_swapped(seen: _Seen) -> Doubt | None:
    """One of I, II, III almost flat while the others are not: it lies between the legs."""
    parts = seen.complexes_mv
    if parts is None or seen.beat_mv is None or {"I", "II", "III"} & set(seen.ecg.missing):
        return None
    height = np.ptp(parts[:3], axis=1)
    low = int(height.argmin())
    whole = float(np.ptp(seen.beat_mv[low]))
    if whole < 0.08 and np.delete(height, low).min() > 0.4 and not seen.flat[low]:
        return Doubt(DoubtKind.RIGHT_LEG_SWAPPED, (LEADS[low],))
    return None


def _polarity(seen: _Seen) -> Doubt | None:
    """Find chest leads that mirror both neighbours, which resemble each other."""
    parts = seen.complexes_mv
    if parts is None:
        return None
    chosen = np.zeros(len(LEADS), dtype=bool)
    for index in range(7, 11):
        left, here, right = parts[index - 1], parts[index], parts[index + 1]
        mirrored = _likeness(left, here) < -0.75 and _likeness(here, right) < -0.75
        chosen[index] = mirrored and _likeness(left, right) > 0.75
    return Doubt(DoubtKind.POLARITY, _named(chosen)) if chosen.any() else None


def _leads_identical(seen: _Seen) -> Doubt | None:
    usable = seen.recorded & ~seen.flat
    chosen = np.zeros(len(LEADS), dtype=bool)
    for one in range(len(LEADS)):
        for other in range(one + 1, len(LEADS)):
            if (
                usable[one]
                and usable[other]
                and np.array_equal(
                    seen.ecg.leads_mv[one], seen.ecg.leads_mv[other], equal_nan=True
                )
            ):
                chosen[[one, other]] = True
    return Doubt(DoubtKind.LEADS_IDENTICAL, _named(chosen)) if chosen.any() else None


def _too_short(seen: _Seen) -> Doubt | None:
    recorded = np.isfinite(seen.ecg.leads_mv).any(axis=0).sum() / seen.ecg.rate_hz
    return Doubt(DoubtKind.TOO_SHORT) if recorded < NEEDED_SECONDS else None


def _rate_low(seen: _Seen) -> Doubt | None:
    return Doubt(DoubtKind.RATE_LOW) if seen.ecg.rate_hz < 95 else None


def _no_beats(seen: _Seen) -> Doubt | None:
    lively = seen.recorded & ~seen.flat
    return Doubt(DoubtKind.NO_BEATS) if not lively.any() or len(seen.peaks) < 2 else None


_CHECKS: Final[tuple[Callable[[_Seen], Doubt | None], ...]] = (
    _missing_lead,
    _flat_lead,
    _saturated_lead,
    _noisy_lead,
    _gain,
    _limb_leads_disagree,
    _arm_electrodes_swapped,
    _right_leg_swapped,
    _polarity,
    _leads_identical,
    _too_short,
    _rate_low,
    _no_beats,
)
