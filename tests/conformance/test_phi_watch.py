"""The watch itself: what identifies a patient fails a test wherever it gets out, and only then."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from phi_watch import (
    NOW_OF_THE_PAGE,
    PLANTED_FAMILY,
    SAMPLE_PATIENTS,
    canaries,
    leaks_in,
)

from cds_hooks.clock import SystemClock
from sandbox_ehr.patients.load import bundle_at

SHARED = Path(__file__).parents[1] / "shared"
LEAKS = {
    "output": 'print("read the chart of", NAME)',
    "log": 'import structlog; structlog.get_logger().info("read", patient=NAME)',
    "label": "from prometheus_client import Counter, CollectorRegistry;"
    ' Counter("read", "x", ["who"], registry=CollectorRegistry()).labels(NAME)',
    "refusal": "answer(400, NAME)",
    "address": "ask('https://ehr.example/fhir/Patient?name=' + NAME)",
}
CLEAN = {
    "success": "answer(200, NAME)",
    "nothing": "print('read the chart of', len(NAME))",
}
TEST = """
import asyncio
from cds_hooks.http.observation import Meters, Observed
from cds_hooks.security.egress import Egress
from cds_hooks.security.egress_transport import EgressTransport
import httpx2
from phi_watch import PLANTED_FAMILY as NAME

def answer(status, body):
    async def app(scope, receive, send):
        await send({{"type": "http.response.start", "status": status, "headers": []}})
        await send({{"type": "http.response.body", "body": body.encode()}})
    async def send(message): pass
    asyncio.run(Observed(app, Meters(lambda: 0), bool)(
        {{"type": "http", "method": "GET"}}, None, send))

def ask(url):
    try:
        asyncio.run(EgressTransport(Egress([])).handle_async_request(httpx2.Request("GET", url)))
    except Exception: pass

def test_it(): {leak}
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Run one small suite in which each test does one thing, and return what pytest said."""
    folder = tmp_path_factory.mktemp("watched")
    for name, leak in (LEAKS | CLEAN).items():
        (folder / f"test_{name}.py").write_text(TEST.format(leak=leak))
    command = [sys.executable, "-m", "pytest", "-p", "phi_watch", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-q", "-rA", "--rootdir", str(folder), "-c", "/dev/null", str(folder)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(SHARED), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


@pytest.mark.parametrize("name", LEAKS)
def test_what_gets_out_fails_the_test_that_let_it(outcomes: str, name: str) -> None:
    assert re.search(rf"^FAILED \S*test_{name}.py::test_it", outcomes, re.M), outcomes


@pytest.mark.parametrize("name", CLEAN)
def test_what_stays_where_it_belongs_fails_nothing(outcomes: str, name: str) -> None:
    assert re.search(rf"^PASSED \S*test_{name}.py::test_it", outcomes, re.M), outcomes


@pytest.mark.parametrize(
    "text",
    [
        PLANTED_FAMILY,
        "Tomas Redmond",
        "Feverfew, Amara",
        "SANDBOX-0011",
        "born 1971-10-04",
        "Bearer ACCESS-CANARY",
        "eyJhbGciOiJFUzM4NCJ9.eyJpc3MiOiJodHRwczovL2VociJ9.AAAA",
    ],
)
def test_a_canary_is_found_in_a_text(text: str) -> None:
    assert len(leaks_in(f"a line that holds {text}, and goes on")) == 1


def test_the_birth_dates_are_those_that_the_samples_have_when_they_are_asked() -> None:
    sample = json.loads((SAMPLE_PATIENTS / "septic.json").read_text())
    for at in (NOW_OF_THE_PAGE, SystemClock().now()):
        (patient,) = [
            each["resource"]
            for each in bundle_at(sample, at)["entry"]
            if each["resource"]["resourceType"] == "Patient"
        ]
        assert leaks_in(f"born {patient['birthDate']}") == [patient["birthDate"]]


def test_every_sample_patient_has_canaries() -> None:
    assert leaks_in("A patient of 54 years, MAP 61 mmHg, seen on 2026-11-21") == []
    assert canaries().pattern.count("SANDBOX") == 5
