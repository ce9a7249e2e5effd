"""Whose a resource is: its subject compared with the patient of the call. Pure."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from cds_hooks.errors import WrongPatient
from cds_hooks.fhir.resources import Reference

# Patient/1, https://ehr.example/fhir/Patient/1, either with /_history/2 behind.
_PATIENT: Final = re.compile(r"(?:^|/)Patient/([A-Za-z0-9\-._]{1,64})(?:/_history/[^/]+)?$")


class Whose(Enum):
    """The answer; only ``SAME`` may be read."""

    SAME = "it is the patient's"
    OTHER = "it is another patient's"
    UNKNOWN = "its subject is missing or cannot be resolved"


def whose(subject: Reference | None, patient_id: str) -> Whose:
    """Compare a subject with the patient's logical id.

    An absolute reference counts by its type and id: behind a proxy an EHR names itself differently
    in different places, and its prefetch holds its own resources. A ``urn:uuid:`` counts where it
    is the patient's id itself, as in exported bundles; else, like a contained or a logical
    reference, nobody here can tell whose it is.
    """
    reference = subject.reference if subject is not None else None
    if reference is None:
        return Whose.UNKNOWN
    if reference.startswith("Patient/") and reference[8:] == patient_id:
        return Whose.SAME
    if reference.startswith("urn:uuid:"):
        same = reference[9:].lower() == patient_id.lower()
        return Whose.SAME if same else Whose.UNKNOWN
    match = _PATIENT.search(reference)
    if match is None:
        return Whose.UNKNOWN
    return Whose.SAME if match.group(1) == patient_id else Whose.OTHER


def is_known_to_be_of(patient_id: str, subject: Reference | None, place: str) -> bool:
    """Return whether a resource is the patient's; False where nobody can tell.

    Parameters
    ----------
    patient_id
        Logical id of the patient of the call.
    subject
        Whose the resource says it is.
    place
        Names the resource by its place, not by its id: another patient's data are not repeated.

    Raises
    ------
    cds_hooks.errors.WrongPatient
        It is another patient's: then all that came with it is in doubt.
    """
    answer = whose(subject, patient_id)
    if answer is Whose.OTHER:
        raise WrongPatient(
            f"{place} is of another patient than the one in $.context.patientId. Check what the "
            "EHR puts into its requests and answers."
        )
    return answer is Whose.SAME
