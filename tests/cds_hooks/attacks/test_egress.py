"""Every door through which an address can be handed in refuses every trick, and nothing leaves.

What stands behind the gate is a transport that remembers what it was asked: a trick that got
through would be seen there, whatever was answered.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx2
import msgspec
import pytest
from url_tricks import ALLOWED, EVERY_TRICK, TRICKS

from cds_hooks.errors import EhrUnreadable, HostNotAllowed, TrustError
from cds_hooks.fhir.ecgs import ecgs_on_file
from cds_hooks.fhir.rest_ehr import RestEhr
from cds_hooks.ports import FhirQuery, Grant
from cds_hooks.security.egress import Egress
from cds_hooks.security.egress_transport import client
from inference.archive.dicomweb import DicomwebArchive
from inference.core.study import StudyReference

attack = pytest.mark.attack("egress")

BASE = "https://ehr.example/fhir"
PUBLIC = "93.184.216.34"
QUERY = FhirQuery("Observation?patient=p1")
Answer = Callable[[httpx2.Request], httpx2.Response]


class Behind:
    """A gate, and behind it a world that answers and remembers."""

    def __init__(self, answer: Answer, addresses: Sequence[str] = (PUBLIC,)) -> None:
        self.sent: list[httpx2.Request] = []
        self.answer = answer
        self.addresses = addresses

    async def _resolved(self, host: str, port: int) -> Sequence[str]:
        return self.addresses

    def _told(self, request: httpx2.Request) -> httpx2.Response:
        self.sent.append(request)
        answer = self.answer(request)
        stream = httpx2.ByteStream(answer.content)
        return httpx2.Response(answer.status_code, headers=answer.headers, stream=stream)

    def client(self) -> httpx2.AsyncClient:
        gate = Egress(ALLOWED)
        made = client(gate, timeout_s=5, resolver=self._resolved)
        world: Any = httpx2.MockTransport(self._told)
        # One pool for each origin that is listed: there is no other that could be asked.
        made._transport._pools.update(dict.fromkeys(gate.origins, world))  # type: ignore[attr-defined]
        return made


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 11, 21, 9, tzinfo=UTC)


def searched(behind: Behind, server: str) -> None:
    grant = Grant(server, "ACCESS-CANARY", frozenset(), None, None)
    asyncio.run(RestEhr(behind.client(), Clock()).search(QUERY, grant))


def empty(request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, json={"resourceType": "Bundle", "type": "searchset"})


def test_the_doors_let_through_what_is_listed() -> None:
    behind = Behind(empty)
    searched(behind, BASE)
    assert [str(each.headers["host"]) for each in behind.sent] == ["ehr.example"]


def test_the_tricks_are_many_and_distinct() -> None:
    assert len(EVERY_TRICK) == len(set(EVERY_TRICK)) >= 300
    assert len(set(TRICKS)) >= 140


@attack
@pytest.mark.requirement("CH-057", "CH-071")
@pytest.mark.parametrize("url", EVERY_TRICK)
def test_the_gate_refuses_the_address(url: str) -> None:
    with pytest.raises(HostNotAllowed) as refused:
        Egress(ALLOWED).check(url)
    assert "evil" not in str(refused.value)


@attack
@pytest.mark.requirement("CH-057")
@pytest.mark.parametrize("url", TRICKS)
def test_no_fhir_server_of_a_hook_is_read_there(url: str) -> None:
    behind = Behind(empty)
    with pytest.raises(HostNotAllowed):
        searched(behind, url)
    assert behind.sent == []


@attack
@pytest.mark.requirement("CH-057", "SM-011")
@pytest.mark.parametrize("url", TRICKS)
def test_no_further_page_is_fetched_there(url: str) -> None:
    def first(request: httpx2.Request) -> httpx2.Response:
        link = [{"relation": "next", "url": url}]
        return httpx2.Response(200, json={"resourceType": "Bundle", "type": "x", "link": link})

    behind = Behind(first)
    with pytest.raises((HostNotAllowed, EhrUnreadable)):
        searched(behind, BASE)
    assert len(behind.sent) == 1


@attack
@pytest.mark.requirement("CH-057", "SM-011")
@pytest.mark.parametrize("url", TRICKS)
@pytest.mark.parametrize("status", [302, 307])
def test_no_redirect_leads_there(url: str, status: int) -> None:
    location = url.encode("utf-8", "replace").translate(None, b"\r\n\x00").decode("latin-1")

    def moved(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, headers=[(b"Location", location.encode("latin-1"))])

    behind = Behind(moved)
    with pytest.raises(EhrUnreadable):
        searched(behind, BASE)
    assert len(behind.sent) == 1


@attack
@pytest.mark.parametrize("url", TRICKS)
def test_no_image_is_fetched_from_there(url: str) -> None:
    behind = Behind(lambda request: httpx2.Response(200))
    archive = DicomwebArchive(behind.client())
    with pytest.raises(HostNotAllowed):
        asyncio.run(archive.fetch_instances(StudyReference("1.2.3", url)))
    assert behind.sent == []


@attack
@pytest.mark.requirement("CH-071")
@pytest.mark.parametrize("url", TRICKS)
def test_no_key_set_is_read_there_for_a_tokens_sake(url: str, signer: Any, door: Any) -> None:
    token = signer.token(door.audience, datetime(2026, 11, 21, 9, tzinfo=UTC), {"jku": url})
    with pytest.raises(TrustError):
        door.knock(token)
    assert door.asked == 0


# ruff: noqa: S104
PRIVATE = (
    *("10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "127.255.0.9", "169.254.169.254"),
    *("100.64.0.1", "0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1"),
    *("198.18.0.1", "198.51.100.7", "203.0.113.7", "10.255.255.255", "172.31.255.255"),
    *("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:10.0.0.1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1", "64:ff9b::7f00:1"),
    *("2002:0a00:0001::1", "2002:7f00:0001::", "2001:db8::5", "fec0::1"),
)


@attack
@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_is_rebound_to_a_private_address_is_not_followed_there(address: str) -> None:
    behind = Behind(empty)

    async def scenario() -> None:
        grant = Grant(BASE, "ACCESS-CANARY", frozenset(), None, None)
        async with behind.client() as http:
            ehr = RestEhr(http, Clock())
            await ehr.search(QUERY, grant)
            behind.addresses = [address]
            with pytest.raises(HostNotAllowed):
                await ehr.search(QUERY, grant)

    asyncio.run(scenario())
    assert [str(each.url.host) for each in behind.sent] == [PUBLIC]


@attack
def test_of_several_addresses_only_the_public_ones_are_tried() -> None:
    behind = Behind(empty, ("10.0.0.1", PUBLIC, "::1"))
    searched(behind, BASE)
    assert [str(each.url.host) for each in behind.sent] == [PUBLIC]


@attack
@pytest.mark.parametrize("url", TRICKS)
def test_no_recording_is_fetched_from_there(url: str) -> None:
    # An attachment is read from the EHR's own server as Binary/id, or not at all.
    for written in (url, f"{url}/Binary/7"):
        document = {
            "resourceType": "DocumentReference",
            "id": "d",
            "status": "current",
            "type": {"coding": [{"system": "http://loinc.org", "code": "11524-6"}]},
            "subject": {"reference": "Patient/p1"},
            "content": [{"attachment": {"url": written}}],
        }
        (found,) = ecgs_on_file([msgspec.Raw(json.dumps(document).encode())], "p1", BASE).ecgs
        assert found.binary is None
        assert found.out_of_reach is not None
