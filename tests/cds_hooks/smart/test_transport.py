"""Secrets travel to authenticated servers only, and nothing of them is written down."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from cds_hooks.errors import HostNotAllowed
from cds_hooks.fhir.rest_ehr import RestEhr
from cds_hooks.http.observation import log_as_json
from cds_hooks.ports import FhirQuery
from cds_hooks.security.egress import Egress
from cds_hooks.security.egress_transport import EgressTransport
from cds_hooks.security.scopes import queries_within, resource_scope
from cds_hooks.security.smart_registration import (
    BACKEND_SCOPES,
    SCOPES,
    SCOPES_OF_VERSION_1,
    ClientKind,
    SmartRegistration,
)

FHIR = "https://ehr.example/fhir/r4"


@pytest.mark.requirement("SM-068", "SM-001")
def test_a_connection_is_encrypted_with_tls_1_2_or_later_and_its_certificate_checked() -> None:
    async def nowhere(*_: Any) -> list[str]:
        return []

    async def context() -> Any:
        transport = EgressTransport(Egress(["https://ehr.example"]), nowhere)
        with pytest.raises(httpx2.ConnectError):
            await transport.handle_async_request(httpx2.Request("GET", "https://ehr.example/"))
        (pool,) = transport._pools.values()
        return pool._pool._ssl_context

    found = asyncio.run(context())
    assert found.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert found.verify_mode is ssl.CERT_REQUIRED
    assert found.check_hostname


@pytest.mark.requirement("SM-048", "SM-049", "SM-033", "SM-051")
def test_every_scope_that_is_asked_is_one_that_this_service_itself_reads_as_meant() -> None:
    for scope in (*SCOPES, *BACKEND_SCOPES):
        assert re.fullmatch(r"(patient|user|system)/[A-Z][A-Za-z]+\.c?r?u?d?s?", scope)
        assert resource_scope(scope) is not None
    for version_2, version_1 in zip(SCOPES, SCOPES_OF_VERSION_1, strict=True):
        new, old = resource_scope(version_2), resource_scope(version_1)
        assert new is not None
        assert old is not None
        assert new.resource_type == old.resource_type
        assert (new.read, new.search) == (old.read, old.search)
    narrow = "patient/Observation.rs?category=http://x|vital-signs&code=a%2Cb"
    (query,) = queries_within(FhirQuery("Observation?patient=p1"), [narrow])
    assert query.path == ("Observation?patient=p1&category=http://x|vital-signs&code=a%2Cb")


@pytest.mark.requirement("SM-048")
@pytest.mark.parametrize(
    ("scope", "valid"),
    [
        *((f"patient/Observation.{each}", True) for each in ("c", "rs", "cruds", "us", "rds")),
        *((f"patient/Observation.{each}", False) for each in ("sr", "rr", "x", "", "rsc", "RS")),
        *((each, False) for each in ("observation.rs", "group/Observation.rs", "patient/.rs")),
        *((each, True) for each in ("user/*.rs", "system/Patient.read", "patient/*.*")),
    ],
)
def test_scopes_are_read_in_their_order(scope: str, valid: bool) -> None:
    assert (resource_scope(scope) is not None) is valid


@pytest.mark.requirement("SM-011", "SM-041")
def test_the_token_goes_to_its_own_server_and_nowhere_else(app: Any) -> None:
    session = app.launched()
    sent: list[httpx2.Request] = []
    bundle = {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [{"relation": "next", "url": "https://evil.example/fhir/r4?page=2"}],
    }

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        stream = httpx2.ByteStream(json.dumps(bundle).encode())
        return httpx2.Response(200, headers={"Content-Type": "application/json"}, stream=stream)

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    ehr = RestEhr(http, app.clock)
    with pytest.raises(HostNotAllowed):
        asyncio.run(ehr.search(FhirQuery("Observation?patient=p1"), session.grant))
    (request,) = sent
    assert request.headers["authorization"] == f"Bearer {session.grant.access_token}"
    assert request.url.host == "ehr.example"


def test_the_gate_of_one_ehr_lets_nothing_through_to_another() -> None:
    mine = SmartRegistration(FHIR, "c", ClientKind.PUBLIC, servers=("https://login.example",))
    gate = mine.egress()
    for url in (f"{FHIR}/x", "https://login.example/token"):
        gate.check(url)
    for url in (
        *("https://other.example/token", "https://login.example.evil/", "http://login.example/"),
        *("https://login.example:444/", "https://ehr.example@evil.example/"),
    ):
        with pytest.raises(HostNotAllowed):
            gate.check(url)
        assert not mine.owns(url)


@pytest.mark.requirement("SM-005")
def test_five_hundred_markup_payloads_become_no_markup(app: Any) -> None:
    tags = ("script", "img src=x onerror=", "svg/onload=", "iframe src=javascript:", "a href=")
    breaks = ('"', "'", "</title>", "</p>", "--&gt;", "\\u0000", "`", "]]>", "%00", "\\r\\n")
    payloads = [f"{cut}<{tag}alert({n})>" for n in range(10) for tag in tags for cut in breaks]
    assert len(payloads) == 500
    browser = app.browser()
    for payload in payloads:
        quoted = quote(payload)
        for path in (
            f"/launch?iss={quoted}&launch=x",
            f"/callback?error={quoted}&error_description={quoted}&state={quoted}",
        ):
            page = browser.get(path)
            assert page.status_code in (400, 403)
            body = page.text.split("<main>")[1]
            assert set(re.findall(r"<(/?[a-zA-Z][a-zA-Z0-9]*)", body)) <= {
                *("h1", "/h1", "p", "/p", "/main", "/html")
            }
            assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.requirement("SM-008")
def test_no_log_line_of_a_whole_launch_holds_a_secret_or_a_patient(app: Any, capfd: Any) -> None:
    log_as_json("debug")
    app.ehr.context = {"patient": "PATIENT-CANARY", "encounter": "ENCOUNTER-CANARY"}
    browser = app.browser()
    session = app.launched(browser)
    app.ehr.fails["/revoke"] = 500
    asyncio.run(app.renewal.renewed(session))
    browser.get("/callback?error=ERROR-CANARY&state=STATE-CANARY")
    browser.http.post(
        f"/logout?session={session.handle}", headers={"Origin": "https://twin.example"}
    )
    written = "".join(capfd.readouterr())
    assert "token_not_revoked" in written
    for secret in (
        *("CANARY", "ACCESS-", "REFRESH-", session.secret, "Practitioner/7"),
        *(form.get("code_verifier", "CANARY") for form in app.ehr.posts("/token")),
    ):
        assert secret not in written
