"""What an EHR announces of its authorization server: read leniently, judged strictly. Pure.

Members that the specification leaves optional may be absent and unknown ones are ignored (SM-029);
what is needed and missing is named in the refusal.

Specification: https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final
from urllib.parse import urljoin

from cds_hooks.errors import LaunchRefused
from cds_hooks.security.smart_registration import ClientKind, SmartRegistration

PATH: Final = "/.well-known/smart-configuration"
OPENID_PATH: Final = "/.well-known/openid-configuration"

OAUTH_URIS: Final = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
"""Extension of a SMART 1 CapabilityStatement (deprecated, SM-030)."""

_METHODS: Final = {
    ClientKind.SYMMETRIC: "client_secret_basic",
    ClientKind.ASYMMETRIC: "private_key_jwt",
}


@final
@dataclass(frozen=True, slots=True)
class SmartConfiguration:
    """The endpoints and abilities of one EHR's authorization server, as far as they are used."""

    authorization_endpoint: str
    token_endpoint: str
    issuer: str | None
    jwks_uri: str | None
    introspection_endpoint: str | None
    revocation_endpoint: str | None
    capabilities: frozenset[str]
    pkce_methods: frozenset[str]
    grant_types: frozenset[str]
    """Empty where none are announced."""
    client_methods: frozenset[str]
    signing_algorithms: frozenset[str]
    names_issuer_in_response: bool = False
    """``authorization_response_iss_parameter_supported`` of RFC 9207."""

    @property
    def version_2(self) -> bool:
        """Return whether scopes are written in the form of SMART 2 (SM-050)."""
        return "permission-v2" in self.capabilities


def configuration_of(body: bytes, registration: SmartRegistration) -> SmartConfiguration:
    """Read ``.well-known/smart-configuration``.

    Raises
    ------
    cds_hooks.errors.LaunchRefused
        It is no JSON object, lacks an endpoint, or names one on a server that is not the EHR's.
    """
    return _configuration(_object(body), registration)


def configuration_of_metadata(body: bytes, registration: SmartRegistration) -> SmartConfiguration:
    """Read the endpoints from the CapabilityStatement of a SMART 1 server (SM-030).

    Raises
    ------
    cds_hooks.errors.LaunchRefused
        As of :func:`configuration_of`.
    """
    found: dict[str, object] = {}
    for extension in _extensions(_object(body)):
        name, url = extension.get("url"), extension.get("valueUri")
        if name in {"authorize", "token", "introspect", "revoke"}:
            found[str(name)] = url
    named = {
        "authorization_endpoint": found.get("authorize"),
        "token_endpoint": found.get("token"),
        "introspection_endpoint": found.get("introspect"),
        "revocation_endpoint": found.get("revoke"),
    }
    return _configuration(named, registration)


def _extensions(statement: Mapping[str, object]) -> list[Mapping[str, object]]:
    found: list[Mapping[str, object]] = []
    for rest in _dicts(statement.get("rest")):
        security = rest.get("security")
        for outer in _dicts(security.get("extension") if isinstance(security, dict) else None):
            if outer.get("url") == OAUTH_URIS:
                found += _dicts(outer.get("extension"))
    return found


def _dicts(value: object) -> list[Mapping[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _object(body: bytes) -> Mapping[str, object]:
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise LaunchRefused("discovery", "The EHR's SMART configuration is no JSON object.")
    return read


def _configuration(
    read: Mapping[str, object], registration: SmartRegistration
) -> SmartConfiguration:
    def endpoint(name: str) -> str | None:
        value = read.get(name)
        if not isinstance(value, str) or not value:
            return None
        # A relative one is relative to the FHIR base (SM-027).
        url = urljoin(registration.iss + "/", value)
        if not registration.owns(url):
            raise LaunchRefused(
                "foreign-endpoint",
                f"The EHR's {name} is on a server that was not registered as the EHR's; list its"
                " origin in servers of CARDIOTWIN_SMART_EHRS if it is.",
            )
        return url

    def required(name: str) -> str:
        url = endpoint(name)
        if url is None:
            raise LaunchRefused("discovery", f"The EHR's SMART configuration has no {name}.")
        return url

    issuer = read.get("issuer")
    return SmartConfiguration(
        authorization_endpoint=required("authorization_endpoint"),
        token_endpoint=required("token_endpoint"),
        issuer=issuer if isinstance(issuer, str) and issuer else None,
        jwks_uri=endpoint("jwks_uri"),
        introspection_endpoint=endpoint("introspection_endpoint"),
        revocation_endpoint=endpoint("revocation_endpoint"),
        capabilities=_texts(read.get("capabilities")),
        pkce_methods=_texts(read.get("code_challenge_methods_supported")),
        grant_types=_texts(read.get("grant_types_supported")),
        client_methods=_texts(read.get("token_endpoint_auth_methods_supported")),
        signing_algorithms=_texts(read.get("token_endpoint_auth_signing_alg_values_supported")),
        names_issuer_in_response=read.get("authorization_response_iss_parameter_supported")
        is True,
    )


def _texts(value: object) -> frozenset[str]:
    listed = value if isinstance(value, list) else ()
    return frozenset(each for each in listed if isinstance(each, str))


def openid_provider(body: bytes, issuer: str, registration: SmartRegistration) -> str:
    """Return ``jwks_uri`` of an OpenID configuration that names the issuer it was read for.

    Raises
    ------
    cds_hooks.errors.LaunchRefused
        It names another issuer, no key set, or one on a server that is not the EHR's.
    """
    read = _object(body)
    keys = read.get("jwks_uri")
    if read.get("issuer") != issuer or not isinstance(keys, str) or not registration.owns(keys):
        raise LaunchRefused(
            "openid", "The EHR's OpenID configuration is another issuer's or names no key set."
        )
    return keys


def refuse_unable(
    configuration: SmartConfiguration, registration: SmartRegistration, *, standalone: bool
) -> None:
    """Refuse a server that lacks what this launch needs (SM-010, SM-028).

    Raises
    ------
    cds_hooks.errors.LaunchRefused
        The sentence names what is missing.
    """
    if "S256" not in configuration.pkce_methods and not registration.unlisted_pkce:
        raise LaunchRefused(
            "pkce",
            "The EHR's SMART configuration does not list S256 in code_challenge_methods_supported;"
            " set unlisted_pkce for this EHR if it takes it all the same.",
        )
    if configuration.grant_types and "authorization_code" not in configuration.grant_types:
        raise LaunchRefused("grant-type", "The EHR does not offer the authorization_code grant.")
    refuse_unable_client(configuration, registration)
    if standalone and "launch-standalone" not in configuration.capabilities:
        raise LaunchRefused(
            "standalone", "The EHR does not offer launch-standalone; open the app from a chart."
        )


def refuse_unable_client(
    configuration: SmartConfiguration, registration: SmartRegistration
) -> None:
    """Refuse a server that announces how clients prove themselves, and not the registered way.

    Raises
    ------
    cds_hooks.errors.LaunchRefused
    """
    method = _METHODS.get(registration.kind)
    if method and configuration.client_methods and method not in configuration.client_methods:
        raise LaunchRefused(
            "client-method", f"The EHR does not list {method}, as which the app is registered."
        )
