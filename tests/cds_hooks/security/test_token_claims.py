"""A well-signed JWT still says the wrong thing: for another endpoint, another time, or mangled."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

AUDIENCE = "https://twin.example/cds-services/probe"
GOOD = {"alg": "ES384", "typ": "JWT", "kid": "ec"}

Forge = Callable[[Any, Any], str]
Vectors = Iterator[tuple[str, str, Forge]]


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def with_claims(**claims: Any) -> Forge:
    return lambda signer, now: signer.token(AUDIENCE, now, **claims)


def with_times(issued_s: float, expires_s: float) -> Forge:
    def forge(signer: Any, now: Any) -> str:
        at = now.timestamp()
        token: str = signer.token(AUDIENCE, now, iat=at + issued_s, exp=at + expires_s)
        return token

    return forge


def with_payload(payload: Callable[[dict[str, Any]], str]) -> Forge:
    return lambda signer, now: signer.raw(GOOD, payload(signer.claims(AUDIENCE, now)))


def mangled(change: Callable[[list[str]], str]) -> Forge:
    return lambda signer, now: change(signer.token(AUDIENCE, now).split("."))


def changed_at(part: int, position: int) -> Forge:
    def change(parts: list[str]) -> str:
        text = parts[part]
        other = "A" if text[position] != "A" else "Q"
        parts[part] = text[:position] + other + text[position + 1 :]
        return ".".join(parts)

    return mangled(change)


def without_or_with_another_kind_of_claim() -> Vectors:
    for name in ("iss", "aud", "exp", "iat", "jti"):
        yield "CH-072", f"no {name}", with_claims(**{name: "-"})
        for value in (None, [], {}, True):
            yield "CH-072", f"{name} {value!r}", with_claims(**{name: value})
    for value in ("", 5, "x" * 300, ["x"]):
        yield "CH-072", f"jti {str(value)[:9]!r}", with_claims(jti=value)


def from_another_issuer() -> Vectors:
    for issuer in (
        "https://evil.example",
        "https://ehr.example/",
        "https://EHR.example",
        "http://ehr.example",
        "https://ehr.example.evil",
        " https://ehr.example",
        "ehr.example",
        "",
        ["https://ehr.example"],
        "https://ehr.example\0",
    ):
        yield "CH-071", f"iss {issuer!r}", with_claims(iss=issuer)


def for_another_endpoint() -> Vectors:
    for audience in (
        "https://twin.example/cds-services",
        "https://twin.example/cds-services/",
        "https://twin.example/cds-services/other",
        "https://twin.example/cds-services/probe/",
        "https://twin.example/cds-services/probe/feedback",
        "https://twin.example/cds-services/probe?x=1",
        "https://twin.example/cds-services/PROBE",
        "https://twin.example:443/cds-services/probe",
        "https://TWIN.example/cds-services/probe",
        "http://twin.example/cds-services/probe",
        "https://evil.example/cds-services/probe",
        "https://twin.example",
        "cds-services/probe",
        "probe",
        "*",
        "",
        1,
        {"aud": AUDIENCE},
        [[AUDIENCE]],
        ["https://evil.example"],
        [None],
        f" {AUDIENCE}",
        f"{AUDIENCE} https://evil.example",
    ):
        yield "CH-073", f"aud {audience!r}", with_claims(aud=audience)


def at_another_time() -> Vectors:
    for name, issued, expires in (
        ("expired a second ago", -200, -1),
        ("expires now", -200, 0),
        ("expired yesterday", -86_600, -86_400),
        ("issued two minutes ahead", 120, 300),
        ("issued an hour ahead", 3_600, 3_700),
        ("valid for an hour", 0, 3_600),
        ("valid for 301 seconds", -1, 300),
        ("valid for ten years", 0, 315_360_000),
        ("issued long ago, not yet expired", -86_400, 100),
        ("expires before it was issued", 30, 20),
        ("expires when it was issued", 30, 30),
    ):
        yield "CH-074", name, with_times(issued, expires)
    # The instant is that of the clock of these tests, in the wrong unit.
    milliseconds = 1_795_251_600_000
    yield "CH-074", "both in milliseconds", with_claims(iat=milliseconds, exp=milliseconds + 1)
    yield "CH-074", "exp in milliseconds", with_claims(exp=milliseconds)
    yield "CH-074", "nbf in milliseconds", with_claims(nbf=milliseconds)
    for value in ("1800000000", "2026-11-21T09:05:00Z", 1e300, -1, 9e15, ""):
        yield "CH-074", f"exp {value!r}", with_claims(exp=value)
        yield "CH-074", f"iat {value!r}", with_claims(iat=value)
    yield "CH-074", "nbf next year", with_claims(nbf=1_830_000_000)
    yield "CH-074", "nbf in words", with_claims(nbf="soon")


def with_a_payload_that_can_be_read_in_two_ways() -> Vectors:
    yield (
        "CH-072",
        "iss twice",
        with_payload(lambda claims: json.dumps(claims)[:-1] + ',"iss":"https://ehr.example"}'),
    )
    yield (
        "CH-073",
        "aud twice",
        with_payload(lambda claims: '{"aud":"https://evil.example",' + json.dumps(claims)[1:]),
    )
    yield "CH-072", "a payload that is an array", with_payload(lambda _: "[]")
    yield "CH-072", "a payload that is a text", with_payload(lambda _: '"x"')
    yield "CH-072", "a payload that is no JSON", with_payload(lambda _: "{")
    yield "CH-072", "a payload without claims", with_payload(lambda _: "{}")


MANGLED: dict[str, Callable[[list[str]], str]] = {
    "nothing": lambda p: "",
    "one part": lambda p: p[0],
    "two parts": lambda p: f"{p[0]}.{p[1]}",
    "no signature": lambda p: f"{p[0]}.{p[1]}.",
    "no payload": lambda p: f"{p[0]}..{p[2]}",
    "no header": lambda p: f".{p[1]}.{p[2]}",
    "four parts": lambda p: ".".join([*p, p[2]]),
    "five parts": lambda p: ".".join([*p, p[1], p[2]]),
    "dots": lambda p: "..",
    "padding": lambda p: f"{p[0]}=.{p[1]}.{p[2]}",
    "another alphabet": lambda p: f"{p[0]}.{p[1]}.{'+/' * 64}",
    "a line break": lambda p: f"{p[0]}.{p[1]}\n.{p[2]}",
    "a NUL": lambda p: f"{p[0]}.{p[1]}.{p[2]}\0",
    "a letter outside ASCII": lambda p: f"{p[0]}.{p[1]}.{p[2]}é",
    "parts exchanged": lambda p: f"{p[1]}.{p[0]}.{p[2]}",
    "the header twice": lambda p: f"{p[0]}.{p[0]}.{p[2]}",
    "a short signature": lambda p: f"{p[0]}.{p[1]}.{p[2][:-4]}",
    "a long signature": lambda p: f"{p[0]}.{p[1]}.{p[2]}AAAA",
    "a signature of zeros (CVE-2022-21449)": lambda p: f"{p[0]}.{p[1]}.{b64(bytes(96))}",
    "a DER signature": lambda p: f"{p[0]}.{p[1]}.{b64(b'0' + bytes(101))}",
    "40,000 characters": lambda p: f"{p[0]}.{'A' * 40_000}.{p[2]}",
    "a million dots": lambda p: "." * 1_000_000,
    "JSON serialization": lambda p: json.dumps({"payload": p[1], "signature": p[2]}),
}


def mangled_on_the_way() -> Vectors:
    for name, change in MANGLED.items():
        yield "CH-060", f"mangled: {name}", mangled(change)
    for position in range(0, 60, 6):
        yield "CH-068", f"payload changed at {position}", changed_at(1, position)
        yield "CH-068", f"signature changed at {position}", changed_at(2, position)


VECTORS = [
    *without_or_with_another_kind_of_claim(),
    *from_another_issuer(),
    *for_another_endpoint(),
    *at_another_time(),
    *with_a_payload_that_can_be_read_in_two_ways(),
    *mangled_on_the_way(),
]


def test_the_forgeries_are_many_and_distinct() -> None:
    assert len({name for _, name, _ in VECTORS}) == len(VECTORS) >= 120


@pytest.mark.attack("token forgery")
@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(forge, id=name, marks=pytest.mark.requirement(number))
        for number, name, forge in VECTORS
    ],
)
def test_such_a_token_is_refused_and_a_good_token_after_it_accepted(
    forge: Forge, signer: Any, clock: Any, door: Any
) -> None:
    door.refuse(forge(signer, clock.now()))
    assert door.knock(signer.token(AUDIENCE, clock.now())) == "https://ehr.example"
