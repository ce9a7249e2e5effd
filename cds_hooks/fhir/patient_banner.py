"""Who the patient is, as a banner must say it: name, identifier, birth date, sex. Pure.

Only the clinician's page asks for this, and only where the EHR does not show it itself
(``need_patient_banner``); nothing of it is kept or handed to the twin.
"""

from __future__ import annotations

from typing import Final, final

import msgspec

from cds_hooks.cards.wording import plain
from cds_hooks.fhir.resources import Lenient, Resource, Unreadable, read

NOT_RECORDED: Final = "not recorded"


@final
class HumanName(Lenient, frozen=True):
    """https://hl7.org/fhir/R4/datatypes.html#HumanName."""

    use: str | None = None
    text: str | None = None
    family: str | None = None
    given: tuple[str, ...] | None = None


class _IdentifierType(Lenient, frozen=True):
    text: str | None = None


class _Identifier(Lenient, frozen=True):
    use: str | None = None
    type: _IdentifierType | None = None
    value: str | None = None


@final
class _BanneredPatient(Resource, frozen=True):
    name: tuple[HumanName, ...] | None = None
    identifier: tuple[_Identifier, ...] | None = None
    gender: str | None = None
    birth_date: str | None = None


_PATIENT: Final = msgspec.json.Decoder(_BanneredPatient)
_FORMER: Final = frozenset({"old", "maiden"})


class PatientBanner(msgspec.Struct, frozen=True):
    """What a clinician recognises a patient by; plain text, one line each."""

    name: str
    identifier: str
    birth_date: str
    sex: str

    def __repr__(self) -> str:
        """Show nothing of the patient."""
        return "PatientBanner(...)"


def patient_banner(patient: msgspec.Raw | None) -> PatientBanner:
    """Return what Patient says; what it does not say is called not recorded, never left out."""
    try:
        read_patient = read(_PATIENT, patient) if patient is not None else _BanneredPatient()
    except Unreadable:
        read_patient = _BanneredPatient()
    return PatientBanner(
        name=_name(read_patient.name or ()),
        identifier=_identifier(read_patient.identifier or (), read_patient.id),
        birth_date=_said(read_patient.birth_date),
        sex=_said(read_patient.gender),
    )


def _name(names: tuple[HumanName, ...]) -> str:
    current = [each for each in names if each.use not in _FORMER]
    official = [each for each in current if each.use == "official"]
    for each in (*official, *current):
        words = each.text or " ".join([*(each.given or ()), *([each.family or ""])]).strip()
        if words:
            return plain(words, 120)
    return NOT_RECORDED


def _identifier(identifiers: tuple[_Identifier, ...], logical_id: str | None) -> str:
    """Return the usual identifier with its kind; without any, the id of the chart's own server."""
    current = [each for each in identifiers if each.value and each.use != "old"]
    for each in current:
        kind = each.type.text if each.type is not None and each.type.text else "identifier"
        return plain(f"{kind} {each.value}", 120)
    return _said(f"FHIR id {logical_id}" if logical_id else None)


def _said(text: str | None) -> str:
    return plain(text, 40) if text else NOT_RECORDED
