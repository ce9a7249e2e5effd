"""Generated ECGs look like what they are called, and are measured like recorded ones."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ks_2samp

from inference.core.ecg import LEADS, Ecg
from inference.core.ecg_beats import (
    frontal_axis_degrees,
    median_beat,
    qrs_seconds,
    r_peaks,
    rr_seconds,
)
from inference.core.ecg_checks import DoubtKind, doubts
from inference.training.ecg_generator import generated, recording_of
from inference.training.ecg_generator_cases import WANTED, Case, draw_case, labels_of

COUNT = 16


def shown(case: Case, count: int = COUNT) -> Iterator[Ecg]:
    """Return recordings of one case, nearly without noise."""
    for seed in range(count):
        yield recording_of(case, np.random.default_rng(seed), disturbed=0.05).ecg


def at_j_plus(ecg: Ecg, seconds: float, lead: str) -> float:
    """Return the median beat of a lead so long after the complex's peak, in mV."""
    beat = median_beat(ecg)[LEADS.index(lead)]
    return float(beat[round((0.3 + seconds) * ecg.rate_hz)])


def test_a_recording_is_marked_generated_and_made_again_from_its_seed() -> None:
    first, again, other = (generated(np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first.ecg.generated
    assert first.ecg.leads_mv.shape == (12, 2500)
    assert np.isfinite(first.ecg.leads_mv).all()
    np.testing.assert_array_equal(first.ecg.leads_mv, again.ecg.leads_mv)
    assert (first.case, first.labels) == (again.case, again.labels)
    assert (first.ecg.leads_mv != other.ecg.leads_mv).any()


def test_limb_leads_add_up_whatever_disturbs_the_electrodes() -> None:
    for seed in range(20):
        one, two, three, avr, avl, avf = generated(np.random.default_rng(seed)).ecg.leads_mv[:6]
        np.testing.assert_allclose(one + three, two, atol=1e-4)
        np.testing.assert_allclose(avr + avl + avf, 0.0, atol=1e-4)


@pytest.mark.parametrize("code", WANTED)
def test_what_is_asked_for_is_what_it_is_called(code: str) -> None:
    rng = np.random.default_rng(11)
    named = [code in generated(rng, code).labels for _ in range(20)]
    assert sum(named) >= 18


def test_nothing_is_both_stated_and_in_doubt() -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        stated, doubtful = labels_of(draw_case(rng), float(rng.uniform(30, 180)))
        assert not stated & doubtful
        assert "NORM" not in stated or stated == {"NORM"}


def test_most_recordings_raise_no_doubt_about_the_recording() -> None:
    rng = np.random.default_rng(6)
    found = [{doubt.kind for doubt in doubts(generated(rng, "NORM").ecg)} for _ in range(40)]
    assert sum(bool(each) for each in found) <= 6
    assert not any(DoubtKind.LIMB_LEADS_DISAGREE in each for each in found)


@pytest.mark.parametrize("rate", [45.0, 75.0, 120.0])
def test_sinus_rhythm_has_the_rate_it_was_given(rate: float) -> None:
    for ecg in shown(Case(rate_per_minute=rate), 8):
        assert 60.0 / np.median(rr_seconds(ecg)) == pytest.approx(rate, rel=0.15)


def test_fibrillation_is_irregular_and_sinus_rhythm_is_not() -> None:
    def irregular(ecg: Ecg) -> float:
        intervals = rr_seconds(ecg)
        return float(intervals.std() / intervals.mean())

    af = [irregular(ecg) for ecg in shown(Case(rhythm="AF", rate_per_minute=90))]
    sinus = [irregular(ecg) for ecg in shown(Case(rate_per_minute=70))]
    assert np.median(af) > 0.12 > np.quantile(sinus, 0.9)


def test_blocks_of_the_branches_are_wide_where_they_should_be() -> None:
    usual = np.median([qrs_seconds(ecg) or 0 for ecg in shown(Case())])
    for block in ("LBBB", "RBBB"):
        wide = np.median([qrs_seconds(ecg) or 0 for ecg in shown(Case(conduction=block))])
        assert usual < 0.105
        assert wide > 0.12
    late = [at_j_plus(ecg, 0.04, "V1") for ecg in shown(Case(conduction="RBBB"))]
    lateral = [median_beat(ecg)[6, 60:100].min() for ecg in shown(Case(conduction="LBBB"))]
    assert np.median(late) > 0.15
    assert np.median(lateral) < -0.8


def test_a_left_anterior_block_turns_the_axis_up() -> None:
    axes = [frontal_axis_degrees(ecg) or 0.0 for ecg in shown(Case(conduction="LAFB"))]
    assert np.quantile(axes, 0.9) < -30.0


@pytest.mark.parametrize(
    ("territory", "raised", "lowered"),
    [
        ("anterior", "V3", None),
        ("anteroseptal", "V2", None),
        ("inferior", "III", "aVL"),
        ("lateral", "aVL", "III"),
        ("posterior", None, "V2"),
    ],
)
def test_an_infarction_raises_its_territory_and_lowers_what_is_across(
    territory: str, raised: str | None, lowered: str | None
) -> None:
    case = Case(state="STEMI", territory=territory, amount=0.7)
    ecgs = list(shown(case))
    if raised is not None:
        assert np.median([at_j_plus(ecg, 0.09, raised) for ecg in ecgs]) > 0.12
    if lowered is not None:
        assert np.median([at_j_plus(ecg, 0.09, lowered) for ecg in ecgs]) < -0.05


def test_an_old_inferior_infarction_leaves_q_waves() -> None:
    def q_wave(ecg: Ecg) -> float:
        return float(median_beat(ecg)[LEADS.index("III"), 62:75].min())

    scar = [q_wave(ecg) for ecg in shown(Case(state="old MI", territory="inferior", amount=0.9))]
    assert np.median(scar) < -0.2
    assert np.median(scar) < np.median([q_wave(ecg) for ecg in shown(Case())]) - 0.1


def test_hypertrophy_meets_sokolow_and_lyon_more_often_than_not() -> None:
    """S in V1 and R in V5 above 3.5 mV (Sokolow and Lyon 1949)."""

    def index(ecg: Ecg) -> float:
        beat = median_beat(ecg)[:, 60:95]
        return float(beat[10].max() - beat[6].min())

    thick = [index(ecg) for ecg in shown(Case(chamber="LVH", amount=0.9))]
    usual = [index(ecg) for ecg in shown(Case())]
    assert np.median(thick) > 3.5
    assert np.median(usual) < 3.2


def test_extrasystoles_come_early_and_ventricular_ones_are_wide() -> None:
    for rhythm in ("PAC", "PVC"):
        early = 0
        for ecg in shown(Case(rhythm=rhythm, rate_per_minute=65)):
            intervals = rr_seconds(ecg)
            early += bool(intervals.min() < 0.85 * np.median(intervals))
        assert early >= 0.8 * COUNT


def test_pacing_spikes_are_steeper_than_any_heart() -> None:
    for seed in range(12):
        ecg = recording_of(Case(rhythm="PACE"), np.random.default_rng(seed), disturbed=0.0).ecg
        assert len(r_peaks(ecg)) >= 6


def measured(ecg: Ecg) -> dict[str, float] | None:
    beat = median_beat(ecg)
    width = qrs_seconds(ecg)
    if width is None or not np.isfinite(beat).all():
        return None
    qrs, t = beat[:, 60:95], beat[:, 105:180]
    return {
        "QRS": width,
        "axis": frontal_axis_degrees(ecg) or 0.0,
        "R I": qrs[0].max(), "R II": qrs[1].max(), "S V1": qrs[6].min(), "S V2": qrs[7].min(),
        "S V3": qrs[8].min(), "R V4": qrs[9].max(), "R V5": qrs[10].max(), "R V6": qrs[11].max(),
        "T I": t[0].max(), "T II": t[1].max(), "T V2": t[7].max(), "T V5": t[10].max(),
        "P II": beat[1, 30:62].max(), "ST V2": beat[7, 92], "ST V5": beat[10, 92],
        "RR": float(np.median(rr_seconds(ecg))),
        "RR spread": float(rr_seconds(ecg).std() / rr_seconds(ecg).mean()),
    }  # fmt: skip


def recorded(data: Path, name: str, code: str) -> list[dict[str, float]]:
    steps = np.load(data / "ecg" / f"{name}.npz")["signal"]
    with (data / "ecg" / f"{name}.csv").open() as table:
        rows = [r for r in csv.DictReader(table) if code in r["labels"].split("|")]
    if code == "NORM":
        rows = [r for r in rows if r["labels"] == "NORM"][:150]
    ecgs = [Ecg((steps[int(r["row"])] * 0.005).astype(np.float32), 250.0) for r in rows]
    return [m for ecg in ecgs if (m := measured(ecg)) is not None]


@pytest.mark.parametrize(
    ("code", "farthest"), [("NORM", 0.5), ("LVH", 0.55), ("LAFB", 0.6), ("AF", 0.65)]
)
def test_generated_and_recorded_ecgs_are_measured_alike(
    shared_data: Path, code: str, farthest: float
) -> None:
    """Kolmogorov's distance between distributions; PTB-XL's records are the peer."""
    real = recorded(shared_data, "ptbxl500", code)
    rng = np.random.default_rng(1)
    made = [m for _ in range(100) if (m := measured(generated(rng, code).ecg)) is not None]
    distance = {
        name: float(ks_2samp([m[name] for m in real], [m[name] for m in made]).statistic)
        for name in real[0]
        if not (code == "AF" and name == "P II")
    }
    assert max(distance.values()) < farthest, distance
    assert np.mean(list(distance.values())) < 0.33, distance


def test_rhythms_of_another_hospital_are_as_irregular(shared_data: Path) -> None:
    """LUDB's leads were scaled one by one: only its intervals can be compared."""
    rng = np.random.default_rng(2)
    for code, low, high in (("AF", 0.08, 0.4), ("SB", 0.0, 0.12)):
        real = np.median([m["RR spread"] for m in recorded(shared_data, "ludb", code)])
        made = [m for _ in range(60) if (m := measured(generated(rng, code).ecg)) is not None]
        assert low < real < high
        assert low < np.median([m["RR spread"] for m in made]) < high
