"""Readings of ECGs and radiographs for the clinician's page: JSON, and pictures as PNG.

Everything goes through the session's door; a picture is looked up under the session's own patient,
so that an id of another one opens nothing. Nothing is kept by any cache, and an address names a
reading by a keyed digest, never a patient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from cds_hooks.http.limits import Admission
from cds_hooks.http.page import PAGE_PATH
from cds_hooks.http.problems import json_response
from cds_hooks.http.sessions import SessionDoor
from cds_hooks.services.clinician_readings import ClinicianReadings

READINGS_PATH: Final = f"{PAGE_PATH}/api/readings"
PICTURE_PATH: Final = f"{READINGS_PATH}/picture"


@final
@dataclass(frozen=True, slots=True)
class ReadingRoutes:
    """What the routes of readings need."""

    door: SessionDoor
    readings: ClinicianReadings
    admission: Admission

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter()
        for path, endpoint in ((READINGS_PATH, self.show), (PICTURE_PATH, self.picture)):
            router.add_api_route(
                path, endpoint, methods=["GET"], response_class=Response, response_model=None
            )
        return router

    async def show(self, request: Request) -> Response:
        """Return what was read of the session's patient, and hand over what was not."""
        session = await self.door.session_of(request)
        with self.admission:
            shown = await self.door.with_grant(
                session, lambda grant: self.readings.shown(session, grant)
            )
            return json_response(shown)

    async def picture(self, request: Request) -> Response:
        """Return what was read as a picture."""
        session = await self.door.session_of(request)
        with self.admission:
            wanted = request.query_params.get("id", "")
            found = await self.readings.picture(session, session.grant, wanted)
        if found is None:
            raise HTTPException(404, "there is no such picture of this patient")
        headers = {
            "Cache-Control": "no-store, private",
            "X-Content-Type-Options": "nosniff",
            "Content-Disposition": "inline",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        return Response(found, headers=headers, media_type="image/png")
