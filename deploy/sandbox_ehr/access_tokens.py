"""Access tokens that the sandbox hands out, with a hook call or to an app, and what each allows.

The page and a developer's own requests come without one: the data are invented. A request that
carries a token is held to it, so that a service which strays from its grant is found out here.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import final

from sandbox_ehr.clock import Now
from sandbox_ehr.errors import OutsideToken, TokenRefused
from sandbox_ehr.resources import Resource, patient_of
from sandbox_ehr.smart_scopes import permits

LIFETIME = timedelta(minutes=5)
READABLE = (
    "Patient",
    "Observation",
    "Condition",
    "Encounter",
    "MedicationRequest",
    "MedicationAdministration",
    "ServiceRequest",
    "DeviceRequest",
    "ImagingStudy",
    "DocumentReference",
    "DiagnosticReport",
    "Media",
)
"""Types covered by a hook's token; Endpoint comes besides, being no patient's data."""

SCOPE = " ".join(["user/Endpoint.read", *(f"patient/{name}.read" for name in READABLE)])
"""SMART v1 scopes, which CDS Hooks 2.0.1 names: https://cds-hooks.hl7.org/2.0/#fhir-resource-access."""

CREATE, READ, UPDATE, DELETE, SEARCH = "c", "r", "u", "d", "s"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one token allows: of whom, until when, and how much."""

    patient_id: str | None
    """None: every patient, as a backend service may be allowed."""
    expires_at: datetime
    client_id: str | None
    """The app that holds it; None: a hook's."""
    scopes: frozenset[str]


@final
class AccessTokens:
    """The tokens in force."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._allowances: dict[str, Allowance] = {}

    def issue(self, patient_id: str) -> str:
        """Return a new token for a hook call: for reading one patient's record."""
        scopes = frozenset(SCOPE.split())
        return self.give(Allowance(patient_id, self._now() + LIFETIME, None, scopes))

    def give(self, allowance: Allowance) -> str:
        """Return a new token for an allowance."""
        now = self._now()
        self._allowances = {
            token: each for token, each in self._allowances.items() if each.expires_at > now
        }
        token = secrets.token_urlsafe(32)
        self._allowances[token] = allowance
        return token

    def known(self, token: str) -> Allowance | None:
        """Return what a token in force allows, or None."""
        allowance = self._allowances.get(token)
        if allowance is None or allowance.expires_at <= self._now():
            return None
        return allowance

    def withdraw(self, token: str, client_id: str) -> None:
        """Withdraw a token of this client; any other is left alone."""
        allowance = self._allowances.get(token)
        if allowance is not None and allowance.client_id == client_id:
            del self._allowances[token]

    def allowance(self, authorization: str | None) -> Allowance | None:
        """Return what a request's Authorization header allows; None where there is no header.

        Raises
        ------
        TokenRefused
            A header that is no bearer token of ours in force.
        """
        if authorization is None:
            return None
        scheme, _, token = authorization.partition(" ")
        allowance = self.known(token)
        if scheme.lower() != "bearer" or allowance is None:
            raise TokenRefused("The access token is unknown here or has expired.")
        return allowance


def check_type(allowance: Allowance | None, resource_type: str, letter: str) -> None:
    """Refuse an interaction that none of a token's scopes permits.

    Parameters
    ----------
    allowance
        The token's; None where the request carries none.
    resource_type
        What it is about.
    letter
        One of :data:`CREATE`, :data:`READ`, :data:`UPDATE`, :data:`DELETE`, :data:`SEARCH`.

    Raises
    ------
    OutsideToken
    """
    if allowance is not None and not permits(allowance.scopes, resource_type, letter):
        raise OutsideToken(f"The access token does not permit this of {resource_type[:40]}.")


def check_covers(allowance: Allowance | None, resources: Iterable[Resource]) -> None:
    """Refuse to show a token's holder, or to take from it, what lies outside of it.

    Raises
    ------
    OutsideToken
        A resource of a type or a patient that the token does not cover.
    """
    if allowance is None:
        return
    for resource in resources:
        resource_type = resource["resourceType"]
        covered = any(permits(allowance.scopes, resource_type, each) for each in "rsc")
        whose = patient_of(resource)
        own = allowance.patient_id is None or whose == allowance.patient_id
        if not covered or not (own or (whose is None and resource_type == "Endpoint")):
            raise OutsideToken(f"The access token does not cover this {resource_type}.")
