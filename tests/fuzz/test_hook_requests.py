"""Hook requests, mutated: whatever arrives, the answer is a refusal or cards, never a failure."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_hooks.audit.memory_feedback import MemoryFeedback
from cds_hooks.errors import CallerError, PreconditionsMissing
from cds_hooks.ports import FhirQuery, Grant
from cds_hooks.services.answering import Answering, Registry
from cds_hooks.services.feedback import TakingFeedback
from cds_hooks.services.service import HookCall, ServiceDefinition
from cds_hooks.wire.response import Card

OBSERVATION = {
    "resourceType": "Observation",
    "id": "o1",
    "subject": {"reference": "Patient/p1"},
    "valueQuantity": {"value": 80},
}
BUNDLE = {
    "resourceType": "Bundle",
    "type": "searchset",
    "link": [{"relation": "next", "url": "https://ehr.example/fhir?page=2"}],
    "entry": [{"resource": OBSERVATION, "search": {"mode": "match"}}],
}
REQUEST = {
    "hook": "order-sign",
    "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
    "fhirServer": "https://ehr.example/fhir",
    "fhirAuthorization": {
        "access_token": "t",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.read",
        "subject": "s",
        "patient": "p1",
    },
    "context": {"userId": "Practitioner/u", "patientId": "p1", "draftOrders": BUNDLE},
    "prefetch": {"patient": {"resourceType": "Patient", "id": "p1"}, "vitals": BUNDLE},
}
FEEDBACK = {
    "feedback": [
        {
            "card": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "outcome": "accepted",
            "acceptedSuggestions": [{"id": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"}],
            "overrideReason": {"reason": {"code": "c"}, "userComment": "u"},
            "outcomeTimestamp": "2026-11-21T09:00:00Z",
        }
    ]
}
DEFINITION = ServiceDefinition(
    "probe",
    "Probe",
    "Probes.",
    ("order-sign", "patient-view"),
    {
        "patient": "Patient/{{context.patientId}}",
        "vitals": "Observation?patient={{context.patientId}}",
        "encounter": "Encounter/{{context.encounterId}}",
    },
    frozenset({"patient"}),
)


class Silent:
    """A service, an EHR and a clock that have nothing to say."""

    definition = DEFINITION

    async def cards(self, call: HookCall) -> tuple[Card, ...]:
        return ()

    async def search(self, query: FhirQuery, grant: Grant) -> tuple[msgspec.Raw, ...]:
        return ()

    def now(self) -> datetime:
        return datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


SILENT = Silent()
ANSWERING = Answering(Registry.of([SILENT]), SILENT, MemoryFeedback(), SILENT)
TAKING = TakingFeedback(MemoryFeedback())

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["Bundle", "Patient", "OperationOutcome", "Patient/p2", "p1", "order-sign"]),
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=5) | (
    st.dictionaries(
        st.sampled_from(["resourceType", "entry", "resource", "id", "subject", "reference"]),
        SCALARS,
        max_size=3,
    )
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of everything inside a value."""
    children: Sequence[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    found = [path] if path else []
    for key, child in children:
        found += places(child, (*path, key))
    return found


def changed(original: Any, path: tuple[str | int, ...], value: Any, *, remove: bool) -> Any:
    copy = json.loads(json.dumps(original))
    at = copy
    for key in path[:-1]:
        at = at[key]
    if remove:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return copy


async def answered(body: bytes) -> None:
    await ANSWERING.answer("probe", "open", body)


async def taken(body: bytes) -> None:
    await TAKING.take("probe", "open", body)


CASES = [(REQUEST, answered), (FEEDBACK, taken)]


@pytest.mark.parametrize(("original", "read"), CASES, ids=["hook", "feedback"])
@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_request_with_one_member_changed_or_gone_is_answered(
    original: Any, read: Any, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(places(original)))
    mutant = changed(original, path, data.draw(VALUES), remove=data.draw(st.booleans()))
    refused(read, json.dumps(mutant).encode())


@pytest.mark.parametrize(("original", "read"), CASES, ids=["hook", "feedback"])
@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_request_with_bytes_changed_or_cut_is_answered(
    original: Any, read: Any, data: st.DataObject
) -> None:
    body = bytearray(json.dumps(original).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    refused(read, bytes(body[: data.draw(st.integers(0, len(body)))] or body))


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_noise_is_answered(body: bytes) -> None:
    refused(answered, body)
    refused(taken, body)


CANARIES = ["canary", ["canary"], {"canary": "canary"}, {"resourceType": "canary"}]


@pytest.mark.requirement("CH-055")
@pytest.mark.parametrize(("original", "read"), CASES, ids=["hook", "feedback"])
def test_no_refusal_repeats_what_was_sent(original: Any, read: Any) -> None:
    refusals = []
    for path in places(original):
        for canary in CANARIES:
            mutant = changed(original, path, canary, remove=False)
            refusals += refused(read, json.dumps(mutant).encode())
    assert len(refusals) > 40
    assert [text for text in refusals if "canary" in text] == []


def refused(read: Any, body: bytes) -> list[str]:
    """Return the words of a refusal; none where there was no refusal."""
    try:
        asyncio.run(read(body))
    except (CallerError, PreconditionsMissing) as refusal:
        return [str(refusal)]
    return []
