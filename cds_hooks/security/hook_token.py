"""The JWT with which a CDS Client authenticates itself: every check, key and time given. Pure.

Two steps, because the key must be fetched between them: ``announced`` reads what the token claims
to be, refusing whatever could never be accepted before a key is looked up or a server contacted;
``verified`` then trusts nothing but the signature. A key, or an address of a key, is never taken
from the token (CVE-2026-27962); ``jku`` is only compared with the address that the configuration
already holds.

Specification: https://cds-hooks.hl7.org/2.0/#trusting-cds-clients
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, final

from joserfc import jwk, jwt
from joserfc.errors import JoseError

from cds_hooks.errors import TrustError

ALGORITHMS: Final = {"ES384": ("EC", "P-384"), "RS384": ("RSA", None)}
"""Accepted algorithm -> type and curve of its key: https://cds-hooks.hl7.org/2.0/#signing."""

LONGEST_LIFETIME_S: Final = 300
"""As of a SMART client assertion, https://hl7.org/fhir/smart-app-launch/STU2/client-confidential-asymmetric.html.

It bounds how long a used ``jti`` must be remembered. The public CDS Hooks Sandbox signs for
exactly this long.
"""

CLOCK_SKEW_S: Final = 60
"""How far the EHR's clock may run ahead. One that runs behind is covered by the lifetime itself.

Hospital servers keep time by NTP to well under a second; a minute forgives one that lost its time
source for days. No leeway is given to ``exp``: CH-074 wants it in the future.
"""

MOST_CHARACTERS: Final = 8_192
MOST_JTI_CHARACTERS: Final = 256
SMALLEST_RSA_BITS: Final = 2_048

# A key or certificate inside the header, an address of one, or a demand that is not understood.
_FORBIDDEN_HEADERS: Final = frozenset(
    {"jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "enc", "zip"}
)


@final
@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """An EHR that may call."""

    issuer: str
    jku: str | None
    """The one key-set URL its tokens may name, and where its keys are read."""


@final
@dataclass(frozen=True, slots=True)
class Announced:
    """What a token says of itself; nothing of it is proven."""

    issuer: str
    key_id: str
    algorithm: str
    jwks_url: str | None
    """Where the configuration says that the issuer's keys are."""


@final
@dataclass(frozen=True, slots=True)
class HookCaller:
    """A CDS Client whose token was verified."""

    issuer: str
    token_id: str
    expires_at: datetime
    tenant: str | None = None


def announced(token: str, issuers: Mapping[str, TrustedIssuer]) -> Announced:
    """Read what a token says of itself, without believing it.

    Raises
    ------
    cds_hooks.errors.TrustError
        It could never be accepted, whatever its signature.
    """
    if len(token) > MOST_CHARACTERS:
        raise TrustError("malformed", "The JWT is longer than any hook's.")
    parts = token.split(".")
    if len(parts) != 3 or not all(parts):
        raise TrustError("malformed", "The JWT has not three parts; send a signed one.")
    header, claims = _members(parts[0]), _members(parts[1])
    algorithm = _checked_header(header)
    issuer = claims.get("iss")
    trusted = issuers.get(issuer) if isinstance(issuer, str) else None
    if trusted is None:
        raise TrustError("issuer", "The JWT's iss is not on the list of trusted EHRs.")
    jku = header.get("jku")
    if "jku" in header and (not isinstance(jku, str) or jku != trusted.jku):
        raise TrustError(
            "jku", "The JWT's jku is not the key-set URL configured for its iss; nothing was read."
        )
    return Announced(trusted.issuer, str(header["kid"]), algorithm, trusted.jku)


def _checked_header(header: Mapping[str, object]) -> str:
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise TrustError(
            "algorithm", f"The JWT's alg is not one of {', '.join(sorted(ALGORITHMS))}."
        )
    if forbidden := sorted(_FORBIDDEN_HEADERS & header.keys()):
        raise TrustError("header", f"The JWT's header must not hold {', '.join(forbidden)}.")
    if header.get("typ") != "JWT":
        raise TrustError("typ", "The JWT's header needs typ JWT.")
    key_id = header.get("kid")
    if not isinstance(key_id, str) or not key_id:
        raise TrustError("kid", "The JWT's header needs a kid.")
    return algorithm


def verified(
    token: str, said: Announced, key: Mapping[str, object], audience: str, now: datetime
) -> HookCaller:
    """Verify a token; what is returned is proven.

    Parameters
    ----------
    token
        The compact JWT.
    said
        What :func:`announced` read from this very token.
    key
        The JWK that the issuer's key set holds under the announced ``kid``.
    audience
        The exact URL of the endpoint that was called.
    now
        The present, aware.

    Raises
    ------
    cds_hooks.errors.TrustError
    """
    claims = _proven_claims(token, said.algorithm, key)
    # The claims that chose the key were unproven; these are not.
    if claims.get("iss") != said.issuer:
        raise TrustError("issuer", "The JWT's iss is not on the list of trusted EHRs.")
    _check_audience(claims.get("aud"), audience)
    expires_at = _check_times(claims, now)
    token_id = claims.get("jti")
    if not isinstance(token_id, str) or not 0 < len(token_id) <= MOST_JTI_CHARACTERS:
        raise TrustError("jti", "The JWT needs a jti, a text that no other token has.")
    tenant = claims.get("tenant")
    return HookCaller(
        said.issuer, token_id, expires_at, tenant if isinstance(tenant, str) else None
    )


def _proven_claims(token: str, algorithm: str, key: Mapping[str, object]) -> Mapping[str, object]:
    key_type, curve = ALGORITHMS[algorithm]
    if key.get("kty") != key_type or (curve is not None and key.get("crv") != curve):
        raise TrustError("key", "The key of the JWT's kid is of another type than its alg needs.")
    if key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
        raise TrustError("key", "The key of the JWT's kid is not for this use.")
    public: dict[str, str | list[str]] = {
        name: value
        for name in ("kty", "crv", "x", "y", "n", "e")
        if isinstance(value := key.get(name), str)
    }
    # A modulus of n bits takes n / 6 characters of base64url.
    if key_type == "RSA" and len(public.get("n", "")) < SMALLEST_RSA_BITS / 6:
        raise TrustError("key", f"The RSA key is shorter than {SMALLEST_RSA_BITS} bits.")
    try:
        imported = jwk.import_key(public)
        proven = jwt.decode(token, imported, algorithms=[algorithm])
    except (JoseError, ValueError, TypeError, binascii.Error):
        raise TrustError("signature", "The JWT's signature is not its issuer's.") from None
    return proven.claims


def _check_audience(claimed: object, audience: str) -> None:
    audiences = claimed if isinstance(claimed, list) else [claimed]
    if audience not in [each for each in audiences if isinstance(each, str)]:
        raise TrustError("audience", f"The JWT's aud is not the URL of this endpoint, {audience}.")


def _check_times(claims: Mapping[str, object], now: datetime) -> datetime:
    """Check ``exp``, ``iat`` and, where present, ``nbf``: seconds since the epoch (RFC 7519)."""
    present = now.timestamp()
    issued, expires = _seconds(claims, "iat"), _seconds(claims, "exp")
    if issued > present + CLOCK_SKEW_S:
        raise TrustError("issued", "The JWT was issued in the future; write iat in seconds.")
    if expires <= present:
        raise TrustError("expired", "The JWT has expired; sign one for each call.")
    if not 0 < expires - issued <= LONGEST_LIFETIME_S:
        raise TrustError(
            "lifetime", f"The JWT is valid for more than {LONGEST_LIFETIME_S} s or not at all."
        )
    if "nbf" in claims and _seconds(claims, "nbf") > present + CLOCK_SKEW_S:
        raise TrustError("not-before", "The JWT is not valid yet.")
    return datetime.fromtimestamp(expires, UTC)


def _seconds(claims: Mapping[str, object], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e11:
        raise TrustError(name, f"The JWT needs {name} in seconds since 1970.")
    return float(value)


def _members(part: str) -> Mapping[str, object]:
    try:
        text = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        members = json.loads(text, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError):
        raise TrustError("malformed", "The JWT's header or payload is no JSON.") from None
    if not isinstance(members, dict):
        raise TrustError("malformed", "The JWT's header or payload is no JSON object.")
    return members


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        # Two readers could each take another of the two.
        raise ValueError
    return members
