"""Writes the sample patients as FHIR Bundles: ``python -m sandbox_ehr.patients.generate``.

The same seeds give the same files. All times are relative to one fixed instant, the Bundle's
``timestamp``; the loader moves them to the present.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from sandbox_ehr.patients.charting import (
    REFERENCE,
    amount,
    observations,
    of_patient,
    time_before,
)
from sandbox_ehr.patients.courses import SAMPLE_PATIENTS, Medicine, SamplePatient
from sandbox_ehr.resources import Resource

FOLDER = Path(__file__).parent
SNOMED = "http://snomed.info/sct"
ROUTES = {"oral": "26643006", "intravenous": "47625008", "subcutaneous": "34206005"}


def dicom_uid(*names: str) -> str:
    """Return a DICOM UID that the same names always give, by the UUID rule of PS3.5 B.2."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, '/'.join(('cardiotwin-sandbox', *names))).int}"


def record_number(sample: SamplePatient) -> str:
    """Return the number under which ward and picture archive know a patient."""
    return f"SANDBOX-{sample.seed:04d}"


def patient_bundle(sample: SamplePatient) -> Resource:
    """Return one sample patient's whole record."""
    resources = [
        _practitioner(),
        _patient(sample),
        _encounter(sample),
        *_conditions(sample),
        *observations(sample),
        *_medicines(sample),
        *_imaging(sample),
        *_ecg(sample),
    ]
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "timestamp": time_before(0),
        "entry": [
            {
                "resource": resource,
                "request": {
                    "method": "PUT",
                    "url": f"{resource['resourceType']}/{resource['id']}",
                },
            }
            for resource in resources
        ],
    }


def _practitioner() -> Resource:
    return {
        "resourceType": "Practitioner",
        "id": "sandbox-clinician",
        "name": [{"text": "Sandbox clinician", "family": "Clinician", "given": ["Sandbox"]}],
    }


def _patient(sample: SamplePatient) -> Resource:
    birth_date = (REFERENCE - timedelta(days=sample.age_years * 365.25 + 90)).date()
    return {
        "resourceType": "Patient",
        "id": sample.key,
        "meta": {"tag": [{"system": "https://cardiotwin.example/tags", "code": "invented"}]},
        "active": True,
        "identifier": [
            {
                "system": "https://cardiotwin.example/sandbox/record-number",
                "value": record_number(sample),
            }
        ],
        "name": [
            {
                "use": "official",
                "text": f"{sample.given} {sample.family}",
                "family": sample.family,
                "given": [sample.given],
            }
        ],
        "gender": sample.sex,
        "birthDate": birth_date.isoformat(),
    }


def _encounter(sample: SamplePatient) -> Resource:
    return {
        "resourceType": "Encounter",
        "id": f"{sample.key}-stay",
        "status": "in-progress",
        "class": {
            "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
            "code": sample.encounter_class,
        },
        "subject": {"reference": f"Patient/{sample.key}"},
        "period": {"start": time_before(sample.hours)},
        "reasonCode": [{"text": sample.situation}],
    }


def _conditions(sample: SamplePatient) -> Iterator[Resource]:
    terminology = "http://terminology.hl7.org/CodeSystem"
    for code, words in sample.conditions:
        yield {
            "resourceType": "Condition",
            "id": f"{sample.key}-condition-{code}",
            "clinicalStatus": {
                "coding": [{"system": f"{terminology}/condition-clinical", "code": "active"}]
            },
            "verificationStatus": {
                "coding": [{"system": f"{terminology}/condition-ver-status", "code": "confirmed"}]
            },
            "category": [
                {
                    "coding": [
                        {
                            "system": f"{terminology}/condition-category",
                            "code": "encounter-diagnosis",
                        }
                    ]
                }
            ],
            "code": {"coding": [{"system": SNOMED, "code": code}], "text": words},
            **of_patient(sample),
            "recordedDate": time_before(sample.hours),
        }


def _medicines(sample: SamplePatient) -> Iterator[Resource]:
    for medicine in sample.medicines:
        yield _medication_request(sample, medicine)
        if medicine.rate:
            yield _running_infusion(sample, medicine)


def _medication(medicine: Medicine) -> Resource:
    return {
        "coding": [
            {
                "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
                "code": medicine.rxnorm,
                "display": medicine.name,
            },
            {"system": "http://www.whocc.no/atc", "code": medicine.atc},
        ],
        "text": medicine.name,
    }


def _route(medicine: Medicine) -> Resource:
    coding = {"system": SNOMED, "code": ROUTES[medicine.route]}
    return {"coding": [coding], "text": medicine.route}


def _medication_request(sample: SamplePatient, medicine: Medicine) -> Resource:
    given: Resource = {}
    if medicine.dose:
        given["doseQuantity"] = amount(medicine.dose[0], medicine.dose[1], medicine.dose[1])
    if medicine.rate:
        given["rateQuantity"] = amount(medicine.rate[0], medicine.rate[1], medicine.rate[1])
    return {
        "resourceType": "MedicationRequest",
        "id": f"{sample.key}-{medicine.key}",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": _medication(medicine),
        **of_patient(sample),
        "authoredOn": time_before(min(sample.hours - 1, 12)),
        "requester": {"reference": "Practitioner/sandbox-clinician"},
        "dosageInstruction": [
            {"text": medicine.dosage, "route": _route(medicine), "doseAndRate": [given]}
        ],
    }


def _running_infusion(sample: SamplePatient, medicine: Medicine) -> Resource:
    value, unit = medicine.rate or (0.0, "")
    return {
        "resourceType": "MedicationAdministration",
        "id": f"{sample.key}-{medicine.key}-running",
        "status": "in-progress",
        "medicationCodeableConcept": _medication(medicine),
        "subject": {"reference": f"Patient/{sample.key}"},
        "context": {"reference": f"Encounter/{sample.key}-stay"},
        "effectivePeriod": {"start": time_before(min(sample.hours - 1, 11.5))},
        "request": {"reference": f"MedicationRequest/{sample.key}-{medicine.key}"},
        "dosage": {
            "text": medicine.dosage,
            "route": _route(medicine),
            "rateQuantity": amount(value, unit, unit),
        },
    }


def _imaging(sample: SamplePatient) -> Iterator[Resource]:
    if sample.picture is None:
        return
    modality = {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "DX"}
    yield _archive()
    yield {
        "resourceType": "ImagingStudy",
        "id": f"{sample.key}-chest-radiograph",
        "identifier": [
            {"system": "urn:dicom:uid", "value": f"urn:oid:{dicom_uid(sample.key, 'study')}"}
        ],
        "status": "available",
        "modality": [modality],
        **of_patient(sample),
        "started": time_before(sample.picture.hours_before),
        "endpoint": [{"reference": "Endpoint/sandbox-archive"}],
        "numberOfSeries": 1,
        "numberOfInstances": 1,
        "description": "Chest radiograph (a drawing, made for the sandbox)",
        "series": [
            {
                "uid": dicom_uid(sample.key, "series"),
                "number": 1,
                "modality": modality,
                "numberOfInstances": 1,
                "bodySite": {"system": SNOMED, "code": "51185008", "display": "Thorax"},
                "instance": [
                    {
                        "uid": dicom_uid(sample.key, "instance"),
                        "sopClass": {
                            "system": "urn:ietf:rfc:3986",
                            "code": "urn:oid:1.2.840.10008.5.1.4.1.1.1.1",
                        },
                        "number": 1,
                    }
                ],
            }
        ],
    }


def _ecg(sample: SamplePatient) -> Iterator[Resource]:
    """Yield the page of a generated ECG as a document; the page says so itself."""
    if sample.ecg_hours_before is None:
        return
    page = (FOLDER / "ecg-pages" / f"{sample.key}.png").read_bytes()
    taken = time_before(sample.ecg_hours_before)
    yield {
        "resourceType": "DocumentReference",
        "id": f"{sample.key}-ecg",
        "status": "current",
        "type": {
            "coding": [{"system": "http://loinc.org", "code": "11524-6", "display": "EKG study"}],
            "text": "12-lead ECG (generated, made for the sandbox)",
        },
        "subject": {"reference": f"Patient/{sample.key}"},
        "date": taken,
        "content": [
            {
                "attachment": {
                    "contentType": "image/png",
                    "data": base64.b64encode(page).decode(),
                    "size": len(page),
                    "title": "Generated ECG, not of a patient",
                    "creation": taken,
                }
            }
        ],
        "context": {
            "encounter": [{"reference": f"Encounter/{sample.key}-stay"}],
            "period": {"start": taken, "end": taken},
        },
    }


def _archive() -> Resource:
    return {
        "resourceType": "Endpoint",
        "id": "sandbox-archive",
        "status": "active",
        "connectionType": {
            "system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type",
            "code": "dicom-wado-rs",
        },
        "name": "Picture archive of the sandbox",
        "payloadType": [
            {
                "coding": [
                    {
                        "system": "http://dicom.nema.org/resources/ontology/DCM",
                        "code": "113014",
                        "display": "DICOM Study",
                    }
                ]
            }
        ],
        "address": "http://127.0.0.1:8002/dicom-web",
    }


def bundle_text(bundle: Resource) -> str:
    """Return the Bundle as JSON with one entry a line, so that changes can be read."""
    head = {key: value for key, value in bundle.items() if key != "entry"}
    lines = ",\n".join(
        json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in bundle["entry"]
    )
    return f'{json.dumps(head)[:-1]}, "entry": [\n{lines}\n]}}\n'


def main() -> None:
    """Write every sample patient's file."""
    for sample in SAMPLE_PATIENTS:
        path = FOLDER / f"{sample.key}.json"
        path.write_text(bundle_text(patient_bundle(sample)), encoding="utf-8")


if __name__ == "__main__":
    main()
