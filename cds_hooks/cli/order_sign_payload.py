"""An order-sign request as an EHR sends it, made for timing; the same for the same number.

The patient is invented: 24 hours of vital signs of an adult whose pressure falls, so that nothing
in the service is spared work.
"""

from __future__ import annotations

import math
import uuid
from datetime import datetime, timedelta

OBSERVATIONS = 200
_SERIES = (
    ("8867-4", "Heart rate", "/min", 92.0, 18.0),
    ("8480-6", "Systolic blood pressure", "mm[Hg]", 112.0, -22.0),
    ("8462-4", "Diastolic blood pressure", "mm[Hg]", 64.0, -12.0),
    ("9279-1", "Respiratory rate", "/min", 18.0, 5.0),
    ("59408-5", "Oxygen saturation", "%", 96.0, -2.0),
)


def order_sign_request(number: int, patient: int, now: datetime) -> dict[str, object]:
    """Return the ``number``-th request for one invented patient; all versions are new."""
    patient_id = f"bench-{patient}"
    subject = {"reference": f"Patient/{patient_id}"}
    return {
        "hook": "order-sign",
        "hookInstance": str(uuid.UUID(int=(patient << 64) + number)),
        "context": {
            "userId": "Practitioner/bench",
            "patientId": patient_id,
            "draftOrders": {
                "resourceType": "Bundle",
                "type": "collection",
                "entry": [{"resource": _bolus(subject)}, {"resource": _beta_blocker(subject)}],
            },
        },
        "prefetch": {
            "patient": {
                "resourceType": "Patient",
                "id": patient_id,
                "gender": "female",
                "birthDate": "1960-05-04",
            },
            "vitalSigns": {
                "resourceType": "Bundle",
                "type": "searchset",
                "entry": [{"resource": each} for each in _observations(number, patient_id, now)],
            },
            **{
                key: {"resourceType": "Bundle", "type": "searchset", "total": 0}
                for key in ("laboratory", "haemodynamics", "bedside", "givenTreatments")
            },
        },
    }


def _observations(number: int, patient_id: str, now: datetime) -> list[dict[str, object]]:
    weight = _observation("weight", "29463-7", "Body weight", 72.0, "kg", patient_id, number, now)
    rows = [weight]
    for index in range(OBSERVATIONS - 1):
        step, series = divmod(index, len(_SERIES))
        code, display, unit, base, drift = _SERIES[series]
        hours_ago = step * 24 / (OBSERVATIONS / len(_SERIES))
        wobble = math.sin(1.7 * step + 0.9 * series + 0.37 * number)
        value = round(base + drift * (1 - hours_ago / 24) + 0.02 * base * wobble, 1)
        taken_at = now - timedelta(hours=hours_ago, minutes=2)
        rows.append(
            _observation(f"o{index}", code, display, value, unit, patient_id, number, taken_at)
        )
    return rows


def _observation(
    name: str,
    code: str,
    display: str,
    value: float,
    unit: str,
    patient_id: str,
    version: int,
    taken_at: datetime,
) -> dict[str, object]:
    return {
        "resourceType": "Observation",
        "id": f"{patient_id}-{name}",
        "meta": {"versionId": str(version + 1)},
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "vital-signs",
                    }
                ]
            }
        ],
        "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": display}]},
        "subject": {"reference": f"Patient/{patient_id}"},
        "effectiveDateTime": taken_at.isoformat(timespec="seconds"),
        "valueQuantity": {
            "value": value,
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        },
    }


def _bolus(subject: dict[str, str]) -> dict[str, object]:
    return {
        "resourceType": "MedicationRequest",
        "id": "draft-bolus",
        "status": "draft",
        "intent": "order",
        "subject": subject,
        "medicationCodeableConcept": {"text": "Sodium chloride 0.9 % 500 mL"},
        "dosageInstruction": [
            {
                "route": {"text": "intravenous"},
                "timing": {"repeat": {"duration": 15, "durationUnit": "min"}},
                "doseAndRate": [
                    {
                        "doseQuantity": {
                            "value": 500,
                            "unit": "mL",
                            "system": "http://unitsofmeasure.org",
                            "code": "mL",
                        }
                    }
                ],
            }
        ],
    }


def _beta_blocker(subject: dict[str, str]) -> dict[str, object]:
    return {
        "resourceType": "MedicationRequest",
        "id": "draft-beta-blocker",
        "status": "draft",
        "intent": "order",
        "subject": subject,
        "medicationCodeableConcept": {
            "coding": [
                {
                    "system": "http://www.whocc.no/atc",
                    "code": "C07AB02",
                    "display": "metoprolol",
                }
            ],
            "text": "Metoprolol 5 mg intravenous",
        },
        "dosageInstruction": [
            {
                "route": {"text": "intravenous"},
                "doseAndRate": [
                    {
                        "doseQuantity": {
                            "value": 5,
                            "unit": "mg",
                            "system": "http://unitsofmeasure.org",
                            "code": "mg",
                        }
                    }
                ],
            }
        ],
    }
