"""The routes of the sandbox's authorization server and of launching an app from its pages.

Specification: https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from html import escape
from typing import Any, TypeAlias, final
from urllib.parse import parse_qsl, urlencode

import httpx2
from fastapi import APIRouter, Request, Response

from sandbox_ehr.authorization import Asked, AuthorizationServer, LaunchContext, chosen
from sandbox_ehr.clock import Now
from sandbox_ehr.errors import AuthorizeRefused, OAuthRefused
from sandbox_ehr.identity import IdentityKey
from sandbox_ehr.resources import ID
from sandbox_ehr.smart_clients import (
    ALGORITHMS,
    SmartClient,
    check_secret,
    checked_assertion,
    client_named,
)
from sandbox_ehr.store import Store

KeySetOf: TypeAlias = Callable[[str], Awaitable[Mapping[str, Any]]]

LARGEST_FORM = 64_000
MOST_WAITING = 1_000
CAPABILITIES = (
    *("launch-ehr", "launch-standalone", "authorize-post"),
    *("client-public", "client-confidential-symmetric", "client-confidential-asymmetric"),
    *("context-ehr-patient", "context-ehr-encounter", "context-standalone-patient"),
    *("context-standalone-encounter", "context-banner", "sso-openid-connect"),
    *("permission-patient", "permission-user", "permission-v1", "permission-v2"),
    "permission-online",
)


async def key_set_at(url: str) -> Mapping[str, Any]:
    """Read the key set of a registered app from where it publishes it.

    Raises
    ------
    OAuthRefused
        It could not be read.
    """
    try:
        async with httpx2.AsyncClient(trust_env=False, timeout=5) as client:
            found = (await client.get(url)).json()
    except (httpx2.HTTPError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise OAuthRefused("invalid_client", "The client's key set could not be read.", 401)
    return found


@final
class AuthorizationRoutes:
    """HTTP in front of the authorization server."""

    def __init__(
        self,
        server: AuthorizationServer,
        identity: IdentityKey,
        store: Store,
        public_url: str,
        now: Now,
        key_set_of: KeySetOf,
    ) -> None:
        self._server = server
        self._identity = identity
        self._store = store
        self._public_url = public_url
        self._base = f"{public_url}/fhir"
        self._now = now
        self._key_set_of = key_set_of
        self._waiting: dict[str, Asked] = {}

    def router(self) -> APIRouter:
        """Return the routes, relative to the site's root."""
        router = APIRouter()
        for path, endpoint, methods in (
            ("/fhir/.well-known/smart-configuration", self.configuration, ["GET"]),
            ("/fhir/.well-known/openid-configuration", self.openid_configuration, ["GET"]),
            ("/oauth/jwks.json", self.key_set, ["GET"]),
            ("/oauth/authorize", self.authorize, ["GET", "POST"]),
            ("/oauth/choose", self.choose, ["GET"]),
            ("/oauth/token", self.token, ["POST"]),
            ("/oauth/introspect", self.introspect, ["POST"]),
            ("/oauth/revoke", self.revoke, ["POST"]),
            ("/launch-app", self.launch_app, ["GET"]),
        ):
            router.add_api_route(path, endpoint, methods=methods)
        return router

    async def configuration(self) -> Response:
        """Announce the authorization server."""
        return _json(
            {
                **self._endpoints(),
                "capabilities": list(CAPABILITIES),
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": [
                    *("client_secret_basic", "private_key_jwt")
                ],
                "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def openid_configuration(self) -> Response:
        """Announce the OpenID provider."""
        return _json(
            {
                **self._endpoints(),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    def _endpoints(self) -> dict[str, object]:
        own = f"{self._public_url}/oauth"
        return {
            "issuer": self._base,
            "jwks_uri": f"{own}/jwks.json",
            "authorization_endpoint": f"{own}/authorize",
            "token_endpoint": f"{own}/token",
            "introspection_endpoint": f"{own}/introspect",
            "revocation_endpoint": f"{own}/revoke",
            "grant_types_supported": [
                *("authorization_code", "refresh_token", "client_credentials")
            ],
        }

    async def key_set(self) -> Response:
        """Publish the key that verifies ID tokens."""
        return _json(self._identity.public_key_set())

    async def authorize(self, request: Request) -> Response:
        """Give a code at once where the EHR launched the app; else let the user choose."""
        pairs = await _form(request) if request.method == "POST" else _query(request)
        try:
            asked = self._server.asked(pairs)
        except OAuthRefused as refusal:
            return self._sent_back(dict(pairs), refusal)
        if asked.context is not None:
            return _redirect(self._server.redirect(asked, asked.context))
        while len(self._waiting) >= MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
        ask = secrets.token_urlsafe(16)
        self._waiting[ask] = asked
        return self._choice(ask)

    def _sent_back(self, members: Mapping[str, str], refusal: OAuthRefused) -> Response:
        answer = {"error": refusal.code, "error_description": str(refusal)}
        url = self._server.returned(members["redirect_uri"], members.get("state", ""), answer)
        return _redirect(url)

    def _choice(self, ask: str) -> Response:
        items = []
        for patient in self._store.all_of("Patient"):
            name = patient.get("name", [{}])[0]
            words = " ".join([*name.get("given", []), str(name.get("family", ""))])
            query = urlencode({"ask": ask, "patient": patient["id"]})
            items.append(f'<li><a href="/oauth/choose?{escape(query)}">{escape(words)}</a></li>')
        return Response(
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Choose a patient</title>'
            '<link rel="stylesheet" href="/page/page.css"><main class="panel"><h1>Choose a patient'
            f"</h1><p>An app asks to read one record.</p><ul>{''.join(items)}</ul></main></html>",
            headers={"Cache-Control": "no-store"},
            media_type="text/html",
        )

    async def choose(self, request: Request) -> Response:
        """Give the code of a standalone launch for the patient that was chosen."""
        members = dict(_query(request))
        asked = self._waiting.pop(members.get("ask", ""), None)
        if asked is None:
            raise AuthorizeRefused("Nothing waits for this choice any more.")
        patient_id = self._store.read("Patient", members.get("patient", "")[:64])["id"]
        return _redirect(
            self._server.redirect(asked, chosen(asked, patient_id, self._stay_of(patient_id)))
        )

    def _stay_of(self, patient_id: str) -> str | None:
        stays = (
            each["id"]
            for each in self._store.all_of("Encounter")
            if each.get("subject", {}).get("reference") == f"Patient/{patient_id}"
        )
        return next(stays, None)

    async def token(self, request: Request) -> Response:
        """Give tokens (RFC 6749); a refusal has that specification's form."""
        try:
            return _json(await self._token(request))
        except OAuthRefused as refusal:
            return _refused(refusal)

    async def _token(self, request: Request) -> Mapping[str, Any]:
        form = await _single_form(request)
        client = await self._client(request, form)
        grants = {
            "authorization_code": self._server.by_code,
            "refresh_token": self._server.by_refresh,
            "client_credentials": self._server.by_itself,
        }
        grant = grants.get(form.get("grant_type", ""))
        if grant is None:
            raise OAuthRefused("unsupported_grant_type", "No such grant is given here.")
        return grant(client, form)

    async def _client(self, request: Request, form: Mapping[str, str]) -> SmartClient:
        """Return the client that a request is proven to come from.

        Raises
        ------
        OAuthRefused
        """
        authorization = request.headers.get("authorization")
        name, kind = client_named(form, authorization)
        client = self._server.clients.get(name)
        if client is None or client.kind != kind:
            raise OAuthRefused("invalid_client", "No such client proves itself so.", 401)
        if kind == "symmetric":
            check_secret(client, str(authorization))
        if kind == "asymmetric":
            keys = await self._key_set_of(str(client.key_set_url))
            endpoint = f"{self._public_url}/oauth/token"
            used = checked_assertion(client, form, keys, endpoint, self._now())
            self._server.use_assertion(*used)
        return client

    async def introspect(self, request: Request) -> Response:
        """Say what a token allows, to whoever holds one in force."""
        try:
            form = await _single_form(request)
        except OAuthRefused as refusal:
            return _refused(refusal)
        scheme, _, own = request.headers.get("authorization", "").partition(" ")
        asking = self._server.introspected(own)
        if scheme.lower() != "bearer" or not asking["active"]:
            return _refused(OAuthRefused("invalid_token", "Ask with a token in force.", 401))
        found = self._server.introspected(form.get("token", ""))
        same = found.get("client_id") == asking["client_id"]
        return _json(found if same else {"active": False})

    async def revoke(self, request: Request) -> Response:
        """Withdraw a token of the client that asks."""
        try:
            form = await _single_form(request)
            client = await self._client(request, form)
        except OAuthRefused as refusal:
            return _refused(refusal)
        self._server.revoke(client.client_id, form.get("token", ""))
        return _json({})

    async def launch_app(self, request: Request) -> Response:
        """Open a registered app on a patient: what a card's link and the portal lead to."""
        members = dict(_query(request))
        client = self._server.clients.get(members.get("client", ""))
        if client is None:
            raise AuthorizeRefused("No such app is registered here.")
        patient_id = self._store.read("Patient", members.get("patient", "")[:64])["id"]
        encounter = members.get("encounter")
        context = LaunchContext(
            patient_id,
            encounter if encounter and ID.fullmatch(encounter) else self._stay_of(patient_id),
            members.get("appContext"),
            tuple(
                {"reference": f"ImagingStudy/{each['id']}"}
                for each in self._store.all_of("ImagingStudy")
                if each.get("subject", {}).get("reference") == f"Patient/{patient_id}"
            ),
            need_patient_banner=members.get("banner") != "no",
        )
        query = urlencode({"iss": self._base, "launch": self._server.launch(context)})
        return _redirect(f"{client.launch_url}?{query}")


def _query(request: Request) -> list[tuple[str, str]]:
    return parse_qsl(request.url.query, keep_blank_values=True)


async def _form(request: Request) -> list[tuple[str, str]]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            raise OAuthRefused("invalid_request", "The form is too large.")
    return parse_qsl(body.decode(errors="replace"), keep_blank_values=True)


async def _single_form(request: Request) -> Mapping[str, str]:
    """Read a form whose members stand once each (RFC 6749, section 3.2)."""
    declared = request.headers.get("content-type", "").partition(";")[0].strip()
    pairs = await _form(request)
    if declared != "application/x-www-form-urlencoded" or len(dict(pairs)) != len(pairs):
        raise OAuthRefused("invalid_request", "Send a form, each member once.")
    return dict(pairs)


def _json(content: Mapping[str, Any] | Sequence[Any], status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
    return Response(json.dumps(content), status, headers, "application/json")


def _refused(refusal: OAuthRefused) -> Response:
    content = {"error": refusal.code, "error_description": str(refusal)}
    return _json(content, refusal.status)


def _redirect(url: str) -> Response:
    return Response(status_code=303, headers={"Location": url, "Cache-Control": "no-store"})
