"""Limits hold before anything is parsed: size, depth, time, and calls at once."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.errors import Busy, TooSlow
from cds_hooks.http.limits import Admission, depth, read_body

JSON = st.recursive(
    st.none() | st.integers() | st.text(alphabet='ab"\\[]{}\u20ac'),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet='"\\[{'), inner),
)


def counted(value: Any) -> int:
    """Return the depth of a parsed value, the slow and obvious way."""
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(counted, value), default=0) if isinstance(value, list) else 0


@given(JSON, st.booleans())
def test_the_depth_is_that_of_the_parsed_value(value: Any, as_ascii: bool) -> None:
    assert depth(json.dumps(value, ensure_ascii=as_ascii).encode()) == counted(value)


def test_the_depth_of_what_is_no_json_is_a_number_too() -> None:
    for length in range(200):
        noise = random.Random(length).randbytes(length)  # noqa: S311
        assert depth(noise) >= 0


def test_the_last_place_is_given_and_the_next_refused_until_one_is_free() -> None:
    admission = Admission(2)
    with admission, admission:
        assert admission.present == 2
        with pytest.raises(Busy), admission:
            pass
    with admission:
        assert admission.present == 1
    assert admission.present == 0


def test_too_many_calls_at_once_are_told_to_come_back(
    install: Any, probe: Any, hook_request: Any
) -> None:
    with install(trust="open", sandbox=True, concurrent_calls=2) as it:
        it.ehr.delay_s = 0.4
        request = hook_request(prefetch={}, fhirServer="https://ehr.example/fhir")

        async def at_once() -> list[int]:
            posts = (asyncio.to_thread(it.call, request) for _ in range(5))
            return [answer.status_code for answer in await asyncio.gather(*posts)]

        codes = asyncio.run(at_once())
        assert codes.count(503) == 3
        assert it.call(hook_request()).status_code == 200


def test_a_request_may_be_sixty_four_deep_and_no_deeper(sandbox: Any, hook_request: Any) -> None:
    def nested(levels: int) -> dict[str, Any]:
        inner: Any = 1
        for _ in range(levels):
            inner = [inner]
        request: dict[str, Any] = hook_request(extension={"org.example.deep": inner})
        return request

    assert sandbox.call(nested(62)).status_code == 200
    assert sandbox.call(nested(63)).status_code == 400


def test_a_body_that_never_ends_is_given_up() -> None:
    async def dripping() -> dict[str, Any]:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b" ", "more_body": True}

    headers = [(b"content-type", b"application/json")]
    request = Request({"type": "http", "method": "POST", "headers": headers}, dripping)
    with pytest.raises(TooSlow):
        asyncio.run(read_body(request, deadline_s=0.1))


@pytest.fixture
def address(install: Any, serving: Any) -> Iterator[tuple[str, int]]:
    with install(trust="open", sandbox=True) as it, serving(it.http.app) as port:
        yield "127.0.0.1", port


def answer_to(address: tuple[str, int], sent: bytes) -> bytes:
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(sent)
        received = b""
        while part := connection.recv(65_536):
            received += part
    return received


HEAD = b"POST /cds-services/probe HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (HEAD + b"Content-Length: 6000000\r\nConnection: close\r\n\r\n", b"413"),
        (HEAD + b"Content-Length: 99999999999999\r\nConnection: close\r\n\r\n", b"413"),
        (HEAD + b"Content-Length: -1\r\nConnection: close\r\n\r\n", b"400"),
        (HEAD + b"Content-Length: x\r\nConnection: close\r\n\r\n", b"400"),
        (HEAD + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}", b"400"),
        (b"\0\1\2\3\r\n\r\n", b"400"),
    ],
)
def test_on_a_real_socket_a_wrong_length_is_answered_without_reading_on(
    address: tuple[str, int], sent: bytes, status: bytes
) -> None:
    assert answer_to(address, sent).startswith(b"HTTP/1.1 " + status)
