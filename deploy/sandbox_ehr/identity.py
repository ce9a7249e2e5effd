"""Who works at the sandbox, and the OpenID tokens that say so.

The key is made anew at every start and is never written anywhere.
https://openid.net/specs/openid-connect-core-1_0.html
"""

from __future__ import annotations

import uuid
from typing import Any, final

from joserfc import jwt
from joserfc.jwk import RSAKey

from sandbox_ehr.clock import Now

PRACTITIONER = "Practitioner/sandbox-clinician"
ALGORITHM = "RS256"
LIFETIME_S = 300


@final
class IdentityKey:
    """An RS256 key pair that signs ID tokens."""

    def __init__(self, issuer: str, now: Now) -> None:
        self._issuer = issuer
        self._now = now
        self._key = RSAKey.generate_key(
            2048, {"kid": str(uuid.uuid4()), "alg": ALGORITHM, "use": "sig"}, private=True
        )

    def public_key_set(self) -> dict[str, Any]:
        """Return the JWK Set with the public half."""
        return {"keys": [self._key.as_dict(private=False)]}

    def sign(self, client_id: str, nonce: str | None, *, with_user: bool) -> str:
        """Return an ID token about the sandbox's one clinician."""
        issued_at_s = int(self._now().timestamp())
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "sub": "sandbox-clinician",
            "aud": client_id,
            "iat": issued_at_s,
            "exp": issued_at_s + LIFETIME_S,
        }
        if nonce is not None:
            claims["nonce"] = nonce
        if with_user:
            claims["fhirUser"] = f"{self._issuer}/{PRACTITIONER}"
        header = {"alg": ALGORITHM, "typ": "JWT", "kid": self._key.kid}
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])
