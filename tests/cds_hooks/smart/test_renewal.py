"""A session keeps being able to read while the EHR permits it, and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from cds_hooks.errors import (
    EhrRefused,
    EhrUnauthorized,
    EhrUnreadable,
    HostNotAllowed,
    NoSession,
)
from cds_hooks.ports import FhirQuery, Grant
from cds_hooks.security.smart_registration import ClientKind
from cds_hooks.security.smart_renewal import SessionEhr


class Reading:
    """What a page does with a grant; the EHR answers 401 to the tokens named here."""

    def __init__(self, *unauthorized: str, always: Exception | None = None) -> None:
        self.refused = set(unauthorized)
        self.always = always
        self.tokens: list[str] = []

    async def __call__(self, grant: Grant) -> str:
        self.tokens.append(str(grant.access_token))
        await asyncio.sleep(0)
        if self.always is not None:
            raise self.always
        if grant.access_token in self.refused:
            raise EhrUnauthorized("401")
        return "read"


def read(app: Any, session: Any, reading: Any) -> Any:
    return asyncio.run(app.renewal.with_grant(session, reading))


def now_kept(app: Any, session: Any) -> Any:
    return asyncio.run(app.sessions.of(session.handle, session.secret))


def test_a_token_that_lives_is_used_as_it_is(app: Any) -> None:
    session = app.launched()
    app.clock.advance(269)
    reading = Reading()
    assert read(app, session, reading) == "read"
    assert reading.tokens == [session.grant.access_token]
    assert len(app.ehr.posts("/token")) == 1


@pytest.mark.requirement("SM-062", "SM-063")
def test_a_token_about_to_expire_is_renewed_first(app: Any) -> None:
    session = app.launched()
    app.clock.advance(270)
    reading = Reading()
    assert read(app, session, reading) == "read"
    renewed = now_kept(app, session)
    assert reading.tokens == [renewed.grant.access_token] != [session.grant.access_token]
    assert renewed.refresh_token != session.refresh_token
    assert (renewed.handle, renewed.patient_id) == (session.handle, session.patient_id)
    form = app.ehr.posts("/token")[1]
    assert form == {
        "grant_type": "refresh_token",
        "refresh_token": session.refresh_token,
        "client_id": "cardiotwin",
    }


@pytest.mark.requirement("SM-042")
def test_401_once_is_one_renewal_and_one_more_try(app: Any) -> None:
    session = app.launched()
    reading = Reading(session.grant.access_token)
    assert read(app, session, reading) == "read"
    assert len(reading.tokens) == 2
    assert len(app.ehr.posts("/token")) == 2


@pytest.mark.requirement("SM-042")
def test_401_twice_ends_the_session(app: Any) -> None:
    session = app.launched()
    reading = Reading(always=EhrUnauthorized("401"))
    with pytest.raises(NoSession) as ended:
        read(app, session, reading)
    assert ended.value.reason == "withdrawn"
    assert len(reading.tokens) == 2
    assert len(app.ehr.posts("/token")) == 2
    assert now_kept(app, session) is None


@pytest.mark.requirement("SM-042", "SM-040")
def test_403_is_told_and_renews_nothing(app: Any) -> None:
    session = app.launched()
    reading = Reading(always=EhrRefused("403"))
    with pytest.raises(EhrRefused):
        read(app, session, reading)
    assert len(reading.tokens) == 1
    assert len(app.ehr.posts("/token")) == 1
    assert now_kept(app, session) == session


@pytest.mark.requirement("SM-063")
def test_requests_at_the_same_moment_share_one_renewal(app: Any) -> None:
    session = app.launched()
    readings = [Reading(session.grant.access_token) for _ in range(8)]

    async def at_once() -> list[str]:
        return await asyncio.gather(*(app.renewal.with_grant(session, each) for each in readings))

    assert asyncio.run(at_once()) == ["read"] * 8
    assert len(app.ehr.posts("/token")) == 2
    used = [form["refresh_token"] for form in app.ehr.posts("/token")[1:]]
    assert len(used) == len(set(used))


@pytest.mark.requirement("SM-063")
def test_a_request_with_an_older_state_of_the_session_does_not_use_its_old_token(
    app: Any,
) -> None:
    session = app.launched()
    read(app, session, Reading(session.grant.access_token))
    reading = Reading(session.grant.access_token)
    assert read(app, session, reading) == "read"
    assert len(app.ehr.posts("/token")) == 2
    assert reading.tokens[1] == now_kept(app, session).grant.access_token


def test_a_refresh_token_that_is_not_replaced_stays(app: Any) -> None:
    session = app.launched()
    app.ehr.token_changes = {"refresh_token": "-"}
    read(app, session, Reading(session.grant.access_token))
    assert now_kept(app, session).refresh_token == session.refresh_token


def test_a_refresh_token_that_the_ehr_withdrew_ends_the_session(app: Any) -> None:
    session = app.launched()
    app.ehr.refresh_tokens.clear()
    with pytest.raises(NoSession):
        read(app, session, Reading(session.grant.access_token))
    assert now_kept(app, session) is None


def test_an_authorization_server_that_fails_leaves_the_session_as_it_is(app: Any) -> None:
    session = app.launched()
    app.ehr.fails["/token"] = 503
    with pytest.raises(EhrUnreadable):
        read(app, session, Reading(session.grant.access_token))
    assert now_kept(app, session) == session
    del app.ehr.fails["/token"]
    assert read(app, session, Reading(session.grant.access_token)) == "read"


def test_without_a_refresh_token_401_ends_the_session(app: Any) -> None:
    app.ehr.token_changes = {"refresh_token": "-"}
    session = app.launched()
    with pytest.raises(NoSession):
        read(app, session, Reading(session.grant.access_token))


def test_a_renewed_token_of_another_patient_ends_the_session(app: Any) -> None:
    session = app.launched()
    app.ehr.token_changes = {"patient": "p2"}
    reading = Reading(session.grant.access_token)
    with pytest.raises(NoSession):
        read(app, session, reading)
    assert reading.tokens == [session.grant.access_token]
    assert now_kept(app, session) is None


@pytest.mark.requirement("SM-062")
def test_a_renewal_never_widens_the_scope(app: Any) -> None:
    app.ehr.token_changes = {"scope": "patient/Patient.rs patient/Observation.rs"}
    session = app.launched()
    app.ehr.token_changes = {"scope": "patient/*.cruds patient/Patient.rs"}
    read(app, session, Reading(session.grant.access_token))
    assert now_kept(app, session).grant.scopes == {"patient/Patient.rs"}


def test_a_session_that_was_ended_is_not_revived_by_a_late_request(app: Any) -> None:
    session = app.launched()
    asyncio.run(app.sessions.end(session.handle))
    with pytest.raises(NoSession):
        read(app, session, Reading(session.grant.access_token))
    assert now_kept(app, session) is None
    assert len(app.ehr.posts("/token")) == 1


@pytest.mark.requirement("SM-047", "SM-037")
@pytest.mark.parametrize("kind", [ClientKind.SYMMETRIC, ClientKind.ASYMMETRIC])
def test_a_confidential_client_proves_itself_at_every_renewal(
    assemble: Callable[..., Any], scripted: Any, clock: Any, kind: ClientKind
) -> None:
    app = assemble(scripted(clock, kind))
    session = app.launched()
    read(app, session, Reading(session.grant.access_token))
    forms = app.ehr.posts("/token")
    assert len(forms) == 2
    assert all("client_id" not in form for form in forms)
    signed = [form["client_assertion"] for form in forms if "client_assertion" in form]
    assert len(set(signed)) == len(signed) == (2 if kind is ClientKind.ASYMMETRIC else 0)


@pytest.mark.requirement("SM-064")
def test_logging_out_ends_the_session_and_revokes_both_tokens(app: Any) -> None:
    browser = app.browser()
    session = app.launched(browser)
    url = f"/logout?session={session.handle}"
    assert browser.http.post(url).status_code == 401
    reply = browser.http.post(url, headers={"Origin": "https://twin.example"})
    assert reply.status_code == 200
    assert "Logged out" in reply.text
    assert "Max-Age=0" in reply.headers["set-cookie"]
    assert app.ehr.revoked == [session.refresh_token, session.grant.access_token]
    assert now_kept(app, session) is None
    assert browser.http.post(url, headers={"Origin": "https://twin.example"}).status_code == 401


@pytest.mark.requirement("SM-064")
@pytest.mark.parametrize("announced", ["-", "https://ehr.example/revoke"])
def test_logging_out_works_where_nothing_can_be_revoked(app: Any, announced: str) -> None:
    app.ehr.announced = {"revocation_endpoint": announced}
    app.ehr.fails["/revoke"] = 500
    browser = app.browser()
    session = app.launched(browser)
    reply = browser.http.post(
        f"/logout?session={session.handle}", headers={"Origin": "https://twin.example"}
    )
    assert reply.status_code == 200
    assert now_kept(app, session) is None


class Shelf:
    """An EHR that takes one access token."""

    def __init__(self, refused: str | None) -> None:
        self.refused = refused
        self.asked: list[str | None] = []

    async def search(self, query: FhirQuery, grant: Grant) -> tuple[msgspec.Raw, ...]:
        self.asked.append(grant.access_token)
        if grant.access_token == self.refused:
            raise EhrUnauthorized("401")
        return (msgspec.Raw(b"{}"),)


@pytest.mark.requirement("SM-042")
def test_the_ehr_of_a_session_renews_under_each_query(app: Any) -> None:
    session = app.launched()
    shelf = Shelf(session.grant.access_token)
    ehr = SessionEhr(shelf, app.renewal, session)

    async def three() -> None:
        for _ in range(3):
            assert await ehr.search(FhirQuery("Patient/p1"), session.grant)

    asyncio.run(three())
    assert len(app.ehr.posts("/token")) == 2


def test_the_ehr_of_a_session_reads_for_no_other_session(app: Any) -> None:
    mine = app.launched()
    app.ehr.context = {"patient": "p2"}
    theirs = app.launched()
    shelf = Shelf(None)
    with pytest.raises(HostNotAllowed):
        asyncio.run(
            SessionEhr(shelf, app.renewal, mine).search(FhirQuery("Patient/p2"), theirs.grant)
        )
    assert shelf.asked == []
