"""A recorded ECG at another rate: its beats come faster or slower, and its targets follow."""

from __future__ import annotations

import numpy as np
import pytest

from inference.core.ecg import Ecg
from inference.core.ecg_beats import qrs_seconds, r_peaks, rate_per_minute
from inference.training.ecg_augment import Strengths, disturbed, retimed, with_rate
from inference.training.ecg_labels import CODES, PLACE

RATE_HZ = 250.0


def beating(rate: float, seconds: float = 10.0) -> np.ndarray:
    """Twelve equal leads: P, QRS and T as bumps, ``rate`` a minute."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    lead = np.zeros_like(time)
    for beat in np.arange(0.5, seconds, 60.0 / rate):
        for delay, height, width in ((-0.16, 0.1, 0.03), (0.0, 1.0, 0.012), (0.28, 0.25, 0.05)):
            lead += height * np.exp(-(((time - beat - delay) / width) ** 2) / 2)
    return np.repeat(lead[None], 12, axis=0).astype(np.float32)


def sinus(**stated: float) -> np.ndarray:
    targets = np.zeros(len(CODES), dtype=np.float32)
    for code, value in stated.items():
        targets[PLACE[code]] = value
    return targets


@pytest.mark.parametrize("wanted", [42.0, 60.0, 95.0, 130.0])
def test_a_retimed_record_beats_at_the_wanted_rate_with_the_same_complexes(wanted: float) -> None:
    leads = beating(72.0)
    peaks = r_peaks(Ecg(leads, RATE_HZ))
    again, rate = retimed(leads, peaks, 72.0 / wanted, 0.0, np.random.default_rng(0))
    assert again.shape == (12, 2500)
    assert rate == pytest.approx(wanted, rel=0.02)
    assert rate_per_minute(Ecg(again, RATE_HZ)) == pytest.approx(wanted, rel=0.03)
    before, after = qrs_seconds(Ecg(leads, RATE_HZ)), qrs_seconds(Ecg(again, RATE_HZ))
    assert after == pytest.approx(before, abs=0.012)


@pytest.mark.parametrize(
    ("rate", "slow", "fast"), [(45.0, 1.0, 0.0), (59.0, np.nan, 0.0), (75.0, 0.0, 0.0)]
)
def test_a_changed_sinus_rate_is_named_by_its_definition(
    rate: float, slow: float, fast: float
) -> None:
    found = with_rate(sinus(), rate, changed=True)
    np.testing.assert_equal(found[[PLACE["SB"], PLACE["ST"]]], [slow, fast])


def test_a_fast_sinus_rhythm_is_tachycardia_and_no_longer_surely_normal() -> None:
    found = with_rate(sinus(NORM=1.0), 120.0, changed=True)
    assert found[PLACE["ST"]] == 1.0
    assert np.isnan(found[PLACE["NORM"]])


def test_atrial_fibrillation_is_never_a_sinus_rate() -> None:
    found = with_rate(sinus(AF=1.0), 130.0, changed=True)
    assert found[PLACE["ST"]] == 0.0


def test_a_recorded_rate_below_the_limit_that_nobody_named_is_not_denied() -> None:
    found = with_rate(sinus(), 55.0, changed=False)
    assert np.isnan(found[PLACE["SB"]])
    assert with_rate(sinus(SB=1.0), 55.0, changed=False)[PLACE["SB"]] == 1.0


def test_what_is_said_of_amplitudes_is_dropped_when_they_are_changed_much() -> None:
    strong = Strengths(gain=0.5, levelled=1.0)
    _, found = disturbed(beating(70.0), sinus(LVH=1.0, AF=1.0), strong, np.random.default_rng(0))
    assert np.isnan(found[PLACE["LVH"]])
    assert found[PLACE["AF"]] == 1.0
