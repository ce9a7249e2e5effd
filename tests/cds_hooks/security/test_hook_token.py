"""A good token opens exactly one call, with the right key only."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from cds_hooks.errors import TrustError
from cds_hooks.security.hook_token import TrustedIssuer, announced, verified
from cds_hooks.security.trust import bearer

ISSUER = "https://ehr.example"
JKU = f"{ISSUER}/jwks.json"
AUDIENCE = "https://twin.example/cds-services/probe"
ISSUERS = {ISSUER: TrustedIssuer(ISSUER, JKU)}


@pytest.mark.requirement("CH-060", "CH-063", "CH-066", "CH-068", "CH-072", "CH-073", "CH-074")
@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": [AUDIENCE]},
        {"aud": ["https://other.example", AUDIENCE]},
        {"tenant": "ward 7"},
        {"sub": "anything"},
        {"nbf": 0},
    ],
)
def test_a_good_token_opens_a_call(
    algorithm: str, changes: dict[str, Any], signer: Any, clock: Any, door: Any
) -> None:
    token = signer.token(AUDIENCE, clock.now(), algorithm=algorithm, **changes)
    assert door.knock(token) == ISSUER


@pytest.mark.requirement("CH-069", "CH-071")
def test_the_configured_jku_may_be_named(signer: Any, clock: Any, door: Any) -> None:
    token = signer.token(AUDIENCE, clock.now(), {"jku": JKU})
    assert announced(token, ISSUERS).jwks_url == JKU
    assert door.knock(token) == ISSUER


@pytest.mark.requirement("CH-071")
def test_no_key_is_looked_up_for_a_token_that_could_never_be_accepted(
    signer: Any, clock: Any, door: Any
) -> None:
    for forged in (
        signer.token(AUDIENCE, clock.now(), {"alg": "none"}),
        signer.token(AUDIENCE, clock.now(), {"jku": "https://evil.example/keys"}),
        signer.token(AUDIENCE, clock.now(), iss="https://evil.example"),
    ):
        with pytest.raises(TrustError):
            door.knock(forged)
    assert door.asked == 0


@pytest.mark.requirement("CH-075")
def test_a_token_opens_one_call_only(signer: Any, clock: Any, door: Any) -> None:
    token = signer.token(AUDIENCE, clock.now())
    door.knock(token)
    for _ in range(3):
        with pytest.raises(TrustError) as refused:
            door.knock(token)
        assert refused.value.reason == "replayed"
    with pytest.raises(TrustError):
        door.knock(signer.token(AUDIENCE, clock.now(), jti=token_id(token)))


@pytest.mark.requirement("CH-075")
def test_a_token_refused_for_another_reason_is_not_used_up(
    signer: Any, clock: Any, door: Any
) -> None:
    token = signer.token(AUDIENCE, clock.now())
    with pytest.raises(TrustError):
        door.knock(token, AUDIENCE + "/feedback")
    assert door.knock(token) == ISSUER


@pytest.mark.requirement("CH-074")
def test_a_clock_that_runs_a_little_ahead_is_forgiven(signer: Any, clock: Any, door: Any) -> None:
    ahead = signer.token(AUDIENCE, clock.now() + timedelta(seconds=45))
    assert door.knock(ahead) == ISSUER


@pytest.mark.requirement("CH-068")
@pytest.mark.parametrize(
    "changes",
    [
        {"use": "enc"},
        {"alg": "RS384"},
        {"crv": "P-256"},
        {"kty": "RSA"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"x": ""},
        {"x": None},
        {"y": "AAAA"},
    ],
)
def test_a_key_that_is_not_for_this_use_verifies_nothing(
    changes: dict[str, Any], signer: Any, clock: Any, door: Any
) -> None:
    token = signer.token(AUDIENCE, clock.now())
    key = signer.keys["ES384"].as_dict(private=False) | changes
    with pytest.raises(TrustError):
        verified(token, announced(token, ISSUERS), key, AUDIENCE, clock.now())


@pytest.mark.requirement("CH-068")
def test_a_short_rsa_key_verifies_nothing(signer: Any, clock: Any, door: Any) -> None:
    token = signer.token(AUDIENCE, clock.now(), algorithm="RS384")
    weak = signer.keys["RS384"].as_dict(private=False)
    short = weak | {"n": weak["n"][: 1024 // 6]}
    with pytest.raises(TrustError) as refused:
        verified(token, announced(token, ISSUERS), short, AUDIENCE, clock.now())
    assert refused.value.reason == "key"


@pytest.mark.requirement("CH-060")
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [""],
        ["Bearer"],
        ["Bearer "],
        ["Basic dXNlcjpwYXNz"],
        ["Token x"],
        ["Bearer a b"],
        ["Bearer a", "Bearer b"],
        ["junk"],
    ],
)
def test_a_call_needs_one_bearer_header(headers: list[str]) -> None:
    with pytest.raises(TrustError):
        bearer(headers)
    assert bearer(["bearer token"]) == "token"


def token_id(token: str) -> str:
    payload = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=="))["jti"])
