"""Recorded treatment in the twin's words: what runs, what was just changed, what it does."""

from __future__ import annotations

import numpy as np
import pytest

from twin.core.haemodynamics import Quantity
from twin.evaluation.chart import Given
from twin.evaluation.treatment import STANDARD_BOLUS_ML, infusion_effect, treatment_of


def hourly(item: str, minute: float, rate: float) -> Given:
    return Given(minute, minute, item, None, "", rate, "mcgkgmin", "cv")


def spanning(item: str, start: float, end: float, rate: float) -> Given:
    return Given(start, end, item, None, "", rate, "mcg/kg/min", "Continuous Med")


def volume(item: str, minute: float, ml: float) -> Given:
    return Given(minute, minute, item, ml, "ml", None, "", "cv")


def test_a_rate_charted_hourly_runs_until_it_is_charted_no_more() -> None:
    course = treatment_of([hourly("Levophed-k", 0, 0.1), hourly("Levophed-k", 60, 0.2)]).courses[0]
    assert course.drug == "norepinephrine"
    minutes = np.array([0.0, 30.0, 60.0, 149.0, 150.0])
    assert course.rate(minutes, including_now=True).tolist() == [0.1, 0.1, 0.2, 0.2, 0.0]
    assert course.rate(minutes, including_now=False).tolist() == [0.0, 0.1, 0.1, 0.2, 0.2]


def test_an_infusion_with_start_and_end_stops_at_its_end() -> None:
    course = treatment_of([spanning("Phenylephrine", 10, 40, 1.0)]).courses[0]
    assert course.rate(np.array([10.0, 39.0, 40.0]), including_now=True).tolist() == [1, 1, 0]


def test_a_change_counts_for_an_hour_and_a_rate_that_is_repeated_is_none() -> None:
    rows = [hourly("Levophed-k", m, 0.1) for m in range(0, 600, 60)]
    changed = treatment_of(rows).changed(np.array([0.0, 59.0, 60.0, 300.0]))
    assert changed.tolist() == [True, True, False, False]


def test_a_bolus_is_a_change_and_maintenance_is_not() -> None:
    rows = [volume(".9% Normal Saline", 100, 500), volume(".9% Normal Saline", 400, 75)]
    changed = treatment_of(rows).changed(np.array([99.0, 100.0, 159.0, 160.0, 400.0]))
    assert changed.tolist() == [False, True, True, False, False]


def test_the_effect_of_a_rate_just_set_is_ahead_and_not_yet_seen() -> None:
    treatment = treatment_of([spanning("Norepinephrine", 60, 600, 0.5)])
    at = np.array([0.0, 60.0, 120.0])
    seen = treatment.effect_seen(Quantity.MEAN_PRESSURE, at)
    ahead = treatment.effect_ahead(Quantity.MEAN_PRESSURE, at)
    assert seen[0] == seen[1] == ahead[0] == 0.0
    assert ahead[1] == seen[2] > 5.0


def test_a_volume_raises_pressure_and_its_effect_is_no_surprise_before_it_is_given() -> None:
    treatment = treatment_of([volume("Packed RBC's", 60, STANDARD_BOLUS_ML)])
    ahead = treatment.effect_ahead(Quantity.MEAN_PRESSURE, np.array([59.0, 60.0]))
    assert ahead[0] == 0.0
    assert ahead[1] > 0.0


def test_a_drug_that_the_twin_does_not_know_is_a_change_without_an_effect() -> None:
    assert infusion_effect("moonshine", "µg/kg/min") is None
    assert infusion_effect("norepinephrine", "mL/h") is None
    treatment = treatment_of([hourly("Fentanyl", 60, 100.0)])
    assert treatment.changed(np.array([60.0])).tolist() == [True]
    assert treatment.effect_ahead(Quantity.MEAN_PRESSURE, np.array([60.0])) == pytest.approx(0.0)
