"""Access without a user: SMART Backend Services, for work outside a hook or a launch.

The client proves itself by a signed assertion and gets a token for ``system/`` scopes that lives
for minutes; there is no refresh token, a new one is asked before it expires.

Specification: https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, final

from cds_hooks.errors import LaunchRefused
from cds_hooks.ports import Clock, Grant
from cds_hooks.security.smart_client import OwnKeys, client_proof
from cds_hooks.security.smart_discovery import SmartConfiguration, refuse_unable_client
from cds_hooks.security.smart_launching import SmartServer
from cds_hooks.security.smart_registration import (
    BACKEND_SCOPES,
    BACKEND_SCOPES_OF_VERSION_1,
    Registrations,
    SmartRegistration,
)
from cds_hooks.security.smart_tokens import token_response

RENEW_BEFORE: Final = timedelta(seconds=30)


@final
@dataclass(frozen=True, slots=True)
class BackendTokens:
    """Tokens of the EHRs that granted this client system scopes."""

    registrations: Registrations
    servers: SmartServer
    own_keys: Callable[[], OwnKeys]
    clock: Clock
    _held: dict[str, Grant] = field(default_factory=dict, repr=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def grant(self, iss: str) -> Grant:
        """Return a grant for every patient of an EHR, as far as its scopes go.

        Raises
        ------
        cds_hooks.errors.LaunchRefused
            The EHR is not registered for it, or refuses the client.
        cds_hooks.errors.EhrError
            Its authorization server did not answer.
        """
        registration = self.registrations.of(iss)
        if not registration.backend:
            raise LaunchRefused("backend", "This EHR is not registered for backend services.")
        async with self._lock:
            held = self._held.get(registration.iss)
            if held is None or self._expires_soon(held):
                held = await self._fresh(registration)
                self._held[registration.iss] = held
            return held

    def _expires_soon(self, grant: Grant) -> bool:
        ends = grant.expires_at
        return ends is None or ends - self.clock.now() <= RENEW_BEFORE

    async def _fresh(self, registration: SmartRegistration) -> Grant:
        configuration = await self.servers.configuration(registration)
        refuse_unable_client(configuration, registration)
        if configuration.grant_types and "client_credentials" not in configuration.grant_types:
            raise LaunchRefused(
                "grant-type", "The EHR does not offer the client_credentials grant."
            )
        now, scopes = self.clock.now(), _scopes(configuration)
        proof, headers = client_proof(registration, configuration, self.own_keys(), now)
        form = {"grant_type": "client_credentials", "scope": " ".join(scopes), **proof}
        status, body = await self.servers.token(
            registration, configuration.token_endpoint, form, headers
        )
        token = token_response(status, body, scopes, registration, now)
        granted = frozenset(each for each in token.scopes if each.startswith("system/"))
        return Grant(registration.iss, token.access_token, granted, None, token.expires_at)


def _scopes(configuration: SmartConfiguration) -> tuple[str, ...]:
    return BACKEND_SCOPES if configuration.version_2 else BACKEND_SCOPES_OF_VERSION_1
