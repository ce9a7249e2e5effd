"""Where the EHRs' public keys come from: files and allow-listed URLs. Adapters of ``KeySet``.

Source of the rules: https://cds-hooks.hl7.org/2.0/#trusting-cds-clients and RFC 7517.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias, final

import httpx2
import structlog

from cds_hooks.errors import HostNotAllowed
from cds_hooks.ports import Clock

Jwk: TypeAlias = Mapping[str, object]

_LOG: Final = structlog.get_logger("cds_hooks")

MOST_BYTES: Final = 262_144
"""A key takes about 1 KB; no EHR publishes hundreds."""

FRESH_S: Final = 3_600.0
"""A key that was withdrawn is trusted for at most this much longer."""

FRUITLESS_PAUSE_S: Final = 10.0
"""After a reload that did not bring the unknown ``kid``.

So that invented ones cannot make this service a hammer.
"""


def keys_of(text: str | bytes) -> tuple[Jwk, ...]:
    """Read a JWK Set; what is no key in it is left out.

    Raises
    ------
    ValueError
        It is no JWK Set.
    """
    parsed = json.loads(text)
    keys = parsed.get("keys") if isinstance(parsed, dict) else None
    if not isinstance(keys, list):
        raise ValueError("it is no JWK Set: an object with an array keys (RFC 7517)")
    return tuple(each for each in keys if isinstance(each, dict))


def _with_id(keys: Sequence[Jwk], key_id: str) -> Jwk | None:
    return next((each for each in keys if each.get("kid") == key_id), None)


@final
class FileKeys:
    """Key sets that were exchanged out of band (CH-070), read once at the start.

    Raises
    ------
    ValueError
        A file holds no JWK Set.
    OSError
        A file cannot be read.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._keys = {issuer: keys_of(path.read_bytes()) for issuer, path in files.items()}

    async def key(self, issuer: str, key_id: str, jwks_url: str | None) -> Jwk | None:
        """Return the issuer's key; ``jwks_url`` is not contacted."""
        return _with_id(self._keys.get(issuer, ()), key_id)


@final
class RemoteKeys:
    """Key sets behind allow-listed URLs (CH-069); an unknown ``kid`` reloads one (CH-076)."""

    def __init__(self, client: Callable[[], httpx2.AsyncClient], clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._cached: dict[str, tuple[float, tuple[Jwk, ...]]] = {}
        self._fruitless_at: dict[str, float] = {}

    async def key(self, issuer: str, key_id: str, jwks_url: str | None) -> Jwk | None:
        """Return the key from the URL that the configuration names for the issuer."""
        if jwks_url is None:
            return None
        now = self._clock.now().timestamp()
        read_at, keys = self._cached.get(jwks_url, (float("-inf"), ()))
        found = _with_id(keys, key_id)
        if found is not None and now - read_at < FRESH_S:
            return found
        if now - self._fruitless_at.get(jwks_url, float("-inf")) < FRUITLESS_PAUSE_S:
            return None
        loaded = await self._load(jwks_url)
        if loaded is not None:
            self._cached[jwks_url] = (now, loaded)
            found = _with_id(loaded, key_id)
        if found is None or loaded is None:
            self._fruitless_at[jwks_url] = now
        return found if loaded is not None else None

    async def _load(self, url: str) -> tuple[Jwk, ...] | None:
        try:
            async with (
                self._client() as client,
                client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as reply,
            ):
                if reply.status_code != 200:
                    raise ValueError(f"status {reply.status_code}")
                body = bytearray()
                async for part in reply.aiter_raw():
                    body += part
                    if len(body) > MOST_BYTES:
                        raise ValueError("it is too large for a key set")
            return keys_of(bytes(body))
        except (httpx2.HTTPError, HostNotAllowed, ValueError, RecursionError) as error:
            _LOG.warning("key_set_not_read", kind=type(error).__name__)
            return None


@final
class ConfiguredKeys:
    """Each issuer's keys from where the configuration has them.

    Its file if it has one, else its URL.
    """

    def __init__(self, from_files: FileKeys, remote: RemoteKeys, in_files: frozenset[str]) -> None:
        self._from_files = from_files
        self._remote = remote
        self._in_files = in_files

    async def key(self, issuer: str, key_id: str, jwks_url: str | None) -> Jwk | None:
        """Return the issuer's key with this ``kid``, or None."""
        source = self._from_files if issuer in self._in_files else self._remote
        return await source.key(issuer, key_id, jwks_url)
