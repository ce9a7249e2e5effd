"""What a token endpoint answers: read without trust, kept only where it is what was asked. Pure.

Lenient where servers differ without harm (``bearer`` in lower case, no ``expires_in``, fewer
scopes, unknown members), strict where a patient or a person is named.

Specification: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html and
https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, final

from cds_hooks.errors import EhrError, LaunchRefused
from cds_hooks.security.scopes import split
from cds_hooks.security.session import ContextItem
from cds_hooks.security.smart_launch import denial
from cds_hooks.security.smart_registration import SmartRegistration

UNKNOWN_LIFETIME: Final = timedelta(minutes=5)
"""Taken where a server does not say; short, because a refresh or a new launch mends it."""

MOST_CHARACTERS: Final = 8_192
MOST_CONTEXT: Final = 100
_FHIR_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_REFERENCE: Final = re.compile(r"(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})")
_PERSONS: Final = frozenset(
    {"Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Person"}
)
_READ: Final = frozenset(
    {
        *("access_token", "token_type", "expires_in", "scope", "id_token", "refresh_token"),
        *("patient", "encounter", "need_patient_banner", "intent", "smart_style_url", "tenant"),
        *("fhirContext", "appContext"),
    }
)


@final
@dataclass(frozen=True, slots=True)
class TokenResponse:
    """An access token and what came with it."""

    access_token: str = field(repr=False)
    scopes: frozenset[str]
    """As granted; what was asked where the server says nothing (RFC 6749, section 5.1)."""
    expires_at: datetime
    expiry_said: bool
    refresh_token: str | None = field(repr=False)
    id_token: str | None = field(repr=False)
    patient_id: str | None = field(repr=False)
    encounter_id: str | None = field(repr=False)
    need_patient_banner: bool
    intent: str | None
    style_url: str | None
    tenant: str | None
    app_context: str | None = field(repr=False)
    fhir_context: tuple[ContextItem, ...]
    other: Mapping[str, str] = field(repr=False)


def token_response(
    status: int,
    body: bytes,
    asked: Sequence[str],
    registration: SmartRegistration,
    now: datetime,
) -> TokenResponse:
    """Read the answer of a token endpoint (SM-039).

    Raises
    ------
    cds_hooks.errors.LaunchRefused
        It is a refusal, or no token response.
    """
    read = _object(body)
    if status != 200:
        raise LaunchRefused("token", refusal(read))
    token, kind = read.get("access_token"), read.get("token_type")
    if not _is_token(token) or not isinstance(kind, str) or kind.lower() != "bearer":
        raise LaunchRefused("token", "The EHR's token response holds no bearer token.")
    expires_in = read.get("expires_in")
    lifetime = _lifetime(expires_in)
    return TokenResponse(
        access_token=str(token),
        scopes=split(scope) if isinstance(scope := read.get("scope"), str) else frozenset(asked),
        expires_at=now + (lifetime or UNKNOWN_LIFETIME),
        expiry_said=lifetime is not None,
        refresh_token=_token(read, "refresh_token"),
        id_token=_token(read, "id_token"),
        patient_id=_id(read, "patient"),
        encounter_id=_id(read, "encounter"),
        need_patient_banner=read.get("need_patient_banner") is not False,
        intent=_short(read.get("intent")),
        style_url=_own_url(read.get("smart_style_url"), registration),
        tenant=_short(read.get("tenant")),
        app_context=_short(read.get("appContext")),
        fhir_context=fhir_context(read.get("fhirContext")),
        other={name: json.dumps(value) for name, value in read.items() if name not in _READ},
    )


_REFUSALS: Final = {
    "invalid_client": "The EHR does not recognise this client: compare the client id, its secret"
    " or its key set with what is registered there.",
    "invalid_grant": "The EHR no longer takes the code or the refresh token; open the app again.",
    "unauthorized_client": "The EHR does not permit this client this kind of token.",
    "unsupported_grant_type": "The EHR does not offer this kind of token.",
    "invalid_scope": "The EHR refuses a scope; compare those registered there with those asked.",
    "invalid_request": "The EHR could not read the token request; compare the redirect URI.",
}


def refusal(read: Mapping[str, object]) -> str:
    """Return what a token endpoint's error means (RFC 6749, section 5.2); never its own text."""
    code = read.get("error")
    return _REFUSALS.get(str(code), denial(str(code)))


def _object(body: bytes) -> Mapping[str, object]:
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise LaunchRefused("token", "The EHR's token endpoint did not answer with JSON.")
    return read


def _is_token(value: object) -> bool:
    # RFC 6750: what a header can carry.
    return isinstance(value, str) and bool(re.fullmatch(r"[!-~]{1,8192}", value))


def _token(read: Mapping[str, object], name: str) -> str | None:
    value = read.get(name)
    return str(value) if _is_token(value) else None


def _lifetime(value: object) -> timedelta | None:
    # Some servers write the number as a text.
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        return None
    return timedelta(seconds=value)


def _id(read: Mapping[str, object], name: str) -> str | None:
    """Return a FHIR id; nothing else may enter a query.

    Raises
    ------
    cds_hooks.errors.LaunchRefused
        The member is there and is no FHIR id.
    """
    value = read.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not _FHIR_ID.fullmatch(value):
        raise LaunchRefused("context", f"The EHR's token response names no FHIR id as {name}.")
    return value


def _short(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= MOST_CHARACTERS else None


def _own_url(value: object, registration: SmartRegistration) -> str | None:
    """Return a URL of the EHR's own servers; nothing is fetched from any other (SM-056)."""
    return value if isinstance(value, str) and registration.owns(value) else None


def fhir_context(value: object) -> tuple[ContextItem, ...]:
    """Read ``fhirContext``; an item that names nothing is passed over (SM-053)."""
    listed = value if isinstance(value, list) else []
    items = [_context_item(each) for each in listed[:MOST_CONTEXT] if isinstance(each, dict)]
    return tuple(each for each in items if each is not None)


def _context_item(item: Mapping[str, object]) -> ContextItem | None:
    reference, canonical = _short(item.get("reference")), _short(item.get("canonical"))
    identifier = item.get("identifier")
    if reference is not None and not _REFERENCE.fullmatch(reference):
        reference = None
    if reference is None and canonical is None and not isinstance(identifier, dict):
        return None
    return ContextItem(
        reference,
        canonical,
        json.dumps(identifier) if isinstance(identifier, dict) else None,
        _short(item.get("type")) or (reference.partition("/")[0] if reference else None),
        _short(item.get("role")) or "launch",
    )


def fhir_user(claimed: object, fhir_base: str) -> str | None:
    """Return ``fhirUser`` as a reference relative to the FHIR base (SM-060).

    None: there is none, or it is another server's or no person: nobody is named then.
    """
    if not isinstance(claimed, str):
        return None
    base = fhir_base.rstrip("/") + "/"
    relative = claimed.removeprefix(base)
    match = _REFERENCE.fullmatch(relative)
    return relative if match is not None and match["type"] in _PERSONS else None


@final
@dataclass(frozen=True, slots=True)
class Introspected:
    """What an EHR says of an access token (RFC 7662)."""

    active: bool
    scopes: frozenset[str] | None
    client_id: str | None
    expires_at_s: float | None
    patient_id: str | None = field(repr=False)


def introspected(status: int, body: bytes) -> Introspected:
    """Read the answer of an introspection endpoint (SM-065).

    Raises
    ------
    cds_hooks.errors.EhrError
        It is no answer to a token introspection.
    """
    try:
        read = _object(body) if status == 200 else None
    except LaunchRefused:
        read = None
    if read is None or not isinstance(read.get("active"), bool):
        raise EhrError("The EHR did not answer whether the token is active.")
    scope, expires, client = read.get("scope"), read.get("exp"), read.get("client_id")
    is_time = isinstance(expires, int | float) and not isinstance(expires, bool)
    return Introspected(
        active=read["active"] is True,
        scopes=split(scope) if isinstance(scope, str) else None,
        client_id=client if isinstance(client, str) else None,
        expires_at_s=float(str(expires)) if is_time else None,
        patient_id=_short(read.get("patient")),
    )
