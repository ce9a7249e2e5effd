"""An open page is told of news: as a stream over a real connection, ended with its session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from phi_watch import PLANTED_SECRET

if TYPE_CHECKING:
    from tests.cds_hooks.page.conftest import Site

Serving = Callable[[Any], AbstractContextManager[int]]


def observation(number: int) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "vital-signs",
                    }
                ]
            }
        ],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": "Patient/stable"},
        "effectiveDateTime": f"2026-03-01T11:59:0{number}+00:00",
        "valueQuantity": {
            "value": 90 + number,
            "unit": "/min",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        },
    }


@pytest.fixture
def told(
    build: Callable[..., AbstractContextManager[Site]], serving: Serving
) -> Iterator[tuple[Site, Callable[[str, str], Iterator[str]]]]:
    """Return a site that asks its EHR often, and a reader of one session's events."""
    with build(page_poll_s=0.1) as site, serving(site.application) as port:

        def events(handle: str, fingerprint: str) -> Iterator[str]:
            url = f"http://127.0.0.1:{port}/app/api/events"
            asked = {"session": handle, "fingerprint": fingerprint}
            cookie = {"Cookie": f"__Host-cardiotwin-{handle}={PLANTED_SECRET}-stable"}
            with (
                httpx2.Client(trust_env=False, timeout=20) as http,
                http.stream("GET", url, params=asked, headers=cookie) as answer,
            ):
                assert answer.status_code == 200
                assert answer.headers["Content-Type"].startswith("text/event-stream")
                assert answer.headers["Cache-Control"] == "no-store"
                for line in answer.iter_lines():
                    if line.startswith("event: "):
                        yield line.removeprefix("event: ")

        yield site, events


def test_news_of_the_chart_are_told_once(
    told: tuple[Site, Callable[[str, str], Iterator[str]]],
) -> None:
    site, events = told
    fingerprint = site.view("stable")["fingerprint"]
    session = site.launched("stable")
    heard = events(session.handle, fingerprint)
    assert next(heard) == "checked"
    asyncio.run(site.ehr.create(observation(1), session.grant))
    assert "changed" in (next(heard), next(heard))
    assert next(heard) == "checked"


def test_a_page_that_knows_an_older_chart_is_told_at_once(
    told: tuple[Site, Callable[[str, str], Iterator[str]]],
) -> None:
    site, events = told
    assert next(events(site.launched("stable").handle, "older")) == "changed"


def test_the_stream_ends_with_the_session(
    told: tuple[Site, Callable[[str, str], Iterator[str]]],
) -> None:
    site, events = told
    session = site.launched("stable")
    heard = events(session.handle, "")
    assert next(heard) in {"changed", "checked"}
    asyncio.run(site.sessions.end(session.handle))
    assert [*heard][-1] == "ended"


def test_an_ehr_that_cannot_be_asked_is_trouble_and_not_the_end(
    told: tuple[Site, Callable[[str, str], Iterator[str]]],
) -> None:
    site, events = told
    session = site.launched("stable", scopes=frozenset({"openid"}))
    heard = events(session.handle, "")
    assert [next(heard), next(heard)] == ["trouble", "trouble"]
