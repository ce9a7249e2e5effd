"""The app is opened from the sandbox EHR as from a hospital's: another site, real redirects."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from cds_hooks.cli.demo import service_settings
from cds_hooks.cli.demo_launch import Browsing, launched, logged_out

pytestmark = pytest.mark.xdist_group("chromium")

BLEEDING = {"patient": "bleeding", "encounter": "bleeding-stay"}


def view(demonstration: Any, browsing: Browsing, page: Any) -> Any:
    query = urlsplit(page.url).query
    service = demonstration.addresses.service
    return browsing.sent("GET", f"{service}/app/api/view?{query}", {"Accept": "application/json"})


@pytest.mark.requirement("SM-019", "SM-031", "SM-036", "SM-038", "SM-041", "SM-046", "SM-052")
def test_the_app_launches_at_a_strict_server_and_reads_its_patient(demonstration: Any) -> None:
    browsing = Browsing(demonstration.http)
    page = launched(browsing, demonstration.addresses.ehr, "cardiotwin", BLEEDING)
    assert page.status == 200
    assert [urlsplit(each).path for each in page.steps] == [
        *("/launch-app", "/launch", "/oauth/authorize", "/callback", "/app")
    ]
    read = view(demonstration, browsing, page)
    assert read.status_code == 200, read.text
    assert logged_out(browsing, demonstration.addresses.service, page)
    assert view(demonstration, browsing, page).status_code == 401


def test_another_browser_sees_nothing_with_the_same_address(demonstration: Any) -> None:
    mine = Browsing(demonstration.http)
    page = launched(mine, demonstration.addresses.ehr, "cardiotwin", BLEEDING)
    stranger = Browsing(demonstration.http)
    assert stranger.opened(page.url).status_code == 401
    assert view(demonstration, stranger, page).status_code == 401
    # Nor does a browser with a session of its own.
    septic = launched(stranger, demonstration.addresses.ehr, "cardiotwin", {"patient": "septic"})
    assert septic.status == 200
    assert stranger.opened(page.url).status_code == 401
    assert view(demonstration, mine, page).status_code == 200


@pytest.mark.requirement("SM-024", "SM-025")
def test_the_app_opens_without_the_ehr_having_chosen_a_patient(demonstration: Any) -> None:
    ehr, service = demonstration.addresses.ehr, demonstration.addresses.service
    browsing = Browsing(demonstration.http)
    choice = browsing.opened(f"{service}/launch/standalone?iss={ehr}/fhir")
    (link,) = re.findall(r'href="(/oauth/choose\?[^"]*patient=septic)"', choice.text)
    page = browsing.opened(ehr + link.replace("&amp;", "&"))
    assert page.status_code == 200
    assert urlsplit(str(page.url)).path == "/app"


@pytest.mark.requirement("SM-014", "SM-066")
def test_whoever_registers_the_app_can_ask_whether_it_is_ready(demonstration: Any) -> None:
    # The running service publishes the keys with which this second process signs.
    folder = demonstration.folder / "data"
    settings = service_settings(demonstration.addresses, folder)

    def asked(**changes: str) -> tuple[int, Any]:
        command = [sys.executable, "-m", "cds_hooks.cli", "smart-check", "--json"]
        environment = os.environ | settings | changes
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        return done.returncode, json.loads(done.stdout)["ehrs"]

    status, (found,) = asked()
    assert (status, found["ready"]) == (0, True)
    assert "system/Observation.rs" in found["backend_scopes"]
    ehrs = settings["CARDIOTWIN_SMART_EHRS"].replace("/fhir", "/nothing-here")
    status, (found,) = asked(CARDIOTWIN_SMART_EHRS=ehrs)
    assert (status, found["ready"]) == (1, False)
    assert "404" in found["why_not"]


@pytest.fixture
def window(chromium: Browser) -> Iterator[Page]:
    with chromium.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        yield page


@pytest.mark.service("chromium")
@pytest.mark.requirement("SM-007", "SM-057")
def test_a_cards_link_opens_the_patients_twin_in_a_new_tab(
    demonstration: Any, window: Page
) -> None:
    window.goto(demonstration.addresses.ehr)
    window.locator("#open-bleeding").click()
    link = window.get_by_role("link", name="Open the patient's twin").first
    expect(link).to_be_visible(timeout=60_000)
    assert "appContext=" in str(link.get_attribute("href"))
    with window.context.expect_page() as opened:
        link.click()
    tab = opened.value
    tab.wait_for_url(f"{demonstration.addresses.service}/app?session=*")
    assert urlsplit(tab.url).netloc != urlsplit(window.url).netloc
    assert list(parse_qs(urlsplit(tab.url).query)) == ["session"]
    tab.close()


@pytest.mark.service("chromium")
@pytest.mark.requirement("SM-007")
def test_the_portal_shows_the_twin_in_a_frame_of_another_site(
    demonstration: Any, window: Page
) -> None:
    window.goto(f"{demonstration.addresses.ehr}/portal")
    window.locator("#open-bleeding").click()
    frame = window.frame_locator("iframe.app-frame")
    expect(frame.locator("h1").first).to_be_visible(timeout=60_000)
    inner = next(each for each in window.frames if "/app?session=" in each.url)
    assert inner.url.startswith("http://127.0.0.1:")
    assert window.url.startswith("http://localhost:")
    # The cookie inside the frame is the portal's alone: the same address opens nothing elsewhere.
    answer = window.context.new_page().goto(inner.url)
    assert answer is not None
    assert answer.status == 401


@pytest.mark.service("chromium")
def test_no_other_site_may_frame_the_app(demonstration: Any, window: Page) -> None:
    service = demonstration.addresses.service
    browsing = Browsing(demonstration.http)
    session = launched(browsing, demonstration.addresses.ehr, "cardiotwin", BLEEDING)
    shown = (session.url, f"{service}/launch", f"{service}/callback", f"{service}/documentation")
    frames = "".join(f'<iframe src="{each}"></iframe>' for each in shown).encode()

    class Evil(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(frames)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Evil) as evil:
        threading.Thread(target=evil.serve_forever, daemon=True).start()
        window.goto(f"http://localhost:{evil.server_address[1]}/")
        window.wait_for_load_state("networkidle")
        seen = [each.url for each in window.frames[1:]]
        evil.shutdown()
    assert len(seen) == len(shown)
    assert all(each.startswith("chrome-error:") for each in seen), seen
