"""The sandbox on a loopback port, beside a small CDS Service that checks its callers."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from joserfc import jwt
from joserfc.jwk import KeySet
from playwright.sync_api import Browser, Page, expect
from starlette.middleware.cors import CORSMiddleware

from sandbox_ehr.app import Settings, create_app
from sandbox_ehr.pacs import create_archive

TABLE = """**Simulated** on the patient's twin. *Not validated.*

| Simulated, 90 % interval | Without | With | Change |
| --- | --- | --- | --- |
| MAP (mmHg) | 63 (60 to 66) | 68 (64 to 73) | **+5 (+2 to +9)** |
| cardiac output (L/min) | 4.1 (3.2 to 5.2) | 4.7 (3.7 to 5.9) | **+0.6 (+0.3 to +1.0)** |

- Used: 12 readings, the newest 9 min old
- Not used: <b>Observation/17</b>, its unit is missing

[What the numbers mean](https://cardiotwin.example/documentation) and [a trap](javascript:alert(1))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(app: FastAPI, port: int) -> Iterator[str]:
    """Run an ASGI program on a loopback port in a thread of its own."""
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server ended before it was ready"
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@dataclass
class SmallService:
    """A CDS Service that checks its callers and keeps what it was sent."""

    url: str
    sandbox_url: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    feedback: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    silent: bool = False
    """Answer hooks with no card at all."""
    broken: bool = False
    """Answer hooks with 412."""

    def app(self) -> FastAPI:
        app = FastAPI()
        app.add_middleware(
            CORSMiddleware,
            allow_origins=[self.sandbox_url],
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type"],
        )
        app.add_api_route("/cds-services", self.discovery, methods=["GET"])
        app.add_api_route("/cds-services/{service}", self.answer, methods=["POST"])
        app.add_api_route("/cds-services/{service}/feedback", self.told, methods=["POST"])
        return app

    async def discovery(self, request: Request) -> Response:
        await self._check(request)
        prefetch = {
            "patient": "Patient/{{context.patientId}}",
            "vitals": "Observation?patient={{context.patientId}}&category=vital-signs&_count=50",
        }
        return JSONResponse(
            {
                "services": [
                    {"hook": hook, "id": name, "title": name, "description": name} | extra
                    for hook, name, extra in (
                        ("patient-view", "risk", {"prefetch": prefetch}),
                        ("order-select", "effects", {"prefetch": prefetch}),
                        ("order-sign", "effects", {"prefetch": prefetch}),
                    )
                ]
            }
        )

    async def answer(self, request: Request, service: str) -> Response:
        await self._check(request)
        body = await request.json()
        self.requests.append(body)
        if self.broken:
            outcome = {
                "resourceType": "OperationOutcome",
                "issue": [
                    {"severity": "error", "code": "processing", "diagnostics": "No vital signs."}
                ],
            }
            return JSONResponse(outcome, 412)
        if self.silent:
            return JSONResponse({"cards": []})
        cards = [_order_card(body)] if "draftOrders" in body["context"] else _patient_cards()
        return JSONResponse({"cards": cards})

    async def told(self, request: Request, service: str) -> Response:
        await self._check(request)
        self.feedback.extend((await request.json())["feedback"])
        return JSONResponse({})

    async def _check(self, request: Request) -> None:
        """Verify the caller as https://cds-hooks.hl7.org/2.0/#trusting-cds-clients asks."""
        token = request.headers["authorization"].removeprefix("Bearer ")
        async with httpx2.AsyncClient() as client:
            published = await client.get(f"{self.sandbox_url}/.well-known/jwks.json")
        claims = jwt.decode(
            token, KeySet.import_key_set(published.json()), algorithms=["ES384"]
        ).claims
        registry = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": self.sandbox_url},
            aud={"essential": True, "value": self.url + request.url.path},
            exp={"essential": True},
            iat={"essential": True},
            jti={"essential": True},
        )
        registry.validate(claims)


def _patient_cards() -> list[dict[str, Any]]:
    source = {"label": "Small service", "url": "https://cardiotwin.example/documentation"}
    return [
        {
            "uuid": str(uuid.uuid4()),
            "summary": "One chest radiograph is on file and has not been read.",
            "indicator": "info",
            "source": source,
        },
        {
            "uuid": str(uuid.uuid4()),
            "summary": "Estimated risk of death in hospital 31 % (22 to 41 %), NEWS2 9.",
            "indicator": "critical",
            "detail": "Estimated from 38 of 42 inputs.\n\n1. heart rate\n2. lactate\n",
            "source": source,
            "overrideReasons": [
                {"code": "known", "system": "https://x.example/cs", "display": "Already known"}
            ],
            "links": [
                {
                    "label": "Open the patient's twin",
                    "url": "https://cardiotwin.example/launch",
                    "type": "smart",
                    "appContext": "opaque-1",
                }
            ],
        },
    ]


def _order_card(body: dict[str, Any]) -> dict[str, Any]:
    draft = body["context"]["draftOrders"]["entry"][0]["resource"]
    halved = {key: value for key, value in draft.items() if key != "id"} | {"intent": "proposal"}
    return {
        "uuid": str(uuid.uuid4()),
        "summary": "Simulated: MAP +5 (+2 to +9) mmHg in 30 min.",
        "indicator": "warning",
        "detail": TABLE,
        "source": {"label": "Small service"},
        "selectionBehavior": "at-most-one",
        "suggestions": [
            {
                "label": "Half the dose instead",
                "uuid": str(uuid.uuid4()),
                "isRecommended": True,
                "actions": [
                    {"type": "create", "description": "Draft half the dose", "resource": halved},
                    {
                        "type": "delete",
                        "description": "Remove the order as written",
                        "resourceId": f"{draft['resourceType']}/{draft['id']}",
                    },
                ],
            },
            {
                "label": "A quarter instead",
                "uuid": str(uuid.uuid4()),
                "actions": [
                    {"type": "create", "description": "Draft a quarter", "resource": halved}
                ],
            },
        ],
        "overrideReasons": [
            {"code": "known", "system": "https://x.example/cs", "display": "Already known"}
        ],
    }


@dataclass(frozen=True)
class Site:
    """A running sandbox with its archive and its service."""

    url: str
    service: SmallService
    http: httpx2.Client


@pytest.fixture(scope="session")
def running_site() -> Iterator[Site]:
    ports = [free_port() for _ in range(3)]
    sandbox, service, archive = (f"http://127.0.0.1:{port}" for port in ports)
    small = SmallService(url=service, sandbox_url=sandbox)
    settings = Settings(
        public_url=sandbox,
        cds_services=f"{service}/cds-services",
        dicomweb=f"{archive}/dicom-web",
        largest_page=100,
    )
    with (
        served(create_app(settings), ports[0]),
        served(small.app(), ports[1]),
        served(create_archive(), ports[2]),
        httpx2.Client(base_url=sandbox) as http,
    ):
        yield Site(sandbox, small, http)


@pytest.fixture
def site(running_site: Site) -> Site:
    """Return the running sandbox, its service having forgotten what other tests did."""
    small = running_site.service
    small.requests.clear()
    small.feedback.clear()
    small.silent = small.broken = False
    return running_site


@pytest.fixture
def page(chromium: Browser, site: Site) -> Iterator[Page]:
    """Return the order-entry page in a fresh profile; the test fails on any script error."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)  # a busy machine is no failure
    expect.set_options(timeout=30_000)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on(
        "console",
        lambda message: (
            errors.append(message.text) if "Content Security" in message.text else None
        ),
    )
    opened.goto(site.url)
    yield opened
    context.close()
    assert errors == []
