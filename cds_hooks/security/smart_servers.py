"""The EHRs' authorization servers over HTTP: the adapter of ``SmartServer``.

Every request passes the egress gate of the one EHR it is for, follows no redirect, and reads a
bounded reply. What was announced is kept for an hour, so that a flood of launches here is none
there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, final

import httpx2
import structlog

from cds_hooks.errors import EhrUnreachable, EhrUnreadable
from cds_hooks.ports import Clock, KeySet
from cds_hooks.security.smart_discovery import (
    OPENID_PATH,
    PATH,
    SmartConfiguration,
    configuration_of,
    configuration_of_metadata,
    openid_provider,
)
from cds_hooks.security.smart_registration import SmartRegistration

_LOG: Final = structlog.get_logger("cds_hooks")

ClientOf: TypeAlias = Callable[[SmartRegistration], httpx2.AsyncClient]
KeysOf: TypeAlias = Callable[[SmartRegistration], KeySet]

FRESH_S: Final = 3_600.0
MOST_BYTES: Final = 1_000_000
"""A CapabilityStatement may take hundreds of kilobytes; everything else here takes two."""

_JSON: Final = {"Accept": "application/json", "Accept-Encoding": "identity"}


@final
class HttpSmartServers:
    """Speaks with one EHR at a time, the one whose registration is given.

    Parameters
    ----------
    client_of
        Makes a client that passes the EHR's own egress gate; one is made for each EHR and kept.
    keys_of
        Makes the reader of the key set with which the EHR signs ID tokens.
    clock
        Tells how old an announcement is.
    """

    def __init__(self, client_of: ClientOf, keys_of: KeysOf, clock: Clock) -> None:
        self._client_of = client_of
        self._keys_of = keys_of
        self._clock = clock
        self._clients: dict[str, httpx2.AsyncClient] = {}
        self._announced: dict[str, tuple[float, SmartConfiguration]] = {}
        self._providers: dict[str, tuple[float, str]] = {}
        self._keys: dict[str, KeySet] = {}

    async def configuration(self, registration: SmartRegistration) -> SmartConfiguration:
        """Return what the EHR announces at ``.well-known/smart-configuration`` (SM-026).

        Raises
        ------
        cds_hooks.errors.LaunchRefused
            It cannot be used.
        cds_hooks.errors.EhrError
            It could not be read.
        """
        now = self._clock.now().timestamp()
        read_at, known = self._announced.get(registration.iss, (float("-inf"), None))
        if known is not None and now - read_at < FRESH_S:
            return known
        found = await self._announcement(registration)
        self._announced[registration.iss] = (now, found)
        return found

    async def _announcement(self, registration: SmartRegistration) -> SmartConfiguration:
        status, body = await self._asked(registration, "GET", registration.iss + PATH)
        if status == 200:
            return configuration_of(body, registration)
        if registration.capability_statement:
            status, body = await self._asked(registration, "GET", f"{registration.iss}/metadata")
            if status == 200:
                return configuration_of_metadata(body, registration)
        raise EhrUnreadable(f"The EHR answered its SMART configuration with status {status}.")

    async def token(
        self,
        registration: SmartRegistration,
        url: str,
        form: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> tuple[int, bytes]:
        """Post a form to one of the EHR's token, introspection or revocation endpoints.

        Raises
        ------
        cds_hooks.errors.EhrError
            The EHR did not answer, or with a failure of its own.
        """
        status, body = await self._asked(registration, "POST", url, form, headers)
        if status >= 500 or 300 <= status < 400:
            raise EhrUnreadable(f"The EHR's authorization server answered with status {status}.")
        return status, body

    async def key(
        self,
        registration: SmartRegistration,
        configuration: SmartConfiguration,
        issuer: str,
        key_id: str,
    ) -> Mapping[str, object] | None:
        """Return the key of this id with which the EHR signs ID tokens.

        Raises
        ------
        cds_hooks.errors.LaunchRefused
            The EHR's OpenID configuration cannot be used.
        cds_hooks.errors.EhrError
            It could not be read.
        """
        url = configuration.jwks_uri
        if url is None or configuration.issuer is None:
            url = await self._provider(registration, issuer)
        if registration.iss not in self._keys:
            self._keys[registration.iss] = self._keys_of(registration)
        keys = self._keys[registration.iss]
        return await keys.key(issuer, key_id, url)

    async def _provider(self, registration: SmartRegistration, issuer: str) -> str:
        now = self._clock.now().timestamp()
        read_at, known = self._providers.get(issuer, (float("-inf"), ""))
        if now - read_at < FRESH_S:
            return known
        status, body = await self._asked(registration, "GET", issuer.rstrip("/") + OPENID_PATH)
        if status != 200:
            raise EhrUnreadable(f"The EHR answered its OpenID configuration with {status}.")
        found = openid_provider(body, issuer, registration)
        self._providers[issuer] = (now, found)
        return found

    async def _asked(
        self,
        registration: SmartRegistration,
        method: str,
        url: str,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        try:
            async with self._client(registration).stream(
                method, url, data=form, headers={**_JSON, **(headers or {})}
            ) as reply:
                body = bytearray()
                async for part in reply.aiter_raw():
                    body += part
                    if len(body) > MOST_BYTES:
                        raise EhrUnreadable("The EHR's authorization server answers too much.")
                return reply.status_code, bytes(body)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            _LOG.warning("authorization_server_unreachable", kind=type(error).__name__)
            raise EhrUnreachable("The EHR's authorization server did not answer.") from None

    def _client(self, registration: SmartRegistration) -> httpx2.AsyncClient:
        # To make one reads every certificate of the machine, 20 ms and more.
        if registration.iss not in self._clients:
            self._clients[registration.iss] = self._client_of(registration)
        return self._clients[registration.iss]

    async def aclose(self) -> None:
        """Close every connection."""
        for each in self._clients.values():
            await each.aclose()
