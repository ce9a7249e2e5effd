"""A hook call over HTTP: what comes in, what goes out, and each refusal with its own answer."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from fhir.resources.R4B import get_fhir_model_class
from markdown_it import MarkdownIt
from PIL import Image

from cds_hooks.errors import EhrError, EhrLacks, EhrRefused, EhrUnreachable, EhrUnreadable

AUTHORIZATION = {
    "access_token": "canary-access-token",
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "patient/*.read",
    "subject": "cardiotwin",
}
SERVER = {"fhirServer": "https://ehr.example/fhir", "fhirAuthorization": AUTHORIZATION}


def outcome(answer: Any) -> dict[str, str]:
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome"
    get_fhir_model_class("OperationOutcome").model_validate(body)
    (issue,) = body["issue"]
    return {"code": issue["code"], "text": issue["details"]["text"]}


def gaps(value: Any) -> list[str]:
    """Return the places of nulls and empties, but for the top-level array of cards."""
    found: list[str] = []

    def walk(place: str, item: Any) -> None:
        if item in (None, "", [], {}) and place != "$.cards":
            found.append(place)
        if isinstance(item, list):
            item = dict(enumerate(item))
        for name, child in item.items() if isinstance(item, dict) else ():
            walk(f"{place}.{name}", child)

    walk("$", value)
    return found


@pytest.mark.requirement("CH-001", "CH-035", "CH-077")
def test_a_call_is_answered_with_cards_in_json(sandbox: Any, hook_request: Any) -> None:
    answer = sandbox.call(hook_request())
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert [card["summary"] for card in answer.json()["cards"]] == ["2 vital signs were read"]


@pytest.mark.requirement("CH-078")
def test_nothing_to_say_is_a_success_with_no_cards(
    install: Any, probe: Any, hook_request: Any
) -> None:
    silent = probe(answer=lambda call: ())
    with install(silent, trust="open", sandbox=True) as it:
        answer = it.call(hook_request())
    assert (answer.status_code, answer.json()) == (200, {"cards": []})


@pytest.mark.requirement("CH-004", "CH-005", "CH-006", "CH-007", "CH-142")
def test_no_answer_holds_a_null_an_empty_or_a_member_of_our_own(
    sandbox: Any, hook_request: Any
) -> None:
    body = sandbox.call(hook_request()).json()
    assert gaps(body) == []
    allowed = {
        "uuid",
        "summary",
        "detail",
        "indicator",
        "source",
        "suggestions",
        "selectionBehavior",
        "overrideReasons",
        "links",
    }
    assert set(body) == {"cards"}
    assert all(set(card) <= allowed for card in body["cards"])
    assert gaps(sandbox.http.get("/cds-services").json()) == []


@pytest.mark.requirement(
    "CH-085", "CH-086", "CH-087", "CH-088", "CH-089", "CH-092", "CH-094", "CH-096", "CH-098"
)
@pytest.mark.requirement("CH-108", "CH-109", "CH-112", "CH-117", "CH-118", "CH-123", "CH-126")
def test_a_card_with_every_attribute_has_the_shape_of_the_specification(
    sandbox: Any, hook_request: Any
) -> None:
    (card,) = sandbox.call(hook_request()).json()["cards"]
    UUID(card["uuid"])
    assert len(card["summary"]) < 140
    assert card["indicator"] in {"info", "warning", "critical"}
    assert card["source"]["label"]
    assert card["selectionBehavior"] == "at-most-one"
    (suggestion,) = card["suggestions"]
    UUID(suggestion["uuid"])
    assert suggestion["label"]
    assert suggestion["isRecommended"] is True
    (action,) = suggestion["actions"]
    assert action["type"] == "create"
    assert action["description"]
    (link,) = card["links"]
    assert link["type"] == "smart"
    assert link["appContext"] == "opaque"
    assert set(card["overrideReasons"][0]) == {"code", "system", "display"}


@pytest.mark.requirement("CH-002", "CH-119", "CH-122")
def test_a_suggested_resource_is_valid_fhir_r4(sandbox: Any, hook_request: Any) -> None:
    (card,) = sandbox.call(hook_request()).json()["cards"]
    resource = card["suggestions"][0]["actions"][0]["resource"]
    model = get_fhir_model_class(resource["resourceType"])
    assert model.model_validate(resource).status == "draft"
    assert resource["intent"] == "proposal"


@pytest.mark.requirement("CH-101", "CH-103", "CH-124")
def test_every_url_of_a_card_is_absolute(sandbox: Any, hook_request: Any) -> None:
    (card,) = sandbox.call(hook_request()).json()["cards"]
    for url in (card["source"]["url"], card["source"]["icon"], card["links"][0]["url"]):
        assert urlsplit(url).scheme == "https"
        assert urlsplit(url).hostname


@pytest.mark.requirement("CH-090")
def test_a_table_in_the_detail_survives_a_reader_of_github_flavoured_markdown(
    sandbox: Any, hook_request: Any
) -> None:
    (card,) = sandbox.call(hook_request()).json()["cards"]
    html = MarkdownIt("gfm-like", {"linkify": False}).render(card["detail"])
    assert "<table>" in html
    assert "<td>61 mmHg</td>" in html


@pytest.mark.requirement("CH-104")
def test_the_icon_is_a_png_of_100_by_100_without_transparency(sandbox: Any) -> None:
    answer = sandbox.http.get("/icon.png")
    with Image.open(io.BytesIO(answer.content)) as icon:
        assert (icon.format, icon.size, icon.mode) == ("PNG", (100, 100), "RGB")


@pytest.mark.requirement("CH-035")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_a_service_is_called_by_post_only(sandbox: Any, method: str) -> None:
    answer = sandbox.http.request(method, "/cds-services/probe")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert outcome(answer)["code"] == "not-supported"


@pytest.mark.requirement("CH-083")
@pytest.mark.parametrize("path", ["/cds-services/none", "/cds-services/none/feedback", "/none"])
def test_what_is_not_there_is_not_found(sandbox: Any, hook_request: Any, path: str) -> None:
    answer = sandbox.post(path, hook_request())
    assert answer.status_code == 404
    assert outcome(answer)["code"] == "not-found"


@pytest.mark.requirement("CH-036", "CH-037", "CH-038", "CH-039", "CH-081", "CH-082")
@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"hook": "-"}, "hook"),
        ({"hook": "encounter-start"}, "patient-view"),
        ({"hook": "no-such-hook"}, "patient-view"),
        ({"hookInstance": "-"}, "hookInstance"),
        ({"hookInstance": "seven"}, "hookInstance"),
        ({"context": "-"}, "context"),
        ({"context": {}}, "$.context"),
        ({"context": {"userId": "Practitioner/1"}}, "patientId"),
        ({"context": {"patientId": "p1"}}, "userId"),
        ({"fhirAuthorization": AUTHORIZATION}, "fhirServer"),
        ({"prefetch": [1]}, "$.prefetch"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong_and_where(
    sandbox: Any, hook_request: Any, changes: dict[str, Any], names: str
) -> None:
    answer = sandbox.call(hook_request(**changes))
    assert answer.status_code == 400
    assert names in outcome(answer)["text"]
    assert sandbox.probe.calls == []


@pytest.mark.requirement("CH-042")
def test_unknown_members_and_extensions_are_ignored(sandbox: Any, hook_request: Any) -> None:
    request = hook_request(extension={"org.example.a": {"b": 1}}, tomorrow=[{}])
    request["context"]["next"] = "kept"
    assert sandbox.call(request).status_code == 200
    assert set(sandbox.probe.calls[0].context.other) == {"next"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "structure"),
        (b"hook=patient-view", 400, "structure"),
        (b'{"hook": "patient-view",}', 400, "structure"),
        (b"\xff\xfe", 400, "structure"),
        (b"[]", 400, "invalid"),
        (b'"text"', 400, "invalid"),
        (b"[" * 500 + b"]" * 500, 400, "structure"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, 400, "structure"),
        (b'{"x": "' + b"a" * 6_000_000 + b'"}', 413, "too-long"),
        (b'{"prefetch":[' + b'{"resource":1},' * 5_001 + b"1]}", 413, "too-long"),
    ],
    ids=[
        "nothing",
        "a form",
        "a trailing comma",
        "no text",
        "an array",
        "a string",
        "500 arrays deep",
        "500 objects deep",
        "6 MB",
        "5,001 resources",
    ],
)
def test_a_body_that_is_no_request_is_told_so(
    sandbox: Any, body: bytes, status: int, code: str
) -> None:
    answer = sandbox.call(body)
    assert answer.status_code == status
    assert outcome(answer)["code"] == code


def test_a_body_of_unknown_length_is_cut_off_at_the_limit(sandbox: Any) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 100_000

    answer = sandbox.http.post(
        "/cds-services/probe", content=endless(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("declared", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_that_is_not_declared_as_json_is_refused(
    sandbox: Any, hook_request: Any, declared: str
) -> None:
    answer = sandbox.http.post(
        "/cds-services/probe",
        content=json.dumps(hook_request()),
        headers={"Content-Type": declared},
    )
    assert answer.status_code == 415
    assert outcome(answer)["code"] == "structure"


def test_a_compressed_body_is_refused_without_being_unpacked(
    sandbox: Any, hook_request: Any
) -> None:
    packed = gzip.compress(json.dumps(hook_request()).encode())
    answer = sandbox.call(packed, **{"Content-Encoding": "gzip"})
    assert answer.status_code == 415
    assert "compressed" in outcome(answer)["text"]


def test_a_charset_beside_the_media_type_is_accepted(sandbox: Any, hook_request: Any) -> None:
    answer = sandbox.call(hook_request(), **{"Content-Type": "application/json; charset=utf-8"})
    assert answer.status_code == 200


@pytest.mark.requirement("CH-058")
@pytest.mark.parametrize("key", ["patient", "vitalSigns", "laboratory"])
def test_data_of_another_patient_is_refused_whichever_key_holds_it(
    sandbox: Any, hook_request: Any, bundle: Any, observation: Any, key: str
) -> None:
    request = hook_request()
    other = {"resourceType": "Patient", "id": "p2"}
    request["prefetch"][key] = other if key == "patient" else bundle(observation(1, "p2"))
    answer = sandbox.call(request)
    assert answer.status_code == 422
    assert outcome(answer)["code"] == "business-rule"
    assert sandbox.probe.calls == []


@pytest.mark.requirement("CH-058")
def test_a_draft_order_for_another_patient_is_refused(
    sandbox: Any, hook_request: Any, bundle: Any
) -> None:
    draft = {"resourceType": "ServiceRequest", "subject": {"reference": "Patient/p2"}}
    request = hook_request(hook="order-sign")
    request["context"]["draftOrders"] = bundle(draft)
    assert sandbox.call(request).status_code == 422


@pytest.mark.requirement("CH-051")
def test_without_the_essentials_the_call_is_refused_and_they_are_named(
    sandbox: Any, hook_request: Any
) -> None:
    answer = sandbox.call(hook_request(prefetch={}))
    assert answer.status_code == 412
    found = outcome(answer)
    assert found["code"] == "incomplete"
    assert "patient:" in found["text"]
    assert "vitalSigns:" in found["text"]
    assert "laboratory" not in found["text"]


@pytest.mark.requirement("CH-080", "CH-082", "CH-084")
@pytest.mark.parametrize("error", [EhrRefused, EhrLacks, EhrUnreachable, EhrUnreadable])
def test_a_fhir_server_that_fails_is_a_412_and_never_an_empty_success(
    sandbox: Any, hook_request: Any, error: type[EhrError]
) -> None:
    sandbox.ehr.shelf["Patient/p1"] = error("canary")
    request = hook_request(prefetch={}, **SERVER)
    answer = sandbox.call(request)
    assert answer.status_code == 412
    assert "patient" in outcome(answer)["text"]
    assert "canary" not in answer.text


@pytest.mark.requirement("CH-041")
@pytest.mark.parametrize("prefetch", ["-", {}, None])
def test_a_call_without_prefetch_is_answered_from_the_fhir_server(
    sandbox: Any, hook_request: Any, observation: Any, prefetch: Any
) -> None:
    sandbox.ehr.shelf = {
        "Patient/p1": [{"resourceType": "Patient", "id": "p1"}],
        "Observation?patient=p1&category=vital-signs&_count=4": [observation(1), observation(2)],
    }
    by_server = sandbox.call(hook_request(prefetch=prefetch, **SERVER))
    by_prefetch = sandbox.call(hook_request())
    assert by_server.json()["cards"][0]["summary"] == by_prefetch.json()["cards"][0]["summary"]
    assert all(call.gather_until is not None for call in sandbox.probe.calls)


@pytest.mark.requirement("CH-081", "CH-082", "CH-084")
def test_a_failure_of_the_service_is_a_500_that_says_nothing_of_the_patient(
    install: Any, probe: Any, hook_request: Any, capfd: Any
) -> None:
    def fail(call: Any) -> Any:
        raise RuntimeError("canary-name")

    with install(probe(answer=fail), trust="open", sandbox=True) as it:
        answer = it.call(hook_request())
    assert answer.status_code == 500
    assert outcome(answer)["code"] == "exception"
    written = capfd.readouterr()
    assert "canary" not in answer.text + written.out + written.err
    assert '"kind": "RuntimeError"' in written.err


@pytest.mark.requirement("CH-055")
def test_a_log_line_holds_the_hook_instance_and_nothing_of_the_patient(
    install: Any, hook_request: Any, capfd: Any
) -> None:
    request = hook_request(**SERVER)
    with install(trust="open", sandbox=True) as it:
        it.call(request, Authorization="Bearer canary-jwt")
        it.post("/cds-services/canary-id", request)
        metrics = it.http.get("/metrics").text
    written = capfd.readouterr().err
    lines = [json.loads(line) for line in written.splitlines()]
    assert lines[0]["hook_instance"] == request["hookInstance"]
    assert lines[0]["status"] == 200
    assert "canary" not in written
    assert not re.search(r"\bp1\b|u1\b", written)
    assert "canary" not in metrics


def test_metrics_count_requests_by_route_and_status(sandbox: Any, hook_request: Any) -> None:
    sandbox.call(hook_request())
    sandbox.call(b"no")
    text = sandbox.http.get("/metrics").text
    route = 'route="/cds-services/{service_id}",service="probe"'
    assert f'cardiotwin_requests_total{{{route},status="200"}} 1.0' in text
    assert f'cardiotwin_requests_total{{{route},status="400"}} 1.0' in text


def test_health_says_that_the_process_answers(sandbox: Any) -> None:
    assert sandbox.http.get("/health").json()["status"] == "pass"


@pytest.mark.requirement("CH-139")
@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/cds-services", "GET"),
        ("/cds-services/probe", "POST"),
        ("/cds-services/probe/feedback", "POST"),
    ],
)
def test_a_preflight_of_an_allowed_origin_needs_no_token(
    install: Any, path: str, method: str
) -> None:
    with install(cors_origins=("https://ehr.example",)) as it:
        answer = it.http.options(
            path,
            headers={
                "Origin": "https://ehr.example",
                "Access-Control-Request-Method": method,
                "Access-Control-Request-Headers": "authorization,content-type",
            },
        )
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://ehr.example"
    assert method in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert "authorization" in allowed
    assert "content-type" in allowed


@pytest.mark.requirement("CH-139")
def test_another_origin_is_not_allowed_and_a_refusal_is_readable_by_an_allowed_one(
    install: Any, hook_request: Any
) -> None:
    with install(cors_origins=("https://ehr.example",)) as it:
        stranger = it.call(hook_request(), Origin="https://evil.example")
        assert "access-control-allow-origin" not in stranger.headers
        refused = it.call(hook_request(), Origin="https://ehr.example")
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "https://ehr.example"


@pytest.mark.requirement("CH-088", "CH-109")
def test_a_repeated_call_gets_the_same_uuids(sandbox: Any, hook_request: Any) -> None:
    request = hook_request()
    first, second, other = (
        sandbox.call(each).json()["cards"][0] for each in (request, request, hook_request())
    )
    assert first["uuid"] == second["uuid"] != other["uuid"]
    assert first["suggestions"][0]["uuid"] == second["suggestions"][0]["uuid"]
