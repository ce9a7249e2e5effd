"""What an EHR announces: read leniently, judged strictly, and named where it is missing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cds_hooks.errors import LaunchRefused
from cds_hooks.security.smart_discovery import (
    OAUTH_URIS,
    configuration_of,
    configuration_of_metadata,
    openid_provider,
    refuse_unable,
)
from cds_hooks.security.smart_registration import ClientKind, SmartRegistration

FHIR = "https://ehr.example/tenant/fhir"
REGISTERED = SmartRegistration(FHIR, "cardiotwin", ClientKind.PUBLIC)
LEAST = {
    "authorization_endpoint": "https://ehr.example/authorize",
    "token_endpoint": "https://ehr.example/token",
    "code_challenge_methods_supported": ["S256"],
    "capabilities": ["launch-ehr"],
}


def read(registration: SmartRegistration = REGISTERED, **changes: Any) -> Any:
    members = {name: value for name, value in (LEAST | changes).items() if value != "-"}
    return configuration_of(json.dumps(members).encode(), registration)


@pytest.mark.requirement("SM-029")
def test_the_least_and_the_fullest_configuration_are_both_read() -> None:
    least = read()
    refuse_unable(least, REGISTERED, standalone=False)
    assert not least.version_2
    full = read(
        issuer=FHIR,
        jwks_uri="https://ehr.example/keys",
        scopes_supported=["patient/*.rs"],
        response_types_supported=["code"],
        management_endpoint="https://elsewhere.example/manage",
        user_access_brand_bundle="https://elsewhere.example/brands.json",
        associated_endpoints=[{"url": "https://elsewhere.example/fhir"}],
        smart_app_state_endpoint="https://ehr.example/state",
        capabilities=["launch-ehr", "permission-v2", "not-yet-invented", 7, None],
        something={"nobody": ["knows"]},
    )
    assert full.version_2
    assert full.capabilities == {"launch-ehr", "permission-v2", "not-yet-invented"}


@pytest.mark.requirement("SM-027")
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("/oauth/token", "https://ehr.example/oauth/token"),
        ("oauth/token", f"{FHIR}/oauth/token"),
        ("../oauth/token", "https://ehr.example/tenant/oauth/token"),
        ("https://ehr.example/t", "https://ehr.example/t"),
    ],
)
def test_a_relative_endpoint_is_relative_to_the_fhir_base(written: str, meant: str) -> None:
    assert read(token_endpoint=written).token_endpoint == meant


@pytest.mark.requirement("SM-026")
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_configuration_lies_below_the_base_with_its_path(app: Any, slash: str) -> None:
    app.browser().launched(iss="https://ehr.example/fhir/r4" + slash)
    assert app.ehr.requests[0].url.path == "/fhir/r4/.well-known/smart-configuration"


@pytest.mark.requirement("SM-028")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"authorization_endpoint": "-"}, "authorization_endpoint"),
        ({"token_endpoint": "-"}, "token_endpoint"),
        ({"token_endpoint": 7}, "token_endpoint"),
        ({"token_endpoint": ""}, "token_endpoint"),
    ],
)
def test_a_missing_endpoint_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(LaunchRefused, match=words):
        read(**changes)


@pytest.mark.requirement("SM-010", "SM-028")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"code_challenge_methods_supported": "-"}, "S256"),
        ({"code_challenge_methods_supported": ["plain"]}, "S256"),
        ({"code_challenge_methods_supported": "S256"}, "S256"),
        ({"grant_types_supported": ["client_credentials"]}, "authorization_code"),
    ],
)
def test_a_missing_ability_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(LaunchRefused, match=words):
        refuse_unable(read(**changes), REGISTERED, standalone=False)


@pytest.mark.requirement("SM-010")
def test_a_server_that_takes_s256_unannounced_must_be_known_for_it() -> None:
    quiet = read(code_challenge_methods_supported="-")
    known = SmartRegistration(FHIR, "c", ClientKind.PUBLIC, unlisted_pkce=True)
    refuse_unable(quiet, known, standalone=False)


@pytest.mark.requirement("SM-028")
def test_the_way_a_client_proves_itself_must_be_offered() -> None:
    for kind, method in (
        (ClientKind.SYMMETRIC, "client_secret_basic"),
        (ClientKind.ASYMMETRIC, "private_key_jwt"),
    ):
        registration = SmartRegistration(FHIR, "c", kind)
        offered = read(token_endpoint_auth_methods_supported=[method])
        refuse_unable(offered, registration, standalone=False)
        other = read(token_endpoint_auth_methods_supported=["client_secret_post"])
        with pytest.raises(LaunchRefused, match=method):
            refuse_unable(other, registration, standalone=False)


@pytest.mark.requirement("SM-028")
def test_a_standalone_launch_needs_the_ehr_to_offer_it() -> None:
    with pytest.raises(LaunchRefused, match="launch-standalone"):
        refuse_unable(read(), REGISTERED, standalone=True)
    refuse_unable(read(capabilities=["launch-standalone"]), REGISTERED, standalone=True)


@pytest.mark.parametrize(
    "url",
    [
        *("https://evil.example/token", "//evil.example/token", "https://ehr.example.evil/t"),
        *("https://ehr.example:8443/t", "http://ehr.example/token", "https://ehr.example@evil/t"),
        *("javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "https://[::1]/t"),
        *("https://ehr.example\\@evil.example/t", "https://ehr.example#@evil.example"),
    ],
)
@pytest.mark.parametrize(
    "name",
    [
        *("authorization_endpoint", "token_endpoint", "jwks_uri"),
        *("introspection_endpoint", "revocation_endpoint"),
    ],
)
def test_an_endpoint_on_another_server_is_refused(name: str, url: str) -> None:
    with pytest.raises(LaunchRefused):
        read(**{name: url})


def test_an_authorization_server_elsewhere_is_taken_where_it_was_registered() -> None:
    registration = SmartRegistration(
        FHIR, "c", ClientKind.PUBLIC, servers=("https://login.example",)
    )
    found = read(registration, token_endpoint="https://login.example/token")
    assert found.token_endpoint == "https://login.example/token"


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"7", b"<html>", b"[" * 9_000, b"\xff"])
def test_what_is_no_configuration_is_refused(body: bytes) -> None:
    with pytest.raises(LaunchRefused):
        configuration_of(body, REGISTERED)
    with pytest.raises(LaunchRefused):
        configuration_of_metadata(body, REGISTERED)


@pytest.mark.requirement("SM-030")
def test_the_capability_statement_of_smart_1_is_read_only_where_configured(
    assemble: Any, ehr: Any
) -> None:
    statement = {
        "resourceType": "CapabilityStatement",
        "rest": [
            {
                "security": {
                    "extension": [
                        {
                            "url": OAUTH_URIS,
                            "extension": [
                                {"url": "authorize", "valueUri": "https://ehr.example/authorize"},
                                {"url": "token", "valueUri": "https://ehr.example/token"},
                                {"url": "register", "valueUri": "https://ehr.example/r"},
                            ],
                        },
                        "junk",
                    ]
                }
            },
            7,
        ],
    }
    body = json.dumps(statement).encode()
    registration = SmartRegistration(
        "https://ehr.example/fhir/r4", "c", ClientKind.PUBLIC, unlisted_pkce=True
    )
    found = configuration_of_metadata(body, registration)
    assert found.token_endpoint == "https://ehr.example/token"
    with pytest.raises(LaunchRefused):
        configuration_of_metadata(b"{}", registration)
    ehr.fails["/fhir/r4/.well-known/smart-configuration"] = 404
    for switched_on, asked in ((False, 1), (True, 2)):
        ehr.requests.clear()
        app = assemble(ehr, capability_statement=switched_on, unlisted_pkce=True)
        params = {"iss": registration.iss, "launch": "x"}
        assert app.browser().http.get("/launch", params=params).status_code == 502
        assert len(ehr.requests) == asked


def test_what_was_announced_is_read_once_an_hour(app: Any) -> None:
    for _ in range(5):
        app.browser().launched()
    assert len(app.ehr.requests) == 1
    app.clock.advance(3_600)
    app.browser().launched()
    assert len(app.ehr.requests) == 2


@pytest.mark.requirement("SM-059")
@pytest.mark.parametrize(
    "provider",
    [
        {"issuer": "https://evil.example", "jwks_uri": "https://ehr.example/k"},
        {"issuer": FHIR, "jwks_uri": "https://evil.example/k"},
        {"issuer": FHIR},
        {"jwks_uri": "https://ehr.example/k"},
    ],
)
def test_an_openid_configuration_of_another_issuer_is_refused(provider: dict[str, str]) -> None:
    with pytest.raises(LaunchRefused):
        openid_provider(json.dumps(provider).encode(), FHIR, REGISTERED)
