"""The order-entry page in a real browser, against a small CDS Service that checks its callers."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.service("chromium"), pytest.mark.xdist_group("chromium")]


def open_patient(page: Page, name: str = "Tomas Redmond") -> None:
    page.get_by_role("button", name=name).click()
    expect(page.locator("#patient-cards .card").first).to_be_visible()


def write_bolus(page: Page) -> None:
    page.get_by_role("radio", name="Fluid bolus").check()
    page.get_by_role("radio", name="500 mL").check()
    expect(page.locator("#order-cards .card")).to_be_visible()


def stored(site: Any, patient: str, **conditions: str) -> list[dict[str, Any]]:
    found = site.http.get(
        "/fhir/MedicationRequest", params={"patient": patient, **conditions}
    ).json()
    return [entry["resource"] for entry in found.get("entry", [])]


def test_opening_a_patient_asks_for_advice_and_shows_the_most_urgent_card_first(
    page: Page, site: Any
) -> None:
    open_patient(page)
    assert [request["hook"] for request in site.service.requests] == ["patient-view"]
    assert site.service.requests[0]["context"] == {
        "userId": "Practitioner/sandbox-clinician",
        "patientId": "bleeding",
        "encounterId": "bleeding-stay",
    }
    first = page.locator("#patient-cards .card").first
    expect(first).to_contain_text("Critical")
    link = first.get_by_role("link", name="Open the patient's twin")
    assert re.search(r"iss=.*fhir&launch=opaque-1", link.get_attribute("href") or "")


def test_the_chart_shows_the_newest_values_with_their_age(page: Page) -> None:
    open_patient(page)
    tile = page.locator(".tile", has_text="Lactate")
    expect(tile).to_contain_text(re.compile(r"4\.\d\s*mmol/L"))
    expect(tile).to_contain_text(re.compile(r"\d+ min ago"))
    expect(tile.get_by_role("img")).to_have_accessible_name(
        re.compile(r"Lactate: 1\.\d to 4\.\d mmol/L in 4 readings")
    )


def test_an_order_is_simulated_while_it_is_chosen_and_checked_when_it_is_signed(
    page: Page, site: Any
) -> None:
    open_patient(page)
    write_bolus(page)
    select = site.service.requests[-1]
    assert select["hook"] == "order-select"
    draft = select["context"]["draftOrders"]["entry"][0]["resource"]
    assert select["context"]["selections"] == [f"MedicationRequest/{draft['id']}"]
    assert draft["status"] == "draft"
    assert select["prefetch"]["patient"]["id"] == "bleeding"
    page.get_by_role("button", name="Check and sign").click()
    page.get_by_role("button", name="Sign as written").click()
    expect(page.locator("#orders")).to_contain_text("500 mL over 15 minutes")
    assert site.service.requests[-1]["hook"] == "order-sign"
    assert draft["id"] in [each["id"] for each in stored(site, "bleeding", status="active")]


def test_an_accepted_suggestion_is_applied_and_reported(page: Page, site: Any) -> None:
    open_patient(page, "Amara Feverfew")
    write_bolus(page)
    page.get_by_role("button", name="Half the dose instead").click()
    expect(page.locator("#order-cards .outcome")).to_contain_text("Feedback was sent")
    (feedback,) = site.service.feedback
    assert feedback["outcome"] == "accepted"
    assert feedback["acceptedSuggestions"][0]["id"]
    assert feedback["outcomeTimestamp"].endswith("Z")
    proposals = stored(site, "septic", intent="proposal")
    assert [each["status"] for each in proposals] == ["draft"]
    written = site.service.requests[-1]["context"]["draftOrders"]["entry"][0]["resource"]["id"]
    assert site.http.get(f"/fhir/MedicationRequest/{written}").status_code == 410
    expect(page.get_by_role("button", name="A quarter instead")).to_be_disabled()


def test_a_dismissed_card_reports_its_reason_and_comment(page: Page, site: Any) -> None:
    open_patient(page)
    card = page.locator("#patient-cards .card").first
    card.get_by_text("Dismiss", exact=True).click()
    card.get_by_label("Reason").select_option("Already known")
    card.get_by_label("Comment").fill("Seen at the bedside")
    card.get_by_role("button", name="Dismiss this card").click()
    expect(card.locator(".outcome")).to_contain_text("Feedback was sent")
    (feedback,) = site.service.feedback
    assert feedback["outcome"] == "overridden"
    assert feedback["overrideReason"] == {
        "reason": {"code": "known", "system": "https://x.example/cs"},
        "userComment": "Seen at the bedside",
    }


def test_a_card_can_be_ignored_without_any_feedback(page: Page, site: Any) -> None:
    open_patient(page)
    open_patient(page, "Ingrid Stillwater")
    assert site.service.feedback == []


def test_an_order_without_advice_is_signed_at_once(page: Page, site: Any) -> None:
    site.service.silent = True
    page.get_by_role("button", name="Walter Pumphrey").click()
    page.get_by_role("radio", name="Furosemide").check()
    page.get_by_role("radio", name="40 mg").check()
    page.get_by_role("button", name="Check and sign").click()
    expect(page.locator(".form-message")).to_contain_text("no advice against it")


def test_a_service_that_fails_never_stands_between_the_clinician_and_the_order(
    page: Page, site: Any
) -> None:
    site.service.broken = True
    page.get_by_role("button", name="Ingrid Stillwater").click()
    expect(page.locator("#patient-cards")).to_contain_text("No vital signs.")
    page.get_by_role("radio", name="Metoprolol").check()
    page.get_by_role("radio", name="5 mg", exact=True).check()
    page.get_by_role("button", name="Check and sign").click()
    page.get_by_role("button", name="Sign as written").click()
    expect(page.locator("#orders")).to_contain_text("Metoprolol, 5 mg once")


def test_advice_for_one_patient_is_gone_when_another_is_opened(page: Page) -> None:
    open_patient(page)
    write_bolus(page)
    page.get_by_role("button", name="Noel Blank").click()
    expect(page.locator("#order-cards .card")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Noel Blank")
    expect(page.get_by_role("button", name="Check and sign")).to_be_disabled()


def test_markup_in_a_card_is_shown_as_text_and_script_links_are_dead(page: Page) -> None:
    open_patient(page)
    write_bolus(page)
    detail = page.locator("#order-cards .detail")
    expect(detail).to_contain_text("<b>Observation/17</b>")
    expect(detail.locator("b")).to_have_count(0)
    expect(detail.get_by_role("link")).to_have_count(1)


def test_a_patient_without_name_birth_date_or_stay_can_be_opened(page: Page, site: Any) -> None:
    bare = site.http.post("/fhir/Patient", json={"resourceType": "Patient"}).json()
    page.reload()
    page.get_by_role("button", name=f"Unnamed, {bare['id']}").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("age unknown, sex unknown")
    expect(page.locator("#patient-cards .card").first).to_be_visible()


def test_prefetch_can_be_withheld(page: Page, site: Any) -> None:
    page.get_by_text("For developers").click()
    page.get_by_label("Send prefetch").uncheck()
    open_patient(page)
    assert "prefetch" not in site.service.requests[-1]
    expect(page.locator("#calls")).to_contain_text("patient-view")


def test_a_pasted_order_is_taken_and_a_wrong_one_is_explained(page: Page, site: Any) -> None:
    open_patient(page)
    page.get_by_text("Or paste an order").click()
    field = page.get_by_label("FHIR order as JSON")
    field.fill("{")
    page.get_by_role("button", name="Use this order").click()
    expect(page.locator(".form-message")).to_contain_text("not JSON")
    field.fill('{"resourceType": "ServiceRequest", "code": {"text": "Echocardiogram"}}')
    page.get_by_role("button", name="Use this order").click()
    expect(page.locator("#advice-status")).to_contain_text("Echocardiogram")
    draft = site.service.requests[-1]["context"]["draftOrders"]["entry"][0]["resource"]
    assert draft["subject"] == {"reference": "Patient/bleeding"}


def test_the_whole_journey_works_by_keyboard(page: Page, site: Any) -> None:
    page.get_by_role("button", name="Tomas Redmond").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#patient-cards .card").first).to_be_visible()
    press_until(page, "Tab", "input[name=kind]")
    page.keyboard.press("Space")
    press_until(page, "Tab", "input[name=dose]")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#order-cards .card")).to_be_visible()
    press_until(page, "Tab", "button.primary")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign as written")).to_be_visible()
    press_until(page, "Tab", "button.accept")
    page.keyboard.press("Enter")
    expect(page.locator("#order-cards .outcome")).to_contain_text("Feedback was sent")
    assert site.service.feedback[0]["outcome"] == "accepted"


def press_until(page: Page, key: str, selector: str) -> None:
    """Press a key until what is focused matches."""
    for _ in range(60):
        page.keyboard.press(key)
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{key} never reaches {selector}")


@pytest.mark.parametrize("width", [390, 820, 1280])
def test_nothing_scrolls_sideways(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    open_patient(page)
    write_bolus(page)
    page.get_by_text("For developers").click()
    page.locator(".calls details summary").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_control_has_a_name_and_text_has_contrast(page: Page) -> None:
    open_patient(page)
    write_bolus(page)
    page.get_by_role("button", name="Check and sign").click()
    expect(page.get_by_role("button", name="Sign as written")).to_be_visible()
    snapshot = page.locator("body").aria_snapshot()
    unnamed = re.findall(r"^\s*- (?:button|link|radio|textbox|combobox|img)\s*$", snapshot, re.M)
    assert unnamed == []
    assert page.evaluate(FAINT_TEXTS) == []


FAINT_TEXTS = """() => {
  // WCAG 2.2, 1.4.3: contrast of at least 4.5 between text and what lies behind it.
  const light = (rgb) => {
    const [r, g, b] = rgb.map((each) => {
      const part = each / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const ground = (node) => {
    for (let each = node; each; each = each.parentElement) {
      const colour = numbers(getComputedStyle(each).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.99) return colour.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.data.trim() || !node.checkVisibility() || node.closest(":disabled, .skip")) continue;
    const ink = light(numbers(getComputedStyle(node).color).slice(0, 3));
    const paper = light(ground(node));
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (contrast < 4.5) faint.push(`${text.data.trim().slice(0, 40)}: ${contrast.toFixed(1)}`);
  }
  return faint;
}"""
