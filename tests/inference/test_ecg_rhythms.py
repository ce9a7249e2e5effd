"""A recorded ECG in another rhythm: its beats are played again, and its targets follow."""

from __future__ import annotations

import numpy as np
import pytest

from inference.core.ecg import Ecg
from inference.core.ecg_beats import median_beat, qrs_seconds, r_peaks, rate_per_minute, rr_seconds
from inference.training.ecg_labels import CODES, PLACE
from inference.training.ecg_replay import PlayedBeat, Timing, knots, played, with_p_waves
from inference.training.ecg_rhythms import (
    RhythmShares,
    as_another_rhythm,
    at_another_rate,
    conducted_late,
    fibrillating,
    in_sinus_rhythm,
    with_premature_beats,
    with_rate,
)

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
    ratio = 72.0 / wanted
    timing = Timing(peaks)
    beats = [
        PlayedBeat(k % len(timing.lengths_s), timing.lengths_s[0] * ratio, ratio)
        for k in range(40)
    ]
    again = played([leads], timing, beats, 0.2)
    assert again.shape == (12, 2500)
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


def recorded(rate: float = 66.0) -> tuple[np.ndarray, Timing]:
    leads = beating(rate)
    return leads, Timing(r_peaks(Ecg(leads, RATE_HZ)))


def p_height(leads: np.ndarray) -> float:
    """Height of the P wave of the median complex over the line before it."""
    beat = median_beat(Ecg(leads, RATE_HZ))[0]
    return float(beat[20:50].max() - np.median(beat[60:66]))


@pytest.mark.parametrize("delay", [0.0, 0.12])
@pytest.mark.parametrize("new", [0.42, 0.8, 1.5])
@pytest.mark.parametrize("old", [0.4, 0.7, 1.3])
def test_no_moment_of_a_beat_is_played_before_the_one_that_precedes_it(
    old: float, new: float, delay: float
) -> None:
    for stretch in (0.6, 1.0, 1.8):
        delayed = delay if new > 0.7 else 0.0
        then, there = knots(old, PlayedBeat(0, new, stretch, delayed), 0.26)
        assert (np.diff(then) > 0).all()
        assert (np.diff(there) > 0).all()
        assert (then[-1], there[-1]) == (new, old)


def test_a_fibrillating_record_has_irregular_intervals_and_no_p_wave() -> None:
    leads, timing = recorded()
    out, said = fibrillating(leads, sinus(NORM=1.0), timing, np.random.default_rng(2))
    intervals = rr_seconds(Ecg(out, RATE_HZ))
    assert np.std(intervals) / np.mean(intervals) > 0.08
    assert (said[PLACE["AF"]], said[PLACE["NORM"]], said[PLACE["1dAVb"]]) == (1.0, 0.0, 0.0)
    quiet = with_p_waves(leads, timing, 0.0, 0.055)
    assert p_height(leads) == pytest.approx(0.1, abs=0.02)
    assert abs(p_height(quiet)) < 0.02
    # Complexes and T waves stay.
    assert np.abs(quiet - leads).max() < 0.12


def test_a_premature_beat_comes_early_and_only_then_is_it_called_one() -> None:
    leads, timing = recorded()
    for seed in range(8):
        out, said = with_premature_beats(leads, sinus(), timing, np.random.default_rng(seed))
        intervals = rr_seconds(Ecg(out, RATE_HZ))
        assert intervals.min() < 0.88 * np.median(intervals) or len(intervals) > 12
        assert said[PLACE["PAC"]] == 1.0
        assert np.isnan(said[PLACE["SB"]])


def test_a_delayed_conduction_moves_the_p_wave_away_by_as_much() -> None:
    leads, timing = recorded()
    number = PlayedBeat(1, timing.usual_s, 1.0, 0.12)
    beats = [PlayedBeat(k % 9, timing.usual_s, 1.0, number.delay_s) for k in range(14)]
    late = median_beat(Ecg(played([leads], timing, beats, 0.1), RATE_HZ), 0.4)[0]
    usual = median_beat(Ecg(leads, RATE_HZ), 0.4)[0]
    apart = int(np.argmax(usual[:90])) - int(np.argmax(late[:90]))
    assert apart / RATE_HZ == pytest.approx(0.12, abs=0.012)


def test_only_a_delay_that_exceeds_every_doubt_teaches_first_degree_block() -> None:
    leads, timing = recorded(55.0)
    seen = set()
    for seed in range(40):
        _, said = conducted_late(leads, sinus(NORM=1.0), timing, np.random.default_rng(seed))
        block = said[PLACE["1dAVb"]]
        seen.add("open" if np.isnan(block) else block)
        assert (said[PLACE["NORM"]] == 0.0) == (block == 1.0)
    # 0 where no room was left for a delay.
    assert {"open", 1.0} <= seen


@pytest.mark.parametrize("code", ["AF", "AFL", "PVC", "PACE", "3dAVb", "PAC"])
def test_what_is_not_plain_sinus_rhythm_is_never_given_another_rhythm(code: str) -> None:
    targets = sinus(**{code: 1.0})
    assert not in_sinus_rhythm(targets)
    leads, timing = recorded()
    shares = RhythmShares(fibrillate=0.4, premature=0.3, delay=0.3)
    for seed in range(10):
        _, said = as_another_rhythm(
            leads, targets, timing.peaks, shares, np.random.default_rng(seed)
        )
        assert {one for one in CODES if said[PLACE[one]] == 1} <= {code}


def test_a_rhythm_that_its_set_does_not_annotate_is_left_alone() -> None:
    assert not in_sinus_rhythm(np.full(len(CODES), np.nan, dtype=np.float32))


def test_without_change_the_record_keeps_its_rate() -> None:
    leads, timing = recorded()
    shares = RhythmShares(retime=0.0)
    out, _ = at_another_rate(leads, sinus(), timing, shares, np.random.default_rng(0))
    assert rate_per_minute(Ecg(out, RATE_HZ)) == pytest.approx(66.0, rel=0.02)
