"""Readings of ECGs and radiographs in a real browser: found, doubted, waited for, not to be had.

The answers are written here, in the shape of ``services.clinician_readings``, so that every state
is seen without a net; what the nets themselves say of real files is shown in ``tests/servers``.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from cds_hooks.services.clinician_readings import (
    ActivationShown,
    BoxShown,
    FindingShown,
    MeasureShown,
    ReadingShown,
    ReadingsShown,
)

pytestmark = [pytest.mark.service("chromium"), pytest.mark.xdist_group("chromium")]

TAKEN = datetime(2026, 3, 1, 9, tzinfo=UTC)
HOSTILE = "<img src=x onerror=window.hacked=1>"


def finding(name: str, probability: float, present: bool, **changes: Any) -> FindingShown:
    members: dict[str, Any] = {
        "code": name,
        "name": name,
        "probability": probability,
        "present": present,
        "possible": present and probability >= 0.1,
        "likely": present and probability >= 0.5,
        "threshold": 0.4,
        "sensitivity": 0.9,
        "specificity": 0.95,
        "highlights": False,
    }
    return FindingShown(**(members | changes))


def item(**changes: Any) -> ReadingShown:
    members: dict[str, Any] = {
        "id": "ecg-1",
        "kind": "ecg",
        "title": "ECG",
        "taken_at": TAKEN,
        "state": "read",
        "sentence": "Likely atrial fibrillation.",
        "reference": "DocumentReference/ecg/_history/1",
        "study": None,
        "release": "vizecgnet 0.2.0",
    }
    return ReadingShown(**(members | changes))


ECG = item(
    findings=[
        finding("atrial fibrillation", 0.93, True, highlights=True),
        finding("first-degree AV block", 0.04, True),
        finding("complete heart block", 0.02, False),
        finding("ventricular tachycardia", 0.01, False, threshold=None, sensitivity=None),
    ],
    measures=[
        MeasureShown(name="ventricular rate", value=118.0, low=None, high=None, unit="/min")
    ],
    doubts=["The page is blurred."],
    picture=True,
    width=672,
    height=320,
    activation=ActivationShown(
        finding="atrial fibrillation", rows=20, columns=42, values=[n / 839 for n in range(840)]
    ),
)
RADIOGRAPH = item(
    id="cxr-1",
    kind="radiograph",
    title="radiograph",
    sentence="Cardiothoracic ratio 0.56.",
    reference="ImagingStudy/bleeding-chest-radiograph",
    study="ImagingStudy/bleeding-chest-radiograph",
    release="radiograph 0.1.0",
    measures=[MeasureShown(name="cardiothoracic ratio", value=0.56, low=0.52, high=0.6, unit="")],
    picture=True,
    width=512,
    height=512,
    boxes=[
        BoxShown(label="right lung", score=0.99, left=40, top=60, right=230, bottom=430),
        BoxShown(label="heart", score=0.97, left=180, top=230, right=390, bottom=420),
    ],
)
WAITING = item(id="", state="waiting", sentence="Not yet read.", title="ECG")
FAILED = item(id="x", state="failed", sentence=f"Not read: {HOSTILE}.", title=HOSTILE)


def answer(*items: ReadingShown, **changes: Any) -> bytes:
    members: dict[str, Any] = {
        "items": list(items),
        "changed_twin": [],
        "not_used": [],
        "missing": [],
        "note": "Read by nets, not by a person.",
    }
    return msgspec.json.encode(ReadingsShown(**(members | changes)))


def png(width: int, height: int) -> bytes:
    written = io.BytesIO()
    Image.new("L", (width, height), 90).save(written, "PNG")
    return written.getvalue()


class Answers:
    """What the routes of readings answer, one after the other; the last goes on."""

    def __init__(self) -> None:
        self.next: list[bytes | int] = []
        self.pictures: bytes | int = png(672, 320)

    def __call__(self, route: Route) -> None:
        if "/picture" in route.request.url:
            return self._give(route, self.pictures, "image/png")
        given = self.next.pop(0) if len(self.next) > 1 else self.next[0]
        return self._give(route, given, "application/json")

    @staticmethod
    def _give(route: Route, given: bytes | int, media_type: str) -> None:
        if isinstance(given, int):
            route.fulfill(status=given, body="{}", content_type="application/json")
        else:
            route.fulfill(status=200, body=given, content_type=media_type)


@pytest.fixture(scope="module")
def site_and_port(
    tmp_path_factory: pytest.TempPathFactory, on_a_port: Callable[..., Any]
) -> Iterator[Any]:
    with on_a_port(tmp_path_factory.mktemp("readings")) as found:
        yield found


@pytest.fixture
def open_with(chromium: Browser, opener: Callable[..., Any], site_and_port: Any) -> Iterator[Any]:
    """Return what opens the bleeding patient's page with answers of one's own."""
    with opener(chromium, *site_and_port) as opened:

        def made(*given: bytes | int, pictures: bytes | int | None = None, **changes: Any) -> Page:
            answers = Answers()
            answers.next = list(given)
            if pictures is not None:
                answers.pictures = pictures
            page: Page = opened("bleeding", routed=("**/app/api/readings**", answers), **changes)
            return page

        yield made


def test_findings_stand_with_probability_threshold_doubt_place_and_release(
    open_with: Any, picture: Any, violations: Any
) -> None:
    page = open_with(answer(ECG, RADIOGRAPH, changed_twin=["The twin beats irregularly."]))
    panel = page.locator("#readings")
    row = panel.get_by_role("row", name="atrial fibrillation")
    for words in ("93 %", "40 %", "90 %", "95 %", "marked on the picture"):
        expect(row).to_contain_text(words)
    for words in (
        *("The twin beats irregularly.", "118 /min", "The page is blurred.", "vizecgnet 0.2.0"),
        *("3 h ago", "0.56 (0.52 to 0.60)", "radiograph 0.1.0", "2 of 2 read.", "not by a person"),
    ):
        expect(panel).to_contain_text(words)
    image = panel.get_by_role("img", name="ECG: Likely atrial fibrillation.")
    expect(image).to_have_js_property("naturalWidth", 672)
    page.wait_for_function("document.querySelector('#readings canvas').width === 672")
    painted = page.evaluate(
        "(() => { const c = document.querySelector('#readings canvas');"
        " return [...c.getContext('2d').getImageData(660, 310, 1, 1).data]; })()"
    )
    assert painted[3] > 0
    panel.get_by_label("Marked: what speaks for atrial fibrillation").uncheck()
    expect(panel.locator("canvas").first).to_be_hidden()
    rare = panel.get_by_role("row", name="first-degree AV block")
    expect(rare).to_be_hidden()
    panel.get_by_text("Not excluded, each below one in ten (1)").click()
    expect(rare).to_contain_text("4 %")
    picture(page, "readings-1280-light")
    assert violations(page) == []


def test_on_a_phone_in_the_dark_pictures_and_boxes_fit(
    open_with: Any, picture: Any, violations: Any
) -> None:
    page = open_with(answer(RADIOGRAPH, ECG), width=390, scheme="dark")
    expect(page.locator("#readings")).to_contain_text("2 of 2 read.")
    page.get_by_text("Boxes on the picture (2)").click()
    expect(page.locator("#readings")).to_contain_text("35 % to 76 %")
    picture(page, "readings-390-dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert violations(page) == []


def test_what_is_being_read_is_asked_for_again_until_it_is_there(open_with: Any) -> None:
    page = open_with(answer(WAITING), answer(ECG))
    panel = page.locator("#readings")
    expect(panel).to_contain_text("Not yet read.")
    expect(panel).to_contain_text("1 being read")
    expect(panel).to_contain_text("Likely atrial fibrillation.")


def test_what_was_not_read_says_why_and_its_words_are_no_markup(
    open_with: Any, picture: Any, violations: Any
) -> None:
    page = open_with(answer(FAILED, not_used=[HOSTILE]))
    panel = page.locator("#readings")
    expect(panel).to_contain_text(f"Not read: {HOSTILE}.")
    assert panel.locator("img").count() == 0
    assert page.evaluate("window.hacked ?? null") is None
    picture(page, "readings-failed-1280-light")
    assert violations(page) == []


def test_a_picture_that_cannot_be_had_leaves_the_findings(open_with: Any) -> None:
    page = open_with(answer(ECG), pictures=404, refused="404")
    expect(page.locator("#readings")).to_contain_text("The picture could not be fetched")
    expect(page.locator("#readings")).to_contain_text("93 %")


def test_readings_that_cannot_be_fetched_are_an_error_with_a_way_on(
    open_with: Any, violations: Any
) -> None:
    page = open_with(503, answer(ECG), refused="503")
    alert = page.locator("#readings").get_by_role("alert")
    expect(alert).to_contain_text("The readings could not be fetched")
    assert violations(page) == []
    page.locator("#readings").get_by_role("button", name="Ask again").click()
    expect(page.locator("#readings")).to_contain_text("Likely atrial fibrillation.")


def test_without_any_file_that_is_said(open_with: Any) -> None:
    page = open_with(answer())
    expect(page.locator("#readings")).to_contain_text("No ECG and no chest radiograph is on file.")
