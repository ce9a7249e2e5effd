"""The routes of the SMART app's launch: from the EHR's link to the page, and out again.

What a person reads is a page; nothing that came from outside stands in it but escaped. No route
redirects anywhere but to the registered EHR's authorization endpoint and to the app's own page
(SM-006).

Specification: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable
from dataclasses import dataclass
from html import escape
from typing import Final, final
from urllib.parse import quote

import structlog
from fastapi import APIRouter, Request, Response

from cds_hooks.errors import (
    BadRequest,
    CardioTwinError,
    EhrError,
    HostNotAllowed,
    LaunchRefused,
)
from cds_hooks.http.problems import json_response, status_of
from cds_hooks.http.sessions import (
    COOKIE_ATTRIBUTES,
    PARAMETER,
    SessionDoor,
    page_headers,
    words_page,
)
from cds_hooks.security.smart_client import KEY_SET_FRESH_S
from cds_hooks.security.smart_launching import Launching, Started
from cds_hooks.security.smart_registration import (
    CALLBACK_PATH,
    KEY_SET_PATH,
    LAUNCH_PATH,
)
from cds_hooks.security.smart_renewal import Renewal

STANDALONE_PATH: Final = f"{LAUNCH_PATH}/standalone"
LOGOUT_PATH: Final = "/logout"
APP_PATH: Final = "/app"

LAUNCH_COOKIE: Final = "__Host-cardiotwin-launch-"
MOST_LAUNCHES: Final = 4
"""Of one browser at the same time; the cookies of more would outgrow a request's head."""

_STATUS: Final = {"denied": 403}


@final
@dataclass(frozen=True, slots=True)
class SmartRoutes:
    """What the routes of the launch need."""

    launching: Launching
    renewal: Renewal
    door: SessionDoor

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter()
        for path, endpoint, method in (
            (LAUNCH_PATH, self.launch, "GET"),
            (STANDALONE_PATH, self.standalone, "GET"),
            (CALLBACK_PATH, self.callback, "GET"),
            (LOGOUT_PATH, self.logout, "POST"),
            (KEY_SET_PATH, self.key_set, "GET"),
        ):
            router.add_api_route(
                path, endpoint, methods=[method], response_class=Response, response_model=None
            )
        return router

    async def launch(self, request: Request) -> Response:
        """Start from the EHR: ``iss`` and ``launch`` (SM-019)."""
        return await self._told(self._launch(request, ("iss", "launch")))

    async def standalone(self, request: Request) -> Response:
        """Start without the EHR: ``iss`` only; the EHR lets its user choose the patient."""
        return await self._told(self._launch(request, ("iss",)))

    async def callback(self, request: Request) -> Response:
        """Take what the EHR's authorization server sent the browser back with."""
        return await self._told(self._finish(request))

    async def logout(self, request: Request) -> Response:
        """End the session, here and at the EHR."""
        session = await self.door.session_of(request)
        await self.renewal.end(session)
        answer = words_page(
            "Logged out", ["You may close this tab."], 200, session.frame_ancestors
        )
        self.door.take_cookie(session, answer)
        return answer

    async def key_set(self) -> Response:
        """Publish the keys by which EHRs verify this client's assertions (SM-014 to SM-017)."""
        return json_response(
            self.launching.own_keys().public(),
            headers={"Cache-Control": f"public, max-age={KEY_SET_FRESH_S}"},
        )

    async def _launch(self, request: Request, names: tuple[str, ...]) -> Response:
        given = {name: _single(request, name) for name in names}
        started = await self.launching.start(given["iss"], given.get("launch"))
        answer = self._onward(started)
        self._forget_launches(request, answer)
        answer.headers.append(
            "Set-Cookie",
            f"{LAUNCH_COOKIE}{started.cookie_tag}={started.cookie}"
            f"; Max-Age={started.lasts_s}{COOKIE_ATTRIBUTES}",
        )
        return answer

    def _onward(self, started: Started) -> Response:
        going = started.request
        if going.form is None:
            headers = {"Location": going.url, **self._headers()}
            return Response(status_code=303, headers=headers)
        fields = "".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
            for name, value in going.form.items()
        )
        nonce = secrets.token_urlsafe(16)
        page = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>CardioTwin</title>'
            f'<form method="post" action="{escape(going.url)}">{fields}'
            "<button>Continue to the EHR's login</button></form>"
            f'<script nonce="{nonce}">document.forms[0].submit()</script></html>'
        )
        # Browsers hold every redirect after a form to form-action, and where an EHR's login
        # leads is its own affair.
        policy = self._headers()["Content-Security-Policy"].replace("; form-action 'none'", "")
        policy += f"; script-src 'nonce-{nonce}'"
        headers = {**self._headers(), "Content-Security-Policy": policy}
        return Response(page, 200, headers, "text/html; charset=utf-8")

    def _headers(self) -> dict[str, str]:
        return dict(page_headers(self.launching.registrations.frame_ancestors()))

    def _forget_launches(self, request: Request, answer: Response) -> None:
        names = [name for name in request.cookies if name.startswith(LAUNCH_COOKIE)]
        for name in names[: max(0, len(names) + 1 - MOST_LAUNCHES)]:
            answer.headers.append("Set-Cookie", f"{name}=; Max-Age=0{COOKIE_ATTRIBUTES}")

    async def _finish(self, request: Request) -> Response:
        query = {name: request.query_params.getlist(name) for name in request.query_params}
        session = await self.launching.finish(
            query, lambda tag: request.cookies.get(LAUNCH_COOKIE + tag)
        )
        answer = Response(status_code=303, headers=self._headers())
        answer.headers["Location"] = f"{APP_PATH}?{PARAMETER}={quote(session.handle)}"
        self.door.give_cookie(session, answer)
        return answer

    async def _told(self, work: Awaitable[Response]) -> Response:
        """Tell a person what went wrong; the way it is told is the same for every cause."""
        try:
            return await work
        except (LaunchRefused, EhrError, HostNotAllowed, BadRequest) as error:
            reason = getattr(error, "reason", type(error).__name__)
            structlog.contextvars.bind_contextvars(problem=type(error).__name__, reason=reason)
            return words_page(
                "CardioTwin could not be opened",
                [str(error), f"Code for the support: {reason}"],
                _status(error),
                self.launching.registrations.frame_ancestors(),
            )


def _status(error: CardioTwinError) -> int:
    if isinstance(error, LaunchRefused):
        return _STATUS.get(error.reason, 400)
    # What the EHR did not give is a bad gateway to the person who waits for a page.
    return 502 if isinstance(error, EhrError | HostNotAllowed) else status_of(error)[0]


def _single(request: Request, name: str) -> str:
    """Return a parameter that stands in the address once.

    Raises
    ------
    cds_hooks.errors.LaunchRefused
        It is missing, empty, or there twice.
    """
    values = request.query_params.getlist(name)
    if len(values) != 1 or not values[0]:
        raise LaunchRefused(
            "launch-url",
            f"The address that opened this app needs the parameter {name} once; it is the EHR that"
            " writes it there.",
        )
    return values[0]
