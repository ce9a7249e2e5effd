"""Keys come from files and listed URLs, are cached, and an unknown one reloads the set once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.security.egress import Egress
from cds_hooks.security.egress_transport import client
from cds_hooks.security.jwks import ConfiguredKeys, FileKeys, RemoteKeys, keys_of

ISSUER = "https://ehr.example"


class KeyHost:
    """A small HTTP server of one key set, on a real socket."""

    def __init__(self) -> None:
        self.ids = ["first"]
        self.asked = 0
        self.port = 0
        self.raw: bytes | None = None
        self.status = "200 OK"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/jwks.json"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        keys = {"keys": [{"kty": "EC", "kid": each} for each in self.ids]}
        body = json.dumps(keys).encode() if self.raw is None else self.raw
        head = (
            f"HTTP/1.1 {self.status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def key_host() -> AsyncIterator[KeyHost]:
    host = KeyHost()
    server = await asyncio.start_server(host.serve, "127.0.0.1", 0)
    host.port = server.sockets[0].getsockname()[1]
    async with server:
        yield host


def remote(host: KeyHost, clock: Any, *, listed: bool = True) -> RemoteKeys:
    egress = Egress([host.url] if listed else [])
    return RemoteKeys(lambda: client(egress, timeout_s=5), clock)


@pytest.mark.requirement("CH-069")
def test_a_key_is_read_from_the_listed_url_and_cached(clock: Any) -> None:
    async def scenario() -> None:
        async with key_host() as host:
            keys = remote(host, clock)
            for _ in range(3):
                assert (await keys.key(ISSUER, "first", host.url) or {})["kid"] == "first"
            assert host.asked == 1

    asyncio.run(scenario())


@pytest.mark.requirement("CH-068", "CH-076")
def test_a_rotated_key_is_found_by_one_reload(clock: Any) -> None:
    async def scenario() -> None:
        async with key_host() as host:
            keys = remote(host, clock)
            await keys.key(ISSUER, "first", host.url)
            host.ids = ["second"]
            assert await keys.key(ISSUER, "second", host.url) is not None
            assert await keys.key(ISSUER, "first", host.url) is None
            assert host.asked <= 3

    asyncio.run(scenario())


@pytest.mark.requirement("CH-068")
def test_invented_key_ids_do_not_hammer_the_ehr(clock: Any) -> None:
    async def scenario() -> None:
        async with key_host() as host:
            keys = remote(host, clock)
            await keys.key(ISSUER, "first", host.url)
            for number in range(50):
                assert await keys.key(ISSUER, f"invented-{number}", host.url) is None
            assert host.asked == 2
            assert await keys.key(ISSUER, "first", host.url) is not None
            clock.advance(11)
            host.ids = ["first", "third"]
            assert await keys.key(ISSUER, "third", host.url) is not None

    asyncio.run(scenario())


@pytest.mark.requirement("CH-076")
def test_a_withdrawn_key_is_trusted_for_an_hour_at_most(clock: Any) -> None:
    async def scenario() -> None:
        async with key_host() as host:
            keys = remote(host, clock)
            await keys.key(ISSUER, "first", host.url)
            host.ids = ["second"]
            assert await keys.key(ISSUER, "first", host.url) is not None
            clock.advance(3_601)
            assert await keys.key(ISSUER, "first", host.url) is None

    asyncio.run(scenario())


@pytest.mark.requirement("CH-071")
def test_a_url_off_the_allow_list_is_not_contacted(clock: Any) -> None:
    async def scenario() -> None:
        async with key_host() as host:
            keys = remote(host, clock, listed=False)
            assert await keys.key(ISSUER, "first", host.url) is None
            assert await keys.key(ISSUER, "first", None) is None
            assert host.asked == 0

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("status", "raw"),
    [
        ("500 Error", None),
        ("302 Found", None),
        ("200 OK", b"<html>"),
        ("200 OK", b"[]"),
        ("200 OK", b'{"keys":{}}'),
        ("200 OK", b"[" * 100_000),
        ("200 OK", b'{"keys":["' + b"x" * 300_000 + b'"]}'),
    ],
)
def test_a_key_host_that_answers_nonsense_yields_no_key(
    clock: Any, status: str, raw: bytes | None
) -> None:
    async def scenario() -> None:
        async with key_host() as host:
            host.status, host.raw = status, raw
            assert await remote(host, clock).key(ISSUER, "first", host.url) is None

    asyncio.run(scenario())


def test_a_key_host_that_is_not_there_yields_no_key(clock: Any) -> None:
    async def scenario() -> None:
        async with key_host() as host:
            gone = host.url
        keys = RemoteKeys(lambda: client(Egress([gone]), timeout_s=5), clock)
        assert await keys.key(ISSUER, "first", gone) is None

    asyncio.run(scenario())


@pytest.mark.requirement("CH-070")
def test_a_key_set_in_a_file_is_used_and_no_url_contacted(clock: Any, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text('{"keys":[{"kid":"filed","kty":"EC"},"no key",{"kty":"RSA"}]}')

    async def scenario() -> None:
        async with key_host() as host:
            in_files = frozenset({ISSUER})
            keys = ConfiguredKeys(FileKeys({ISSUER: file}), remote(host, clock), in_files)
            assert await keys.key(ISSUER, "filed", host.url) is not None
            assert await keys.key(ISSUER, "first", host.url) is None
            assert host.asked == 0
            assert await keys.key("https://other.example", "first", host.url) is not None
            assert await keys.key("https://other.example", "filed", None) is None

    asyncio.run(scenario())


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"keys":1}', "null"])
def test_a_file_that_is_no_key_set_stops_the_start(text: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(text)
    with pytest.raises(ValueError):  # noqa: PT011  JSON's own error and ours
        FileKeys({ISSUER: file})
    assert keys_of('{"keys":[]}') == ()
