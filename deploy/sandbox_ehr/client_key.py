"""The key with which the sandbox signs its calls to CDS Services, and the tokens it signs.

Trusting CDS Clients: https://cds-hooks.hl7.org/2.0/#trusting-cds-clients. The key is made anew at
every start and is never written anywhere.
"""

from __future__ import annotations

import uuid
from typing import Any, final

from joserfc import jwt
from joserfc.jwk import ECKey

from sandbox_ehr.clock import Now

ALGORITHM = "ES384"
LIFETIME_S = 300


@final
class ClientKey:
    """An ES384 key pair with its key id."""

    def __init__(self, issuer: str, now: Now) -> None:
        self._issuer = issuer
        self._now = now
        self._key_id = str(uuid.uuid4())
        self._key = ECKey.generate_key(
            "P-384", {"kid": self._key_id, "alg": ALGORITHM, "use": "sig"}, private=True
        )

    @property
    def key_set_url(self) -> str:
        """Where the public half is published; the ``jku`` of every token."""
        return f"{self._issuer}/.well-known/jwks.json"

    def public_key_set(self) -> dict[str, Any]:
        """Return the JWK Set with the public half."""
        return {"keys": [self._key.as_dict(private=False)]}

    def sign(self, audience: str) -> str:
        """Return a JWT for one call of exactly this URL."""
        issued_at_s = int(self._now().timestamp())
        header = {
            "alg": ALGORITHM,
            "typ": "JWT",
            "kid": self._key_id,
            "jku": self.key_set_url,
        }
        claims = {
            "iss": self._issuer,
            "aud": audience,
            "iat": issued_at_s,
            "exp": issued_at_s + LIFETIME_S,
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])
