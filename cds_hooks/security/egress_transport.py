"""Sending what passed the gate: an httpx2 transport bound to an allow-list.

A name is resolved once and the connection goes to the very address that was judged, so that a
second answer of the DNS cannot redirect it. No redirect is followed and no proxy of the
environment obeyed: either would send the request where nobody judged.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias, final

import httpx2

from cds_hooks.errors import HostNotAllowed
from cds_hooks.security.egress import Egress, Origin

Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host, as the operating system resolves it."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


@final
class EgressTransport(httpx2.AsyncBaseTransport):
    """Sends requests to allowed servers only, at the addresses that were judged.

    One pool of connections a server: a pool shared by address would hand a connection whose
    certificate was checked for one name to another name at the same address.

    Raises
    ------
    cds_hooks.errors.HostNotAllowed
        From a request: the server, or every address of its name, is not allowed; nothing was sent.
    """

    def __init__(self, egress: Egress, resolver: Resolver = resolve) -> None:
        self._egress = egress
        self._resolver = resolver
        self._pools: dict[Origin, httpx2.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request; httpx2 calls this, redirects included, so that each is judged anew."""
        origin = self._egress.check(str(request.url)).origin
        # A transport reads every certificate of the machine when it is made: 20 ms and more.
        if origin not in self._pools:
            self._pools[origin] = httpx2.AsyncHTTPTransport(trust_env=False)
        pool = self._pools[origin]
        failure: httpx2.ConnectError | None = None
        for address in await self._admitted(origin):
            try:
                return await pool.handle_async_request(_pinned(request, origin, address))
            except httpx2.ConnectError as error:
                failure = error
        raise failure or httpx2.ConnectError("The server's name has no address.")

    async def _admitted(self, origin: Origin) -> Sequence[str]:
        try:
            addresses = await self._resolver(origin.host, origin.port)
        except OSError as error:
            raise httpx2.ConnectError("The server's name could not be resolved.") from error
        admitted = [each for each in addresses if self._egress.admits(origin.host, each)]
        if addresses and not admitted:
            raise HostNotAllowed(
                "The server's name leads to a private address; list its network in the"
                " configuration if it is trusted. Nothing was sent."
            )
        return admitted

    async def aclose(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            await pool.aclose()


def _pinned(request: httpx2.Request, origin: Origin, address: str) -> httpx2.Request:
    headers = httpx2.Headers(request.headers)
    headers["Host"] = request.url.netloc.decode("ascii")
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=headers,
        stream=request.stream,
        extensions=dict(request.extensions) | {"sni_hostname": origin.host},
    )


class _JudgingClient(httpx2.AsyncClient):
    """Shows the gate an address as it was written: httpx2 mends addresses when it reads them.

    It takes out line ends and dot segments, say; what two readers could understand differently
    must not be mended but refused. The transport judges again what is about to be sent.
    """

    def __init__(self, egress: Egress, transport: EgressTransport, timeout_s: float) -> None:
        super().__init__(
            transport=transport, timeout=timeout_s, follow_redirects=False, trust_env=False
        )
        self._egress = egress

    def build_request(
        self,
        method: str,
        url: httpx2.URL | str,
        *args: Any,  # noqa: ANN401
        **kwargs: Any,  # noqa: ANN401
    ) -> httpx2.Request:
        """Return the request, if its address may be asked."""
        self._egress.check(str(url))
        return super().build_request(method, url, *args, **kwargs)


def client(
    egress: Egress, *, timeout_s: float, resolver: Resolver = resolve
) -> httpx2.AsyncClient:
    """Return an HTTP client that passes the gate and follows no redirect and no proxy."""
    return _JudgingClient(egress, EgressTransport(egress, resolver), timeout_s)
