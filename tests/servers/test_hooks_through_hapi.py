"""The services as an EHR meets them that sends no prefetch: all data are read from HAPI."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from cds_hooks.cli.demo import BETA_BLOCKER, BOLUS, what_is_wrong
from cds_hooks.cli.hook_calls import bolus, draft, metoprolol, with_drafts
from cds_hooks.cli.printed_cards import simulated_changes

if TYPE_CHECKING:
    from conftest import Chart, FhirServer, OddArchive, PictureArchive, StartedServer

Json = dict[str, Any]

LONGEST_S = 240.0
"""The first file starts the process that reads; a busy machine is no reason to fail."""

pytestmark = [pytest.mark.service("hapi"), pytest.mark.service("orthanc")]


@pytest.fixture(scope="module")
def service(
    hapi: FhirServer,
    orthanc: PictureArchive,
    odd_archive: OddArchive,
    start_server: StartedServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[httpx2.Client]:
    """Run `cardiotwin serve`, allowed to read HAPI and Orthanc and nothing else."""
    folder = tmp_path_factory.mktemp("service")
    port = start_server.free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("CARDIOTWIN_")
    } | {
        "CARDIOTWIN_PUBLIC_BASE_URL": url,
        "CARDIOTWIN_TRUST": "open",
        "CARDIOTWIN_ALLOWED_FHIR_SERVERS": hapi.url,
        "CARDIOTWIN_ALLOWED_DICOMWEB": f"{orthanc.dicomweb},{odd_archive.url}",
        "CARDIOTWIN_DATA_DIRECTORY": str(folder / "data"),
        "CARDIOTWIN_GATHER_DEADLINE_S": "25",
    }
    command = [sys.executable, "-m", "cds_hooks.cli", "serve", f"--port={port}"]
    with (
        start_server.run(command, f"{url}/health", folder / "log", environment),
        httpx2.Client(base_url=url, timeout=120, trust_env=False) as http,
    ):
        yield http


def posted(
    service: httpx2.Client, name: str, hook: str, fhir_server: str, context: Json
) -> httpx2.Response:
    """Call a service the way an EHR without prefetch does."""
    body = {
        "hook": hook,
        "hookInstance": str(uuid.uuid4()),
        "fhirServer": fhir_server,
        "context": {"userId": "Practitioner/sandbox-clinician", **context},
    }
    return service.post(f"/cds-services/{name}", json=body)


def call(
    service: httpx2.Client, name: str, hook: str, fhir_server: str, context: Json
) -> list[Json]:
    reply = posted(service, name, hook, fhir_server, context)
    assert reply.status_code == 200, reply.text[:2000]
    cards: list[Json] = reply.json()["cards"]
    return cards


def said(cards: list[Json]) -> str:
    return "\n".join(f"{card['summary']}\n{card.get('detail', '')}" for card in cards)


@pytest.mark.requirement("CH-044", "CH-046")
def test_the_risk_of_a_bleeding_patient_comes_from_what_the_fhir_server_holds(
    service: httpx2.Client, ward: FhirServer
) -> None:
    context = {"patientId": "bleeding"}
    cards = call(service, "deterioration-risk", "patient-view", ward.url, context)
    assert cards
    assert "Research use only" in said(cards)


@pytest.mark.requirement("CH-044")
def test_a_bolus_and_a_beta_blocker_are_simulated_on_data_read_by_search(
    service: httpx2.Client, ward: FhirServer
) -> None:
    changes = {}
    for label, order in ((BOLUS, bolus(500, 15)), (BETA_BLOCKER, metoprolol(5))):
        context = with_drafts({"patientId": "bleeding"}, [draft(order, "bleeding")])
        cards = call(service, "order-effects", "order-sign", ward.url, context)
        assert "imulated" in said(cards)
        changes[label] = simulated_changes(cards[0])
    assert what_is_wrong(changes) is None


def findings_of(service: httpx2.Client, server: FhirServer, patient: str) -> str:
    context = {"patientId": patient}
    return said(call(service, "imaging-findings", "patient-view", server.url, context))


def read_of(service: httpx2.Client, server: FhirServer, patient: str) -> str:
    """Return what the card says once nothing waits any more."""
    until = time.monotonic() + LONGEST_S
    while "not yet read" in (told := findings_of(service, server, patient)):
        assert time.monotonic() < until, told
        time.sleep(0.5)
    return told


def test_a_radiograph_in_orthanc_is_said_to_be_unread_and_then_read_or_said_why_not(
    service: httpx2.Client, ward: FhirServer
) -> None:
    assert "not yet read" in findings_of(service, ward, "bleeding")
    told = read_of(service, ward, "bleeding")
    # A drawing: a detector that is installed reads it or says that it is no radiograph it knows.
    assert any(
        words in told
        for words in ("no reader for radiographs", "Cardiothoracic ratio", "not readable")
    )


def test_an_ecg_in_orthanc_is_read_between_two_hooks(
    service: httpx2.Client, ecg_patient: FhirServer
) -> None:
    assert "not yet read" in findings_of(service, ecg_patient, "ecg-in-orthanc")
    told = read_of(service, ecg_patient, "ecg-in-orthanc")
    assert "DICOM recording" in told
    assert "Ventricular rate" in told
    assert "Read by vizecgnet" in told


def test_an_ecg_page_in_a_binary_of_hapi_is_read(
    service: httpx2.Client, ecg_patient: FhirServer
) -> None:
    told = read_of(service, ecg_patient, "ecg-on-paper")
    assert "**ECG document**" in told
    assert "(page" in told
    assert "Read by vizecgnet" in told


def test_the_ecg_of_another_patient_is_refused(
    service: httpx2.Client, ecg_patient: FhirServer
) -> None:
    told = read_of(service, ecg_patient, "ecg-of-another")
    assert "images not used" in told
    assert "another patient than the chart" in told
    assert "Read by vizecgnet" not in told


def test_an_archive_off_the_allow_list_is_not_asked(
    service: httpx2.Client, ecg_patient: FhirServer
) -> None:
    told = read_of(service, ecg_patient, "ecg-elsewhere")
    assert "the archive is not on this installation" in told


def test_an_archive_that_answers_html_is_said_and_one_that_hangs_keeps_no_hook_waiting(
    service: httpx2.Client, ecg_patient: FhirServer, odd_archive: OddArchive
) -> None:
    told = read_of(service, ecg_patient, "ecg-behind-html")
    assert "reply cannot be used: it is not multipart/related" in told
    # The archive answers only when it is let go: a hook that waited for it would never end.
    for _ in range(3):
        assert "not yet read" in findings_of(service, ecg_patient, "ecg-behind-a-hanging-archive")
    assert odd_archive.asked.wait(LONGEST_S)
    odd_archive.let_go.set()
    told = read_of(service, ecg_patient, "ecg-behind-a-hanging-archive")
    assert "could not be read, because it was not fetched" in told


@pytest.mark.requirement("CH-051")
def test_a_patient_whom_the_server_does_not_know_is_answered_with_412(
    service: httpx2.Client, ward: FhirServer
) -> None:
    nobody = {"patientId": "nobody-of-that-name"}
    reply = posted(service, "deterioration-risk", "patient-view", ward.url, nobody)
    assert reply.status_code == 412
    assert reply.json()["resourceType"] == "OperationOutcome"


def test_every_sample_chart_is_answered_without_an_error(
    service: httpx2.Client, hapi: FhirServer, charts: list[Chart]
) -> None:
    for chart in charts:
        whom = {"patientId": chart.patient_id}
        reply = posted(service, "deterioration-risk", "patient-view", hapi.url, whom)
        # Charts of outpatients years ago may lack what is essential; that is said with 412.
        assert reply.status_code in (200, 412), reply.text[:2000]


def test_the_command_try_reads_a_fhir_server_and_writes_nothing(ward: FhirServer) -> None:
    before = ward.get("/Observation?_summary=count")["total"]
    command = [sys.executable, "-m", "cds_hooks.cli", "try", f"--fhir-server={ward.url}"]
    done = subprocess.run(
        [*command, "--patient=bleeding"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert ward.url.split("/")[2] in done.stdout + done.stderr
    assert "Research use only" in done.stdout + done.stderr
    assert ward.get("/Observation?_summary=count")["total"] == before
