"""What every ``OrderWriting`` does, on a folder and, over HTTP, on the sandbox's interface."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from fastapi import FastAPI

from cds_hooks.errors import (
    EhrLacks,
    EhrRefused,
    EhrUnauthorized,
    EhrUnreachable,
    EhrUnreadable,
    HostNotAllowed,
)
from cds_hooks.fhir.folder_ehr import FolderEhr
from cds_hooks.fhir.rest_ehr import RestEhr
from cds_hooks.fhir.rest_orders import RestOrders
from cds_hooks.ports import FhirQuery, Grant
from cds_hooks.security.egress import Egress
from cds_hooks.security.egress_transport import client
from sandbox_ehr.access_tokens import AccessTokens
from sandbox_ehr.app import _refused
from sandbox_ehr.errors import SandboxError
from sandbox_ehr.fhir_http import FhirInterface
from sandbox_ehr.store import Store

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
Json = dict[str, Any]
Reply = tuple[int, dict[str, str], Any]


@dataclass
class Clock:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


def draft(patient: str) -> Json:
    return {
        "resourceType": "MedicationRequest",
        "status": "draft",
        "intent": "proposal",
        "medicationCodeableConcept": {"text": "Crystalloid"},
        "subject": {"reference": f"Patient/{patient}"},
    }


def grant_of(base: str, token: str | None = None, expires_at: datetime | None = None) -> Grant:
    return Grant(base, token, frozenset(), "p1", expires_at)


@pytest.fixture
def sandbox() -> FastAPI:
    app = FastAPI()
    base = "https://ehr.example/fhir"
    interface = FhirInterface(Store(lambda: NOW), AccessTokens(lambda: NOW), base, lambda: NOW, 7)
    app.include_router(interface.router(), prefix="/fhir")
    app.add_exception_handler(SandboxError, _refused)
    return app


@contextmanager
def answering(reply: Reply | Exception) -> Iterator[tuple[RestOrders, list[httpx2.Request]]]:
    sent: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        if isinstance(reply, Exception):
            raise reply
        status, headers, body = reply
        return httpx2.Response(status, headers=headers, json=body)

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    yield RestOrders(http, Clock()), sent


@pytest.fixture(params=["folder", "server"])
def written_and_read(
    request: pytest.FixtureRequest, tmp_path: Path, sandbox: FastAPI
) -> Callable[[Json], tuple[str, Json]]:
    async def in_folder(resource: Json) -> tuple[str, Json]:
        (tmp_path / "chart.json").write_text(
            '{"resourceType": "Patient", "id": "p1", "gender": "female"}'
        )
        folder, grant = FolderEhr(tmp_path), grant_of("https://ehr.example/fhir")
        reference = await folder.create(resource, grant)
        (raw,) = await folder.search(FhirQuery(reference), grant)
        return reference, msgspec.json.decode(raw)

    async def on_server(resource: Json) -> tuple[str, Json]:
        grant = grant_of("https://ehr.example/fhir")
        transport = httpx2.ASGITransport(app=sandbox)
        async with httpx2.AsyncClient(transport=transport) as http:
            reference = await RestOrders(http, Clock()).create(resource, grant)
            (raw,) = await RestEhr(http, Clock()).search(FhirQuery(reference), grant)
        return reference, msgspec.json.decode(raw)

    chosen = in_folder if request.param == "folder" else on_server
    return lambda resource: asyncio.run(chosen(resource))


def test_a_draft_is_there_under_the_reference_that_came_back(
    written_and_read: Callable[[Json], tuple[str, Json]],
) -> None:
    reference, stored = written_and_read(draft("p1"))
    assert reference == f"MedicationRequest/{stored['id']}"
    kept = {name: stored[name] for name in draft("p1")}
    assert kept == draft("p1")


def test_a_folder_refuses_a_draft_for_another_patient_than_the_grants(tmp_path: Path) -> None:
    with pytest.raises(EhrRefused):
        asyncio.run(FolderEhr(tmp_path).create(draft("p2"), grant_of("https://ehr.example")))


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ((401, {}, {}), EhrUnauthorized),
        ((403, {}, {}), EhrRefused),
        ((404, {}, {}), EhrLacks),
        ((422, {}, {"resourceType": "OperationOutcome"}), EhrUnreadable),
        ((302, {"Location": "https://elsewhere.example/"}, {}), EhrUnreadable),
        ((500, {}, {}), EhrUnreadable),
        ((201, {}, {}), EhrUnreadable),
        ((201, {"Location": "https://ehr.example/fhir/Patient/1"}, {}), EhrUnreadable),
        ((201, {"Location": "MedicationRequest/<script>"}, {}), EhrUnreadable),
        (httpx2.ConnectError("down"), EhrUnreachable),
        (httpx2.ReadTimeout("slow"), EhrUnreachable),
    ],
    ids=str,
)
def test_what_went_wrong_is_named_and_nothing_is_sent_twice(
    reply: Reply | Exception, error: type[Exception]
) -> None:
    with answering(reply) as (orders, sent), pytest.raises(error):
        asyncio.run(orders.create(draft("p1"), grant_of("https://ehr.example/fhir", "secret")))
    assert len(sent) == 1
    assert sent[0].headers["Authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    "reply",
    [
        (201, {"Location": "https://ehr.example/fhir/MedicationRequest/7/_history/1"}, None),
        (201, {"Location": "MedicationRequest/7"}, None),
        (201, {}, {"resourceType": "MedicationRequest", "id": "7"}),
    ],
    ids=str,
)
def test_the_new_id_is_read_from_wherever_a_server_says_it(reply: Reply) -> None:
    with answering(reply) as (orders, _):
        found = asyncio.run(orders.create(draft("p1"), grant_of("https://ehr.example/fhir")))
    assert found == "MedicationRequest/7"


def test_an_expired_token_is_not_sent() -> None:
    expired = grant_of("https://ehr.example/fhir", "secret", NOW)
    with answering((201, {}, {})) as (orders, sent), pytest.raises(EhrUnauthorized):
        asyncio.run(orders.create(draft("p1"), expired))
    assert sent == []


def test_nothing_is_sent_to_a_server_off_the_list() -> None:
    async def create() -> None:
        async with client(Egress(["https://ehr.example/fhir"]), timeout_s=5) as http:
            await RestOrders(http, Clock()).create(
                draft("p1"), grant_of("https://elsewhere.example/fhir")
            )

    with pytest.raises(HostNotAllowed):
        asyncio.run(create())
