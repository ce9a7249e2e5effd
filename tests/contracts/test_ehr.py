"""What every ``Ehr`` does, tried on a folder and, over HTTP with small pages, on the sandbox."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvicorn
from fastapi import FastAPI

from cds_hooks.errors import EhrError, EhrLacks, EhrUnreadable
from cds_hooks.fhir.folder_ehr import FolderEhr
from cds_hooks.fhir.readings import readings_of
from cds_hooks.fhir.rest_ehr import RestEhr
from cds_hooks.ports import Ehr, FhirQuery, Grant
from cds_hooks.security.egress import Egress
from cds_hooks.security.egress_transport import client
from cds_hooks.services.templates import (
    GIVEN_TREATMENTS,
    IMAGING,
    IMAGING_STUDIES,
    LABORATORY,
    OBSERVATIONS,
    TREATMENT,
    VITAL_SIGNS,
)
from sandbox_ehr.access_tokens import AccessTokens
from sandbox_ehr.app import _refused
from sandbox_ehr.errors import SandboxError
from sandbox_ehr.fhir_http import FhirInterface
from sandbox_ehr.store import Store
from sandbox_ehr.transaction import run_transaction

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
Json = dict[str, Any]


class Clock:
    def now(self) -> datetime:
        return NOW


def observation(patient: str, number: int, code: str, category: str) -> Json:
    return {
        "resourceType": "Observation",
        "id": f"{patient}-{code}-{number}",
        "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": category}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": f"2026-11-21T{number % 9:02d}:{number:02d}:00+00:00",
        "valueQuantity": {
            "value": 70 + number,
            "unit": "/min",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        },
    }


def study(patient: str, number: int) -> Json:
    return {
        "resourceType": "ImagingStudy",
        "id": f"{patient}-study-{number}",
        "status": "available",
        "subject": {"reference": f"Patient/{patient}"},
        "started": f"2026-11-{number + 1:02d}T07:00:00+00:00",
    }


def administration(patient: str, number: int, status: str) -> Json:
    return {
        "resourceType": "MedicationAdministration",
        "id": f"{patient}-given-{number}",
        "status": status,
        "subject": {"reference": f"Patient/{patient}"},
        "medicationCodeableConcept": {"text": "Metoprolol"},
        "effectivePeriod": {
            "start": f"2026-11-20T{number:02d}:00:00+00:00",
            "end": f"2026-11-20T{number:02d}:30:00+00:00",
        },
    }


CHART: list[Json] = [
    *({"resourceType": "Patient", "id": name, "gender": "female"} for name in ("p1", "p2")),
    *(observation("p1", number, "8867-4", "vital-signs") for number in range(23)),
    *(observation("p1", number, "9279-1", "vital-signs") for number in range(3)),
    *(observation("p1", number, "60985-9", "exam") for number in range(2)),
    *(observation("p2", number, "8867-4", "vital-signs") for number in range(4)),
    *(study("p1", number) for number in range(3)),
    *(administration("p1", number, "completed") for number in range(3)),
    administration("p1", 3, "not-done"),
    administration("p1", 4, "in-progress"),
    administration("p2", 5, "completed"),
]
BUNDLE: Json = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [
        {
            "resource": each,
            "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"},
        }
        for each in CHART
    ],
}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Run the sandbox's FHIR interface, which shares no code with ours, in pages of seven."""
    store = Store(lambda: NOW)
    run_transaction(store, BUNDLE)
    running = uvicorn.Server(uvicorn.Config(FastAPI(), port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=running.run, daemon=True)
    app = running.config.app
    thread.start()
    while not running.started:
        threading.Event().wait(0.01)
    base = f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}/fhir"
    assert isinstance(app, FastAPI)
    interface = FhirInterface(store, AccessTokens(lambda: NOW), base, lambda: NOW, 7)
    app.include_router(interface.router(), prefix="/fhir")
    app.add_exception_handler(SandboxError, _refused)
    yield base
    running.should_exit = True
    thread.join()


@pytest.fixture(params=["folder", "server"])
def ask(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., list[Json]]:
    def on(ehr: Ehr, base: str, path: str, enough: int | None) -> Any:
        grant = Grant(base, None, frozenset({"patient/*.read"}), None, None)
        return ehr.search(FhirQuery(path, enough=enough), grant)

    async def from_folder(path: str, enough: int | None) -> Any:
        (tmp_path / "chart.json").write_text(json.dumps(BUNDLE))
        return await on(FolderEhr(tmp_path), "https://ehr.example", path, enough)

    async def from_server(path: str, enough: int | None) -> Any:
        base = request.getfixturevalue("server")
        async with client(Egress([base]), timeout_s=5) as http:
            return await on(RestEhr(http, Clock()), base, path, enough)

    ask_one = from_folder if request.param == "folder" else from_server

    def asked(path: str, enough: int | None = None) -> list[Json]:
        return [msgspec.json.decode(raw) for raw in asyncio.run(ask_one(path, enough))]

    return asked


Ask = Callable[..., list[Json]]


def filled(template: str) -> str:
    return template.replace("{{context.patientId}}", "p1")


def test_a_read_gives_the_one_resource(ask: Ask) -> None:
    (patient,) = ask("Patient/p1")
    assert (patient["resourceType"], patient["id"]) == ("Patient", "p1")


@pytest.mark.parametrize("path", ["Patient/p9", "Observation/p1"])
def test_what_is_not_there_is_an_error_not_an_empty_answer(ask: Ask, path: str) -> None:
    with pytest.raises(EhrLacks):
        ask(path)


def test_every_page_of_a_search_arrives_once_newest_first(ask: Ask) -> None:
    found = ask(filled(OBSERVATIONS[VITAL_SIGNS]))
    assert len(found) == len({each["id"] for each in found}) == 26
    times = [each["effectiveDateTime"] for each in found]
    assert times == sorted(times, reverse=True)


def test_a_search_finds_nothing_of_another_patient(ask: Ask) -> None:
    found = ask(filled(OBSERVATIONS[VITAL_SIGNS]))
    assert {each["subject"]["reference"] for each in found} == {"Patient/p1"}


def test_codes_are_searched_in_lists_and_under_any_category(ask: Ask) -> None:
    found = ask(filled(OBSERVATIONS["haemodynamics"]))
    assert {each["code"]["coding"][0]["code"] for each in found} == {"60985-9"}
    assert len(found) == 2


def test_a_search_without_a_match_is_empty(ask: Ask) -> None:
    assert ask(filled(OBSERVATIONS[LABORATORY])) == []


def test_enough_resources_are_enough(ask: Ask) -> None:
    found = ask(filled(OBSERVATIONS[VITAL_SIGNS]), enough=5)
    assert 5 <= len(found) <= 26
    assert found[0]["effectiveDateTime"].startswith("2026-11-21T08")


def test_studies_come_newest_first(ask: Ask) -> None:
    found = ask(filled(IMAGING[IMAGING_STUDIES]))
    assert [each["id"] for each in found] == ["p1-study-2", "p1-study-1", "p1-study-0"]


def test_what_was_given_comes_newest_first_without_what_was_not(ask: Ask) -> None:
    found = ask(filled(TREATMENT[GIVEN_TREATMENTS]))
    assert [each["id"] for each in found] == [f"p1-given-{number}" for number in (4, 2, 1, 0)]


def test_dates_bound_a_search(ask: Ask) -> None:
    found = ask("Observation?patient=p1&category=vital-signs&date=ge2026-11-21T08:00:00Z")
    assert {each["effectiveDateTime"][:13] for each in found} == {"2026-11-21T08"}


def test_what_a_search_gives_can_be_read(ask: Ask) -> None:
    found = ask(filled(OBSERVATIONS[VITAL_SIGNS]))
    chart = [msgspec.Raw(json.dumps(each).encode()) for each in found]
    readings = readings_of(chart, "p1", NOW)
    assert len(readings.readings) == 26
    assert readings.not_used == ()


@pytest.mark.parametrize("path", ["Observation?patient=p1&colour=red", "Observation?date=soon"])
def test_a_search_that_is_not_known_is_refused_not_widened(ask: Ask, path: str) -> None:
    with pytest.raises(EhrUnreadable):
        ask(path)


def test_every_failure_is_one_of_the_ports(ask: Ask) -> None:
    with pytest.raises(EhrError):
        ask("Nonsense/1")
