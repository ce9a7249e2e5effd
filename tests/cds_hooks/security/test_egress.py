"""Nothing leaves but to listed servers, at judged addresses; every known URL trick is refused."""

# Look-alike characters and odd addresses are what this file is about.
# ruff: noqa: S104

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
import pytest

from cds_hooks.errors import HostNotAllowed
from cds_hooks.security.egress import Egress, origin_of
from cds_hooks.security.egress_transport import EgressTransport, client

ALLOWED = (
    "https://ehr.example/fhir",
    "https://keys.example:8443/jwks.json",
    "http://127.0.0.1:8080/fhir",
    "http://localhost:9090",
    "http://[2001:db8::1]:80/fhir",
)
GATE = Egress(ALLOWED)

OTHER_SERVERS = [
    "https://ehr.example.evil/fhir",
    "https://ehr.example.evil.com",
    "https://evil.ehr.example/",
    "https://ehrexample/",
    "https://ehr-example/",
    "https://xehr.example/",
    "https://ehr.examplex/",
    "https://ehr.example:444/",
    "https://ehr.example:8443/",
    "https://ehr.example:80/",
    "http://ehr.example/fhir",
    "http://ehr.example:443/fhir",
    "https://keys.example/jwks.json",
    "https://keys.example:443/",
    "https://keys.example:84430/",
    "https://127.0.0.1:8080/",
    "http://127.0.0.1/",
    "http://127.0.0.1:80800/",
    "http://127.0.0.2:8080/",
    "http://127.1:8080/",
    "http://127.0.1:8080/",
    "http://0x7f000001:8080/",
    "http://0x7f.0.0.1:8080/",
    "http://2130706433:8080/",
    "http://017700000001:8080/",
    "http://0177.0.0.1:8080/",
    "http://127.000.000.001:8080/",
    "http://0:8080/",
    "http://0.0.0.0:8080/",
    "http://[::1]:8080/",
    "http://[::ffff:127.0.0.1]:8080/",
    "http://[::ffff:7f00:1]:8080/",
    "http://[0:0:0:0:0:0:0:1]:8080/",
    "http://[2001:db8::2]/fhir",
    "http://[2001:db8::1]:81/fhir",
    "http://169.254.169.254/latest/meta-data/",
    "http://metadata.google.internal/",
    "http://localhost/",
    "http://localhost:90900/",
    "http://localhost.evil:9090/",
    "http://localhost.localdomain:9090/",
    "https://evil.example/?next=https://ehr.example/fhir",
    "https://evil.example/https://ehr.example/fhir",
    "https://evil.example/ehr.example",
    "https://evil.example/@ehr.example",
    "https://evil.example?@ehr.example/",
]
AMBIGUOUS = [
    "https://ehr.example@evil.example/",
    "https://ehr.example:443@evil.example/",
    "https://evil.example@ehr.example/",
    "https://user:secret@ehr.example/fhir",
    "https://@ehr.example/fhir",
    "https://ehr.example%40evil.example/",
    "https://evil.example%2f@ehr.example/",
    "https://evil.example#@ehr.example/",
    "https://ehr.example#.evil.example/",
    "https://ehr.example/fhir#evil",
    "https://ehr.example\\@evil.example/",
    "https://evil.example\\@ehr.example/",
    "https://ehr.example\\.evil.example/",
    "https:\\\\ehr.example/fhir",
    "https:/\\ehr.example/fhir",
    "https:/ehr.example/fhir",
    "https:///ehr.example/fhir",
    "https:ehr.example/fhir",
    "//ehr.example/fhir",
    "ehr.example/fhir",
    "/fhir/Patient",
    "",
    " ",
    "https://",
    "https:///",
    "https://:443/",
    "https://ehr.example:/fhir",
    "https://ehr.example:0443/fhir",
    "https://ehr.example:+443/fhir",
    "https://ehr.example:-1/fhir",
    "https://ehr.example:0/fhir",
    "https://ehr.example:443443443/fhir",
    "https://ehr.example:443:443/fhir",
    "https://ehr.example:44３/fhir",
    "https://ehr.example./fhir",
    "https://.ehr.example/fhir",
    "https://ehr..example/fhir",
    "https://-ehr.example/fhir",
    "https://ehr-.example/fhir",
    "https://ehr_example/fhir",
    "https://ehr.example;evil.example/",
    "https://ehr.example,evil.example/",
    "https://ehr.example&evil.example/",
    "https://ehr.example|evil.example/",
    "https://ehr.example evil.example/",
    "https://ehr.example\tevil.example/",
    "https://ehr.example\n.evil.example/",
    "https://ehr.example\r\nHost: evil.example/",
    "https://ehr.example/fhir\r\nX-Evil: 1",
    "https://ehr.example/fhir\n",
    "\nhttps://ehr.example/fhir",
    " https://ehr.example/fhir",
    "https://ehr.example/fhir ",
    "https://ehr.example/a b",
    "https://ehr.example/\x00",
    "https://ehr.example\x00.evil.example/",
    "https://ehr.example/%00",
    "https://ehr.example/fhir/../admin",
    "https://ehr.example/..",
    "https://ehr.example/./fhir",
    "https://ehr.example/fhir/%2e%2e/admin",
    "https://ehr.example/fhir/.%2E/admin",
    "https://ehr.example/fhir%2f..%2fadmin",
    "https://ehr.example/fhir%5c..%5cadmin",
    "https://ehr.example/fhir\\..\\admin",
    "https://ехr.example/fhir",
    "https://ehr。example/fhir",
    "https://ehr．example/fhir",
    "https://ⓔhr.example/fhir",
    "https://ehr.example\u2044evil.example/",
    "https://ehr.example\u3002evil/",
    "https://ehr.example\u200b/fhir",
    "https://ehr.example\u00ad/fhir",
    "https://%65hr.example/fhir",
    "https://ehr%2eexample/fhir",
    "https://[ehr.example]/fhir",
    "https://[::1/fhir",
    "https://::1/fhir",
    "http://[2001:db8::1%25eth0]/fhir",
    "http://[2001:db8:::1]/fhir",
    "http://[2001:db8::1]evil.example/",
    'https://ehr.example/"onload',
    "https://ehr.example/<script>",
    "https://ehr.example/`id`",
    "ftp://ehr.example/fhir",
    "file:///etc/passwd",
    "file://ehr.example/etc/passwd",
    "gopher://ehr.example:443/",
    "dict://127.0.0.1:8080/",
    "data:text/html,x",
    "javascript:alert(1)",
    "jar:https://ehr.example!/",
    "unix:///run/docker.sock",
    "ldap://ehr.example",
    "ws://ehr.example/fhir",
    "h://ehr.example/fhir",
    "httpss://ehr.example/fhir",
    "url:https://ehr.example/fhir",
    "view-source:https://ehr.example/",
    "http://http://127.0.0.1:8080/",
]


@pytest.mark.requirement("CH-057", "CH-071")
@pytest.mark.parametrize("url", OTHER_SERVERS)
def test_a_server_that_only_resembles_a_listed_one_is_not_contacted(url: str) -> None:
    with pytest.raises(HostNotAllowed):
        GATE.check(url)


@pytest.mark.requirement("CH-057", "CH-071")
@pytest.mark.parametrize("url", AMBIGUOUS)
def test_a_url_that_two_readers_could_understand_differently_is_refused(url: str) -> None:
    with pytest.raises(HostNotAllowed):
        GATE.check(url)


def test_the_tricks_are_many_and_distinct() -> None:
    assert len(set(OTHER_SERVERS + AMBIGUOUS)) >= 140


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


PRIVATE = [
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "127.0.0.1",
    "127.255.0.9",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "198.18.0.1",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b::7f00:1",
    "2002:0a00:0001::1",
    "2001:db8::5",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_may_not_lead_to_a_private_address(address: str) -> None:
    assert not GATE.admits("ehr.example", address)


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
