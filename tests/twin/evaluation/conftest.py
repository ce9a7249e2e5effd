"""Invented charts in the layout of the intensive care files."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from twin.core.haemodynamics import Quantity
from twin.core.temperament import Belief
from twin.core.wandering import stationary_sds
from twin.core.wanderings import SHIPPED
from twin.evaluation.chart import Given


def invented(hours: int, seed: int) -> np.ndarray:
    """Return a mean pressure an hour, drawn from the very process that the twin assumes."""
    wandering = SHIPPED[Quantity.MEAN_PRESSURE].wandering
    start = np.zeros((1, 7))
    start[0, 0] = wandering.level
    belief = Belief(
        (wandering,), np.ones(1), start, np.diag(stationary_sds(wandering) ** 2)[None], 1.0, 1
    )
    random = np.random.default_rng(seed)
    path = belief.paths(np.arange(1.0, hours + 1.0), 1, random)[:, 0]
    return path + wandering.other_noise_sd * random.standard_normal(hours)


def write_vitals(path: Path, patients: int, hours: int) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["subject", "icustay", "minute", "channel", "value"])
        for patient in range(patients):
            random = np.random.default_rng(1000 + patient)
            for hour, mean in enumerate(invented(hours, patient)):
                beats = 85.0 + 3.0 * random.standard_normal()
                for channel, value in (
                    ("nbp_mean", mean),
                    ("nbp_systolic", mean + 32.0),
                    ("nbp_diastolic", mean - 16.0),
                    ("heart_rate", beats),
                    ("spo2", 97.0 - random.integers(0, 3)),
                    ("respiratory_rate", 18.0),
                ):
                    rows.writerow([patient, patient, 60 * hour, channel, round(value, 1)])
                if hour % 12 == 6:
                    rows.writerow([patient, patient, 60 * hour, "cvp", 8])
                    rows.writerow([patient, patient, 60 * hour, "cardiac_output", 5.2])
    return path


def write_inputs(path: Path, rows: list[tuple[object, ...]]) -> Path:
    header = ["subject", *Given._fields]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture
def vitals(tmp_path: Path) -> Path:
    return write_vitals(tmp_path / "vitals.csv", patients=3, hours=30)
