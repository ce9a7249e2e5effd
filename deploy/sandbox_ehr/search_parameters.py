"""The search parameters that the sandbox answers, as one table. Pure.

Names, types and paths are those of FHIR R4: https://hl7.org/fhir/R4/searchparameter-registry.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ParameterType(StrEnum):
    """How a value is compared: https://hl7.org/fhir/R4/search.html#ptypes."""

    TOKEN = "token"  # noqa: S105 - a parameter type, not a secret
    DATE = "date"
    REFERENCE = "reference"
    STRING = "string"


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """One parameter: its type, the elements it looks at and, for references, the type meant."""

    type: ParameterType
    paths: tuple[str, ...]
    target: str | None = None


def _token(*paths: str) -> SearchParameter:
    return SearchParameter(ParameterType.TOKEN, paths)


def _date(*paths: str) -> SearchParameter:
    return SearchParameter(ParameterType.DATE, paths)


def _text(*paths: str) -> SearchParameter:
    return SearchParameter(ParameterType.STRING, paths)


def _reference(path: str, target: str | None = None) -> SearchParameter:
    return SearchParameter(ParameterType.REFERENCE, (path,), target)


EVERY_TYPE: Mapping[str, SearchParameter] = {
    "_id": _token("id"),
    "_lastUpdated": _date("meta.lastUpdated"),
    "identifier": _token("identifier"),
}
OF_A_PATIENT: Mapping[str, SearchParameter] = {
    "patient": _reference("subject.reference", "Patient"),
    "subject": _reference("subject.reference"),
    "encounter": _reference("encounter.reference", "Encounter"),
}
ORDER: Mapping[str, SearchParameter] = {
    **OF_A_PATIENT,
    "status": _token("status"),
    "intent": _token("intent"),
    "authored": _date("authoredOn"),
    "requester": _reference("requester.reference"),
}

SEARCH_PARAMETERS: Mapping[str, Mapping[str, SearchParameter]] = {
    "Patient": {
        "name": _text("name.text", "name.family", "name.given"),
        "family": _text("name.family"),
        "given": _text("name.given"),
        "birthdate": _date("birthDate"),
        "gender": _token("gender"),
    },
    "Practitioner": {"name": _text("name.text", "name.family", "name.given")},
    "Encounter": {
        "patient": _reference("subject.reference", "Patient"),
        "subject": _reference("subject.reference"),
        "status": _token("status"),
        "class": _token("class"),
        "date": _date("period"),
    },
    "Condition": {
        **OF_A_PATIENT,
        "code": _token("code"),
        "category": _token("category"),
        "clinical-status": _token("clinicalStatus"),
        "verification-status": _token("verificationStatus"),
        "onset-date": _date("onsetDateTime", "onsetPeriod"),
        "recorded-date": _date("recordedDate"),
    },
    "Observation": {
        **OF_A_PATIENT,
        "code": _token("code"),
        "combo-code": _token("code", "component.code"),
        "component-code": _token("component.code"),
        "category": _token("category"),
        "status": _token("status"),
        "date": _date("effectiveDateTime", "effectivePeriod", "effectiveInstant"),
    },
    "MedicationRequest": {
        **OF_A_PATIENT,
        "status": _token("status"),
        "intent": _token("intent"),
        "code": _token("medicationCodeableConcept"),
        "authoredon": _date("authoredOn"),
    },
    "MedicationAdministration": {
        **OF_A_PATIENT,
        "status": _token("status"),
        "code": _token("medicationCodeableConcept"),
        "effective-time": _date("effectiveDateTime", "effectivePeriod"),
        "request": _reference("request.reference", "MedicationRequest"),
    },
    "ServiceRequest": {**ORDER, "code": _token("code"), "category": _token("category")},
    "DeviceRequest": {**ORDER, "code": _token("codeCodeableConcept")},
    "ImagingStudy": {
        **OF_A_PATIENT,
        "status": _token("status"),
        "modality": _token("series.modality"),
        "started": _date("started"),
        "endpoint": _reference("endpoint.reference", "Endpoint"),
    },
    "DocumentReference": {
        **OF_A_PATIENT,
        "status": _token("status"),
        "type": _token("type"),
        "category": _token("category"),
        "date": _date("date"),
    },
    "DiagnosticReport": {
        **OF_A_PATIENT,
        "status": _token("status"),
        "code": _token("code"),
        "category": _token("category"),
        "date": _date("effectiveDateTime", "effectivePeriod"),
    },
    "Media": {
        **OF_A_PATIENT,
        "status": _token("status"),
        "type": _token("type"),
        "modality": _token("modality"),
        "created": _date("createdDateTime", "createdPeriod"),
    },
    "Endpoint": {"status": _token("status"), "connection-type": _token("connectionType")},
    "RiskAssessment": {
        **OF_A_PATIENT,
        "date": _date("occurrenceDateTime", "occurrencePeriod"),
        "method": _token("method"),
    },
    "Device": {
        "patient": _reference("patient.reference", "Patient"),
        "status": _token("status"),
        "type": _token("type"),
    },
    "Provenance": {
        "target": _reference("target.reference"),
        "recorded": _date("recorded"),
    },
}
"""Resource type -> parameter name -> parameter; the types are those this server holds."""


def parameters_of(resource_type: str) -> Mapping[str, SearchParameter]:
    """Return every search parameter that the type answers."""
    return {**EVERY_TYPE, **SEARCH_PARAMETERS[resource_type]}
