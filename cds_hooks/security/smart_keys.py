"""The installation's own private keys on disk: made at the first start, rotated by a command.

Specification: https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
"""

from __future__ import annotations

import json
import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import Final, final

from cds_hooks.security.smart_client import Jwk, OwnKeys, after_rotation, fresh_keys

FILE: Final = "smart-keys.json"


@final
class KeyFile:
    """The keys of one file, read again when it was rotated under the running service."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_of: int | None = None
        self._keys = OwnKeys()

    def __call__(self) -> OwnKeys:
        """Return the keys; none where there is no file.

        Raises
        ------
        ValueError
            The file is no key set, or others than its owner may read it.
        OSError
            It cannot be read.
        """
        if not self._path.exists():
            return OwnKeys()
        changed = self._path.stat().st_mtime_ns
        if changed != self._read_of:
            self._keys = OwnKeys(_read(self._path))
            self._read_of = changed
        return self._keys


def key_file(data_directory: Path, now: datetime) -> KeyFile:
    """Return the file of an installation's keys, having made it where there is none.

    Raises
    ------
    ValueError, OSError
        As of :class:`KeyFile`.
    """
    path = data_directory / FILE
    if not path.exists():
        _write(path, fresh_keys(now))
    file = KeyFile(path)
    file()
    return file


def rotate(data_directory: Path, now: datetime) -> OwnKeys:
    """Add a new pair of keys and remove what no longer signs; return what is published now.

    The new keys sign after two hours, when every EHR has had time to read them.

    Raises
    ------
    ValueError, OSError
        As of :class:`KeyFile`.
    """
    path = data_directory / FILE
    old = OwnKeys(_read(path)) if path.exists() else OwnKeys()
    keys = after_rotation(old, now)
    _write(path, keys.keys)
    return keys


def _read(path: Path) -> tuple[Jwk, ...]:
    if path.stat().st_mode & 0o077:
        raise ValueError(f"{FILE} holds private keys and others may read it: chmod 600 it.")
    try:
        keys = json.loads(path.read_text("utf-8"))["keys"]
        return tuple(dict(each) for each in keys)
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{FILE} is no JWK Set; restore it from a backup.") from None


def _write(path: Path, keys: tuple[Jwk, ...]) -> None:
    # Whole under another name first: a reader never meets half a key.
    fresh = path.with_name(f"{FILE}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"keys": list(keys)}, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
