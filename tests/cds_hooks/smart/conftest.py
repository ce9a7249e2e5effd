"""An EHR with an authorization server for the tests, strict about what SMART demands of a client.

It is scripted: a test may change what it announces, answers or signs. ``tests/servers`` launches
against servers that we did not write.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2
import pytest
from fastapi import FastAPI
from joserfc import jwk, jwt
from starlette.testclient import TestClient

from cds_hooks.http.problems import answer_with_outcomes
from cds_hooks.http.sessions import COOKIE, SessionDoor, answer_without_session
from cds_hooks.http.smart import LAUNCH_COOKIE, SmartRoutes
from cds_hooks.security.egress import Egress
from cds_hooks.security.egress_transport import client
from cds_hooks.security.jwks import RemoteKeys
from cds_hooks.security.replay import MemoryUsedTokens
from cds_hooks.security.session import SmartSession
from cds_hooks.security.sessions import MemorySessions
from cds_hooks.security.smart_client import ASSERTION_TYPE, OwnKeys, fresh_keys
from cds_hooks.security.smart_launching import Launching
from cds_hooks.security.smart_registration import ClientKind, Registrations, SmartRegistration
from cds_hooks.security.smart_renewal import Renewal
from cds_hooks.security.smart_servers import HttpSmartServers

APP = "https://twin.example"
EHR = "https://ehr.example"
FHIR = f"{EHR}/fhir/r4"
CLIENT = "cardiotwin"
SECRET = "s/cret & more"
KEY = bytes(range(32))
SIGNING_KEY = jwk.RSAKey.generate_key(2048, {"kid": "ehr-1", "use": "sig"})
Json = dict[str, Any]


@dataclass
class ScriptedEhr:
    """The EHR: announces, authorizes, gives tokens, refuses what a strict server refuses."""

    clock: Any
    kind: ClientKind = ClientKind.PUBLIC
    announced: Json = field(default_factory=dict)
    context: Json = field(default_factory=lambda: {"patient": "p1", "encounter": "e1"})
    token_changes: Json = field(default_factory=dict)
    claim_changes: Json = field(default_factory=dict)
    header_changes: Json = field(default_factory=dict)
    client_keys: Json = field(default_factory=lambda: {"keys": []})
    fails: dict[str, int] = field(default_factory=dict)
    """Path -> status, in place of its answer."""

    def __post_init__(self) -> None:
        self.key = SIGNING_KEY
        self.requests: list[httpx2.Request] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.refresh_tokens: set[str] = set()
        self.access_tokens: set[str] = set()
        self.revoked: list[str] = []
        self.assertions_seen: set[str] = set()

    def configuration(self) -> Json:
        base = {
            "issuer": FHIR,
            "jwks_uri": f"{EHR}/keys",
            "authorization_endpoint": f"{EHR}/authorize",
            "token_endpoint": f"{EHR}/token",
            "introspection_endpoint": f"{EHR}/introspect",
            "revocation_endpoint": f"{EHR}/revoke",
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
            "code_challenge_methods_supported": ["S256"],
            "capabilities": [
                *("launch-ehr", "launch-standalone", "permission-v2", "permission-online"),
                *("sso-openid-connect", "client-public", "client-confidential-asymmetric"),
            ],
        } | self.announced
        return {name: value for name, value in base.items() if value != "-"}

    def posts(self, path: str) -> list[dict[str, str]]:
        """Return the forms posted to a path, in their order."""
        return [
            dict(parse_qsl(request.content.decode()))
            for request in self.requests
            if request.method == "POST" and request.url.path == path
        ]

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        path = request.url.path
        if path in self.fails:
            return httpx2.Response(self.fails[path], json={"error": "server_error"})
        answers: dict[str, Callable[[httpx2.Request], httpx2.Response]] = {
            "/fhir/r4/.well-known/smart-configuration": lambda _: httpx2.Response(
                200, json=self.configuration()
            ),
            "/fhir/r4/.well-known/openid-configuration": lambda _: httpx2.Response(
                200, json={"issuer": FHIR, "jwks_uri": f"{EHR}/keys"}
            ),
            "/keys": lambda _: httpx2.Response(
                200, json={"keys": [self.key.as_dict(private=False)]}
            ),
            "/token": self._token,
            "/introspect": self._introspect,
            "/revoke": self._revoke,
        }
        return answers.get(path, lambda _: httpx2.Response(404))(request)

    def authorize(self, url: str) -> str:
        """Log in and permit; return the address to which the browser is sent back."""
        asked = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["redirect_uri"] == f"{APP}/callback"
        assert asked["aud"].rstrip("/") == FHIR
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?code={code}&state={asked['state']}&iss={FHIR}"

    def _token(self, request: httpx2.Request) -> httpx2.Response:
        form = dict(parse_qsl(request.content.decode()))
        if not self._is_client(request, form):
            return httpx2.Response(401, json={"error": "invalid_client"})
        if form["grant_type"] == "authorization_code":
            return self._by_code(form)
        if form["grant_type"] == "refresh_token":
            return self._by_refresh(form)
        assert form["grant_type"] == "client_credentials"
        return httpx2.Response(200, json=self._token_body({"scope": form["scope"]}))

    def _by_code(self, form: dict[str, str]) -> httpx2.Response:
        asked = self.codes.pop(form["code"], None)
        digest = sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            asked is None
            or form["redirect_uri"] != asked["redirect_uri"]
            or challenge != asked["code_challenge"]
        ):
            return httpx2.Response(400, json={"error": "invalid_grant"})
        body = self._token_body({"scope": asked["scope"], **self.context})
        if "openid" in asked["scope"].split():
            body["id_token"] = self.id_token(asked["nonce"])
        body |= self.token_changes
        kept = {name: value for name, value in body.items() if value != "-"}
        return httpx2.Response(200, json=kept)

    def _by_refresh(self, form: dict[str, str]) -> httpx2.Response:
        if form["refresh_token"] not in self.refresh_tokens:
            return httpx2.Response(400, json={"error": "invalid_grant"})
        self.refresh_tokens.remove(form["refresh_token"])
        body = self._token_body(self.token_changes)
        return httpx2.Response(200, json={k: v for k, v in body.items() if v != "-"})

    def _token_body(self, more: Json) -> Json:
        access, refresh = f"ACCESS-{secrets.token_hex(8)}", f"REFRESH-{secrets.token_hex(8)}"
        self.access_tokens.add(access)
        self.refresh_tokens.add(refresh)
        return {
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "Bearer",
            "expires_in": 300,
            **more,
        }

    def id_token(self, nonce: str) -> str:
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": FHIR,
            "sub": "user-7",
            "aud": CLIENT,
            "nonce": nonce,
            "iat": now,
            "exp": now + 300,
            "fhirUser": f"{FHIR}/Practitioner/7",
        } | self.claim_changes
        header = {"alg": "RS256", "kid": "ehr-1"} | self.header_changes
        kept = {name: value for name, value in claims.items() if value != "-"}
        return jwt.encode(header, kept, self.key, algorithms=["RS256"])

    def _is_client(self, request: httpx2.Request, form: dict[str, str]) -> bool:
        if self.kind is ClientKind.PUBLIC:
            return form.get("client_id") == CLIENT and "authorization" not in request.headers
        if "client_id" in form:
            return False  # SM-037: a confidential client does not name itself in the body.
        if self.kind is ClientKind.SYMMETRIC:
            pair = base64.b64encode(b"cardiotwin:s%2Fcret%20%26%20more").decode()
            return request.headers.get("authorization") == f"Basic {pair}"
        return self._is_signed(form)

    def _is_signed(self, form: dict[str, str]) -> bool:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            return False
        keys = jwk.KeySet.import_key_set(self.client_keys)
        token = jwt.decode(form["client_assertion"], keys, algorithms=["ES384", "RS384"])
        claims, now = token.claims, self.clock.now().timestamp()
        fresh = claims["jti"] not in self.assertions_seen
        self.assertions_seen.add(claims["jti"])
        return (
            fresh
            and token.header["typ"] == "JWT"
            and claims["iss"] == claims["sub"] == CLIENT
            and claims["aud"] == f"{EHR}/token"
            and now < claims["exp"] <= now + 300
        )

    def _introspect(self, request: httpx2.Request) -> httpx2.Response:
        form = dict(parse_qsl(request.content.decode()))
        assert request.headers["authorization"] == f"Bearer {form['token']}"
        active = form["token"] in self.access_tokens
        exp = int(self.clock.now().timestamp()) + 1200
        body = {"active": active, "exp": exp, "client_id": CLIENT, "patient": "p1"}
        return httpx2.Response(200, json=body)

    def _revoke(self, request: httpx2.Request) -> httpx2.Response:
        self.revoked.append(dict(parse_qsl(request.content.decode()))["token"])
        return httpx2.Response(200)


class Browser:
    """A browser with cookies of its own, at the app."""

    def __init__(self, application: FastAPI) -> None:
        self.http = TestClient(application, APP, follow_redirects=False)

    def get(self, url: str) -> Any:
        reply = self.http.get(url.removeprefix(APP))
        return reply

    def launched(self, iss: str = FHIR, launch: str = "xyz") -> str:
        """Follow the EHR's link; return the authorization request's address."""
        reply = self.http.get("/launch", params={"iss": iss, "launch": launch})
        assert reply.status_code == 303, reply.text
        return str(reply.headers["location"])


@dataclass
class App:
    """The app's routes with everything behind them, and the EHR they speak to."""

    ehr: ScriptedEhr
    clock: Any
    registration: SmartRegistration
    own_keys: OwnKeys
    sessions: MemorySessions
    launching: Launching
    renewal: Renewal
    door: SessionDoor
    application: FastAPI

    def browser(self) -> Browser:
        return Browser(self.application)

    def session_of(self, reply: Any, browser: Browser) -> SmartSession:
        """Return the session that a successful callback started."""
        import asyncio

        assert reply.status_code == 303, reply.text
        query = parse_qs(urlsplit(reply.headers["location"]).query)
        handle = query["session"][0]
        secret = browser.http.cookies[COOKIE + handle]
        found = asyncio.run(self.sessions.of(handle, secret))
        assert found is not None
        return found

    def launched(self, browser: Browser | None = None) -> SmartSession:
        """Perform a whole EHR launch."""
        browser = browser or self.browser()
        reply = browser.get(self.ehr.authorize(browser.launched()))
        return self.session_of(reply, browser)


@cache
def one_pair() -> Any:
    """Return the app's keys; to make them takes a second."""
    return fresh_keys(datetime(2026, 1, 1, tzinfo=UTC))


def assembled(clock: Any, ehr: ScriptedEhr, **changes: Any) -> App:
    """Put the app together with one EHR registered; ``changes`` are of the registration."""
    secret = SECRET if ehr.kind is ClientKind.SYMMETRIC else None
    members: Json = {"client_secret": secret, "frame_ancestors": (EHR,)} | changes
    registration = SmartRegistration(FHIR, CLIENT, ehr.kind, **members)
    own_keys = OwnKeys(one_pair() if ehr.kind is ClientKind.ASYMMETRIC else ())
    ehr.client_keys = json.loads(json.dumps(own_keys.public()))

    def client_of(given: SmartRegistration) -> httpx2.AsyncClient:
        # The gate judges every request; only what lies behind it is the scripted EHR.
        gate = client(Egress((given.iss, *given.servers)), timeout_s=1)

        def behind(request: httpx2.Request) -> httpx2.Response:
            gate._transport._egress.check(str(request.url))  # type: ignore[attr-defined]
            answer = ehr.answer(request)
            # As it comes over the wire: not read yet.
            stream = httpx2.ByteStream(answer.content)
            return httpx2.Response(answer.status_code, headers=answer.headers, stream=stream)

        return httpx2.AsyncClient(transport=httpx2.MockTransport(behind))

    registrations = Registrations([registration])
    sessions = MemorySessions(KEY, clock)
    servers = HttpSmartServers(
        client_of, lambda given: RemoteKeys(lambda: client_of(given), clock), clock
    )
    renewal = Renewal(registrations, servers, sessions, lambda: own_keys, clock)
    launching = Launching(
        *(registrations, servers, sessions, MemoryUsedTokens(clock), lambda: own_keys),
        *(clock, KEY, APP),
    )
    door = SessionDoor(sessions, APP, clock, renewal)
    application = FastAPI(redirect_slashes=False)
    answer_with_outcomes(application)
    answer_without_session(application, registrations.frame_ancestors())
    application.include_router(SmartRoutes(launching, renewal, door).router())
    return App(
        *(ehr, clock, registration, own_keys, sessions, launching, renewal, door, application)
    )


@pytest.fixture
def ehr(clock: Any) -> ScriptedEhr:
    return ScriptedEhr(clock)


@pytest.fixture
def scripted() -> type[ScriptedEhr]:
    return ScriptedEhr


@pytest.fixture
def assemble(clock: Any) -> Callable[..., App]:
    return lambda ehr, **changes: assembled(clock, ehr, **changes)


@pytest.fixture
def app(clock: Any, ehr: ScriptedEhr) -> App:
    return assembled(clock, ehr)


@pytest.fixture
def launch_cookie() -> str:
    return LAUNCH_COOKIE
