"""An EHR's whole journey through the real service: chart opened, order written, advice taken."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from cds_hooks.cli.demo import BETA_BLOCKER, BOLUS, what_is_wrong
from cds_hooks.cli.hook_calls import bolus, draft, metoprolol, with_drafts
from cds_hooks.cli.printed_cards import simulated_changes
from cds_hooks.fhir.to_interventions import orders_of
from cds_hooks.fhir.to_measurements import PatientFacts

pytestmark = pytest.mark.xdist_group("chromium")

PATIENTS = ("stable", "bleeding", "septic", "heart-failure", "almost-no-data")


def context_of(patient: str) -> dict[str, Any]:
    return {"patientId": patient, "encounterId": f"{patient}-stay"}


def sign(demonstration: Any, patient: str, order: dict[str, Any], **more: Any) -> Any:
    context = with_drafts(context_of(patient), [draft(order, patient)])
    return demonstration.ask("order-sign", context, **more)


@pytest.mark.requirement("CH-035", "CH-060", "CH-077")
@pytest.mark.parametrize("patient", PATIENTS)
def test_every_sample_patient_gets_an_answer_to_an_order(demonstration: Any, patient: str) -> None:
    (card,) = sign(demonstration, patient, bolus(500, 15))
    assert len(card["summary"]) < 140
    assert "Research use only" in card["detail"]


@pytest.mark.parametrize("patient", PATIENTS)
def test_opening_any_chart_is_answered(demonstration: Any, patient: str) -> None:
    for card in demonstration.ask("patient-view", context_of(patient)):
        assert "Research use only" in card["detail"]


@pytest.mark.requirement("CH-044", "CH-045", "CH-053")
def test_without_prefetch_the_same_patient_gets_the_same_advice(demonstration: Any) -> None:
    # Both calls read the same Observations, so the twin assimilates nothing new in between.
    told, read = (
        simulated_changes(sign(demonstration, "bleeding", bolus(500, 15), sendPrefetch=given)[0])
        for given in (True, False)
    )
    assert told == read != {}


def test_a_bolus_and_a_beta_blocker_move_the_bleeding_patient_in_opposite_directions(
    demonstration: Any,
) -> None:
    changes = {
        name: simulated_changes(sign(demonstration, "bleeding", order)[0])
        for name, order in ((BOLUS, bolus(500, 15)), (BETA_BLOCKER, metoprolol(5)))
    }
    assert what_is_wrong(changes) is None


def test_nothing_is_simulated_for_a_patient_with_one_heart_rate(demonstration: Any) -> None:
    (card,) = sign(demonstration, "almost-no-data", bolus(500, 15))
    assert simulated_changes(card) == {}
    assert "not simulated" in card["summary"]


@pytest.fixture
def page(chromium: Browser, demonstration: Any) -> Any:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(demonstration.addresses.ehr)
    yield opened
    context.close()
    assert errors == []


def write_metoprolol(page: Page) -> Any:
    page.get_by_role("button", name="Tomas Redmond").click()
    page.get_by_role("radio", name="Metoprolol").check()
    page.get_by_role("radio", name="5 mg", exact=True).check()
    card = page.locator("#order-cards .card").first
    expect(card).to_be_visible()
    return card


@pytest.mark.service("chromium")
@pytest.mark.requirement("CH-114", "CH-119", "CH-121", "CH-139", "CH-143", "CH-146", "CH-151")
def test_a_clinician_takes_the_better_alternative_and_the_service_hears_of_it(
    page: Page, demonstration: Any
) -> None:
    card = write_metoprolol(page)
    page.get_by_role("button", name="Check and sign").click()
    expect(page.get_by_role("button", name="Sign as written")).to_be_visible()
    card.locator("button.accept").first.click()
    expect(card.locator(".outcome")).to_have_text("Accepted. Feedback was sent.")
    assert "accepted" in [outcome for outcome, _, _ in demonstration.feedback()]
    proposals = demonstration.http.get(
        f"{demonstration.addresses.ehr}/fhir/MedicationRequest",
        params={"patient": "bleeding", "intent": "proposal"},
    ).json()
    assert {entry["resource"]["status"] for entry in proposals["entry"]} == {"draft"}
    drafts = demonstration.http.get(
        f"{demonstration.addresses.ehr}/fhir/MedicationRequest",
        params={"patient": "bleeding", "status": "draft", "code": "6918"},
    ).json()
    assert drafts["total"] == 0
    expect(page.locator("#orders")).to_contain_text("draft proposal")


@pytest.mark.service("chromium")
@pytest.mark.requirement("CH-114", "CH-119")
def test_an_estimate_is_recorded_in_the_chart_when_the_clinician_wants_it(
    page: Page, demonstration: Any
) -> None:
    page.get_by_role("button", name="Tomas Redmond").click()
    card = page.locator("#patient-cards .card", has_text="Estimated risk").first
    card.get_by_role("button", name="Record this estimate").click()
    expect(card.locator(".outcome")).to_have_text("Accepted. Feedback was sent.")
    recorded = demonstration.http.get(
        f"{demonstration.addresses.ehr}/fhir/RiskAssessment", params={"patient": "bleeding"}
    ).json()
    assert [entry["resource"]["status"] for entry in recorded["entry"]] == ["preliminary"]


@pytest.mark.service("chromium")
@pytest.mark.requirement("CH-097", "CH-147", "CH-151")
def test_a_clinician_dismisses_a_card_with_a_reason(page: Page, demonstration: Any) -> None:
    card = write_metoprolol(page)
    card.get_by_text("Dismiss", exact=True).click()
    card.get_by_label("Reason").select_option("Already known and being treated")
    card.get_by_label("Comment").fill("A journey")
    card.get_by_role("button", name="Dismiss this card").click()
    expect(card.locator(".outcome")).to_have_text("Dismissed. Feedback was sent.")
    assert ("overridden", "known-to-team", "A journey") in demonstration.feedback()


@pytest.mark.service("chromium")
def test_real_cards_fit_a_phone_and_can_be_unfolded(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    card = write_metoprolol(page)
    hidden_px = "node => node.scrollHeight - node.clientHeight"
    detail = card.locator(".detail")
    assert detail.evaluate(hidden_px) > 50
    card.get_by_role("button", name="Show all").click()
    assert detail.evaluate(hidden_px) <= 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.service("chromium")
def test_every_order_that_the_page_offers_is_understood(page: Page) -> None:
    orders = page.evaluate(
        """async () => {
          const { ORDER_KINDS, draftOrder } = await import("/page/orders.js");
          const patient = { id: "bleeding", encounter: "Encounter/bleeding-stay" };
          return ORDER_KINDS.flatMap((kind) => kind.doses.map((dose, at) =>
            draftOrder(kind, dose, patient, "Practitioner/x", `draft-${kind.key}-${at}`)));
        }"""
    )
    facts = PatientFacts("bleeding", 54.0, "male", 178.0, 82.0)
    found = orders_of([msgspec.Raw(json.dumps(order).encode()) for order in orders], facts)
    assert found.not_understood == ()
    assert len(found.understood) == len(orders) == 18
