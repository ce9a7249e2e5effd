"""``cardiotwin demo --once`` and ``cardiotwin try``, as a newcomer runs them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from cds_hooks.cli.try_server import find_patient

pytestmark = pytest.mark.xdist_group("chromium")


def cardiotwin(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cds_hooks.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_demonstration_ends_with_0_and_shows_both_orders_with_intervals() -> None:
    done = cardiotwin("demo", "--once")
    assert done.returncode == 0, done.stderr
    for words in ("bleeding", "500 mL crystalloid", "metoprolol", "90 %", "Not validated"):
        assert words in done.stdout


@pytest.mark.requirement("CH-044", "CH-050")
def test_try_reads_an_open_server_and_prints_cards(demonstration: Any) -> None:
    base = f"{demonstration.addresses.ehr}/fhir"
    done = cardiotwin("try", "--fhir-server", base, "--patient", "bleeding")
    assert done.returncode == 0, done.stderr
    host = base.split("/")[2]
    assert f"The only host contacted is {host}" in done.stderr
    assert "Simulated" in done.stdout
    assert "without prefetch" in done.stdout


def test_try_picks_the_patient_with_the_most_kinds_of_vital_signs(demonstration: Any) -> None:
    assert find_patient(f"{demonstration.addresses.ehr}/fhir") in {
        "bleeding",
        "septic",
        "heart-failure",
    }


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("http://127.0.0.1:9/fhir", 1, "did not answer"),
        ("nonsense", 2, "takes a URL"),
        ("{service}", 1, "metadata"),
        ("{ehr}/page", 1, "metadata"),
    ],
)
def test_try_says_plainly_why_a_server_cannot_be_tried(
    demonstration: Any, url: str, status: int, words: str
) -> None:
    addresses = demonstration.addresses
    done = cardiotwin(
        "try", "--fhir-server", url.format(ehr=addresses.ehr, service=addresses.service)
    )
    assert done.returncode == status
    assert words in done.stderr
    assert "Traceback" not in done.stderr
