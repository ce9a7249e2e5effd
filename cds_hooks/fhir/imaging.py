"""Imaging on file: studies and the archives that hold them, as FHIR names them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from cds_hooks.fhir.readings import NotUsed
from cds_hooks.fhir.resources import (
    Coding,
    Endpoint,
    ImagingStudy,
    Reference,
    Unreadable,
    head,
    head_of,
    read,
)
from cds_hooks.fhir.subject import Whose, is_known_to_be_of
from cds_hooks.fhir.wording import quoted

_STUDY: Final = msgspec.json.Decoder(ImagingStudy)
_ENDPOINT: Final = msgspec.json.Decoder(Endpoint)

_UID_SYSTEMS: Final = frozenset({"urn:dicom:uid", "urn:ietf:rfc:3986"})
"""https://hl7.org/fhir/R4/imagingstudy.html#notes; the second is what older exports send."""

_UID: Final = re.compile(r"(?:urn:oid:)?([0-2](?:\.(?:0|[1-9][0-9]*))+)")
_MODALITY: Final = re.compile(r"[A-Z0-9_]{1,16}")  # DICOM PS3.5, value representation CS
_ENDPOINT_REFERENCE: Final = re.compile(
    r"(?:^|/)(Endpoint/[A-Za-z0-9\-.]{1,64})(?:/_history/.*)?$"
)
_VOID: Final = frozenset({"cancelled", "entered-in-error"})


_MODALITIES: Final = {
    "CR": "radiograph",
    "DX": "radiograph",
    "RG": "radiograph",
    "ECG": "ECG",
    "CT": "CT",
    "US": "ultrasound",
    "MR": "MR",
}
"""DICOM Defined Terms of Modality (0008,0060), PS3.3 C.7.3.1.1.1, as a clinician says them."""


def modality_in_words(codes: Iterable[str]) -> str:
    """Return what a clinician calls such images; an unknown code stands as it is."""
    names = dict.fromkeys(_MODALITIES.get(code, code) for code in codes)
    return " and ".join(names) or "modality not recorded"


@dataclass(frozen=True, slots=True)
class ImagingStudyOnFile:
    """One study of the patient that an archive holds."""

    reference: str
    study_instance_uid: str
    modalities: tuple[str, ...]
    """DICOM codes such as ``DX``; the system is not compared, since exports name it variously."""
    started: datetime | None
    series: int | None
    instances: int | None
    endpoints: tuple[str, ...]
    """References such as ``Endpoint/1``, those of the study first."""

    @property
    def title(self) -> str:
        """Return what a clinician calls a study of these modalities."""
        return modality_in_words(self.modalities)

    @property
    def taken_at(self) -> datetime | None:
        """Return when the study began."""
        return self.started


@dataclass(frozen=True, slots=True)
class ImagingOnFile:
    """What was read: the studies, newest first, and what could not be used."""

    studies: tuple[ImagingStudyOnFile, ...]
    not_used: tuple[NotUsed, ...]


def imaging_studies(resources: Iterable[msgspec.Raw], patient_id: str) -> ImagingOnFile:
    """Read every ImagingStudy among the resources; others are passed over.

    Raises
    ------
    cds_hooks.errors.WrongPatient
        A study is of another patient.
    """
    found: dict[str, ImagingStudyOnFile] = {}
    not_used: list[NotUsed] = []
    for position, raw in enumerate(resources):
        named = head(raw)
        if named.resource_type not in (None, "ImagingStudy"):
            continue
        try:
            study = _study_on_file(read(_STUDY, raw), patient_id, position)
        except Unreadable as reason:
            not_used.append(NotUsed(named.reference, str(reason)))
            continue
        found.setdefault(study.study_instance_uid, study)
    oldest = datetime.min.replace(tzinfo=UTC)
    newest_first = sorted(found.values(), key=lambda each: each.started or oldest, reverse=True)
    return ImagingOnFile(tuple(newest_first), tuple(not_used))


def _study_on_file(study: ImagingStudy, patient_id: str, position: int) -> ImagingStudyOnFile:
    place = f"The ImagingStudy at position {position} of the chart"
    if not is_known_to_be_of(patient_id, study.subject, place):
        raise Unreadable(Whose.UNKNOWN.value)
    if study.status in _VOID:
        raise Unreadable(f"its status is {study.status}")
    series = study.series or ()
    modalities = [*(study.modality or ()), *(each.modality for each in series if each.modality)]
    endpoints = [*(study.endpoint or ()), *(one for each in series for one in each.endpoint or ())]
    return ImagingStudyOnFile(
        reference=head_of(study).reference,
        study_instance_uid=_uid(study),
        modalities=_codes(modalities),
        started=told_instant(study.started),
        series=study.number_of_series
        if study.number_of_series is not None
        else len(series) or None,
        instances=_instances(study),
        endpoints=_references(endpoints),
    )


def _uid(study: ImagingStudy) -> str:
    for identifier in study.identifier or ():
        if identifier.system in _UID_SYSTEMS and identifier.value is not None:
            match = _UID.fullmatch(identifier.value)
            if match is not None and len(match.group(1)) <= 64:
                return match.group(1)
    raise Unreadable("it has no Study Instance UID")


def _codes(modalities: Iterable[Coding]) -> tuple[str, ...]:
    codes = (each.code for each in modalities if each.code is not None)
    return tuple(dict.fromkeys(code for code in codes if _MODALITY.fullmatch(code)))


def _instances(study: ImagingStudy) -> int | None:
    if study.number_of_instances is not None:
        return study.number_of_instances
    series = study.series or ()
    counts = [
        each.number_of_instances
        if each.number_of_instances is not None
        else len(each.instance or ())
        for each in series
    ]
    return sum(counts) or None


def told_instant(text: str | None) -> datetime | None:
    """Return an instant in UTC; a day without an hour, or without a zone, is told as of UTC.

    For what is only sorted and aged on a card, where half a day does no harm.
    """
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _references(endpoints: Iterable[Reference]) -> tuple[str, ...]:
    matches = (_ENDPOINT_REFERENCE.search(each.reference or "") for each in endpoints)
    return tuple(dict.fromkeys(match.group(1) for match in matches if match is not None))


def endpoints_of(resources: Iterable[msgspec.Raw]) -> Mapping[str, str]:
    """Return the addresses of the archives that speak DICOMweb, by reference ``Endpoint/1``.

    Only active ones whose connection type is ``dicom-wado-rs``; whether an address may be
    contacted is for the allow-list to say. ``Endpoint.header`` is not read: an archive gets no
    header that an EHR's data asks for.
    """
    addresses: dict[str, str] = {}
    for raw in resources:
        if head(raw).resource_type != "Endpoint":
            continue
        try:
            endpoint = read(_ENDPOINT, raw)
        except Unreadable:
            continue
        kind = endpoint.connection_type.code if endpoint.connection_type is not None else None
        if endpoint.status == "active" and kind == "dicom-wado-rs" and endpoint.address:
            addresses[head_of(endpoint).unversioned] = quoted(endpoint.address, 2000)
    return addresses
