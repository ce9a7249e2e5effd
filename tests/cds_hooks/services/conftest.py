"""What the tests of the services share: the sample patients' charts, the twin, calls of hooks."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
import pytest

from cds_hooks.fhir.closed_ehr import ClosedEhr
from cds_hooks.services.order_effects import OrderEffects
from cds_hooks.services.patient_twin import PatientTwins
from cds_hooks.services.service import Chart, HookCall
from cds_hooks.services.speaker import Speaker
from cds_hooks.wire.request import read_context
from sandbox_ehr.patients.load import FOLDER, bundle_at
from twin.core.estimate import Estimator
from twin.core.rest import guarding_state
from twin.store.emulator_file import read_emulator
from twin.store.memory import MemoryTwinStore

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CALL = UUID("d1577c69-dfbe-44ad-ba6d-3e05e953b2ea")
SPEAKER = Speaker("https://cardiotwin.example/documentation", None)


@pytest.fixture(scope="session")
def estimator() -> Estimator:
    """Return the estimator as the service installs it."""
    return Estimator(read_emulator(), resimulate=guarding_state)


@pytest.fixture
def twins(estimator: Estimator) -> PatientTwins:
    """Return where twins come from, with an empty memory."""
    return PatientTwins(MemoryTwinStore(), estimator, b"k" * 32)


@pytest.fixture
def order_effects(twins: PatientTwins) -> OrderEffects:
    """Return the service, which reads no EHR: all data come by prefetch."""
    return OrderEffects(twins, ClosedEhr(), SPEAKER)


@cache
def resources_of(name: str) -> tuple[dict[str, Any], ...]:
    """Return a sample patient's resources, their times moved to `NOW`."""
    bundle = bundle_at(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")), NOW)
    return tuple(entry["resource"] for entry in bundle["entry"])


def raw(resource: Any) -> msgspec.Raw:
    """Return a resource as it comes over the wire."""
    return msgspec.Raw(json.dumps(resource).encode())


def chart_of(name: str) -> tuple[str, Chart]:
    """Return a sample patient's id and chart."""
    resources = resources_of(name)
    patient = next(each for each in resources if each["resourceType"] == "Patient")
    observations = tuple(raw(each) for each in resources if each["resourceType"] == "Observation")
    studies = tuple(raw(each) for each in resources if each["resourceType"] == "ImagingStudy")
    return patient["id"], Chart(
        {"patient": (raw(patient),), "vitalSigns": observations, "imagingStudies": studies}, {}
    )


@pytest.fixture
def call() -> Callable[..., HookCall]:
    """Return a maker of calls: of a sample patient, for a hook, with draft orders."""

    def made(name: str, hook: str, *drafts: dict[str, Any], **context: Any) -> HookCall:
        patient_id, chart = chart_of(name)
        members: dict[str, Any] = {"userId": "Practitioner/1", "patientId": patient_id}
        if drafts:
            entries = [
                {"resource": draft | {"subject": {"reference": f"Patient/{patient_id}"}}}
                for draft in drafts
            ]
            members["draftOrders"] = {"resourceType": "Bundle", "entry": entries}
        return HookCall(
            hook,
            CALL,
            "https://ehr.example",
            read_context(hook, raw(members | context)),
            None,
            None,
            chart,
            received_at=NOW,
        )

    return made


def medication(order_id: str, text: str, value: float, unit: str, **dosage: Any) -> dict[str, Any]:
    """Return a draft MedicationRequest with one structured dose into a vein."""
    quantity = {
        "value": value,
        "unit": unit,
        "system": "http://unitsofmeasure.org",
        "code": unit,
    }
    return {
        "resourceType": "MedicationRequest",
        "id": order_id,
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {"text": text},
        "dosageInstruction": [
            {"route": {"text": "intravenous"}, "doseAndRate": [{"doseQuantity": quantity}]}
            | dosage
        ],
    }


@pytest.fixture
def bolus() -> dict[str, Any]:
    """Return a draft of 500 mL crystalloid in 15 minutes."""
    return medication(
        "bolus",
        "Sodium chloride 0.9 %",
        500,
        "mL",
        timing={"repeat": {"duration": 15, "durationUnit": "min"}},
    )


@pytest.fixture
def beta_blocker() -> dict[str, Any]:
    """Return a draft of 5 mg metoprolol into a vein."""
    return medication("beta-blocker", "Metoprolol", 5, "mg")
