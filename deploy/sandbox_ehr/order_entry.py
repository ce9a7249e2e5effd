"""What the order-entry page asks of its own server: settings, signed tokens, ready hook requests.

The page itself calls the CDS Services from the browser, as public clients do, so that their
cross-origin rules are exercised; only what a browser must not hold, the signing key, stays here.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from fastapi import APIRouter, Request, Response

from sandbox_ehr.access_tokens import LIFETIME, SCOPE, AccessTokens
from sandbox_ehr.client_key import ClientKey
from sandbox_ehr.clock import Now
from sandbox_ehr.errors import BadResource, ForeignService
from sandbox_ehr.fhir_http import FhirInterface
from sandbox_ehr.identity import PRACTITIONER
from sandbox_ehr.prefetch import prefetched
from sandbox_ehr.smart_clients import SmartClient
from sandbox_ehr.store import Store


@dataclass(frozen=True, slots=True)
class HookRequest:
    """What the page wants to call: https://cds-hooks.hl7.org/2.0/#calling-a-cds-service."""

    hook: str
    service: str
    context: Mapping[str, object]
    prefetch: Mapping[str, str]
    send_prefetch: bool


@final
class OrderEntry:
    """The client half of the sandbox."""

    def __init__(
        self,
        store: Store,
        fhir: FhirInterface,
        tokens: AccessTokens,
        key: ClientKey,
        fhir_base: str,
        cds_services: str,
        smart_clients: Sequence[SmartClient],
        now: Now,
    ) -> None:
        self._store = store
        self._fhir = fhir
        self._tokens = tokens
        self._key = key
        self._fhir_base = fhir_base
        self._cds_services = cds_services
        self._smart_clients = smart_clients
        self._now = now

    def router(self) -> APIRouter:
        """Return the routes, relative to the site's root."""
        router = APIRouter()
        router.add_api_route("/.well-known/jwks.json", self.key_set, methods=["GET"])
        router.add_api_route("/order-entry/settings", self.settings, methods=["GET"])
        router.add_api_route("/order-entry/token", self.token, methods=["POST"])
        router.add_api_route("/order-entry/hook-request", self.hook_request, methods=["POST"])
        return router

    async def key_set(self) -> Response:
        """Publish the key by which a service verifies the sandbox's calls."""
        return _json(self._key.public_key_set(), {"Cache-Control": "max-age=60"})

    async def settings(self) -> Response:
        """Tell the page where its services and its FHIR server are."""
        return _json(
            {
                "cdsServices": self._cds_services,
                "fhirServer": self._fhir_base,
                "user": PRACTITIONER,
                "apps": [
                    {"client": each.client_id, "launchUrl": each.launch_url}
                    for each in self._smart_clients
                ],
                "now": self._now().isoformat(timespec="seconds"),
            }
        )

    async def token(self, request: Request) -> Response:
        """Sign a token for one call: discovery, a service or its feedback."""
        url = (await _object(request)).get("url")
        return _json({"authorization": f"Bearer {self._key.sign(self._checked(url))}"})

    async def hook_request(self, request: Request) -> Response:
        """Return the URL, the signed token and the whole body of one hook request."""
        wanted = _hook_request(await _object(request))
        url = self._checked(f"{self._cds_services}/{wanted.service}")
        return _json(
            {
                "url": url,
                "authorization": f"Bearer {self._key.sign(url)}",
                "body": self._request_body(wanted),
            }
        )

    def _request_body(self, wanted: HookRequest) -> dict[str, object]:
        patient_id = str(wanted.context.get("patientId", ""))
        body: dict[str, object] = {
            "hook": wanted.hook,
            "hookInstance": str(uuid.uuid4()),
            "fhirServer": self._fhir_base,
            "fhirAuthorization": {
                "access_token": self._tokens.issue(patient_id),
                "token_type": "Bearer",
                "expires_in": int(LIFETIME.total_seconds()),
                "scope": SCOPE,
                "subject": "cardiotwin-sandbox",
                "patient": patient_id,
            },
            "context": {"userId": PRACTITIONER, **wanted.context},
        }
        if wanted.send_prefetch and wanted.prefetch:
            body["prefetch"] = prefetched(
                wanted.prefetch,
                {"userId": PRACTITIONER, **wanted.context},
                self._now().date(),
                self._store.read,
                self._fhir.searched,
            )
        return body

    def _checked(self, url: object) -> str:
        """Return the URL if it lies under the configured services; sign for no one else."""
        inside = url == self._cds_services or str(url).startswith(f"{self._cds_services}/")
        if not inside or any(part in {"", ".", ".."} for part in str(url).split("/")[3:]):
            raise ForeignService("The sandbox signs for its configured CDS Services only.")
        return str(url)


def _hook_request(raw: Mapping[str, Any]) -> HookRequest:
    context, prefetch = raw.get("context"), raw.get("prefetch") or {}
    if not isinstance(context, dict) or not isinstance(prefetch, dict):
        raise BadResource("A hook request needs the objects 'context' and 'prefetch'.")
    return HookRequest(
        hook=str(raw.get("hook")),
        service=str(raw.get("service")),
        context=context,
        prefetch={str(key): str(template) for key, template in prefetch.items()},
        send_prefetch=raw.get("sendPrefetch") is not False,
    )


async def _object(request: Request) -> Mapping[str, Any]:
    try:
        raw = json.loads(await request.body())
    except ValueError as error:
        raise BadResource("The body is not JSON.") from error
    if not isinstance(raw, dict):
        raise BadResource("The body is no JSON object.")
    return raw


def _json(content: object, headers: Mapping[str, str] | None = None) -> Response:
    sent = {"Cache-Control": "no-store", **(headers or {})}
    return Response(json.dumps(content), 200, sent, "application/json")
