"""Who gets the page: its own session's browser, from the page itself, framed by its own EHR."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from fastapi.routing import APIRoute

from cds_hooks.http.page import FOLDER, static_files

if TYPE_CHECKING:
    from tests.cds_hooks.page.conftest import Site

GUARDED = (
    *("/app", "/app/api/view", "/app/api/releases", "/app/api/events"),
    *("/app/api/readings", "/app/api/readings/picture"),
)
POSTED = ("/app/api/simulations", "/app/api/proposals")
BUDGET_BYTES = 500_000


@pytest.mark.parametrize("path", GUARDED)
def test_nothing_is_answered_without_a_session(site: Site, path: str) -> None:
    answer = site.get(path, None)
    assert answer.status_code == 401
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", POSTED)
def test_nothing_is_done_without_a_session(site: Site, path: str) -> None:
    assert site.post(path, None, {}).status_code == 401


def test_no_route_of_the_page_is_missing_above(site: Site) -> None:
    """A route that is added and forgotten here would be tried by no test of the door."""
    paths = {
        (route.path, method)
        for included in site.application.routes
        for route in getattr(included, "original_router", site.application).routes
        if isinstance(route, APIRoute) and route.path.startswith("/app")
        for method in route.methods or ()
    }
    open_to_all = {("/app/static/{path:path}", "GET")}
    guarded = {(path, "GET") for path in GUARDED} | {(path, "POST") for path in POSTED}
    assert paths == guarded | open_to_all


def test_a_session_of_another_browser_opens_nothing(site: Site) -> None:
    mine = site.launched("stable", handle="mine", secret="my-secret")
    theirs = site.launched("septic", handle="theirs", secret="their-secret")
    answer = site.http.get(
        f"/app/api/view?session={theirs.handle}",
        headers={"Cookie": f"__Host-cardiotwin-{theirs.handle}={mine.secret}"},
    )
    assert answer.status_code == 401
    other_cookie = site.http.get(
        f"/app/api/view?session={theirs.handle}",
        headers={"Cookie": f"__Host-cardiotwin-{mine.handle}={mine.secret}"},
    )
    assert other_cookie.status_code == 401


def test_an_expired_session_is_over(site: Site) -> None:
    session = site.launched("stable", handle="old")
    site.clock.at += timedelta(hours=9)
    try:
        answer = site.get("/app/api/view", session)
    finally:
        site.clock.at -= timedelta(hours=9)
    assert answer.status_code == 401


def test_two_charts_open_in_one_browser_keep_their_patients(site: Site) -> None:
    cookies = "; ".join(
        f"__Host-cardiotwin-{each.handle}={each.secret}"
        for each in (site.launched("stable"), site.launched("bleeding"))
    )
    for patient, name in (("bleeding", "Tomas Redmond"), ("stable", None)):
        url = f"/app/api/view?session=h-{patient}"
        view = site.http.get(url, headers={"Cookie": cookies}).json()
        assert (view["banner"]["name"] == "Tomas Redmond") is (name is not None)


def test_a_person_without_a_session_reads_how_to_open_the_page(site: Site) -> None:
    answer = site.http.get("/app", headers={"Accept": "text/html"})
    assert answer.status_code == 401
    assert "chart in your EHR" in answer.text


def test_the_page_runs_nothing_but_its_own_files_and_becomes_no_markup(site: Site) -> None:
    answer = site.get("/app", site.launched("stable"))
    policy = dict(
        part.strip().partition(" ")[::2]
        for part in answer.headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert policy["trusted-types"] == "'none'"
    assert answer.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=|https?:", answer.text)


def test_only_the_registered_ehr_may_frame_the_page(site: Site) -> None:
    ancestors = ("https://ehr.example", "https://portal.ehr.example")
    answer = site.get("/app", site.launched("stable", frame_ancestors=ancestors))
    policy = answer.headers["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors https://ehr.example https://portal.ehr.example")


def test_no_log_line_knows_the_patient_or_the_key(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    session = site.launched("bleeding", handle="canary-handle", secret="canary-secret")
    view = site.get("/app/api/view", session)
    items = [{"kind": "oxygen", "percent": 12}]
    body = {"plans": [{"name": "canary-plan", "items": items}]}
    site.post("/app/api/simulations", session, body)
    site.post("/app/api/proposals", session, {"plan": {"name": "canary-plan", "items": items}})
    site.get("/app", session)
    logged = "".join(capsys.readouterr())
    assert logged.count('"route": "/app') == 4
    banner = view.json()["banner"]
    canaries = (banner["name"], banner["identifier"].split()[-1], banner["birth_date"])
    for canary in (*canaries, "canary", "token", "bleeding"):
        assert canary not in logged


def test_static_files_are_open_to_all_and_hold_nothing_of_a_patient(site: Site) -> None:
    page = (FOLDER / "index.html").read_text()
    linked = re.findall(r'(?:src|href)="(app/static/[^"]+)"', page)
    assert len(linked) == 4
    for path in [*linked, *(f"app/static/{name}" for name in static_files())]:
        answer = site.http.get(f"/{path}")
        assert answer.status_code == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (
        site.http.get("/app/static/main.js").headers["content-type"].startswith("text/javascript")
    )


@pytest.mark.parametrize(
    "path",
    [
        "index.html",
        "../page.py",
        "..%2f..%2fapp.py",
        "%2e%2e/http/page.py",
        "vendor/uplot/SOURCE.md",
        "/etc/passwd",
        "",
        "main.js/../../__init__.py",
    ],
)
def test_nothing_else_is_served_as_a_file(site: Site, path: str) -> None:
    assert site.http.get(f"/app/static/{path}").status_code == 404


def test_the_whole_page_stays_light() -> None:
    sent = sum(len(content) for content, _ in static_files().values())
    sent += (FOLDER / "index.html").stat().st_size
    assert sent <= BUDGET_BYTES


def test_the_drawing_library_is_the_published_one() -> None:
    vendored = FOLDER / "vendor" / "uplot"
    stated = dict(
        re.findall(
            r"^\| (uPlot\S+) \| ([0-9a-f]{64}) \|$", (vendored / "SOURCE.md").read_text(), re.M
        )
    )
    assert len(stated) == 2
    for name, digest in stated.items():
        assert hashlib.sha256((vendored / name).read_bytes()).hexdigest() == digest
    assert "MIT License" in (vendored / "LICENSE").read_text()


def test_no_file_of_ours_makes_markup_of_text() -> None:
    dangerous = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|"
        r"DOMParser|createContextualFragment|srcdoc|localStorage|sessionStorage"
    )
    for name, (content, _) in static_files().items():
        if not name.startswith("vendor/"):
            assert not dangerous.search(content.decode()), name
