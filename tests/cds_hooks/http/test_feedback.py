"""Feedback as the array of the specification: stored once, unknown items told back."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

PATH = "/cds-services/probe/feedback"
AT = "2026-11-21T09:00:00Z"


@pytest.fixture
def card(sandbox: Any, hook_request: Any) -> dict[str, Any]:
    found: dict[str, Any] = sandbox.call(hook_request()).json()["cards"][0]
    return found


def item(sent: dict[str, Any], /, **changes: Any) -> dict[str, Any]:
    members = {"card": sent["uuid"], "outcome": "overridden", "outcomeTimestamp": AT} | changes
    return {name: value for name, value in members.items() if value != "-"}


def accepted(card: dict[str, Any], **changes: Any) -> dict[str, Any]:
    chosen = [{"id": card["suggestions"][0]["uuid"]}]
    return item(card, outcome="accepted", acceptedSuggestions=chosen, **changes)


def texts(answer: Any) -> list[str]:
    return [issue["details"]["text"] for issue in answer.json()["issue"]]


@pytest.mark.requirement("CH-143", "CH-144", "CH-146")
def test_an_accepted_suggestion_is_stored(sandbox: Any, card: Any) -> None:
    answer = sandbox.post(PATH, {"feedback": [accepted(card)]})
    assert answer.status_code == 200
    assert texts(answer) == ["1 of 1 items are stored."]


@pytest.mark.requirement("CH-145", "CH-147")
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"overrideReason": {"reason": {"code": "known", "system": "https://x.example"}}},
        {"overrideReason": {"userComment": "Already given"}},
        {"overrideReason": {"reason": {"code": "known"}, "userComment": "Already given"}},
    ],
)
def test_an_override_may_say_why(sandbox: Any, card: Any, given: dict[str, Any]) -> None:
    assert sandbox.post(PATH, {"feedback": [item(card, **given)]}).status_code == 200


@pytest.mark.requirement("CH-149")
def test_several_items_repeats_and_several_calls_are_taken_together(
    sandbox: Any, card: Any, hook_request: Any
) -> None:
    other = sandbox.call(hook_request()).json()["cards"][0]
    batch = {"feedback": [accepted(card), accepted(card), item(card), item(other)]}
    assert texts(sandbox.post(PATH, batch)) == ["4 of 4 items are stored."]
    assert sandbox.post(PATH, batch).status_code == 200


@pytest.mark.requirement("CH-150")
def test_an_unknown_card_is_told_back_and_does_not_break_the_batch(
    sandbox: Any, card: Any
) -> None:
    batch = [item(card), item(card, card=str(uuid4())), item(card, card="no uuid")]
    answer = sandbox.post(PATH, {"feedback": batch})
    assert answer.status_code == 200
    first, *others = texts(answer)
    assert first == "1 of 3 items are stored."
    assert [text.split(" ")[0] for text in others] == ["$.feedback[1]", "$.feedback[2]"]


@pytest.mark.requirement("CH-144", "CH-145", "CH-146", "CH-147", "CH-148")
@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"card": "-"}, "card"),
        ({"card": 5}, "$.feedback[0].card"),
        ({"card": ""}, "$.feedback[0].card"),
        ({"outcome": "-"}, "outcome"),
        ({"outcome": "ignored"}, "$.feedback[0].outcome"),
        ({"outcome": "Accepted"}, "$.feedback[0].outcome"),
        ({"outcome": "accepted"}, "$.feedback[0]"),
        ({"outcome": "accepted", "acceptedSuggestions": []}, "$.feedback[0]"),
        ({"acceptedSuggestions": [{}]}, "id"),
        ({"acceptedSuggestions": {"id": "x"}}, "$.feedback[0].acceptedSuggestions"),
        ({"overrideReason": {}}, "$.feedback[0].overrideReason"),
        ({"overrideReason": {"userComment": ""}}, "$.feedback[0].overrideReason"),
        ({"overrideReason": {"userComment": "x" * 4_001}}, "$.feedback[0].overrideReason"),
        ({"overrideReason": {"reason": "known"}}, "$.feedback[0].overrideReason.reason"),
        ({"overrideReason": {"reason": {}}}, "code"),
        ({"outcomeTimestamp": "-"}, "outcomeTimestamp"),
        ({"outcomeTimestamp": "yesterday"}, "$.feedback[0].outcomeTimestamp"),
        ({"outcomeTimestamp": "2026-11-21"}, "$.feedback[0].outcomeTimestamp"),
        ({"outcomeTimestamp": "2026-11-21T09:00:00"}, "$.feedback[0].outcomeTimestamp"),
        ({"outcomeTimestamp": "2026-11-21T10:00:00+01:00"}, "$.feedback[0].outcomeTimestamp"),
        ({"outcomeTimestamp": 1_795_251_600}, "$.feedback[0].outcomeTimestamp"),
    ],
)
def test_a_wrong_item_refuses_the_batch_and_is_named(
    sandbox: Any, card: Any, changes: dict[str, Any], place: str
) -> None:
    answer = sandbox.post(PATH, {"feedback": [item(card, **changes)]})
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert place in texts(answer)[0]


@pytest.mark.requirement("CH-144")
@pytest.mark.parametrize("body", [{}, [], {"feedback": {}}, {"card": "x"}, {"feedback": [1]}])
def test_what_is_no_array_of_feedback_is_refused(sandbox: Any, body: Any) -> None:
    assert sandbox.post(PATH, body).status_code == 400


@pytest.mark.requirement("CH-151")
def test_feedback_needs_a_token_for_the_feedback_endpoint_itself(
    guarded: Any, hook_request: Any
) -> None:
    signed = guarded.signed("/cds-services/probe")
    card = guarded.call(hook_request(), **signed).json()["cards"][0]
    batch = {"feedback": [item(card)]}
    assert guarded.post(PATH, batch).status_code == 401
    for_the_service = guarded.signed("/cds-services/probe")
    assert guarded.post(PATH, batch, **for_the_service).status_code == 401
    answer = guarded.post(PATH, batch, **guarded.signed(PATH))
    assert texts(answer) == ["1 of 1 items are stored."]


def test_a_comment_of_a_clinician_is_in_no_log(
    install: Any, hook_request: Any, capfd: Any
) -> None:
    with install(trust="open", sandbox=True) as it:
        card = it.call(hook_request()).json()["cards"][0]
        reason = {"userComment": "canary about the patient"}
        it.post(PATH, {"feedback": [item(card, overrideReason=reason)]})
    written = capfd.readouterr()
    assert "canary" not in written.err + written.out
