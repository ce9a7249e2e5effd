"""The routes of CDS Hooks: trust first, then limits, then the use case.

Specification: https://cds-hooks.hl7.org/2.0/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from fastapi import APIRouter, Request, Response

from cds_hooks.errors import UnknownService
from cds_hooks.http.limits import Admission, read_body
from cds_hooks.http.problems import json_response, outcome
from cds_hooks.security.trust import Trust
from cds_hooks.services.answering import Answering
from cds_hooks.services.feedback import FeedbackReceipt, TakingFeedback

DISCOVERY_PATH: Final = "/cds-services"


@final
@dataclass(frozen=True, slots=True)
class CdsRoutes:
    """What the routes of one application need."""

    public_base_url: str
    """What the EHRs call this service.

    A token's ``aud`` is compared with it, not with ``Host``.
    """
    trust: Trust
    discovery_requires_token: bool
    admission: Admission
    answering: Answering
    feedback: TakingFeedback

    def router(self) -> APIRouter:
        """Return the three routes."""
        router = APIRouter()
        for path, endpoint, method in (
            (DISCOVERY_PATH, self.discover, "GET"),
            (f"{DISCOVERY_PATH}/{{service_id}}", self.call, "POST"),
            (f"{DISCOVERY_PATH}/{{service_id}}/feedback", self.take_feedback, "POST"),
        ):
            router.add_api_route(
                path, endpoint, methods=[method], response_class=Response, response_model=None
            )
        return router

    async def discover(self, request: Request) -> Response:
        """List the CDS Services: https://cds-hooks.hl7.org/2.0/#discovery."""
        if self.discovery_requires_token:
            await self._caller(request, DISCOVERY_PATH)
        return json_response(self.answering.registry.discovery())

    async def call(self, service_id: str, request: Request) -> Response:
        """Answer a hook: https://cds-hooks.hl7.org/2.0/#calling-a-cds-service."""
        issuer = await self._caller(request, f"{DISCOVERY_PATH}/{service_id}")
        self._known(service_id)
        with self.admission:
            body = await read_body(request)
            answer = await self.answering.answer(service_id, issuer, body)
            return json_response(answer)

    async def take_feedback(self, service_id: str, request: Request) -> Response:
        """Take feedback: https://cds-hooks.hl7.org/2.0/#feedback."""
        issuer = await self._caller(request, f"{DISCOVERY_PATH}/{service_id}/feedback")
        self._known(service_id)
        with self.admission:
            body = await read_body(request)
            return _receipt(await self.feedback.take(service_id, issuer, body))

    async def _caller(self, request: Request, path: str) -> str:
        given = request.headers.getlist("authorization")
        return await self.trust.caller(given, self.public_base_url + path)

    def _known(self, service_id: str) -> None:
        if not self.answering.registry.has(service_id):
            raise UnknownService("No CDS Service has this id; see GET /cds-services.")


def _receipt(receipt: FeedbackReceipt) -> Response:
    """Say which items were kept; the specification gives the answer no content of its own."""
    kept = receipt.items - len(receipt.unknown)
    sentences = [f"{kept} of {receipt.items} items are stored."]
    sentences += [
        f"$.feedback[{index}] is about a card or suggestion that this service did not send to"
        " this client; it is not stored."
        for index in receipt.unknown
    ]
    return json_response(outcome("informational", *sentences, severity="information"))
