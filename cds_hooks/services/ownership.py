"""Whose the gathered resources are: nothing of another patient is ever read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from cds_hooks.errors import WrongPatient
from cds_hooks.fhir.decoding import Decoding
from cds_hooks.fhir.resources import Lenient, Reference
from cds_hooks.fhir.subject import Whose, whose

PATIENT_BOUND: Final = frozenset(
    {
        "Condition",
        "DeviceRequest",
        "DiagnosticReport",
        "DocumentReference",
        "Encounter",
        "ImagingStudy",
        "Media",
        "MedicationAdministration",
        "MedicationRequest",
        "MedicationStatement",
        "Observation",
        "Procedure",
        "RiskAssessment",
        "ServiceRequest",
    }
)
"""Types that say nothing unless they say of whom.

https://hl7.org/fhir/R4/compartmentdefinition-patient.html.
"""


class _Owned(Lenient, frozen=True):
    resource_type: str | None = None
    id: str | None = None
    subject: Reference | None = None
    patient: Reference | None = None
    beneficiary: Reference | None = msgspec.field(default=None, name="for")


_BY_WEIGHT: Final = (Whose.OTHER, Whose.SAME)
_OWNED: Final = Decoding(_Owned)


def of_patient(
    key: str, resources: Sequence[msgspec.Raw], patient_id: str
) -> tuple[tuple[msgspec.Raw, ...], tuple[str, ...]]:
    """Part what is the patient's, or nobody's, from a sentence for each thing of unknown owner.

    Raises
    ------
    cds_hooks.errors.WrongPatient
        A resource is another patient's: the whole call is refused, because an EHR that mixes two
        patients in one call cannot be trusted with the rest of it.
    """
    kept: list[msgspec.Raw] = []
    set_aside: list[str] = []
    owners = _owners(resources, patient_id)
    for index, (resource, owner) in enumerate(zip(resources, owners, strict=True)):
        if owner is Whose.OTHER:
            raise WrongPatient(
                f"{key}: entry {index} belongs to another patient than $.context.patientId; send"
                " one patient's data only."
            )
        if owner is Whose.SAME:
            kept.append(resource)
        else:
            set_aside.append(f"{key}: entry {index} does not say whose it is; not used.")
    return tuple(kept), tuple(set_aside)


def refuse_drafts_of_others(drafts: Iterable[msgspec.Raw], patient_id: str) -> None:
    """Refuse a call that carries a draft order, or a task, for another patient.

    A draft that names nobody is the context's patient's by the hook's definition.

    Raises
    ------
    cds_hooks.errors.WrongPatient
    """
    for index, draft in enumerate(drafts):
        if owner_of(draft, patient_id) is Whose.OTHER:
            raise WrongPatient(
                f"$.context: order {index} is for another patient than $.context.patientId; send"
                " one patient's orders only."
            )


def owner_of(resource: msgspec.Raw, patient_id: str) -> Whose:
    """Return whose a resource is; one that belongs to no patient, such as an Endpoint, is SAME."""
    return _owners((resource,), patient_id)[0]


def _owners(resources: Sequence[msgspec.Raw], patient_id: str) -> list[Whose]:
    return [
        Whose.UNKNOWN if owned is None else _owner(owned, patient_id)
        for owned in _OWNED.each_of(resources)
    ]


def _owner(owned: _Owned, patient_id: str) -> Whose:
    if owned.resource_type == "Patient":
        return Whose.SAME if owned.id == patient_id else Whose.OTHER
    named = [
        each for each in (owned.subject, owned.patient, owned.beneficiary) if each is not None
    ]
    if len(named) == 1:
        return whose(named[0], patient_id)
    answers = [whose(each, patient_id) for each in named]
    if not answers:
        return Whose.UNKNOWN if owned.resource_type in PATIENT_BOUND else Whose.SAME
    # One reference to another patient outweighs one to this patient.
    return next((each for each in _BY_WEIGHT if each in answers), Whose.UNKNOWN)
