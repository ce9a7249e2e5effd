"""How the app proves at a token endpoint that it is the registered client. Pure but for the nonce.

Public clients name themselves; symmetric ones send their secret by HTTP Basic; asymmetric ones
sign an assertion for this one request (``private_key_jwt``).

Specification: https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html and
https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-symmetric.html
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, TypeAlias, final
from urllib.parse import quote

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from cds_hooks.errors import LaunchRefused
from cds_hooks.security.smart_discovery import SmartConfiguration
from cds_hooks.security.smart_registration import ClientKind, SmartRegistration

Jwk: TypeAlias = Mapping[str, object]

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS: Final = ("ES384", "RS384")
"""In the order of preference (SM-043)."""

ASSERTION_LASTS_S: Final = 240
"""Below the five minutes that are allowed (SM-045), for servers whose clock runs behind ours."""

SIGNS_AFTER: Final = timedelta(hours=2)
"""A new key signs only once every EHR that obeys the key set's Cache-Control has read it."""

KEY_SET_FRESH_S: Final = 3_600
_PUBLIC: Final = ("kty", "kid", "use", "alg", "crv", "x", "y", "n", "e")


@final
@dataclass(frozen=True, slots=True)
class OwnKeys:
    """The installation's own key pairs, as JWKs with the private members."""

    keys: tuple[Jwk, ...] = field(default=(), repr=False)

    def public(self) -> Mapping[str, object]:
        """Return the JWK Set that is published: no private member (SM-017)."""
        return {
            "keys": [{name: key[name] for name in _PUBLIC if name in key} for key in self.keys]
        }

    def signing(self, algorithm: str, now: datetime) -> Jwk | None:
        """Return the newest key that EHRs have had time to read, else the oldest; or None."""
        fitting = sorted(
            (each for each in self.keys if each.get("alg") == algorithm), key=_made_at
        )
        known_since = (now - SIGNS_AFTER).timestamp()
        ripe = [each for each in fitting if _made_at(each) <= known_since]
        if ripe:
            return ripe[-1]
        return fitting[0] if fitting else None


def _made_at(key: Jwk) -> float:
    """Return when a key was made: ``iat`` of a JWK, in seconds since 1970."""
    made = key.get("iat")
    return float(made) if isinstance(made, int | float) else 0.0


def fresh_keys(now: datetime) -> tuple[Jwk, ...]:
    """Return a new pair of keys, one for each algorithm."""
    made = {"use": "sig", "iat": int(now.timestamp())}
    return tuple(
        _named(key.as_dict(private=True), algorithm, made)
        for algorithm, key in (
            ("ES384", ECKey.generate_key("P-384")),
            ("RS384", RSAKey.generate_key(3_072)),
        )
    )


def after_rotation(old: OwnKeys, now: datetime) -> OwnKeys:
    """Return the keys with a new pair: kept of the old are those that sign, or soon will."""
    known_since = (now - SIGNS_AFTER).timestamp()
    signing = [old.signing(algorithm, now) for algorithm in ALGORITHMS]
    kept = [each for each in old.keys if each in signing or _made_at(each) > known_since]
    return OwnKeys((*kept, *fresh_keys(now)))


def _named(key: Mapping[str, object], algorithm: str, made: Mapping[str, object]) -> Jwk:
    return {**key, **made, "alg": algorithm, "kid": secrets.token_urlsafe(12)}


def client_proof(
    registration: SmartRegistration,
    configuration: SmartConfiguration,
    keys: OwnKeys,
    now: datetime,
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the form members and headers by which one token request is proven the client's.

    Raises
    ------
    cds_hooks.errors.LaunchRefused
        The client is asymmetric and there is no key that this EHR takes.
    """
    if registration.kind is ClientKind.PUBLIC:
        return {"client_id": registration.client_id}, {}
    if registration.kind is ClientKind.SYMMETRIC:
        # RFC 6749, section 2.3.1: each half is form-encoded before they are joined.
        pair = ":".join(
            quote(each, safe="")
            for each in (registration.client_id, registration.client_secret or "")
        )
        token = base64.b64encode(pair.encode()).decode("ascii")
        return {}, {"Authorization": f"Basic {token}"}
    return {
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion(registration, configuration, keys, now),
    }, {}


def assertion(
    registration: SmartRegistration,
    configuration: SmartConfiguration,
    keys: OwnKeys,
    now: datetime,
) -> str:
    """Return a signed assertion for one request to the token endpoint (SM-044, SM-045, SM-047).

    Raises
    ------
    cds_hooks.errors.LaunchRefused
        There is no key that this EHR takes.
    """
    algorithm = _algorithm(registration, configuration)
    key = keys.signing(algorithm, now)
    if key is None:
        raise LaunchRefused("key", f"This installation has no key for {algorithm}.")
    header = {"alg": algorithm, "kid": key["kid"], "typ": "JWT"}
    if registration.key_set_url is not None:
        header["jku"] = registration.key_set_url
    issued_at_s = int(now.timestamp())
    claims = {
        "iss": registration.client_id,
        "sub": registration.client_id,
        "aud": configuration.token_endpoint,
        "iat": issued_at_s,
        "exp": issued_at_s + ASSERTION_LASTS_S,
        "jti": secrets.token_urlsafe(24),
    }
    return jwt.encode(header, claims, _imported(json.dumps(key)), algorithms=[algorithm])


@lru_cache(maxsize=8)
def _imported(key: str) -> RSAKey | ECKey:
    """Return a key ready to sign; to prove an RSA key's primes anew each time takes 0.3 s."""
    private: dict[str, Any] = json.loads(key)
    kind = RSAKey if private["kty"] == "RSA" else ECKey
    return kind.import_key({name: value for name, value in private.items() if name != "iat"})


def _algorithm(registration: SmartRegistration, configuration: SmartConfiguration) -> str:
    if registration.algorithm is not None:
        return registration.algorithm
    announced: Sequence[str] = [
        each for each in ALGORITHMS if each in configuration.signing_algorithms
    ]
    if configuration.signing_algorithms and not announced:
        raise LaunchRefused("algorithm", "The EHR takes neither ES384 nor RS384 assertions.")
    return announced[0] if announced else ALGORITHMS[0]
