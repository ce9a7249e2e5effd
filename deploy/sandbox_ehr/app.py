"""The sandbox EHR put together: FHIR interface, pages, authorization server, published keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox_ehr.access_tokens import AccessTokens
from sandbox_ehr.authorization import AuthorizationServer
from sandbox_ehr.authorization_http import AuthorizationRoutes, KeySetOf, key_set_at
from sandbox_ehr.client_key import ClientKey
from sandbox_ehr.clock import Now, wall_clock
from sandbox_ehr.errors import SandboxError, UnknownType, operation_outcome
from sandbox_ehr.fhir_http import FhirInterface, fhir_response
from sandbox_ehr.identity import IdentityKey
from sandbox_ehr.order_entry import OrderEntry
from sandbox_ehr.patients.load import load_patients
from sandbox_ehr.smart_clients import SmartClient
from sandbox_ehr.store import Store

PAGE = Path(__file__).parent / "page"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the sandbox stands and what it talks to."""

    public_url: str
    """Its own origin, which is also the ``iss`` of its tokens; no slash at the end."""
    cds_services: str
    """The discovery URL of the CDS Services that the page calls."""
    dicomweb: str
    """The DICOMweb base that the sample patients' Endpoint names."""
    largest_page: int = 500
    """The most entries in one page of a search."""
    smart_clients: tuple[SmartClient, ...] = ()
    """The SMART apps that are registered here."""


def create_app(
    settings: Settings, now: Now = wall_clock, key_set_of: KeySetOf = key_set_at
) -> FastAPI:
    """Return the sandbox with its sample patients loaded."""
    store, tokens = Store(now), AccessTokens(now)
    load_patients(store, now(), settings.dicomweb)
    fhir_base = f"{settings.public_url}/fhir"
    fhir = FhirInterface(store, tokens, fhir_base, now, settings.largest_page)
    key = ClientKey(settings.public_url, now)
    entry = OrderEntry(
        store, fhir, tokens, key, fhir_base, settings.cds_services, settings.smart_clients, now
    )
    identity = IdentityKey(fhir_base, now)
    server = AuthorizationServer(settings.smart_clients, tokens, identity, fhir_base, now)
    authorization = AuthorizationRoutes(
        server, identity, store, settings.public_url, now, key_set_of
    )

    app = FastAPI(title="CardioTwin sandbox EHR", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(SandboxError, _refused)
    app.add_exception_handler(404, _no_such_page)
    # Before the FHIR routes, to which .well-known would be a type of resource.
    app.include_router(authorization.router())
    app.include_router(fhir.router(), prefix="/fhir")
    app.include_router(entry.router())
    app.add_api_route("/", _front_page, methods=["GET"])
    app.add_api_route("/portal", _portal, methods=["GET"])
    app.mount("/page", StaticFiles(directory=PAGE))
    services = urlsplit(settings.cds_services)
    app.add_middleware(
        PageHeaders,
        services=f"{services.scheme}://{services.netloc}",
        archive=_origin(settings.dicomweb),
        apps=" ".join(dict.fromkeys(_origin(each.launch_url) for each in settings.smart_clients)),
    )
    return app


class PageHeaders:
    """ASGI middleware: headers that confine the pages to themselves, CDS Services and apps.

    Content Security Policy: https://www.w3.org/TR/CSP3/.
    """

    def __init__(self, app: ASGIApp, services: str, archive: str, apps: str) -> None:
        self._app = app
        policy = (
            f"default-src 'none'; script-src 'self'; style-src 'self'; "
            f"img-src 'self' {services} {archive}; connect-src 'self' {services}; "
            f"frame-src 'self' {apps}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        self._headers = [
            (b"content-security-policy", policy.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"cross-origin-opener-policy", b"same-origin"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers to every HTTP response."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *self._headers]
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


async def _front_page() -> Response:
    return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})


async def _portal() -> Response:
    return FileResponse(PAGE / "portal.html", headers={"Cache-Control": "no-cache"})


async def _refused(_: Request, error: Exception) -> Response:
    refusal = error if isinstance(error, SandboxError) else SandboxError("Unknown failure.")
    return fhir_response(operation_outcome(refusal), refusal.status)


async def _no_such_page(_: Request, __: Exception) -> Response:
    outcome = operation_outcome(UnknownType("There is nothing at this address."))
    return fhir_response(outcome, 404)
