"""A recorded ECG with another gain and noise: what is said of amplitudes follows."""

from __future__ import annotations

import numpy as np

from inference.training.ecg_augment import Strengths, disturbed
from inference.training.ecg_labels import CODES, PLACE


def sinus(**stated: float) -> np.ndarray:
    targets = np.zeros(len(CODES), dtype=np.float32)
    for code, value in stated.items():
        targets[PLACE[code]] = value
    return targets


def test_what_is_said_of_amplitudes_is_dropped_when_they_are_changed_much() -> None:
    strong = Strengths(gain=0.5, levelled=1.0)
    _, found = disturbed(
        np.random.default_rng(1).normal(size=(12, 2500)).astype(np.float32),
        sinus(LVH=1.0, AF=1.0),
        strong,
        np.random.default_rng(0),
    )
    assert np.isnan(found[PLACE["LVH"]])
    assert found[PLACE["AF"]] == 1.0
