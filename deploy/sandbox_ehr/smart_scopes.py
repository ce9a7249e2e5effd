"""SMART scopes as the sandbox grants and enforces them. Pure.

Source: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

_SCOPE = re.compile(
    r"(?P<level>patient|user|system)/(?P<type>[A-Z][A-Za-z]+)"
    r"\.(?P<may>read|write|c?r?u?d?s?)(?:\?(?P<query>[!-~]+))?"
)
_VERSION_1 = {"read": "rs", "write": "cud"}

PLAIN = frozenset(
    {
        *("launch", "launch/patient", "launch/encounter"),
        *("openid", "fhirUser", "profile", "online_access", "offline_access"),
    }
)


@final
@dataclass(frozen=True, slots=True)
class Permission:
    """What one scope permits of one resource type."""

    level: str
    resource_type: str
    letters: frozenset[str]
    """Of c, r, u, d, s."""


def permission(scope: str) -> Permission | None:
    """Read a scope about resources; None for any other, for a wildcard and for a constrained one.

    The sandbox grants neither of the two: a wildcard is what an app should not ask, and a
    constraint would have to be enforced on each resource.
    """
    found = _SCOPE.fullmatch(scope)
    if found is None or not found["may"] or found["query"]:
        return None
    letters = _VERSION_1.get(found["may"], found["may"])
    return Permission(found["level"], found["type"], frozenset(letters))


def grantable(asked: Iterable[str], levels: frozenset[str]) -> tuple[str, ...]:
    """Return the scopes of a request that the sandbox grants, in their order, each once."""
    return tuple(
        scope
        for scope in dict.fromkeys(asked)
        if (scope in PLAIN and "system" not in levels)
        or ((read := permission(scope)) is not None and read.level in levels)
    )


def permits(scopes: Iterable[str], resource_type: str, letter: str) -> bool:
    """Return whether one of the scopes permits this of this type."""
    return any(
        read.resource_type == resource_type and letter in read.letters
        for read in map(permission, scopes)
        if read is not None
    )
