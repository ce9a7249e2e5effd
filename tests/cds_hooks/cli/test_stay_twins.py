"""The twin beside a charted stay: what it reads of the chart, and what its numbers say."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from cds_hooks.cli.stay_twins import (
    FEATURE_NAMES,
    NAMES_AT_ONE_TIME,
    READ_BY_TWIN,
    measurements_of,
    twin_of,
)
from inference.core.trajectory import SERIES_INDEX, StayFacts, clean_columns, facts_array
from inference.training.physionet2012 import Outcome, Stay
from twin.core.haemodynamics import Quantity
from twin.core.measurements import Device

WELL = {"HR": 72.0, "NISysABP": 124.0, "NIDiasABP": 74.0, "NIMAP": 91.0, "SaO2": 98.0}
BLEEDING = {"HR": 128.0, "NISysABP": 84.0, "NIDiasABP": 58.0, "NIMAP": 66.0, "SaO2": 97.0}


def stay(by_hour: Mapping[float, Mapping[str, float]]) -> Stay:
    """Return a stay with these values at these hours before its end."""
    events = [
        (SERIES_INDEX[name], hour, value)
        for hour, values in by_hour.items()
        for name, value in values.items()
    ]
    parameter, hour, value = (np.array(column) for column in zip(*events, strict=True))
    facts = facts_array(StayFacts(60.0, "male", 178.0, 80.0, None))
    columns = clean_columns(parameter, hour.astype(float), value.astype(float), facts, 48.0)
    return Stay(1, columns, Outcome(False, np.nan, np.nan, np.nan))


def feature(values: np.ndarray, name: str) -> float:
    return float(values[FEATURE_NAMES.index(name)])


def test_a_bleeding_patient_has_less_flow_than_a_day_before() -> None:
    found = twin_of(stay({-24.5: WELL, -24.1: WELL, -0.5: BLEEDING, -0.1: BLEEDING}))
    stroke = "twin stroke volume"
    assert feature(found, stroke) < 0.8 * feature(found, f"{stroke}, 24 h ago")
    assert feature(found, "twin heart rate") == pytest.approx(128.0, abs=8.0)


def test_a_stay_without_a_pressure_has_no_twin() -> None:
    found = twin_of(stay({-1.0: {"HR": 80.0}}))
    assert np.isnan(found).all()


def test_a_stay_charted_only_at_its_end_has_no_twin_of_the_day_before() -> None:
    found = twin_of(stay({-0.5: WELL}))
    half = len(NAMES_AT_ONE_TIME)
    assert np.isfinite(found[:half]).all()
    assert np.isnan(found[half:]).all()


def test_an_arterial_line_is_not_taken_for_a_cuff() -> None:
    charted = stay({-1.0: {"HR": 80.0, "SysABP": 120.0, "NISysABP": 118.0}}).columns
    devices = {
        (one.quantity, one.value): one.device
        for one in measurements_of(charted, 0.0)
        if one.quantity is Quantity.SYSTOLIC_PRESSURE
    }
    assert devices == {
        (Quantity.SYSTOLIC_PRESSURE, 120.0): Device.ARTERIAL_LINE,
        (Quantity.SYSTOLIC_PRESSURE, 118.0): Device.CUFF,
    }


def test_nothing_of_after_the_asked_hour_is_read() -> None:
    charted = stay({-30.0: WELL, -1.0: BLEEDING}).columns
    assert {one.value for one in measurements_of(charted, -24.0)} == set(WELL.values())


def test_what_the_twin_reads_is_what_the_service_shows_it() -> None:
    assert {"HR", "SysABP", "NISysABP", "SaO2", "FiO2"} <= READ_BY_TWIN.keys()
    assert "Lactate" not in READ_BY_TWIN
