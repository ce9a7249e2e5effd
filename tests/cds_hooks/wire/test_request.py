"""Hook requests are read once, strictly where the specification is strict, and never echoed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest

from cds_hooks.errors import BadRequest, NotJson, WrongHook
from cds_hooks.wire.hooks import HOOKS
from cds_hooks.wire.request import (
    READABLE_HOOKS,
    OrderDispatchContext,
    OrderSelectContext,
    OrderSignContext,
    PatientViewContext,
    read_context,
    read_request,
)

ORDER = {"resourceType": "MedicationRequest", "id": "m1", "status": "draft"}
DRAFTS = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": ORDER}]}
SIGNED = {"userId": "Practitioner/1", "patientId": "p1", "draftOrders": DRAFTS}
CONTEXTS: dict[str, dict[str, Any]] = {
    "patient-view": {"userId": "Practitioner/1", "patientId": "p1"},
    "encounter-start": {"userId": "Practitioner/1", "patientId": "p1", "encounterId": "e1"},
    "encounter-discharge": {"userId": "Practitioner/1", "patientId": "p1", "encounterId": "e1"},
    "order-sign": SIGNED,
    "order-select": SIGNED | {"selections": ["MedicationRequest/m1"]},
    "order-dispatch": {
        "patientId": "p1",
        "dispatchedOrders": ["ServiceRequest/s1"],
        "performer": "Organization/o1",
        "fulfillmentTasks": [{"resourceType": "Task", "id": "t1"}],
    },
}
AUTHORIZATION = {
    "access_token": "canary-token",
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "patient/Patient.read",
    "subject": "cds",
}


def body(**changes: Any) -> bytes:
    members: dict[str, Any] = {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": CONTEXTS["patient-view"],
    }
    members |= changes
    return msgspec.json.encode({key: value for key, value in members.items() if value != "-"})


def context(hook: str, **changes: Any) -> Any:
    members = CONTEXTS[hook] | changes
    kept = {key: value for key, value in members.items() if value != "-"}
    return read_context(hook, msgspec.Raw(msgspec.json.encode(kept)))


@pytest.mark.requirement("CH-036", "CH-037", "CH-041")
def test_the_smallest_request_is_read() -> None:
    request = read_request(body())
    assert request.hook == "patient-view"
    assert request.hook_instance == UUID("d1577c69-dfbe-44ad-ba6d-3e05e953b2ea")
    assert request.prefetch is None


@pytest.mark.requirement("CH-036", "CH-037", "CH-038")
@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"hook": "-"}, "hook"),
        ({"hook": ""}, "$.hook"),
        ({"hook": 5}, "$.hook"),
        ({"hookInstance": "-"}, "hookInstance"),
        ({"hookInstance": "one"}, "$.hookInstance"),
        ({"hookInstance": 7}, "$.hookInstance"),
        ({"context": "-"}, "context"),
        ({"prefetch": []}, "$.prefetch"),
        ({"extension": []}, "$.extension"),
        ({"fhirServer": ""}, "$.fhirServer"),
        ({"fhirServer": {}}, "$.fhirServer"),
    ],
)
def test_a_missing_or_mistyped_member_is_named_by_its_path(
    changes: dict[str, Any], place: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        read_request(body(**changes))
    assert place in str(refused.value)


@pytest.mark.requirement("CH-007")
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"hook=patient-view",
        b"{",
        b'{"a":1,}',
        b"// no\n{}",
        b'{"hook": "\xff"}',
        body() + b"{}",
    ],
)
def test_what_is_not_json_is_said_to_be_that(text: bytes) -> None:
    with pytest.raises(NotJson):
        read_request(text)


def test_an_object_nested_ten_thousand_deep_is_refused_without_a_crash() -> None:
    deep = b'{"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    with pytest.raises(NotJson, match="deep"):
        read_request(deep)


def test_a_request_that_is_not_utf8_where_nobody_reads_is_refused_all_the_same() -> None:
    unread = body(extension={"x": "PLACE"})
    assert read_request(unread).hook == read_request(body()).hook
    with pytest.raises(NotJson, match="UTF-8"):
        read_request(unread.replace(b"PLACE", b"\xff\x9f"))


@pytest.mark.requirement("CH-039")
def test_an_access_token_without_its_server_is_refused() -> None:
    with pytest.raises(BadRequest, match=r"\$\.fhirServer"):
        read_request(body(fhirAuthorization=AUTHORIZATION))


@pytest.mark.requirement("CH-054")
@pytest.mark.parametrize("member", ["access_token", "token_type", "expires_in", "scope"])
def test_each_needed_member_of_the_authorization_is_asked_for(member: str) -> None:
    partial = {key: value for key, value in AUTHORIZATION.items() if key != member}
    with pytest.raises(BadRequest, match=member):
        read_request(body(fhirServer="https://ehr.example", fhirAuthorization=partial))


@pytest.mark.requirement("CH-054")
def test_the_authorization_is_read_with_unknown_members_and_a_patient() -> None:
    granted = AUTHORIZATION | {"patient": "p1", "need_patient_banner": True}
    request = read_request(body(fhirServer="https://ehr.example", fhirAuthorization=granted))
    assert request.fhir_authorization is not None
    assert request.fhir_authorization.expires_in == 300
    assert request.fhir_authorization.patient == "p1"


@pytest.mark.requirement("CH-054")
@pytest.mark.parametrize(
    "changes",
    [{"token_type": "mac"}, {"expires_in": "300"}, {"expires_in": -1}, {"access_token": ""}],
)
def test_an_authorization_that_cannot_be_used_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="fhirAuthorization"):
        read_request(
            body(fhirServer="https://e.example", fhirAuthorization=AUTHORIZATION | changes)
        )


@pytest.mark.requirement("CH-042")
def test_unknown_members_and_an_extension_are_tolerated() -> None:
    request = read_request(body(extension={"org.example.a": 1}, someday={"x": [1]}, user="x"))
    assert request.extension is not None
    assert set(request.extension) == {"org.example.a"}


@pytest.mark.requirement("CH-038")
@pytest.mark.parametrize("hook", sorted(READABLE_HOOKS))
def test_each_hooks_context_is_read_and_what_is_new_in_it_kept(hook: str) -> None:
    read = context(hook, other={"a": 1}, serviceSpecific="kept")
    assert read.patient_id == "p1"
    assert {name: bytes(value) for name, value in read.other.items()} == {
        "other": b'{"a":1}',
        "serviceSpecific": b'"kept"',
    }


@pytest.mark.requirement("CH-038")
@pytest.mark.parametrize(
    ("hook", "field"),
    [(hook, field) for hook in sorted(READABLE_HOOKS) for field in sorted(HOOKS[hook].required)],
)
def test_each_required_field_of_each_context_is_asked_for_by_name(hook: str, field: str) -> None:
    with pytest.raises(BadRequest) as refused:
        context(hook, **{field: "-"})
    assert field in str(refused.value)
    assert "$.context" in str(refused.value)


@pytest.mark.requirement("CH-038")
def test_an_order_dispatch_knows_no_user() -> None:
    read = context("order-dispatch")
    assert isinstance(read, OrderDispatchContext)
    assert read.user_id is None
    assert read.encounter_id is None
    assert read.dispatched_orders == ("ServiceRequest/s1",)
    assert msgspec.json.decode(read.fulfillment_tasks[0]) == {"resourceType": "Task", "id": "t1"}


@pytest.mark.requirement("CH-038")
def test_the_bundle_of_draft_orders_is_opened() -> None:
    signed = context("order-sign")
    assert isinstance(signed, OrderSignContext)
    assert [msgspec.json.decode(order) for order in signed.draft_orders] == [ORDER]
    selected = context("order-select", encounterId="e1")
    assert isinstance(selected, OrderSelectContext)
    assert selected.selections == ("MedicationRequest/m1",)
    assert selected.encounter_id == "e1"


@pytest.mark.parametrize("bundle", [{"resourceType": "Bundle"}, DRAFTS | {"entry": []}])
def test_a_bundle_without_entries_holds_no_orders(bundle: dict[str, Any]) -> None:
    assert context("order-sign", draftOrders=bundle).draft_orders == ()


def test_an_entry_without_a_resource_is_passed_over() -> None:
    bundle = DRAFTS | {"entry": [{"fullUrl": "urn:x"}, {"resource": ORDER}, {"resource": None}]}
    assert len(context("order-sign", draftOrders=bundle).draft_orders) == 1


@pytest.mark.parametrize(
    ("hook", "changes"),
    [
        ("order-sign", {"draftOrders": []}),
        ("order-sign", {"draftOrders": {"resourceType": "Patient"}}),
        ("order-sign", {"draftOrders": DRAFTS | {"entry": {}}}),
        ("order-select", {"selections": "MedicationRequest/m1"}),
        ("order-select", {"selections": [1]}),
        ("order-dispatch", {"dispatchedOrders": []}),
        ("patient-view", {"patientId": ["p1"]}),
        ("patient-view", {"encounterId": 5}),
    ],
)
def test_a_mistyped_context_is_refused(hook: str, changes: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match=r"\$\.context\."):
        context(hook, **changes)


@pytest.mark.requirement("CH-058")
@pytest.mark.parametrize(
    "patient", ["", "Patient/p1", "p1&_include=*", "p1\n", "p 1", "../1", "é", "x" * 65, "p1?a=b"]
)
def test_a_patient_id_that_could_change_a_query_is_refused(patient: str) -> None:
    with pytest.raises(BadRequest, match=r"\$\.context\.patientId"):
        context("patient-view", patientId=patient)


@pytest.mark.parametrize("user", ["1", "Practitioner/", "/1", "Practitioner/1/2", "https://a/b"])
def test_a_user_id_is_a_relative_reference(user: str) -> None:
    with pytest.raises(BadRequest, match=r"\$\.context\.userId"):
        context("patient-view", userId=user)


@pytest.mark.requirement("CH-036")
def test_a_hook_that_nobody_here_answers_has_no_readable_context() -> None:
    with pytest.raises(WrongHook):
        read_context("appointment-book", msgspec.Raw(b"{}"))


def test_no_refusal_and_no_printing_repeats_a_value_of_the_request() -> None:
    with pytest.raises(BadRequest) as refused:
        context("order-sign", draftOrders={"resourceType": "CanaryPerson"})
    assert "Canary" not in str(refused.value)
    request = read_request(body(fhirServer="https://ehr.example", fhirAuthorization=AUTHORIZATION))
    assert "canary" not in repr(request) + repr(request.fhir_authorization)
    assert "p1" not in repr(context("patient-view"))
    assert isinstance(context("patient-view"), PatientViewContext)
