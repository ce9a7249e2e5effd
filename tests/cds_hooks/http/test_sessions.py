"""The door of the page: which request belongs to which session, and which to none."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from starlette.testclient import TestClient

from cds_hooks.http.problems import answer_with_outcomes
from cds_hooks.http.sessions import COOKIE, SessionDoor, answer_without_session
from cds_hooks.ports import Clock, Grant
from cds_hooks.security.session import SmartSession, fresh_handle, fresh_secret
from cds_hooks.security.sessions import MemorySessions

BASE = "https://twin.example"


def session_about(patient_id: str, clock: Clock) -> SmartSession:
    now = clock.now()
    grant = Grant("https://ehr.example/fhir", "token", frozenset(), patient_id, None)
    return SmartSession(
        handle=fresh_handle(),
        secret=fresh_secret(),
        grant=grant,
        started_at=now,
        expires_at=now + timedelta(hours=1),
        patient_id=patient_id,
    )


class Ward:
    """An application of two routes behind the door."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.sessions = MemorySessions(bytes(32), clock)
        self.door = SessionDoor(self.sessions, BASE, clock)
        application = FastAPI()
        answer_with_outcomes(application)
        answer_without_session(application, ("https://ehr.example",))

        @application.api_route("/app", methods=["GET", "POST"])
        async def app(request: Request) -> dict[str, str]:
            return {"patient": (await self.door.session_of(request)).patient_id}

        self.http = TestClient(application, BASE)

    def opened(self, patient_id: str) -> SmartSession:
        """Start a session and give the browser its cookie, as a callback does."""
        session = session_about(patient_id, self.clock)
        asyncio.run(self.sessions.keep(session))
        answer = Response()
        self.door.give_cookie(session, answer)
        self.http.cookies.set(COOKIE + session.handle, session.secret)
        return session

    def get(self, session: SmartSession, **headers: str) -> Any:
        return self.http.get(f"/app?session={session.handle}", headers=headers)

    def post(self, session: SmartSession, **headers: str) -> Any:
        return self.http.post(f"/app?session={session.handle}", headers=headers)


@pytest.fixture
def ward(clock: Clock) -> Ward:
    return Ward(clock)


def test_two_charts_open_in_one_browser_never_swap_their_patients(ward: Ward) -> None:
    first, second = ward.opened("p1"), ward.opened("p2")
    assert ward.get(first).json() == {"patient": "p1"}
    assert ward.get(second).json() == {"patient": "p2"}
    assert ward.get(first).json() == {"patient": "p1"}


def test_a_handle_without_its_cookie_opens_nothing(ward: Ward) -> None:
    mine, theirs = ward.opened("p1"), session_about("p2", ward.clock)
    asyncio.run(ward.sessions.keep(theirs))
    assert ward.get(theirs).status_code == 401
    ward.http.cookies.set(COOKIE + theirs.handle, mine.secret)
    assert ward.get(theirs).status_code == 401
    assert ward.http.get("/app").status_code == 401
    assert ward.http.get("/app?session=").status_code == 401


def test_a_session_that_a_stranger_made_up_is_none(ward: Ward) -> None:
    # Session fixation: a handle and a cookie planted in the browser, which no launch gave.
    planted = session_about("p1", ward.clock)
    ward.http.cookies.set(COOKIE + planted.handle, planted.secret)
    assert ward.get(planted).status_code == 401


def test_an_expired_session_is_an_outcome_for_code_and_a_page_for_a_person(
    ward: Ward, clock: Any
) -> None:
    session = ward.opened("p1")
    clock.advance(3600)
    told = ward.get(session)
    assert told.status_code == 401
    assert told.json()["issue"][0]["code"] == "login"
    assert "www-authenticate" not in told.headers
    page = ward.get(session, Accept="text/html,application/xhtml+xml")
    assert page.status_code == 401
    assert "Open the patient&#x27;s chart in your EHR" in page.text
    assert "frame-ancestors https://ehr.example;" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "https://evil.example",
        "https://twin.example.evil",
        "http://twin.example",
        "https://twin.example:8443",
        "https://ehr.example",
    ],
)
def test_only_the_page_itself_may_change_something(ward: Ward, origin: str | None) -> None:
    session = ward.opened("p1")
    assert ward.post(session, Origin=BASE).status_code == 200
    sent = {} if origin is None else {"Origin": origin}
    assert ward.post(session, **sent).status_code == 401


@pytest.mark.requirement("SM-007")
def test_the_cookie_holds_an_opaque_text_that_no_script_reads(ward: Ward, clock: Clock) -> None:
    session = session_about("p1", clock)
    answer = Response()
    ward.door.give_cookie(session, answer)
    given = answer.headers["set-cookie"]
    name, _, rest = given.partition("=")
    value, *attributes = rest.split("; ")
    assert name == f"__Host-cardiotwin-{session.handle}"
    assert value == session.secret
    assert set(attributes) == {
        "Max-Age=3600",
        "Path=/",
        "Secure",
        "HttpOnly",
        "SameSite=None",
        "Partitioned",
    }
    assert str(session.grant.access_token) not in given


def test_the_cookie_of_an_ended_session_is_taken_back(ward: Ward, clock: Clock) -> None:
    session, answer = session_about("p1", clock), Response()
    ward.door.take_cookie(session, answer)
    assert "; Max-Age=0; Path=/; Secure" in answer.headers["set-cookie"]
