"""Sealing a session for storage: AES-256-GCM under a key that only its own browser completes.

The key is derived from the installation's key and the cookie's secret together (HKDF, RFC 5869).
Neither the data directory, which holds the first, nor a stolen cookie, which is the second, opens
a record alone; and a record opens with no other session's cookie. The handle and the end are
authenticated with the text, so that neither can be exchanged between records.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final, final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cds_hooks.security.session import SmartSession

NONCE_BYTES: Final = 12
_PURPOSE: Final = b"cardiotwin smart session 1"
_READER: Final = msgspec.json.Decoder(SmartSession)


@final
@dataclass(frozen=True, slots=True)
class SealedSession:
    """A session as it is stored."""

    handle: str
    expires_at: float
    """Seconds since 1970."""
    content: bytes


def seal(session: SmartSession, installation_key: bytes) -> SealedSession:
    """Return the stored form of a session."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    expires_at = session.expires_at.timestamp()
    bound = _bound(session.handle, expires_at)
    box = AESGCM(_key(installation_key, session.secret))
    sealed = box.encrypt(nonce, msgspec.json.encode(session), bound)
    return SealedSession(session.handle, expires_at, nonce + sealed)


def unseal(
    sealed: SealedSession, secret: str, installation_key: bytes, now: datetime
) -> SmartSession | None:
    """Return the session; None where it has expired or does not open with this secret."""
    if sealed.expires_at <= now.timestamp():
        return None
    box = AESGCM(_key(installation_key, secret))
    nonce, text = sealed.content[:NONCE_BYTES], sealed.content[NONCE_BYTES:]
    try:
        opened = box.decrypt(nonce, text, _bound(sealed.handle, sealed.expires_at))
        return _READER.decode(opened)
    except (InvalidTag, ValueError, msgspec.MsgspecError):
        # Torn, or a record of another release of this service: launched anew, not guessed at.
        return None


def _key(installation_key: bytes, secret: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=32, salt=installation_key, info=_PURPOSE)
    return derived.derive(secret.encode())


def _bound(handle: str, expires_at: float) -> bytes:
    return f"{handle} {expires_at!r}".encode()
