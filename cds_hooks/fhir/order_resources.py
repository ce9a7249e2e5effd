"""The parts of FHIR R4 request resources that are read: shapes, no meaning; lenient too."""

from __future__ import annotations

from typing import final

import msgspec

from cds_hooks.fhir.resources import (
    CodeableConcept,
    Lenient,
    Period,
    Quantity,
    Range,
    Ratio,
    Reference,
    Resource,
)


class Repeat(Lenient, frozen=True):
    """How long and how often: https://hl7.org/fhir/R4/datatypes.html#Timing."""

    bounds_duration: Quantity | None = None
    duration: float | None = None
    duration_unit: str | None = None
    count: int | None = None
    frequency: int | None = None
    period: float | None = None
    period_unit: str | None = None


class Timing(Lenient, frozen=True):
    """https://hl7.org/fhir/R4/datatypes.html#Timing."""

    repeat: Repeat | None = None
    code: CodeableConcept | None = None


class DoseAndRate(Lenient, frozen=True):
    """https://hl7.org/fhir/R4/dosage-definitions.html#Dosage.doseAndRate."""

    dose_quantity: Quantity | None = None
    dose_range: Range | None = None
    rate_quantity: Quantity | None = None
    rate_ratio: Ratio | None = None
    rate_range: Range | None = None


class Dosage(Lenient, frozen=True):
    """https://hl7.org/fhir/R4/dosage.html."""

    text: str | None = None
    timing: Timing | None = None
    as_needed_boolean: bool | None = None
    route: CodeableConcept | None = None
    dose_and_rate: tuple[DoseAndRate, ...] | None = None


class Ingredient(Lenient, frozen=True):
    """https://hl7.org/fhir/R4/medication-definitions.html#Medication.ingredient."""

    item_codeable_concept: CodeableConcept | None = None
    strength: Ratio | None = None


@final
class Medication(Resource, frozen=True):
    """https://hl7.org/fhir/R4/medication.html."""

    code: CodeableConcept | None = None
    amount: Ratio | None = None
    ingredient: tuple[Ingredient, ...] | None = None


class Order(Resource, frozen=True):
    """What every request resource shares: https://hl7.org/fhir/R4/request.html."""

    status: str | None = None
    intent: str | None = None
    do_not_perform: bool | None = None
    subject: Reference | None = None


@final
class MedicationRequest(Order, frozen=True):
    """https://hl7.org/fhir/R4/medicationrequest.html."""

    medication_codeable_concept: CodeableConcept | None = None
    medication_reference: Reference | None = None
    contained: tuple[msgspec.Raw, ...] | None = None
    dosage_instruction: tuple[Dosage, ...] | None = None
    prior_prescription: Reference | None = None


@final
class ServiceRequest(Order, frozen=True):
    """https://hl7.org/fhir/R4/servicerequest.html."""

    code: CodeableConcept | None = None
    order_detail: tuple[CodeableConcept, ...] | None = None
    quantity_quantity: Quantity | None = None
    occurrence_timing: Timing | None = None
    occurrence_period: Period | None = None


class Parameter(Lenient, frozen=True):
    """https://hl7.org/fhir/R4/devicerequest-definitions.html#DeviceRequest.parameter."""

    code: CodeableConcept | None = None
    value_quantity: Quantity | None = None


@final
class DeviceRequest(Order, frozen=True):
    """https://hl7.org/fhir/R4/devicerequest.html."""

    code_codeable_concept: CodeableConcept | None = None
    parameter: tuple[Parameter, ...] | None = None
