"""Readings and facts as the twin and the nets take them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from cds_hooks.fhir.kinds import Kind
from cds_hooks.fhir.reading import Reading
from cds_hooks.fhir.to_measurements import (
    PatientFacts,
    body_of,
    patient_facts,
    trajectory_of,
    twin_measurements,
)
from inference.core.trajectory import TrajectoryEvent, columns_of
from twin.core.haemodynamics import Quantity
from twin.core.measurements import Condition, Device
from twin.core.parameters import Body

Raw = Callable[[object], msgspec.Raw]
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
NOBODY = PatientFacts(None, None, None, None, None)


def reading(
    kind: Kind, value: float, hours_ago: float = 1, device: Device = Device.UNKNOWN
) -> Reading:
    taken_at = NOW - timedelta(hours=hours_ago)
    return Reading(kind, value, taken_at, f"Observation/{kind.name}", False, device)


def test_the_twin_gets_pressures_with_their_device_and_conditions() -> None:
    measurements = twin_measurements(
        [
            reading(Kind.SYSTOLIC_PRESSURE, 120, device=Device.ARTERIAL_LINE),
            reading(Kind.HAEMOGLOBIN, 9.1, device=Device.LABORATORY),
            reading(Kind.INSPIRED_OXYGEN_FRACTION, 0.4),
            reading(Kind.LACTATE, 2.0),
        ]
    )
    assert [(each.quantity, each.value, each.device) for each in measurements] == [
        (Quantity.SYSTOLIC_PRESSURE, 120, Device.ARTERIAL_LINE),
        (Condition.HAEMOGLOBIN, 9.1, Device.LABORATORY),
        (Condition.INSPIRED_OXYGEN_FRACTION, 0.4, Device.UNKNOWN),
    ]
    assert measurements[0].source == "Observation/SYSTOLIC_PRESSURE"


def test_a_cardiac_index_is_an_output_where_the_size_of_the_body_is_known() -> None:
    index = [reading(Kind.CARDIAC_INDEX, 2.5, device=Device.THERMODILUTION)]
    (output,) = twin_measurements(index, Body(60, "male", weight_kg=80, height_cm=180))
    assert output.quantity is Quantity.CARDIAC_OUTPUT
    assert output.value == pytest.approx(5.0)
    assert output.device is Device.THERMODILUTION
    assert twin_measurements(index, Body(60, "male", weight_kg=80, height_cm=None)) == ()
    assert twin_measurements(index) == ()


def test_the_trajectory_counts_minutes_from_the_start_of_the_window() -> None:
    trajectory = trajectory_of([reading(Kind.HEART_RATE, 90, hours_ago=2)], NOBODY, NOW, hours=24)
    assert trajectory.events == (TrajectoryEvent("HR", 22 * 60, 90),)
    assert trajectory.hours == 24


def test_the_trajectory_holds_only_the_window() -> None:
    old = reading(Kind.HEART_RATE, 90, hours_ago=49)
    edge = reading(Kind.HEART_RATE, 91, hours_ago=48)
    ahead = reading(Kind.HEART_RATE, 92, hours_ago=-0.05)
    events = trajectory_of([old, edge, ahead], NOBODY, NOW).events
    assert [(each.minute, each.value) for each in events] == [(0, 91), (2880, 92)]


@pytest.mark.parametrize(
    ("device", "parameter"),
    [(Device.ARTERIAL_LINE, "SysABP"), (Device.CUFF, "NISysABP"), (Device.UNKNOWN, "NISysABP")],
)
def test_invasive_and_cuff_pressures_are_different_series(device: Device, parameter: str) -> None:
    events = trajectory_of([reading(Kind.SYSTOLIC_PRESSURE, 120, device=device)], NOBODY, NOW)
    assert events.events[0].parameter == parameter


def test_what_the_trajectory_does_not_know_is_left_out() -> None:
    readings = [reading(Kind.CARDIAC_OUTPUT, 5), reading(Kind.MECHANICAL_VENTILATION, 1)]
    events = trajectory_of(readings, NOBODY, NOW).events
    assert [each.parameter for each in events] == ["MechVent"]


def test_every_event_is_plausible_to_the_net() -> None:
    readings = [reading(Kind.HEART_RATE, 90), reading(Kind.INSPIRED_OXYGEN_FRACTION, 0.21)]
    trajectory = trajectory_of(readings, NOBODY, NOW)
    assert len(columns_of(trajectory).value) == 2


def test_facts_come_from_patient_and_the_newest_weight_and_height(raw: Raw) -> None:
    patient = raw(
        {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1956-11-20"}
    )
    readings = [reading(Kind.BODY_WEIGHT, 70, 48), reading(Kind.BODY_WEIGHT, 72, 1)]
    facts = patient_facts(patient, readings, NOW)
    assert facts.age_years == pytest.approx(70.0, abs=0.01)
    assert (facts.sex, facts.weight_kg, facts.height_cm) == ("female", 72, None)
    assert body_of(facts).weight_kg == 72


@pytest.mark.parametrize(
    ("members", "age", "sex"),
    [
        ({}, None, None),
        ({"gender": "other"}, None, None),
        ({"gender": "unknown", "birthDate": "soon"}, None, None),
        ({"birthDate": "1956"}, 70.4, None),
        ({"birthDate": "1956-11"}, 70.0, None),
        ({"birthDate": "2030-01-01"}, None, None),
        ({"gender": ["female"]}, None, None),
    ],
)
def test_what_is_not_known_stays_unknown(
    raw: Raw, members: dict[str, Any], age: float | None, sex: str | None
) -> None:
    facts = patient_facts(raw({"resourceType": "Patient", "id": "p1"} | members), [], NOW)
    assert facts.sex == sex
    assert facts.age_years == (None if age is None else pytest.approx(age, abs=0.05))


def test_no_patient_at_all_is_a_patient_of_whom_nothing_is_known() -> None:
    assert patient_facts(None, [], NOW) == NOBODY


def test_facts_show_no_identifier_when_printed(raw: Raw) -> None:
    facts = patient_facts(raw({"resourceType": "Patient", "id": "mrn-4711"}), [], NOW)
    assert "4711" not in repr(facts)
    assert json.dumps(facts.patient_id) == '"mrn-4711"'
