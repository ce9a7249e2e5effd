"""Every error has a status and an OperationOutcome; none is forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome as Model

from cds_hooks import errors
from cds_hooks.http.problems import STATUS, problem_response, status_of

# https://hl7.org/fhir/R4/valueset-issue-type.html
ISSUE_TYPES = {
    *("invalid", "structure", "required", "value", "invariant", "security", "login", "unknown"),
    *("expired", "forbidden", "suppressed", "processing", "not-supported", "duplicate"),
    *("multiple-matches", "not-found", "deleted", "too-long", "code-invalid", "extension"),
    *("too-costly", "business-rule", "conflict", "transient", "lock-error", "no-store"),
    *("exception", "timeout", "incomplete", "throttled", "informational"),
}


def tree(root: type[errors.CardioTwinError]) -> Iterator[type[errors.CardioTwinError]]:
    yield root
    for branch in root.__subclasses__():
        yield from tree(branch)


def made(kind: type[errors.CardioTwinError]) -> errors.CardioTwinError:
    if issubclass(kind, errors.TrustError | errors.NoSession | errors.LaunchRefused):
        return kind("reason", "A sentence.")
    return kind("A sentence.")


ERRORS = sorted(tree(errors.CardioTwinError), key=lambda kind: kind.__name__)


@pytest.mark.requirement("CH-081", "CH-082")
@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_an_error_is_answered_with_an_operation_outcome(
    kind: type[errors.CardioTwinError],
) -> None:
    answer = problem_response(made(kind))
    assert answer.status_code >= 400
    assert answer.headers["cache-control"] == "no-store"
    body = json.loads(bytes(answer.body))
    Model.model_validate(body)
    assert body["issue"][0]["code"] in ISSUE_TYPES


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_of_this_room_is_in_the_table_or_below_one_that_is_meant_for_it(
    kind: type[errors.CardioTwinError],
) -> None:
    bases = {errors.CardioTwinError, errors.CallerError}
    if kind.__module__ == "cds_hooks.errors" and kind not in bases:
        nearest = next(each for each in kind.__mro__ if each in STATUS)
        assert nearest not in bases, f"{kind.__name__} has no status of its own"
    assert status_of(made(kind))[0] in {400, 401, 404, 408, 412, 413, 415, 422, 500, 503}


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_says_what_it_is(kind: type[errors.CardioTwinError]) -> None:
    assert kind.__doc__


def test_a_fault_of_our_own_keeps_its_sentence_to_itself() -> None:
    answer = problem_response(errors.CardRefused("Card: canary."))
    assert answer.status_code == 500
    assert b"canary" not in bytes(answer.body)


def test_a_busy_service_says_when_to_come_back() -> None:
    answer = problem_response(errors.Busy("64 calls are under way."))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
