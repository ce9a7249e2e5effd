"""Where SMART sessions are kept: the two adapters of ``Sessions``."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar, final

from cds_hooks.errors import SessionNotKept
from cds_hooks.ports import Clock
from cds_hooks.security.session import SmartSession
from cds_hooks.security.session_seal import SealedSession, seal, unseal

_T = TypeVar("_T")

MOST_IN_MEMORY: Final = 10_000
"""Far above the workstations of a hospital; the oldest makes room for the newest."""

_SCHEMA: Final = """
create table if not exists smart_session (
  handle text primary key, expires_at real not null, content blob not null
) without rowid;
create index if not exists smart_session_by_end on smart_session (expires_at);
"""


@final
class MemorySessions:
    """Forgets on restart; for tests and for a sandbox. Sealed all the same."""

    def __init__(self, installation_key: bytes, clock: Clock) -> None:
        self._installation_key = installation_key
        self._clock = clock
        self._sealed: dict[str, SealedSession] = {}

    async def keep(self, session: SmartSession) -> None:
        """Store a session, in place of its former state where there is one."""
        self._sealed.pop(session.handle, None)
        while len(self._sealed) >= MOST_IN_MEMORY:
            del self._sealed[next(iter(self._sealed))]
        self._sealed[session.handle] = seal(session, self._installation_key)

    async def of(self, handle: str, secret: str) -> SmartSession | None:
        """Return the session that this handle and this cookie open together, or None."""
        sealed = self._sealed.get(handle)
        if sealed is None:
            return None
        return unseal(sealed, secret, self._installation_key, self._clock.now())

    async def end(self, handle: str) -> None:
        """Forget a session; one that is not there is no error."""
        self._sealed.pop(handle, None)


@final
class SqliteSessions:
    """Survives a restart: whoever had the twin open still has it after an upgrade.

    Written before the answer, unlike used tokens: a refresh token that was used up and whose
    successor was lost could never be used again (SM-063).
    """

    def __init__(self, path: Path, installation_key: bytes, clock: Clock) -> None:
        self._installation_key = installation_key
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "sessions")
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.execute("pragma journal_mode = wal")
        # What was deleted is overwritten: a session that has ended leaves no sealed text behind.
        self._database.execute("pragma secure_delete = on")
        self._database.executescript(_SCHEMA)
        self._forget_expired()

    def _forget_expired(self) -> None:
        now = self._clock.now().timestamp()
        with self._database:
            self._database.execute("delete from smart_session where expires_at <= ?", (now,))

    async def keep(self, session: SmartSession) -> None:
        """Store a session, in place of its former state where there is one.

        Raises
        ------
        cds_hooks.errors.SessionNotKept
            The file cannot be written.
        """
        sealed = seal(session, self._installation_key)
        await self._in_thread(lambda: self._write(sealed))

    def _write(self, sealed: SealedSession) -> None:
        self._forget_expired()
        row = (sealed.handle, sealed.expires_at, sealed.content)
        with self._database:
            self._database.execute("insert or replace into smart_session values (?, ?, ?)", row)

    async def of(self, handle: str, secret: str) -> SmartSession | None:
        """Return the session that this handle and this cookie open together, or None.

        Raises
        ------
        cds_hooks.errors.SessionNotKept
            The file cannot be read.
        """
        row = await self._in_thread(lambda: self._row(handle))
        if row is None:
            return None
        return unseal(SealedSession(*row), secret, self._installation_key, self._clock.now())

    def _row(self, handle: str) -> tuple[str, float, bytes] | None:
        found: tuple[str, float, bytes] | None = self._database.execute(
            "select handle, expires_at, content from smart_session where handle = ?", (handle,)
        ).fetchone()
        return found

    async def end(self, handle: str) -> None:
        """Forget a session; one that is not there is no error.

        Raises
        ------
        cds_hooks.errors.SessionNotKept
            The file cannot be written.
        """
        await self._in_thread(lambda: self._delete(handle))

    def _delete(self, handle: str) -> None:
        with self._database:
            self._database.execute("delete from smart_session where handle = ?", (handle,))

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise SessionNotKept(
                f"The session could not be stored or read ({type(error).__name__}); launch again."
            ) from None

    def close(self) -> None:
        """Write what is waiting and close the file."""
        self._thread.shutdown()
        self._database.close()
