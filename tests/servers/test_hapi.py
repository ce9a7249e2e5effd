"""HAPI itself: a server worth testing against, and what it answers to the services' queries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx2
import pytest

from cds_hooks.services.templates import IMAGING, OBSERVATIONS, TREATMENT

if TYPE_CHECKING:
    from conftest import Chart, FhirServer

Json = dict[str, Any]

pytestmark = pytest.mark.service("hapi")

TEMPLATES = OBSERVATIONS | TREATMENT | IMAGING


def asked(template: str, patient_id: str) -> str:
    """Return the query of a prefetch template, as a URL may carry it."""
    query = template.replace("{{context.patientId}}", patient_id)
    return "/" + quote(query, safe="/?&=,:_-.")


def pages(hapi: FhirServer, path: str) -> Iterator[Json]:
    """Yield every page of a search."""
    page = hapi.get(path)
    while True:
        yield page
        onward = [link["url"] for link in page["link"] if link["relation"] == "next"]
        if not onward:
            return
        page = hapi.get(onward[0])


def test_it_says_that_it_speaks_r4(hapi: FhirServer) -> None:
    assert hapi.get("/metadata")["fhirVersion"] == "4.0.1"


def test_it_is_bound_to_one_loopback_address(hapi: FhirServer) -> None:
    """Bound to every address, it would answer at 127.0.0.2 as well."""
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(hapi.url.replace("127.0.0.1", "127.0.0.2") + "/metadata", trust_env=False)


@pytest.mark.parametrize("key", TEMPLATES)
def test_it_answers_every_prefetch_template(
    hapi: FhirServer, charts: list[Chart], key: str
) -> None:
    for chart in charts:
        answer = hapi.get(asked(TEMPLATES[key], chart.patient_id))
        expected = "Patient" if key == "patient" else "Bundle"
        assert answer["resourceType"] == expected


@pytest.mark.requirement("CH-048")
def test_small_pages_together_hold_every_observation_once(
    hapi: FhirServer, charts: list[Chart]
) -> None:
    for chart in charts[:2]:
        query = f"/Observation?patient={chart.patient_id}&_sort=-date&_count=40"
        entries = [entry for page in pages(hapi, query) for entry in page.get("entry", [])]
        found = [entry["resource"]["id"] for entry in entries]
        assert len(set(found)) == len(found) == len(chart.of_type("Observation"))


def test_a_bare_bar_in_a_query_is_refused_so_that_it_must_be_encoded(hapi: FhirServer) -> None:
    """RFC 3986 has no bar in a query; servers on Tomcat refuse what browsers let pass."""
    path = "/Observation?code=http://loinc.org|8867-4&_count=1"
    assert hapi.http.get(path).status_code == 400
    assert hapi.http.get(path.replace("|", "%7C")).status_code == 200
