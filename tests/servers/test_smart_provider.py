"""The app launches at an authorization server that we did not write: npm oidc-provider, strict.

It demands PKCE, uses codes and assertions once, rotates refresh tokens, and a proxy in front of
the FHIR server enforces the scopes. EHR and app are on different sites.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response

from cds_hooks.cli.demo_launch import Browsing
from cds_hooks.clock import SystemClock
from cds_hooks.errors import EhrRefused, LaunchRefused
from cds_hooks.fhir.rest_ehr import RestEhr
from cds_hooks.http.problems import answer_with_outcomes, json_response
from cds_hooks.http.sessions import COOKIE, SessionDoor, answer_without_session
from cds_hooks.http.smart import SmartRoutes
from cds_hooks.ports import FhirQuery
from cds_hooks.security.backend_token import BackendTokens
from cds_hooks.security.egress import Egress
from cds_hooks.security.egress_transport import client
from cds_hooks.security.jwks import RemoteKeys
from cds_hooks.security.replay import MemoryUsedTokens
from cds_hooks.security.session import SmartSession
from cds_hooks.security.sessions import MemorySessions
from cds_hooks.security.smart_client import OwnKeys, fresh_keys
from cds_hooks.security.smart_launching import Launching
from cds_hooks.security.smart_registration import ClientKind, Registrations, SmartRegistration
from cds_hooks.security.smart_renewal import Renewal
from cds_hooks.security.smart_servers import HttpSmartServers

SECRET = "s/cret & more, long enough to be one"
KEY = bytes(range(32))


@dataclass
class Provider:
    """The running provider and what it was told."""

    url: str
    app: str
    app_port: int
    own_keys: OwnKeys

    @property
    def iss(self) -> str:
        return f"{self.url}/fhir"

    def launch(self, **context: Any) -> str:
        query = urlencode({"context": json.dumps({"patient": "bleeding"} | context)})
        reply = httpx2.get(f"{self.url}/test/launch?{query}", trust_env=False, timeout=20)
        return str(reply.json()["launch"])


@pytest.fixture(scope="session")
def provider(
    start_server: Any, oidc_provider: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Provider]:
    ports = [start_server.free_port() for _ in range(3)]
    own_keys = OwnKeys(fresh_keys(SystemClock().now()))
    fhir = f"http://127.0.0.1:{ports[1]}/fhir"
    told = {
        "port": ports[0],
        "fhir": fhir,
        "app": f"http://127.0.0.1:{ports[2]}",
        "secret": SECRET,
        "keys": own_keys.public(),
        "chosen": {"patient": "septic"},
    }
    node = ["node", str(oidc_provider), json.dumps(told)]
    python = [sys.executable, "-m", "sandbox_ehr", "--port", str(ports[1])]
    folder = tmp_path_factory.mktemp("provider")
    ready = f"http://127.0.0.1:{ports[0]}/fhir/.well-known/smart-configuration"
    with (
        start_server.run(python, f"{fhir}/metadata", folder / "ehr"),
        start_server.run(node, ready, folder / "provider"),
    ):
        yield Provider(f"http://localhost:{ports[0]}", told["app"], ports[2], own_keys)


class RunningApp:
    """The routes of the launch, and one route that reads the patient with the session."""

    def __init__(self, provider: Provider, client_id: str, kind: ClientKind, **more: Any) -> None:
        self.clock = SystemClock()
        self.provider = provider
        registration = SmartRegistration(
            provider.iss, client_id, kind, standalone=True, frame_ancestors=(provider.url,), **more
        )
        registrations = Registrations([registration])

        def client_of(given: SmartRegistration) -> httpx2.AsyncClient:
            return client(Egress((given.iss, *given.servers)), timeout_s=20)

        self.servers = HttpSmartServers(
            client_of, lambda given: RemoteKeys(lambda: client_of(given), self.clock), self.clock
        )
        self.sessions = MemorySessions(KEY, self.clock)

        def own_keys() -> OwnKeys:
            return provider.own_keys

        behind = (registrations, self.servers, self.sessions)
        self.renewal = Renewal(*behind, own_keys, self.clock)
        used = MemoryUsedTokens(self.clock)
        self.launching = Launching(*behind, used, own_keys, self.clock, KEY, provider.app)
        self.door = SessionDoor(self.sessions, provider.app, self.clock, self.renewal)
        self.http = client_of(registration)
        self.ehr = RestEhr(self.http, self.clock)
        self.backend = BackendTokens(registrations, self.servers, own_keys, self.clock)
        self.application = FastAPI(redirect_slashes=False, lifespan=lambda _: self.open())
        routes = SmartRoutes(self.launching, self.renewal, self.door)
        answer_with_outcomes(self.application)
        answer_without_session(self.application)
        self.application.include_router(routes.router())
        self.application.add_api_route("/app", self.page, methods=["GET"])
        self.application.add_api_route("/renew", self.renew, methods=["GET"])

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        yield
        await self.servers.aclose()
        await self.http.aclose()

    async def page(self, request: Request) -> Response:
        """Read what the query names, with the session's grant."""
        session = await self.door.session_of(request)
        query = FhirQuery(request.query_params.get("read", "Patient/bleeding"))
        ehr = self.door.ehr_of(session, self.ehr)
        return json_response({"resources": len(await ehr.search(query, session.grant))})

    async def renew(self, request: Request) -> Response:
        """Renew now, as a token that has expired makes it do."""
        session = await self.renewal.renewed(await self.door.session_of(request))
        return json_response({"token": session.grant.access_token})

    def run(self) -> Iterator[RunningApp]:
        config = uvicorn.Config(
            self.application,
            host="127.0.0.1",
            port=self.provider.app_port,
            log_level="critical",
            loop="asyncio",
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.02)
        yield self
        server.should_exit = True
        thread.join(20)


@dataclass
class Opened:
    """A browser that has the app open."""

    browsing: Browsing
    reply: httpx2.Response
    app: RunningApp

    def get(self, path: str, **query: str) -> httpx2.Response:
        where = urlsplit(str(self.reply.url)).query
        url = f"{self.app.provider.app}{path}?{where}&{urlencode(query)}"
        return self.browsing.sent("GET", url, {})

    def session(self) -> SmartSession:
        """Return what the service keeps of this launch."""
        handle = urlsplit(str(self.reply.url)).query.removeprefix("session=")
        jar = self.browsing.cookies[urlsplit(self.app.provider.app).netloc]
        found = asyncio.run(self.app.sessions.of(handle, jar[COOKIE + handle]))
        assert found is not None
        return found


def opened(app: RunningApp, http: httpx2.Client, launch: str | None) -> Opened:
    query = {"iss": app.provider.iss} | ({} if launch is None else {"launch": launch})
    path = "/launch/standalone" if launch is None else "/launch"
    browsing = Browsing(http)
    reply = browsing.opened(f"{app.provider.app}{path}?{urlencode(query)}")
    return Opened(browsing, reply, app)


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False) as given:
        yield given


CLIENTS = [
    ("signing", ClientKind.ASYMMETRIC, {}),
    ("open", ClientKind.PUBLIC, {}),
    ("secret", ClientKind.SYMMETRIC, {"client_secret": SECRET}),
]


@pytest.fixture(params=CLIENTS, ids=[each[0] for each in CLIENTS])
def each_app(request: Any, provider: Provider) -> Iterator[RunningApp]:
    name, kind, more = request.param
    yield from RunningApp(provider, name, kind, **more).run()


@pytest.fixture
def signing_app(provider: Provider) -> Iterator[RunningApp]:
    yield from RunningApp(provider, "signing", ClientKind.ASYMMETRIC).run()


@pytest.mark.requirement(
    *("SM-010", "SM-013", "SM-021", "SM-022", "SM-026", "SM-031", "SM-036", "SM-037", "SM-038"),
    *("SM-041", "SM-043", "SM-044", "SM-045", "SM-046", "SM-052", "SM-059", "SM-060", "SM-061"),
)
def test_an_ehr_launch_opens_the_patient_for_each_kind_of_client(
    each_app: RunningApp, http: httpx2.Client
) -> None:
    context = {
        "encounter": "bleeding-stay",
        "appContext": "card-7",
        "fhirContext": [{"reference": "ImagingStudy/123"}],
        "need_patient_banner": False,
    }
    it = opened(each_app, http, each_app.provider.launch(**context))
    assert it.reply.status_code == 200, it.reply.text
    assert it.reply.json() == {"resources": 1}
    session = it.session()
    assert (session.patient_id, session.encounter_id) == ("bleeding", "bleeding-stay")
    assert session.app_context == "card-7"
    assert session.fhir_user == "Practitioner/7"
    assert not session.need_patient_banner
    assert session.fhir_context[0].reference == "ImagingStudy/123"
    assert it.get("/app", read="Observation?patient=bleeding").json()["resources"] > 10


@pytest.mark.requirement("SM-040", "SM-042")
def test_a_scope_that_was_refused_is_known_and_the_server_holds_to_it(
    signing_app: RunningApp, http: httpx2.Client
) -> None:
    launch = signing_app.provider.launch(refused=["patient/Observation.rs"])
    it = opened(signing_app, http, launch)
    assert it.session().scopes_refused() == {"patient/Observation.rs"}
    denied = it.get("/app", read="Observation?patient=bleeding")
    assert denied.status_code == 412
    assert it.get("/app").status_code == 200


@pytest.mark.requirement("SM-024", "SM-025")
def test_a_standalone_launch_lets_the_server_name_the_patient(
    signing_app: RunningApp, http: httpx2.Client
) -> None:
    it = opened(signing_app, http, None)
    assert it.reply.status_code == 200, it.reply.text
    assert it.session().patient_id == "septic"


@pytest.mark.requirement("SM-047", "SM-062", "SM-063")
def test_a_token_is_renewed_again_and_again_with_rotated_refresh_tokens(
    each_app: RunningApp, http: httpx2.Client
) -> None:
    it = opened(each_app, http, each_app.provider.launch())
    tokens = {it.session().grant.access_token}
    refreshed = {it.session().refresh_token}
    for _ in range(3):
        tokens.add(it.get("/renew").json()["token"])
        refreshed.add(it.session().refresh_token)
        assert it.get("/app").status_code == 200
    assert len(tokens) == len(refreshed) == 4


@pytest.mark.requirement("SM-042")
def test_a_token_that_is_gone_during_use_is_renewed_once(
    signing_app: RunningApp, http: httpx2.Client
) -> None:
    it = opened(signing_app, http, signing_app.provider.launch())
    before = str(it.session().grant.access_token)
    forget = f"{signing_app.provider.url}/test/forget?{urlencode({'token': before})}"
    assert httpx2.get(forget, trust_env=False).status_code == 200
    assert it.get("/app").json() == {"resources": 1}
    assert it.session().grant.access_token != before


@pytest.mark.requirement("SM-064")
def test_logging_out_revokes_what_the_launch_gave(
    signing_app: RunningApp, http: httpx2.Client
) -> None:
    it = opened(signing_app, http, signing_app.provider.launch())
    session, origin = it.session(), signing_app.provider.app
    read = f"{signing_app.provider.iss}/Patient/bleeding"
    bearer = {"Authorization": f"Bearer {session.grant.access_token}"}
    assert httpx2.get(read, headers=bearer, trust_env=False).status_code == 200
    url = f"{origin}/logout?session={session.handle}"
    assert it.browsing.sent("POST", url, {"Origin": origin}).status_code == 200
    assert httpx2.get(read, headers=bearer, trust_env=False).status_code == 401
    assert it.get("/app").status_code == 401


@pytest.mark.requirement("SM-004")
def test_a_launch_or_an_answer_that_comes_twice_opens_nothing(
    signing_app: RunningApp, http: httpx2.Client
) -> None:
    launch = signing_app.provider.launch()
    assert opened(signing_app, http, launch).reply.status_code == 200
    again = opened(signing_app, http, launch)
    assert again.reply.status_code == 403
    assert "could not be opened" in again.reply.text


@pytest.mark.requirement("SM-065")
def test_the_server_says_what_a_token_is(signing_app: RunningApp, http: httpx2.Client) -> None:
    it = opened(signing_app, http, signing_app.provider.launch())
    token = str(it.session().grant.access_token)
    registration = signing_app.launching.registrations.of(signing_app.provider.iss)

    async def asked() -> Any:
        fresh = RunningApp(signing_app.provider, "signing", ClientKind.ASYMMETRIC)
        async with fresh.open():
            configuration = await fresh.servers.configuration(registration)
            url = str(configuration.introspection_endpoint)
            return await fresh.launching.introspect(token, registration, configuration, url)

    found = asyncio.run(asked())
    assert found.active
    assert found.client_id == "signing"
    assert "patient/Observation.rs" in found.scopes
    assert found.expires_at_s > time.time()


@pytest.mark.requirement("SM-066", "SM-067", "SM-069")
def test_a_backend_service_reads_every_patient_and_asks_for_no_user(provider: Provider) -> None:
    app = RunningApp(provider, "backend", ClientKind.ASYMMETRIC, backend=True)

    async def read() -> Any:
        async with app.open():
            grant = await app.backend.grant(provider.iss)
            assert await app.backend.grant(provider.iss) is grant
            for patient in ("bleeding", "septic"):
                assert await app.ehr.search(FhirQuery(f"Patient/{patient}"), grant)
            with pytest.raises(EhrRefused):
                await app.ehr.search(FhirQuery("Endpoint?_count=1"), grant)
        return grant

    grant = asyncio.run(read())
    assert grant.patient_id is None
    assert all(each.startswith("system/") for each in grant.scopes)
    assert "system/Observation.rs" in grant.scopes


@pytest.mark.requirement("SM-066")
def test_a_client_that_is_no_backend_service_gets_no_such_token(provider: Provider) -> None:
    app = RunningApp(provider, "signing", ClientKind.ASYMMETRIC, backend=True)

    async def asked() -> None:
        async with app.open():
            await app.backend.grant(provider.iss)

    with pytest.raises(LaunchRefused):
        asyncio.run(asked())
