"""An ID token proves who launched the app, or nobody: every forgery is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwk, jws, jwt
from joserfc.errors import SecurityWarning

from cds_hooks.errors import LaunchRefused
from cds_hooks.security.id_token import announced_key, verified_identity
from cds_hooks.security.smart_tokens import fhir_user

FHIR = "https://ehr.example/fhir/r4"
OTHER = jwk.RSAKey.generate_key(2048, {"kid": "ehr-1"})


def b64(value: bytes | str) -> str:
    raw = value.encode() if isinstance(value, str) else value
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def checked(token: str, key: Any, clock: Any) -> Any:
    _, algorithm = announced_key(token)
    return verified_identity(
        token,
        algorithm,
        key,
        issuer=FHIR,
        client_id="cardiotwin",
        nonce="N",
        now=clock.now(),
    )


def public(ehr: Any) -> Any:
    return ehr.key.as_dict(private=False)


@pytest.mark.requirement("SM-059")
def test_a_right_token_names_its_user(ehr: Any, clock: Any) -> None:
    claims = checked(ehr.id_token("N"), public(ehr), clock)
    assert claims["sub"] == "user-7"
    ehr.claim_changes = {"aud": ["cardiotwin", "other"], "azp": "cardiotwin"}
    assert checked(ehr.id_token("N"), public(ehr), clock)["azp"] == "cardiotwin"


@pytest.mark.requirement("SM-059")
@pytest.mark.attack("token forgery")
@pytest.mark.parametrize(
    "changes",
    [
        *({"iss": "https://evil.example"}, {"iss": FHIR + "/"}, {"iss": "-"}, {"iss": [FHIR]}),
        *({"aud": "other"}, {"aud": "-"}, {"aud": []}, {"aud": ["cardiotwin", "other"]}),
        *({"aud": ["cardiotwin", "other"], "azp": "other"}, {"azp": "other"}, {"aud": {}}),
        *({"nonce": "M"}, {"nonce": "-"}, {"nonce": None}, {"nonce": ["N"]}),
        *({"exp": 0}, {"exp": "-"}, {"exp": "x"}, {"exp": True}, {"exp": 1e300}),
        *({"iat": 0}, {"iat": "-"}, {"iat": 4e9}, {"iat": None}),
        *({"sub": "-"}, {"sub": ""}, {"sub": 7}),
    ],
    ids=str,
)
def test_a_wrong_claim_is_refused(ehr: Any, clock: Any, changes: dict[str, Any]) -> None:
    ehr.claim_changes = changes
    with pytest.raises(LaunchRefused) as refused:
        checked(ehr.id_token("N"), public(ehr), clock)
    assert refused.value.reason == "id-token"


@pytest.mark.requirement("SM-059")
def test_an_expired_token_is_refused_and_one_of_a_clock_that_differs_a_little_is_not(
    ehr: Any, clock: Any
) -> None:
    token = ehr.id_token("N")
    clock.advance(-50)
    assert checked(token, public(ehr), clock)
    clock.advance(50 + 300 + 59)
    assert checked(token, public(ehr), clock)
    clock.advance(1)
    with pytest.raises(LaunchRefused):
        checked(token, public(ehr), clock)


@pytest.mark.requirement("SM-059")
@pytest.mark.attack("token forgery")
@pytest.mark.parametrize(
    "header",
    [
        *({"alg": "none"}, {"alg": "HS256"}, {"alg": "HS512"}, {"alg": "RS1"}, {"alg": None}),
        *({"alg": "PS256"}, {"alg": "EdDSA"}, {"alg": "ES256K"}, {"alg": ["RS256"]}),
        *({"kid": "-"}, {"kid": ""}, {"kid": 7}),
        *({"jwk": {"kty": "RSA"}}, {"jku": "https://evil.example/k"}, {"x5u": "https://e"}),
        *({"x5c": ["AA"]}, {"crit": ["exp"]}, {"b64": False}, {"zip": "DEF"}, {"enc": "A"}),
    ],
    ids=str,
)
def test_a_header_that_asks_to_be_trusted_is_refused(
    ehr: Any, clock: Any, header: dict[str, Any]
) -> None:
    payload = ehr.id_token("N").split(".")[1]
    merged = {"alg": "RS256", "kid": "ehr-1", "typ": "JWT"} | header
    head = b64(json.dumps({name: value for name, value in merged.items() if value != "-"}))
    signature = jws.JWSRegistry.algorithms["RS256"].sign(f"{head}.{payload}".encode(), ehr.key)
    for tail in (b64(signature), "", "AA"):
        with pytest.raises(LaunchRefused):
            checked(f"{head}.{payload}.{tail}", public(ehr), clock)


@pytest.mark.requirement("SM-059")
def test_the_public_key_is_no_shared_secret(ehr: Any, clock: Any) -> None:
    # CVE-2026-11800: HS256 "signed" with the public key of an RS256 issuer.
    secret = jwk.OctKey.import_key(json.dumps(public(ehr)).encode())
    payload = json.loads(base64.urlsafe_b64decode(ehr.id_token("N").split(".")[1] + "=="))
    forged = jwt.encode({"alg": "HS256", "kid": "ehr-1"}, payload, secret, algorithms=["HS256"])
    with pytest.raises(LaunchRefused):
        checked(forged, public(ehr), clock)


@pytest.mark.requirement("SM-059")
def test_keys_that_are_none_or_not_for_this_are_refused(ehr: Any, clock: Any) -> None:
    token, right = ehr.id_token("N"), public(ehr)
    wrong: tuple[Any, ...] = (
        None,
        OTHER.as_dict(private=False),
        right | {"use": "enc"},
        right | {"alg": "RS384"},
        right | {"kty": "EC"},
        right | {"n": "AQAB"},
        {"kty": "RSA"},
        {"kty": "oct", "k": "AAAA"},
        {},
    )
    for key in wrong:
        with pytest.raises(LaunchRefused):
            checked(token, key, clock)


@pytest.mark.requirement("SM-059")
def test_a_short_rsa_key_is_refused(ehr: Any, clock: Any) -> None:
    with pytest.warns(SecurityWarning):
        ehr.key = jwk.RSAKey.generate_key(1024, {"kid": "ehr-1"})
    with pytest.raises(LaunchRefused):
        checked(ehr.id_token("N"), public(ehr), clock)


@pytest.mark.requirement("SM-059")
def test_every_single_changed_character_is_noticed(ehr: Any, clock: Any) -> None:
    token, key = ehr.id_token("N"), public(ehr)
    refusals = 0
    places = range(0, len(token) - 2, 3)
    for place in places:
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        try:
            checked(changed, key, clock)
        except LaunchRefused:
            refusals += 1
    assert refusals == len(places)


@pytest.mark.attack("token forgery")
@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b", "a.b.c.d", "é.é.é", "x" * 20_000, "e30.e30.", "bnVsbA.e30.AA"]
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(LaunchRefused):
        announced_key(token)


@pytest.mark.requirement("SM-059")
def test_a_launch_with_a_forged_identity_opens_no_session(
    assemble: Callable[..., Any], ehr: Any
) -> None:
    ehr.claim_changes = {"aud": "another-client"}
    app = assemble(ehr)
    browser = app.browser()
    reply = browser.get(ehr.authorize(browser.launched()))
    assert reply.status_code == 400
    assert "proves nobody" in reply.text
    assert not app.sessions._sealed


@pytest.mark.requirement("SM-059")
def test_the_key_set_is_found_through_openid_configuration_where_smart_names_none(
    app: Any,
) -> None:
    app.ehr.announced = {"jwks_uri": "-", "issuer": "-"}
    assert app.launched().fhir_user == "Practitioner/7"
    paths = [each.url.path for each in app.ehr.requests]
    assert "/fhir/r4/.well-known/openid-configuration" in paths


@pytest.mark.requirement("SM-060")
@pytest.mark.parametrize(
    ("claimed", "user"),
    [
        (f"{FHIR}/Practitioner/7", "Practitioner/7"),
        ("PractitionerRole/a-b.c", "PractitionerRole/a-b.c"),
        *((f"{kind}/1", f"{kind}/1") for kind in ("Patient", "RelatedPerson", "Person")),
        *((each, None) for each in ("Device/1", "https://evil.example/Practitioner/7", "7", "")),
        *((each, None) for each in (f"{FHIR}x/Practitioner/7", "Practitioner/", "Practitioner")),
        *((each, None) for each in ("Practitioner/7/x", "Practitioner/<b>", None, 7, ["a"])),
    ],
)
def test_the_user_is_a_person_of_this_ehr(claimed: object, user: str | None) -> None:
    assert fhir_user(claimed, FHIR) == user


@pytest.mark.requirement("SM-060")
def test_a_server_of_smart_1_names_the_user_in_profile(app: Any) -> None:
    app.ehr.claim_changes = {"fhirUser": "-", "profile": "Practitioner/9"}
    assert app.launched().fhir_user == "Practitioner/9"
