"""A CDS client for the commands: ask a service as an EHR does, and read its cards as values."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

Json = dict[str, Any]

TIMEOUT_S = 120.0
"""The first call of a fresh machine compiles the twin's kernels, which takes a while."""


class CallFailed(Exception):
    """A service did not answer a call with cards; the message is a sentence for the terminal."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The cards of one call and how long it took."""

    cards: tuple[Json, ...]
    milliseconds: float


def bolus(volume_ml: float, minutes: float) -> Json:
    """Return the drug and dosage of a crystalloid bolus."""
    volume = quantity(volume_ml, "mL")
    return _medication(
        "Sodium chloride 0.9 %",
        "9863",
        f"{volume_ml:g} mL over {minutes:g} minutes",
        {
            "doseQuantity": volume,
            "rateRatio": {"numerator": volume, "denominator": quantity(minutes, "min")},
        },
    )


def metoprolol(dose_mg: float) -> Json:
    """Return the drug and dosage of metoprolol given once into a vein."""
    dose = {"doseQuantity": quantity(dose_mg, "mg")}
    return _medication("Metoprolol", "6918", f"{dose_mg:g} mg once", dose)


def quantity(value: float, ucum: str) -> Json:
    """Return a FHIR Quantity in UCUM."""
    return {"value": value, "unit": ucum, "code": ucum, "system": "http://unitsofmeasure.org"}


def draft(order: Json, patient_id: str) -> Json:
    """Return a whole draft order: https://hl7.org/fhir/R4/medicationrequest.html."""
    return {
        "resourceType": "MedicationRequest",
        "id": f"draft-{uuid.uuid4().hex[:12]}",
        "status": "draft",
        "intent": "order",
        "subject": {"reference": f"Patient/{patient_id}"},
        **order,
    }


def with_drafts(context: Mapping[str, object], drafts: Sequence[Json]) -> Json:
    """Return an order hook's context."""
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": each} for each in drafts],
    }
    return {**context, "draftOrders": bundle}


def discover(client: httpx2.Client, url: str, headers: Mapping[str, str]) -> list[Json]:
    """Return the services that discovery lists.

    Raises
    ------
    CallFailed
        No list came back.
    """
    answer = _sent(client, "GET", url, headers, None)
    return list(answer.json().get("services", []))


def call(client: httpx2.Client, url: str, headers: Mapping[str, str], body: Json) -> Answer:
    """Call one service.

    Raises
    ------
    CallFailed
        With what the service said was wrong.
    """
    answer = _sent(client, "POST", url, headers, body)
    return Answer(tuple(answer.json().get("cards", ())), answer.elapsed.total_seconds() * 1000)


def _medication(name: str, rxnorm: str, text: str, dose_and_rate: Json) -> Json:
    coding = {
        "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
        "code": rxnorm,
        "display": name,
    }
    route = {"system": "http://snomed.info/sct", "code": "47625008", "display": "Intravenous"}
    return {
        "medicationCodeableConcept": {"coding": [coding], "text": name},
        "dosageInstruction": [
            {"text": text, "route": {"coding": [route]}, "doseAndRate": [dose_and_rate]}
        ],
    }


def _sent(
    client: httpx2.Client, method: str, url: str, headers: Mapping[str, str], body: Json | None
) -> httpx2.Response:
    try:
        answer = client.request(method, url, headers=dict(headers), json=body, timeout=TIMEOUT_S)
    except httpx2.TransportError as error:
        raise CallFailed(f"{url} did not answer ({type(error).__name__}).") from error
    if answer.is_success:
        return answer
    raise CallFailed(f"{url} answered {answer.status_code}: {_diagnostics(answer)}")


def _diagnostics(answer: httpx2.Response) -> str:
    """Return what an OperationOutcome says, or the beginning of whatever came."""
    try:
        issue = answer.json()["issue"][0]
        return str(issue.get("diagnostics") or issue["details"]["text"])
    except (ValueError, KeyError, IndexError, TypeError):
        return answer.text[:200]
