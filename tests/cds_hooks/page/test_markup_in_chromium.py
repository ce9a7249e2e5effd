"""Every text that an EHR controls, hostile: the page shows it as text, in a real browser.

The page is opened once with every payload in its patient's chart; then each payload is looked for.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from markup_payloads import PAYLOADS, poisoned
from playwright.sync_api import Browser, expect

from cds_hooks.cards.wording import plain
from cds_hooks.fhir.wording import quoted

pytestmark = [
    pytest.mark.service("chromium"),
    pytest.mark.xdist_group("chromium"),
]

ALIVE = ", ".join(
    f"main {tag}"
    for tag in (
        *("script", "img", "svg", "iframe", "a", "style", "link", "base", "form", "object"),
        *("video", "audio", "embed", "template", "math", "marquee", "meta", "noscript", "body"),
    )
)
"""Elements that the page itself never makes inside ``main``."""


@dataclass(frozen=True)
class Opened:
    """What the opened page held."""

    text: str
    alive: int
    ran: object
    asked: tuple[str, ...]
    """Every address that the page requested."""
    replaced: int
    """How many texts of the chart were replaced."""


@pytest.fixture(scope="module", params=["bleeding", "almost-no-data"])
def opened(
    request: Any,
    chromium: Browser,
    tmp_path_factory: pytest.TempPathFactory,
    on_a_port: Callable[..., Any],
    opener: Callable[..., Any],
    picture: Any,
) -> Iterator[Opened]:
    replaced = itertools.count()

    def counted() -> Iterator[str]:
        for payload in itertools.cycle(PAYLOADS):
            next(replaced)
            yield payload

    source = counted()
    folder = tmp_path_factory.mktemp("poisoned")
    with (
        on_a_port(folder, lambda bundle: poisoned(bundle, source)) as (site, port),
        opener(chromium, site, port) as open_page,
    ):
        asked: list[str] = []
        page = open_page(request.param)
        page.on("request", lambda sent: asked.append(sent.url))
        page.locator("#provenance").evaluate("(drawer) => { drawer.open = true; }")
        expect(page.locator("#provenance")).to_contain_text("source attributes")
        picture(page, f"poisoned-{request.param}")
        asked += page.evaluate("performance.getEntriesByType('resource').map((each) => each.name)")
        yield Opened(
            page.locator("body").text_content() or "",
            page.evaluate("(alive) => document.querySelectorAll(alive).length", ALIVE),
            page.evaluate("window.hacked ?? null"),
            tuple(url for url in asked if not url.startswith(f"http://127.0.0.1:{port}/")),
            next(replaced),
        )


@pytest.mark.attack("markup")
@pytest.mark.parametrize("payload", PAYLOADS)
def test_the_page_shows_the_words_of_an_ehr_as_words(opened: Opened, payload: str) -> None:
    assert plain(quoted(payload, 80), 120) in opened.text
    assert (opened.alive, opened.ran, opened.asked) == (0, None, ())


def test_the_payloads_stood_in_every_kind_of_text(opened: Opened) -> None:
    assert opened.replaced > 5 * len(PAYLOADS)
