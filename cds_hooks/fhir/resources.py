"""The parts of FHIR R4 resources that are read, as lenient msgspec Structs: shapes, no meaning.

Every member is optional and unknown ones are skipped: of 253 documentation payloads of one vendor
17 break the specification in small ways (an ``_`` in an id, an instant without time zone, a
missing class), and none of that may cost the patient's other data. What a reader needs it asks
for, and says so where it is not there. Element definitions: https://hl7.org/fhir/R4/resourcelist.html.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeVar, final

import msgspec

from cds_hooks.fhir.wording import quoted

_UPDATED: Final = "updated-"
_LONGEST_NAME: Final = 40
"""Of a type or version as it is shown; FHIR allows 64 for an id, and servers exceed it."""
_LONGEST_ID: Final = 80
_DIGITS: Final = re.compile(r"[^0-9]+")
_R = TypeVar("_R", bound="Lenient")


class Lenient(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Base of everything read: camel case on the wire, nothing required."""


class Coding(Lenient, frozen=True):
    """https://hl7.org/fhir/R4/datatypes.html#Coding."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(Lenient, frozen=True):
    """https://hl7.org/fhir/R4/datatypes.html#CodeableConcept."""

    coding: tuple[Coding, ...] | None = None
    text: str | None = None

    @property
    def codings(self) -> tuple[Coding, ...]:
        """Return the codings, none as an empty tuple."""
        return self.coding or ()


class Reference(Lenient, frozen=True):
    """https://hl7.org/fhir/R4/references.html; the display is left unread: it may be a name."""

    reference: str | None = None


class Quantity(Lenient, frozen=True):
    """https://hl7.org/fhir/R4/datatypes.html#Quantity; text for a number is kept, to be named."""

    value: float | str | None = None
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Ratio(Lenient, frozen=True):
    """https://hl7.org/fhir/R4/datatypes.html#Ratio."""

    numerator: Quantity | None = None
    denominator: Quantity | None = None


class Range(Lenient, frozen=True):
    """https://hl7.org/fhir/R4/datatypes.html#Range."""

    low: Quantity | None = None
    high: Quantity | None = None


class Period(Lenient, frozen=True):
    """https://hl7.org/fhir/R4/datatypes.html#Period."""

    start: str | None = None
    end: str | None = None


class Identifier(Lenient, frozen=True):
    """https://hl7.org/fhir/R4/datatypes.html#Identifier."""

    system: str | None = None
    value: str | None = None


class Meta(Lenient, frozen=True):
    """https://hl7.org/fhir/R4/resource.html#Meta."""

    version_id: str | None = None
    last_updated: str | None = None


class Resource(Lenient, frozen=True):
    """What every resource has: https://hl7.org/fhir/R4/resource.html."""

    resource_type: str | None = None
    id: str | None = None
    meta: Meta | None = None


class ObservationComponent(Lenient, frozen=True):
    """One part of a panel; ``value[x]`` other than a quantity or an integer is only noticed."""

    code: CodeableConcept | None = None
    value_quantity: Quantity | None = None
    value_integer: int | None = None
    value_string: str | None = None
    value_boolean: bool | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_sampled_data: msgspec.Raw = msgspec.Raw()
    value_range: Range | None = None
    value_ratio: Ratio | None = None
    data_absent_reason: CodeableConcept | None = None


@final
class Observation(ObservationComponent, frozen=True):
    """https://hl7.org/fhir/R4/observation.html."""

    resource_type: str | None = None
    id: str | None = None
    meta: Meta | None = None
    status: str | None = None
    body_site: CodeableConcept | None = None
    method: CodeableConcept | None = None
    extension: msgspec.Raw = msgspec.Raw()
    subject: Reference | None = None
    effective_date_time: str | None = None
    effective_instant: str | None = None
    effective_period: Period | None = None
    component: tuple[ObservationComponent, ...] | None = None


@final
class Patient(Resource, frozen=True):
    """https://hl7.org/fhir/R4/patient.html; name, address and identifiers are left unread."""

    gender: str | None = None
    birth_date: str | None = None


class AdministeredDosage(Lenient, frozen=True):
    """https://hl7.org/fhir/R4/medicationadministration-definitions.html, ``dosage``."""

    text: str | None = None
    route: CodeableConcept | None = None
    dose: Quantity | None = None
    rate_quantity: Quantity | None = None
    rate_ratio: Ratio | None = None


@final
class MedicationAdministration(Resource, frozen=True):
    """https://hl7.org/fhir/R4/medicationadministration.html."""

    status: str | None = None
    medication_codeable_concept: CodeableConcept | None = None
    medication_reference: Reference | None = None
    contained: tuple[msgspec.Raw, ...] | None = None
    subject: Reference | None = None
    effective_date_time: str | None = None
    effective_period: Period | None = None
    request: Reference | None = None
    dosage: AdministeredDosage | None = None


class ImagingSeries(Lenient, frozen=True):
    """https://hl7.org/fhir/R4/imagingstudy-definitions.html#ImagingStudy.series."""

    uid: str | None = None
    modality: Coding | None = None
    number_of_instances: int | None = None
    instance: tuple[msgspec.Raw, ...] | None = None
    endpoint: tuple[Reference, ...] | None = None


@final
class ImagingStudy(Resource, frozen=True):
    """https://hl7.org/fhir/R4/imagingstudy.html."""

    status: str | None = None
    identifier: tuple[Identifier, ...] | None = None
    modality: tuple[Coding, ...] | None = None
    subject: Reference | None = None
    started: str | None = None
    endpoint: tuple[Reference, ...] | None = None
    number_of_series: int | None = None
    number_of_instances: int | None = None
    series: tuple[ImagingSeries, ...] | None = None


@final
class Endpoint(Resource, frozen=True):
    """https://hl7.org/fhir/R4/endpoint.html; ``header`` is not read, so never forwarded."""

    status: str | None = None
    connection_type: Coding | None = None
    address: str | None = None


class BundleLink(Lenient, frozen=True):
    """https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.link."""

    relation: str | None = None
    url: str | None = None


class BundleSearch(Lenient, frozen=True):
    """https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.search."""

    mode: str | None = None


class BundleEntry(Lenient, frozen=True):
    """https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry; no resource: empty Raw."""

    full_url: str | None = None
    resource: msgspec.Raw = msgspec.Raw()
    search: BundleSearch | None = None


@final
class Bundle(Resource, frozen=True):
    """https://hl7.org/fhir/R4/bundle.html."""

    type: str | None = None
    link: tuple[BundleLink, ...] | None = None
    entry: tuple[BundleEntry, ...] | None = None


class Head(NamedTuple):
    """Type, id and version of any resource; absent or misshapen members are None.

    Where a server keeps no versions, the time of the last update stands in for one, as
    ``updated-2026...``; `literal_reference` takes that away again.
    """

    resource_type: str | None
    id: str | None
    version_id: str | None

    @property
    def reference(self) -> str:
        """Return ``Type/id/_history/version``, or what there is of it.

        The version belongs to it: a corrected result is another fact than the one it corrects.
        """
        if self.id is None or self.version_id is None:
            return self.unversioned
        return f"{self.unversioned}/_history/{quoted(self.version_id, _LONGEST_NAME)}"

    @property
    def unversioned(self) -> str:
        """Return ``Type/id``, or what there is of it."""
        kind = quoted(self.resource_type or "resource", _LONGEST_NAME)
        if self.id is None:
            return f"{kind} (without id)"
        return f"{kind}/{quoted(self.id, _LONGEST_ID)}"


def literal_reference(reference: str) -> str:
    """Return a reference that FHIR servers resolve: without a stand-in for a version."""
    return reference.partition(f"/_history/{_UPDATED}")[0]


class _LooseHead(Lenient, frozen=True):
    resource_type: object = None
    id: object = None
    meta: object = None


_LOOSE_HEAD: Final = msgspec.json.Decoder(_LooseHead)


def head(raw: msgspec.Raw) -> Head:
    """Return type, id and version of a resource, however odd the rest of it is; never raises."""
    try:
        loose = _LOOSE_HEAD.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Head(None, None, None)
    meta = loose.meta if isinstance(loose.meta, dict) else {}
    version = _version(_text(meta.get("versionId")), _text(meta.get("lastUpdated")))
    return Head(_text(loose.resource_type), _text(loose.id), version)


def head_of(resource: Observation | Resource) -> Head:
    """Return type, id and version of a resource that was read."""
    meta = resource.meta
    version = _version(meta.version_id, meta.last_updated) if meta is not None else None
    return Head(resource.resource_type, resource.id or None, version)


def _fits(kind: str, own: str, version: str) -> bool:
    return max(len(kind), len(version)) <= _LONGEST_NAME and len(own) <= _LONGEST_ID


def reference_of(resource: Observation | Resource) -> str:
    """Return what ``head_of(resource).reference`` does, sooner for a resource as most are."""
    kind, own, meta = resource.resource_type, resource.id, resource.meta
    version = meta.version_id if meta is not None else None
    if kind and own and version and _fits(kind, own, version):
        usual = f"{kind}/{own}/_history/{version}"
        if usual.isascii() and usual.isprintable():
            return usual
    return head_of(resource).reference


def age_order(resource: Observation | Resource) -> tuple[int, str]:
    """Return what sorts the versions of one resource: the number, else the time of update."""
    meta = resource.meta
    if meta is None:
        return (0, "")
    version = meta.version_id or ""
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 16 else 0
    return (number, meta.last_updated or "")


def _version(version_id: str | None, last_updated: str | None) -> str | None:
    if version_id or last_updated is None:
        return version_id or None
    return _UPDATED + _DIGITS.sub("", last_updated)[:17]


@final
class Unreadable(Exception):
    """The resource has not the shape of its type; the sentence names the place, no value."""


def read(decoder: msgspec.json.Decoder[_R], raw: msgspec.Raw) -> _R:
    """Decode one resource.

    Raises
    ------
    Unreadable
        A member is of the wrong JSON type, or the text is no JSON.
    """
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise Unreadable(f"it is not in the shape of FHIR R4 ({error})") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unreadable("it is not readable JSON") from None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
