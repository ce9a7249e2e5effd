"""The apps that are registered at the sandbox, and how each proves that it is the one. Pure.

Specification: https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, final
from urllib.parse import unquote

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from sandbox_ehr.errors import OAuthRefused

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("ES384", "RS384")
LONGEST_ASSERTION_S = 300


@final
@dataclass(frozen=True, slots=True)
class SmartClient:
    """One registered app."""

    client_id: str
    kind: Literal["public", "symmetric", "asymmetric"]
    redirect_uris: tuple[str, ...]
    launch_url: str
    secret: str | None = field(default=None, repr=False)
    key_set_url: str | None = None
    backend_scopes: frozenset[str] = frozenset()
    """``system/`` scopes that it may have without a user."""


def client_named(
    form: Mapping[str, str], authorization: str | None
) -> tuple[str, Literal["public", "symmetric", "asymmetric"]]:
    """Return which client a token request says to come from, and by what proof; nothing is proven.

    Raises
    ------
    OAuthRefused
        It names none, or offers two proofs.
    """
    proofs = [authorization is not None, "client_assertion" in form, "client_id" in form]
    if sum(proofs) != 1:
        raise OAuthRefused("invalid_client", "Prove the client in exactly one way.", 401)
    if authorization is not None:
        return _basic(authorization)[0], "symmetric"
    if "client_assertion" in form:
        return _claimed_issuer(form["client_assertion"]), "asymmetric"
    return form["client_id"], "public"


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except ValueError:
        text = ""
    name, colon, secret = text.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise OAuthRefused("invalid_client", "The Authorization header is no HTTP Basic.", 401)
    return unquote(name), unquote(secret)


def _claimed_issuer(assertion: str) -> str:
    try:
        part = assertion.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return str(claims["iss"])
    except (ValueError, LookupError, TypeError):
        raise OAuthRefused("invalid_client", "The assertion is no JWT.", 401) from None


def check_secret(client: SmartClient, authorization: str) -> None:
    """Refuse a symmetric client with a wrong secret.

    Raises
    ------
    OAuthRefused
    """
    _, secret = _basic(authorization)
    if client.secret is None or not hmac.compare_digest(secret.encode(), client.secret.encode()):
        raise OAuthRefused("invalid_client", "The secret is wrong.", 401)


def checked_assertion(
    client: SmartClient,
    form: Mapping[str, str],
    key_set: Mapping[str, Any],
    audience: str,
    now: datetime,
) -> tuple[str, datetime]:
    """Return ``jti`` and end of a good assertion; whether it was used before is not known here.

    Raises
    ------
    OAuthRefused
        Anything about it is not as SMART demands.
    """
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise OAuthRefused("invalid_client", "client_assertion_type is not jwt-bearer.", 401)
    try:
        keys = KeySet.import_key_set(dict(key_set))  # type: ignore[arg-type]
        token = jwt.decode(form["client_assertion"], keys, algorithms=list(ALGORITHMS))
    except (JoseError, ValueError, TypeError, KeyError):
        raise OAuthRefused("invalid_client", "The signature is not the client's.", 401) from None
    header, claims = token.header, token.claims
    present = now.timestamp()
    exp, jti = claims.get("exp"), claims.get("jti")
    jku = header.get("jku", client.key_set_url)
    good = (
        header.get("typ") == "JWT"
        and bool(header.get("kid"))
        and jku == client.key_set_url
        and claims.get("iss") == claims.get("sub") == client.client_id
        and claims.get("aud") == audience
        and isinstance(exp, int)
        and present < exp <= present + LONGEST_ASSERTION_S
        and isinstance(jti, str)
        and bool(jti)
    )
    if not good or not isinstance(exp, int):
        raise OAuthRefused("invalid_client", "A header or claim of the assertion is wrong.", 401)
    return str(jti), datetime.fromtimestamp(exp, now.tzinfo)
