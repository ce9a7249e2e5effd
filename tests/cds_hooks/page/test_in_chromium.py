"""The page in a real browser: read, tried, handed back, at four sizes and colours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from cds_hooks.ports import FhirQuery

if TYPE_CHECKING:
    from tests.cds_hooks.page.conftest import Site

pytestmark = [pytest.mark.service("chromium"), pytest.mark.xdist_group("chromium")]

PATIENTS = ("bleeding", "septic", "heart-failure", "stable", "almost-no-data")
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, on_a_port: Callable[..., Any]
) -> Iterator[tuple[Site, int]]:
    with on_a_port(tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.fixture
def opened(
    chromium: Browser, opener: Callable[..., Any], served: tuple[Site, int]
) -> Iterator[Open]:
    """Return an opener of a patient's page; a console error or a fault of the page fails."""
    with opener(chromium, *served) as made:
        yield made


def plan_norepinephrine(page: Page, rate: str = "0.1") -> None:
    page.get_by_label("Add a treatment to Plan B").select_option("infusion/norepinephrine")
    page.get_by_label("Amount of Norepinephrine infusion").fill(rate)


def test_a_clinician_reads_simulates_and_hands_back_a_draft(
    opened: Open, served: tuple[Site, int], picture: Any
) -> None:
    site, _ = served
    page = opened("bleeding")
    expect(page.get_by_role("heading", level=1)).to_contain_text("MAP ")
    expect(page.locator("#banner")).to_contain_text("Tomas Redmond")
    page.get_by_role("button", name="Try Crystalloid 500 mL").click()
    plan_norepinephrine(page)
    results = page.locator(".results")
    expect(results.get_by_role("row", name="Plan A")).to_contain_text("mmHg")
    expect(results.get_by_role("row", name="Plan B")).to_contain_text("mmHg")
    expect(page.locator(".verdict")).to_contain_text("simulated probability")
    picture(page, "workbench-1280-light")
    page.get_by_label("change against doing nothing new").check()
    expect(results.locator("figcaption").first).to_have_text(
        "Change of mean arterial pressure, mmHg"
    )
    picture(page, "workbench-change-1280-light")
    plan = page.get_by_role("region", name="Plan A", exact=True)
    plan.get_by_role("button", name="Hand back as draft").click()
    expect(plan).to_contain_text("nothing is ordered until somebody signs")
    plan.get_by_role("button", name="Create the draft").click()
    expect(plan.locator(".done")).to_contain_text("Created as draft proposal: MedicationRequest/")
    session = site.launched("bleeding")
    query = FhirQuery("MedicationRequest?patient=bleeding&status=draft")
    found = [
        msgspec.json.decode(raw) for raw in site.awaited(site.ehr.search(query, session.grant))
    ]
    (draft,) = [each for each in found if each["intent"] == "proposal"]
    assert draft["dosageInstruction"][0]["text"] == "500 mL intravenous over 15 min"


def test_what_runs_is_changed_and_ended_beside_a_third_plan(
    opened: Open, picture: Any, violations: Any
) -> None:
    page = opened("septic")
    adders = [page.get_by_label(f"Add a treatment to Plan {each}") for each in "ABC"]
    adders[0].select_option(label="Stop Norepinephrine, 0.08 µg/kg/min")
    adders[1].select_option(label="Change Norepinephrine, 0.08 µg/kg/min")
    change = page.get_by_label("Amount of Norepinephrine infusion")
    expect(change).to_have_value("0.08")
    change.fill("0.16")
    adders[2].select_option("fluid/crystalloid")
    page.get_by_label("Amount of Crystalloid").fill("500")
    page.get_by_label("Over", exact=True).fill("15")
    results = page.locator(".results")
    for name in ("Plan A", "Plan B", "Plan C"):
        expect(results.get_by_role("row", name=name)).to_contain_text("mmHg")
    expect(results.locator(".legend")).to_contain_text("changed from 0.08 µg/kg/min to 0.16")
    picture(page, "running-1280-light")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert violations(page) == []
    plan = page.get_by_role("region", name="Plan A", exact=True)
    plan.get_by_role("button", name="Hand back as draft").click()
    expect(plan).to_contain_text("Nothing is written")
    plan.get_by_role("button", name="Show what to end").click()
    expect(plan.get_by_role("alert")).to_contain_text("End norepinephrine (order Medication")


def test_a_dose_is_dragged_with_the_keyboard_and_an_odd_one_is_refused_with_its_range(
    opened: Open,
) -> None:
    page = opened("septic")
    page.get_by_label("Add a treatment to Plan A").select_option("infusion/norepinephrine")
    slider = page.get_by_role("slider", name="Norepinephrine infusion")
    expect(slider).to_have_attribute("aria-valuetext", "not chosen")
    slider.press("End")
    expect(slider).to_have_attribute("aria-valuetext", "3 µg/kg/min")
    expect(page.locator(".results")).to_contain_text("Plan A")
    page.get_by_label("Amount of Norepinephrine infusion").fill("30")
    expect(page.locator(".verdict")).to_contain_text("plausible range 0.005 to 3 µg/kg/min")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_and_breaks_no_rule_of_accessibility(
    opened: Open, width: int, scheme: str, picture: Any, violations: Any
) -> None:
    page = opened("bleeding", width, scheme)
    page.get_by_role("button", name="Try Crystalloid 500 mL").click()
    expect(page.locator(".results").get_by_role("row", name="Plan A")).to_be_visible()
    picture(page, f"bleeding-{width}-{scheme}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []


@pytest.mark.parametrize("patient", PATIENTS)
def test_every_sample_patient_can_be_looked_at(
    opened: Open, patient: str, picture: Any, violations: Any
) -> None:
    page = opened(patient)
    picture(page, f"{patient}-1280-light")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.locator("#provenance > summary").click()
    expect(page.locator("#provenance")).to_contain_text("source attributes")
    assert violations(page) == []


def test_the_page_paints_at_once_and_asks_nobody_else(
    opened: Open, served: tuple[Site, int]
) -> None:
    _, port = served
    page = opened("stable")
    asked = page.evaluate("performance.getEntriesByType('resource').map((each) => each.name)")
    assert asked
    assert all(url.startswith(f"http://127.0.0.1:{port}/") for url in asked)


def test_a_session_that_ends_leaves_nothing_of_the_patient_on_the_screen(
    opened: Open, served: tuple[Site, int], picture: Any, violations: Any
) -> None:
    site, _ = served
    page = opened("heart-failure", handle="ending", refused="401")
    # The stream of events looks the session up anew each time it asks the EHR.
    site.awaited(site.sessions.end("ending"))
    expect(page.get_by_role("heading", name="The session has ended")).to_be_visible()
    expect(page.locator("#banner")).to_be_hidden()
    assert "mmHg" not in page.locator("body").inner_text()
    picture(page, "ended-1280-light")
    assert violations(page) == []


def test_a_chart_that_cannot_be_read_is_an_error_with_a_way_on(
    opened: Open, picture: Any, violations: Any
) -> None:
    page = opened("bleeding", patient_id="nobody", handle="nobody", refused="412")
    expect(page.get_by_role("alert")).to_contain_text("no such resource")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    picture(page, "error-1280-light")
    assert violations(page) == []


def test_what_is_printed_holds_the_figures_without_the_controls(
    opened: Open, picture: Any
) -> None:
    page = opened("septic")
    page.emulate_media(media="print")
    expect(page.locator(".plans")).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("#risk")).to_be_visible()
    picture(page, "printed")
