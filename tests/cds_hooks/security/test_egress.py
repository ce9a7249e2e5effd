"""Nothing leaves but to listed servers, at judged addresses (the tricks: ``attacks``)."""

# Look-alike characters and odd addresses are what this file is about.

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
import pytest
from url_tricks import ALLOWED

from cds_hooks.errors import HostNotAllowed
from cds_hooks.security.egress import Egress, origin_of
from cds_hooks.security.egress_transport import EgressTransport, client

GATE = Egress(ALLOWED)


@pytest.mark.parametrize(
    "url",
    [
        *ALLOWED,
        "https://EHR.Example/fhir",
        "HTTPS://ehr.example:443/other?code=http://loinc.org|8867-4&_count=5",
        "https://ehr.example",
        "https://ehr.example?_getpages=1&_getpagesoffset=20",
        "https://ehr.example/a%20b/c@d",
        "http://[2001:0db8:0:0::1]/fhir",
    ],
)
def test_a_listed_server_is_allowed_however_its_origin_is_spelt(url: str) -> None:
    assert GATE.check(url).url == url
    assert GATE.check(url).origin in GATE.origins


def test_no_refusal_repeats_the_url() -> None:
    with pytest.raises(HostNotAllowed) as refused:
        GATE.check("https://evil.example/?token=canary")
    assert "canary" not in str(refused.value)


def test_an_origin_prints_as_a_url() -> None:
    assert str(origin_of("https://EHR.example/fhir")) == "https://ehr.example:443"
    assert str(origin_of("http://[2001:db8::1]/")) == "http://[2001:db8::1]:80"


def test_a_name_may_lead_into_a_network_that_the_configuration_names() -> None:
    inside = Egress(ALLOWED, [ipaddress.ip_network("10.20.0.0/16")])
    assert inside.admits("ehr.example", "10.20.3.4")
    assert inside.admits("ehr.example", "::ffff:10.20.3.4")
    assert not inside.admits("ehr.example", "10.21.3.4")
    assert inside.admits("ehr.example", "93.184.216.34")


def test_a_listed_address_is_contacted_at_itself_and_localhost_on_the_loopback() -> None:
    assert GATE.admits("127.0.0.1", "127.0.0.1")
    assert not GATE.admits("127.0.0.1", "127.0.0.2")
    assert GATE.admits("localhost", "::1")
    assert not GATE.admits("localhost", "10.0.0.1")


@dataclass
class Listener:
    """A small HTTP/1.1 server on the loopback that remembers what it was asked."""

    port: int = 0
    requests: list[str] = field(default_factory=list)
    reply: str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head.decode())
        writer.write(self.reply.encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(reply: str | None = None) -> AsyncIterator[Listener]:
    listener = Listener() if reply is None else Listener(reply=reply)
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
    listener.port = server.sockets[0].getsockname()[1]
    async with server:
        yield listener


class Names:
    """A name service whose answers change, as in DNS rebinding."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]


def test_the_address_that_was_judged_is_the_one_contacted_under_the_servers_own_name() -> None:
    async def scenario() -> None:
        async with listening() as listener:
            url = f"http://ehr.example:{listener.port}/fhir"
            names = Names(["127.0.0.1"])
            async with client(Egress([url], LOOPBACK), timeout_s=5, resolver=names) as http:
                reply = await http.get(url + "/Patient?name=a|b")
            assert reply.text == "ok"
            assert str(reply.request.url).startswith("http://ehr.example:")
            assert f"Host: ehr.example:{listener.port}" in listener.requests[0]
            assert names.asked == ["ehr.example"]

    asyncio.run(scenario())


def test_a_name_that_is_rebound_to_a_private_address_is_not_followed_there() -> None:
    async def scenario() -> None:
        async with listening() as listener:
            url = f"http://ehr.example:{listener.port}/"
            names = Names(["127.0.0.1"])
            async with client(Egress([url]), timeout_s=5, resolver=names) as http:
                with pytest.raises(HostNotAllowed, match="private"):
                    await http.get(url)
            assert listener.requests == []

    asyncio.run(scenario())


@pytest.mark.requirement("CH-057")
def test_a_redirect_is_not_followed() -> None:
    async def scenario() -> None:
        moved = "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n"
        async with listening() as other:
            reply = moved.format(f"http://127.0.0.1:{other.port}/stolen")
            async with listening(reply) as listener:
                url = f"http://127.0.0.1:{listener.port}/"
                async with client(Egress([url]), timeout_s=5) as http:
                    assert (await http.get(url)).status_code == 302
                    with pytest.raises(HostNotAllowed):
                        await http.get(url, follow_redirects=True)
            assert other.requests == []

    asyncio.run(scenario())


def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    async def scenario() -> None:
        async with listening() as listener:
            url = f"http://ehr.example:{listener.port}/"
            names = Names(["127.1.2.3", "127.0.0.1"])
            async with client(Egress([url], LOOPBACK), timeout_s=5, resolver=names) as http:
                assert (await http.get(url)).status_code == 200

    asyncio.run(scenario())


def test_a_name_without_an_address_is_a_failure_to_connect() -> None:
    async def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError

    async def scenario() -> None:
        url = "http://ehr.example/"
        for resolver in (unknown, Names([])):
            transport = EgressTransport(Egress([url]), resolver)
            with pytest.raises(httpx2.ConnectError):
                await transport.handle_async_request(httpx2.Request("GET", url))
            await transport.aclose()

    asyncio.run(scenario())
