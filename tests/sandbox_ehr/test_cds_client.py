"""The client half: signed tokens, filled prefetch, access tokens that are held to their limits."""

from __future__ import annotations

import base64
import json
from datetime import date
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from sandbox_ehr.errors import BadSearch, NoSuchResource
from sandbox_ehr.prefetch import filled, prefetched

CONTEXT = {"patientId": "septic", "userId": "Practitioner/sandbox-clinician"}
TODAY = date(2026, 3, 2)


def hook_request(site: Any, **more: Any) -> dict[str, Any]:
    wanted = {"hook": "patient-view", "service": "risk", "context": {"patientId": "septic"}}
    answer = site.http.post("/order-entry/hook-request", json={**wanted, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_the_token_is_signed_with_the_published_key_and_names_its_audience(site: Any) -> None:
    # Verified with the elliptic curve alone, by RFC 7515 and RFC 7518 section 3.4, and not with
    # the library that signs.
    url = f"{site.service.url}/cds-services/risk/feedback"
    token = site.http.post("/order-entry/token", json={"url": url}).json()["authorization"]
    signed, _, signature = token.removeprefix("Bearer ").rpartition(".")
    (key,) = site.http.get("/.well-known/jwks.json").json()["keys"]
    x, y = (int.from_bytes(decoded(key[name])) for name in "xy")
    r, s = (int.from_bytes(half) for half in (decoded(signature)[:48], decoded(signature)[48:]))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP384R1()).public_key()
    public.verify(encode_dss_signature(r, s), signed.encode(), ec.ECDSA(hashes.SHA384()))
    header, claims = (json.loads(decoded(part)) for part in signed.split("."))
    assert header == {
        "alg": "ES384",
        "typ": "JWT",
        "kid": key["kid"],
        "jku": f"{site.url}/.well-known/jwks.json",
    }
    assert claims["aud"] == url
    assert claims["iss"] == site.url
    assert claims["exp"] - claims["iat"] == 300


def test_the_published_key_has_no_private_half(site: Any) -> None:
    (key,) = site.http.get("/.well-known/jwks.json").json()["keys"]
    assert "d" not in key


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/cds-services",
        "{service}/cds-services-of-another",
        "{service}/cds-services/../admin",
        "{service}",
        None,
    ],
)
def test_the_sandbox_signs_for_its_configured_services_only(site: Any, url: str | None) -> None:
    asked = url.format(service=site.service.url) if url else None
    answer = site.http.post("/order-entry/token", json={"url": asked})
    assert answer.status_code == 400
    assert "authorization" not in answer.json()


def test_no_two_tokens_share_their_id(site: Any) -> None:
    first, second = (hook_request(site)["authorization"] for _ in range(2))
    assert first != second


def test_prefetch_holds_reads_as_resources_and_searches_as_bundles(site: Any) -> None:
    templates = {
        "patient": "Patient/{{context.patientId}}",
        "labs": "Observation?patient={{context.patientId}}&category=laboratory&_count=3",
        "nobody": "Patient/nobody",
        "unknown": "Patient/{{context.somethingElse}}",
        "refused": "Observation?color=red",
    }
    prefetch = hook_request(site, prefetch=templates)["body"]["prefetch"]
    assert prefetch["patient"]["id"] == "septic"
    assert prefetch["labs"]["type"] == "searchset"
    assert len(prefetch["labs"]["entry"]) == 3
    assert prefetch["nobody"] is None
    assert "unknown" not in prefetch
    assert "refused" not in prefetch


def test_without_prefetch_the_service_is_left_to_read_for_itself(site: Any) -> None:
    request = hook_request(site, prefetch={"patient": "Patient/septic"}, sendPrefetch=False)
    assert "prefetch" not in request["body"]
    assert request["body"]["fhirServer"] == f"{site.url}/fhir"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Patient/{{context.patientId}}", "Patient/septic"),
        ("Practitioner/{{userPractitionerId}}", "Practitioner/sandbox-clinician"),
        ("Observation?date=ge{{today() - 2 days}}", "Observation?date=ge2026-02-28"),
        ("Observation?date=le{{today()}}", "Observation?date=le2026-03-02"),
        ("Patient/{{userPatientId}}", None),
        ("Patient/{{context.draftOrders}}", None),
    ],
)
def test_templates_are_filled_from_the_context(template: str, expected: str | None) -> None:
    assert filled(template, {**CONTEXT, "draftOrders": {}}, TODAY) == expected


def test_what_the_server_refuses_or_lacks_is_told_apart() -> None:
    def refuse(*_: object) -> Any:
        raise BadSearch("no")

    def lack(*_: object) -> Any:
        raise NoSuchResource("no")

    templates = {"search": "Observation?x=1", "read": "Patient/1"}
    assert prefetched(templates, CONTEXT, TODAY, lack, refuse) == {"read": None}


def bearer(site: Any) -> dict[str, str]:
    token = hook_request(site)["body"]["fhirAuthorization"]["access_token"]
    return {"Authorization": f"Bearer {token}"}


def test_a_hooks_token_opens_its_patients_record_and_no_other(site: Any) -> None:
    headers = bearer(site)
    assert site.http.get("/fhir/Patient/septic", headers=headers).status_code == 200
    own = site.http.get("/fhir/Observation?patient=septic", headers=headers)
    assert own.status_code == 200
    for path in ("Patient/stable", "Observation?patient=stable", "Observation", "Practitioner"):
        assert site.http.get(f"/fhir/{path}", headers=headers).status_code == 403
    endpoint = site.http.get("/fhir/Endpoint/sandbox-archive", headers=headers)
    assert endpoint.status_code == 200


def test_a_hooks_token_cannot_write(site: Any) -> None:
    headers = bearer(site)
    patient = {"resourceType": "Patient", "id": "septic"}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": []}
    assert site.http.put("/fhir/Patient/septic", json=patient, headers=headers).status_code == 403
    assert site.http.post("/fhir/Patient", json=patient, headers=headers).status_code == 403
    assert site.http.post("/fhir/", json=bundle, headers=headers).status_code == 403
    assert site.http.delete("/fhir/Patient/septic", headers=headers).status_code == 403


def test_an_unknown_token_is_refused_rather_than_ignored(site: Any) -> None:
    for header in ("Bearer guessed", "Basic eDp5", "nonsense"):
        answer = site.http.get("/fhir/Patient/septic", headers={"Authorization": header})
        assert answer.status_code == 401


def test_the_page_may_load_from_itself_and_its_service_only(site: Any) -> None:
    policy = site.http.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert f"connect-src 'self' {site.service.url};" in policy
    assert "unsafe" not in policy
