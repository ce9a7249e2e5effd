"""Readings in one SQLite file, each row sealed under the installation's key.

What is lost with a disk is read anew, so nothing waits for the disk at each commit; what is kept
is whole or not there. Rows are sealed (AES-256-GCM, its key derived from the installation's by
HKDF, RFC 5869) with their own key as associated data, so that a copy of the file alone shows
neither findings nor pictures and no row can be put in another's place.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cds_hooks.errors import ReadingsNotKept
from cds_hooks.images.kept import (
    KEPT_DAYS,
    KeptOutcome,
    KeptSource,
    PatientDigest,
    ReadingId,
    SourceKey,
    outcome_of,
    source_of,
    to_bytes,
)
from cds_hooks.ports import Clock

_T = TypeVar("_T")

MOST_PICTURE_BYTES: Final = 1_000_000_000
"""Of all kept pictures together: some thousand radiographs."""
LOCK_WAIT_S: Final = 1.0
_NONCE_BYTES: Final = 12
_PURPOSE: Final = b"cardiotwin image readings 1"

_SCHEMA: Final = """
create table if not exists source (
  source text primary key, patient text not null, read_at real not null, payload blob not null
) without rowid, strict;
create index if not exists source_by_patient on source (patient);
create table if not exists outcome (
  reading text primary key, patient text not null, read_at real not null, payload blob not null,
  picture blob
) strict;
create index if not exists outcome_by_time on outcome (read_at);
"""


@final
class SqliteReadings:
    """Survives a restart and a kill, for any number of processes on one machine.

    Raises
    ------
    cds_hooks.errors.ReadingsNotKept
        When opened: the file cannot be opened or made.
    """

    def __init__(self, path: Path, installation_key: bytes, clock: Clock) -> None:
        self._clock = clock
        self._box = AESGCM(
            HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(installation_key)
        )
        # Who recalls must not wait for who keeps a picture.
        self._reading, self._writing = Lock(), Lock()
        self._database = _guarded(self._writing, lambda: _opened(path))
        self._for_reading = _guarded(self._reading, lambda: _opened(path))
        self._forget_old()

    def source(self, key: SourceKey) -> KeptSource | None:
        """Return what was kept of a source."""
        rows = self._rows("select source, payload from source where source = ?", key)
        return next(iter(self._sources(rows)), None)

    def outcome(self, reading: ReadingId) -> KeptOutcome | None:
        """Return what was kept of a file."""
        rows = self._rows("select reading, payload from outcome where reading = ?", reading)
        for name, sealed in rows:
            opened = self._opened(name, sealed)
            if opened is not None:
                with suppress(ValueError):
                    return outcome_of(opened)
        return None

    def of_patient(self, patient: PatientDigest) -> tuple[KeptSource, ...]:
        """Return what was read of a patient, the latest taken first."""
        rows = self._rows("select source, payload from source where patient = ?", patient)
        found = self._sources(rows)
        return tuple(sorted(found, key=lambda each: each.taken_at or each.read_at, reverse=True))

    def picture(self, patient: PatientDigest, reading: ReadingId) -> bytes | None:
        """Return the picture of a reading, if it is this patient's."""
        statement = "select picture from outcome where reading = ? and patient = ?"
        rows = self._rows(statement, reading, patient)
        sealed = rows[0][0] if rows else None
        return None if sealed is None else self._opened(f"picture {reading}", sealed)

    def keep(self, source: KeptSource, pictures: Mapping[ReadingId, bytes]) -> None:
        """Keep a source with the pictures of its readings."""
        at = source.read_at.timestamp()

        def write() -> None:
            with self._database:
                for each in source.outcomes:
                    picture = pictures.get(each.id)
                    self._database.execute(
                        "insert into outcome values (?,?,?,?,?) on conflict do update set"
                        " read_at = excluded.read_at, payload = excluded.payload,"
                        " picture = coalesce(excluded.picture, picture)",
                        (
                            each.id,
                            source.patient,
                            at,
                            self._sealed(each.id, to_bytes(each)),
                            None
                            if picture is None
                            else self._sealed(f"picture {each.id}", picture),
                        ),
                    )
                self._database.execute(
                    "insert or replace into source values (?,?,?,?)",
                    (
                        source.source,
                        source.patient,
                        at,
                        self._sealed(source.source, to_bytes(source)),
                    ),
                )

        _guarded(self._writing, write)

    def forget_others(self, patient: PatientDigest, on_file: Collection[SourceKey]) -> None:
        """Forget what is no longer on the patient's file."""
        rows = self._rows("select source from source where patient = ?", patient)
        gone = [(each,) for (each,) in rows if each not in on_file]
        if gone:
            statement = "delete from source where source = ?"
            _guarded(self._writing, lambda: self._write_many(statement, gone))

    def close(self) -> None:
        """Let go of the file."""
        with self._reading, self._writing:
            self._for_reading.close()
            self._database.close()

    def _forget_old(self) -> None:
        oldest = (self._clock.now() - timedelta(days=KEPT_DAYS)).timestamp()

        def forget() -> None:
            with self._database:
                self._database.execute("delete from source where read_at < ?", (oldest,))
                self._database.execute("delete from outcome where read_at < ?", (oldest,))
                self._database.execute(
                    "delete from outcome where reading in (select reading from (select reading,"
                    " sum(length(picture)) over (order by read_at desc) as so_far from outcome"
                    " where picture is not null) where so_far > ?)",
                    (MOST_PICTURE_BYTES,),
                )

        _guarded(self._writing, forget)

    def _write_many(self, statement: str, rows: list[tuple[str]]) -> None:
        with self._database:
            self._database.executemany(statement, rows)

    def _sources(self, rows: list[tuple[str, bytes]]) -> list[KeptSource]:
        found = []
        for name, sealed in rows:
            opened = self._opened(name, sealed)
            if opened is not None:
                with suppress(ValueError):  # of another release of this service: read anew
                    found.append(source_of(opened))
        return found

    def _rows(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        reading = self._for_reading
        return _guarded(self._reading, lambda: reading.execute(statement, values).fetchall())

    def _sealed(self, name: str, text: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._box.encrypt(nonce, text, name.encode())

    def _opened(self, name: str, sealed: bytes) -> bytes | None:
        try:
            return self._box.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError):
            return None


def _guarded(turn: Lock, work: Callable[[], _T]) -> _T:
    with turn:
        try:
            return work()
        except sqlite3.Error as error:
            raise ReadingsNotKept(
                f"Readings of images could not be kept or recalled ({type(error).__name__})."
            ) from None


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=LOCK_WAIT_S, check_same_thread=False)
    database.execute("pragma journal_mode = wal")
    # A reading may be lost with the power, never torn; what is lost is read anew.
    database.execute("pragma synchronous = normal")
    database.executescript(_SCHEMA)
    return database
