"""The page's ECGs: read between two requests, with pictures for their own session only."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from inference.core.ecg_layout import THREE_BY_FOUR_RHYTHM
from inference.core.ecg_printer import PageStyle, print_page
from inference.training.ecg_generator import generated

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cds_hooks.page.conftest import Site

Json = dict[str, Any]
LONGEST_S = 180.0
"""The child imports decoders and nets with the first file; a busy machine is no reason to fail."""


def printed_ecg() -> bytes:
    """Return a page with a generated ECG as PNG."""
    ecg = generated(np.random.default_rng(3), "NORM").ecg
    page = print_page(ecg, THREE_BY_FOUR_RHYTHM, PageStyle())
    stream = io.BytesIO()
    Image.fromarray(page.pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def reading_site(
    run_site: Callable[..., AbstractContextManager[Site]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    page = base64.b64encode(printed_ecg()).decode()

    def changed(bundle: Json) -> Json:
        for entry in list(bundle["entry"]):
            patient = entry["resource"]
            if patient["resourceType"] == "Patient" and patient["id"] in ("stable", "septic"):
                bundle["entry"].append({"resource": document(patient["id"], page, bundle)})
        return bundle

    folder: Path = tmp_path_factory.mktemp("readings")
    with run_site(folder, changed) as site:
        yield site


def document(patient: str, page: str, bundle: Json) -> Json:
    return {
        "resourceType": "DocumentReference",
        "id": f"{patient}-ecg",
        "status": "current",
        "type": {"coding": [{"system": "http://loinc.org", "code": "11524-6"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "date": bundle["timestamp"],
        "content": [{"attachment": {"contentType": "image/png", "data": page}}],
    }


def read(site: Site, patient: str) -> Json:
    """Return the only ECG of a patient once it is read."""
    session = site.launched(patient)
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until:
        answer = site.get("/app/api/readings", session)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        (item,) = [each for each in answer.json()["items"] if each["kind"] == "ecg"]
        if item["state"] != "waiting":
            return dict(item)
        time.sleep(0.5)
    raise AssertionError("it was not read in time")


def test_an_ecg_of_the_chart_is_shown_with_its_findings_and_picture(reading_site: Site) -> None:
    session = reading_site.launched("stable")
    first = reading_site.get("/app/api/readings", session).json()
    assert [each["state"] for each in first["items"] if each["kind"] == "ecg"] == ["waiting"]
    item = read(reading_site, "stable")
    assert item["state"] == "read", item["sentence"]
    assert item["reference"].startswith("DocumentReference/stable-ecg")
    assert item["release"].startswith("vizecgnet ")
    assert len(item["findings"]) == 20
    for each in item["findings"]:
        assert 0 <= each["probability"] <= 1
        assert each["present"] == (
            each["threshold"] is not None and each["probability"] >= each["threshold"]
        )
    picture = shown(reading_site, "stable", item["id"])
    assert picture.status_code == 200
    assert picture.headers["Content-Type"] == "image/png"
    assert picture.headers["Cache-Control"] == "no-store, private"
    image = Image.open(io.BytesIO(picture.content))
    assert image.size == (item["width"], item["height"]) == (672, 320)


def shown(site: Site, patient: str, reading: str) -> Any:
    session = site.launched(patient)
    cookie = f"__Host-cardiotwin-{session.handle}={session.secret}"
    url = f"/app/api/readings/picture?session={session.handle}&id={reading}"
    return site.http.get(url, headers={"Cookie": cookie})


def test_a_picture_opens_for_no_other_patients_session(reading_site: Site) -> None:
    mine = read(reading_site, "stable")["id"]
    theirs = read(reading_site, "septic")["id"]
    assert mine != theirs, "the same page on two charts is two readings"
    assert shown(reading_site, "septic", mine).status_code == 404
    assert shown(reading_site, "septic", theirs).status_code == 200
    for guess in ("", "0" * 32, "../readings", "%00"):
        assert shown(reading_site, "stable", guess).status_code == 404


def test_an_expired_session_gets_no_picture(reading_site: Site) -> None:
    item = read(reading_site, "stable")
    session = reading_site.launched("stable", handle="old")
    reading_site.clock.at += timedelta(hours=9)
    try:
        cookie = f"__Host-cardiotwin-{session.handle}={session.secret}"
        url = f"/app/api/readings/picture?session={session.handle}&id={item['id']}"
        answer = reading_site.http.get(url, headers={"Cookie": cookie})
    finally:
        reading_site.clock.at -= timedelta(hours=9)
    assert answer.status_code == 401


def test_no_log_line_and_no_address_knows_the_patient(
    reading_site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    item = read(reading_site, "stable")
    shown(reading_site, "stable", item["id"])
    logged = "".join(capsys.readouterr())
    assert '"route": "/app/api/readings/picture"' in logged
    assert item["id"] not in logged
    assert "stable" not in logged
