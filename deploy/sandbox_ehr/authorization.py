"""The sandbox's authorization server: for development, strict, and in memory only.

It checks what SMART App Launch demands of an app, so that an app which launches here has shown
that it does: PKCE with S256, exact redirect URIs, ``aud``, codes and launches of one use, rotated
refresh tokens, proofs of the client, and no scope beyond what was granted. There is no login: its
one clinician is invented like its patients.

Specification: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, final
from urllib.parse import urlencode

from sandbox_ehr.access_tokens import AccessTokens, Allowance
from sandbox_ehr.clock import Now
from sandbox_ehr.errors import AuthorizeRefused, OAuthRefused
from sandbox_ehr.identity import IdentityKey
from sandbox_ehr.smart_clients import SmartClient
from sandbox_ehr.smart_scopes import grantable

CODE_LASTS = timedelta(minutes=1)
LAUNCH_LASTS = timedelta(minutes=5)
ACCESS_LASTS = timedelta(minutes=5)
REFRESH_LASTS = timedelta(hours=8)
USER_LEVELS = frozenset({"patient", "user"})
_NEEDED = ("response_type", "client_id", "redirect_uri", "scope", "state", "aud")


@dataclass(frozen=True, slots=True)
class LaunchContext:
    """What is open in the EHR when an app is launched from it."""

    patient_id: str
    encounter_id: str | None = None
    app_context: str | None = None
    fhir_context: tuple[Mapping[str, str], ...] = ()
    need_patient_banner: bool = True


@dataclass(frozen=True, slots=True)
class Asked:
    """An authorization request that was found good."""

    client: SmartClient
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str = field(repr=False)
    challenge: str
    nonce: str | None
    context: LaunchContext | None
    """None: the user has yet to choose a patient."""


@dataclass(frozen=True, slots=True)
class _Code:
    asked: Asked
    context: LaunchContext
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Refresh:
    client_id: str
    scopes: tuple[str, ...]
    context: LaunchContext
    expires_at: datetime


@final
class AuthorizationServer:
    """Gives codes and tokens."""

    def __init__(
        self,
        clients: Sequence[SmartClient],
        tokens: AccessTokens,
        identity: IdentityKey,
        fhir_base: str,
        now: Now,
    ) -> None:
        self.clients = {each.client_id: each for each in clients}
        self._tokens = tokens
        self._identity = identity
        self._fhir_base = fhir_base
        self._now = now
        self._launches: dict[str, tuple[LaunchContext, datetime]] = {}
        self._codes: dict[str, _Code] = {}
        self._spent: dict[str, list[str]] = {}
        self._refresh: dict[str, _Refresh] = {}
        self._assertions: dict[str, datetime] = {}

    def launch(self, context: LaunchContext) -> str:
        """Return a ``launch`` of one use for an app that is about to be opened."""
        now = self._now()
        self._launches = {key: each for key, each in self._launches.items() if each[1] > now}
        name = secrets.token_urlsafe(16)
        self._launches[name] = (context, now + LAUNCH_LASTS)
        return name

    def asked(self, pairs: Sequence[tuple[str, str]]) -> Asked:
        """Check an authorization request.

        Raises
        ------
        AuthorizeRefused
            The client or its redirect URI is not known: told to the user, never redirected.
        OAuthRefused
            Anything else; sent back to the app.
        """
        members = dict(pairs)
        client = self.clients.get(members.get("client_id", ""))
        redirect_uri = members.get("redirect_uri", "")
        if client is None or redirect_uri not in client.redirect_uris:
            raise AuthorizeRefused("The app, or where it wants to return to, is not registered.")
        if len(members) != len(pairs) or any(not members.get(name) for name in _NEEDED):
            raise OAuthRefused("invalid_request", f"Each once: {', '.join(_NEEDED)}.")
        if members["response_type"] != "code":
            raise OAuthRefused("unsupported_response_type", "Only code is spoken here.")
        if members["aud"].rstrip("/") != self._fhir_base:
            raise OAuthRefused("invalid_request", "aud is not this FHIR server.")
        challenge = members.get("code_challenge", "")
        if members.get("code_challenge_method") != "S256" or len(challenge) != 43:
            raise OAuthRefused("invalid_request", "PKCE with S256 is needed.")
        scopes = grantable(members["scope"].split(), USER_LEVELS)
        return Asked(
            client=client,
            redirect_uri=redirect_uri,
            scopes=scopes,
            state=members["state"],
            challenge=challenge,
            nonce=members.get("nonce"),
            context=self._context(members.get("launch"), scopes),
        )

    def _context(self, launch: str | None, scopes: Sequence[str]) -> LaunchContext | None:
        if launch is None:
            if "launch/patient" not in scopes:
                raise OAuthRefused("invalid_scope", "Without launch, ask launch/patient.")
            return None
        context, expires_at = self._launches.pop(launch, (None, self._now()))
        if context is None or expires_at <= self._now():
            raise OAuthRefused("invalid_request", "The launch is unknown or was used before.")
        if "launch" not in scopes:
            raise OAuthRefused("invalid_scope", "With launch, ask the scope launch.")
        return context

    def redirect(self, asked: Asked, context: LaunchContext) -> str:
        """Return where the browser goes with a code for this context."""
        code = secrets.token_urlsafe(24)
        self._codes[code] = _Code(asked, context, self._now() + CODE_LASTS)
        return self.returned(asked.redirect_uri, asked.state, {"code": code})

    def returned(self, redirect_uri: str, state: str, members: Mapping[str, str]) -> str:
        """Return the redirect URI with an answer, which names its issuer (RFC 9207)."""
        query = urlencode({**members, "state": state, "iss": self._fhir_base})
        return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{query}"

    def by_code(self, client: SmartClient, form: Mapping[str, str]) -> Mapping[str, Any]:
        """Exchange a code.

        Raises
        ------
        OAuthRefused
            It is not this client's, was used before, or PKCE does not fit.
        """
        name = form.get("code", "")
        for token in self._spent.pop(name, ()):
            # A code that comes twice was stolen: what it gave is withdrawn (RFC 6749, 4.1.2).
            self.revoke(client.client_id, token)
        code = self._codes.pop(name, None)
        if code is None or code.expires_at <= self._now():
            raise OAuthRefused("invalid_grant", "The code is unknown, used or expired.")
        asked = code.asked
        verifier = form.get("code_verifier", "")
        if (
            asked.client.client_id != client.client_id
            or form.get("redirect_uri") != asked.redirect_uri
            or _challenge(verifier) != asked.challenge
        ):
            raise OAuthRefused("invalid_grant", "Client, redirect URI or verifier is another.")
        body = dict(self._given(client.client_id, asked.scopes, code.context))
        if "openid" in asked.scopes:
            body["id_token"] = self._identity.sign(
                client.client_id, asked.nonce, with_user="fhirUser" in asked.scopes
            )
        self._spent[name] = [body["access_token"], body.get("refresh_token", "")]
        return body

    def by_refresh(self, client: SmartClient, form: Mapping[str, str]) -> Mapping[str, Any]:
        """Exchange a refresh token for a new pair; the old one is gone.

        Raises
        ------
        OAuthRefused
            It is not this client's in force, or more is asked than was granted.
        """
        held = self._refresh.pop(form.get("refresh_token", ""), None)
        if held is None or held.client_id != client.client_id or held.expires_at <= self._now():
            raise OAuthRefused("invalid_grant", "The refresh token is unknown, used or expired.")
        wanted = form["scope"].split() if "scope" in form else held.scopes
        if not set(wanted) <= set(held.scopes):
            raise OAuthRefused("invalid_scope", "A refresh gives no more than before.")
        narrowed = tuple(each for each in held.scopes if each in set(wanted))
        return self._given(client.client_id, narrowed, held.context)

    def by_itself(self, client: SmartClient, form: Mapping[str, str]) -> Mapping[str, Any]:
        """Give a backend service its token: ``system/`` scopes, no patient, no refresh token.

        Raises
        ------
        OAuthRefused
            The client is not registered for it.
        """
        asked = form.get("scope", "").split()
        scopes = [
            each
            for each in grantable(asked, frozenset({"system"}))
            if each in client.backend_scopes
        ]
        if client.kind != "asymmetric" or not scopes:
            raise OAuthRefused("invalid_scope", "No such scope is granted to this client.")
        expires_at = self._now() + ACCESS_LASTS
        allowance = Allowance(None, expires_at, client.client_id, frozenset(scopes))
        return {
            "access_token": self._tokens.give(allowance),
            "token_type": "bearer",
            "expires_in": int(ACCESS_LASTS.total_seconds()),
            "scope": " ".join(scopes),
        }

    def _given(
        self, client_id: str, scopes: Sequence[str], context: LaunchContext
    ) -> Mapping[str, Any]:
        now = self._now()
        allowance = Allowance(context.patient_id, now + ACCESS_LASTS, client_id, frozenset(scopes))
        body: dict[str, Any] = {
            "access_token": self._tokens.give(allowance),
            "token_type": "Bearer",
            "expires_in": int(ACCESS_LASTS.total_seconds()),
            "scope": " ".join(scopes),
            "patient": context.patient_id,
            "need_patient_banner": context.need_patient_banner,
        }
        if context.encounter_id is not None:
            body["encounter"] = context.encounter_id
        if context.app_context is not None:
            body["appContext"] = context.app_context
        if context.fhir_context:
            body["fhirContext"] = list(context.fhir_context)
        if {"online_access", "offline_access"} & set(scopes):
            name = secrets.token_urlsafe(32)
            self._refresh[name] = _Refresh(client_id, tuple(scopes), context, now + REFRESH_LASTS)
            body["refresh_token"] = name
        return body

    def use_assertion(self, token_id: str, expires_at: datetime) -> None:
        """Note an assertion's ``jti``.

        Raises
        ------
        OAuthRefused
            It was used before.
        """
        now = self._now()
        self._assertions = {key: end for key, end in self._assertions.items() if end > now}
        if token_id in self._assertions:
            raise OAuthRefused("invalid_client", "The assertion was used before.", 401)
        self._assertions[token_id] = expires_at

    def revoke(self, client_id: str, token: str) -> None:
        """Withdraw a token of this client; an unknown one is no error (RFC 7009)."""
        held = self._refresh.get(token)
        if held is not None and held.client_id == client_id:
            del self._refresh[token]
        self._tokens.withdraw(token, client_id)

    def introspected(self, token: str) -> Mapping[str, Any]:
        """Say what a token allows (RFC 7662)."""
        allowance = self._tokens.known(token)
        if allowance is None or allowance.client_id is None:
            return {"active": False}
        patient = {} if allowance.patient_id is None else {"patient": allowance.patient_id}
        return {
            "active": True,
            "scope": " ".join(sorted(allowance.scopes)),
            "client_id": allowance.client_id,
            "exp": int(allowance.expires_at.timestamp()),
            **patient,
        }


def chosen(asked: Asked, patient_id: str, encounter_id: str | None) -> LaunchContext:
    """Return the context of a standalone launch: what the user chose, as far as it was asked."""
    context = LaunchContext(patient_id)
    if "launch/encounter" in asked.scopes:
        context = replace(context, encounter_id=encounter_id)
    return context


def _challenge(verifier: str) -> str:
    if not 43 <= len(verifier) <= 128 or not verifier.isascii():
        return ""
    digest = sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
