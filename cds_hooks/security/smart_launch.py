"""The authorization request of a SMART launch, and what may come back from it. Pure.

What must be remembered between the two (the PKCE verifier, the nonce, the EHR) is sealed into a
cookie of the browser that starts the launch, named after the ``state``. So a launch is bound to
its browser by construction, a server that is flooded with launches keeps nothing of them, and
several may be under way in several tabs. That a ``state`` is used once only is the business of
``UsedTokens``, like every other token of one use.

Specification: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html; PKCE: RFC 7636;
issuer in the response: RFC 9207.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, final
from urllib.parse import urlencode

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cds_hooks.errors import LaunchRefused
from cds_hooks.security.smart_discovery import SmartConfiguration
from cds_hooks.security.smart_registration import (
    SCOPES,
    SCOPES_OF_VERSION_1,
    SmartRegistration,
)

LAUNCH_LASTS: Final = timedelta(minutes=10)
"""Time to log in at the EHR and to choose a patient there."""

SECRET_BYTES: Final = 32
"""256 bits each for state, nonce and verifier; SM-002 wants 122, RFC 7636 a verifier of 256."""

LONGEST_URL: Final = 2_000
"""Some proxies cut longer ones; then the request is posted where the EHR takes that (SM-032)."""

MOST_PARAMETER_CHARACTERS: Final = 4_096
_NONCE_BYTES: Final = 12
_PURPOSE: Final = b"cardiotwin smart launch 1"


@final
@dataclass(frozen=True, slots=True)
class PendingLaunch:
    """What a launch must remember until its answer comes."""

    iss: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    scopes: tuple[str, ...]
    expires_at: datetime


@final
@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """Where the browser goes next."""

    url: str
    form: Mapping[str, str] | None
    """What it posts there; None: it follows ``url``."""


@final
@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """What the browser brought back."""

    code: str = field(repr=False)
    state: str = field(repr=False)
    issuer: str | None


def begin(iss: str, scopes: tuple[str, ...], now: datetime) -> PendingLaunch:
    """Return a new launch with a state, a nonce and a verifier that nobody can guess."""
    state, nonce, verifier = (secrets.token_urlsafe(SECRET_BYTES) for _ in range(3))
    return PendingLaunch(iss, state, nonce, verifier, scopes, now + LAUNCH_LASTS)


def scopes_to_ask(
    configuration: SmartConfiguration, registration: SmartRegistration, *, standalone: bool
) -> tuple[str, ...]:
    """Return the scopes of the request: the reviewed list in the server's own form.

    ``online_access`` asks for a refresh token that ends with the user's own session (SM-061);
    ``offline_access`` only where the EHR knows nothing else.
    """
    context = ("launch/patient", "launch/encounter") if standalone else ("launch",)
    if registration.scopes is not None:
        return tuple(dict.fromkeys((*context, *registration.scopes)))
    abilities = configuration.capabilities
    offline = "permission-offline" in abilities and "permission-online" not in abilities
    data = SCOPES if configuration.version_2 else SCOPES_OF_VERSION_1
    lasting = "offline_access" if offline else "online_access"
    return (*context, "openid", "fhirUser", lasting, *data)


def authorization_request(
    pending: PendingLaunch,
    configuration: SmartConfiguration,
    registration: SmartRegistration,
    redirect_uri: str,
    launch: str | None,
    audience: str,
) -> AuthorizationRequest:
    """Return the request to the authorization endpoint.

    Parameters
    ----------
    pending
        The launch that begins.
    configuration, registration
        The EHR.
    redirect_uri
        Exactly as registered.
    launch
        Echoed unchanged (SM-021); None in a standalone launch (SM-024).
    audience
        ``iss`` as the EHR wrote it (SM-022).
    """
    parameters = {
        "response_type": "code",
        "client_id": registration.client_id,
        "redirect_uri": redirect_uri,
        **({} if launch is None else {"launch": launch}),
        "scope": " ".join(pending.scopes),
        "state": pending.state,
        "aud": audience,
        "nonce": pending.nonce,
        "code_challenge": challenge(pending.verifier),
        "code_challenge_method": "S256",
    }
    endpoint = configuration.authorization_endpoint
    url = f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"
    if len(url) > LONGEST_URL and "authorize-post" in configuration.capabilities:
        return AuthorizationRequest(endpoint, parameters)
    return AuthorizationRequest(url, None)


def challenge(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636, section 4.2)."""
    digest = sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def response_of(parameters: Mapping[str, list[str]]) -> AuthorizationResponse:
    """Read the query of the callback.

    Raises
    ------
    cds_hooks.errors.LaunchRefused
        The EHR reports an error (SM-034), or what came is no answer to a request of ours.
    """
    doubled = [name for name, values in parameters.items() if len(values) > 1]
    single = {name: values[0] for name, values in parameters.items()}
    if doubled or any(len(each) > MOST_PARAMETER_CHARACTERS for each in single.values()):
        raise LaunchRefused("malformed", "The EHR's answer repeats a parameter or is too long.")
    if "error" in single:
        raise LaunchRefused("denied", denial(single["error"]))
    state, code = single.get("state"), single.get("code")
    if not state or not code:
        raise LaunchRefused("malformed", "The EHR's answer has no code or no state.")
    return AuthorizationResponse(code, state, single.get("iss"))


_DENIALS: Final = {
    "access_denied": "The EHR, or its user, did not permit the access.",
    "invalid_scope": "The EHR refuses a scope; compare those registered there with those asked.",
    "unauthorized_client": "The EHR does not permit this client this way of launching.",
    "invalid_request": "The EHR could not read the request; compare the redirect URI registered.",
    "unsupported_response_type": "The EHR does not offer authorization codes to this client.",
    "server_error": "The EHR's authorization server failed; try again.",
    "temporarily_unavailable": "The EHR's authorization server is busy; try again.",
    "login_required": "The EHR wants its user to log in first.",
    "interaction_required": "The EHR wants its user to answer a question first.",
    "consent_required": "The EHR wants its user to agree first.",
}
"""Errors of RFC 6749 and OpenID Connect Core. The EHR's own words are not repeated."""


def denial(code: str) -> str:
    """Return what an error of the authorization server means; its own text is never shown."""
    return _DENIALS.get(code, "The EHR reports an error that no specification names.")


def refuse_other_issuer(
    response: AuthorizationResponse,
    configuration: SmartConfiguration,
    registration: SmartRegistration,
) -> None:
    """Refuse an answer of another authorization server than was asked (RFC 9207, mix-up).

    Raises
    ------
    cds_hooks.errors.LaunchRefused
    """
    if response.issuer is None:
        if configuration.names_issuer_in_response:
            raise LaunchRefused("issuer", "The answer does not name its issuer as announced.")
        return
    if response.issuer != (configuration.issuer or registration.iss):
        raise LaunchRefused("issuer", "The answer is of another server than was asked.")


def cookie_tag(state: str) -> str:
    """Return what the cookie of a launch is named after: nobody can tell the state from it."""
    digest = sha256(b"cookie " + state.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest[:12]).decode("ascii")


def seal_pending(pending: PendingLaunch, installation_key: bytes) -> str:
    """Return the value of the launch's cookie."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    text = msgspec.json.encode(pending)
    sealed = AESGCM(_key(installation_key)).encrypt(nonce, text, pending.state.encode())
    return base64.urlsafe_b64encode(nonce + sealed).decode("ascii")


def unseal_pending(
    cookie: str, state: str, installation_key: bytes, now: datetime
) -> PendingLaunch:
    """Return the launch that this browser began with this state.

    Raises
    ------
    cds_hooks.errors.LaunchRefused
        It did not, or too long ago.
    """
    try:
        sealed = base64.urlsafe_b64decode(cookie.encode("ascii"))
        box = AESGCM(_key(installation_key))
        text = box.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], state.encode())
        pending = msgspec.json.decode(text, type=PendingLaunch)
    except (InvalidTag, ValueError, msgspec.MsgspecError):
        raise LaunchRefused("state", _ANOTHER_BROWSER) from None
    if pending.expires_at <= now:
        raise LaunchRefused("late", "The login took too long; open the app from the EHR again.")
    return pending


_ANOTHER_BROWSER: Final = (
    "This browser has not begun this launch, or keeps no cookies for this app; open the app from"
    " the EHR again."
)


def another_browser() -> LaunchRefused:
    """Return the refusal of a launch that began elsewhere (SM-004)."""
    return LaunchRefused("state", _ANOTHER_BROWSER)


def _key(installation_key: bytes) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE)
    return derived.derive(installation_key)
