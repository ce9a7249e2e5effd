"""Which tokens were used: each JWT opens one call only (CH-075).

The two adapters of ``UsedTokens``.
"""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import final

import structlog

from cds_hooks.ports import Clock

_LOG = structlog.get_logger("cds_hooks")

PURGE_EVERY = 1_024
"""Writes between two removals of expired rows."""


def _digest(issuer: str, token_id: str) -> bytes:
    """Return what is kept of a token.

    No issuer can choose a ``jti`` that collides with another's.
    """
    return sha256(f"{len(issuer)}:{issuer}{token_id}".encode()).digest()


@final
class MemoryUsedTokens:
    """Forgets on restart; for tests and for a sandbox."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._used: dict[bytes, float] = {}

    async def use(self, issuer: str, token_id: str, expires_at: datetime) -> bool:
        """Note the use; False where the token was used before."""
        self._forget_expired()
        digest = _digest(issuer, token_id)
        if digest in self._used:
            return False
        self._used[digest] = expires_at.timestamp()
        return True

    def _forget_expired(self) -> None:
        now = self._clock.now().timestamp()
        # Entries are in the order of arrival and live at most minutes: the front is the oldest.
        while self._used:
            oldest = next(iter(self._used))
            if self._used[oldest] > now:
                break
            del self._used[oldest]


@final
class SqliteUsedTokens:
    """Survives a restart: a token that was used before it is still refused after it.

    What decides is memory, loaded at the start; the file is written behind it. So a call waits
    for no disk, and a full disk stops no clinician: only a restart within the five minutes of a
    token's life could then accept it again.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._memory = MemoryUsedTokens(clock)
        self._written = 0
        self._writer = ThreadPoolExecutor(1, "used-tokens")
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("pragma journal_mode = wal")
        self._database.execute("pragma synchronous = normal")
        self._database.execute(
            "create table if not exists used_token"
            " (digest blob primary key, expires_at real not null) without rowid"
        )
        self._load()

    def _load(self) -> None:
        self._purge()
        rows = self._database.execute("select digest, expires_at from used_token")
        self._memory._used.update(rows)

    def _purge(self) -> None:
        now = self._clock.now().timestamp()
        self._database.execute("delete from used_token where expires_at <= ?", (now,))

    async def use(self, issuer: str, token_id: str, expires_at: datetime) -> bool:
        """Note the use; False where the token was used before."""
        if not await self._memory.use(issuer, token_id, expires_at):
            return False
        row = (_digest(issuer, token_id), expires_at.timestamp())
        asyncio.get_running_loop().run_in_executor(self._writer, self._write, row)
        return True

    def _write(self, row: tuple[bytes, float]) -> None:
        self._written += 1
        try:
            self._database.execute("insert or ignore into used_token values (?, ?)", row)
            if self._written % PURGE_EVERY == 0:
                self._purge()
        except sqlite3.Error as error:
            _LOG.warning("used_token_not_written", kind=type(error).__name__)

    def close(self) -> None:
        """Write what is waiting and close the file."""
        self._writer.shutdown()
        self._database.close()
