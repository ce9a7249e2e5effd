"""Over HTTP: nobody without a good token gets in, and each refusal says which rule it broke."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

PATH = "/cds-services/probe"
OPEN_TO_ALL = {
    *("/cds-services", "/health", "/metrics", "/documentation", "/icon.png"),
    # Where a launch begins and ends, and public keys; what is no launch is refused there.
    *("/launch", "/launch/standalone", "/callback", "/.well-known/jwks.json"),
}
"""No more than these; what is new must stand behind a token or a session."""


def text(answer: Any) -> str:
    found: str = answer.json()["issue"][0]["details"]["text"]
    return found


@pytest.mark.requirement("CH-059", "CH-060", "CH-082")
@pytest.mark.parametrize("junk", [None, "", "Bearer", "Bearer junk", "Basic dTpw", "Bearer a.b.c"])
def test_without_a_token_a_call_is_refused(
    guarded: Any, hook_request: Any, junk: str | None
) -> None:
    headers = {} if junk is None else {"Authorization": junk}
    answer = guarded.call(hook_request(), **headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["issue"][0]["code"] == "login"
    assert guarded.probe.calls == []


@pytest.mark.requirement("CH-060", "CH-066")
@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_a_good_token_is_let_in_and_names_the_caller(
    guarded: Any, hook_request: Any, algorithm: str
) -> None:
    headers = guarded.signed(PATH, algorithm=algorithm)
    assert guarded.call(hook_request(), **headers).status_code == 200
    assert guarded.probe.calls[0].issuer == "https://ehr.example"


@pytest.mark.requirement("CH-075")
def test_the_same_token_twice_is_refused_the_second_time(guarded: Any, hook_request: Any) -> None:
    headers = guarded.signed(PATH)
    assert guarded.call(hook_request(), **headers).status_code == 200
    answer = guarded.call(hook_request(), **headers)
    assert answer.status_code == 401
    assert "used before" in text(answer)


@pytest.mark.requirement("CH-074")
def test_an_expired_token_is_refused(guarded: Any, hook_request: Any) -> None:
    headers = guarded.signed(PATH)
    guarded.clock.at += timedelta(minutes=6)
    answer = guarded.call(hook_request(), **headers)
    assert answer.status_code == 401
    assert "expired" in text(answer)


@pytest.mark.requirement("CH-068")
def test_a_wrongly_signed_token_is_refused(guarded: Any, hook_request: Any) -> None:
    headers = guarded.signed(PATH)
    headers["Authorization"] = headers["Authorization"][:-8] + "AAAAAAAA"
    answer = guarded.call(hook_request(), **headers)
    assert answer.status_code == 401
    assert "signature" in text(answer)


@pytest.mark.requirement("CH-064")
def test_an_unsigned_token_is_refused(guarded: Any, hook_request: Any) -> None:
    token = guarded.signer.raw(
        {"alg": "none", "typ": "JWT", "kid": "ec"},
        guarded.signer.claims("https://twin.example" + PATH, guarded.clock.now()),
    )
    unsigned = token.rpartition(".")[0] + "."
    answer = guarded.call(hook_request(), Authorization=f"Bearer {unsigned}")
    assert answer.status_code == 401


@pytest.mark.requirement("CH-073")
def test_the_audience_is_the_configured_url_and_not_the_host_that_was_called(
    guarded: Any, hook_request: Any
) -> None:
    headers = guarded.signed(PATH) | {"Host": "internal.example"}
    assert guarded.call(hook_request(), **headers).status_code == 200
    of_host = guarded.signer.token(f"https://internal.example{PATH}", guarded.clock.now())
    borrowed = {"Authorization": f"Bearer {of_host}", "Host": "internal.example"}
    assert guarded.call(hook_request(), **borrowed).status_code == 401


def test_two_authorization_headers_are_refused(guarded: Any, hook_request: Any) -> None:
    good = guarded.signed(PATH)["Authorization"]
    answer = guarded.http.post(
        PATH,
        json=hook_request(),
        headers=[("Authorization", good), ("Authorization", good)],
    )
    assert answer.status_code == 401


def test_the_body_of_an_unknown_caller_is_not_read(guarded: Any) -> None:
    assert guarded.call(b"[" * 1_000).status_code == 401
    assert guarded.post("/cds-services/none", b"x").status_code == 401


@pytest.mark.requirement("CH-059", "CH-061", "SM-015")
def test_every_route_but_the_listed_ones_demands_a_verified_caller(guarded: Any) -> None:
    routes = [
        (route.path, method)
        for included in guarded.http.app.routes
        for route in getattr(included, "original_router", guarded.http.app).routes
        for method in route.methods
    ]
    assert {path for path, _ in routes} > OPEN_TO_ALL
    for path, method in routes:
        answer = guarded.http.request(method, re.sub(r"\{[^}]+\}", "probe", path))
        assert (answer.status_code == 401) is (path not in OPEN_TO_ALL), (path, method)


@pytest.mark.requirement("CH-055")
def test_no_refusal_and_no_log_repeats_a_token(
    install: Any, hook_request: Any, capfd: Any
) -> None:
    with install() as it:
        token = it.signed(PATH, iss="https://canary.example")["Authorization"]
        answer = it.call(hook_request(), Authorization=token)
    written = capfd.readouterr().err
    assert answer.status_code == 401
    assert '"reason": "issuer"' in written
    for part in ("canary", token.split(".")[1]):
        assert part not in answer.text
        assert part not in written
