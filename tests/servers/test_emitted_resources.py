"""What the service writes, judged by HAPI: valid under the profiles, stored, and found again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cds_hooks.fhir.from_twin import (
    StatedRisk,
    Statement,
    draft_order,
    model_device,
    risk_assessment,
    simulated_effect,
    twin_state,
)
from cds_hooks.fhir.to_measurements import PatientFacts
from twin.core.fit import Interval
from twin.core.haemodynamics import Quantity
from twin.core.interventions import (
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Infusion,
    Intervention,
    Oxygen,
    Route,
)

if TYPE_CHECKING:
    from conftest import FhirServer

Json = dict[str, Any]

pytestmark = pytest.mark.service("hapi")

NOW = datetime(2026, 1, 1, 10, tzinfo=UTC)
PATIENT = PatientFacts("example-patient", 65, "female", 165, 70)
STATEMENT = Statement(
    patient_id="example-patient",
    stated_at=NOW,
    device="Device/example-twin",
    method="twin@sha256:0000",
    basis=("Observation/example-mean-pressure/_history/1",),
)
RISKS = (
    StatedRisk("in_hospital_death", "Death in hospital", Interval(0.31, 0.18, 0.46), None),
    StatedRisk(
        "shock", "Simulated shock", Interval(0.004, 0.0, 0.01), NOW + timedelta(minutes=30)
    ),
)
STATE = {name: Interval(61.23456, 58.9, 63.6) for name in Quantity}
CHANGE = {
    Quantity.MEAN_PRESSURE: Interval(-6.1, -10.4, -2.2),
    Quantity.CARDIAC_OUTPUT: Interval(0.0, -0.1, 0.1),
}
EMITTED = {
    "cardiotwin-risk": risk_assessment(RISKS, STATEMENT),
    "cardiotwin-state": twin_state(STATE, STATEMENT),
    "cardiotwin-simulated-effect": simulated_effect(
        CHANGE, STATE, 1800, {"display": "Metoprolol 5 mg"}, STATEMENT
    ),
    "cardiotwin-device": model_device("CardioTwin twin", "0.1.0", "sha256:0000"),
}
ORDERS: dict[str, Intervention] = {
    "crystalloid": Fluid(FluidKind.CRYSTALLOID, 500, 900),
    "albumin": Fluid(FluidKind.ALBUMIN, 250, 1800),
    "red cells": Fluid(FluidKind.RED_CELLS, 300, 1800),
    "norepinephrine": Infusion(Drug.NOREPINEPHRINE, 0.05),
    "esmolol": Infusion(Drug.ESMOLOL, 50),
    "metoprolol": DrugDose(Drug.METOPROLOL, 5, Route.INTRAVENOUS),
    "furosemide by mouth": DrugDose(Drug.FUROSEMIDE, 40, Route.ORAL),
    "oxygen": Oxygen(0.4),
}
PROPOSAL = {
    "MedicationRequest": "cardiotwin-medication-proposal",
    "ServiceRequest": "cardiotwin-service-proposal",
}


@pytest.mark.parametrize("profile", EMITTED)
def test_what_is_written_is_valid_under_its_profile(profiled: FhirServer, profile: str) -> None:
    assert profiled.complaints(EMITTED[profile], profile) == []


@pytest.mark.requirement("CH-119")
@pytest.mark.parametrize("order", ORDERS)
def test_a_proposed_order_is_valid_under_its_profile(profiled: FhirServer, order: str) -> None:
    proposed = draft_order(ORDERS[order], PATIENT, requester="Practitioner/1")
    assert profiled.complaints(proposed, PROPOSAL[proposed["resourceType"]]) == []


def test_a_stored_risk_is_found_by_patient_and_keeps_its_percentage(profiled: FhirServer) -> None:
    stored = profiled.http.post("/RiskAssessment", json=EMITTED["cardiotwin-risk"])
    assert stored.status_code == 201, stored.text
    found = profiled.get("/RiskAssessment?subject=Patient/example-patient&_security=AIAST")
    by_id = {entry["resource"]["id"]: entry["resource"] for entry in found["entry"]}
    kept = by_id[stored.json()["id"]]
    assert [one["probabilityDecimal"] for one in kept["prediction"]] == [31, 0.4]


def test_a_stored_state_is_found_by_its_own_code_and_not_among_vital_signs(
    profiled: FhirServer,
) -> None:
    stored = profiled.http.post("/Observation", json=EMITTED["cardiotwin-state"])
    assert stored.status_code == 201, stored.text
    own = profiled.get(
        "/Observation?patient=example-patient"
        "&code=https://cardiotwin.example/fhir/CodeSystem/statement-kind%7Ctwin_state"
    )
    assert stored.json()["id"] in {entry["resource"]["id"] for entry in own["entry"]}
    charted = profiled.get(
        "/Observation?patient=example-patient&category=vital-signs,laboratory&_count=200"
    )
    assert stored.json()["id"] not in {
        entry["resource"]["id"] for entry in charted.get("entry", [])
    }


@pytest.mark.requirement("CH-114")
def test_an_accepted_suggestion_is_a_transaction_that_a_server_takes_whole(
    profiled: FhirServer,
) -> None:
    drafted = draft_order(ORDERS["metoprolol"], PATIENT)
    profiled.put(drafted | {"id": "order-in-progress"})
    instead = draft_order(ORDERS["crystalloid"], PATIENT)
    answer = profiled.post_transaction(
        {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {"request": {"method": "DELETE", "url": "MedicationRequest/order-in-progress"}},
                {"request": {"method": "POST", "url": "MedicationRequest"}, "resource": instead},
            ],
        }
    )
    assert [entry["response"]["status"][:3] for entry in answer["entry"]] == ["204", "201"]
    created = answer["entry"][1]["response"]["location"].split("/_history")[0]
    kept = profiled.get(f"/{created}")
    assert (kept["status"], kept["intent"]) == ("draft", "proposal")
    assert profiled.http.get("/MedicationRequest/order-in-progress").status_code == 410


@pytest.mark.requirement("CH-114")
def test_a_transaction_with_one_bad_order_changes_nothing(profiled: FhirServer) -> None:
    drafted = draft_order(ORDERS["metoprolol"], PATIENT)
    profiled.put(drafted | {"id": "order-to-keep"})
    reply = profiled.http.post(
        "",
        json={
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {"request": {"method": "DELETE", "url": "MedicationRequest/order-to-keep"}},
                {
                    "request": {"method": "POST", "url": "MedicationRequest"},
                    "resource": drafted | {"status": "no such status"},
                },
            ],
        },
    )
    assert reply.status_code in (400, 422)
    assert profiled.http.get("/MedicationRequest/order-to-keep").status_code == 200
