"""Prefetch as a CDS client does it: fill a service's templates, then read what they ask for.

Specification: https://cds-hooks.hl7.org/2.0/#prefetch-template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from urllib.parse import parse_qsl

from sandbox_ehr.errors import Gone, NoSuchResource, SandboxError
from sandbox_ehr.resources import Resource

TOKEN = re.compile(r"\{\{\s*(.*?)\s*\}\}")
TODAY = re.compile(r"today\(\)(?:\s*([+-])\s*(\d+)\s*days?)?")
"""A token of the 3.0 ballot, answered because services may offer it beside the others."""


def filled(template: str, context: Mapping[str, object], today: date) -> str | None:
    """Return the query of a template, or None where one of its tokens cannot be filled.

    Parameters
    ----------
    template
        A FHIR query with tokens such as ``{{context.patientId}}``.
    context
        The hook's context.
    today
        The day that ``today()`` stands for.
    """
    values = [_value(token, context, today) for token in TOKEN.findall(template)]
    if None in values:
        return None
    remaining = iter(values)
    return TOKEN.sub(lambda _: str(next(remaining)), template)


def _value(token: str, context: Mapping[str, object], today: date) -> str | None:
    if found := TODAY.fullmatch(token):
        days = int(found[2] or 0)
        return (
            today - timedelta(days) if found[1] == "-" else today + timedelta(days)
        ).isoformat()
    if token == "userPractitionerId":  # noqa: S105 - a prefetch token
        kind, _, user_id = str(context.get("userId", "")).partition("/")
        return user_id if kind == "Practitioner" else None
    value = context.get(token.removeprefix("context.")) if token.startswith("context.") else None
    return value if isinstance(value, str) else None


def prefetched(
    templates: Mapping[str, str],
    context: Mapping[str, object],
    today: date,
    read: Callable[[str, str], Resource],
    search: Callable[[str, list[tuple[str, str]]], Resource],
) -> dict[str, Resource | None]:
    """Return the prefetch of a hook request.

    A template that cannot be filled, or that this server refuses, leaves its key out; a read that
    finds nothing gives null, which tells the service that there is no such data.
    """
    results: dict[str, Resource | None] = {}
    for key, template in templates.items():
        query = filled(template, context, today)
        if query is None:
            continue
        path, _, conditions = query.partition("?")
        resource_type, _, resource_id = path.partition("/")
        try:
            if resource_id:
                results[key] = read(resource_type, resource_id)
            else:
                results[key] = search(resource_type, parse_qsl(conditions))
        except (NoSuchResource, Gone):
            results[key] = None
        except SandboxError:
            continue
    return results
