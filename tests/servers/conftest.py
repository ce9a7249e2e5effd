"""Real servers for the tests: HAPI FHIR and Orthanc, each started once a run on a loopback port.

`make services` installs them. Where one is missing, its tests are skipped with the reason, and
fail instead when CARDIOTWIN_REQUIRE_SERVICES=1. Every test here belongs to one xdist group, so
that one process starts one of each.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

import httpx2
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import UID

from cds_hooks.clock import SystemClock
from inference.core.ecg_layout import THREE_BY_FOUR_RHYTHM
from inference.core.ecg_printer import PageStyle, print_page
from inference.training.ecg_generator import generated
from sandbox_ehr.patients.courses import SAMPLE_PATIENTS
from sandbox_ehr.patients.load import bundle_at
from sandbox_ehr.pictures import encoded, picture_file

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent
SERVICES = PROJECT / "deploy" / "services"
COMPILED = PROJECT / "fhir_profiles" / "compiled"
PROFILES = "https://cardiotwin.example/fhir/StructureDefinition"
START_S = 240
"""HAPI takes 20 s on two idle cores; a busy machine is no reason to fail."""

Json = dict[str, Any]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.xdist_group("real-servers"))


def lacking(what: str) -> NoReturn:
    reason = f"{what} is not installed; `make services` installs it"
    if os.environ.get("CARDIOTWIN_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(
    command: list[str], ready: str, log: Path, environment: dict[str, str] | None = None
) -> Iterator[float]:
    """Run a server until the end of the block; yield the seconds it took to answer."""
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment,
        )
    try:
        while not _answers(ready):
            if process.poll() is not None or time.monotonic() - began > START_S:
                pytest.fail(f"{command[0]} did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.2)
        yield time.monotonic() - began
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=5, trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


class StartedServer:
    """Starts a program of a test's own the way the servers here are started."""

    free_port = staticmethod(free_port)
    run = staticmethod(started)


@pytest.fixture(scope="session")
def start_server() -> StartedServer:
    return StartedServer()


@dataclass(frozen=True)
class FhirServer:
    """A running HAPI FHIR server, open to everyone on this machine."""

    url: str
    http: httpx2.Client
    startup_s: float

    def post_transaction(self, bundle: Json) -> Json:
        """Post a transaction; return its response Bundle."""
        reply = self.http.post("", json=bundle)
        assert reply.status_code == 200, reply.text[:2000]
        outcome: Json = reply.json()
        return outcome

    def put(self, resource: Json) -> None:
        reply = self.http.put(f"/{resource['resourceType']}/{resource['id']}", json=resource)
        assert reply.status_code in (200, 201), reply.text[:2000]

    def get(self, path: str) -> Json:
        reply = self.http.get(path)
        assert reply.status_code == 200, reply.text[:2000]
        resource: Json = reply.json()
        return resource

    def complaints(self, resource: Json, profile: str | None = None) -> list[str]:
        """Return the errors of $validate, against a profile or those that the resource claims."""
        where = f"/{resource['resourceType']}/$validate"
        named = {} if profile is None else {"profile": f"{PROFILES}/{profile}"}
        reply = self.http.post(where, json=resource, params=named)
        return [
            issue["diagnostics"]
            for issue in reply.json()["issue"]
            if issue["severity"] in ("error", "fatal")
        ]


@pytest.fixture(scope="session")
def hapi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FhirServer]:
    if not (PROJECT / ".services" / "hapi" / "made-from").exists() or not shutil.which("java"):
        lacking("HAPI FHIR")
    port = free_port()
    url = f"http://127.0.0.1:{port}/fhir"
    log = tmp_path_factory.mktemp("hapi") / "log"
    command = [str(SERVICES / "hapi" / "start"), str(port)]
    with (
        started(command, f"{url}/metadata", log) as startup_s,
        httpx2.Client(
            base_url=url,
            timeout=120,
            trust_env=False,
            headers={"accept": "application/fhir+json", "content-type": "application/fhir+json"},
        ) as http,
    ):
        yield FhirServer(url, http, startup_s)


@dataclass(frozen=True)
class PictureArchive:
    """A running Orthanc with DICOMweb, open to everyone on this machine."""

    url: str
    dicomweb: str
    http: httpx2.Client

    def store(self, encoded: bytes) -> None:
        """Store one DICOM file."""
        reply = self.http.post("/instances", content=encoded)
        assert reply.status_code == 200, reply.text[:2000]


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PictureArchive]:
    if not shutil.which("Orthanc", path=f"{os.environ['PATH']}:/usr/sbin"):
        lacking("Orthanc")
    folder = tmp_path_factory.mktemp("orthanc")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(SERVICES / "orthanc" / "start"), str(port), str(folder)]
    with (
        started(command, f"{url}/system", folder / "log"),
        httpx2.Client(base_url=url, timeout=60, trust_env=False) as http,
    ):
        yield PictureArchive(url, f"{url}/dicom-web", http)


@pytest.fixture(scope="session")
def compiler() -> Path:
    """Return the program that compiles the profiles."""
    if not (PROJECT / ".services" / "sushi" / "made-from").exists() or not shutil.which("node"):
        lacking("SUSHI")
    return PROJECT / "fhir_profiles" / "compile"


@pytest.fixture(scope="session")
def oidc_provider() -> Path:
    """Return the program of a strict authorization server; Node.js runs it."""
    program = PROJECT / ".services" / "oidc" / "server.mjs"
    if not program.with_name("made-from").exists() or not shutil.which("node"):
        lacking("oidc-provider")
    return program


@pytest.fixture(scope="session")
def compiled() -> list[Json]:
    """Return the committed definitions and examples."""
    return [json.loads(path.read_text()) for path in sorted(COMPILED.glob("*.json"))]


@pytest.fixture(scope="session")
def profiled(hapi: FhirServer, compiled: list[Json]) -> FhirServer:
    """Return HAPI with the project's profiles, and whom the examples speak of."""
    for kind in ("CodeSystem", "ValueSet", "StructureDefinition"):
        for definition in (one for one in compiled if one["resourceType"] == kind):
            hapi.put(definition)
    for example in compiled:
        if example["id"] in ("example-patient", "example-twin"):
            hapi.put(example)
    return hapi


def sample_bundles() -> list[Json]:
    """Return whole charts: the lent Synthea ones where there are any, else the sandbox EHR's."""
    lent = os.environ.get("CARDIOTWIN_DATA")
    if lent:
        paths = sorted((Path(lent) / "fhir").glob("synthea-*.json.gz"))
        assert paths, f"no synthea-*.json.gz in {lent}/fhir"
        return [json.loads(gzip.decompress(path.read_bytes())) for path in paths]
    patients = PROJECT / "deploy" / "sandbox_ehr" / "patients"
    return [json.loads(path.read_text()) for path in sorted(patients.glob("*.json"))]


@dataclass(frozen=True)
class Chart:
    """A patient on HAPI, with the Bundle that the chart was loaded from."""

    patient_id: str
    resources: list[Json]

    def of_type(self, kind: str) -> list[Json]:
        return [resource for resource in self.resources if resource["resourceType"] == kind]


@pytest.fixture(scope="session")
def charts(hapi: FhirServer) -> list[Chart]:
    """Every sample chart, loaded into HAPI."""
    loaded = []
    for bundle in sample_bundles():
        stored = hapi.post_transaction(bundle)
        places = [entry["response"]["location"] for entry in stored["entry"]]
        patient = next(place for place in places if place.startswith("Patient/"))
        resources = [entry["resource"] for entry in bundle["entry"]]
        loaded.append(Chart(patient.split("/")[1], resources))
    return loaded


@dataclass(frozen=True)
class Study:
    """A study in Orthanc: its UID and its instances as DICOM files."""

    uid: str
    encoded: tuple[bytes, ...]


@pytest.fixture(scope="session")
def study(orthanc: PictureArchive) -> Study:
    """Return the drawn chest radiograph of the sandbox's bleeding patient, stored in Orthanc."""
    sample = next(one for one in SAMPLE_PATIENTS if one.key == "bleeding")
    drawing = picture_file(sample, datetime(2026, 1, 1, tzinfo=UTC))
    assert drawing is not None
    instance = encoded(drawing)
    orthanc.store(instance)
    return Study(str(drawing.StudyInstanceUID), (instance,))


@dataclass(frozen=True)
class OddArchive:
    """An archive under ``/html`` that answers a page, and under ``/hangs`` not until let go."""

    url: str
    asked: threading.Event
    let_go: threading.Event


@pytest.fixture(scope="session")
def odd_archive() -> Iterator[OddArchive]:
    asked, let_go = threading.Event(), threading.Event()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "/hangs/" in self.path:
                asked.set()
                let_go.wait(START_S)
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<html>please log in</html>")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield OddArchive(f"http://127.0.0.1:{server.server_port}", asked, let_go)
    let_go.set()
    server.shutdown()
    server.server_close()


def ecg_resources(patient: str, study_uid: str, address: str) -> list[Json]:
    """Return a patient, an ECG study and the archive that is said to hold it."""
    return [
        {
            "resourceType": "Patient",
            "id": patient,
            "identifier": [{"system": "urn:x", "value": f"MRN-{patient}"}],
        },
        {
            "resourceType": "Endpoint",
            "id": f"{patient}-archive",
            "status": "active",
            "connectionType": {"code": "dicom-wado-rs"},
            "payloadType": [{"text": "DICOM"}],
            "address": address,
        },
        {
            "resourceType": "ImagingStudy",
            "id": f"{patient}-study",
            "status": "available",
            "subject": {"reference": f"Patient/{patient}"},
            "started": SystemClock().now().isoformat(),
            "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{study_uid}"}],
            "modality": [{"code": "ECG"}],
            "endpoint": [{"reference": f"Endpoint/{patient}-archive"}],
        },
    ]


def ecg_file(patient: str, study_uid: str, shared_data: Path) -> bytes:
    """Return a real twelve-lead recording under the name of a patient of the tests."""
    stream = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own UIDs end in a full stop; they are replaced
        data = pydicom.dcmread(shared_data / "ecg_formats" / "dicom_ecgtoolkit_Example.dcm")
        data.PatientID, data.PatientBirthDate, data.PatientSex = f"MRN-{patient}", "", ""
        data.StudyInstanceUID, data.SeriesInstanceUID = study_uid, f"{study_uid}.2"
        data.SOPInstanceUID = f"{study_uid}.1"
        data.file_meta.MediaStorageSOPInstanceUID = UID(f"{study_uid}.1")
        data.Modality = "ECG"
        data.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def paper_ecg(patient: str) -> list[Json]:
    """Return a patient whose ECG is a page of a Binary."""
    ecg = generated(np.random.default_rng(3), "NORM").ecg
    stream = BytesIO()
    page = print_page(ecg, THREE_BY_FOUR_RHYTHM, PageStyle())
    Image.fromarray(page.pixels).save(stream, "PNG")
    data = base64.b64encode(stream.getvalue()).decode()
    return [
        {"resourceType": "Patient", "id": patient},
        {
            "resourceType": "Binary",
            "id": f"{patient}-page",
            "contentType": "image/png",
            "data": data,
        },
        {
            "resourceType": "DocumentReference",
            "id": f"{patient}-document",
            "status": "current",
            "type": {"coding": [{"system": "http://loinc.org", "code": "11524-6"}]},
            "subject": {"reference": f"Patient/{patient}"},
            "date": SystemClock().now().isoformat(),
            "content": [
                {"attachment": {"contentType": "image/png", "url": f"Binary/{patient}-page"}}
            ],
        },
    ]


@pytest.fixture(scope="session")
def ecg_patient(
    hapi: FhirServer, orthanc: PictureArchive, odd_archive: OddArchive, shared_data: Path
) -> FhirServer:
    """Return HAPI with patients whose ECGs are in Orthanc, on paper, or out of reach."""
    held = {"ecg-in-orthanc": "ecg-in-orthanc", "ecg-of-another": "somebody-else"}
    for number, (patient, owner) in enumerate(held.items()):
        uid = f"2.25.77{number}"
        orthanc.store(ecg_file(owner, uid, shared_data))
        for resource in ecg_resources(patient, uid, orthanc.dicomweb):
            hapi.put(resource)
    elsewhere = {
        "ecg-elsewhere": "https://pacs.elsewhere.example/dicom-web",
        "ecg-behind-html": f"{odd_archive.url}/html",
        "ecg-behind-a-hanging-archive": f"{odd_archive.url}/hangs",
    }
    for patient, address in elsewhere.items():
        for resource in ecg_resources(patient, "2.25.779", address):
            hapi.put(resource)
    for resource in paper_ecg("ecg-on-paper"):
        hapi.put(resource)
    return hapi


@pytest.fixture(scope="session")
def ward(hapi: FhirServer, orthanc: PictureArchive, study: Study) -> FhirServer:
    """Return HAPI with the sandbox's patients as of now, whose pictures are in Orthanc."""
    now = SystemClock().now()
    for path in sorted((PROJECT / "deploy" / "sandbox_ehr" / "patients").glob("*.json")):
        bundle: Any = bundle_at(json.loads(path.read_text()), now)
        for entry in bundle["entry"]:
            if entry["resource"]["resourceType"] == "Endpoint":
                entry["resource"]["address"] = orthanc.dicomweb
        hapi.post_transaction(bundle)
    return hapi
