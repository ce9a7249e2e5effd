"""A session opens with its own cookie, until it ends, and from no disk alone."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.errors import SessionNotKept
from cds_hooks.ports import Clock
from cds_hooks.security.session import (
    ContextItem,
    Sessions,
    SmartSession,
    fresh_handle,
    fresh_secret,
)
from cds_hooks.security.session_seal import SealedSession, seal, unseal
from cds_hooks.security.sessions import SqliteSessions

KEY = bytes(range(32))
Made = Callable[..., SmartSession]


def kept(sessions: Sessions, session: SmartSession) -> SmartSession:
    asyncio.run(sessions.keep(session))
    return session


def found(sessions: Sessions, handle: str, secret: str) -> SmartSession | None:
    return asyncio.run(sessions.of(handle, secret))


def test_a_session_comes_back_as_it_was_kept(sessions: Sessions, smart_session: Made) -> None:
    session = kept(
        sessions,
        smart_session(
            encounter_id="e1",
            fhir_user="Practitioner/7",
            need_patient_banner=False,
            fhir_context=(ContextItem(reference="ImagingStudy/123"),),
            other_context={"unknown": '{"kept": true}'},
            frame_ancestors=("https://ehr.example",),
            token_scopes_asked=frozenset({"patient/Observation.rs", "launch"}),
        ),
    )
    back = found(sessions, session.handle, session.secret)
    assert back == session
    assert back.scopes_refused() == {"launch"}


def test_the_later_state_of_a_session_replaces_the_earlier(
    sessions: Sessions, smart_session: Made
) -> None:
    session = kept(sessions, smart_session())
    kept(sessions, replace(session, refresh_token="SECOND"))
    back = found(sessions, session.handle, session.secret)
    assert back is not None
    assert back.refresh_token == "SECOND"


@pytest.mark.requirement("SM-008")
def test_another_sessions_cookie_opens_nothing(sessions: Sessions, smart_session: Made) -> None:
    mine, theirs = kept(sessions, smart_session()), kept(sessions, smart_session())
    assert found(sessions, theirs.handle, mine.secret) is None
    assert found(sessions, mine.handle, "") is None
    assert found(sessions, fresh_handle(), mine.secret) is None


def test_a_session_ends_at_its_time_and_when_it_is_ended(
    sessions: Sessions, smart_session: Made, clock: Any
) -> None:
    ended, expired = kept(sessions, smart_session()), kept(sessions, smart_session())
    asyncio.run(sessions.end(ended.handle))
    assert found(sessions, ended.handle, ended.secret) is None
    clock.advance(3599)
    assert found(sessions, expired.handle, expired.secret) is not None
    clock.advance(1)
    assert found(sessions, expired.handle, expired.secret) is None


def test_every_changed_byte_of_a_record_closes_it(smart_session: Made, clock: Clock) -> None:
    session = smart_session()
    sealed = seal(session, KEY)
    assert unseal(sealed, session.secret, KEY, clock.now()) == session
    for place in range(len(sealed.content)):
        torn = bytearray(sealed.content)
        torn[place] ^= 1
        changed = replace(sealed, content=bytes(torn))
        assert unseal(changed, session.secret, KEY, clock.now()) is None
    for changed in (
        replace(sealed, expires_at=sealed.expires_at + 3600),
        replace(sealed, handle=fresh_handle()),
        replace(sealed, content=b""),
    ):
        assert unseal(changed, session.secret, KEY, clock.now()) is None


def test_a_record_moved_under_another_handle_stays_closed(
    smart_session: Made, clock: Clock
) -> None:
    mine, theirs = smart_session(), smart_session(patient_id="p2")
    swapped = SealedSession(mine.handle, mine.expires_at.timestamp(), seal(theirs, KEY).content)
    assert unseal(swapped, mine.secret, KEY, clock.now()) is None
    assert unseal(swapped, theirs.secret, KEY, clock.now()) is None


@pytest.mark.requirement("SM-008")
def test_the_installation_key_and_the_file_together_open_nothing(
    smart_session: Made, clock: Clock, tmp_path: Path
) -> None:
    path = tmp_path / "sessions.sqlite"
    sessions = SqliteSessions(path, KEY, clock)
    session = kept(sessions, smart_session(patient_id="PATIENT-CANARY"))
    sessions.close()
    stored = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    for text in ("CANARY", session.secret, "patient_id", "ehr.example"):
        assert text.encode() not in stored
    with sqlite3.connect(path) as database:
        row = database.execute("select handle, expires_at, content from smart_session").fetchone()
    assert unseal(SealedSession(*row), fresh_secret(), KEY, clock.now()) is None


def test_sessions_survive_a_restart_and_expired_ones_leave_the_file(
    smart_session: Made, clock: Any, tmp_path: Path
) -> None:
    path = tmp_path / "sessions.sqlite"
    first = SqliteSessions(path, KEY, clock)
    long = kept(first, smart_session(expires_at=clock.now() + timedelta(hours=8)))
    kept(first, smart_session())
    first.close()
    clock.advance(7200)
    second = SqliteSessions(path, KEY, clock)
    assert found(second, long.handle, long.secret) == long
    with sqlite3.connect(path) as database:
        assert database.execute("select count(*) from smart_session").fetchone() == (1,)
    second.close()


def test_a_file_that_cannot_be_used_is_said_so(
    smart_session: Made, clock: Clock, tmp_path: Path
) -> None:
    path = tmp_path / "sessions.sqlite"
    sessions = SqliteSessions(path, KEY, clock)
    with sqlite3.connect(path) as database:
        database.execute("drop table smart_session")
    with pytest.raises(SessionNotKept):
        kept(sessions, smart_session())
    sessions.close()


@pytest.mark.requirement("SM-008")
def test_a_session_shows_no_secret_when_it_is_printed(smart_session: Made) -> None:
    session = smart_session(patient_id="PATIENT-CANARY", app_context="CONTEXT-CANARY")
    assert "CANARY" not in repr(session)
    assert session.secret not in repr(session)


def test_handles_and_secrets_are_long_and_never_come_twice() -> None:
    handles = {fresh_handle() for _ in range(10_000)}
    secrets = {fresh_secret() for _ in range(10_000)}
    assert len(handles) == len(secrets) == 10_000
    assert min(map(len, handles)) == 16  # 96 bits
    assert min(map(len, secrets)) == 43  # 256 bits
