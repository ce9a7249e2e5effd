"""The FHIR R4 REST interface of the sandbox, over its store.

Interactions: https://hl7.org/fhir/R4/http.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import final
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request, Response

from sandbox_ehr.access_tokens import (
    CREATE,
    READ,
    SEARCH,
    AccessTokens,
    check_covers,
    check_type,
)
from sandbox_ehr.capability import capability_statement
from sandbox_ehr.clock import Now
from sandbox_ehr.errors import (
    BadResource,
    Gone,
    NoSuchResource,
    NotAcceptable,
    OutsideToken,
    TooLarge,
    UnknownType,
)
from sandbox_ehr.resources import Resource
from sandbox_ehr.search import OFFSET, Found, find, parse_query
from sandbox_ehr.search_parameters import SEARCH_PARAMETERS
from sandbox_ehr.store import Store
from sandbox_ehr.transaction import run_transaction

FHIR_JSON = "application/fhir+json"
LARGEST_BODY = 2_000_000
Pairs = Sequence[tuple[str, str]]


@final
class FhirInterface:
    """One FHIR base: routes requests to the store."""

    def __init__(
        self, store: Store, tokens: AccessTokens, base_url: str, now: Now, largest_page: int
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._base_url = base_url
        self._now = now
        self._largest_page = largest_page

    def router(self) -> APIRouter:
        """Return the routes, relative to the base."""
        router = APIRouter()
        router.add_api_route("/metadata", self.metadata, methods=["GET"])
        for base in ("", "/"):
            router.add_api_route(base, self.transaction, methods=["POST"])
        router.add_api_route("/{resource_type}", self.search_by_get, methods=["GET"])
        router.add_api_route("/{resource_type}", self.create, methods=["POST"])
        router.add_api_route("/{resource_type}/_search", self.search_by_post, methods=["POST"])
        router.add_api_route("/{resource_type}/{resource_id}", self.read, methods=["GET"])
        router.add_api_route("/{resource_type}/{resource_id}", self.update, methods=["PUT"])
        router.add_api_route("/{resource_type}/{resource_id}", self.delete, methods=["DELETE"])
        router.add_api_route(
            "/{resource_type}/{resource_id}/_history/{version}", self.read_version, methods=["GET"]
        )
        return router

    def searched(self, resource_type: str, pairs: Pairs, lenient: bool = False) -> Resource:
        """Return the searchset Bundle for a search; what ``fhirServer`` and prefetch both give."""
        if resource_type not in SEARCH_PARAMETERS:
            raise UnknownType(f"'{resource_type[:40]}' is not held here.")
        query = parse_query(resource_type, pairs, self._base_url, self._largest_page, lenient)
        found = find(query, self._store.all_of(resource_type), self._base_url)
        return self._bundle(resource_type, pairs, found)

    async def metadata(self) -> Response:
        """Answer what the server can do."""
        statement = capability_statement(self._base_url, self._now().date().isoformat())
        return fhir_response(statement)

    async def search_by_get(self, request: Request, resource_type: str) -> Response:
        """Search with the conditions in the URL."""
        pairs = parse_qsl(request.url.query, keep_blank_values=True)
        return self._answer_search(request, resource_type, pairs)

    async def search_by_post(self, request: Request, resource_type: str) -> Response:
        """Search with the conditions in a form, as clients do to keep them out of logs."""
        form = parse_qsl((await _body(request)).decode(errors="replace"), keep_blank_values=True)
        pairs = [*parse_qsl(request.url.query, keep_blank_values=True), *form]
        return self._answer_search(request, resource_type, pairs)

    async def read(self, request: Request, resource_type: str, resource_id: str) -> Response:
        """Return the current version."""
        return self._answer_read(request, self._store.read(resource_type, resource_id))

    async def read_version(
        self, request: Request, resource_type: str, resource_id: str, version: str
    ) -> Response:
        """Return one version."""
        if not re.fullmatch(r"\d{1,9}", version):
            raise NoSuchResource("Versions here are numbered from 1.")
        found = self._store.read(resource_type, resource_id, int(version))
        return self._answer_read(request, found)

    async def create(self, request: Request, resource_type: str) -> Response:
        """Store a new resource."""
        allowance = self._tokens.allowance(request.headers.get("authorization"))
        check_type(allowance, resource_type, CREATE)
        resource = await _resource(request, resource_type)
        check_covers(allowance, [resource])
        return self._answer_write(self._store.create(resource))

    async def update(self, request: Request, resource_type: str, resource_id: str) -> Response:
        """Store a new version, or a resource under an id of the client's choice."""
        self._refuse_token(request)
        resource = await _resource(request, resource_type)
        if resource.get("id") != resource_id:
            raise BadResource("The resource's id and the id in the URL differ.")
        stored = self._store.update(resource, _version(request.headers.get("if-match")))
        return self._answer_write(stored)

    async def delete(self, request: Request, resource_type: str, resource_id: str) -> Response:
        """Delete a resource."""
        self._refuse_token(request)
        self._store.delete(resource_type, resource_id)
        return Response(status_code=204)

    async def transaction(self, request: Request) -> Response:
        """Apply a transaction Bundle."""
        self._refuse_token(request)
        return fhir_response(run_transaction(self._store, await _resource(request, "Bundle")))

    def _answer_search(self, request: Request, resource_type: str, pairs: Pairs) -> Response:
        _check_format(dict(pairs))
        lenient = "handling=lenient" in request.headers.get("prefer", "")
        allowance = self._tokens.allowance(request.headers.get("authorization"))
        check_type(allowance, resource_type, SEARCH)
        bundle = self.searched(resource_type, pairs, lenient)
        check_covers(allowance, (entry["resource"] for entry in bundle.get("entry", [])))
        return fhir_response(bundle)

    def _answer_read(self, request: Request, resource: Resource) -> Response:
        _check_format(dict(request.query_params))
        allowance = self._tokens.allowance(request.headers.get("authorization"))
        check_type(allowance, resource["resourceType"], READ)
        check_covers(allowance, [resource])
        return fhir_response(resource, headers={"ETag": _etag(resource)})

    def _answer_write(self, stored: Resource) -> Response:
        version = stored["meta"]["versionId"]
        place = f"{self._base_url}/{stored['resourceType']}/{stored['id']}/_history/{version}"
        return fhir_response(
            stored,
            status=201 if version == "1" else 200,
            headers={"ETag": _etag(stored), "Location": place},
        )

    def _refuse_token(self, request: Request) -> None:
        """Refuse to change what is there under a token: apps may create, hooks may read."""
        if self._tokens.allowance(request.headers.get("authorization")):
            raise OutsideToken("No access token allows changing what is there.")

    def _bundle(self, resource_type: str, pairs: Pairs, found: Found) -> Resource:
        links = [{"relation": "self", "url": self._search_url(resource_type, pairs)}]
        if found.next_offset is not None:
            following = [pair for pair in pairs if pair[0] != OFFSET]
            url = self._search_url(resource_type, [*following, (OFFSET, str(found.next_offset))])
            links.append({"relation": "next", "url": url})
        entries = [self._entry(resource, "match") for resource in found.page]
        entries.extend(self._included(found.included))
        bundle: Resource = {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": found.total,
            "link": links,
        }
        return {**bundle, "entry": entries} if entries else bundle

    def _included(self, references: Iterable[str]) -> Iterator[Resource]:
        for reference in references:
            resource_type, _, resource_id = reference.partition("/")
            # A reference may dangle; what it points to is then left out, not the whole search.
            with suppress(NoSuchResource, Gone, UnknownType):
                yield self._entry(self._store.read(resource_type, resource_id), "include")

    def _search_url(self, resource_type: str, pairs: Pairs) -> str:
        query = urlencode(pairs, safe=":,/")
        return f"{self._base_url}/{resource_type}{'?' if query else ''}{query}"

    def _entry(self, resource: Resource, mode: str) -> Resource:
        return {
            "fullUrl": f"{self._base_url}/{resource['resourceType']}/{resource['id']}",
            "resource": resource,
            "search": {"mode": mode},
        }


def fhir_response(
    resource: Resource, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Return a resource as a FHIR JSON response."""
    return Response(json.dumps(resource), status, headers, FHIR_JSON)


def _etag(resource: Resource) -> str:
    return f'W/"{resource["meta"]["versionId"]}"'


def _version(if_match: str | None) -> int | None:
    if if_match is None:
        return None
    found = re.fullmatch(r'(?:W/)?"(\d{1,9})"', if_match.strip())
    if not found:
        raise BadResource('If-Match must be of the form W/"3".')
    return int(found[1])


def _check_format(parameters: dict[str, str]) -> None:
    wanted = parameters.get("_format", "json")
    if "json" not in wanted:
        raise NotAcceptable(f"_format={wanted[:40]} is not spoken here; use json.")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise TooLarge(f"The body exceeds {LARGEST_BODY} bytes.")
    return bytes(body)


async def _resource(request: Request, resource_type: str) -> Resource:
    """Read the body as a resource of one type."""
    try:
        resource = json.loads(await _body(request))
    except (ValueError, RecursionError) as error:
        raise BadResource("The body is not JSON.") from error
    if not isinstance(resource, dict) or resource.get("resourceType") != resource_type:
        raise BadResource(f"The body is no {resource_type[:40]}.")
    return resource
