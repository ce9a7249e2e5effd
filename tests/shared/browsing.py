"""The machine's Chromium for tests, and what every page in it is held to.

May live here: fixtures that start a browser, listen to its console, judge a page by axe-core and
keep pictures of it. ``CARDIOTWIN_SCREENSHOTS`` names a folder for pictures, to be looked at.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Frame, Page

AXE = Path(__file__).parents[2] / ".services/axe/node_modules/axe-core/axe.min.js"

SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def missing(reason: str) -> None:
    """Skip, or fail where the real servers are required."""
    if os.environ.get("CARDIOTWIN_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Return the machine's Chromium.

    It lives for one module: Playwright's event loop, while it is there, is in the way of tests
    that run their own.
    """
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        missing("Chromium is not installed; 'make services' installs it.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*SWITCHES])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def violations() -> Callable[[Page | Frame], list[str]]:
    """Return what finds every rule of accessibility that a page or frame breaks, by axe-core.

    https://github.com/dequelabs/axe-core; every impact counts, not the serious ones alone.
    """

    def found(page: Page | Frame) -> list[str]:
        if not AXE.exists():
            missing("axe-core is not installed; 'make services' installs it.")
        page.evaluate(AXE.read_text("utf-8"))
        broken = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        return [
            f"{each['id']} ({each['impact']}): {node['html'][:160]}"
            for each in broken["violations"]
            for node in each["nodes"]
        ]

    return found


@pytest.fixture(scope="session")
def picture() -> Callable[[Page, str], None]:
    """Return what keeps a picture of the whole page, where pictures are wanted."""

    def kept(page: Page, name: str) -> None:
        folder = os.environ.get("CARDIOTWIN_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    return kept


@pytest.fixture(scope="session")
def listening() -> Callable[..., list[str]]:
    """Return what lists every error, warning and dialog of all pages of a context, as they come.

    A status that is expected is no fault: browsers write down every answer that is no success.
    """

    def begun(context: BrowserContext, expected: str | None = None) -> list[str]:
        faults: list[str] = []

        def told(line: Any) -> None:
            is_expected = expected is not None and f"status of {expected}" in line.text
            if line.type in ("error", "warning") and not is_expected:
                faults.append(line.text)

        context.on("console", told)
        context.on("weberror", lambda error: faults.append(str(error.error)))
        context.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
        return faults

    return begun
