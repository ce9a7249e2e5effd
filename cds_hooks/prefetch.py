"""Prefetch: templates to queries, and what a client's prefetch values hold. Pure.

Nothing here sends a query; ``services/gather.py`` decides what to do about gaps,
``prefetch_rules.py`` holds the templates to the specification. Specification:
https://cds-hooks.hl7.org/2.0/#providing-fhir-resources-to-a-cds-service
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import msgspec

from cds_hooks.errors import HostNotAllowed
from cds_hooks.fhir.decoding import Decoding
from cds_hooks.ports import FhirQuery
from cds_hooks.security.egress import origin_of
from cds_hooks.wire.request import HookContext, OrderDispatchContext

TOKEN: Final = re.compile(r"\{\{\s*(?P<path>[^{}]*?)\s*\}\}")
"""A token of a template: https://cds-hooks.hl7.org/2.0/#prefetch-tokens."""

USER_TOKENS: Final = {
    "Practitioner": "userPractitionerId",
    "PractitionerRole": "userPractitionerRoleId",
    "Patient": "userPatientId",
    "RelatedPerson": "userRelatedPersonId",
}
"""Type of the user -> the token that holds its id.

https://cds-hooks.hl7.org/2.0/#prefetch-tokens.
"""

_COUNT: Final = re.compile(r"[?&]_count=(\d+)(?:&|\Z)")


@final
@dataclass(frozen=True, slots=True)
class Wanted:
    """What one template asks for, read off its text."""

    key: str
    template: str
    resource_type: str
    is_search: bool
    enough: int | None
    """The template's ``_count``.

    As many of the sorted results are wanted, not the whole record.
    """


def wanted(key: str, template: str) -> Wanted:
    """Read what a template asks for."""
    head, mark, _ = template.partition("?")
    count = _COUNT.search(template)
    return Wanted(
        key,
        template,
        resource_type=head.partition("/")[0],
        is_search=bool(mark),
        enough=int(count[1]) if count else None,
    )


def token_values(context: HookContext) -> Mapping[str, str]:
    """Return the value of each token that the context can fill, by its path."""
    values = {"context.patientId": context.patient_id}
    if context.encounter_id is not None:
        values["context.encounterId"] = context.encounter_id
    if context.user_id is not None:
        values["context.userId"] = context.user_id
        user_type, _, user_id = context.user_id.partition("/")
        if user_type in USER_TOKENS:
            values[USER_TOKENS[user_type]] = user_id
    if isinstance(context, OrderDispatchContext):
        values["context.performer"] = context.performer
        values["context.dispatchedOrders"] = ",".join(context.dispatched_orders)
    return values


def fill(want: Wanted, values: Mapping[str, str]) -> FhirQuery | None:
    """Return the query of a template; None where the context has no value for one of its tokens.

    The values are FHIR ids and references, which hold no character that could change a query:
    ``wire/request.py`` let no other in.
    """
    if any(token["path"] not in values for token in TOKEN.finditer(want.template)):
        return None
    path = TOKEN.sub(lambda token: values[token["path"]], want.template)
    return FhirQuery(path, enough=want.enough if want.is_search else 1)


@final
@dataclass(frozen=True, slots=True)
class Supplied:
    """What a prefetch value holds of what its template asked for."""

    resources: tuple[msgspec.Raw, ...] = ()
    next_url: str | None = None
    """The link to the next page of a search, as the EHR gave it."""
    set_aside: tuple[str, ...] = ()
    """One sentence for each thing that was there and is not used."""
    satisfied: bool = True
    """False: ask the FHIR server as if the key were absent."""


class _Head(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    resource_type: str | None = None


class _Issue(msgspec.Struct, frozen=True):
    code: str | None = None


class _Outcome(msgspec.Struct, frozen=True):
    issue: tuple[_Issue, ...] = ()


class _Search(msgspec.Struct, frozen=True, gc=False):
    mode: str | None = None


class _Entry(msgspec.Struct, frozen=True, gc=False):
    resource: msgspec.Raw = msgspec.Raw()
    search: _Search | None = None


class _Link(msgspec.Struct, frozen=True, gc=False):
    relation: str | None = None
    url: str | None = None


class _Bundle(msgspec.Struct, frozen=True):
    entry: tuple[_Entry, ...] = ()
    link: tuple[_Link, ...] = ()


_HEAD: Final = Decoding(_Head)
_BUNDLE: Final = msgspec.json.Decoder(_Bundle)
_OUTCOME: Final = msgspec.json.Decoder(_Outcome)
_ISSUE_CODE: Final = re.compile(r"[a-z]{1,20}(?:-[a-z]{1,20}){0,2}")
_ABSENT: Final = (msgspec.Raw(), msgspec.Raw(b"null"))


def supplied(want: Wanted, value: msgspec.Raw) -> Supplied:
    """Read one prefetch value.

    ``null`` means that there is no data and nothing to ask for (CH-047). An OperationOutcome, and
    any value of another shape than the template's, leave the key unsatisfied (CH-048, CH-049).
    """
    if value in _ABSENT:
        return Supplied()
    found = _resource_type(value)
    if found == "OperationOutcome":
        return _unsatisfied(_outcome_sentence(want.key, value))
    if want.is_search:
        if found != "Bundle":
            return _unsatisfied(f"{want.key}: the prefetch value is no Bundle and was not used.")
        return _of_bundle(want, value)
    if found != want.resource_type:
        return _unsatisfied(
            f"{want.key}: the prefetch value is no {want.resource_type} and was not used."
        )
    return Supplied(resources=(value,))


def _unsatisfied(sentence: str) -> Supplied:
    return Supplied(set_aside=(sentence,), satisfied=False)


def _resource_type(value: msgspec.Raw) -> str | None:
    head = _HEAD.each_of((value,))[0]
    return None if head is None else head.resource_type


def _of_bundle(want: Wanted, value: msgspec.Raw) -> Supplied:
    try:
        bundle = _BUNDLE.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _unsatisfied(f"{want.key}: the prefetched Bundle cannot be read.")
    outcomes: list[msgspec.Raw] = []
    data: list[msgspec.Raw] = []
    for entry in bundle.entry:
        if entry.search is not None and entry.search.mode == "outcome":
            outcomes.append(entry.resource)
        elif entry.resource not in _ABSENT:
            data.append(entry.resource)
    kept, set_aside = sift(want, data)
    reported = tuple(_outcome_sentence(want.key, each) for each in outcomes)
    following = next((each.url for each in bundle.link if each.relation == "next"), None)
    return Supplied(kept, following, reported + set_aside)


def sift(
    want: Wanted, resources: Sequence[msgspec.Raw]
) -> tuple[tuple[msgspec.Raw, ...], tuple[str, ...]]:
    """Part resources of the type that was asked for from a sentence for each other one."""
    kept: list[msgspec.Raw] = []
    set_aside: list[str] = []
    heads = _HEAD.each_of(resources)
    for index, (resource, head) in enumerate(zip(resources, heads, strict=True)):
        found = None if head is None else head.resource_type
        if found == want.resource_type:
            kept.append(resource)
        elif found == "OperationOutcome":
            set_aside.append(_outcome_sentence(want.key, resource))
        else:
            set_aside.append(f"{want.key}: entry {index} is no {want.resource_type}; not used.")
    return tuple(kept), tuple(set_aside)


def next_page(next_url: str, fhir_server: str, enough: int | None) -> FhirQuery | None:
    """Return the query of a next link; None where it leaves the EHR's own FHIR server (CH-057).

    The access token travels with the query, so that scheme, host, port and the base's path must
    all be those of ``fhir_server``.
    """
    base = fhir_server.rstrip("/")
    rest = next_url[len(base) :]
    try:
        same_origin = origin_of(next_url) == origin_of(base)
    except HostNotAllowed:
        return None
    if not same_origin or not next_url.startswith(base) or rest[:1] not in {"/", "?"}:
        return None
    return FhirQuery(rest.lstrip("/"), enough=enough)


def _outcome_sentence(key: str, outcome: msgspec.Raw) -> str:
    try:
        issues = _OUTCOME.decode(outcome).issue
    except (msgspec.DecodeError, UnicodeDecodeError):
        issues = ()
    # Only codes of FHIR's closed list: the diagnostics of an EHR may name the patient.
    codes = [each.code for each in issues if each.code and _ISSUE_CODE.fullmatch(each.code)]
    reason = f" ({', '.join(sorted(set(codes)))})" if codes else ""
    return f"{key}: the EHR reports a problem of its own in place of data{reason}."
