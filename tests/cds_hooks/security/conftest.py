"""SMART sessions for the tests: what a launch gives, and both stores of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.ports import Clock, Grant
from cds_hooks.security.session import Sessions, SmartSession, fresh_handle, fresh_secret
from cds_hooks.security.sessions import MemorySessions, SqliteSessions

KEY = bytes(range(32))


@pytest.fixture
def smart_session(clock: Clock) -> Callable[..., SmartSession]:
    """Return a maker of sessions that last an hour; a keyword replaces a member."""

    def made(**changes: Any) -> SmartSession:
        now = clock.now()
        members: dict[str, Any] = {
            "handle": fresh_handle(),
            "secret": fresh_secret(),
            "grant": Grant(
                "https://ehr.example/fhir",
                "ACCESS-CANARY",
                frozenset({"patient/Observation.rs"}),
                "p1",
                now + timedelta(minutes=5),
            ),
            "started_at": now,
            "expires_at": now + timedelta(hours=1),
            "patient_id": "p1",
            "refresh_token": "REFRESH-CANARY",
        }
        return SmartSession(**(members | changes))

    return made


@pytest.fixture(params=["memory", "sqlite"])
def sessions(request: Any, clock: Clock, tmp_path: Path) -> Iterator[Sessions]:
    """Return each adapter in turn."""
    if request.param == "memory":
        yield MemorySessions(KEY, clock)
        return
    kept = SqliteSessions(tmp_path / "sessions.sqlite", KEY, clock)
    yield kept
    kept.close()
