"""No header of a JWT brings its own key, algorithm or key address in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from joserfc import jwk, jws

AUDIENCE = "https://twin.example/cds-services/probe"
GOOD = {"alg": "ES384", "typ": "JWT", "kid": "ec"}
JKU = "https://ehr.example/jwks.json"

Forge = Callable[[Any, Any], str]
Vectors = Iterator[tuple[str, str, Forge]]


def b64(value: bytes | dict[str, Any]) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def well_signed(header: dict[str, Any] | str, algorithm: str = "ES384") -> Forge:
    """Sign with the EHR's own key, so that nothing but the header is wrong."""
    return lambda signer, now: signer.raw(header, signer.claims(AUDIENCE, now), algorithm)


def unsigned(algorithm: str, signature: bytes = b"") -> Forge:
    def forge(signer: Any, now: Any) -> str:
        claims = signer.claims(AUDIENCE, now)
        return f"{b64(GOOD | {'alg': algorithm})}.{b64(claims)}.{b64(signature)}"

    return forge


def symmetric(algorithm: str, key_of: Callable[[Any], bytes]) -> Forge:
    """Sign with the public key as if it were a shared secret (CVE-2026-11800)."""

    def forge(signer: Any, now: Any) -> str:
        header = GOOD | {"alg": algorithm, "kid": "rsa"}
        text = f"{b64(header)}.{b64(signer.claims(AUDIENCE, now))}"
        digest = getattr(hashlib, "sha" + algorithm[2:])
        return f"{text}.{b64(hmac.new(key_of(signer), text.encode(), digest).digest())}"

    return forge


def by_a_stranger(**header: Any) -> Forge:
    """Sign with a key of one's own, offering it in the header."""

    def forge(signer: Any, now: Any) -> str:
        own = jwk.ECKey.generate_key("P-384", {"kid": "ec"})
        offered = {
            name: own.as_dict(private=False) if value == "own" else value
            for name, value in header.items()
        }
        text = f"{b64(GOOD | offered)}.{b64(signer.claims(AUDIENCE, now))}"
        signature = jws.JWSRegistry.algorithms["ES384"].sign(text.encode(), own)
        return f"{text}.{b64(signature)}"

    return forge


def public_pem(signer: Any) -> bytes:
    pem: bytes = signer.keys["RS384"].as_pem(private=False)
    return pem


def public_jwk(signer: Any) -> bytes:
    return json.dumps(signer.keys["RS384"].as_dict(private=False)).encode()


def without_a_signature() -> Vectors:
    for name in ("none", "None", "NONE", "nOnE", "nonE", " none", "none ", ""):
        yield "CH-064", f"alg {name!r} without a signature", unsigned(name)
        yield "CH-064", f"alg {name!r} with a signature", unsigned(name, b"x" * 96)
        yield "CH-064", f"alg {name!r}, well signed", well_signed(GOOD | {"alg": name})


def with_a_shared_secret() -> Vectors:
    for name in ("HS256", "HS384", "HS512"):
        yield "CH-065", f"{name} with the public key as PEM", symmetric(name, public_pem)
        yield "CH-065", f"{name} with the public key as JWK", symmetric(name, public_jwk)
        yield "CH-065", f"{name} with an empty secret", symmetric(name, lambda _: b"")
        yield "CH-065", f"{name} with a guessed secret", symmetric(name, lambda _: b"secret")


def with_another_algorithm() -> Vectors:
    others = (
        "ES256 ES512 ES256K EdDSA Ed25519 Ed448 RS256 RS512 PS256 PS384 PS512 RSA1_5 RSA-OAEP "
        "dir A256KW ECDH-ES es384 Es384 ES384\0 ES-384 rs384 HS384ES384"
    )
    for value in (*others.split(" "), None, 384, True, ["ES384"], {"alg": "ES384"}):
        yield "CH-067", f"alg {value!r}", well_signed(GOOD | {"alg": value})
    yield (
        "CH-067",
        "RS384 over an EC signature",
        well_signed(GOOD | {"alg": "RS384", "kid": "rsa"}),
    )
    yield "CH-067", "RS384 with the EC key", well_signed(GOOD | {"alg": "RS384"}, "RS384")
    yield "CH-067", "ES384 with the RSA key", well_signed(GOOD | {"kid": "rsa"})


def with_a_wrong_type_or_key_id() -> Vectors:
    for name in ("kid", "typ", "alg"):
        without = {key: value for key, value in GOOD.items() if key != name}
        yield "CH-063", f"no {name}", well_signed(without)
    for kid in ("", 1, None, True, [], ["ec"], {"kid": "ec"}):
        yield "CH-063", f"kid {kid!r}", well_signed(GOOD | {"kid": kid})
    for typ in ("jwt", "Jwt", "JWS", "at+jwt", "application/jwt", "", None, 1, ["JWT"]):
        yield "CH-063", f"typ {typ!r}", well_signed(GOOD | {"typ": typ})
    for kid in ("unknown", "EC", "ec ", "../../ec", "' or 1=1 --", "/dev/null", "ec\0", "é"):
        yield "CH-068", f"kid {kid!r} is in no key set", well_signed(GOOD | {"kid": kid})


def with_a_key_or_a_demand_inside() -> Vectors:
    yield "CH-068", "a stranger's key under a known kid", by_a_stranger()
    yield "CH-068", "a stranger's key, embedded (CVE-2026-27962)", by_a_stranger(jwk="own")
    for name, value in (
        ("x5u", "https://evil.example/x"),
        ("x5c", ["MIIB"]),
        ("x5t", "abc"),
        ("x5t#S256", "abc"),
        ("jwk", {}),
        ("jwk", None),
        ("crit", ["exp"]),
        ("crit", ["b64"]),
        ("crit", ["unknown"]),
        ("crit", []),
        ("b64", False),
        ("b64", True),
        ("zip", "DEF"),
        ("enc", "A256GCM"),
    ):
        yield "CH-068", f"{name}={value!r}, well signed", well_signed(GOOD | {name: value})
        yield "CH-068", f"{name}={value!r}, by a stranger", by_a_stranger(**{name: value})


def with_another_address_of_keys() -> Vectors:
    for jku in (
        "https://evil.example/jwks.json",
        "https://ehr.example.evil/jwks.json",
        f"{JKU}/",
        f"{JKU}?x=1",
        f"{JKU}#x",
        "https://ehr.example/other.json",
        "https://ehr.example/../jwks.json",
        "https://ehr.example:443/jwks.json",
        "https://EHR.example/jwks.json",
        "http://ehr.example/jwks.json",
        "https://user@ehr.example/jwks.json",
        "http://169.254.169.254/",
        "file:///etc/passwd",
        "/jwks.json",
        "",
        None,
        [JKU],
        {"url": JKU},
        1,
    ):
        yield "CH-071", f"jku {jku!r}", well_signed(GOOD | {"jku": jku})


def with_a_header_that_can_be_read_in_two_ways() -> Vectors:
    text = json.dumps(GOOD)
    for name, header in (
        ("with alg twice", '{"alg":"none",' + text[1:]),
        ("with kid twice", '{"kid":"x",' + text[1:]),
        ("an array", "[]"),
        ("a text", '"ES384"'),
        ("null", "null"),
        ("followed by a comment", text + "//"),
        ("3,000 deep", "[" * 3_000 + "]" * 3_000),
    ):
        yield "CH-063", f"a header that is {name}", well_signed(header)


VECTORS = [
    *without_a_signature(),
    *with_a_shared_secret(),
    *with_another_algorithm(),
    *with_a_wrong_type_or_key_id(),
    *with_a_key_or_a_demand_inside(),
    *with_another_address_of_keys(),
    *with_a_header_that_can_be_read_in_two_ways(),
]


def test_the_forgeries_are_many_and_distinct() -> None:
    assert len({name for _, name, _ in VECTORS}) == len(VECTORS) >= 140


@pytest.mark.attack("token forgery")
@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(forge, id=name, marks=pytest.mark.requirement(number))
        for number, name, forge in VECTORS
    ],
)
def test_a_forged_header_is_refused_and_a_good_token_after_it_accepted(
    forge: Forge, signer: Any, clock: Any, door: Any
) -> None:
    door.refuse(forge(signer, clock.now()))
    assert door.knock(signer.token(AUDIENCE, clock.now())) == "https://ehr.example"
