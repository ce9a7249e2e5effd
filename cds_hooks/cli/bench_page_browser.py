"""How soon the clinician's page stands in a browser: first paint, and the patient's own figures.

Chromium loads the page of a real launch at the sandbox EHR, over the loopback interface, again and
again with an empty cache. *Meaningful* is the paint in which the patient's state stands: the chart
was read and the twin recalled or fitted by then. Beside it, in the same browser, a page of words
that asks nothing.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from cds_hooks.cli.bench_hook import case_of
from cds_hooks.cli.demo import PATIENT, SMART_CLIENT, start

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SWITCHES: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
WARMING: Final = 2
SLOW_MS: Final = 60_000

PAINTED: Final = """() => new Promise((done) => {
  const sum = (entries) => entries.reduce((total, each) => total + (each.encodedBodySize || 0), 0);
  const loaded = () => performance.getEntriesByType("resource");
  let meaningful = null;
  const look = () => {
    const main = document.getElementById("main");
    if (main && main.getAttribute("aria-busy") === "true") return setTimeout(look, 4);
    requestAnimationFrame(() => setTimeout(() => { meaningful = performance.now(); painted(); }));
  };
  const painted = () => {
    // The browser writes its paints down a moment after they happened.
    const [first] = performance.getEntriesByName("first-contentful-paint");
    if (!first) return setTimeout(painted, 4);
    done({ first: first.startTime, meaningful,
      bytes: sum([...performance.getEntriesByType("navigation"), ...loaded()]),
      files: sum(loaded().filter((each) => each.name.includes("/static/"))) });
  };
  look();
})"""


def in_a_browser(loads: int) -> Mapping[str, Any] | str:
    """Return cases and peers in the shape of every bench, or why there are none."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return "Playwright is not installed: it comes with the development tools."
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        return "Chromium is not installed; 'make services' installs it."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*SWITCHES])
        try:
            return _measured(browser, loads)
        finally:
            browser.close()


def _measured(browser: Browser, loads: int) -> Mapping[str, Any]:
    from cds_hooks.cli.child_processes import Servers

    with tempfile.TemporaryDirectory() as name, Servers(Path(name)) as servers:
        addresses = start(servers, Path(name), 0)
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(SLOW_MS)
        opened = {"patient": PATIENT["patientId"], "encounter": PATIENT["encounterId"]}
        query = urlencode({"client": SMART_CLIENT, **opened})
        page.goto(f"{addresses.ehr}/launch-app?{query}")
        page.wait_for_url(f"{addresses.service}/app?session=*")
        url = page.url
        shown, plain = [], []
        for number in range(loads + WARMING):
            page.goto("about:blank")
            page.goto(url, wait_until="commit")
            found = page.evaluate(PAINTED)
            page.goto(f"{addresses.service}/documentation", wait_until="commit")
            peer = page.evaluate(PAINTED)
            if number >= WARMING:
                shown.append(found)
                plain.append(peer)
    return {
        "cases": {
            "page_first_paint": case_of([each["first"] for each in shown], 1),
            "page_meaningful_paint": case_of([each["meaningful"] for each in shown], 1),
        },
        "peers": {"page_of_words_first_paint": case_of([each["first"] for each in plain], 1)},
        "page_kb": round(max(each["bytes"] for each in shown) / 1000, 1),
        "page_files_kb": round(max(each["files"] for each in shown) / 1000, 1),
    }
