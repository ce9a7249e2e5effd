"""No text of an EHR gets a meaning in a card: neither in HTML nor in GitHub Flavored Markdown.

The cards are read by a Markdown reader that we did not write (markdown-it-py), told to let HTML
through: whatever came out as more than text would have been live in a careless client.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import msgspec
import pytest
from markdown_it import MarkdownIt
from markup_payloads import PAYLOADS

from cds_hooks.cards.basis import Basis, Treated
from cds_hooks.cards.frame import Frame
from cds_hooks.cards.order_card import no_advice_card, not_understood_card
from cds_hooks.cards.wording import escaped
from cds_hooks.fhir.to_given_treatments import given_treatments_of
from cds_hooks.fhir.to_interventions import orders_of
from cds_hooks.fhir.to_measurements import PatientFacts

attack = pytest.mark.attack("markup")

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
FACTS = PatientFacts("p1", 54.0, "male", 178.0, 82.0)
FRAME = Frame(UUID(int=1), "https://ehr.example", "probe", NOW, "https://twin.example", None)
READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OURS = {*("p", "em", "strong", "ul", "li", "br"), *("table", "thead", "tbody", "tr", "th", "td")}


class Tags(HTMLParser):
    """Collects the tags and attributes of rendered Markdown, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.tags.add("!--")

    def handle_decl(self, decl: str) -> None:
        self.tags.add("!")


def ordered(text: str) -> list[msgspec.Raw]:
    draft = {
        "resourceType": "MedicationRequest",
        "id": "d1",
        "status": "draft",
        "medicationCodeableConcept": {"text": text, "coding": [{"display": text}]},
        "dosageInstruction": [{"text": text}],
    }
    return [msgspec.Raw(json.dumps(draft).encode())]


def administered(text: str) -> list[msgspec.Raw]:
    given = {
        "resourceType": "MedicationAdministration",
        "id": "g1",
        "status": "completed",
        "subject": {"reference": "Patient/p1"},
        "medicationCodeableConcept": {"text": text},
        "dosage": {"text": text},
        "effectiveDateTime": NOW.isoformat(),
    }
    return [msgspec.Raw(json.dumps(given).encode())]


def cards(text: str) -> list[Any]:
    """Return a card of each kind that repeats an EHR's words, made as the services make them."""
    orders = orders_of(ordered(text), FACTS).not_understood
    (treatment,) = given_treatments_of(administered(text), FACTS, NOW).treatments
    basis = Basis(
        seen=(),
        readings=0,
        treated=(Treated(escaped(treatment.label, 80), treatment.start, running=True),),
        not_simulated=(f"{escaped(treatment.label)} ({escaped(text, 120)})",),
        not_used=(escaped(text, 200),),
        missing=(),
    )
    return [
        not_understood_card(FRAME, [(each.label, each.reason) for each in orders]),
        no_advice_card(FRAME, "Too little is charted.", basis),
    ]


@attack
@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_card_shows_the_words_of_an_ehr_as_words(payload: str) -> None:
    (word, *_) = re.findall(r"[A-Za-z]{4,}", payload)
    for card in cards(payload):
        found = Tags(READER.render(card.detail))
        assert found.tags <= OURS
        assert found.attributes <= {"style"}
        assert word in found.text
        assert not re.search(r"<[A-Za-z/!?]", card.summary)
        assert not re.search(r"[\u202a-\u202e\u2066-\u2069]", card.summary + card.detail)


def test_the_payloads_are_many_and_distinct() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 500


@attack
@pytest.mark.parametrize(
    "text", ["see https://evil.example/x", "(https://evil.example)", "www.evil.example now"]
)
def test_an_address_in_the_words_of_an_ehr_becomes_no_link(text: str) -> None:
    # GitHub Flavored Markdown makes links of bare addresses (section 6.9) unless a sign of them
    # is escaped: https://github.github.com/gfm/#autolinks-extension-
    assert re.search(r"(?<!\\):(?=//)|www(?!\\)\.", escaped(text, 80)) is None
    assert "evil.example" in Tags(READER.render(escaped(text, 80))).text
