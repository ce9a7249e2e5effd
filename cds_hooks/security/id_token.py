"""The OpenID token that says who launched the app: every check, key and time given. Pure.

As with the hooks' own tokens, ``announced_key`` reads what is claimed, so that a key can be looked
up at the EHR's own key set, and ``verified_identity`` believes the signature only. No key and no
address of one is ever taken from the token.

Specification: https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from joserfc import jwk, jws, jwt
from joserfc.errors import JoseError

from cds_hooks.errors import LaunchRefused

ALGORITHMS: Final = {
    "RS256": "RSA",
    "RS384": "RSA",
    "ES256": "EC",
    "ES384": "EC",
}
"""RS256 is what every OpenID provider offers; a shared secret (HS256) and ``none`` never pass."""

CLOCK_SKEW_S: Final = 60
LONGEST_AGE_S: Final = 600
"""An ID token comes straight from the token endpoint of a launch that lasts ten minutes."""

MOST_CHARACTERS: Final = 16_384
_FORBIDDEN_HEADERS: Final = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64", "enc", "zip"})
_PUBLIC: Final = ("kty", "crv", "x", "y", "n", "e")
_SMALLEST_RSA_CHARACTERS: Final = 2_048 / 6


def announced_key(token: str) -> tuple[str, str]:
    """Return ``kid`` and ``alg`` of an ID token; neither is proven.

    Raises
    ------
    cds_hooks.errors.LaunchRefused
        It could never be accepted, whatever its signature.
    """
    if len(token) > MOST_CHARACTERS:
        raise _refused("it is too long")
    try:
        header = jws.extract_compact(token.encode("ascii")).headers()
    except (JoseError, ValueError, TypeError, RecursionError):
        raise _refused("it is no signed JWT") from None
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise _refused(f"its alg is not one of {', '.join(sorted(ALGORITHMS))}")
    if _FORBIDDEN_HEADERS & header.keys():
        raise _refused("its header holds a key, an address of one, or a demand")
    if not isinstance(key_id, str) or not key_id:
        raise _refused("its header names no key")
    return key_id, algorithm


def verified_identity(
    token: str,
    algorithm: str,
    key: Mapping[str, object] | None,
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    now: datetime,
) -> Mapping[str, object]:
    """Return the claims of an ID token; they are proven (SM-059).

    Parameters
    ----------
    token, algorithm
        The token, and what :func:`announced_key` read from it.
    key
        The JWK of that ``kid`` in the issuer's key set; None: there is none.
    issuer, client_id, nonce
        What ``iss``, ``aud`` and ``nonce`` must be.
    now
        The present instant.

    Raises
    ------
    cds_hooks.errors.LaunchRefused
        The token proves nobody.
    """
    claims = _proven(token, algorithm, key)
    if claims.get("iss") != issuer:
        raise _refused("its iss is another server")
    _check_audience(claims, client_id)
    if claims.get("nonce") != nonce:
        raise _refused("its nonce is not this launch's")
    present = now.timestamp()
    if _seconds(claims, "exp") <= present - CLOCK_SKEW_S:
        raise _refused("it has expired")
    if not -LONGEST_AGE_S - CLOCK_SKEW_S <= _seconds(claims, "iat") - present <= CLOCK_SKEW_S:
        raise _refused("it was not issued just now")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise _refused("it names no subject")
    return claims


def _proven(token: str, algorithm: str, key: Mapping[str, object] | None) -> Mapping[str, object]:
    if key is None or key.get("kty") != ALGORITHMS[algorithm]:
        raise _refused("its key is not in the issuer's key set")
    if key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
        raise _refused("its key is not for this use")
    public: dict[str, str | list[str]] = {
        name: value for name in _PUBLIC if isinstance(value := key.get(name), str)
    }
    if key.get("kty") == "RSA" and len(public.get("n", "")) < _SMALLEST_RSA_CHARACTERS:
        raise _refused("its RSA key is too short")
    try:
        return jwt.decode(token, jwk.import_key(public), algorithms=[algorithm]).claims
    except (JoseError, ValueError, TypeError, binascii.Error):
        raise _refused("its signature is not the issuer's") from None


def _check_audience(claims: Mapping[str, object], client_id: str) -> None:
    claimed = claims.get("aud")
    audiences = claimed if isinstance(claimed, list) else [claimed]
    if client_id not in audiences:
        raise _refused("its aud is another client")
    # OpenID Connect Core, 3.1.3.7: of several audiences the token must say which one it is for.
    party = claims.get("azp", client_id if len(audiences) == 1 else None)
    if party != client_id:
        raise _refused("its azp is another client")


def _seconds(claims: Mapping[str, object], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e11:
        raise _refused(f"it has no {name}")
    return float(value)


def _refused(why: str) -> LaunchRefused:
    return LaunchRefused("id-token", f"The EHR's ID token proves nobody: {why}.")
