"""The services as installed, each called on each hook: every card keeps the specification."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import pytest
from fhir.resources.R4B import get_fhir_model_class
from markdown_it import MarkdownIt
from starlette.testclient import TestClient

from cds_hooks.app import Parts, create_app
from cds_hooks.cli.order_sign_payload import order_sign_request
from cds_hooks.ports import FhirQuery, Grant
from cds_hooks.prefetch_rules import faults
from cds_hooks.services.templates import ECG_KEYS
from cds_hooks.settings import Settings

BASE = "https://twin.example"
LAUNCH = f"{BASE}/launch"
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
Json = dict[str, Any]


class StoppedClock:
    def now(self) -> datetime:
        return NOW


@dataclass
class OrderShelf:
    """An EHR that has nothing but the orders, and remembers that it was asked."""

    orders: dict[str, Json] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def search(self, query: FhirQuery, grant: Grant) -> tuple[msgspec.Raw, ...]:
        self.asked.append(query.path)
        found = self.orders.get(query.path)
        return () if found is None else (msgspec.Raw(msgspec.json.encode(found)),)


@dataclass(frozen=True)
class Answer:
    """What one service said on one hook about one patient."""

    service: str
    hook: str
    patient_id: str
    body: Json
    asked: int

    @property
    def cards(self) -> list[Json]:
        cards: list[Json] = self.body["cards"]
        return cards

    @property
    def actions(self) -> list[Json]:
        return [
            action
            for card in self.cards
            for suggestion in card.get("suggestions", ())
            for action in suggestion.get("actions", ())
        ]


def request(hook: str, patient: int) -> Json:
    """Return a request with all that any service asks for, and markup in each text of an order."""
    signed: Json = order_sign_request(1, patient, NOW)
    patient_id = signed["context"]["patientId"]
    orders = [entry["resource"] for entry in signed["context"]["draftOrders"]["entry"]]
    for order in orders:
        order["note"] = [{"text": MARKUP}]
    odd = {
        "resourceType": "ServiceRequest",
        "id": "odd",
        "status": "draft",
        "intent": "proposal",
        "subject": {"reference": f"Patient/{patient_id}"},
        "code": {"text": MARKUP},
    }
    bundle = {"resourceType": "Bundle", "type": "collection"}
    bundle["entry"] = [{"resource": each} for each in [*orders, odd]]  # type: ignore[assignment]
    subject = {"userId": "Practitioner/u1", "patientId": patient_id}
    references = [f"{each['resourceType']}/{each['id']}" for each in [*orders, odd]]
    contexts: dict[str, Json] = {
        "order-sign": subject | {"draftOrders": bundle},
        "order-select": subject | {"draftOrders": bundle, "selections": references},
        "order-dispatch": {
            "patientId": patient_id,
            "dispatchedOrders": references,
            "performer": "Organization/o1",
        },
    }
    study = {
        "resourceType": "ImagingStudy",
        "id": "i1",
        "status": "available",
        "subject": {"reference": f"Patient/{patient_id}"},
        "identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"}],
        "modality": [{"code": "DX"}],
        "description": MARKUP,
    }
    images = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": study}]}
    return signed | {
        "hook": hook,
        "fhirServer": "https://ehr.example/fhir",
        "context": contexts.get(hook, subject | {"encounterId": "e1"}),
        "prefetch": signed["prefetch"] | dict.fromkeys(ECG_KEYS) | {"imagingStudies": images},
    }


def orders_of(signed: Json) -> dict[str, Json]:
    drafts = [entry["resource"] for entry in signed["context"]["draftOrders"]["entry"]]
    return {f"{each['resourceType']}/{each['id']}": each for each in drafts}


@pytest.fixture(scope="module")
def entries_and_answers(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[list[Json], list[Answer]]]:
    ehr = OrderShelf()
    settings = Settings(
        trust="open",
        sandbox=True,
        public_base_url=BASE,
        smart_launch_url=LAUNCH,
        data_directory=tmp_path_factory.mktemp("data"),
    )
    application = create_app(settings, Parts(ehr=ehr, clock=StoppedClock()))
    with TestClient(application, BASE) as http:
        entries: list[Json] = http.get("/cds-services").json()["services"]
        answers = []
        for entry in entries:
            for patient in (1, 2):
                ehr.asked.clear()
                sent = request(entry["hook"], patient)
                ehr.orders = orders_of(request("order-sign", patient))
                answer = http.post(f"/cds-services/{entry['id']}", json=sent)
                assert answer.status_code == 200, (entry["id"], entry["hook"], answer.text)
                patient_id = sent["context"]["patientId"]
                answers.append(
                    Answer(entry["id"], entry["hook"], patient_id, answer.json(), len(ehr.asked))
                )
        yield entries, answers


@pytest.fixture(scope="module")
def entries(entries_and_answers: tuple[list[Json], list[Answer]]) -> list[Json]:
    return entries_and_answers[0]


@pytest.fixture(scope="module")
def answers(entries_and_answers: tuple[list[Json], list[Answer]]) -> list[Answer]:
    return entries_and_answers[1]


@pytest.fixture(scope="module")
def cards(answers: list[Answer]) -> list[Json]:
    found = [card for answer in answers for card in answer.cards]
    assert found, "no installed service had anything to say about a patient whose pressure falls"
    return found


@pytest.mark.requirement("CH-012", "CH-021", "CH-137")
def test_the_services_of_this_product_are_listed_for_their_hooks(entries: list[Json]) -> None:
    listed = {(entry["id"], entry["hook"]) for entry in entries}
    wanted = {
        "deterioration-risk": ("patient-view", "encounter-start", "encounter-discharge"),
        "order-effects": ("order-select", "order-sign", "order-dispatch"),
        "imaging-findings": ("patient-view",),
    }
    assert listed == {(name, hook) for name, hooks in wanted.items() for hook in hooks}


@pytest.mark.requirement("CH-015", "CH-025", "CH-026", "CH-027", "CH-028", "CH-029", "CH-030")
def test_every_published_template_is_within_the_subset(entries: list[Json]) -> None:
    for entry in entries:
        assert faults(entry.get("prefetch", {}), [entry["hook"]]) == ()


@pytest.mark.requirement("CH-004", "CH-005", "CH-006")
def test_no_answer_holds_a_null_or_an_empty(answers: list[Answer]) -> None:
    def check(item: Any) -> None:
        for child in item.values() if isinstance(item, dict) else item:
            assert child not in (None, "", [], {})
            if isinstance(child, dict | list):
                check(child)

    for answer in answers:
        check(answer.cards)
        assert set(answer.body) == {"cards"}


@pytest.mark.requirement("CH-043", "CH-044")
def test_with_everything_prefetched_no_server_is_waited_for(answers: list[Answer]) -> None:
    for answer in answers:
        if answer.hook != "order-dispatch":  # its orders come as references only
            assert answer.asked == 0, (answer.service, answer.hook)


@pytest.mark.requirement("CH-085", "CH-086", "CH-087", "CH-088", "CH-089", "CH-100")
def test_every_card_has_what_a_card_needs(cards: list[Json]) -> None:
    for card in cards:
        assert 0 < len(card["summary"]) < 140
        assert card["indicator"] in {"info", "warning", "critical"}
        assert card["source"]["label"]
        assert str(UUID(card["uuid"])) == card["uuid"]


@pytest.mark.requirement("CH-090", "CH-091")
def test_no_markup_of_the_ehr_is_alive_in_a_card(cards: list[Json]) -> None:
    reader = MarkdownIt("gfm-like", {"linkify": False, "html": True})
    for card in cards:
        html = reader.render(card.get("detail", ""))
        assert "<script" not in html
        assert "<img" not in html
        texts = [card["summary"], *(each["label"] for each in card.get("suggestions", ()))]
        assert not any(MARKUP[:7] in text for text in texts), texts


@pytest.mark.requirement("CH-101", "CH-102", "CH-103")
def test_the_source_is_the_same_for_every_patient_and_its_urls_absolute(
    answers: list[Answer],
) -> None:
    sources: dict[str, set[str]] = {}
    for answer in answers:
        for card in answer.cards:
            sources.setdefault(answer.service, set()).add(json.dumps(card["source"]))
            for name in ("url", "icon"):
                if name in card["source"]:
                    assert urlsplit(card["source"][name]).scheme == "https"
    assert all(len(seen) == 1 for seen in sources.values())


@pytest.mark.requirement("CH-093", "CH-094", "CH-095", "CH-097", "CH-108", "CH-109")
def test_suggestions_and_reasons_are_whole_and_unique(answers: list[Answer]) -> None:
    for answer in answers:
        uuids = [card["uuid"] for card in answer.cards]
        for card in answer.cards:
            suggestions = card.get("suggestions", [])
            assert ("selectionBehavior" in card) is bool(suggestions)
            uuids += [each["uuid"] for each in suggestions]
            if card.get("selectionBehavior") == "at-most-one":
                assert sum(each.get("isRecommended", False) for each in suggestions) <= 1
            for reason in card.get("overrideReasons", ()):
                assert set(reason) == {"code", "system", "display"}
        assert len(set(uuids)) == len(uuids)


@pytest.mark.requirement("CH-002", "CH-117", "CH-118", "CH-119", "CH-120", "CH-121", "CH-122")
def test_every_action_is_whole_and_its_resource_valid_r4(answers: list[Answer]) -> None:
    for answer in answers:
        for action in answer.actions:
            assert action["description"]
            if action["type"] == "delete":
                assert set(action) == {"type", "description", "resourceId"}
                continue
            resource = action["resource"]
            get_fhir_model_class(resource["resourceType"]).model_validate(resource)
            assert answer.patient_id in json.dumps(resource)
            if action["type"] == "create" and resource["resourceType"].endswith("Request"):
                assert (resource["status"], resource["intent"]) == ("draft", "proposal")
            elif action["type"] == "update":
                assert resource["id"]


@pytest.mark.requirement("CH-123", "CH-124", "CH-126", "CH-127", "CH-129", "CH-130", "CH-131")
def test_every_link_is_the_apps_launch_or_absolute_and_tells_nothing_of_the_patient(
    answers: list[Answer],
) -> None:
    for answer in answers:
        for link in (link for card in answer.cards for link in card.get("links", ())):
            assert link["label"]
            assert urlsplit(link["url"]).scheme == "https"
            if link["type"] == "smart":
                assert link["url"] == LAUNCH
            else:
                assert link["type"] == "absolute"
                assert "appContext" not in link
            assert answer.patient_id not in json.dumps(link)


def test_every_card_says_that_it_is_research(cards: list[Json]) -> None:
    for card in cards:
        assert "Research use only" in card["detail"]


@pytest.mark.requirement("CH-024")
def test_the_page_for_people_lists_every_installed_service(
    entries: list[Json], tmp_path: Path
) -> None:
    settings = Settings(trust="open", data_directory=tmp_path)
    with TestClient(create_app(settings)) as http:
        page = http.get("/documentation").text
    assert all(f"/cds-services/{entry['id']}" in page for entry in entries)
