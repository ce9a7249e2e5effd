"""The sandbox's authorization server is strict: what SMART forbids an app, it refuses."""

from __future__ import annotations

import base64
import secrets
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from starlette.testclient import TestClient

from sandbox_ehr.app import Settings, create_app
from sandbox_ehr.smart_clients import ASSERTION_TYPE, SmartClient

EHR = "http://localhost:8001"
FHIR = f"{EHR}/fhir"
APP = "http://127.0.0.1:8000"
SCOPE = "launch openid fhirUser online_access patient/Observation.rs patient/MedicationRequest.c"
VERIFIER = "v" * 43
KEY = ECKey.generate_key("P-384", {"kid": "app-1", "alg": "ES384", "use": "sig"})


def challenge(verifier: str = VERIFIER) -> str:
    digest = sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Site:
    """The sandbox with three registered apps, and a clock that a test may move."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

        async def key_set(_: str) -> Any:
            return {"keys": [KEY.as_dict(private=False)]}

        clients = [
            SmartClient(name, kind, (f"{APP}/callback",), f"{APP}/launch", **more)  # type: ignore[arg-type]
            for name, kind, more in (
                ("open-app", "public", {}),
                ("secret-app", "symmetric", {"secret": "s e/cret"}),
                (
                    "cardiotwin",
                    "asymmetric",
                    {
                        "key_set_url": f"{APP}/.well-known/jwks.json",
                        "backend_scopes": frozenset({"system/Observation.rs"}),
                    },
                ),
            )
        ]
        settings = Settings(
            EHR, f"{APP}/cds-services", "http://x/dicom", smart_clients=tuple(clients)
        )
        self.app: FastAPI = create_app(settings, lambda: self.at, key_set)
        self.http = TestClient(self.app, EHR, follow_redirects=False)

    def launch(self, client: str = "open-app", **more: str) -> str:
        """Open an app on the bleeding patient; return ``launch``."""
        params = {"client": client, "patient": "bleeding", **more}
        reply = self.http.get("/launch-app", params=params)
        found = parse_qs(urlsplit(reply.headers["location"]).query)
        assert found["iss"] == [FHIR]
        return found["launch"][0]

    def request(self, client: str = "open-app", **changes: str) -> dict[str, str]:
        members = {
            "response_type": "code",
            "client_id": client,
            "redirect_uri": f"{APP}/callback",
            "scope": SCOPE,
            "state": "S",
            "aud": FHIR,
            "nonce": "N",
            "launch": "-",
            "code_challenge": challenge(),
            "code_challenge_method": "S256",
        } | changes
        if members["launch"] == "-" and "launch" in members["scope"].split():
            members["launch"] = self.launch(client)
        return {name: value for name, value in members.items() if value != "-"}

    def authorize(self, **changes: str) -> dict[str, str]:
        """Return what the browser is sent back with."""
        reply = self.http.get("/oauth/authorize", params=self.request(**changes))
        assert reply.status_code == 303, reply.text
        assert reply.headers["location"].startswith(f"{APP}/callback?")
        return dict(parse_qsl(urlsplit(reply.headers["location"]).query))

    def token(self, code: str, **changes: str) -> Any:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": f"{APP}/callback",
            "code_verifier": VERIFIER,
            "client_id": "open-app",
        } | changes
        kept = {name: value for name, value in form.items() if value != "-"}
        return self.http.post("/oauth/token", data=kept)

    def granted(self, **changes: str) -> Any:
        return self.token(self.authorize(**changes)["code"]).json()

    def fhir(self, token: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        if body is None:
            return self.http.get(f"/fhir/{path}", headers=headers)
        return self.http.post(f"/fhir/{path}", json=body, headers=headers)

    def assertion(self, **changes: Any) -> str:
        now = int(self.at.timestamp())
        claims = {
            "iss": "cardiotwin",
            "sub": "cardiotwin",
            "aud": f"{EHR}/oauth/token",
            "exp": now + 240,
            "jti": secrets.token_hex(8),
        } | changes
        header = {"alg": "ES384", "kid": "app-1", "typ": "JWT"}
        return jwt.encode(header, claims, KEY, algorithms=["ES384"])


@pytest.fixture
def site() -> Site:
    return Site()


def refused(reply: Any, code: str) -> None:
    assert reply.status_code in (400, 401), reply.text
    assert reply.json()["error"] == code
    assert reply.headers["cache-control"] == "no-store"


def test_a_launch_gives_the_patient_the_user_and_the_context(site: Site) -> None:
    launch = site.launch(appContext="card-7", banner="no")
    body = site.token(site.authorize(launch=launch)["code"]).json()
    assert (body["patient"], body["encounter"]) == ("bleeding", "bleeding-stay")
    assert body["appContext"] == "card-7"
    assert body["need_patient_banner"] is False
    assert all(each["reference"].startswith("ImagingStudy/") for each in body["fhirContext"])
    assert body["scope"] == SCOPE
    keys = KeySet.import_key_set(site.http.get("/oauth/jwks.json").json())
    claims = jwt.decode(body["id_token"], keys, algorithms=["RS256"]).claims
    assert claims["fhirUser"] == f"{FHIR}/Practitioner/sandbox-clinician"
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (FHIR, "open-app", "N")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"state": "-"}, "invalid_request"),
        ({"aud": "https://other.example/fhir"}, "invalid_request"),
        ({"aud": "-"}, "invalid_request"),
        ({"code_challenge": "-"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "-"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"launch": "made-up"}, "invalid_request"),
        ({"scope": "patient/Observation.rs", "launch": "-"}, "invalid_scope"),
    ],
    ids=str,
)
def test_a_request_that_lacks_something_is_sent_back_with_an_error(
    site: Site, changes: dict[str, str], error: str
) -> None:
    answer = site.authorize(**changes)
    assert answer["error"] == error
    assert "code" not in answer
    assert answer["iss"] == FHIR


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "stranger"},
        {"client_id": "-"},
        *({"redirect_uri": each} for each in ("https://evil.example", f"{APP}/callback/x", "-")),
        *({"redirect_uri": each} for each in (f"{APP}/callback?x=1", f"{APP}/Callback")),
    ],
    ids=str,
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(
    site: Site, changes: dict[str, str]
) -> None:
    reply = site.http.get("/oauth/authorize", params=site.request() | changes)
    assert reply.status_code == 400
    assert "location" not in reply.headers


def test_a_launch_and_a_code_are_used_once_and_not_for_long(site: Site) -> None:
    launch = site.launch()
    code = site.authorize(launch=launch)["code"]
    assert site.authorize(launch=launch)["error"] == "invalid_request"
    first = site.token(code).json()
    assert site.fhir(first["access_token"], "Observation?patient=bleeding").status_code == 200
    refused(site.token(code), "invalid_grant")
    # The thief and the owner of the code both lose what it gave.
    assert site.fhir(first["access_token"], "Observation?patient=bleeding").status_code == 401
    late = site.authorize()["code"]
    site.at += timedelta(minutes=1)
    refused(site.token(late), "invalid_grant")
    old = site.launch()
    site.at += timedelta(minutes=5)
    assert site.authorize(launch=old)["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": "-"}, "invalid_grant"),
        ({"redirect_uri": f"{APP}/other"}, "invalid_grant"),
        ({"client_id": "stranger"}, "invalid_client"),
        ({"client_id": "-"}, "invalid_client"),
        ({"client_id": "secret-app"}, "invalid_client"),
        ({"client_id": "cardiotwin"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
    ids=str,
)
def test_a_code_is_given_to_its_own_client_with_its_own_verifier_only(
    site: Site, changes: dict[str, str], error: str
) -> None:
    refused(site.token(site.authorize()["code"], **changes), error)


def test_a_refresh_token_works_once_and_never_for_more(site: Site) -> None:
    body = site.granted()

    def refresh(token: str, **more: str) -> Any:
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "open-app"}
        return site.http.post("/oauth/token", data=form | more)

    second = refresh(body["refresh_token"])
    assert second.status_code == 200
    assert second.json()["patient"] == "bleeding"
    refused(refresh(body["refresh_token"]), "invalid_grant")
    wider = refresh(second.json()["refresh_token"], scope=SCOPE + " patient/Patient.rs")
    refused(wider, "invalid_scope")


def test_no_refresh_token_is_given_unasked(site: Site) -> None:
    body = site.granted(scope="launch patient/Observation.rs")
    assert "refresh_token" not in body
    assert "id_token" not in body


def test_wildcards_and_constraints_are_not_granted(site: Site) -> None:
    asked = "launch patient/*.rs user/*.cruds system/Observation.rs patient/Observation.rs?a=b"
    body = site.granted(scope=f"{asked} patient/Observation.sr patient/Observation.rs")
    assert body["scope"] == "launch patient/Observation.rs"


def test_a_token_reads_and_writes_what_its_scopes_name_and_nothing_else(site: Site) -> None:
    token = site.granted()["access_token"]
    order = {
        "resourceType": "MedicationRequest",
        "status": "draft",
        "intent": "proposal",
        "subject": {"reference": "Patient/bleeding"},
    }
    assert site.fhir(token, "Observation?patient=bleeding").status_code == 200
    assert site.fhir(token, "MedicationRequest", order).status_code == 201
    for path in ("Observation?patient=septic", "Patient/bleeding", "Encounter?patient=bleeding"):
        assert site.fhir(token, path).status_code == 403
    assert site.fhir(token, "MedicationRequest?patient=bleeding").status_code == 403
    other = order | {"subject": {"reference": "Patient/septic"}}
    nobody = {name: value for name, value in order.items() if name != "subject"}
    for body in (other, nobody):
        assert site.fhir(token, "MedicationRequest", body).status_code == 403
    service = order | {"resourceType": "ServiceRequest"}
    assert site.fhir(token, "ServiceRequest", service).status_code == 403
    headers = {"Authorization": f"Bearer {token}"}
    put = site.http.put("/fhir/MedicationRequest/x", json=order | {"id": "x"}, headers=headers)
    assert put.status_code == 403
    assert site.http.delete("/fhir/Observation/x", headers=headers).status_code == 403
    site.at += timedelta(minutes=5)
    assert site.fhir(token, "Observation?patient=bleeding").status_code == 401


def test_a_secret_is_taken_by_basic_only(site: Site) -> None:
    code = site.authorize(client_id="secret-app", launch=site.launch("secret-app"))["code"]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": f"{APP}/callback",
        "code_verifier": VERIFIER,
    }

    def with_secret(secret: str, **more: str) -> Any:
        pair = base64.b64encode(f"secret-app:{secret}".encode()).decode()
        return site.http.post(
            "/oauth/token", data=form | more, headers={"Authorization": f"Basic {pair}"}
        )

    refused(with_secret("wrong"), "invalid_client")
    refused(with_secret("s%20e%2Fcret", client_id="secret-app"), "invalid_client")
    in_body = form | {"client_id": "secret-app", "client_secret": "s e/cret"}
    refused(site.http.post("/oauth/token", data=in_body), "invalid_client")
    assert with_secret("s%20e%2Fcret").status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        *({"iss": "other"}, {"sub": "other"}, {"aud": EHR}, {"aud": [f"{EHR}/oauth/token"]}),
        *({"exp": 0}, {"exp": 4_000_000_000}, {"jti": ""}, {"jti": 7}, {"exp": "soon"}),
    ],
    ids=str,
)
def test_an_assertion_with_a_wrong_claim_is_refused(site: Site, changes: dict[str, Any]) -> None:
    form = {
        "grant_type": "client_credentials",
        "scope": "system/Observation.rs",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": site.assertion(**changes),
    }
    refused(site.http.post("/oauth/token", data=form), "invalid_client")


def test_a_backend_service_gets_its_own_scopes_with_an_assertion_of_one_use(site: Site) -> None:
    form = {
        "grant_type": "client_credentials",
        "scope": "system/Observation.rs system/Patient.rs patient/Observation.rs",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": site.assertion(),
    }
    reply = site.http.post("/oauth/token", data=form)
    body = reply.json()
    assert body["scope"] == "system/Observation.rs"
    assert not {"refresh_token", "id_token", "patient"} & body.keys()
    for patient in ("bleeding", "septic"):
        path = f"Observation?patient={patient}"
        assert site.fhir(body["access_token"], path).status_code == 200
    assert site.fhir(body["access_token"], "Patient/bleeding").status_code == 403
    refused(site.http.post("/oauth/token", data=form), "invalid_client")
    form |= {"client_assertion": site.assertion(), "scope": "system/Patient.rs"}
    refused(site.http.post("/oauth/token", data=form), "invalid_scope")


def test_introspection_and_revocation_are_for_the_tokens_own_client(site: Site) -> None:
    token = site.granted()["access_token"]
    url, own = "/oauth/introspect", {"Authorization": f"Bearer {token}"}
    assert site.http.post(url, data={"token": token}).status_code == 401
    body = site.http.post(url, data={"token": token}, headers=own).json()
    assert body["active"] is True
    assert (body["client_id"], body["patient"]) == ("open-app", "bleeding")
    assert site.http.post(url, data={"token": "x"}, headers=own).json() == {"active": False}
    form = {"token": token, "client_id": "open-app"}
    assert site.http.post("/oauth/revoke", data={"token": token}).status_code == 401
    assert site.http.post("/oauth/revoke", data=form).status_code == 200
    assert site.fhir(token, "Observation?patient=bleeding").status_code == 401


def test_a_standalone_launch_lets_the_user_choose_and_the_choice_counts_once(site: Site) -> None:
    scope = "launch/patient launch/encounter patient/Observation.rs"
    reply = site.http.get("/oauth/authorize", params=site.request(scope=scope))
    assert reply.status_code == 200
    links = [part.split('"')[0].replace("&amp;", "&") for part in reply.text.split('href="')[1:]]
    choice = next(each for each in links if "patient=septic" in each)
    back = site.http.get(choice)
    code = parse_qs(urlsplit(back.headers["location"]).query)["code"][0]
    body = site.token(code).json()
    assert (body["patient"], body["encounter"]) == ("septic", "septic-stay")
    assert site.http.get(choice).status_code == 400


def test_a_doubled_member_and_a_body_that_is_no_form_are_refused(site: Site) -> None:
    form = urlencode([("grant_type", "refresh_token"), ("grant_type", "refresh_token")])
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    refused(site.http.post("/oauth/token", content=form, headers=headers), "invalid_request")
    refused(site.http.post("/oauth/token", json={"client_id": "open-app"}), "invalid_request")


def test_the_configuration_announces_what_there_is(site: Site) -> None:
    body = site.http.get("/fhir/.well-known/smart-configuration").json()
    for name in ("token_endpoint", "introspection_endpoint", "revocation_endpoint"):
        path = body[name].removeprefix(EHR)
        assert site.http.post(path).status_code in (400, 401)
    assert body["code_challenge_methods_supported"] == ["S256"]
    opened = site.http.get("/fhir/.well-known/openid-configuration").json()
    assert opened["issuer"] == body["issuer"] == FHIR


def test_an_unregistered_app_is_not_opened(site: Site) -> None:
    params = {"client": "stranger", "patient": "bleeding"}
    assert site.http.get("/launch-app", params=params).status_code == 400
    params = {"client": "open-app", "patient": "nobody"}
    assert site.http.get("/launch-app", params=params).status_code == 404
