"""Leads in order, derived by Einthoven, resampled; every doubt about a recording is a value."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.core.ecg import LEADS, STANDARD_SAMPLES, Ecg, ecg_of, lead_name, standard
from inference.core.ecg_beats import frontal_axis_degrees, qrs_seconds, r_peaks, rate_per_minute
from inference.core.ecg_checks import Doubt, DoubtKind, doubts, quality
from tests.inference.ecg_signals import regular, twelve


def changed(ecg: Ecg, **leads: np.ndarray | float) -> Ecg:
    values = ecg.leads_mv.copy()
    for name, value in leads.items():
        values[LEADS.index(name)] = value
    return replace(ecg, leads_mv=values)


def kinds(ecg: Ecg) -> list[DoubtKind]:
    return [doubt.kind for doubt in doubts(ecg)]


def test_every_way_of_writing_a_lead_is_understood() -> None:
    assert [lead_name(name) for name in ("Lead I", "MDC_ECG_LEAD_AVR", "avf", "Lead V1", "X")] == [
        "I", "aVR", "aVF", "V1", None,
    ]  # fmt: skip


@pytest.mark.parametrize("pair", [("I", "II"), ("I", "III"), ("II", "aVL"), ("aVR", "aVF")])
def test_any_two_limb_leads_give_the_other_four(pair: tuple[str, str]) -> None:
    whole = regular()
    held = {name: whole.lead(name) for name in LEADS if name in pair or name.startswith("V")}
    again = ecg_of(held, whole.rate_hz)
    assert set(again.derived) == set(LEADS[:6]) - set(pair)
    np.testing.assert_allclose(again.leads_mv, whole.leads_mv, atol=1e-5)


def test_one_limb_lead_gives_no_other() -> None:
    whole = regular()
    alone = ecg_of({"I": whole.lead("I"), "V1": whole.lead("V1")}, whole.rate_hz)
    assert alone.missing == ("II", "III", "aVR", "aVL", "aVF", "V2", "V3", "V4", "V5", "V6")
    assert alone.derived == ()


@pytest.mark.parametrize("rate_hz", [100.0, 257.0, 360.0, 500.0, 1000.0])
def test_a_slow_wave_survives_resampling_from_any_rate(rate_hz: float) -> None:
    time = np.arange(round(10 * rate_hz)) / rate_hz
    wave = np.sin(2 * np.pi * 7.0 * time) + 0.5
    got = standard(Ecg(np.tile(wave, (12, 1)).astype(np.float32), rate_hz))
    wanted = np.sin(2 * np.pi * 7.0 * np.arange(STANDARD_SAMPLES) / 250.0) + 0.5
    inside = slice(50, -50)  # a filter needs its neighbours
    np.testing.assert_allclose(got.leads_mv[0, inside], wanted[inside], atol=0.02)


def test_what_is_missing_stays_missing() -> None:
    whole = regular(seconds=6.0)
    leads = whole.leads_mv.copy()
    leads[3] = np.nan
    leads[6, 1000:1500] = np.nan
    got = standard(Ecg(leads, whole.rate_hz))
    assert got.leads_mv.shape == (12, STANDARD_SAMPLES)
    assert got.missing == ("aVR",)
    assert np.isnan(got.lead("V1")[500:750]).all()
    assert np.isfinite(got.lead("V1")[:500]).all()
    assert np.isnan(got.leads_mv[:, 1500:]).all()
    assert not got.zero_filled()[3].any()


@pytest.mark.parametrize("rate", [42.0, 75.0, 130.0, 190.0])
@pytest.mark.parametrize("rate_hz", [100.0, 250.0, 1000.0])
def test_beats_are_found_where_they_were_put(rate: float, rate_hz: float) -> None:
    ecg = regular(rate, rate_hz=rate_hz)
    assert rate_per_minute(ecg) == pytest.approx(rate, rel=0.02)
    placed = np.arange(0.4, 10.1, 60.0 / rate)
    found = r_peaks(ecg) / rate_hz
    assert len(found) == pytest.approx(len(placed), abs=2)
    assert np.abs(found[:, None] - placed).min(axis=1).max() < 0.05


def test_width_and_axis_of_a_complex_are_those_it_was_made_with() -> None:
    ecg = regular()
    # Net areas of I and aVF as placed: Gaussians of equal width but for the Q wave.
    assert frontal_axis_degrees(ecg) == pytest.approx(50, abs=12)
    assert qrs_seconds(ecg) == pytest.approx(0.1, abs=0.03)


def test_a_sound_recording_raises_no_doubt() -> None:
    assert doubts(regular()) == ()
    assert quality(doubts(regular())) == 1.0


def test_eleven_leads_are_named_and_read() -> None:
    found = doubts(changed(regular(), V4=np.nan))
    assert found == (Doubt(DoubtKind.MISSING_LEAD, ("V4",)),)
    assert found[0].sentence == "no recording of V4"
    assert 0.8 < quality(found) < 1.0


def test_a_lead_that_is_off_is_named() -> None:
    found = doubts(changed(regular(), V2=0.0, V5=0.4))
    assert found == (Doubt(DoubtKind.FLAT_LEAD, ("V2", "V5")),)


def test_a_recording_without_a_heart_must_not_be_read() -> None:
    still = Ecg(np.zeros((12, 5000), dtype=np.float32), 500.0)
    assert DoubtKind.NO_BEATS in kinds(still)
    assert quality(doubts(still)) == 0.0
    absent = Ecg(np.full((12, 0), np.nan, dtype=np.float32), 500.0)
    assert quality(doubts(absent)) == 0.0


@pytest.mark.parametrize(
    ("gain", "kind"), [(12.0, DoubtKind.GAIN_HIGH), (0.03, DoubtKind.GAIN_LOW)]
)
def test_a_wrong_gain_is_noticed(gain: float, kind: DoubtKind) -> None:
    assert kind in kinds(regular(gain=gain))
    assert quality(doubts(regular(gain=gain))) == 0.0


def test_three_seconds_are_too_short() -> None:
    assert kinds(regular(seconds=3.0)) == [DoubtKind.TOO_SHORT]
    padded = regular().leads_mv.copy()
    padded[:, 1500:] = np.nan
    assert kinds(Ecg(padded, 500.0)) == [DoubtKind.TOO_SHORT]


def test_exchanged_arm_electrodes_are_suspected() -> None:
    whole = regular()
    # Right and left arm exchanged: I is its negative, II and III change places.
    eight = np.concatenate([[-whole.lead("I"), whole.lead("III")], whole.leads_mv[6:]])
    swapped = Ecg(twelve(eight).astype(np.float32), whole.rate_hz)
    assert kinds(swapped) == [DoubtKind.ARM_ELECTRODES_SWAPPED]


def test_an_arm_on_the_right_leg_leaves_one_limb_lead_flat() -> None:
    whole = regular()
    # Right arm and right leg exchanged: II lies between the legs.
    eight = np.concatenate([[whole.lead("I"), 0.03 * whole.lead("II")], whole.leads_mv[6:]])
    got = doubts(Ecg(twelve(eight).astype(np.float32), whole.rate_hz))
    assert got == (Doubt(DoubtKind.RIGHT_LEG_SWAPPED, ("II",)),)


def test_a_chest_lead_upside_down_is_seen_against_its_neighbours() -> None:
    whole = regular()
    got = doubts(changed(whole, V5=-whole.lead("V5")))
    assert got == (Doubt(DoubtKind.POLARITY, ("V5",)),)


def test_limb_leads_must_add_up() -> None:
    whole = regular()
    got = kinds(changed(whole, III=whole.lead("V3")))
    assert DoubtKind.LIMB_LEADS_DISAGREE in got


def test_the_same_signal_twice_is_noticed() -> None:
    whole = regular()
    assert Doubt(DoubtKind.LEADS_IDENTICAL, ("V1", "V2")) in doubts(
        changed(whole, V2=whole.lead("V1"))
    )


def test_noise_and_a_railing_amplifier_are_told_apart() -> None:
    whole = regular()
    noise = np.random.default_rng(1).normal(0.0, 0.4, len(whole.lead("V6")))
    assert Doubt(DoubtKind.NOISY_LEAD, ("V6",)) in doubts(changed(whole, V6=noise))
    wave = 3.0 * np.sin(np.arange(5000) / 80.0) + whole.lead("V6")
    assert Doubt(DoubtKind.SATURATED_LEAD, ("V6",)) in doubts(
        changed(whole, V6=np.clip(wave, -2.0, 2.0))
    )


def records(data: Path, name: str) -> list[Ecg]:
    steps = np.load(data / "ecg" / f"{name}.npz")["signal"]
    return [Ecg((one * 0.005).astype(np.float32), 250.0) for one in steps]


def test_recordings_of_a_hospital_raise_few_doubts(shared_data: Path) -> None:
    ecgs = records(shared_data, "ptbxl500")[::5]
    assert sum(bool(doubts(ecg)) for ecg in ecgs) <= 1


def test_the_known_lead_off_recordings_are_found(shared_data: Path) -> None:
    ecgs = records(shared_data, "cinc_samples")
    rows = (shared_data / "ecg" / "cinc_samples.csv").read_text().splitlines()[1:]
    wanted = {"JS11438": 6, "JS20004": 3, "JS20008": 3}
    for row, ecg in zip(rows, ecgs, strict=True):
        expected = wanted.get(row.split(",")[1])
        if expected is not None:
            flat = [one for one in doubts(ecg) if one.kind is DoubtKind.FLAT_LEAD]
            assert len(flat) == 1
            assert len(flat[0].leads) == expected


def test_leads_scaled_one_by_one_no_longer_add_up(shared_data: Path) -> None:
    """LUDB as it lies in the shared data has every lead brought to about 1 mV."""
    ecgs = records(shared_data, "ludb")[::10]
    assert sum(DoubtKind.LIMB_LEADS_DISAGREE in kinds(ecg) for ecg in ecgs) >= 8
