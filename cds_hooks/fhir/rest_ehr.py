"""The EHR's FHIR R4 server over HTTP: an adapter of ``Ehr``. Reading and paging; no meaning.

Pages are followed here and not by a FHIR client library: every request must pass the egress gate
(one httpx2 client, bound to the allow-list), be counted in bytes before it is parsed, and carry
the token to its own server only. fhirpy brings its own connections, follows redirects and reads a
reply whole; see ``deploy/decisions/0020-reading-the-ehr.md``.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, final
from urllib.parse import quote

import httpx2
import msgspec

from cds_hooks.errors import (
    EhrEndless,
    EhrLacks,
    EhrRefused,
    EhrUnauthorized,
    EhrUnreachable,
    EhrUnreadable,
    HostNotAllowed,
)
from cds_hooks.fhir.resources import Bundle, head
from cds_hooks.ports import Clock, FhirQuery, Grant
from cds_hooks.security.egress import origin_of

_AS_IT_IS: Final = "/?:@!$&'()*+,;=~%"
"""RFC 3986's characters of a query; the bar of ``system|code`` is none, so HAPI refuses it."""

_BUNDLE: Final = msgspec.json.Decoder(Bundle)
_LACKING: Final = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What one query may cost."""

    pages: int = 20
    entries: int = 5_000
    """The same as a hook's prefetch may hold."""
    reply_bytes: int = 16_000_000
    """Of all pages together; 5,000 Observations take some 5 MB."""
    seconds: float = 10.0
    """For the whole query; the caller's own deadline is usually shorter."""


@final
class RestEhr:
    """Reads and searches one FHIR server at a time, the one the grant names.

    Parameters
    ----------
    client
        A client that passes the egress gate and follows no redirect.
    clock
        Tells whether the grant's token has expired.
    limits
        What one query may cost.
    """

    def __init__(
        self, client: httpx2.AsyncClient, clock: Clock, limits: ReadLimits | None = None
    ) -> None:
        self._client = client
        self._clock = clock
        self._limits = limits or ReadLimits()

    async def search(self, query: FhirQuery, grant: Grant) -> tuple[msgspec.Raw, ...]:
        """Return the resources of a read, or of a search's pages until ``query.enough``.

        Raises
        ------
        cds_hooks.errors.EhrUnauthorized
            401, or the grant's token has expired (CH-055).
        cds_hooks.errors.EhrRefused
            403.
        cds_hooks.errors.EhrLacks
            404 or 410.
        cds_hooks.errors.EhrUnreachable
            No connection, reset, or no reply by the deadline.
        cds_hooks.errors.EhrUnreadable
            The reply is no FHIR JSON, a redirect, or a server error.
        cds_hooks.errors.EhrEndless
            More pages, entries or bytes than are accepted.
        cds_hooks.errors.HostNotAllowed
            The base is not on the allow-list, or a next link leaves it; nothing was sent there.
        """
        if grant.expires_at is not None and grant.expires_at <= self._clock.now():
            raise EhrUnauthorized("The access token has expired; a new one is needed.")
        reading = _Reading(self._client, grant, self._limits)
        try:
            async with asyncio.timeout(self._limits.seconds):
                return await reading.all_pages(query)
        except TimeoutError:
            raise EhrUnreachable(
                f"The FHIR server did not answer within {self._limits.seconds:g} s."
            ) from None


class _Reading:
    """One query: its pages, and what they have cost so far."""

    def __init__(self, client: httpx2.AsyncClient, grant: Grant, limits: ReadLimits) -> None:
        self._client = client
        self._base = grant.fhir_server.rstrip("/")
        self._headers = {"Accept": "application/fhir+json", "Accept-Encoding": "identity"}
        if grant.access_token is not None:
            self._headers["Authorization"] = f"Bearer {grant.access_token}"
        self._limits = limits
        self._bytes_left = limits.reply_bytes

    async def all_pages(self, query: FhirQuery) -> tuple[msgspec.Raw, ...]:
        url: str | None = self._own(
            f"{self._base}{_separator(query.path)}{quote(query.path, _AS_IT_IS)}"
        )
        found: list[msgspec.Raw] = []
        visited: set[str] = set()
        while url is not None:
            if url in visited or len(visited) == self._limits.pages:
                raise EhrEndless(
                    f"The search has more than {self._limits.pages} pages, or one leads back to "
                    "another. Narrow the query or raise the page size."
                )
            visited.add(url)
            resources, link = _page(await self._fetched(url))
            found += resources
            if len(found) > self._limits.entries:
                raise EhrEndless(
                    f"The search has more than {self._limits.entries} entries. Narrow the query."
                )
            if query.enough is not None and len(found) >= query.enough:
                break
            url = self._own(link) if link is not None else None
        return tuple(found)

    def _own(self, url: str) -> str:
        """Return a URL of the grant's own server; the token goes nowhere else (CH-057)."""
        rest = url[len(self._base) :]
        own = origin_of(url) == origin_of(self._base) and url.startswith(self._base)
        if not own or rest[:1] not in {"/", "?"}:
            raise HostNotAllowed(
                "A link of the FHIR server leads away from its own base; it was not followed. "
                "Let the server name itself as in $.fhirServer."
            )
        return url

    async def _fetched(self, url: str) -> bytes:
        try:
            async with self._client.stream("GET", url, headers=self._headers) as reply:
                _refuse_status(reply.status_code)
                if reply.headers.get("Content-Encoding", "identity") != "identity":
                    # A kilobyte of gzip can be a megabyte of zeros; it was not asked for.
                    raise EhrUnreadable("The FHIR server compressed its reply unasked.")
                return await self._body(reply)
        except httpx2.TimeoutException:
            raise EhrUnreachable("The FHIR server did not answer in time.") from None
        except httpx2.TransportError:
            raise EhrUnreachable("The FHIR server could not be reached or hung up.") from None
        except (httpx2.InvalidURL, httpx2.HTTPError):
            raise EhrUnreadable("The FHIR server's reply is no HTTP that can be read.") from None

    async def _body(self, reply: httpx2.Response) -> bytes:
        body = bytearray()
        async for chunk in reply.aiter_raw():
            body += chunk
            if len(body) > self._bytes_left:
                raise EhrEndless(
                    f"The FHIR server's replies exceed {self._limits.reply_bytes / 1e6:g} MB. "
                    "Narrow the query."
                )
        self._bytes_left -= len(body)
        return bytes(body)


def _separator(path: str) -> str:
    return "" if path.startswith("?") else "/"


def _refuse_status(status: int) -> None:
    if status == 401:
        raise EhrUnauthorized("The FHIR server denied the query with status 401.")
    if status == 403:
        raise EhrRefused("The FHIR server denied the query with status 403.")
    if status in _LACKING:
        raise EhrLacks(f"The FHIR server answered with status {status}: there is none.")
    if 300 <= status < 400:
        raise EhrUnreadable(f"The FHIR server redirects (status {status}), which is not followed.")
    if status != 200:
        raise EhrUnreadable(f"The FHIR server answered with status {status}.")


def _page(body: bytes) -> tuple[list[msgspec.Raw], str | None]:
    """Return the resources of a reply, and the link to the next page of a Bundle."""
    raw = msgspec.Raw(body)
    resource_type = head(raw).resource_type if _is_utf8(body) else None
    if resource_type is None:
        raise EhrUnreadable("The FHIR server's reply is no FHIR JSON.")
    if resource_type == "OperationOutcome":
        raise EhrUnreadable("The FHIR server answered with an OperationOutcome in place of data.")
    if resource_type != "Bundle":
        return [_whole(raw)], None
    try:
        bundle = _BUNDLE.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise EhrUnreadable("The FHIR server's Bundle cannot be read.") from None
    links = (link.url for link in bundle.link or () if link.relation == "next")
    resources = [
        entry.resource
        for entry in bundle.entry or ()
        if len(bytes(entry.resource)) and not (entry.search and entry.search.mode == "outcome")
    ]
    return resources, next(links, None)


def _is_utf8(body: bytes) -> bool:
    """Return whether a reply is UTF-8 throughout: `head` would pass over what is not."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _whole(raw: msgspec.Raw) -> msgspec.Raw:
    """Return a single resource; `head` skips over what it does not read, so all is read here."""
    try:
        msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise EhrUnreadable("The FHIR server's reply is no readable JSON.") from None
    return raw
