"""Attacks on a launch: a login that is not one's own, a session known beforehand, a way out."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

FHIR = "https://ehr.example/fhir/r4"
NAMES = ("redirect_uri", "redirect", "next", "url", "target", "return", "to", "session")
ELSEWHERE = (
    *("https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example"),
    *("javascript:alert(1)", "data:text/html,x", "https:evil.example", "///evil.example"),
    *("https://ehr.example@evil.example", "/%2f/evil.example", "%0d%0aLocation: //evil.example"),
    *("https://twin.example.evil", "\x00//evil.example", "\t//evil.example"),
)


def nothing_began(app: Any, reply: Any) -> None:
    assert reply.status_code == 400, reply.text
    assert "location" not in reply.headers
    assert "set-cookie" not in reply.headers
    assert not app.sessions._sealed


@pytest.mark.requirement("SM-006")
@pytest.mark.attack("open redirect")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ELSEWHERE)
def test_nothing_in_the_address_chooses_where_the_browser_goes(
    app: Any, name: str, value: str
) -> None:
    browser = app.browser()
    begun = browser.http.get("/launch", params={"iss": FHIR, "launch": "x", name: value})
    assert begun.headers["location"].startswith("https://ehr.example/authorize?")
    assert "evil" not in begun.headers["location"]
    back = app.ehr.authorize(begun.headers["location"])
    extra = browser.http.get(f"/callback?{urlsplit(back).query}&{name}={quote(value)}")
    # What the EHR did not send makes the answer another one; or it is passed over.
    if extra.status_code == 303:
        assert extra.headers["location"].startswith("/app?session=")
        assert "evil" not in extra.headers["location"]
    else:
        assert extra.status_code == 400
        assert "location" not in extra.headers


FIXED = "AAAAAAAAAAAAAAAA"


@pytest.mark.requirement("SM-007")
@pytest.mark.attack("session fixation")
@pytest.mark.parametrize(
    "cookies",
    [
        {f"__Host-cardiotwin-{FIXED}": "B" * 43},
        {"__Host-cardiotwin-": "B" * 43},
        {"cardiotwin": FIXED, "session": FIXED},
        {f"__Host-cardiotwin-launch-{FIXED}": "B" * 200},
        {f"__Host-cardiotwin-launch-{n}": "B" for n in range(3)},
    ],
    ids=["a session's", "without a handle", "other names", "a launch's", "several launches'"],
)
@pytest.mark.parametrize("where", ["launch", "callback", "both"])
def test_a_session_is_never_one_that_somebody_knew_beforehand(
    app: Any, cookies: dict[str, str], where: str
) -> None:
    browser = app.browser()
    named = f"&session={FIXED}"
    for name, value in cookies.items():
        browser.http.cookies.set(name, value, domain="twin.example", path="/")
    given = named if where in ("launch", "both") else ""
    begun = browser.http.get(f"/launch?iss={FHIR}&launch=x{given}")
    back = app.ehr.authorize(begun.headers["location"])
    reply = browser.get(back)
    session = app.session_of(reply, browser)
    assert session.handle != FIXED
    assert session.secret not in cookies.values()
    assert FIXED not in reply.headers["location"]


@pytest.mark.requirement("SM-007")
@pytest.mark.attack("session fixation")
def test_two_launches_of_one_browser_share_neither_handle_nor_secret(app: Any) -> None:
    browser = app.browser()
    first, second = app.launched(browser), app.launched(browser)
    assert first.handle != second.handle
    assert first.secret != second.secret


def code_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["code"][0]


def state_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["state"][0]


@pytest.mark.requirement("SM-004", "SM-010")
@pytest.mark.attack("login forgery")
def test_a_code_of_another_launch_is_worth_nothing_with_ones_own_state(app: Any) -> None:
    # Code injection: PKCE binds the code to the launch that asked for it.
    attacker, victim = app.browser(), app.browser()
    stolen = app.ehr.authorize(attacker.launched())
    own = app.ehr.authorize(victim.launched())
    reply = victim.get(own.replace(code_of(own), code_of(stolen)))
    nothing_began(app, reply)


@pytest.mark.requirement("SM-004")
@pytest.mark.attack("login forgery")
@pytest.mark.parametrize(
    "change",
    [
        lambda state: state[:-1],
        lambda state: state + "A",
        lambda state: state.swapcase(),
        lambda state: state[::-1],
        lambda state: f" {state}",
        lambda state: f"{state}%00",
        lambda state: f"{state}&state={state}",
        lambda state: "",
    ],
    ids=["shorter", "longer", "case", "reversed", "space", "NUL", "twice", "empty"],
)
def test_a_state_that_is_not_the_launchs_own_logs_nobody_in(app: Any, change: Any) -> None:
    browser = app.browser()
    url = app.ehr.authorize(browser.launched())
    nothing_began(app, browser.get(url.replace(state_of(url), change(state_of(url)))))
    assert not app.ehr.posts("/token")


@pytest.mark.requirement("SM-004")
@pytest.mark.attack("login forgery")
@pytest.mark.parametrize("kept", [0, 10, 60, -1])
def test_a_launch_cookie_that_was_cut_or_changed_logs_nobody_in(
    app: Any, launch_cookie: str, kept: int
) -> None:
    browser = app.browser()
    url = app.ehr.authorize(browser.launched())
    (name,) = [each for each in browser.http.cookies if each.startswith(launch_cookie)]
    value = browser.http.cookies[name]
    changed = value[:kept] if kept >= 0 else value[:-1] + ("A" if value[-1] != "A" else "B")
    browser.http.cookies.clear()
    browser.http.cookies.set(name, changed, domain="twin.example", path="/")
    nothing_began(app, browser.get(url))
    assert not app.ehr.posts("/token")


@pytest.mark.requirement("SM-004")
@pytest.mark.attack("login forgery")
@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD"])
def test_no_other_method_finishes_a_launch(app: Any, method: str) -> None:
    browser = app.browser()
    url = app.ehr.authorize(browser.launched())
    reply = browser.http.request(method, url.removeprefix("https://twin.example"))
    assert reply.status_code == 405
    assert not app.sessions._sealed


@pytest.mark.attack("clickjacking")
@pytest.mark.parametrize(
    "path",
    [
        "/launch",
        "/launch?iss=https://evil.example&launch=x",
        "/launch/standalone",
        "/callback",
        "/callback?error=access_denied",
        "/callback?code=x&state=y",
    ],
)
def test_every_page_of_the_launch_may_be_framed_by_the_registered_ehr_alone(
    app: Any, path: str
) -> None:
    reply = app.browser().http.get(path, headers={"Accept": "text/html"})
    policy = reply.headers["content-security-policy"]
    (ancestors,) = re.findall(r"frame-ancestors ([^;]+)", policy)
    assert ancestors == "https://ehr.example"
