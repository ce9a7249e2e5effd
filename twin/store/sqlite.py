"""Twins in one SQLite file: for one machine, surviving a restart, a kill and a full disk.

Each save is one statement in autocommit, so it happens whole or not at all; write-ahead logging
lets readers go on while one writes; ``synchronous=FULL`` makes SQLite wait for the disk at each
commit, so that an acknowledged twin also survives a loss of power
(https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

from __future__ import annotations

import sqlite3
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, TypeVar, final

from twin.errors import StoreUnavailable, TwinIsNewer, TwinNotFound
from twin.store.payload import from_bytes, to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from twin.core.stored_twin import PatientKey, StoredTwin

T = TypeVar("T")

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS twin (
    patient    TEXT    PRIMARY KEY,
    revision   INTEGER NOT NULL CHECK (revision >= 1),
    updated_at TEXT    NOT NULL,
    payload    BLOB    NOT NULL
) STRICT, WITHOUT ROWID
"""
_FIRST = """
INSERT INTO twin (patient, revision, updated_at, payload) VALUES (?, 1, ?, ?)
ON CONFLICT DO NOTHING
"""
_NEXT = """
UPDATE twin SET revision = ?, updated_at = ?, payload = ?
WHERE patient = ? AND revision = ?
"""

RECENT_TWINS = 64
"""Twins that need no decoding when they are asked for again; each has about 0.2 MB."""

# A hook has half a second in all; a writer of ours needs milliseconds.
LOCK_WAIT_S = 1.0


@final
class SqliteTwinStore:
    """A ``TwinStore`` in one file, for any number of processes on one machine.

    Raises
    ------
    twin.errors.StoreUnavailable
        When opened: the folder is missing or not writable, or the file belongs to a newer program.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = Lock()
        self._recent: dict[PatientKey, tuple[bytes, StoredTwin]] = {}
        self._connection = _guarded("open", partial(_open, path))

    def load(self, patient: PatientKey) -> StoredTwin:
        """Return the latest acknowledged revision; see ``twin.ports.TwinStore``."""
        payload = self._read(patient)
        if payload is None:
            raise TwinNotFound("No twin is stored under this key: assimilate first.")
        # The file is asked every time, since others write it; decoding what this process wrote
        # or read last costs more than reading it.
        known = self._recent.get(patient)
        if known is not None and known[0] == payload:
            return known[1]
        try:
            twin = from_bytes(payload)
        except (ValueError, KeyError) as damage:
            raise StoreUnavailable(
                "A stored twin cannot be read: it is damaged or of another layout. "
                "Restore the file from a backup, or delete that twin to start it anew."
            ) from damage
        self._remember(payload, twin)
        return twin

    def save(self, twin: StoredTwin) -> None:
        """Keep this revision; see ``twin.ports.TwinStore``."""
        payload, updated = to_bytes(twin), twin.updated_at.isoformat()
        with self._turn:
            changed = _guarded("save", lambda: self._execute_save(twin, updated, payload))
        if changed != 1:
            raise TwinIsNewer(
                "Another writer saved this twin first: recall it and assimilate again."
            )
        self._remember(payload, twin)

    def close(self) -> None:
        """Let go of the file; what was acknowledged is in it."""
        with self._turn:
            self._connection.close()

    def _remember(self, payload: bytes, twin: StoredTwin) -> None:
        with self._turn:
            self._recent.pop(twin.patient, None)
            self._recent[twin.patient] = (payload, twin)
            if len(self._recent) > RECENT_TWINS:
                self._recent.pop(next(iter(self._recent)))

    def _read(self, patient: PatientKey) -> bytes | None:
        statement = "SELECT payload FROM twin WHERE patient = ?"
        with self._turn:
            row = _guarded(
                "read", lambda: self._connection.execute(statement, (patient,)).fetchone()
            )
        return None if row is None else bytes(row[0])

    def _execute_save(self, twin: StoredTwin, updated: str, payload: bytes) -> int:
        if twin.revision == 1:
            return self._connection.execute(_FIRST, (twin.patient, updated, payload)).rowcount
        return self._connection.execute(
            _NEXT, (twin.revision, updated, payload, twin.patient, twin.revision - 1)
        ).rowcount


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=LOCK_WAIT_S, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        _prepare(connection)
    except (sqlite3.Error, StoreUnavailable):
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise StoreUnavailable(
            f"The twin store has schema {version}, this program knows {SCHEMA_VERSION}: "
            "run the newer program, or point this one at another file."
        )
    if version < SCHEMA_VERSION:
        connection.execute(_SCHEMA)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION:d}")


def _guarded(what: str, action: Callable[[], T]) -> T:
    try:
        return action()
    except sqlite3.Error as error:
        reason = getattr(error, "sqlite_errorname", None) or type(error).__name__
        raise StoreUnavailable(
            f"The twin store could not {what}: {reason}. What was acknowledged is safe; "
            "free space on its disk or mend the file, and try again."
        ) from error
