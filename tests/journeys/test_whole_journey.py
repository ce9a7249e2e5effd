"""From the order that is being written to the draft that appears in the EHR, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect

pytestmark = [pytest.mark.service("chromium"), pytest.mark.xdist_group("chromium")]

SLOW_MS = 60_000


@pytest.fixture
def context(chromium: Browser, listening: Any) -> Iterator[BrowserContext]:
    """Return a fresh browser profile; any fault that one of its pages writes down fails."""
    with chromium.new_context(viewport={"width": 1280, "height": 900}) as made:
        made.set_default_timeout(SLOW_MS)
        expect.set_options(timeout=SLOW_MS)
        faults = listening(made)
        yield made
        assert faults == []


def drafts(demonstration: Any, patient: str) -> dict[str, Any]:
    """Return the draft proposals that the EHR holds of a patient, by their reference."""
    found = demonstration.http.get(
        f"{demonstration.addresses.ehr}/fhir/MedicationRequest",
        params={"patient": patient, "status": "draft", "intent": "proposal"},
    ).json()
    return {
        f"MedicationRequest/{entry['resource']['id']}": entry["resource"]
        for entry in found.get("entry", [])
    }


def created(place: Page | FrameLocator, plan: str) -> str:
    """Hand a plan back and return the reference of the draft that the page says it created."""
    region = place.get_by_role("region", name=plan, exact=True)
    region.get_by_role("button", name="Hand back as draft").click()
    region.get_by_role("button", name="Create the draft").click()
    said = region.locator(".done")
    expect(said).to_contain_text("Created as draft proposal")
    (reference,) = re.findall(r"MedicationRequest/[\w-]+", said.inner_text())
    return str(reference)


def test_from_the_card_of_an_order_to_a_draft_that_stands_in_the_ehr(
    demonstration: Any, context: BrowserContext, picture: Any, violations: Any
) -> None:
    ehr = context.new_page()
    ehr.goto(demonstration.addresses.ehr)
    ehr.locator("#open-septic").click()
    ehr.get_by_role("radio", name="Fluid bolus").check()
    ehr.get_by_role("radio", name="500 mL").check()
    card = ehr.locator("#order-cards .card").first
    expect(card).to_be_visible()
    picture(ehr, "journey-1-card")
    assert violations(ehr) == []
    with context.expect_page() as opened:
        card.get_by_role("link", name="Open the patient's twin").click()
    page = opened.value
    expect(page.get_by_role("heading", level=1)).to_contain_text("MAP ")
    expect(page.locator("#banner")).to_contain_text("Amara Feverfew")
    picture(page, "journey-2-page")
    page.get_by_label("Add a treatment to Plan A").select_option("infusion/vasopressin")
    page.get_by_label("Amount of Vasopressin infusion").fill("0.03")
    adder = page.get_by_label("Add a treatment to Plan B")
    adder.select_option(label="Change Norepinephrine, 0.08 µg/kg/min")
    page.get_by_label("Amount of Norepinephrine infusion").fill("0.14")
    results = page.locator(".results")
    for plan in ("Plan A", "Plan B"):
        expect(results.get_by_role("row", name=plan)).to_contain_text("mmHg")
    picture(page, "journey-3-simulated")
    assert violations(page) == []
    before = drafts(demonstration, "septic")
    reference = created(page, "Plan B")
    picture(page, "journey-4-handed-back")
    assert violations(page) == []
    (new,) = drafts(demonstration, "septic").keys() - before.keys()
    assert new == reference
    draft = drafts(demonstration, "septic")[reference]
    assert draft["priorPrescription"] == {"reference": "MedicationRequest/septic-norepinephrine"}
    ehr.bring_to_front()
    ehr.get_by_role("button", name="Clear").click()
    ehr.locator("#open-septic").click()
    order = ehr.locator("#orders li", has_text="Norepinephrine").filter(has_text="draft proposal")
    expect(order).to_be_visible()
    picture(ehr, "journey-5-draft-in-the-ehr")
    assert violations(ehr) == []


def test_from_the_portal_to_a_draft_that_stands_in_the_ehr(
    demonstration: Any, context: BrowserContext, picture: Any, violations: Any
) -> None:
    portal = context.new_page()
    portal.goto(f"{demonstration.addresses.ehr}/portal")
    portal.locator("#open-heart-failure").click()
    app = portal.frame_locator("iframe.app-frame")
    expect(app.get_by_role("heading", level=1)).to_contain_text("MAP ")
    app.get_by_label("Add a treatment to Plan A").select_option("infusion/dobutamine")
    app.get_by_label("Amount of Dobutamine infusion").fill("5")
    expect(app.locator(".results").get_by_role("row", name="Plan A")).to_contain_text("mmHg")
    picture(portal, "journey-portal")
    before = drafts(demonstration, "heart-failure")
    reference = created(app, "Plan A")
    (new,) = drafts(demonstration, "heart-failure").keys() - before.keys()
    assert new == reference
    (frame,) = [each for each in portal.frames if "/app?session=" in each.url]
    assert violations(frame) == []
    ehr = context.new_page()
    ehr.goto(demonstration.addresses.ehr)
    ehr.locator("#open-heart-failure").click()
    order = ehr.locator("#orders li", has_text="Dobutamine").filter(has_text="draft proposal")
    expect(order).to_be_visible()


def test_the_journey_fits_a_phone_in_the_dark(
    demonstration: Any, chromium: Browser, listening: Any, picture: Any, violations: Any
) -> None:
    with chromium.new_context(
        viewport={"width": 390, "height": 844}, color_scheme="dark", has_touch=True
    ) as context:
        context.set_default_timeout(SLOW_MS)
        faults = listening(context)
        ehr = context.new_page()
        ehr.goto(demonstration.addresses.ehr)
        ehr.locator("#open-bleeding").click()
        link = ehr.get_by_role("link", name="Open the patient's twin").first
        with context.expect_page() as opened:
            link.click()
        page = opened.value
        expect(page.get_by_role("heading", level=1)).to_contain_text("MAP ", timeout=SLOW_MS)
        page.get_by_role("button", name="Try Crystalloid 500 mL").tap()
        row = page.locator(".results").get_by_role("row", name="Plan A")
        expect(row).to_contain_text("mmHg", timeout=SLOW_MS)
        picture(page, "journey-phone-dark")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert violations(page) == []
    assert faults == []
