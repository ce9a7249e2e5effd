"""Our reader of EHRs against a real FHIR server: templates, pages, absent and refused things."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from cds_hooks.errors import EhrLacks, EhrUnreadable, HostNotAllowed
from cds_hooks.fhir.rest_ehr import RestEhr
from cds_hooks.ports import FhirQuery, Grant
from cds_hooks.security.egress import Egress
from cds_hooks.security.egress_transport import client
from cds_hooks.services.templates import IMAGING, OBSERVATIONS, TREATMENT

if TYPE_CHECKING:
    from conftest import Chart, FhirServer

Json = dict[str, Any]

pytestmark = pytest.mark.service("hapi")

TEMPLATES = OBSERVATIONS | TREATMENT | IMAGING


class AtTen:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, 10, tzinfo=UTC)


def search(hapi: FhirServer, path: str, allowed: str | None = None) -> list[Json]:
    """Search as the service does: through the gate, with a client of its own."""

    async def once() -> tuple[msgspec.Raw, ...]:
        grant = Grant(hapi.url, None, frozenset(), None, None)
        async with client(Egress([allowed or hapi.url]), timeout_s=30) as gated:
            return await RestEhr(gated, AtTen()).search(FhirQuery(path), grant)

    return [msgspec.json.decode(raw) for raw in asyncio.run(once())]


def filled(template: str, chart: Chart) -> str:
    return template.replace("{{context.patientId}}", chart.patient_id)


@pytest.mark.requirement("CH-044")
@pytest.mark.parametrize("key", TEMPLATES)
def test_every_template_is_answered_with_resources_of_its_kind(
    hapi: FhirServer, charts: list[Chart], key: str
) -> None:
    kind = TEMPLATES[key].split("?")[0].split("/")[0]
    for chart in charts:
        for resource in search(hapi, filled(TEMPLATES[key], chart)):
            assert resource["resourceType"] == kind


@pytest.mark.requirement("CH-044", "CH-048")
def test_every_vital_sign_arrives_once_however_small_the_pages(
    hapi: FhirServer, charts: list[Chart]
) -> None:
    chart = charts[0]
    charted = [
        one
        for one in chart.of_type("Observation")
        for category in one.get("category", [])
        if category["coding"][0]["code"] == "vital-signs"
    ]
    query = f"Observation?patient={chart.patient_id}&category=vital-signs&_sort=-date&_count=13"
    read = search(hapi, query)
    assert len({one["id"] for one in read}) == len(read) == len(charted)
    assert Counter(one["code"]["coding"][0]["code"] for one in read) == Counter(
        one["code"]["coding"][0]["code"] for one in charted
    )
    times = [datetime.fromisoformat(one["effectiveDateTime"]) for one in read]
    assert times == sorted(times, reverse=True)


def test_a_patient_that_is_not_there_is_lacking(hapi: FhirServer) -> None:
    with pytest.raises(EhrLacks):
        search(hapi, "Patient/nobody")


def test_a_query_that_the_server_does_not_understand_is_unreadable(hapi: FhirServer) -> None:
    with pytest.raises(EhrUnreadable):
        search(hapi, "Observation?no-such-parameter=1")


def test_nothing_is_asked_of_a_server_that_is_not_on_the_list(hapi: FhirServer) -> None:
    with pytest.raises(HostNotAllowed):
        search(hapi, "Patient?_count=1", allowed="http://127.0.0.1:9")
