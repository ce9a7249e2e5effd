"""Invented stays and a release document without weights: what the tests of this room share."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from inference.core.source_attributes import SOURCE_ATTRIBUTES
from inference.core.trajectory import StayFacts, Trajectory, TrajectoryEvent
from inference.core.trajectory_image import AGGREGATES, FEATURE_NAMES, IMAGE_SHAPE
from inference.core.trajectory_rows import FACT_ROWS, TIMED_ROWS

# Where every service must be there and nothing may be skipped, the training environment runs these
# files as a step of its own; here torch is absent by intent.
collect_ignore = (
    [
        "test_cascade_rcnn.py",
        "test_ecg_folds.py",
        "test_ecg_training_smoke.py",
        "test_efficientnet_page.py",
        "test_radiograph_training.py",
        "test_training_smoke.py",
    ]
    if os.environ.get("CARDIOTWIN_REQUIRE_SERVICES") == "1" and find_spec("torch") is None
    else []
)

USUAL = {
    "HR": 84.0,
    "NISysABP": 122.0,
    "NIDiasABP": 70.0,
    "NIMAP": 87.0,
    "RespRate": 16.0,
    "SaO2": 97.0,
    "Temp": 36.8,
    "GCS": 15.0,
}
SICK = {
    "HR": 128.0,
    "NISysABP": 82.0,
    "NIDiasABP": 40.0,
    "NIMAP": 54.0,
    "RespRate": 31.0,
    "SaO2": 88.0,
    "Temp": 34.6,
    "GCS": 6.0,
}
LABORATORY = {"Creatinine": 0.9, "BUN": 14.0, "Lactate": 1.0, "Platelets": 240.0, "WBC": 8.0}
SICK_LABORATORY = {
    "Creatinine": 4.1,
    "BUN": 88.0,
    "Lactate": 8.5,
    "Platelets": 38.0,
    "WBC": 27.0,
    "Bilirubin": 7.0,
    "pH": 7.14,
    "HCO3": 12.0,
    "PaCO2": 31.0,
    "PaO2": 61.0,
    "FiO2": 0.8,
    "MechVent": 1.0,
}

StayMaker = Callable[..., Trajectory]


@pytest.fixture
def make_stay() -> StayMaker:
    """Invent a stay: hourly vital signs, six-hourly laboratory, a little noise from a seed."""

    def make(
        vital_signs: dict[str, float] | None = None,
        laboratory: dict[str, float] | None = None,
        hours: float = 48.0,
        age_years: float | None = 64.0,
        seed: int = 0,
    ) -> Trajectory:
        random = np.random.default_rng(seed)
        events = [
            TrajectoryEvent(name, 60.0 * hour, value * float(random.normal(1.0, 0.01)))
            for every, values in ((1, vital_signs or USUAL), (6, laboratory or {}))
            for name, value in values.items()
            for hour in range(0, int(hours) + 1, every)
        ]
        facts = StayFacts(
            age_years=age_years, sex="female", height_cm=166.0, weight_kg=71.0, icu_type=None
        )
        return Trajectory(tuple(events), facts, hours)

    return make


@pytest.fixture
def usual_stay(make_stay: StayMaker) -> Trajectory:
    return make_stay(USUAL, LABORATORY)


@pytest.fixture
def sick_stay(make_stay: StayMaker) -> Trajectory:
    return make_stay(SICK, SICK_LABORATORY, age_years=81.0, seed=1)


@pytest.fixture
def release_document() -> dict[str, Any]:
    """Return a release.json as a parsed document, with the inputs of the trajectory release."""
    timed, aggregates = len(TIMED_ROWS), len(AGGREGATES)
    return {
        "name": "invented",
        "version": "0.0.1",
        "task": "trajectory",
        "digest": "sha256:" + "0" * 64,
        "inputs": [
            {
                "name": "image",
                "axes": ["stay", "channel", "row", "column"],
                "shape": [None, *IMAGE_SHAPE],
                "meaning": "trajectory image",
            },
            {
                "name": "features",
                "axes": ["stay", "feature"],
                "shape": [None, len(FEATURE_NAMES)],
                "meaning": "aggregates",
            },
        ],
        "outputs": [
            {
                "name": "efficientnet_log_odds",
                "axes": ["stay"],
                "shape": [None],
                "meaning": "log-odds",
            },
            {
                "name": "boosting_probability",
                "axes": ["stay", "member"],
                "shape": [None, None],
                "meaning": "probability by member",
            },
        ],
        "labels": ["death in hospital"],
        "thresholds": {
            "medium": {"value": 0.1, "sensitivity": 0.9, "specificity": 0.6},
            "high": {"value": 0.4, "sensitivity": 0.5, "specificity": 0.95},
        },
        "preparation": {
            "timed_centre": np.zeros((timed, 1 + aggregates)).tolist(),
            "timed_scale": np.full((timed, 1 + aggregates), 100.0).tolist(),
            "fact_centre": np.zeros(len(FACT_ROWS)).tolist(),
            "fact_scale": np.full(len(FACT_ROWS), 100.0).tolist(),
        },
        "calibration": {
            "central": [0.0, 0.5, 0.5],
            "draws": [[-0.2, 0.5, 0.5], [0.2, 0.5, 0.5]],
            "efficientnet_b3": [0.0, 1.0],
            "gradient_boosting": [0.0, 1.0],
        },
        "limits": {
            "youngest_years": 16,
            "fewest_series": 4,
            "largest_extreme_share": 0.5,
            "largest_disagreement": 4.0,
            "first_record": 1,
            "last_record": 2,
        },
        "population": {"description": "invented stays", "rate": 0.14},
        "evidence": {},
        "source_attributes": {key: "unknown" for key in SOURCE_ATTRIBUTES},
    }
