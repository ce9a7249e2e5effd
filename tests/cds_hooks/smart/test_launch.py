"""The authorization request: what the EHR's link makes the browser ask."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

FHIR = "https://ehr.example/fhir/r4"


def asked(url: str) -> dict[str, str]:
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


@pytest.mark.requirement("SM-003", "SM-021", "SM-022", "SM-031", "SM-026", "SM-028")
def test_the_request_holds_everything_that_smart_demands_and_nothing_else(app: Any) -> None:
    url = app.browser().launched(launch="a b&c=d/é%20+")
    assert url.startswith("https://ehr.example/authorize?")
    found = asked(url)
    assert set(found) == {
        *("response_type", "client_id", "redirect_uri", "launch", "scope", "state", "aud"),
        *("nonce", "code_challenge", "code_challenge_method"),
    }
    assert found["response_type"] == "code"
    assert found["client_id"] == "cardiotwin"
    assert found["redirect_uri"] == "https://twin.example/callback"
    assert found["launch"] == "a b&c=d/é%20+"
    assert found["aud"] == FHIR
    assert found["code_challenge_method"] == "S256"
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", found["code_challenge"])
    first = app.ehr.requests[0]
    assert str(first.url) == f"{FHIR}/.well-known/smart-configuration"
    assert first.headers["accept"] == "application/json"
    assert len(app.ehr.requests) == 1


@pytest.mark.requirement("SM-022")
def test_aud_is_the_launchs_iss_with_its_slash_if_it_has_one(app: Any) -> None:
    assert asked(app.browser().launched(iss=FHIR + "/"))["aud"] == FHIR + "/"


@pytest.mark.requirement("SM-035")
def test_neither_max_age_nor_auth_time_is_asked(app: Any) -> None:
    found = asked(app.browser().launched())
    assert not {"max_age", "auth_time", "prompt", "claims"} & set(found)


@pytest.mark.requirement("SM-002")
def test_every_launch_has_a_state_a_nonce_and_a_challenge_of_its_own(app: Any) -> None:
    found = [asked(app.browser().launched()) for _ in range(300)]
    for name in ("state", "nonce", "code_challenge"):
        values = {each[name] for each in found}
        assert len(values) == 300
        # 43 characters of 64 hold 256 bits; 122 are demanded.
        assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", each) for each in values)
    used = {character for each in found for character in each["state"]}
    assert len(used) == 64


@pytest.mark.requirement("SM-021", "SM-033", "SM-048", "SM-058", "SM-061", "SM-023")
def test_an_ehr_launch_asks_the_reviewed_scopes_without_a_wildcard(app: Any) -> None:
    scopes = asked(app.browser().launched())["scope"].split()
    assert scopes == [
        *("launch", "openid", "fhirUser", "online_access"),
        *("patient/Patient.rs", "patient/Encounter.rs", "patient/Observation.rs"),
        *("patient/MedicationAdministration.rs", "patient/ImagingStudy.rs"),
        *("patient/DocumentReference.rs", "patient/DiagnosticReport.rs", "patient/Media.rs"),
        *("patient/Binary.rs", "user/Endpoint.rs"),
        *("patient/MedicationRequest.c", "patient/DeviceRequest.c", "patient/ServiceRequest.c"),
    ]
    assert not any("*" in each for each in scopes)
    assert all(each == each.lower() for each in scopes if each.startswith("launch"))


@pytest.mark.requirement("SM-049", "SM-050", "SM-061")
def test_a_server_of_smart_1_is_asked_in_its_own_form(app: Any) -> None:
    app.ehr.announced = {"capabilities": ["launch-ehr", "permission-offline"]}
    scopes = asked(app.browser().launched())["scope"].split()
    assert "patient/Observation.read" in scopes
    assert "patient/MedicationRequest.write" in scopes
    assert "offline_access" in scopes
    assert not [each for each in scopes if re.search(r"\.[cruds]+$", each)]


def test_the_scopes_of_one_ehr_may_be_its_own(assemble: Callable[..., Any], ehr: Any) -> None:
    app = assemble(ehr, scopes=("openid", "patient/Observation.rs?category=vital-signs"))
    scopes = asked(app.browser().launched())["scope"].split()
    assert scopes == ["launch", "openid", "patient/Observation.rs?category=vital-signs"]


@pytest.mark.requirement("SM-024", "SM-025")
def test_a_standalone_launch_asks_for_a_patient_and_sends_no_launch(
    assemble: Callable[..., Any], ehr: Any
) -> None:
    browser = assemble(ehr, standalone=True).browser()
    reply = browser.get(f"/launch/standalone?iss={FHIR}")
    found = asked(reply.headers["location"])
    assert "launch" not in found
    assert {"launch/patient", "launch/encounter"} <= set(found["scope"].split())
    assert "launch" not in found["scope"].split()


@pytest.mark.requirement("SM-024")
def test_an_ehr_that_is_not_registered_for_it_is_not_launched_standalone(app: Any) -> None:
    reply = app.browser().get(f"/launch/standalone?iss={FHIR}")
    assert reply.status_code == 400
    assert "from a patient&#x27;s chart" in reply.text
    assert not app.ehr.requests


@pytest.mark.requirement("SM-019")
@pytest.mark.parametrize(
    "query",
    [
        *("", f"iss={FHIR}", "launch=xyz", f"iss={FHIR}&launch=", "iss=&launch=xyz"),
        *(f"iss={FHIR}&iss={FHIR}&launch=x", f"iss={FHIR}&launch=x&launch=y"),
    ],
)
def test_a_missing_or_doubled_parameter_is_a_readable_page(app: Any, query: str) -> None:
    reply = app.browser().get(f"/launch?{query}")
    assert reply.status_code == 400
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>CardioTwin could not be opened</h1>" in reply.text
    assert not app.ehr.requests
    assert "set-cookie" not in reply.headers


@pytest.mark.requirement("SM-020")
@pytest.mark.parametrize(
    "iss",
    [
        "https://evil.example/fhir",
        "https://ehr.example.evil/fhir/r4",
        "https://ehr.example/fhir",
        "https://ehr.example/fhir/r4/../r4",
        "https://ehr.example/fhir/r4?x",
        "https://ehr.example/fhir/r4#",
        "https://EHR.example/fhir/r4@evil.example",
        "http://ehr.example/fhir/r4",
        "https://ehr.example:8443/fhir/r4",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "\u0000",
        "x" * 8_000,
    ],
    ids=range(14),
)
def test_an_unknown_ehr_is_refused_and_never_contacted(app: Any, iss: str) -> None:
    reply = app.browser().http.get("/launch", params={"iss": iss, "launch": "x"})
    assert reply.status_code == 400
    assert not app.ehr.requests
    assert "location" not in reply.headers


@pytest.mark.requirement("SM-032")
def test_a_long_request_is_posted_where_the_ehr_takes_that(app: Any) -> None:
    capabilities = [*app.ehr.configuration()["capabilities"], "authorize-post"]
    app.ehr.announced = {"capabilities": capabilities}
    launch = '"><script>alert(1)</script>' + "x" * 2_000
    reply = app.browser().http.get("/launch", params={"iss": FHIR, "launch": launch})
    assert reply.status_code == 200
    assert '<form method="post" action="https://ehr.example/authorize">' in reply.text
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', reply.text))
    assert set(fields) == {
        *("response_type", "client_id", "redirect_uri", "launch", "scope", "state", "aud"),
        *("nonce", "code_challenge", "code_challenge_method"),
    }
    assert "<script>alert" not in reply.text
    (nonce,) = re.findall(r'<script nonce="([^"]+)">', reply.text)
    assert f"script-src 'nonce-{nonce}'" in reply.headers["content-security-policy"]
    short = app.browser().http.get("/launch", params={"iss": FHIR, "launch": "x"})
    assert short.status_code == 303


@pytest.mark.requirement("SM-032")
def test_a_long_request_goes_into_the_address_where_the_ehr_takes_no_post(app: Any) -> None:
    url = app.browser().launched(launch="x" * 2_000)
    assert asked(url)["launch"] == "x" * 2_000


def test_an_endpoint_with_a_query_of_its_own_keeps_it(app: Any) -> None:
    app.ehr.announced = {"authorization_endpoint": "https://ehr.example/authorize?tenant=7"}
    found = parse_qs(urlsplit(app.browser().launched()).query)
    assert found["tenant"] == ["7"]
    assert found["response_type"] == ["code"]


@pytest.mark.requirement("SM-004", "SM-007")
def test_what_the_browser_keeps_of_a_launch_is_sealed(app: Any, launch_cookie: str) -> None:
    reply = app.browser().http.get("/launch", params={"iss": FHIR, "launch": "LAUNCH-CANARY"})
    given = reply.headers["set-cookie"]
    assert given.startswith(launch_cookie)
    assert given.endswith("; Max-Age=600; Path=/; Secure; HttpOnly; SameSite=None; Partitioned")
    assert len(given) < 2_500
    for text in (asked(reply.headers["location"])["state"], "CANARY", "ehr.example"):
        assert text not in given


def test_a_browser_that_starts_launch_after_launch_does_not_outgrow_its_cookies(
    app: Any, launch_cookie: str
) -> None:
    browser = app.browser()
    for _ in range(12):
        browser.launched()
    kept = [name for name in browser.http.cookies if name.startswith(launch_cookie)]
    assert len(kept) <= 4
    # The newest still works.
    reply = browser.get(app.ehr.authorize(browser.launched()))
    assert reply.status_code == 303
    assert "/app?session=" in reply.headers["location"]
