"""``cardiotwin try`` against a FHIR server that we did not write."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from cds_hooks.cli.try_server import find_patient

pytestmark = pytest.mark.service("hapi")


@pytest.mark.requirement("CH-044", "CH-045", "CH-050")
def test_try_reads_hapi_by_search_and_prints_cards(ward: Any) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "cds_hooks.cli", "try"),
            *("--fhir-server", ward.url, "--patient", "bleeding"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Simulated" in done.stdout
    assert "cardiac output" in done.stdout


def test_try_finds_a_patient_on_hapi_by_itself(ward: Any) -> None:
    patient_id = find_patient(ward.url)
    assert ward.get(f"/Patient/{patient_id}")["id"] == patient_id
