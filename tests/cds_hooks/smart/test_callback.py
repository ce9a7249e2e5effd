"""What the browser brings back: a session, or a page that says why not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from cds_hooks.security.session import ContextItem
from cds_hooks.security.smart_registration import ClientKind

FHIR = "https://ehr.example/fhir/r4"


def refused(app: Any, reply: Any, words: str = "", status: int = 400) -> None:
    """Check that a page says so, that no code was spent and that no session began."""
    assert reply.status_code == status, reply.text
    assert "<h1>CardioTwin could not be opened</h1>" in reply.text
    assert words in reply.text
    assert "location" not in reply.headers
    assert "set-cookie" not in reply.headers
    assert not app.sessions._sealed


@pytest.mark.requirement("SM-036", "SM-037", "SM-039", "SM-052", "SM-058", "SM-059", "SM-060")
def test_a_launch_ends_in_a_session_of_the_patient_that_the_ehr_named(app: Any) -> None:
    browser = app.browser()
    reply = browser.get(app.ehr.authorize(browser.launched()))
    session = app.session_of(reply, browser)
    assert (session.patient_id, session.encounter_id) == ("p1", "e1")
    assert session.fhir_user == "Practitioner/7"
    assert session.grant.fhir_server == FHIR
    assert session.grant.access_token in app.ehr.access_tokens
    assert session.grant.expires_at == app.clock.now() + timedelta(seconds=300)
    assert session.refresh_token in app.ehr.refresh_tokens
    assert session.frame_ancestors == ("https://ehr.example",)
    (form,) = app.ehr.posts("/token")
    assert set(form) == {"grant_type", "code", "redirect_uri", "code_verifier", "client_id"}
    assert form["redirect_uri"] == "https://twin.example/callback"


@pytest.mark.requirement("SM-007", "SM-008")
def test_no_token_stands_in_an_address_or_a_cookie(app: Any) -> None:
    app.ehr.context = {"patient": "PATIENT-CANARY"}
    browser = app.browser()
    reply = browser.get(app.ehr.authorize(browser.launched()))
    session = app.session_of(reply, browser)
    assert reply.headers["location"] == f"/app?session={session.handle}"
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert reply.headers["cache-control"] == "no-store"
    for text in (session.grant.access_token, session.refresh_token, "CANARY"):
        assert text not in str(reply.headers)
        assert all(text not in value for value in browser.http.cookies.values())


@pytest.mark.requirement("SM-004")
@pytest.mark.attack("login forgery")
def test_an_answer_that_another_browser_asked_for_is_refused(app: Any) -> None:
    # Login forgery: the attacker begins a launch and makes the victim finish it.
    theirs = app.ehr.authorize(app.browser().launched())
    victim = app.browser()
    refused(app, victim.get(theirs), "This browser has not begun this launch")
    victim.launched()
    refused(app, victim.get(theirs), "This browser has not begun this launch")
    assert not app.ehr.posts("/token")


@pytest.mark.requirement("SM-004")
@pytest.mark.parametrize("change", ["", "x", "%00", "A" * 43, "&state=B", "\u00e9", "A" * 5_000])
@pytest.mark.attack("login forgery")
def test_a_wrong_state_meets_no_token_endpoint(app: Any, change: str) -> None:
    browser = app.browser()
    url = app.ehr.authorize(browser.launched())
    state = parse_qs(urlsplit(url).query)["state"][0]
    changed = url.replace(state, change if change != "&state=B" else state + change)
    refused(app, browser.get(changed))
    assert not app.ehr.posts("/token")


@pytest.mark.requirement("SM-004")
def test_an_answer_without_a_state_or_a_code_is_refused(app: Any) -> None:
    browser = app.browser()
    url = app.ehr.authorize(browser.launched())
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    for left_out in ("state", "code"):
        kept = {name: value for name, value in query.items() if name != left_out}
        refused(app, browser.http.get("/callback", params=kept))
    refused(app, browser.get("/callback"))
    assert not app.ehr.posts("/token")


@pytest.mark.requirement("SM-004")
@pytest.mark.attack("login forgery")
def test_a_launch_is_finished_once(app: Any) -> None:
    browser = app.browser()
    url = app.ehr.authorize(browser.launched())
    assert browser.get(url).status_code == 303
    again = browser.get(url)
    assert again.status_code == 400
    assert "finished before" in again.text
    assert len(app.ehr.posts("/token")) == 1


def test_a_launch_that_took_too_long_is_over(app: Any) -> None:
    browser = app.browser()
    url = app.ehr.authorize(browser.launched())
    app.clock.advance(600)
    refused(app, browser.get(url), "took too long")
    assert not app.ehr.posts("/token")


@pytest.mark.requirement("SM-004")
@pytest.mark.attack("login forgery")
def test_the_cookie_of_one_launch_does_not_finish_another(app: Any, launch_cookie: str) -> None:
    browser = app.browser()
    first, second = (app.ehr.authorize(browser.launched()) for _ in range(2))
    names = [name for name in browser.http.cookies if name.startswith(launch_cookie)]
    values = [browser.http.cookies[name] for name in names]
    for name, value in zip(names, reversed(values), strict=True):
        browser.http.cookies.set(name, value, domain="twin.example", path="/")
    swapped = app.browser()
    for name, value in zip(names, reversed(values), strict=True):
        swapped.http.cookies.set(name, value)
    for url in (first, second):
        refused(app, swapped.get(url), "This browser has not begun this launch")


def test_two_launches_of_one_browser_both_end_in_their_own_patient(app: Any) -> None:
    browser = app.browser()
    first, second = browser.launched(), browser.launched()
    app.ehr.context = {"patient": "p2"}
    later = app.session_of(browser.get(app.ehr.authorize(second)), browser)
    app.ehr.context = {"patient": "p1"}
    earlier = app.session_of(browser.get(app.ehr.authorize(first)), browser)
    assert (earlier.patient_id, later.patient_id) == ("p1", "p2")
    assert earlier.handle != later.handle


@pytest.mark.requirement("SM-034", "SM-005")
@pytest.mark.parametrize(
    "error", ["access_denied", "invalid_scope", "<script>alert(1)</script>", "x" * 4_000, ""]
)
@pytest.mark.attack("markup")
def test_an_error_of_the_ehr_is_told_in_our_own_words(app: Any, error: str) -> None:
    browser = app.browser()
    browser.launched()
    markup = "<img src=x onerror=alert(1)>"
    reply = browser.http.get(
        "/callback",
        params={"error": error, "error_description": markup, "error_uri": "https://evil.example"},
    )
    refused(app, reply, status=403)
    for text in ("<script>", "<img", "evil.example", "onerror"):
        assert text not in reply.text
    assert not app.ehr.posts("/token")


@pytest.mark.requirement("SM-004")
@pytest.mark.parametrize(
    "issuer", ["https://evil.example", FHIR + "/", "https://ehr.example", "", None]
)
@pytest.mark.attack("login forgery")
def test_an_answer_of_another_server_is_a_mix_up(app: Any, issuer: str | None) -> None:
    app.ehr.announced = {"authorization_response_iss_parameter_supported": True}
    browser = app.browser()
    url = app.ehr.authorize(browser.launched())
    changed = url.replace(f"&iss={FHIR}", "" if issuer is None else f"&iss={issuer}")
    refused(app, browser.get(changed))
    assert not app.ehr.posts("/token")
    assert browser.get(url).status_code == 303


def test_a_server_that_does_not_name_itself_in_the_answer_is_taken_where_it_announced_none(
    app: Any,
) -> None:
    browser = app.browser()
    url = app.ehr.authorize(browser.launched()).replace(f"&iss={FHIR}", "")
    assert browser.get(url).status_code == 303


@pytest.mark.requirement("SM-012", "SM-013")
def test_the_registered_routes_exist_and_their_neighbours_do_not(app: Any) -> None:
    browser = app.browser()
    for path in ("/launch", "/launch/standalone", "/callback"):
        assert browser.get(path).status_code == 400
    for path in ("/callback/", "/callback/x", "/smart/callback", "/Callback", "/launch/"):
        assert browser.get(path).status_code == 404
    assert app.launching.redirect_uri == "https://twin.example/callback"


@pytest.mark.requirement("SM-037", "SM-038", "SM-009")
def test_a_symmetric_client_sends_its_secret_by_basic_only(
    assemble: Callable[..., Any], scripted: Any, clock: Any
) -> None:
    app = assemble(scripted(clock, ClientKind.SYMMETRIC))
    app.launched()
    (form,) = app.ehr.posts("/token")
    assert set(form) == {"grant_type", "code", "redirect_uri", "code_verifier"}


@pytest.mark.requirement(
    "SM-037", "SM-038", "SM-009", "SM-043", "SM-044", "SM-045", "SM-046", "SM-047"
)
@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_an_asymmetric_client_signs_an_assertion_for_each_request(
    assemble: Callable[..., Any], scripted: Any, clock: Any, algorithm: str
) -> None:
    app = assemble(scripted(clock, ClientKind.ASYMMETRIC), algorithm=algorithm)
    app.launched()
    app.launched()
    forms = app.ehr.posts("/token")
    assert all("client_id" not in form and "client_secret" not in form for form in forms)
    assert len({form["client_assertion"] for form in forms}) == 2
    assert len(app.ehr.assertions_seen) == 2


@pytest.mark.requirement("SM-052")
@pytest.mark.attack("cross-patient read")
def test_the_patient_of_the_address_is_not_the_patient_of_the_session(app: Any) -> None:
    browser = app.browser()
    params = {"iss": FHIR, "launch": "x", "patient": "p9", "encounter": "e9"}
    begun = browser.http.get("/launch", params=params)
    back = app.ehr.authorize(begun.headers["location"])
    session = app.session_of(browser.get(back + "&patient=p9&encounter=e9"), browser)
    assert (session.patient_id, session.encounter_id) == ("p1", "e1")


@pytest.mark.requirement("SM-052")
@pytest.mark.parametrize("patient", ["-", "", "a/b", "p1&x=1", ["p1"], 7, "x" * 65, "p1 "])
def test_a_launch_without_a_patient_shows_nobody(app: Any, patient: Any) -> None:
    app.ehr.token_changes = {"patient": patient}
    browser = app.browser()
    refused(app, browser.get(app.ehr.authorize(browser.launched())))


@pytest.mark.requirement("SM-053", "SM-054", "SM-055", "SM-056", "SM-057")
def test_the_whole_launch_context_is_kept(app: Any) -> None:
    app.ehr.token_changes = {
        "need_patient_banner": False,
        "intent": "no-such-view",
        "tenant": "ward-3",
        "appContext": "7d5a1a6e",
        "smart_style_url": "https://ehr.example/style.json",
        "fhirContext": [
            {"reference": "ImagingStudy/123"},
            {"reference": "https://evil.example/Patient/1"},
            {"canonical": "https://ehr.example/q|1", "role": "questionnaire"},
            {"identifier": {"value": "A-1"}, "type": "Observation"},
            {"nothing": True},
            "text",
        ],
        "portal": {"theme": "<b>"},
    }
    session = app.launched()
    assert not session.need_patient_banner
    assert (session.intent, session.tenant) == ("no-such-view", "ward-3")
    assert session.app_context == "7d5a1a6e"
    assert session.style_url == "https://ehr.example/style.json"
    assert session.fhir_context == (
        ContextItem(reference="ImagingStudy/123", type="ImagingStudy", role="launch"),
        ContextItem(canonical="https://ehr.example/q|1", role="questionnaire"),
        ContextItem(identifier='{"value": "A-1"}', type="Observation"),
    )
    assert session.other_context == {"portal": '{"theme": "<b>"}'}


@pytest.mark.requirement("SM-054")
@pytest.mark.parametrize("said", ["-", True, None, "false", 0])
def test_the_banner_is_shown_unless_the_ehr_says_that_it_has_one(app: Any, said: Any) -> None:
    app.ehr.token_changes = {"need_patient_banner": said}
    assert app.launched().need_patient_banner


@pytest.mark.requirement("SM-056")
def test_a_style_of_another_server_is_not_taken(app: Any) -> None:
    for url in ("https://evil.example/style.json", "//evil.example", "javascript:1", 7):
        app.ehr.token_changes = {"smart_style_url": url}
        assert app.launched().style_url is None


@pytest.mark.requirement("SM-039")
@pytest.mark.parametrize("kind", ["bearer", "BEARER", "Bearer"])
def test_the_token_type_is_read_without_its_case(app: Any, kind: str) -> None:
    app.ehr.token_changes = {"token_type": kind}
    assert app.launched().grant.access_token is not None


@pytest.mark.parametrize(
    "changes",
    [
        *({"token_type": "mac"}, {"token_type": "-"}, {"access_token": "-"}),
        *({"access_token": ""}, {"access_token": "a b"}, {"access_token": "a\r\nX: y"}),
        {"access_token": 7},
    ],
    ids=str,
)
def test_what_is_no_bearer_token_is_refused(app: Any, changes: dict[str, Any]) -> None:
    app.ehr.token_changes = changes
    browser = app.browser()
    refused(app, browser.get(app.ehr.authorize(browser.launched())), "no bearer token")


@pytest.mark.requirement("SM-039", "SM-065")
def test_the_ehr_is_asked_how_long_a_token_lives_that_does_not_say_it(app: Any) -> None:
    app.ehr.token_changes = {"expires_in": "-"}
    session = app.launched()
    assert session.grant.expires_at == app.clock.now() + timedelta(seconds=1200)
    (asked,) = [each for each in app.ehr.requests if each.url.path == "/introspect"]
    assert asked.headers["authorization"] == f"Bearer {session.grant.access_token}"


@pytest.mark.requirement("SM-039")
def test_a_token_that_lives_nobody_knows_how_long_is_taken_for_five_minutes(app: Any) -> None:
    app.ehr.token_changes = {"expires_in": "-"}
    app.ehr.announced = {"introspection_endpoint": "-"}
    assert app.launched().grant.expires_at == app.clock.now() + timedelta(minutes=5)


@pytest.mark.requirement("SM-065")
def test_a_token_that_the_ehr_calls_inactive_or_anothers_opens_no_session(app: Any) -> None:
    app.ehr.token_changes = {"expires_in": "-", "patient": "p2"}
    browser = app.browser()
    refused(app, browser.get(app.ehr.authorize(browser.launched())), "another one")


def test_the_number_of_seconds_may_be_written_as_a_text(app: Any) -> None:
    app.ehr.token_changes = {"expires_in": "900"}
    assert app.launched().grant.expires_at == app.clock.now() + timedelta(seconds=900)


@pytest.mark.requirement("SM-040")
def test_a_narrower_scope_is_kept_as_it_was_given(app: Any) -> None:
    app.ehr.token_changes = {"scope": "launch openid patient/Patient.rs patient/Observation.rs"}
    session = app.launched()
    assert session.grant.scopes == {
        *("launch", "openid", "patient/Patient.rs", "patient/Observation.rs")
    }
    assert "patient/MedicationRequest.c" in session.scopes_refused()
    assert "patient/Observation.rs" not in session.scopes_refused()


@pytest.mark.requirement("SM-039")
def test_a_response_that_says_no_scope_gave_what_was_asked(app: Any) -> None:
    app.ehr.token_changes = {"scope": "-"}
    assert not app.launched().scopes_refused()


def test_without_a_refresh_token_the_session_ends_with_its_token(app: Any) -> None:
    app.ehr.token_changes = {"refresh_token": "-"}
    session = app.launched()
    assert session.expires_at == app.clock.now() + timedelta(seconds=300)


@pytest.mark.parametrize("status", [400, 401, 403, 500, 503])
def test_a_token_endpoint_that_refuses_or_fails_is_told_on_a_page(app: Any, status: int) -> None:
    app.ehr.fails["/token"] = status
    browser = app.browser()
    reply = browser.get(app.ehr.authorize(browser.launched()))
    refused(app, reply, status=400 if status < 500 else 502)
    assert "server_error" not in reply.text


def test_a_failed_discovery_is_told_on_a_page(app: Any) -> None:
    app.ehr.fails["/fhir/r4/.well-known/smart-configuration"] = 500
    reply = app.browser().http.get("/launch", params={"iss": FHIR, "launch": "x"})
    refused(app, reply, status=502)
