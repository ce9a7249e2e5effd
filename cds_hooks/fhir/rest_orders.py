"""Draft orders created at an EHR over HTTP: an adapter of ``OrderWriting``. No meaning.

One POST a resource (https://hl7.org/fhir/R4/http.html#create), through the egress gate, with the
grant's token. It is never sent again by itself: a second POST would be a second order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, final

import httpx2
import msgspec

from cds_hooks.errors import (
    EhrLacks,
    EhrRefused,
    EhrUnauthorized,
    EhrUnreachable,
    EhrUnreadable,
)
from cds_hooks.fhir.resources import head
from cds_hooks.ports import Clock, Grant

MOST_REPLY_BYTES: Final = 1_000_000
_TYPE: Final = re.compile(r"[A-Za-z]{1,40}")
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")


@final
class RestOrders:
    """Creates resources on the FHIR server that the grant names."""

    def __init__(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def create(self, resource: Mapping[str, object], grant: Grant) -> str:
        """Create one resource, and return its reference; see ``OrderWriting.create``."""
        if grant.expires_at is not None and grant.expires_at <= self._clock.now():
            raise EhrUnauthorized("The access token has expired; a new one is needed.")
        resource_type = str(resource.get("resourceType"))
        if not _TYPE.fullmatch(resource_type):
            raise EhrUnreadable("What is to be created has no resource type.")
        reply = await self._sent(
            f"{grant.fhir_server.rstrip('/')}/{resource_type}", resource, grant
        )
        found = _id_of(reply, resource_type)
        if found is None:
            raise EhrUnreadable(
                "The FHIR server accepted the draft but did not say under which id; look for it "
                "in the EHR before you send it again."
            )
        return f"{resource_type}/{found}"

    async def _sent(
        self, url: str, resource: Mapping[str, object], grant: Grant
    ) -> httpx2.Response:
        headers = {
            "Accept": "application/fhir+json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/fhir+json",
            "Prefer": "return=representation",
        }
        if grant.access_token is not None:
            headers["Authorization"] = f"Bearer {grant.access_token}"
        try:
            reply = await self._client.post(
                url, content=msgspec.json.encode(dict(resource)), headers=headers
            )
        except httpx2.TransportError:
            raise EhrUnreachable(
                "The FHIR server did not answer; whether the draft was created is not known. Look "
                "for it in the EHR before you send it again."
            ) from None
        except (httpx2.InvalidURL, httpx2.HTTPError):
            raise EhrUnreadable("The FHIR server's reply is no HTTP that can be read.") from None
        _refuse_status(reply.status_code)
        return reply


def _refuse_status(status: int) -> None:
    if status == 401:
        raise EhrUnauthorized("The FHIR server did not take the access token (status 401).")
    if status == 403:
        raise EhrRefused("The FHIR server did not allow the draft (status 403).")
    if status in {404, 410}:
        raise EhrLacks(f"The FHIR server takes no such order (status {status}).")
    if status not in {200, 201}:
        raise EhrUnreadable(f"The FHIR server refused the draft (status {status}).")


def _id_of(reply: httpx2.Response, resource_type: str) -> str | None:
    """Return the new id from ``Location``, else from the resource that came back."""
    parts = reply.headers.get("Location", "").split("/")
    if resource_type in parts:
        following = parts[len(parts) - parts[::-1].index(resource_type) :]
        if following and _ID.fullmatch(following[0]):
            return following[0]
    if len(reply.content) > MOST_REPLY_BYTES:
        return None
    named = head(msgspec.Raw(reply.content))
    found = named.id if named.resource_type == resource_type else None
    return found if found is not None and _ID.fullmatch(found) else None
