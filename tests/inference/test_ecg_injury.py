"""An injury current on recorded beats: where it stands, and what may then be said."""

from __future__ import annotations

import numpy as np
import pytest

from inference.training.ecg_injury import can_be_injured, injured
from inference.training.ecg_labels import CODES, PLACE

PEAKS = np.arange(100, 2400, 200, dtype=np.int64)
RATE_HZ = 250


def normal() -> np.ndarray:
    targets = np.zeros(len(CODES), dtype=np.float32)
    targets[PLACE["NORM"]] = 1.0
    return targets


def drawn(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Draw injuries on flat leads: what they add, and what is then said."""
    flat = np.zeros((12, 2500), dtype=np.float32)
    random = np.random.default_rng(4)
    return [injured(flat, normal(), PEAKS, random) for _ in range(count)]


def test_the_limb_leads_of_an_injury_stay_one_frontal_vector() -> None:
    for leads, _ in drawn(40):
        first, second, third, right, left, foot = leads[:6]
        assert np.allclose(first + third, second, atol=1e-5)
        assert np.allclose(right + left + foot, 0.0, atol=1e-5)


def test_st_segments_are_raised_and_complexes_left_alone() -> None:
    for leads, _ in drawn(40):
        highest = leads[int(np.argmax(leads.max(axis=1)))]
        around = np.concatenate([highest[peak - 60 : peak - 3] for peak in PEAKS[1:]])
        after = np.array([highest[peak + 25] for peak in PEAKS])
        assert np.abs(around).max() < 1e-6
        assert after.min() > 0.3 * highest.max()


def test_an_infarction_is_stated_where_it_is_high_enough_and_a_mimic_denies_it() -> None:
    found = drawn(300)
    said = np.array([targets[PLACE["STEMI"]] for _, targets in found])
    assert min((said == 1).sum(), (said == 0).sum(), np.isnan(said).sum()) > 20
    for leads, targets in found:
        lowest = float(leads[6:].min(axis=1).min())
        if targets[PLACE["STEMI"]] == 1:
            assert leads.max() > 0.2
            assert targets[PLACE["NORM"]] == 0
        else:
            assert np.isnan(targets[PLACE["NORM"]])
        if targets[PLACE["STEMI"]] == 0:
            assert lowest > -0.3 * float(leads.max())


def test_the_record_that_was_given_keeps_its_targets() -> None:
    targets = normal()
    injured(np.zeros((12, 2500), dtype=np.float32), targets, PEAKS, np.random.default_rng(0))
    assert np.array_equal(targets, normal())


@pytest.mark.parametrize("code", ["LBBB", "RBBB", "PACE", "STEMI", "MI"])
def test_a_record_whose_st_segments_are_not_its_own_is_spared(code: str) -> None:
    targets = normal()
    assert can_be_injured(targets)
    targets[PLACE[code]] = 1.0
    assert not can_be_injured(targets)
    assert not can_be_injured(np.full(len(CODES), np.nan, dtype=np.float32))
