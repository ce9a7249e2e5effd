"""Where the beats of an ECG are, how fast it goes and how wide its complexes are.

Rule of the file: plain signal measurements over all leads at once, for checks, for comparing
generated with recorded ECGs and for laying out a page. No diagnosis is made here.

The detector is the spatial slope over all leads, smoothed over 120 ms, after Pan and
Tompkins (IEEE Trans Biomed Eng 1985;32:230-236), with one fixed threshold a recording. It misses
one ventricular extrasystole in twenty of generated ones and finds a P wave now and then.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, find_peaks, sosfiltfilt

from inference.core.ecg import LEADS, Ecg, Leads

REFRACTORY_SECONDS: Final = 0.24
"""Two ventricular activations of one heart are further apart (250 beats a minute)."""
_ENERGY_WINDOW_SECONDS: Final = 0.12
_SHARE_OF_USUAL_PEAK: Final = 0.36

Samples = NDArray[np.int64]


def r_peaks(ecg: Ecg) -> Samples:
    """Return the sample of each ventricular complex, in order; empty where none stands out."""
    leads = ecg.zero_filled().astype(np.float64)
    if leads.shape[1] < ecg.rate_hz:
        return np.empty(0, dtype=np.int64)
    high = min(25.0, 0.45 * ecg.rate_hz)
    band = sosfiltfilt(butter(2, (6.0, high), "band", fs=ecg.rate_hz, output="sos"), leads)
    # One noisy lead must not drown eleven good ones: each lead counts by its own scale.
    scale = np.quantile(np.abs(band), 0.98, axis=1, keepdims=True)
    band = np.where(scale > 0.005, band / np.maximum(scale, 0.005), 0.0)
    slope = np.gradient(band, axis=1)
    window = max(1, round(_ENERGY_WINDOW_SECONDS * ecg.rate_hz))
    # The root keeps wide complexes, whose slopes are gentle, above the threshold.
    energy = uniform_filter1d(np.sqrt((slope**2).sum(axis=0)), window)
    usual = _usual_peak(energy, ecg.rate_hz)
    if usual <= 0:
        return np.empty(0, dtype=np.int64)
    found, _ = find_peaks(
        energy,
        height=_SHARE_OF_USUAL_PEAK * usual,
        distance=max(1, round(REFRACTORY_SECONDS * ecg.rate_hz)),
    )
    return np.asarray(found, dtype=np.int64)


def _usual_peak(energy: NDArray[np.float64], rate_hz: float) -> float:
    """Return the median of the highest energy of each 2 s: one artefact does not raise it."""
    length = round(2 * rate_hz)
    parts = [energy[at : at + length].max() for at in range(0, len(energy) - length // 2, length)]
    return float(np.median(parts)) if parts else 0.0


def rr_seconds(ecg: Ecg) -> NDArray[np.float64]:
    """Return the time between successive complexes in seconds."""
    return np.diff(r_peaks(ecg)) / ecg.rate_hz


def rate_per_minute(ecg: Ecg) -> float | None:
    """Return the ventricular rate from the median RR interval; None with fewer than 2 beats."""
    intervals = rr_seconds(ecg)
    return float(60.0 / np.median(intervals)) if len(intervals) else None


def median_beat(
    ecg: Ecg,
    before_seconds: float = 0.3,
    after_seconds: float = 0.5,
    *,
    peaks: Samples | None = None,
) -> Leads:
    """Return the median complex ``[12, samples]`` in mV, around the complexes that fit whole.

    Each beat is taken against its own mean before the complex, so that a wandering baseline does
    not smear it. NaN throughout where no complex fits. ``peaks`` saves finding them again.
    """
    before, after = (round(s * ecg.rate_hz) for s in (before_seconds, after_seconds))
    found = r_peaks(ecg) if peaks is None else peaks
    whole = found[(found >= before) & (found + after <= ecg.leads_mv.shape[1])]
    if not len(whole):
        return np.full((len(LEADS), before + after), np.nan, dtype=np.float32)
    beats = np.stack([ecg.leads_mv[:, at - before : at + after] for at in whole])
    quiet = slice(before - round(0.12 * ecg.rate_hz), before - round(0.06 * ecg.rate_hz))
    beats = beats - np.median(beats[:, :, quiet], axis=2, keepdims=True)
    middle: Leads = np.median(beats, axis=0)
    return middle


def qrs_seconds(ecg: Ecg) -> float | None:
    """Return the width of the median complex over all leads; None where there is none.

    From first to last sample at which the spatial slope exceeds 8 % of its peak: a coarse measure,
    good for comparing distributions, not for a report.
    """
    beat = median_beat(ecg)
    if not np.isfinite(beat).any():
        return None
    slope = np.sqrt((np.gradient(np.nan_to_num(beat), axis=1) ** 2).sum(axis=0))
    slope = uniform_filter1d(slope, max(1, round(0.012 * ecg.rate_hz)))
    middle = round(0.3 * ecg.rate_hz)
    reach = round(0.13 * ecg.rate_hz)
    part = slope[middle - reach : middle + reach]
    above = np.flatnonzero(part > 0.08 * part.max())
    return float((above[-1] - above[0] + 1) / ecg.rate_hz)


def frontal_axis_degrees(ecg: Ecg) -> float | None:
    """Return the QRS axis in the frontal plane from the net areas of I and aVF; None without."""
    beat = median_beat(ecg)
    middle, reach = round(0.3 * ecg.rate_hz), round(0.06 * ecg.rate_hz)
    area = beat[:, middle - reach : middle + reach].sum(axis=1)
    if not np.isfinite(area[[0, 5]]).all():
        return None
    # aVF is measured against the mean of two limbs: shorter than I by half the root of three.
    return float(np.degrees(np.arctan2(area[5] * 2.0 / np.sqrt(3.0), area[0])))
