"""A CDS Client for the tests: requests as an EHR writes them, tokens as it signs them."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import uvicorn
from joserfc import jwk, jws
from phi_watch import PLANTED_BIRTH_DATE, PLANTED_FAMILY, PLANTED_IDENTIFIER
from starlette.testclient import TestClient

from cds_hooks.errors import TrustError
from cds_hooks.ports import FhirQuery, Grant
from cds_hooks.security.hook_token import TrustedIssuer
from cds_hooks.security.replay import MemoryUsedTokens
from cds_hooks.security.trust import RequiredTrust
from cds_hooks.services.service import HookCall, ServiceDefinition
from cds_hooks.settings import Settings, TrustedEhr
from cds_hooks.wire.identity import card_uuid, suggestion_uuid
from cds_hooks.wire.response import (
    Card,
    CreateAction,
    Indicator,
    Link,
    LinkType,
    OverrideReason,
    SelectionBehavior,
    Source,
    Suggestion,
    embedded,
)

BASE = "https://twin.example"
ISSUER = "https://ehr.example"
FHIR = "https://ehr.example/fhir"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
Json = dict[str, Any]

PATIENT: Json = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [{"family": PLANTED_FAMILY, "given": ["Karla"]}],
    "identifier": [{"value": PLANTED_IDENTIFIER}],
    "birthDate": PLANTED_BIRTH_DATE,
}


def observation(number: int, patient: str = "p1") -> Json:
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": "final",
        "subject": {"reference": f"Patient/{patient}"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "valueQuantity": {"value": 80 + number, "unit": "/min"},
    }


@dataclass
class SetClock:
    """A clock that stands where a test puts it."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class ShelfEhr:
    """An EHR of resources by query; what is not on the shelf is an empty search."""

    shelf: dict[str, Sequence[Json] | Exception] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    delay_s: float = 0.0

    async def search(self, query: FhirQuery, grant: Grant) -> tuple[msgspec.Raw, ...]:
        self.asked.append((query.path, grant.access_token))
        await asyncio.sleep(self.delay_s)
        found = self.shelf.get(query.path, ())
        if isinstance(found, Exception):
            raise found
        return tuple(msgspec.Raw(msgspec.json.encode(each)) for each in found)


DEFINITION = ServiceDefinition(
    id="probe",
    title="A probe",
    description="Answers with what it was given.",
    hooks=("patient-view", "order-sign", "order-select", "order-dispatch"),
    prefetch={
        "patient": "Patient/{{context.patientId}}",
        "vitalSigns": "Observation?patient={{context.patientId}}&category=vital-signs&_count=4",
        "laboratory": "Observation?patient={{context.patientId}}&category=laboratory",
    },
    essential=frozenset({"patient", "vitalSigns"}),
    usage_requirements="For tests.",
)


def full_card(call: HookCall) -> Card:
    """Return a card with every attribute, about the call's own patient."""
    uuid = card_uuid(call.hook_instance, call.issuer, "probe", "card")
    draft = {
        "resourceType": "MedicationRequest",
        "status": "draft",
        "intent": "proposal",
        "medicationCodeableConcept": {"text": "Sodium chloride 0.9 %"},
        "subject": {"reference": f"Patient/{call.context.patient_id}"},
    }
    return Card(
        uuid=uuid,
        summary=f"{len(call.chart.resources.get('vitalSigns', ()))} vital signs were read",
        indicator=Indicator.WARNING,
        source=Source(label="CardioTwin", url=BASE, icon=f"{BASE}/icon.png"),
        detail="| sign | value |\n|---|---|\n| MAP | 61 mmHg |\n\nSimulated, *not measured*.",
        suggestions=(
            Suggestion(
                label="Give 500 mL",
                uuid=suggestion_uuid(uuid, "bolus"),
                is_recommended=True,
                actions=(CreateAction(description="Order it", resource=embedded(draft)),),
            ),
        ),
        selection_behavior=SelectionBehavior.AT_MOST_ONE,
        override_reasons=(
            OverrideReason(code="known", system=f"{BASE}/reasons", display="Known already"),
        ),
        links=(
            Link(
                label="Open the twin",
                url=f"{BASE}/launch",
                type=LinkType.SMART,
                app_context="opaque",
            ),
        ),
    )


@dataclass
class Probe:
    """A CDS Service that remembers its calls."""

    definition: ServiceDefinition = DEFINITION
    answer: Callable[[HookCall], tuple[Card, ...]] = lambda call: (full_card(call),)
    calls: list[HookCall] = field(default_factory=list)

    async def cards(self, call: HookCall) -> tuple[Card, ...]:
        self.calls.append(call)
        return self.answer(call)


class Signer:
    """An EHR's signing keys, and tokens made with them."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {
            "ES384": jwk.ECKey.generate_key("P-384", {"kid": "ec", "use": "sig"}),
            "RS384": jwk.RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}),
        }

    @property
    def key_set(self) -> Json:
        return {"keys": [key.as_dict(private=False) for key in self.keys.values()]}

    def claims(self, audience: str, now: datetime, **changes: Any) -> Json:
        issued = int(now.timestamp())
        claims = {
            "iss": ISSUER,
            "aud": audience,
            "exp": issued + 300,
            "iat": issued,
            "jti": str(uuid4()),
        } | changes
        return {name: value for name, value in claims.items() if value != "-"}

    def raw(self, header: Json | str, payload: Json | str, algorithm: str = "ES384") -> str:
        """Sign any two texts, whatever they hold, as an EHR with the right key would."""
        texts = [each if isinstance(each, str) else json.dumps(each) for each in (header, payload)]
        signing_input = ".".join(b64(text.encode()) for text in texts)
        model = jws.JWSRegistry.algorithms[algorithm]
        signature = model.sign(signing_input.encode(), self.keys[algorithm])
        return f"{signing_input}.{b64(signature)}"

    def token(
        self,
        audience: str,
        now: datetime,
        header: Mapping[str, Any] | None = None,
        algorithm: str = "ES384",
        **changes: Any,
    ) -> str:
        head = {"alg": algorithm, "typ": "JWT", "kid": self.keys[algorithm].kid}
        head |= dict(header or {})
        kept = {name: value for name, value in head.items() if value != "-"}
        return self.raw(kept, self.claims(audience, now, **changes), algorithm)


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


class Door:
    """A service's trust, with one EHR listed: ``knock`` returns who comes in."""

    audience = f"{BASE}/cds-services/probe"
    jku = f"{ISSUER}/jwks.json"

    def __init__(self, signer: Signer, clock: SetClock) -> None:
        self.keys = signer.key_set["keys"]
        self.asked = 0
        issuers = {ISSUER: TrustedIssuer(ISSUER, self.jku)}
        self.trust = RequiredTrust(issuers, self, MemoryUsedTokens(clock), clock)

    async def key(self, issuer: str, key_id: str, jwks_url: str | None) -> Json | None:
        self.asked += 1
        return next((key for key in self.keys if key["kid"] == key_id), None)

    def knock(self, token: str, audience: str | None = None) -> str:
        return asyncio.run(self.trust.caller([f"Bearer {token}"], audience or self.audience))

    def refuse(self, token: str) -> None:
        """Check that a token is refused with a reason that does not repeat it."""
        with pytest.raises(TrustError) as refused:
            self.knock(token)
        assert refused.value.reason
        assert not token or token not in str(refused.value)


@dataclass
class Installation:
    """One application under test and what stands around it."""

    http: TestClient
    probe: Probe
    ehr: ShelfEhr
    clock: SetClock
    signer: Signer
    folder: Path

    def post(self, path: str, body: object, **headers: str) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.post(
            path, content=content, headers={"Content-Type": "application/json"} | headers
        )

    def call(self, body: object, **headers: str) -> Any:
        return self.post("/cds-services/probe", body, **headers)

    def signed(self, path: str, **claims: Any) -> dict[str, str]:
        token = self.signer.token(BASE + path, self.clock.now(), **claims)
        return {"Authorization": f"Bearer {token}"}


def hook_request(**changes: Any) -> Json:
    """Return a patient-view request with everything prefetched; ``"-"`` leaves a member out."""
    members: Json = {
        "hook": "patient-view",
        "hookInstance": str(uuid4()),
        "context": {"userId": "Practitioner/u1", "patientId": "p1"},
        "prefetch": {
            "patient": PATIENT,
            "vitalSigns": bundle(observation(1), observation(2)),
            "laboratory": bundle(),
        },
    } | changes
    return {name: value for name, value in members.items() if value != "-"}


def bundle(*resources: Json, **members: Any) -> Json:
    entries = [{"resource": each} for each in resources]
    found: Json = {"resourceType": "Bundle", "type": "searchset"} | members
    return found | ({"entry": entries} if entries else {})


@pytest.fixture(scope="session")
def signer() -> Signer:
    return Signer()


@pytest.fixture(name="hook_request")
def hook_request_fixture() -> Callable[..., Json]:
    return hook_request


@pytest.fixture(name="bundle")
def bundle_fixture() -> Callable[..., Json]:
    return bundle


@pytest.fixture(name="observation")
def observation_fixture() -> Callable[..., Json]:
    return observation


@pytest.fixture
def shelf_ehr() -> type[ShelfEhr]:
    return ShelfEhr


@pytest.fixture
def probe() -> type[Probe]:
    return Probe


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def door(signer: Signer, clock: SetClock) -> Door:
    return Door(signer, clock)


@pytest.fixture
def install(tmp_path: Path, signer: Signer) -> Iterator[Callable[..., Any]]:
    """Return a context manager that runs an application: ``with install(trust=...) as it``."""
    # Imported here because it brings the twin and the nets, which most tests of this room spare.
    from cds_hooks.app import Parts, create_app

    @contextmanager
    def running(probe: Probe | None = None, **changes: Any) -> Iterator[Installation]:
        chosen, ehr, clock = probe or Probe(), ShelfEhr(), SetClock()
        keys = tmp_path / "ehr-keys.json"
        keys.write_text(json.dumps(signer.key_set))
        settings: Json = {
            "public_base_url": BASE,
            "data_directory": tmp_path / "data",
            "issuers": (TrustedEhr(iss=ISSUER, jku=f"{ISSUER}/jwks.json", jwks_file=keys),),
        } | changes
        application = create_app(Settings(**settings), Parts([chosen], ehr, clock))
        with TestClient(application, BASE, raise_server_exceptions=False) as http:
            yield Installation(http, chosen, ehr, clock, signer, tmp_path)

    return running


@pytest.fixture(scope="session")
def serving() -> Callable[..., Any]:
    """Return a context manager that serves an application on a loopback port."""

    @contextmanager
    def running(application: Any, port: int = 0, lifespan: Any = "off") -> Iterator[int]:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            config = uvicorn.Config(
                application, log_level="critical", lifespan=lifespan, timeout_graceful_shutdown=1
            )
            server = uvicorn.Server(config)
            thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
            thread.start()
            while not server.started and thread.is_alive():
                time.sleep(0.01)
            yield listener.getsockname()[1]
            server.should_exit = True
            thread.join(10)

    return running


@pytest.fixture
def sandbox(install: Callable[..., Any]) -> Iterator[Installation]:
    """Run an installation that demands no token."""
    with install(trust="open", sandbox=True) as running:
        yield running


@pytest.fixture
def guarded(install: Callable[..., Any]) -> Iterator[Installation]:
    """Run an installation as in production: a token for every call."""
    with install() as running:
        yield running
