"""Keeping a session able to read: renewal of its access token, and its end.

A token is renewed shortly before it expires, or when the EHR answers 401; once. A refresh token is
used once: requests of one page that need a new access token at the same moment share one renewal
(SM-063). What the EHR withdrew ends the session, and the page says so (SM-042).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, TypeVar, final
from weakref import WeakValueDictionary

import msgspec
import structlog

from cds_hooks.errors import (
    EhrError,
    EhrUnauthorized,
    HostNotAllowed,
    LaunchRefused,
    NoSession,
    SessionNotKept,
)
from cds_hooks.ports import Clock, Ehr, FhirQuery, Grant
from cds_hooks.security.session import Sessions, SmartSession
from cds_hooks.security.smart_client import OwnKeys, client_proof
from cds_hooks.security.smart_launching import SmartServer
from cds_hooks.security.smart_registration import Registrations
from cds_hooks.security.smart_tokens import TokenResponse, token_response

_T = TypeVar("_T")
_LOG: Final = structlog.get_logger("cds_hooks")

RENEW_BEFORE: Final = timedelta(seconds=30)
"""A reading of the chart takes seconds; its token should not expire under it."""


@final
@dataclass(frozen=True, slots=True)
class Renewal:
    """Renews and ends sessions."""

    registrations: Registrations
    servers: SmartServer
    sessions: Sessions
    own_keys: Callable[[], OwnKeys]
    clock: Clock
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def with_grant(self, session: SmartSession, use: Callable[[Grant], Awaitable[_T]]) -> _T:
        """Return what ``use`` makes of the session's grant; it may be called twice.

        Raises
        ------
        cds_hooks.errors.NoSession
            The EHR takes neither the token nor a renewed one: the app must be launched again.
        cds_hooks.errors.EhrError
            From ``use``, or the authorization server did not answer.
        """
        current = await self.fresh(session)
        try:
            return await use(current.grant)
        except EhrUnauthorized:
            current = await self.renewed(current)
        try:
            return await use(current.grant)
        except EhrUnauthorized:
            await self.sessions.end(session.handle)
            raise _withdrawn() from None

    async def fresh(self, session: SmartSession) -> SmartSession:
        """Return the session with a token that still lives a while."""
        ends = session.grant.expires_at
        if ends is not None and ends - self.clock.now() <= RENEW_BEFORE and session.refresh_token:
            return await self.renewed(session)
        return session

    async def renewed(self, session: SmartSession) -> SmartSession:
        """Return the session with another token than it has now, which is kept.

        Raises
        ------
        cds_hooks.errors.NoSession
            It has ended meanwhile, has no refresh token, or the EHR no longer takes it.
        cds_hooks.errors.EhrError
            The authorization server did not answer; the session is as it was.
        """
        lock = self._locks.setdefault(session.handle, asyncio.Lock())
        async with lock:
            current = await self.sessions.of(session.handle, session.secret)
            if current is None:
                raise NoSession("ended", "The session has ended; launch the app again.")
            if current.grant.access_token != session.grant.access_token:
                # Another request of the same page has renewed it meanwhile.
                return current
            try:
                renewed = self._joined(current, await self._token(current))
            except LaunchRefused:
                await self.sessions.end(session.handle)
                raise _withdrawn() from None
            await self.sessions.keep(renewed)
            return renewed

    async def _token(self, session: SmartSession) -> TokenResponse:
        if session.refresh_token is None:
            raise LaunchRefused("token", "There is no refresh token.")
        registration = self.registrations.of(session.grant.fhir_server)
        configuration = await self.servers.configuration(registration)
        now = self.clock.now()
        proof, headers = client_proof(registration, configuration, self.own_keys(), now)
        # No scope: the server gives what it gave before, never more (SM-062).
        form = {
            "grant_type": "refresh_token",
            "refresh_token": session.refresh_token,
            **proof,
        }
        status, body = await self.servers.token(
            registration, configuration.token_endpoint, form, headers
        )
        asked = sorted(session.grant.scopes)
        return token_response(status, body, asked, registration, now)

    def _joined(self, session: SmartSession, token: TokenResponse) -> SmartSession:
        if token.patient_id not in (None, session.patient_id):
            # Nothing of the other patient is shown under this one's name.
            raise LaunchRefused("context", "The renewed token is of another patient.")
        grant = Grant(
            session.grant.fhir_server,
            token.access_token,
            # A wider scope than the clinician was asked for is not used.
            token.scopes & session.grant.scopes,
            session.patient_id,
            token.expires_at,
        )
        refresh_token = token.refresh_token or session.refresh_token
        return replace(session, grant=grant, refresh_token=refresh_token)

    async def end(self, session: SmartSession) -> None:
        """Log out: forget the session and tell the EHR where it listens (SM-064).

        Raises
        ------
        cds_hooks.errors.SessionNotKept
            The session could not be removed; log out again.
        """
        await self.sessions.end(session.handle)
        try:
            await self._revoke(session)
        except (EhrError, LaunchRefused, HostNotAllowed, SessionNotKept) as error:
            # The tokens die soon of themselves, and nobody here can use them any more.
            _LOG.warning("token_not_revoked", kind=type(error).__name__)

    async def _revoke(self, session: SmartSession) -> None:
        registration = self.registrations.of(session.grant.fhir_server)
        configuration = await self.servers.configuration(registration)
        url = configuration.revocation_endpoint
        if url is None:
            return
        for kind, token in (
            ("refresh_token", session.refresh_token),
            ("access_token", session.grant.access_token),
        ):
            if token is not None:
                proof, headers = client_proof(
                    registration,
                    configuration,
                    self.own_keys(),
                    self.clock.now(),
                )
                form = {"token": token, "token_type_hint": kind, **proof}
                await self.servers.token(registration, url, form, headers)


@final
@dataclass(frozen=True, slots=True)
class SessionEhr:
    """The EHR as one session may read it, whose token renews itself: an ``Ehr`` of its own.

    Every query goes with the session's present grant, whatever grant it was asked with; one for
    another server or patient is refused.
    """

    ehr: Ehr
    renewal: Renewal
    session: SmartSession

    async def search(self, query: FhirQuery, grant: Grant) -> tuple[msgspec.Raw, ...]:
        """Return the resources of a read or a search; see :class:`cds_hooks.ports.Ehr`.

        Raises
        ------
        cds_hooks.errors.NoSession
            The EHR takes neither the token nor a renewed one.
        cds_hooks.errors.HostNotAllowed
            The grant is not this session's.
        """
        own = self.session.grant
        if (grant.fhir_server, grant.patient_id) != (own.fhir_server, own.patient_id):
            raise HostNotAllowed("The grant is of another session; nothing was asked.")
        return await self.renewal.with_grant(
            self.session, lambda present: self.ehr.search(query, present)
        )


def _withdrawn() -> NoSession:
    return NoSession("withdrawn", "The EHR no longer permits it; launch the app again.")
