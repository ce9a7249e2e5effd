"""What the specification demands of prefetch templates, as a check over them. Pure.

Two dialects: 2.0, whose tokens are first-level primitive context fields, and the 3.0 ballot's
FHIRPath subset, which is parsed here but published only to clients known to understand it.
Specification: https://cds-hooks.hl7.org/2.0/#prefetch-template
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Final

from cds_hooks.prefetch import TOKEN, USER_TOKENS
from cds_hooks.wire.hooks import HOOKS

REFERENCE: Final = "reference"
TOKEN_SEARCH: Final = "token"  # noqa: S105  a kind of search parameter, no secret
DATE: Final = "date"

SEARCH_PARAMETERS: Final[Mapping[str, str]] = {
    "_id": TOKEN_SEARCH,
    "patient": REFERENCE,
    "subject": REFERENCE,
    "encounter": REFERENCE,
    "performer": REFERENCE,
    "requester": REFERENCE,
    "code": TOKEN_SEARCH,
    "type": TOKEN_SEARCH,
    "category": TOKEN_SEARCH,
    "status": TOKEN_SEARCH,
    "intent": TOKEN_SEARCH,
    "modality": TOKEN_SEARCH,
    "identifier": TOKEN_SEARCH,
    "date": DATE,
    "authoredon": DATE,
    "effective-time": DATE,
    "started": DATE,
    "recorded-date": DATE,
}
"""Search parameter -> its kind, https://hl7.org/fhir/R4/searchparameter-registry.html."""

RESOURCE_TYPES: Final = frozenset(
    {
        "AllergyIntolerance", "Appointment", "CarePlan", "CareTeam", "Condition", "Coverage",
        "Device", "DeviceRequest", "DeviceUseStatement", "DiagnosticReport", "DocumentReference",
        "Encounter", "Endpoint", "Goal", "Group", "ImagingStudy", "Immunization", "Location",
        "Media", "Medication", "MedicationAdministration", "MedicationDispense",
        "MedicationRequest", "MedicationStatement", "NutritionOrder", "Observation",
        "Organization", "Patient",
        "Practitioner", "PractitionerRole", "Procedure", "RelatedPerson", "ServiceRequest",
        "Specimen", "Task", "VisionPrescription",
    }
)  # fmt: skip
"""The clinical R4 types a template may name, https://hl7.org/fhir/R4/resourcelist.html."""

_FIELD_TOKEN: Final = re.compile(r"context\.(?P<field>[A-Za-z]+)")
_DATE_VALUE: Final = re.compile(r"(?:eq|lt|gt|ge|le)?(?:\d{4}(?:-\d\d){0,2}|\{\{[^{}]+\}\})")
_INSTANCE: Final = re.compile(r"(?P<type>[A-Za-z]+)/(?:[A-Za-z0-9.\-]{1,64}|\{\{[^{}]+\}\})")
_SEARCH: Final = re.compile(r"(?P<type>[A-Za-z]+)\?(?P<parameters>.+)")
_WHOLE_REFERENCE: Final = re.compile(r"\{\{\s*context\.(?:userId|performer)\s*\}\}")

_TODAY: Final = r"today\(\)(?:\s*[+-]\s*\d+\s+days)?"
_STEP: Final = r"(?:\.(?:ofType\([A-Za-z]+\)|resolve\(\)|[A-Za-z][A-Za-z0-9]*))"
_PATH: Final = rf"(?:%?[A-Za-z][A-Za-z0-9_\-]*{_STEP}*)"
_BALLOT_TOKEN: Final = re.compile(rf"(?:{_TODAY}|{_PATH}(?:\s*\|\s*{_PATH})*)")
_OF_TYPE: Final = re.compile(r"ofType\(([A-Za-z]+)\)")
_EARLIER: Final = re.compile(r"%([A-Za-z][A-Za-z0-9_\-]*)")


def faults(
    prefetch: Mapping[str, str], hooks: Iterable[str], *, ballot_3: bool = False
) -> tuple[str, ...]:
    """Return one sentence for each breach; an empty tuple for templates that may be published.

    Parameters
    ----------
    prefetch
        Key to template, in the order in which discovery will list them.
    hooks
        The hooks of the service; a token must be fillable for each of them.
    ballot_3
        Whether the clients are known to resolve the 3.0 ballot's tokens.
    """
    found: list[str] = []
    for key, template in prefetch.items():
        found += [f"{key}: {fault}" for fault in _delimiter_faults(template)]
        found += [f"{key}: {fault}" for fault in _query_faults(template, ballot_3)]
        for token in TOKEN.finditer(template):
            found += [f"{key}: {fault}" for fault in _token_faults(token["path"], hooks, ballot_3)]
    return tuple(found + list(_dependency_faults(prefetch)))


def _delimiter_faults(template: str) -> Iterator[str]:
    rest = TOKEN.sub("", template)
    if "{" in rest or "}" in rest:
        yield "a token is not delimited by {{ and }} (CH-025)"


def _token_faults(token: str, hooks: Iterable[str], ballot_3: bool) -> Iterator[str]:
    if token in USER_TOKENS.values():
        return
    field = _FIELD_TOKEN.fullmatch(token)
    if field is None:
        yield from _path_faults(token, ballot_3)
        return
    for hook in hooks:
        definition = HOOKS[hook]
        if field["field"] not in definition.tokens:
            yield f"{token} is no prefetch token of {hook} (CH-027, CH-029)"


def _path_faults(token: str, ballot_3: bool) -> Iterator[str]:
    if not ballot_3:
        yield f"{{{{{token}}}}} is no first-level context field and no user token (CH-026, CH-028)"
    elif not _BALLOT_TOKEN.fullmatch(token):
        yield f"{{{{{token}}}}} is outside the 3.0 ballot's FHIRPath subset (CH-031)"
    else:
        for named in _OF_TYPE.findall(token):
            if named not in RESOURCE_TYPES:
                yield f"ofType({named}) names no FHIR resource type (CH-032)"


def _query_faults(template: str, ballot_3: bool) -> Iterator[str]:
    if _WHOLE_REFERENCE.fullmatch(template):
        return
    query = _INSTANCE.fullmatch(template) or _SEARCH.fullmatch(template)
    if query is None:
        yield "it is neither an instance read nor a type search (CH-030)"
        return
    if query["type"] not in RESOURCE_TYPES:
        yield f"{query['type']} is no known resource type (CH-030)"
    for parameter in query.groupdict().get("parameters", "").split("&") if "?" in template else ():
        yield from _parameter_faults(parameter, ballot_3)


def _parameter_faults(parameter: str, ballot_3: bool) -> Iterator[str]:
    name, equals, value = parameter.partition("=")
    base, _, modifier = name.partition(":")
    if not equals or not value:
        yield f"the parameter {name!r} has no value (CH-030)"
    elif name == "_sort":
        return
    elif name == "_count" or (name == "_maxresults" and ballot_3):
        if not value.isdigit():
            yield f"{name} is no number (CH-030)"
    elif base not in SEARCH_PARAMETERS:
        yield f"the parameter {name!r} is outside the recommended subset (CH-030)"
    elif modifier and (modifier != "in" or SEARCH_PARAMETERS[base] != TOKEN_SEARCH):
        yield f"the modifier :{modifier} is outside the recommended subset (CH-030)"
    elif SEARCH_PARAMETERS[base] == DATE and not _DATE_VALUE.fullmatch(value):
        yield f"{name} compares otherwise than by eq, lt, gt, ge, le (CH-030)"


def _dependency_faults(prefetch: Mapping[str, str]) -> Iterator[str]:
    needs = {
        key: {
            name for token in TOKEN.finditer(template) for name in _EARLIER.findall(token["path"])
        }
        for key, template in prefetch.items()
    }
    try:
        TopologicalSorter(needs).prepare()
    except CycleError:
        yield "prefetch keys depend on one another in a circle (CH-034)"
        return
    listed: set[str] = set()
    for key, earlier in needs.items():
        for name in sorted(earlier - listed):
            yield f"{key}: it depends on {name}, which is not listed before it (CH-033)"
        listed.add(key)
