"""The clinician's page over HTTP: its files, the view, the workbench, proposals, live events.

Everything about a patient goes through the session's door first. The files hold nothing about
anybody and are open; they run nothing that does not come from here (Content Security Policy
level 3, https://www.w3.org/TR/CSP3/, with Trusted Types: no string becomes markup).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from cds_hooks.errors import Busy, CardioTwinError, NoSession
from cds_hooks.http.limits import Admission, read_body
from cds_hooks.http.problems import json_response
from cds_hooks.http.sessions import SessionDoor
from cds_hooks.security.session import SmartSession
from cds_hooks.services.clinician_plans import WrittenComparison, WrittenProposal
from cds_hooks.services.clinician_proposal import Proposing
from cds_hooks.services.clinician_releases import Models
from cds_hooks.services.clinician_simulation import Workbench
from cds_hooks.services.clinician_view import ClinicianView
from cds_hooks.wire.reading import decode

PAGE_PATH: Final = "/app"
FOLDER: Final = Path(__file__).parents[1] / "page"
MOST_STREAMS: Final = 200
"""Open pages that are told of news at once; each asks the EHR now and then."""

_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_COMPARISON: Final = msgspec.json.Decoder(WrittenComparison)
_PROPOSAL: Final = msgspec.json.Decoder(WrittenProposal)


def static_files(folder: Path = FOLDER) -> Mapping[str, tuple[bytes, str]]:
    """Return every file that the page may load, by its path; read once, so no path is followed."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), _TYPES[path.suffix])
        for path in sorted(folder.rglob("*"))
        if path.suffix in _TYPES
    }


def page_policy(session: SmartSession) -> str:
    """Return the policy of the page, to be framed only by the session's own EHR."""
    ancestors = " ".join(session.frame_ancestors) or "'none'"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; "
        f"require-trusted-types-for 'script'; trusted-types 'none'; frame-ancestors {ancestors}"
    )


@final
@dataclass(frozen=True, slots=True)
class PageRoutes:
    """What the routes of the page need."""

    door: SessionDoor
    view: ClinicianView
    workbench: Workbench
    proposing: Proposing
    models: Models
    admission: Admission
    streams: Admission
    """How many pages are told of news at once."""

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter()
        files = static_files()
        html = (FOLDER / "index.html").read_bytes()

        async def page(request: Request) -> Response:
            """Return the page of a session."""
            return _page(html, await self.door.session_of(request))

        async def static(path: str) -> Response:
            """Return a file of the page; the same for everybody."""
            if path not in files:
                raise HTTPException(404, "there is no such file")
            content, media_type = files[path]
            headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
            return Response(content, headers=headers, media_type=media_type)

        for path, endpoint, method in (
            (PAGE_PATH, page, "GET"),
            (f"{PAGE_PATH}/static/{{path:path}}", static, "GET"),
            (f"{PAGE_PATH}/api/view", self.show, "GET"),
            (f"{PAGE_PATH}/api/releases", self.releases, "GET"),
            (f"{PAGE_PATH}/api/events", self.events, "GET"),
            (f"{PAGE_PATH}/api/simulations", self.simulate, "POST"),
            (f"{PAGE_PATH}/api/proposals", self.propose, "POST"),
        ):
            router.add_api_route(
                path, endpoint, methods=[method], response_class=Response, response_model=None
            )
        return router

    async def show(self, request: Request) -> Response:
        """Return all that the page shows of the session's patient."""
        session = await self.door.session_of(request)
        with self.admission:
            shown = await self.door.with_grant(
                session, lambda grant: self.view.view(session, grant)
            )
            return json_response(shown)

    async def releases(self, request: Request) -> Response:
        """Return the models behind the page, with their source attributes."""
        await self.door.session_of(request)
        return json_response(self.models)

    async def simulate(self, request: Request) -> Response:
        """Compare plans on the twin that the page shows."""
        session = await self.door.session_of(request)
        with self.admission:
            wanted = decode(_COMPARISON, await read_body(request))
            return json_response(await self.workbench.compare(session, wanted))

    async def propose(self, request: Request) -> Response:
        """Create draft proposals of the chosen plan, or give them out to copy."""
        session = await self.door.session_of(request)
        with self.admission:
            plan = decode(_PROPOSAL, await read_body(request)).plan
            proposed = await self.door.with_grant(
                session, lambda grant: self.proposing.propose(session, grant, plan)
            )
            return json_response(proposed)

    async def events(self, request: Request) -> Response:
        """Tell an open page of news, as server-sent events.

        https://html.spec.whatwg.org/multipage/server-sent-events.html. ``checked``: nothing is
        new; ``changed``: the chart holds something else now; ``trouble``: the EHR could not be
        asked; ``ended``: the session is over.
        """
        await self.door.session_of(request)
        if self.streams.present >= MOST_STREAMS:
            raise Busy(f"{MOST_STREAMS} pages are told of news already; this one asks later.")
        known = request.query_params.get("fingerprint", "")
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(
            self._told(request, known), headers=headers, media_type="text/event-stream"
        )

    async def _told(self, request: Request, known: str) -> AsyncIterator[str]:
        with self.streams:
            yield "retry: 15000\n\n"
            while True:
                await asyncio.sleep(self.view.polled_every_s)
                name, found = await self._news(request, known)
                known = found or known
                yield f"event: {name}\ndata: {{}}\n\n"
                if name == "ended":
                    return

    async def _news(self, request: Request, known: str) -> tuple[str, str | None]:
        """Ask the EHR once; the session is looked up anew, since it may have been ended."""
        try:
            session = await self.door.session_of(request)
            found = await self.door.with_grant(
                session, lambda grant: self.view.chart_fingerprint(session, grant)
            )
        except NoSession:
            return "ended", None
        except CardioTwinError:
            return "trouble", None
        return ("checked" if found == known else "changed"), found


def _page(html: bytes, session: SmartSession) -> Response:
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": page_policy(session),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return Response(html, headers=headers, media_type="text/html; charset=utf-8")
