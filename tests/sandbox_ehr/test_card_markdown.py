"""The page's own Markdown reader, beside a CommonMark and GFM reader that we did not write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt
from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.service("chromium"), pytest.mark.xdist_group("chromium")]

RENDER = """async (markdown) => {
  const { rendered } = await import("/page/markdown.js");
  const holder = document.createElement("div");
  holder.append(rendered(markdown));
  return holder.innerHTML;
}"""

SAMPLES = {
    "paragraphs": "One line\nand its second.\n\nAnother *paragraph* with **strong** words.",
    "emphasis inside words": "snake_case_name and 2*3*4 and **MAP**: _down_, ~~gone~~",
    "nested emphasis": "**strong with *emphasis* inside**",
    "headings": "# First\n\n## Second\n\nText\n### Third ###",
    "bullets": "- one\n- two\n  continued\n- three",
    "numbers": "3. three\n4. four",
    "nested bullets": "- one\n  - inner\n  - again\n- two",
    "table": (
        "| Simulated | Without | With |\n| :-- | --: | :-: |\n"
        "| MAP (mmHg) | 63 (60 to 66) | **68** |\n| a \\| b | `x` | |\n\nAfter."
    ),
    "table without outer bars": "a | b\n--- | ---\n1 | 2",
    "a bar is no table": "either | or\n\nand so on",
    "code": "`a < b` and ``with ` tick``\n\n```\nx = 1 < 2\n\n| no | table |\n```",
    "quotation": "> said\n> again\n\nfree",
    "rules": "above\n\n---\n\nbelow\n\n***",
    "links": "[words](https://cardiotwin.example/a?b=c) and <https://cardiotwin.example>",
    "escapes": r"\*not emphasis\* \[no link\](x) \<b\> 1\. \# and &lt;b&gt; &amp; &quot;",
    "entities stay entities": "MAP &lt; 65 &amp; falling",
    "hard breaks": "first  \nsecond\\\nthird",
    "signs": "MAP −5 (−9 to −2) mmHg, SpO2 ≥ 92 %, 3 < 4 > 2 & more",
    "empty": "",
    "list after text": "Used:\n- one\n- two",
    "loose ends": "**open and *never closed",
}


@pytest.fixture(scope="module")
def page(chromium: Browser, running_site: Any) -> Iterator[Page]:
    """Return one page for all texts: reading Markdown leaves nothing behind."""
    opened = chromium.new_page()
    opened.goto(running_site.url)
    yield opened
    opened.close()


class Outline(HTMLParser):
    """Reduces HTML to tags and text, leaving out what is a matter of house style."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get("href")
        self._add(f"<{tag}{' ' + address.rstrip('/') if address else ''}>", tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"br", "hr"}:
            self._add(f"</{tag}>", tag)

    def handle_data(self, data: str) -> None:
        self.parts.append(re.sub(r"\s+", " ", data))

    def _add(self, text: str, tag: str) -> None:
        # Whether a list is "loose" only decides on paragraphs inside its items; the page's wide
        # tables stand in a div.
        if tag not in {"div", "s", "del"}:
            self.parts.append(text)


def outline(html: str, *, of_page: bool) -> str:
    if of_page:  # where a card's headings are two levels lower
        html = re.sub(r"(</?h)([3-6])", lambda found: f"{found[1]}{int(found[2]) - 2}", html)
    parser = Outline()
    parser.feed(html)
    text = re.sub(r"\s*(</?(?!strong|em|code|a\b)[^>]*>)\s*", r"\1", "".join(parser.parts))
    return text.replace(" </code>", "</code>").strip()


@pytest.mark.parametrize("name", SAMPLES)
def test_markdown_means_what_a_gfm_reader_says(page: Page, name: str) -> None:
    reference = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    expected = outline(reference.render(SAMPLES[name]), of_page=False)
    assert outline(page.evaluate(RENDER, SAMPLES[name]), of_page=True) == expected


ATTACKS = [
    "<script>document.title = 'taken'</script>",
    "<img src=x onerror=\"document.title='taken'\">",
    "[x](javascript:document.title='taken')",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "<javascript:alert(1)>",
    "[x](&#106;avascript:alert(1))",
    "![x](https://elsewhere.example/pixel.png)",
    "| a |\n| --- |\n| <iframe src=https://elsewhere.example> |",
    '[x](https://cardiotwin.example/"onmouseover="alert(1))',
    "<svg/onload=alert(1)>",
    "```\n</code><script>alert(1)</script>\n```",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_markdown_becomes_live_markup(page: Page, attack: str) -> None:
    html = page.evaluate(RENDER, attack)
    tags = re.findall(r"<([a-z0-9]+)([^>]*)>", html)
    assert {tag for tag, _ in tags} <= {
        "p", "a", "code", "pre", "table", "thead", "tbody", "tr", "th", "td", "div",
    }  # fmt: skip
    for tag, attributes in tags:
        assert not re.search(r"\son\w+=", attributes.replace('"', " ")) or tag == "a"
        if tag == "a":
            assert re.search(r'href="https?://', attributes)
            assert not re.search(r'"\s*on\w+="', attributes)
    assert page.title() != "taken"


def test_a_long_hostile_text_is_read_in_good_time(page: Page) -> None:
    # Quadratic readers take minutes on such texts; the page's own time limit is the test's.
    for text in ("*" * 5000, "[" * 5000, "`" * 5001, "> " * 400 + "x", "| a " * 2000, "_a" * 3000):
        page.evaluate(RENDER, text)
