"""ECGs on file: documents, pictures, reports and recordings, as FHIR names them. Pure.

From DocumentReference, Media, DiagnosticReport.presentedForm and Observation with SampledData to
where the bytes are: in the resource itself or in a Binary of the EHR's own server. An address
anywhere else is not followed. Nothing is decoded here: a hook passes by.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final

import msgspec

from cds_hooks.fhir.imaging import told_instant
from cds_hooks.fhir.readings import NotUsed
from cds_hooks.fhir.resources import (
    CodeableConcept,
    Coding,
    Lenient,
    Period,
    Reference,
    Resource,
    Unreadable,
    head,
    head_of,
    read,
)
from cds_hooks.fhir.subject import Whose, is_known_to_be_of

LOINC: Final = "http://loinc.org"
ECG_CODES: Final = ("11524-6", "34534-8")
"""LOINC: EKG study, 12 lead EKG panel."""
MDC: Final = "urn:iso:std:iso:11073:10101"
MDC_ECG: Final = "131328"
"""MDC_ECG_ELEC_POTL, as FHIR's own example of an ECG is coded."""
MODALITY_SYSTEM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_MODALITY: Final = "ECG"
_VOID: Final = frozenset({"entered-in-error", "cancelled", "superseded", "not-done", "stopped"})
_BINARY: Final = re.compile(r"(?:^|/)(Binary/[A-Za-z0-9\-.]{1,64})(?:/_history/[^/]*)?$")
_DIGEST_BYTES: Final = 20


class _Attachment(Lenient, frozen=True):
    """https://hl7.org/fhir/R4/datatypes.html#Attachment; the title is left unread."""

    content_type: str | None = None
    data: str | None = None
    url: str | None = None
    size: int | None = None
    hash: str | None = None
    creation: str | None = None


class _Content(Lenient, frozen=True):
    attachment: _Attachment | None = None


class _Context(Lenient, frozen=True):
    period: Period | None = None


class _Document(Resource, frozen=True):
    """https://hl7.org/fhir/R4/documentreference.html."""

    status: str | None = None
    subject: Reference | None = None
    type: CodeableConcept | None = None
    date: str | None = None
    context: _Context | None = None
    content: tuple[_Content, ...] | None = None


class _Media(Resource, frozen=True):
    """https://hl7.org/fhir/R4/media.html."""

    status: str | None = None
    subject: Reference | None = None
    type: CodeableConcept | None = None
    modality: CodeableConcept | None = None
    created_date_time: str | None = None
    created_period: Period | None = None
    content: _Attachment | None = None


class _Report(Resource, frozen=True):
    """https://hl7.org/fhir/R4/diagnosticreport.html."""

    status: str | None = None
    subject: Reference | None = None
    code: CodeableConcept | None = None
    effective_date_time: str | None = None
    effective_period: Period | None = None
    presented_form: tuple[_Attachment, ...] | None = None


class _Recording(Resource, frozen=True):
    """https://hl7.org/fhir/R4/observation.html."""

    status: str | None = None
    subject: Reference | None = None
    code: CodeableConcept | None = None
    effective_date_time: str | None = None
    effective_instant: str | None = None
    effective_period: Period | None = None
    component: tuple[msgspec.Raw, ...] | None = None


_SHAPES: Final[dict[str, tuple[msgspec.json.Decoder[Any], str]]] = {
    "DocumentReference": (msgspec.json.Decoder(_Document), "ECG document"),
    "Media": (msgspec.json.Decoder(_Media), "ECG picture"),
    "DiagnosticReport": (msgspec.json.Decoder(_Report), "ECG report"),
    "Observation": (msgspec.json.Decoder(_Recording), "ECG recording"),
}
_Ecg = _Document | _Media | _Report | _Recording


@dataclass(frozen=True, slots=True)
class EcgOnFile:
    """One ECG of the patient and where its bytes are; exactly one of the last four is not None.

    ``digest`` tells this content from any other: another version is another ECG.
    """

    reference: str
    title: str
    taken_at: datetime | None
    digest: str
    size: int | None = None
    sha1_base64: str | None = field(default=None, repr=False)
    inline_base64: str | None = field(default=None, repr=False)
    binary: str | None = None
    """``Binary/7`` of the EHR's own server."""
    sampled: tuple[msgspec.Raw, ...] | None = field(default=None, repr=False)
    """Components of an Observation."""
    out_of_reach: str | None = None
    """Why the bytes cannot be had."""


@dataclass(frozen=True, slots=True)
class EcgsOnFile:
    """What was read: the ECGs, newest first, and what could not be used."""

    ecgs: tuple[EcgOnFile, ...]
    not_used: tuple[NotUsed, ...]


def ecgs_on_file(
    resources: Iterable[msgspec.Raw], patient_id: str, fhir_server: str | None
) -> EcgsOnFile:
    """Read every ECG among the resources; others are passed over.

    Raises
    ------
    cds_hooks.errors.WrongPatient
        One is of another patient.
    """
    found: dict[str, EcgOnFile] = {}
    not_used: list[NotUsed] = []
    for position, raw in enumerate(resources):
        named = head(raw)
        shape = _SHAPES.get(named.resource_type or "")
        if shape is None:
            continue
        try:
            resource: _Ecg = read(shape[0], raw)
            place = f"The {named.resource_type} at position {position} of the chart"
            if not is_known_to_be_of(patient_id, resource.subject, place):
                raise Unreadable(Whose.UNKNOWN.value)
            if resource.status in _VOID:
                raise Unreadable(f"its status is {resource.status}")
        except Unreadable as reason:
            not_used.append(NotUsed(named.reference, str(reason)))
            continue
        if _is_ecg(resource):
            for ecg in _contents(resource, shape[1], fhir_server):
                found.setdefault(ecg.digest, ecg)
    oldest = datetime.min.replace(tzinfo=UTC)
    newest_first = sorted(found.values(), key=lambda each: each.taken_at or oldest, reverse=True)
    return EcgsOnFile(tuple(newest_first), tuple(not_used))


def _is_ecg(resource: _Ecg) -> bool:
    match resource:
        case _Document(type=concept) | _Report(code=concept) | _Recording(code=concept):
            return any(_names_ecg(each) for each in _codings(concept))
        case _Media(type=kind, modality=modality):
            return any(_names_ecg(each) for each in (*_codings(kind), *_codings(modality)))


def _codings(concept: CodeableConcept | None) -> tuple[Coding, ...]:
    return concept.codings if concept is not None else ()


def _names_ecg(coding: Coding) -> bool:
    if coding.system == LOINC:
        return coding.code in ECG_CODES
    if coding.system == MDC:
        return coding.code == MDC_ECG
    return coding.system == MODALITY_SYSTEM and coding.code == _MODALITY


def _contents(resource: _Ecg, title: str, fhir_server: str | None) -> Iterator[EcgOnFile]:
    reference, taken_at = head_of(resource).reference, _taken_at(resource)
    if isinstance(resource, _Recording):
        components = tuple(resource.component or ())
        if components:
            digest = _digest(reference, *(bytes(each) for each in components))
            yield EcgOnFile(reference, title, taken_at, digest, sampled=components)
        return
    for attachment in _attachments(resource):
        yield _attached(attachment, reference, title, taken_at, fhir_server)


def _attachments(resource: _Document | _Media | _Report) -> tuple[_Attachment, ...]:
    match resource:
        case _Document(content=contents):
            return tuple(each.attachment for each in contents or () if each.attachment is not None)
        case _Media(content=content):
            return () if content is None else (content,)
        case _Report(presented_form=forms):
            return forms or ()


def _attached(
    attachment: _Attachment,
    reference: str,
    title: str,
    taken_at: datetime | None,
    fhir_server: str | None,
) -> EcgOnFile:
    created = _instant(attachment.creation)
    inline, url = attachment.data, attachment.url
    binary = None if url is None else _binary_of(url, fhir_server)
    reason = None
    if inline is None and binary is None:
        reason = (
            "the chart holds no content of it"
            if url is None
            else "its content lies outside the EHR's own FHIR server, which is not followed"
        )
    # What a Binary holds cannot change under one version of who names it, or its hash says so.
    said = (url or "", attachment.hash or "", str(attachment.size or ""))
    content = inline.encode() if inline is not None else "\n".join(said).encode()
    return EcgOnFile(
        reference,
        title,
        taken_at or created,
        _digest(reference, content),
        attachment.size,
        attachment.hash,
        inline,
        None if inline is not None else binary,
        None,
        reason,
    )


def _binary_of(url: str, fhir_server: str | None) -> str | None:
    """Return ``Binary/id`` where a URL names one of the EHR's own server, else None."""
    match = _BINARY.search(url)
    if match is None:
        return None
    base = None if fhir_server is None else fhir_server.rstrip("/")
    inside = url.startswith("Binary/") or (base is not None and url.startswith(f"{base}/Binary/"))
    return match.group(1) if inside else None


def _digest(reference: str, *parts: bytes) -> str:
    digest = blake2b(reference.encode(), digest_size=_DIGEST_BYTES)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def _taken_at(resource: _Ecg) -> datetime | None:
    """Return when it was recorded, as far as the resource says it."""
    match resource:
        case _Document(context=context, date=date):
            period = context.period if context is not None else None
            said = [period.start if period is not None else None, date]
        case _Media(created_date_time=at, created_period=period):
            said = [at, period.start if period is not None else None]
        case _Report(effective_date_time=at, effective_period=period):
            said = [at, period.start if period is not None else None]
        case _Recording(
            effective_date_time=at, effective_instant=instant, effective_period=period
        ):
            said = [at, instant, period.start if period is not None else None]
    return next((at for at in map(_instant, said) if at is not None), None)


def _instant(text: str | None) -> datetime | None:
    """Return an instant; a time without a zone is told as of UTC, a mere day not at all.

    What an ECG says of the present rhythm depends on the hour: a day alone is no time for it.
    """
    return told_instant(text) if text is not None and "T" in text else None
