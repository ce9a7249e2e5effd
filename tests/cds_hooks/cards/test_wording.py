"""The words that every card shares, read back by a Markdown parser that is not ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cds_hooks.cards.wording import (
    age,
    between,
    escaped,
    measured,
    number,
    percent,
    plain,
    summary,
    table,
)
from cds_hooks.wire.response import SUMMARY_LIMIT

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MARKDOWN = MarkdownIt("commonmark").enable("table")


@pytest.mark.requirement("CH-091")
@given(st.text(max_size=80))
def test_text_from_an_ehr_never_becomes_markup(text: str) -> None:
    html = MARKDOWN.render(f"| a |\n| --- |\n| {escaped(text)} |")
    inside = html.split("<td>")[1].split("</td>")[0] if "<td>" in html else ""
    assert "<" not in inside


@pytest.mark.requirement("CH-091")
@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "[click](javascript:alert(1))",
        "![x](https://evil.example/p.png)",
        "<img src=x onerror=alert(1)>",
        "a | b | c",
        "`code`",
        "# heading",
    ],
)
def test_a_hostile_text_stays_the_text_it_is(attack: str) -> None:
    tokens = MARKDOWN.parseInline(escaped(attack))[0].children or []
    assert all(token.type in {"text", "text_special"} for token in tokens)
    assert "".join(token.content for token in tokens) == attack


@pytest.mark.requirement("CH-090")
def test_a_table_is_a_table_to_a_github_flavored_markdown_parser() -> None:
    html = MARKDOWN.render(table(("Seen", "Value"), [("heart rate", "118 /min")]))
    assert "<th>Seen</th>" in html
    assert "<td>118 /min</td>" in html


@pytest.mark.requirement("CH-085")
@given(st.lists(st.text(min_size=1, max_size=300), min_size=1, max_size=4))
def test_a_summary_is_always_one_short_line(sentences: list[str]) -> None:
    text = summary(*sentences)
    assert len(text) < SUMMARY_LIMIT
    assert "\n" not in text


def test_a_probability_is_never_rounded_to_certainty() -> None:
    assert percent(0.004) == "under 1 %"
    assert percent(0.996) == "over 99 %"
    assert percent(0.31) == "31 %"
    assert percent(0.0) == "0 %"


def test_a_change_keeps_its_sign_and_nothing_is_minus_zero() -> None:
    assert number(3.2, 1, signed=True) == "+3.2"
    assert number(-3.2, 1) == "\N{MINUS SIGN}3.2"
    assert number(-0.04, 1) == "0.0"
    assert between(-1, 4, signed=True) == "\N{MINUS SIGN}1 to +4"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (118, "/min", "118 /min"),
        (7.31, "[pH]", "7.31"),
        (36.9, "Cel", "36.9 °C"),
        (65.0, "mm[Hg]", "65 mmHg"),
        (250, "10*9/L", "250 ×10⁹/L"),
    ],
)
def test_a_value_is_written_as_at_the_bedside(value: float, unit: str, words: str) -> None:
    assert measured(value, unit) == words


@pytest.mark.parametrize(
    ("elapsed", "words"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(minutes=8), "8 min ago"),
        (timedelta(hours=3), "3 h ago"),
        (timedelta(days=4), "4 days ago"),
        (timedelta(minutes=-5), "just now"),
    ],
)
def test_every_value_carries_its_age(elapsed: timedelta, words: str) -> None:
    assert age(NOW - elapsed, NOW) == words


@pytest.mark.parametrize("turn", [*"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"])
def test_no_text_of_an_ehr_turns_the_direction_of_what_is_read(turn: str) -> None:
    assert turn not in plain(f"Redmond{turn}, T.")
    assert turn not in escaped(f"Redmond{turn}, T.")
