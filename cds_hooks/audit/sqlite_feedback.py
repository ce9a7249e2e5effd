"""Cards and verdicts in one SQLite file, written by one thread of its own."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta
from pathlib import Path
from typing import Final, TypeVar, final

from cds_hooks.errors import FeedbackNotStored
from cds_hooks.ports import Clock, IssuedCard, Verdict

_T = TypeVar("_T")

FEEDBACK_WINDOW: Final = timedelta(days=30)
"""A card without feedback is forgotten after this.

Clients report within minutes, or after an outage.
"""

_SCHEMA: Final = """
create table if not exists issued_card (
  card blob primary key, suggestions text not null, service_id text not null,
  issuer text not null, issued_at real not null
) without rowid;
create table if not exists verdict (
  card blob not null, outcome text not null, at text not null, accepted text not null,
  reason_code text not null, reason_system text not null, comment text not null,
  primary key (card, outcome, at, accepted, reason_code, reason_system, comment)
) without rowid;
create index if not exists issued_card_by_time on issued_card (issued_at);
"""


@final
class SqliteFeedback:
    """Survives a restart.

    The primary key of a verdict is all of it, so that repeats are one row.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "feedback")
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.execute("pragma journal_mode = wal")
        # An answer may be lost with the power, never torn; a card that was lost is merely unknown.
        self._database.execute("pragma synchronous = normal")
        self._database.executescript(_SCHEMA)
        self._forget_old()

    def _forget_old(self) -> None:
        oldest = (self._clock.now() - FEEDBACK_WINDOW).timestamp()
        with self._database:
            self._database.execute(
                "delete from issued_card where issued_at < ?"
                " and card not in (select card from verdict)",
                (oldest,),
            )

    async def remember(self, cards: Sequence[IssuedCard]) -> None:
        """Keep what was sent."""
        rows = [
            (
                each.card.bytes,
                json.dumps([str(suggestion) for suggestion in each.suggestions]),
                each.service_id,
                each.issuer,
                each.issued_at.timestamp(),
            )
            for each in cards
        ]
        if rows:
            await self._in_thread(
                lambda: self._write("insert or replace into issued_card values (?,?,?,?,?)", rows)
            )

    async def record(
        self, service_id: str, issuer: str, verdicts: Sequence[Verdict]
    ) -> frozenset[Verdict]:
        """Keep the verdicts on known cards, each once; return the unknown ones."""
        return await self._in_thread(lambda: self._record(service_id, issuer, verdicts))

    def _record(
        self, service_id: str, issuer: str, verdicts: Sequence[Verdict]
    ) -> frozenset[Verdict]:
        known = [each for each in verdicts if self._is_known(each, service_id, issuer)]
        rows = [
            (
                each.card.bytes,
                each.outcome,
                each.at.astimezone(UTC).isoformat(),
                json.dumps(sorted(str(suggestion) for suggestion in each.accepted)),
                # Empty rather than NULL: two NULLs of a key would count as different rows.
                each.reason_code or "",
                each.reason_system or "",
                each.comment or "",
            )
            for each in known
        ]
        self._write("insert or ignore into verdict values (?,?,?,?,?,?,?)", rows)
        return frozenset(verdicts) - frozenset(known)

    def _is_known(self, verdict: Verdict, service_id: str, issuer: str) -> bool:
        row = self._database.execute(
            "select suggestions from issued_card where card = ? and service_id = ? and issuer = ?",
            (verdict.card.bytes, service_id, issuer),
        ).fetchone()
        return row is not None and {str(each) for each in verdict.accepted} <= set(
            json.loads(row[0])
        )

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        with self._database:
            self._database.executemany(statement, rows)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise FeedbackNotStored(
                f"Feedback could not be stored ({type(error).__name__}); send it again later."
            ) from None

    def close(self) -> None:
        """Write what is waiting and close the file."""
        self._thread.shutdown()
        self._database.close()
