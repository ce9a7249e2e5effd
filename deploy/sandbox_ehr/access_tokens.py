"""Access tokens that the sandbox hands out with a hook call, and what each allows.

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
)
"""Types covered by a hook's token; Endpoint comes besides, being no patient's data."""

SCOPE = " ".join(["user/Endpoint.read", *(f"patient/{name}.read" for name in READABLE)])
"""SMART v1 scopes, which CDS Hooks 2.0.1 names: https://cds-hooks.hl7.org/2.0/#fhir-resource-access."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """One token's patient and end."""

    patient_id: str
    expires_at: datetime


@final
class AccessTokens:
    """The tokens in force."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._allowances: dict[str, Allowance] = {}

    def issue(self, patient_id: str) -> str:
        """Return a new token for reading one patient's record."""
        now = self._now()
        self._allowances = {
            token: each for token, each in self._allowances.items() if each.expires_at > now
        }
        token = secrets.token_urlsafe(32)
        self._allowances[token] = Allowance(patient_id, now + LIFETIME)
        return token

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
        allowance = self._allowances.get(token)
        if scheme.lower() != "bearer" or allowance is None or allowance.expires_at <= self._now():
            raise TokenRefused("The access token is unknown here or has expired.")
        return allowance


def check_covers(allowance: Allowance | None, resources: Iterable[Resource]) -> None:
    """Refuse to show a token's holder what lies outside of it.

    Raises
    ------
    OutsideToken
        A resource of a type or a patient that the token does not cover.
    """
    if allowance is None:
        return
    for resource in resources:
        resource_type = resource["resourceType"]
        if resource_type == "Endpoint":
            continue
        if resource_type not in READABLE or patient_of(resource) != allowance.patient_id:
            raise OutsideToken(f"The access token does not cover this {resource_type}.")
