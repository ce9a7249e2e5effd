"""What a release of an ECG net is fitted on and says: calibration, thresholds, doubt, the card."""

from __future__ import annotations

import json

import numpy as np
import pytest

from inference.core.viz_ecg import probabilities, strangeness
from inference.releases.library import SHIPPED, ReleaseLibrary
from inference.training.ecg_calibration import fit_calibration, fit_thresholds
from inference.training.ecg_labels import CODES
from inference.training.ecg_sets import PERMISSIVE

RANDOM = np.random.default_rng(4)


def overconfident(count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds three times too far from 0, with the outcomes that follow from the true ones."""
    true = RANDOM.normal(-1.0, 1.5, (count, len(CODES)))
    happened = RANDOM.random(true.shape) < 1 / (1 + np.exp(-true))
    return 3.0 * true, happened.astype(np.float32)


def test_calibration_takes_back_what_is_too_sure() -> None:
    log_odds, targets = overconfident()
    found = fit_calibration(log_odds, targets)
    assert found.slope == pytest.approx(1 / 3, rel=0.05)
    said = probabilities(log_odds, found.slope, found.offset)
    assert said.mean() == pytest.approx(targets.mean(), abs=0.01)


def test_what_is_not_annotated_does_not_move_the_calibration() -> None:
    log_odds, targets = overconfident()
    before = fit_calibration(log_odds, targets)
    more = np.vstack([log_odds, log_odds + 20.0])
    unknown = np.vstack([targets, np.full_like(targets, np.nan)])
    after = fit_calibration(more, unknown)
    assert after.slope == pytest.approx(before.slope, rel=1e-3)


def test_a_finding_that_no_record_has_keeps_what_the_net_says() -> None:
    log_odds, targets = overconfident()
    targets[:, 3] = 0.0
    found = fit_calibration(log_odds, targets)
    assert found.offset[3] == 0.0
    assert np.count_nonzero(found.offset) == len(CODES) - 1


def test_a_threshold_parts_what_can_be_parted_and_says_how_well() -> None:
    targets = np.full((200, len(CODES)), np.nan, dtype=np.float32)
    targets[:, CODES.index("AF")] = np.repeat([1, 0], 100)
    probability = np.zeros(targets.shape)
    probability[:, CODES.index("AF")] = np.r_[np.full(90, 0.8), np.full(110, 0.1)]
    found = fit_thresholds(probability, targets)["AF"]
    assert found == {"value": 0.8, "sensitivity": 0.9, "specificity": 1.0}


def test_records_played_again_move_a_rhythm_s_threshold_and_no_other_finding_s() -> None:
    targets = np.zeros((200, len(CODES)), dtype=np.float32)
    targets[:10] = 1.0
    probability = np.full(targets.shape, 0.02)
    probability[:9], probability[9] = 0.9, 0.1
    again_targets = np.repeat(np.array([[1.0], [0.0]], dtype=np.float32), 100, 0)
    again = np.repeat([[0.8], [0.3]], 100, 0) * np.ones(len(CODES))
    again_targets = again_targets * np.ones(len(CODES), dtype=np.float32)
    found = fit_thresholds(probability, targets, 1, (again, again_targets))
    assert (found["AF"]["value"], found["AF"]["sensitivity"]) == (0.8, 0.9)
    assert (found["MI"]["value"], found["MI"]["sensitivity"]) == (0.1, 1.0)


def test_a_finding_that_nobody_in_validation_has_is_never_called() -> None:
    targets = np.zeros((50, len(CODES)), dtype=np.float32)
    found = fit_thresholds(np.full(targets.shape, 0.7), targets)
    assert {one["value"] for one in found.values()} == {1.0}


def test_what_is_far_from_all_that_taught_is_strange() -> None:
    usual = RANDOM.normal(size=(500, 8))
    centre = usual.mean(axis=0)
    precision = np.asarray(np.linalg.inv(np.cov(usual, rowvar=False)), dtype=np.float64)
    near, far = strangeness(np.stack([usual[0], usual[0] + 9.0]), centre, precision)
    assert near < 2.5 < far


def test_every_shipped_ecg_release_was_taught_only_by_sets_whose_licence_permits_it() -> None:
    for name in ReleaseLibrary().names():
        document = json.loads((SHIPPED / name / "release.json").read_text(encoding="utf-8"))
        if str(document["task"]).startswith("ecg"):
            assert document["training_sets"], name
        for one in document.get("training_sets", ()):
            assert one["licence"] in PERMISSIVE, one
            assert not any(kept in one["stem"] for kept in ("hdai", "china", "ecg_images"))


def test_a_baseline_says_so_on_its_card_and_nothing_in_the_service_reads_by_it() -> None:
    from cds_hooks.app import image_releases

    library = ReleaseLibrary()
    text = {
        name: (SHIPPED / name / "release.json").read_text(encoding="utf-8")
        for name in library.names()
    }
    baselines = {name for name, one in text.items() if json.loads(one).get("baseline")}
    assert "ecg-image" in baselines
    for name in baselines:
        assert "A baseline: it is there to be compared with" in library.card(name)
    readers = {release.name for release in image_releases(library).values()}
    assert "vizecgnet" in readers
    assert not readers & baselines
