"""Who may call: the use case that joins token checks, keys and one-time use. Fails closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol, final

from cds_hooks.errors import TrustError
from cds_hooks.ports import Clock, KeySet, UsedTokens
from cds_hooks.security.hook_token import TrustedIssuer, announced, verified

OPEN: Final = "open"
"""The caller's name where trust is switched off."""


class Trust(Protocol):
    """Decides on one call."""

    async def caller(self, authorization: Sequence[str], audience: str) -> str:
        """Return the verified issuer of a call.

        Parameters
        ----------
        authorization
            Every ``Authorization`` header of the request.
        audience
            The exact public URL of the endpoint.

        Raises
        ------
        cds_hooks.errors.TrustError
            The caller is not who it must be.
        """
        ...


@final
class OpenTrust:
    """Lets everyone in; the settings allow it on a sandbox only."""

    async def caller(self, authorization: Sequence[str], audience: str) -> str:
        """Return :data:`OPEN`, whatever was sent: a token that nobody checks names nobody."""
        return OPEN


@final
class RequiredTrust:
    """A signed JWT of a listed EHR, for this endpoint, now, once: CH-059 to CH-076."""

    def __init__(
        self,
        issuers: Mapping[str, TrustedIssuer],
        keys: KeySet,
        used: UsedTokens,
        clock: Clock,
    ) -> None:
        self._issuers = issuers
        self._keys = keys
        self._used = used
        self._clock = clock

    async def caller(self, authorization: Sequence[str], audience: str) -> str:
        """Return the issuer of the token, having used it up."""
        token = bearer(authorization)
        said = announced(token, self._issuers)
        key = await self._keys.key(said.issuer, said.key_id, said.jwks_url)
        if key is None:
            raise TrustError("key", "The issuer's key set holds no key of the JWT's kid.")
        caller = verified(token, said, key, audience, self._clock.now())
        # Last, so that a token that is refused for another reason is not used up.
        if not await self._used.use(caller.issuer, caller.token_id, caller.expires_at):
            raise TrustError("replayed", "The JWT was used before; sign one for each call.")
        return caller.issuer


def bearer(authorization: Sequence[str]) -> str:
    """Return the token of the one ``Authorization: Bearer`` header.

    Raises
    ------
    cds_hooks.errors.TrustError
        There is none, or more than one, or another scheme.
    """
    if not authorization:
        raise TrustError("missing", "The call needs Authorization: Bearer with a signed JWT.")
    scheme, _, token = authorization[0].partition(" ")
    if len(authorization) > 1 or scheme.lower() != "bearer" or not token or " " in token:
        raise TrustError("scheme", "The call needs one Authorization header: Bearer and a JWT.")
    return token
