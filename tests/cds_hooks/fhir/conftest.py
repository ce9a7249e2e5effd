"""Builders of small FHIR resources for the tests of this folder; all patients are invented."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
PATIENT = "p1"


def as_raw(resource: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(resource).encode())


def build_observation(
    code: str,
    value: object = None,
    unit: str | None = None,
    /,
    **members: Any,
) -> dict[str, Any]:
    observation: dict[str, Any] = {
        "resourceType": "Observation",
        "id": f"o-{code}",
        "meta": {"versionId": "1"},
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "effectiveDateTime": "2026-11-21T08:30:00Z",
    }
    if value is not None:
        quantity: dict[str, Any] = {"value": value}
        if unit is not None:
            quantity |= {"unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
        observation["valueQuantity"] = quantity
    return {key: item for key, item in (observation | members).items() if item is not None}


@pytest.fixture(scope="session")
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def raw() -> Callable[[object], msgspec.Raw]:
    return as_raw


@pytest.fixture(scope="session")
def observation() -> Callable[..., dict[str, Any]]:
    """Return a final Observation of patient p1, half an hour old; members can be replaced."""
    return build_observation


@pytest.fixture(scope="session")
def clinical_data(shared_data: Path) -> Path:
    """Return the folder of public FHIR data."""
    return shared_data / "fhir"
