"""The FHIR server over real sockets: what it may do wrong, and what is made of it."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from cds_hooks.errors import (
    EhrEndless,
    EhrLacks,
    EhrRefused,
    EhrUnreachable,
    EhrUnreadable,
    HostNotAllowed,
)
from cds_hooks.fhir.rest_ehr import ReadLimits, RestEhr
from cds_hooks.ports import FhirQuery, Grant
from cds_hooks.security.egress import Egress
from cds_hooks.security.egress_transport import client

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
TOKEN = "token-of-the-ehr"  # a made-up bearer token
LIMITS = ReadLimits(pages=5, entries=20, reply_bytes=100_000, seconds=30.0)
QUERY = FhirQuery("Observation?patient=p1")
Answer = Callable[[str, dict[str, str]], bytes]


class FixedClock:
    def now(self) -> datetime:
        return NOW


def reply(body: object, status: str = "200 OK", **headers: str) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Content-Type": "application/fhir+json", "Content-Length": str(len(content))}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}Connection: close\r\n\r\n".encode() + content


def page(*ids: str, next_link: str | None = None, **members: Any) -> dict[str, Any]:
    bundle = {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": {"resourceType": "Observation", "id": name}} for name in ids],
        "link": [{"relation": "self", "url": "x"}],
    }
    if next_link is not None:
        bundle["link"].append({"relation": "next", "url": next_link})
    return bundle | members


class Server:
    """A listening socket that answers each request as the test says and remembers it."""

    def __init__(self, answer: Answer | None, hang_s: float = 0) -> None:
        self._answer = answer
        self._hang_s = hang_s
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.base = ""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            text = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = text.split("\r\n")
            headers = {
                name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
            }
            path = first.split(" ")[1]
            self.requests.append((path, headers))
            await asyncio.sleep(self._hang_s)
            if self._answer is None:
                writer.transport.abort()
                return
            writer.write(self._answer(path, headers))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def listening(self) -> Any:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/fhir"
        async with server:
            yield self


def grant(base: str, **members: Any) -> Grant:
    fields = {
        "fhir_server": base,
        "access_token": TOKEN,
        "scopes": frozenset({"patient/*.read"}),
        "patient_id": "p1",
        "expires_at": None,
    }
    return Grant(**(fields | members))


def run(
    server: Server,
    query: FhirQuery = QUERY,
    limits: ReadLimits = LIMITS,
    allowed: tuple[str, ...] | None = None,
    **members: Any,
) -> list[str]:
    async def scenario() -> list[str]:
        async with server.listening():
            egress = Egress(allowed if allowed is not None else [server.base])
            async with client(egress, timeout_s=0.5) as http:
                ehr = RestEhr(http, FixedClock(), limits)
                found = await ehr.search(query, grant(server.base, **members))
                return [msgspec.json.decode(raw)["id"] for raw in found]

    return asyncio.run(scenario())


def test_a_search_follows_every_page() -> None:
    def answer(path: str, headers: dict[str, str]) -> bytes:
        if "page=2" in path:
            return reply(page("c"))
        return reply(page("a", "b", next_link=f"{server.base}?page=2"))

    server = Server(answer)
    assert run(server) == ["a", "b", "c"]
    assert [path for path, _ in server.requests] == [
        "/fhir/Observation?patient=p1",
        "/fhir?page=2",
    ]


@pytest.mark.requirement("CH-053")
def test_every_page_is_asked_for_with_the_bearer_token() -> None:
    def answer(path: str, headers: dict[str, str]) -> bytes:
        return reply(
            page("a") if "page" in path else page("b", next_link=f"{server.base}/x?page=2")
        )

    server = Server(answer)
    run(server)
    assert [headers["authorization"] for _, headers in server.requests] == [f"Bearer {TOKEN}"] * 2


def test_without_a_token_no_authorization_is_sent() -> None:
    server = Server(lambda path, headers: reply(page("a")))
    run(server, access_token=None)
    assert "authorization" not in server.requests[0][1]


def test_enough_ends_the_paging() -> None:
    server = Server(lambda path, headers: reply(page("a", "b", next_link=f"{server.base}?page=2")))
    assert run(server, FhirQuery("Observation?patient=p1", enough=2)) == ["a", "b"]
    assert len(server.requests) == 1


def test_a_read_returns_the_one_resource() -> None:
    server = Server(lambda path, headers: reply({"resourceType": "Patient", "id": "p1"}))
    assert run(server, FhirQuery("Patient/p1")) == ["p1"]


def test_a_further_page_may_begin_with_its_query() -> None:
    server = Server(lambda path, headers: reply(page("a")))
    run(server, FhirQuery("?_getpages=7"))
    assert server.requests[0][0] == "/fhir?_getpages=7"


def test_outcome_entries_are_not_data_but_included_resources_are() -> None:
    bundle = page("a")
    bundle["entry"] += [
        {
            "resource": {"resourceType": "OperationOutcome", "id": "o"},
            "search": {"mode": "outcome"},
        },
        {"resource": {"resourceType": "Endpoint", "id": "e"}, "search": {"mode": "include"}},
        {"fullUrl": "urn:uuid:1"},
    ]
    assert run(Server(lambda path, headers: reply(bundle))) == ["a", "e"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("401 Unauthorized", EhrRefused),
        ("403 Forbidden", EhrRefused),
        ("404 Not Found", EhrLacks),
        ("410 Gone", EhrLacks),
        ("400 Bad Request", EhrUnreadable),
        ("429 Too Many Requests", EhrUnreadable),
        ("500 Internal Server Error", EhrUnreadable),
        ("503 Service Unavailable", EhrUnreadable),
        ("302 Found", EhrUnreadable),
        ("204 No Content", EhrUnreadable),
    ],
)
def test_each_status_has_its_own_error(status: str, error: type[Exception]) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"diagnostics": "Erika Mustermann"}]}
    with pytest.raises(error) as caught:
        run(Server(lambda path, headers: reply(outcome, status)))
    assert "Mustermann" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Sign in</body></html>",
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Obs',
        b'{"resourceType":"Patient","id":"p1"',
        b'{"resourceType":"Bundle","entry":{}}',
        b'{"resourceType":"OperationOutcome"}',
        b'\xff\xfe{"resourceType":"Patient"}',
        b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient","x":"\xff"}}]}',
        b'{"resourceType":"Patient","a":' + b"[" * 40_000 + b"]" * 40_000 + b"}",
    ],
)
def test_a_reply_that_is_no_fhir_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(EhrUnreadable):
        run(Server(lambda path, headers: reply(body)))


def test_a_server_that_hangs_is_unreachable_by_the_deadline() -> None:
    with pytest.raises(EhrUnreachable):
        run(Server(lambda path, headers: b"", hang_s=30), limits=ReadLimits(seconds=0.2))


def test_a_server_that_drips_is_unreachable_by_the_deadline() -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"
    with pytest.raises(EhrUnreachable):
        run(Server(lambda path, headers: endless), limits=ReadLimits(seconds=0.3))


def test_a_server_that_resets_is_unreachable() -> None:
    with pytest.raises(EhrUnreachable):
        run(Server(None))


def test_a_server_that_is_not_there_is_unreachable() -> None:
    async def scenario() -> None:
        server = Server(None)
        async with server.listening():
            pass
        async with client(Egress([server.base]), timeout_s=0.5) as http:
            await RestEhr(http, FixedClock()).search(QUERY, grant(server.base))

    with pytest.raises(EhrUnreachable):
        asyncio.run(scenario())


def test_what_is_no_http_is_unreachable() -> None:
    with pytest.raises(EhrUnreachable):
        run(Server(lambda path, headers: b"SSH-2.0-OpenSSH_9\r\n\r\n"))


class TestEndless:
    def test_pages_without_end_are_stopped(self) -> None:
        def answer(path: str, headers: dict[str, str]) -> bytes:
            return reply(page("a", next_link=f"{server.base}?page={len(server.requests)}"))

        server = Server(answer)
        with pytest.raises(EhrEndless):
            run(server)
        assert len(server.requests) == LIMITS.pages

    def test_a_circle_of_pages_is_noticed(self) -> None:
        server = Server(
            lambda path, headers: reply(
                page("a", next_link=f"{server.base}/Observation?patient=p1")
            )
        )
        with pytest.raises(EhrEndless):
            run(server)
        assert len(server.requests) == 1

    def test_too_many_entries_are_stopped(self) -> None:
        ids = [str(number) for number in range(30)]
        with pytest.raises(EhrEndless):
            run(Server(lambda path, headers: reply(page(*ids))))

    def test_too_many_bytes_are_stopped_before_they_are_parsed(self) -> None:
        with pytest.raises(EhrEndless):
            run(Server(lambda path, headers: reply(b" " * 200_000)))

    def test_bytes_count_over_all_pages(self) -> None:
        def answer(path: str, headers: dict[str, str]) -> bytes:
            link = f"{server.base}?page={len(server.requests)}"
            return reply(page("a", next_link=link, note="x" * 40_000))

        server = Server(answer)
        with pytest.raises(EhrEndless):
            run(server)
        assert len(server.requests) == 3


def test_a_gzip_bomb_is_not_inflated() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    assert len(bomb) < LIMITS.reply_bytes
    server = Server(lambda path, headers: reply(bomb, Content_Encoding="gzip"))
    with pytest.raises(EhrUnreadable):
        run(server)
    assert server.requests[0][1]["accept-encoding"] == "identity"


def _somewhere_else(link: Callable[[Server, Server], str]) -> tuple[Server, Server]:
    other = Server(lambda path, headers: reply(page("stolen")))
    first = Server(lambda path, headers: reply(page("a", next_link=link(first, other))))
    return first, other


@pytest.mark.requirement("CH-057")
@pytest.mark.parametrize(
    "link",
    [
        lambda first, other: other.base + "?page=2",
        lambda first, other: first.base.replace("127.0.0.1", "localhost") + "?page=2",
        lambda first, other: first.base.replace("http:", "https:") + "?page=2",
        lambda first, other: first.base + "@evil.example/fhir?page=2",
        lambda first, other: first.base + ".evil.example?page=2",
        lambda first, other: first.base + "evil?page=2",
        lambda first, other: first.base.replace("/fhir", "/other") + "?page=2",
        lambda first, other: first.base + "/../admin",
        lambda first, other: "//127.0.0.1/fhir?page=2",
        lambda first, other: "?page=2",
        lambda first, other: "file:///etc/passwd",
    ],
)
def test_a_next_link_that_leaves_the_base_is_not_followed(
    link: Callable[[Server, Server], str],
) -> None:
    first, other = _somewhere_else(link)

    async def scenario() -> None:
        # Even where the other server is on the allow-list, the token stays with its own.
        async with (
            first.listening(),
            other.listening(),
            client(Egress([first.base, other.base]), timeout_s=0.5) as http,
        ):
            await RestEhr(http, FixedClock()).search(QUERY, grant(first.base))

    with pytest.raises(HostNotAllowed):
        asyncio.run(scenario())
    assert other.requests == []
    assert len(first.requests) == 1


@pytest.mark.requirement("CH-057")
def test_a_redirect_is_not_followed() -> None:
    other = Server(lambda path, headers: reply(page("stolen")))

    async def scenario() -> None:
        async with (
            first.listening(),
            other.listening(),
            client(Egress([first.base, other.base]), timeout_s=0.5) as http,
        ):
            await RestEhr(http, FixedClock()).search(QUERY, grant(first.base))

    first = Server(lambda path, headers: reply(b"", "307 Temporary Redirect", Location=other.base))
    with pytest.raises(EhrUnreadable):
        asyncio.run(scenario())
    assert other.requests == []


def test_a_server_off_the_allow_list_is_never_contacted() -> None:
    server = Server(lambda path, headers: reply(page("a")))
    with pytest.raises(HostNotAllowed):
        run(server, allowed=("https://ehr.example",))
    assert server.requests == []


@pytest.mark.requirement("CH-055")
@pytest.mark.parametrize("seconds", [0, -1])
def test_an_expired_token_is_not_used(seconds: int) -> None:
    server = Server(lambda path, headers: reply(page("a")))
    with pytest.raises(EhrRefused):
        run(server, expires_at=NOW + timedelta(seconds=seconds))
    assert server.requests == []


@pytest.mark.requirement("CH-055")
@pytest.mark.parametrize(
    "answer", [None, lambda path, headers: reply(b"x", "500 Internal Server Error")]
)
def test_no_error_names_the_token_or_the_query(answer: Answer | None) -> None:
    with pytest.raises((EhrUnreachable, EhrUnreadable)) as caught:
        run(Server(answer))
    text = str(caught.value) + repr(caught.value.__cause__)
    assert TOKEN not in text
    assert "patient=p1" not in text


def test_queries_at_once_do_not_mix() -> None:
    def answer(path: str, headers: dict[str, str]) -> bytes:
        return reply(page(path.rsplit("=", 1)[1]))

    async def scenario() -> list[str]:
        server = Server(answer)
        async with server.listening(), client(Egress([server.base]), timeout_s=2) as http:
            ehr = RestEhr(http, FixedClock())
            searches: list[Awaitable[tuple[msgspec.Raw, ...]]] = [
                ehr.search(FhirQuery(f"Observation?patient={number}"), grant(server.base))
                for number in range(20)
            ]
            return [
                msgspec.json.decode(found[0])["id"] for found in await asyncio.gather(*searches)
            ]

    assert asyncio.run(scenario()) == [str(number) for number in range(20)]
