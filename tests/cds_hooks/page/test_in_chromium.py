"""The page in a real browser: read, tried, handed back, at four sizes and colours; nothing live.

``CARDIOTWIN_SCREENSHOTS`` names a folder in which pictures of the page are kept to be looked at.
"""

from __future__ import annotations

import copy
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from cds_hooks.cli.child_processes import free_port
from cds_hooks.ports import FhirQuery

if TYPE_CHECKING:
    from tests.cds_hooks.page.conftest import Json, Site

pytestmark = [pytest.mark.service("chromium"), pytest.mark.xdist_group("chromium")]

AXE = Path(__file__).parents[3] / ".services/axe/node_modules/axe-core/axe.min.js"
PATIENTS = ("bleeding", "septic", "heart-failure", "stable", "almost-no-data")
SLOW_MS = 60_000

Sites = Callable[..., AbstractContextManager[Any]]
Serving = Callable[..., AbstractContextManager[int]]
Open = Callable[..., Page]


@pytest.fixture(scope="session")
def on_a_port(run_site: Sites, serving: Serving) -> Sites:
    """Return what serves a site where a browser can reach it; its origin is the true one."""

    @contextmanager
    def made(folder: Path, *changed: Any) -> Iterator[tuple[Site, int]]:
        port = free_port()
        base = f"http://127.0.0.1:{port}"
        with (
            run_site(folder, *changed, base=base, entered=False, page_poll_s=5.0) as site,
            serving(site.application, port, "on"),
        ):
            yield site, port

    return made


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, on_a_port: Sites
) -> Iterator[tuple[Site, int]]:
    with on_a_port(tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.fixture
def opened(chromium: Browser, served: tuple[Site, int]) -> Iterator[Open]:
    """Return an opener of a patient's page; a console error or a fault of the page fails."""
    with opener(chromium, *served) as made:
        yield made


@contextmanager
def opener(chromium: Browser, site: Site, port: int) -> Iterator[Open]:
    contexts = []
    faults: list[str] = []

    def made(
        patient: str,
        width: int = 1280,
        scheme: Any = "light",
        refused: str | None = None,
        **changes: Any,
    ) -> Page:
        session = site.launched(patient, **changes)
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        contexts.append(context)
        context.set_default_timeout(SLOW_MS)
        expect.set_options(timeout=SLOW_MS)
        context.add_cookies(
            [
                {
                    "name": f"__Host-cardiotwin-{session.handle}",
                    "value": session.secret,
                    "domain": "127.0.0.1",
                    "path": "/",
                    "secure": True,
                    "httpOnly": True,
                    "sameSite": "None",
                }
            ]
        )
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))

        def listen(line: Any) -> None:
            # Browsers write down every answer that is no success; the test says which one it is.
            told = refused is not None and f"status of {refused}" in line.text
            if line.type in ("error", "warning") and not told:
                faults.append(line.text)

        page.on("console", listen)
        page.goto(f"http://127.0.0.1:{port}/app?session={session.handle}")
        expect(page.locator("#main")).to_have_attribute("aria-busy", "false")
        return page

    yield made
    for context in contexts:
        context.close()
    assert faults == []


def picture(page: Page, name: str) -> None:
    folder = os.environ.get("CARDIOTWIN_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def plan_norepinephrine(page: Page, rate: str = "0.1") -> None:
    page.get_by_label("Add a treatment to Plan B").select_option("infusion/norepinephrine")
    page.get_by_label("Amount of Norepinephrine infusion").fill(rate)


def test_a_clinician_reads_simulates_and_hands_back_a_draft(
    opened: Open, served: tuple[Site, int]
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
    opened: Open, width: int, scheme: str
) -> None:
    page = opened("bleeding", width, scheme)
    page.get_by_role("button", name="Try Crystalloid 500 mL").click()
    expect(page.locator(".results").get_by_role("row", name="Plan A")).to_be_visible()
    picture(page, f"bleeding-{width}-{scheme}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []


def violations(page: Page) -> list[str]:
    if not AXE.exists():
        reason = "axe-core is not installed; `make services` installs it"
        if os.environ.get("CARDIOTWIN_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{each['id']}: {node['html'][:160]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("patient", PATIENTS)
def test_every_sample_patient_can_be_looked_at(opened: Open, patient: str) -> None:
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
    opened: Open, served: tuple[Site, int]
) -> None:
    site, _ = served
    page = opened("heart-failure", handle="ending", refused="401")
    # The stream of events looks the session up anew each time it asks the EHR.
    site.awaited(site.sessions.end("ending"))
    expect(page.get_by_role("heading", name="The session has ended")).to_be_visible()
    expect(page.locator("#banner")).to_be_hidden()
    assert "mmHg" not in page.locator("body").inner_text()
    picture(page, "ended-1280-light")


def test_a_chart_that_cannot_be_read_is_an_error_with_a_way_on(opened: Open) -> None:
    page = opened("bleeding", patient_id="nobody", handle="nobody", refused="412")
    expect(page.get_by_role("alert")).to_contain_text("no such resource")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    picture(page, "error-1280-light")


def test_what_is_printed_holds_the_figures_without_the_controls(opened: Open) -> None:
    page = opened("septic")
    page.emulate_media(media="print")
    expect(page.locator(".plans")).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("#risk")).to_be_visible()
    picture(page, "printed")


TAGS = (
    "<script>{}</script>",
    "<img src=x onerror={}>",
    "<svg onload={}>",
    "<iframe srcdoc='<script>{}</script>'>",
    "<a href='javascript:{}'>x</a>",
    "<details open ontoggle={}>",
    "<math><mtext><style><img src=x onerror={}>",
    "<body onload={}>",
    "<input autofocus onfocus={}>",
    "<video><source onerror={}>",
    "<object data='javascript:{}'>",
    "<form action='javascript:{}'><button>x",
    "<style>@import 'javascript:{}'</style>",
    "<link rel=stylesheet href='javascript:{}'>",
    "<base href='javascript:{}//'>",
    "<meta http-equiv=refresh content='0;url=javascript:{}'>",
    "<template><script>{}</script></template>",
)
WAYS = (
    "{}",
    '">{}',
    "'>{}",
    "</textarea>{}",
    "</title>{}",
    "-->{}",
    "]]>{}",
    "&lt;{}",
    "\u202e{}",
    "\x00{}",
    "{{{{constructor.constructor('hacked=1')()}}}}{}",
)
PAYLOADS = tuple(
    way.format(tag.format("window.hacked=1")) for tag, way in itertools.product(TAGS, WAYS)
)
STRUCTURE = frozenset(
    {
        *("resourceType", "id", "reference", "system", "code", "status", "intent", "url"),
        *("versionId", "lastUpdated", "birthDate", "gender", "use", "method", "timestamp"),
        *("effectiveDateTime", "effectiveInstant", "started", "start", "end", "issued"),
        *("authoredOn", "uid", "fullUrl", "address", "type", "mode"),
    }
)


def poisoned(bundle: Json, payloads: Iterator[str]) -> Json:
    """Return a Bundle in which every text that is no structure is a payload."""

    def changed(value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {name: changed(each, name) for name, each in value.items()}
        if isinstance(value, list):
            return [changed(each, key) for each in value]
        return next(payloads) if isinstance(value, str) and key not in STRUCTURE else value

    made: Json = changed(copy.deepcopy(bundle), "")
    given = [
        {
            "resource": {
                "resourceType": "MedicationAdministration",
                "id": f"{subject(bundle)[8:]}-poison-{number}",
                "status": "completed",
                "subject": {"reference": subject(bundle)},
                "medicationCodeableConcept": {"text": payload},
                "dosage": {"text": payload},
                "effectiveDateTime": bundle["timestamp"],
            }
        }
        for number, payload in enumerate(PAYLOADS)
    ]
    return {**made, "entry": [*made["entry"], *given]}


def subject(bundle: Json) -> str:
    resources = [each["resource"] for each in bundle["entry"]]
    (patient,) = [each for each in resources if each["resourceType"] == "Patient"]
    return f"Patient/{patient['id']}"


def test_no_string_of_an_ehr_becomes_markup(
    chromium: Browser, tmp_path: Path, on_a_port: Sites
) -> None:
    payloads = itertools.cycle(PAYLOADS)
    replaced = itertools.count()

    def counted() -> Iterator[str]:
        for payload in payloads:
            next(replaced)
            yield payload

    source = counted()
    with (
        on_a_port(tmp_path, lambda bundle: poisoned(bundle, source)) as (site, port),
        opener(chromium, site, port) as opened,
    ):
        for patient in ("bleeding", "almost-no-data"):
            page = opened(patient)
            page.locator("#provenance").evaluate("(drawer) => { drawer.open = true; }")
            expect(page.locator("#provenance")).to_contain_text("source attributes")
            text = page.locator("body").text_content() or ""
            live = page.evaluate(
                "document.querySelectorAll('main script, main img, main svg, main iframe, main a,"
                " main style, main link, main base, main form, main object, main video,"
                " main template, main math, #banner > * > *').length"
            )
            assert live == 0
            assert page.evaluate("window.hacked") is None
            if patient == "bleeding":
                picture(page, "poisoned-1280-light")
                assert text.count("hacked=1") >= len(PAYLOADS) > 180
    assert next(replaced) > 500
