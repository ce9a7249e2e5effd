"""SMART scopes: which FHIR queries an access token covers. Pure.

Version 1 (``patient/Observation.read``) is what CDS Hooks 2.0 names, version 2
(``patient/Observation.rs``, with search parameters as constraints) what the 3.0 ballot names;
both are read.

Source: https://hl7.org/fhir/smart-app-launch/STU2/scopes-and-launch-context.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, final

from cds_hooks.ports import FhirQuery, Grant

_SCOPE: Final = re.compile(
    r"(?P<level>patient|user|system)/(?P<type>[A-Za-z]+|\*)\.(?P<may>read|write|\*|c?r?u?d?s?)"
    r"(?:\?(?P<constraint>[!-~]+))?"
)


@final
@dataclass(frozen=True, slots=True)
class ResourceScope:
    """What one scope allows of one resource type."""

    resource_type: str
    """A FHIR resource type, or ``*`` for every one."""
    read: bool
    search: bool
    create: bool
    constraint: str | None
    """Search parameters to which the scope is narrowed (version 2), as they stood."""


def split(scope: str) -> frozenset[str]:
    """Return the scopes of a space-separated list, as the token response carries it."""
    return frozenset(scope.split())


def resource_scope(scope: str) -> ResourceScope | None:
    """Read one scope; None for a malformed one, or one about no resource such as ``launch``."""
    match = _SCOPE.fullmatch(scope)
    if match is None or not match["may"]:
        return None
    may = match["may"]
    whole = may in {"read", "*"}
    version_2 = may not in {"read", "write", "*"}
    return ResourceScope(
        match["type"],
        read=whole or (version_2 and "r" in may),
        search=whole or (version_2 and "s" in may),
        create=may in {"write", "*"} or (version_2 and "c" in may),
        constraint=match["constraint"],
    )


def queries_within(query: FhirQuery, scopes: Iterable[str]) -> tuple[FhirQuery, ...]:
    """Return the queries that ask as much of ``query`` as the scopes allow.

    An unconstrained scope that covers the query gives the query itself. Scopes that are
    constrained, such as ``patient/Observation.rs?category=laboratory``, give one narrower query
    each, so that nothing outside the grant is ever asked for. None covers it: the result is
    empty.
    """
    read = [each for each in map(resource_scope, scopes) if each is not None]
    target, is_search = _target(query)
    covering = [
        each
        for each in read
        if each.resource_type in {target, "*"} and (each.search if is_search else each.read)
    ]
    if any(each.constraint is None for each in covering):
        return (query,)
    if not is_search:
        # Whether one resource meets a constraint is known only after reading it; the EHR would
        # refuse.
        return ()
    narrowed = sorted({f"{query.path}&{each.constraint}" for each in covering})
    return tuple(FhirQuery(path) for path in narrowed)


def queries_covered(query: FhirQuery, grant: Grant) -> tuple[FhirQuery, ...]:
    """Return as much of the query as the grant covers; a server without a token is open."""
    return (query,) if grant.access_token is None else queries_within(query, grant.scopes)


def may_create(resource_type: str, grant: Grant) -> bool:
    """Return whether the grant allows a resource of this type to be created.

    A scope that is narrowed by a constraint is taken to allow nothing: whether a new resource
    meets it is the server's to judge, and a button that then fails helps nobody. A server without
    a token is open.
    """
    if grant.access_token is None:
        return True
    scopes = (resource_scope(each) for each in grant.scopes)
    return any(
        each.create and each.constraint is None and each.resource_type in {resource_type, "*"}
        for each in scopes
        if each is not None
    )


def _target(query: FhirQuery) -> tuple[str, bool]:
    head, separator, _ = query.path.partition("?")
    resource_type, slash, _ = head.partition("/")
    return resource_type, bool(separator) or not slash
