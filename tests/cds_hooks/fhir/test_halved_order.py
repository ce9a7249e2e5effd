"""Half an order says half everywhere, or is not proposed."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from cds_hooks.fhir.halved_order import halved_order


def order(name: str = "Sodium chloride 0.9 %", **dosage: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": "draft-1",
        "text": {"status": "generated", "div": "<div>500 mL</div>"},
        "medicationCodeableConcept": {"text": name},
        "dosageInstruction": [
            {"text": "500 mL", "doseAndRate": [{"doseQuantity": {"value": 500, "unit": "mL"}}]}
            | dosage
        ],
    }


def halved(draft: dict[str, Any]) -> dict[str, Any] | None:
    return halved_order(msgspec.Raw(json.dumps(draft).encode()))


@pytest.mark.requirement("CH-120")
def test_nothing_in_the_halved_order_tells_the_old_dose() -> None:
    half = halved(order(patientInstruction="500 mL at once"))
    assert half is not None
    assert half["dosageInstruction"] == [
        {"doseAndRate": [{"doseQuantity": {"value": 250.0, "unit": "mL"}}]}
    ]
    assert "500" not in json.dumps(half)
    assert (half["id"], half["medicationCodeableConcept"]["text"]) == (
        "draft-1",
        "Sodium chloride 0.9 %",
    )


@pytest.mark.parametrize(
    "draft",
    [
        order("Sodium chloride 0.9 % 500 mL"),
        order(doseAndRate=[{"doseQuantity": {"value": "500"}}]),
        order(doseAndRate=[{"doseRange": {"low": {"value": 1}}}]),
        order(doseAndRate=[{}, {}]),
        order() | {"dosageInstruction": []},
        order() | {"resourceType": "ServiceRequest"},
        order() | {"id": None},
    ],
)
def test_what_cannot_be_halved_safely_is_not(draft: dict[str, Any]) -> None:
    assert halved(draft) is None


@pytest.mark.parametrize(
    "draft",
    [
        b'"MedicationRequest"',
        b'{"resourceType": "MedicationRequest", "id": "x", "note": "\xff"}',
        b'{"resourceType": "MedicationRequest", "id": "x", "note": "\\ud800"}',
        json.dumps(order() | {"medicationCodeableConcept": {"coding": [None]}}).encode(),
        json.dumps(order() | {"medicationCodeableConcept": ["Sodium chloride"]}).encode(),
        json.dumps(order()).replace("500,", f"{10**400},").encode(),
    ],
)
def test_a_draft_that_cannot_be_written_anew_as_a_whole_is_not_halved(draft: bytes) -> None:
    assert halved_order(msgspec.Raw(draft)) is None
