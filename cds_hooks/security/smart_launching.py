"""Launching the SMART app: the use case from the EHR's link to an open session.

``start`` sends the browser to the EHR's authorization server; ``finish`` takes what it brings back
and exchanges it for a session. Everything is judged before a secret leaves: an unknown EHR is not
contacted, and an answer that this browser did not ask for meets no token endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Protocol, final

from cds_hooks.errors import EhrError, LaunchRefused
from cds_hooks.ports import Clock, Grant, UsedTokens
from cds_hooks.security.id_token import announced_key, verified_identity
from cds_hooks.security.session import (
    LONGEST,
    Sessions,
    SmartSession,
    fresh_handle,
    fresh_secret,
)
from cds_hooks.security.smart_client import OwnKeys, client_proof
from cds_hooks.security.smart_discovery import SmartConfiguration, refuse_unable
from cds_hooks.security.smart_launch import (
    LAUNCH_LASTS,
    AuthorizationRequest,
    AuthorizationResponse,
    PendingLaunch,
    another_browser,
    authorization_request,
    begin,
    cookie_tag,
    refuse_other_issuer,
    response_of,
    scopes_to_ask,
    seal_pending,
    unseal_pending,
)
from cds_hooks.security.smart_registration import (
    CALLBACK_PATH,
    ClientKind,
    Registrations,
    SmartRegistration,
)
from cds_hooks.security.smart_tokens import (
    Introspected,
    TokenResponse,
    fhir_user,
    introspected,
    token_response,
)

MOST_LAUNCH_CHARACTERS: Final = 4_096
"""Of ``launch``: the public launcher writes some hundred characters into it."""


class SmartServer(Protocol):
    """The authorization servers of the registered EHRs."""

    async def configuration(self, registration: SmartRegistration) -> SmartConfiguration:
        """Return what the EHR announces."""
        ...

    async def token(
        self,
        registration: SmartRegistration,
        url: str,
        form: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> tuple[int, bytes]:
        """Post a form to one of its endpoints; return status and body."""
        ...

    async def key(
        self,
        registration: SmartRegistration,
        configuration: SmartConfiguration,
        issuer: str,
        key_id: str,
    ) -> Mapping[str, object] | None:
        """Return the key of this id with which it signs ID tokens, or None."""
        ...


@final
@dataclass(frozen=True, slots=True)
class Started:
    """A launch that has begun."""

    request: AuthorizationRequest
    cookie_tag: str
    cookie: str = field(repr=False)
    lasts_s: int


@final
@dataclass(frozen=True, slots=True)
class Launching:
    """Launches the app at the registered EHRs."""

    registrations: Registrations
    servers: SmartServer
    sessions: Sessions
    used: UsedTokens
    own_keys: Callable[[], OwnKeys]
    clock: Clock
    installation_key: bytes = field(repr=False)
    public_base_url: str

    @property
    def redirect_uri(self) -> str:
        """Return the one redirect URI, as it is registered everywhere (SM-013)."""
        return self.public_base_url + CALLBACK_PATH

    async def start(self, iss: str, launch: str | None) -> Started:
        """Begin a launch; ``launch`` is None where no EHR started it.

        Raises
        ------
        cds_hooks.errors.LaunchRefused
            The EHR is unknown, or cannot do what a launch needs.
        cds_hooks.errors.EhrError
            Its configuration could not be read.
        """
        registration = self.registrations.of(iss)
        if launch is None and not registration.standalone:
            raise LaunchRefused("launch", "Open the app from a patient's chart in the EHR.")
        if launch is not None and not 0 < len(launch) <= MOST_LAUNCH_CHARACTERS:
            raise LaunchRefused("launch", "The EHR's launch parameter is empty or too long.")
        configuration = await self.servers.configuration(registration)
        standalone = launch is None
        refuse_unable(configuration, registration, standalone=standalone)
        scopes = scopes_to_ask(configuration, registration, standalone=standalone)
        pending = begin(registration.iss, scopes, self.clock.now())
        request = authorization_request(
            pending, configuration, registration, self.redirect_uri, launch, iss
        )
        return Started(
            request,
            cookie_tag(pending.state),
            seal_pending(pending, self.installation_key),
            int(LAUNCH_LASTS.total_seconds()),
        )

    async def finish(
        self, parameters: Mapping[str, list[str]], cookie_of: Callable[[str], str | None]
    ) -> SmartSession:
        """Exchange what the browser brought back for a session, which is kept.

        Parameters
        ----------
        parameters
            The query of the callback.
        cookie_of
            Returns the launch cookie of a tag, if the browser sent one.

        Raises
        ------
        cds_hooks.errors.LaunchRefused
            The EHR or its user refused, or something in the answer is not as it must be.
        cds_hooks.errors.EhrError
            The EHR did not answer.
        """
        response = response_of(parameters)
        pending = self._pending(response, cookie_of)
        registration = self.registrations.of(pending.iss)
        configuration = await self.servers.configuration(registration)
        refuse_other_issuer(response, configuration, registration)
        # Last before the code is used: a refusal above leaves the launch as it was.
        if not await self.used.use("smart-launch", pending.state, pending.expires_at):
            raise LaunchRefused("replayed", "This launch was finished before; open the app again.")
        token = await self._exchanged(response, pending, registration, configuration)
        user = await self._user(token, pending, registration, configuration)
        session = self._session(token, user, registration, pending)
        await self.sessions.keep(session)
        return session

    def _pending(
        self, response: AuthorizationResponse, cookie_of: Callable[[str], str | None]
    ) -> PendingLaunch:
        cookie = cookie_of(cookie_tag(response.state))
        if cookie is None:
            raise another_browser()
        return unseal_pending(cookie, response.state, self.installation_key, self.clock.now())

    async def _exchanged(
        self,
        response: AuthorizationResponse,
        pending: PendingLaunch,
        registration: SmartRegistration,
        configuration: SmartConfiguration,
    ) -> TokenResponse:
        now = self.clock.now()
        proof, headers = client_proof(registration, configuration, self.own_keys(), now)
        form = {
            "grant_type": "authorization_code",
            "code": response.code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": pending.verifier,
            **proof,
        }
        status, body = await self.servers.token(
            registration, configuration.token_endpoint, form, headers
        )
        token = token_response(status, body, pending.scopes, registration, now)
        if token.patient_id is None:
            raise LaunchRefused(
                "context", "The EHR named no patient; open the app from a patient's chart."
            )
        if token.expiry_said or configuration.introspection_endpoint is None:
            return token
        url = configuration.introspection_endpoint
        return await self._introspected(token, registration, configuration, url)

    async def _introspected(
        self,
        token: TokenResponse,
        registration: SmartRegistration,
        configuration: SmartConfiguration,
        url: str,
    ) -> TokenResponse:
        """Ask how long a token lives of which the answer did not say it (SM-065)."""
        try:
            found = await self.introspect(token.access_token, registration, configuration, url)
        except EhrError:
            return token
        if not found.active or found.patient_id not in (None, token.patient_id):
            raise LaunchRefused("token", "The EHR says that the token it gave is another one.")
        if found.expires_at_s is None:
            return token
        return replace(token, expires_at=datetime.fromtimestamp(found.expires_at_s, UTC))

    async def introspect(
        self,
        access_token: str,
        registration: SmartRegistration,
        configuration: SmartConfiguration,
        url: str,
    ) -> Introspected:
        """Ask an EHR about an access token it issued.

        That very token is the permission to ask, as SMART wants it; a server that wants to know
        which client asks, as RFC 7662 has it first, is told so then.

        Raises
        ------
        cds_hooks.errors.EhrError
            The EHR did not answer.
        """
        asked = {"token": access_token}
        bearer = {"Authorization": f"Bearer {access_token}"}
        status, body = await self.servers.token(registration, url, asked, bearer)
        if status in (400, 401) and registration.kind is not ClientKind.PUBLIC:
            proof, headers = client_proof(
                registration, configuration, self.own_keys(), self.clock.now()
            )
            status, body = await self.servers.token(registration, url, {**asked, **proof}, headers)
        return introspected(status, body)

    async def _user(
        self,
        token: TokenResponse,
        pending: PendingLaunch,
        registration: SmartRegistration,
        configuration: SmartConfiguration,
    ) -> str | None:
        if token.id_token is None:
            return None
        key_id, algorithm = announced_key(token.id_token)
        issuer = configuration.issuer or registration.iss
        key = await self.servers.key(registration, configuration, issuer, key_id)
        claims = verified_identity(
            token.id_token,
            algorithm,
            key,
            issuer=issuer,
            client_id=registration.client_id,
            nonce=pending.nonce,
            now=self.clock.now(),
        )
        # SMART 1 servers name the user in ``profile``.
        return fhir_user(claims.get("fhirUser", claims.get("profile")), registration.iss)

    def _session(
        self,
        token: TokenResponse,
        user: str | None,
        registration: SmartRegistration,
        pending: PendingLaunch,
    ) -> SmartSession:
        now = self.clock.now()
        longest = now + LONGEST
        # Without a refresh token the session can do nothing once its one token has expired.
        lasts_until = longest if token.refresh_token else min(longest, token.expires_at)
        return SmartSession(
            handle=fresh_handle(),
            secret=fresh_secret(),
            grant=Grant(
                registration.iss,
                token.access_token,
                token.scopes,
                token.patient_id,
                token.expires_at,
            ),
            started_at=now,
            expires_at=lasts_until,
            patient_id=str(token.patient_id),
            encounter_id=token.encounter_id,
            fhir_user=user,
            need_patient_banner=token.need_patient_banner,
            intent=token.intent,
            fhir_context=token.fhir_context,
            app_context=token.app_context,
            tenant=token.tenant,
            style_url=token.style_url,
            other_context=token.other,
            frame_ancestors=registration.frame_ancestors,
            refresh_token=token.refresh_token,
            token_scopes_asked=frozenset(pending.scopes),
        )
