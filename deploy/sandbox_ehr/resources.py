"""FHIR resources as JSON, and the few questions asked of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

Resource: TypeAlias = dict[str, Any]
"""A FHIR R4 resource in its JSON form: https://hl7.org/fhir/R4/json.html."""

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
"""The R4 data type ``id``: https://hl7.org/fhir/R4/datatypes.html#id."""

LOCAL_REFERENCE = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?")


def values_at(element: object, path: str) -> Iterator[object]:
    """Yield every value under a dotted path, with lists opened on the way.

    Parameters
    ----------
    element
        A resource or a part of one.
    path
        Element names joined by dots, such as ``component.code``.
    """
    if isinstance(element, list):
        for item in element:
            yield from values_at(item, path)
    elif not path:
        yield element
    elif isinstance(element, dict):
        name, _, rest = path.partition(".")
        if name in element:
            yield from values_at(element[name], rest)


def local_reference(reference: str, base_url: str) -> str | None:
    """Return ``Type/id`` for a reference into this server, or None for any other."""
    relative = reference.removeprefix(base_url.rstrip("/") + "/")
    found = LOCAL_REFERENCE.fullmatch(relative)
    return f"{found[1]}/{found[2]}" if found else None


def patient_of(resource: Resource) -> str | None:
    """Return the id of the patient whose record holds the resource, or None.

    R4 patient compartment, by ``subject`` or ``patient``:
    https://hl7.org/fhir/R4/compartmentdefinition-patient.html.
    """
    if resource.get("resourceType") == "Patient":
        return str(resource.get("id"))
    for path in ("subject.reference", "patient.reference"):
        for reference in values_at(resource, path):
            if isinstance(reference, str) and "Patient/" in reference:
                return reference.rpartition("Patient/")[2].partition("/")[0]
    return None
