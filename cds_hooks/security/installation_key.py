"""The secret key of one installation: read from the data directory, made at the first start."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from cds_hooks.security.patient_key import KEY_BYTES

FILE: Final = "installation.key"


def installation_key(data_directory: Path) -> bytes:
    """Return the key of this installation; with it lost, stored twins cannot be found again.

    The file is made at once with its rights and never overwritten: of two processes that start
    together, the slower one reads the key of the faster.

    Raises
    ------
    ValueError
        The file is there and is no key: restore it from a backup, or remove it and the twins.
    OSError
        The data directory cannot be read or written.
    """
    path = data_directory / FILE
    if not path.exists():
        # Written whole under another name first: a reader never meets half a key.
        fresh = data_directory / f"{FILE}.{secrets.token_hex(8)}"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(
            f"{FILE} in the data directory does not hold {KEY_BYTES} bytes: restore it from a "
            "backup, or remove it together with the stored twins."
        )
    return key
