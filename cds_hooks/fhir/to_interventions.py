"""Draft orders become interventions of the twin, or a reason why not. Pure.

Nothing is guessed: what is assumed to fill a gap of no danger, such as the time over which a bolus
runs, is said with the order; what would need a guess about drug, dose, route or strength is not
simulated. Whether a dose is plausible is the twin's to say (``twin.core.interventions.schedule``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from cds_hooks.fhir.dosage import Dosing, Measure, Unclear, dosing_of, measured
from cds_hooks.fhir.drug_dose import infusion_or_dose, route_of, strength_per_ml
from cds_hooks.fhir.given_dose import described, fluid, oxygen, setting
from cds_hooks.fhir.order_resources import (
    DeviceRequest,
    Dosage,
    Medication,
    MedicationRequest,
    Order,
    ServiceRequest,
)
from cds_hooks.fhir.resources import CodeableConcept, Unreadable, head, read
from cds_hooks.fhir.subject import is_known_to_be_of
from cds_hooks.fhir.to_measurements import PatientFacts
from cds_hooks.fhir.treatments import Gas, NotRecognised, Treatment, treatment_of
from cds_hooks.fhir.wording import quoted
from twin.core.interventions import Drug, FluidKind, Intervention, Oxygen, SettingKind, Stop

_MEDICATION_REQUEST: Final = msgspec.json.Decoder(MedicationRequest)
_SERVICE_REQUEST: Final = msgspec.json.Decoder(ServiceRequest)
_DEVICE_REQUEST: Final = msgspec.json.Decoder(DeviceRequest)
_MEDICATION: Final = msgspec.json.Decoder(Medication)

_LIVE: Final = frozenset({"draft", "active", None})
"""https://hl7.org/fhir/R4/valueset-request-status.html: the others order nothing any more."""

_ENDS: Final = {
    "stopped": "",
    "revoked": "",
    "cancelled": "a cancelled order is simulated as the end of what runs by it",
    "on-hold": "an order put on hold is simulated as stopped",
}
"""Statuses by which an order ends what runs: to be halted for good or for a time, or withdrawn
(https://hl7.org/fhir/R4/valueset-medicationrequest-status.html and -request-status.html)."""


@dataclass(frozen=True, slots=True)
class OrderedIntervention:
    """An order that was understood."""

    reference: str
    """``MedicationRequest/draft-1``: as ``selections`` and delete actions name it."""
    label: str
    intervention: Intervention | Stop
    assumption: str | None
    """What was filled in, as a sentence; None where the order said everything."""
    prior: str | None = None
    """The order that it takes the place of, ``MedicationRequest/x``."""
    stops: tuple[Stop, ...] = ()
    """What ends when it begins: what ran by the order that it takes the place of."""

    @property
    def planned(self) -> tuple[Intervention | Stop, ...]:
        """Return all that is to be simulated for it."""
        return (*self.stops, self.intervention)


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """An order that is not simulated, and why; the reason is a sentence without its full stop."""

    reference: str
    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class Orders:
    """All draft orders, each in one of two places."""

    understood: tuple[OrderedIntervention, ...]
    not_understood: tuple[NotUnderstood, ...]

    def checked(self, refusal: Callable[[OrderedIntervention], str | None]) -> Orders:
        """Return the orders with those moved for which ``refusal`` gives a reason."""
        kept: list[OrderedIntervention] = []
        moved: list[NotUnderstood] = []
        for order in self.understood:
            reason = refusal(order)
            if reason is None:
                kept.append(order)
            else:
                moved.append(NotUnderstood(order.reference, order.label, reason))
        return Orders(tuple(kept), (*self.not_understood, *moved))


def orders_of(draft: Iterable[msgspec.Raw], facts: PatientFacts) -> Orders:
    """Read draft orders.

    Raises
    ------
    cds_hooks.errors.WrongPatient
        A draft is of another patient than the facts.
    """
    understood: list[OrderedIntervention] = []
    not_understood: list[NotUnderstood] = []
    for position, raw in enumerate(draft):
        named = head(raw)
        reference = named.unversioned
        label = named.resource_type or f"order {position + 1}"
        try:
            wanted = _wanted(raw, named.resource_type)
            label = wanted.label
            _refuse_other_patient(wanted.order, facts, position)
            understood.append(_understood(reference, wanted, facts.weight_kg))
        except (Unreadable, NotRecognised, Unclear) as reason:
            not_understood.append(NotUnderstood(reference, label, str(reason)))
    return Orders(tuple(understood), tuple(not_understood))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The same of every kind of order resource: what is ordered, and how much of it."""

    order: Order
    concept: CodeableConcept | None
    dosages: tuple[Dosage, ...]
    quantity: Measure | None
    duration_s: float | None
    medication: Medication | None

    @property
    def label(self) -> str:
        """Return the order's name as the prescriber wrote it."""
        concept = self.concept
        if concept is None:
            return quoted(self.order.resource_type or "order")
        displays = [coding.display for coding in concept.codings if coding.display]
        codes = [coding.code for coding in concept.codings if coding.code]
        return quoted(concept.text or next(iter([*displays, *codes]), "order"), 80)


def _wanted(raw: msgspec.Raw, resource_type: str | None) -> _Wanted:
    match resource_type:
        case "MedicationRequest":
            return _of_medication(read(_MEDICATION_REQUEST, raw))
        case "ServiceRequest":
            return _of_service(read(_SERVICE_REQUEST, raw))
        case "DeviceRequest":
            return _of_device(read(_DEVICE_REQUEST, raw))
        case _:
            raise Unclear("orders of this type are not simulated")


def _of_medication(order: MedicationRequest) -> _Wanted:
    medication = None
    concept = order.medication_codeable_concept
    reference = order.medication_reference.reference if order.medication_reference else None
    if concept is None and reference is not None:
        medication = _contained(order, reference)
        concept = medication.code
        if concept is None and medication.ingredient:
            concept = medication.ingredient[0].item_codeable_concept
    return _Wanted(order, concept, order.dosage_instruction or (), None, None, medication)


def _contained(order: MedicationRequest, reference: str) -> Medication:
    for raw in order.contained or ():
        if reference.startswith("#") and head(raw).id == reference[1:]:
            return read(_MEDICATION, raw)
    raise Unclear("the medication is only referred to, and the order does not contain it")


def _of_service(order: ServiceRequest) -> _Wanted:
    quantity = measured(order.quantity_quantity) if order.quantity_quantity is not None else None
    details = [detail.text for detail in order.order_detail or () if detail.text]
    dosage = Dosage(text="; ".join(details) or None, timing=order.occurrence_timing)
    return _Wanted(order, order.code, (dosage,), quantity, None, None)


def _of_device(order: DeviceRequest) -> _Wanted:
    amounts = [each.value_quantity for each in order.parameter or () if each.value_quantity]
    if len(amounts) > 1:
        raise Unclear("it has several settings")
    quantity = measured(amounts[0]) if amounts else None
    return _Wanted(order, order.code_codeable_concept, (), quantity, None, None)


def _refuse_other_patient(order: Order, facts: PatientFacts, position: int) -> None:
    # A draft need not name its patient yet; one that names another must stop everything.
    if facts.patient_id is not None and order.subject is not None:
        place = f"The draft order at position {position}"
        is_known_to_be_of(facts.patient_id, order.subject, place)


def _understood(reference: str, wanted: _Wanted, weight_kg: float | None) -> OrderedIntervention:
    order = wanted.order
    if order.do_not_perform:
        raise Unclear("it says what shall not be done")
    if order.status in _ENDS:
        return _ended(reference, wanted, order.status or "")
    if order.status not in _LIVE:
        status = quoted(order.status or "", 20)
        raise Unclear(f"its status is {status}, so that it orders nothing any more")
    treatment = treatment_of(wanted.concept)
    dosing = dosing_of(wanted.dosages, wanted.label)
    intervention, assumptions = _intervention(treatment, dosing, wanted, weight_kg)
    if dosing.repeated:
        assumptions.append("only the first dose is simulated")
    if dosing.as_needed:
        assumptions.append("it is simulated as given now, though it is ordered as needed")
    return OrderedIntervention(
        reference,
        _with_dose(wanted.label, intervention),
        intervention,
        "; ".join(assumptions) or None,
        _prior(order),
    )


def _ended(reference: str, wanted: _Wanted, status: str) -> OrderedIntervention:
    """Return the end of what runs; whether anything does is for the recorded treatment to say."""
    treatment = treatment_of(wanted.concept)
    what = Oxygen if isinstance(treatment, Gas) else treatment
    return OrderedIntervention(
        reference, f"Stop {wanted.label}", Stop(what), _ENDS[status] or None, None
    )


def _prior(order: Order) -> str | None:
    if not isinstance(order, MedicationRequest) or order.prior_prescription is None:
        return None
    return order.prior_prescription.reference


def _with_dose(name: str, intervention: Intervention) -> str:
    """Return the name with the dose behind it, unless the name holds the amount already."""
    dose = described(intervention)
    amount = dose.partition(" ")[0]
    return name if amount in name.split() else f"{name}, {dose}"


def _intervention(
    treatment: Treatment, dosing: Dosing, wanted: _Wanted, weight_kg: float | None
) -> tuple[Intervention, list[str]]:
    match treatment:
        case FluidKind():
            return fluid(treatment, dosing, wanted.quantity, weight_kg)
        case Gas():
            return oxygen(dosing, wanted.quantity)
        case SettingKind():
            return setting(treatment, dosing, wanted.quantity)
        case Drug():
            names = [wanted.label, *(dosage.text or "" for dosage in wanted.dosages)]
            route = route_of([dosage.route for dosage in wanted.dosages], names)
            strength = strength_per_ml(wanted.medication, treatment, wanted.label)
            return infusion_or_dose(treatment, dosing, route, strength, weight_kg), []
