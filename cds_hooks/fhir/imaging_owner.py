"""What the chart says of its patient that images can be compared with. Pure.

The one place that reads identifiers of a Patient; they leave it as digests only.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from cds_hooks.fhir.resources import Identifier, Resource, Unreadable, read
from inference.core.owner import Owner, birth_date_of, identifier_digest


class _IdentifiedPatient(Resource, frozen=True):
    """https://hl7.org/fhir/R4/patient.html."""

    identifier: tuple[Identifier, ...] | None = None
    gender: str | None = None
    birth_date: str | None = None


_PATIENT: Final = msgspec.json.Decoder(_IdentifiedPatient)
_SEXES: Final[dict[str, Literal["female", "male"]]] = {"female": "female", "male": "male"}


def chart_owner(patient: msgspec.Raw | None) -> Owner:
    """Return what Patient says; an absent or unreadable one says nothing.

    ``Patient.id`` counts as an identifier: some archives are filled from the EHR's own ids.
    """
    try:
        found = read(_PATIENT, patient) if patient is not None else _IdentifiedPatient()
    except Unreadable:
        return Owner()
    values = [each.value for each in found.identifier or ()] + [found.id]
    return Owner(
        identifiers=frozenset(identifier_digest(each) for each in values if each),
        birth_date=birth_date_of(found.birth_date),
        sex=_SEXES.get(found.gender or ""),
    )
