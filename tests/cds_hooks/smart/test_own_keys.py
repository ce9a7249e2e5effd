"""The installation's own keys: published without a secret, rotated without a gap."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwk, jwt

from cds_hooks.errors import LaunchRefused
from cds_hooks.security.smart_client import OwnKeys, after_rotation, assertion, fresh_keys
from cds_hooks.security.smart_discovery import configuration_of
from cds_hooks.security.smart_keys import FILE, KeyFile, key_file, rotate
from cds_hooks.security.smart_registration import ClientKind, SmartRegistration

PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k", "iat"}


def announced(algorithms: list[str] | None) -> Any:
    members: dict[str, Any] = {
        "authorization_endpoint": "https://ehr.example/a",
        "token_endpoint": "https://ehr.example/token",
    }
    if algorithms is not None:
        members["token_endpoint_auth_signing_alg_values_supported"] = algorithms
    return configuration_of(json.dumps(members).encode(), REGISTERED)


REGISTERED = SmartRegistration(
    "https://ehr.example/fhir",
    "cardiotwin",
    ClientKind.ASYMMETRIC,
    key_set_url="https://twin.example/.well-known/jwks.json",
)


@pytest.mark.requirement("SM-014", "SM-015", "SM-016", "SM-017")
def test_the_key_set_is_open_to_everyone_and_holds_no_private_member(
    assemble: Callable[..., Any], scripted: Any, clock: Any
) -> None:
    app = assemble(scripted(clock, ClientKind.ASYMMETRIC))
    reply = app.browser().get("/.well-known/jwks.json")
    assert reply.status_code == 200
    assert reply.headers["cache-control"] == "public, max-age=3600"
    assert reply.headers["content-type"] == "application/json"
    keys = reply.json()["keys"]
    assert {(key["kty"], key["alg"]) for key in keys} == {("EC", "ES384"), ("RSA", "RS384")}
    for key in keys:
        assert not PRIVATE & key.keys()
        needed = {"crv", "x", "y"} if key["kty"] == "EC" else {"n", "e"}
        assert needed | {"kty", "kid", "use", "alg"} == key.keys()
        assert jwk.import_key(key).is_private is False


@pytest.mark.requirement("SM-043", "SM-044", "SM-045", "SM-047")
@pytest.mark.parametrize(
    ("algorithms", "chosen"),
    [
        *((None, "ES384"), (["RS384"], "RS384"), (["RS384", "ES384"], "ES384")),
        (["RS256", "RS384"], "RS384"),
    ],
)
def test_an_assertion_is_what_the_specification_wants(
    clock: Any, algorithms: list[str] | None, chosen: str
) -> None:
    keys = OwnKeys(fresh_keys(clock.now()))
    configuration = announced(algorithms)
    tokens = [assertion(REGISTERED, configuration, keys, clock.now()) for _ in range(50)]
    key_set = jwk.KeySet.import_key_set(json.loads(json.dumps(keys.public())))
    read = [jwt.decode(each, key_set, algorithms=[chosen]) for each in tokens]
    (kid,) = {each.header["kid"] for each in read}
    assert read[0].header == {
        "alg": chosen,
        "typ": "JWT",
        "kid": kid,
        "jku": "https://twin.example/.well-known/jwks.json",
    }
    claims, now = read[0].claims, int(clock.now().timestamp())
    assert claims["iss"] == claims["sub"] == "cardiotwin"
    assert claims["aud"] == "https://ehr.example/token"
    assert now < claims["exp"] <= now + 300
    assert len({each.claims["jti"] for each in read}) == 50


def test_an_ehr_that_takes_neither_algorithm_is_named(clock: Any) -> None:
    keys = OwnKeys(fresh_keys(clock.now()))
    with pytest.raises(LaunchRefused, match="ES384"):
        assertion(REGISTERED, announced(["RS256"]), keys, clock.now())
    with pytest.raises(LaunchRefused, match="no key"):
        assertion(REGISTERED, announced(None), OwnKeys(), clock.now())


def test_a_rotated_key_signs_only_once_every_ehr_has_had_time_to_read_it(clock: Any) -> None:
    first = OwnKeys(fresh_keys(clock.now()))
    old = first.signing("ES384", clock.now())
    clock.advance(90 * 86_400)
    second = after_rotation(first, clock.now())
    assert len(second.keys) == 4
    assert second.signing("ES384", clock.now()) == old
    later = clock.now() + timedelta(hours=2)
    new = second.signing("ES384", later)
    assert new is not None
    assert new != old
    # The next rotation, long after, drops what no longer signs.
    clock.advance(90 * 86_400)
    third = after_rotation(second, clock.now())
    kids = {key["kid"] for key in third.keys}
    assert old is not None
    assert old["kid"] not in kids
    assert new["kid"] in kids
    assert len(third.keys) == 4


def test_keys_rotated_twice_in_a_row_leave_one_that_signs(clock: Any) -> None:
    first = OwnKeys(fresh_keys(clock.now()))
    clock.advance(86_400)
    twice = after_rotation(after_rotation(first, clock.now()), clock.now())
    assert twice.signing("RS384", clock.now()) == first.signing("RS384", clock.now())


@pytest.mark.requirement("SM-018")
def test_the_file_is_its_owners_alone_and_refused_otherwise(tmp_path: Path, clock: Any) -> None:
    keys = key_file(tmp_path, clock.now())()
    path = tmp_path / FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [FILE]
    assert "PRIVATE" not in repr(keys)
    assert str(keys.keys[0]["d"]) not in repr(keys)
    path.chmod(0o640)
    with pytest.raises(ValueError, match="chmod 600"):
        KeyFile(path)()


def test_a_running_service_reads_rotated_keys(tmp_path: Path, clock: Any) -> None:
    running = key_file(tmp_path, clock.now())
    before = running()
    clock.advance(7_200)
    after = rotate(tmp_path, clock.now())
    assert running() == after != before
    assert key_file(tmp_path, clock.now())() == after


def test_a_file_that_holds_no_keys_is_refused(tmp_path: Path, clock: Any) -> None:
    path = tmp_path / FILE
    path.write_text("{}")
    path.chmod(0o600)
    with pytest.raises(ValueError, match="JWK Set"):
        key_file(tmp_path, clock.now())


def test_without_a_file_nothing_is_published(tmp_path: Path) -> None:
    assert KeyFile(tmp_path / FILE)().public() == {"keys": []}
