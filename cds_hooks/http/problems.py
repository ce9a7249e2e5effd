"""Errors to HTTP: one table from error to status and issue code, one shape of body.

Every answer that is no success is an OperationOutcome
(https://hl7.org/fhir/R4/operationoutcome.html), as the 3.0 ballot recommends; in 2.0 it is
harmless. The one broad ``except`` of this room is here: what nobody foresaw becomes a 500 that
says nothing of the patient, and a log line with the place and kind of the failure only.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Final, final

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds_hooks import errors

_LOG: Final = structlog.get_logger("cds_hooks")

STATUS: Final[Mapping[type[errors.CardioTwinError], tuple[int, str]]] = {
    errors.NotJson: (400, "structure"),
    errors.BadRequest: (400, "invalid"),
    errors.WrongHook: (400, "not-supported"),
    errors.UnknownService: (404, "not-found"),
    errors.TooSlow: (408, "timeout"),
    errors.TooLarge: (413, "too-long"),
    errors.WrongMediaType: (415, "structure"),
    errors.WrongPatient: (422, "business-rule"),
    errors.CallerError: (400, "invalid"),
    errors.TrustError: (401, "login"),
    errors.PreconditionsMissing: (412, "incomplete"),
    # What the EHR did not give is a missing precondition of the call, CH-080.
    errors.EhrError: (412, "incomplete"),
    errors.HostNotAllowed: (412, "incomplete"),
    errors.LaunchRefused: (400, "login"),
    errors.NoSession: (401, "login"),
    errors.SessionNotKept: (503, "no-store"),
    errors.Busy: (503, "throttled"),
    errors.FeedbackNotStored: (503, "no-store"),
    errors.ReadingsNotKept: (503, "no-store"),
    errors.CardRefused: (500, "exception"),
    errors.CardioTwinError: (500, "exception"),
}
"""Error -> HTTP status and FHIR issue type; a class that is not listed has its base's."""

RETRY_AFTER_S: Final = 1
_TITLES: Final = {404: "not-found", 405: "not-supported"}


@final
class _Text(msgspec.Struct, frozen=True):
    text: str


@final
class _Issue(msgspec.Struct, frozen=True, omit_defaults=True):
    severity: str
    code: str
    details: _Text


@final
class OperationOutcome(
    msgspec.Struct, frozen=True, tag_field="resourceType", tag="OperationOutcome"
):
    """https://hl7.org/fhir/R4/operationoutcome.html, as far as it is written."""

    issue: tuple[_Issue, ...]


def outcome(code: str, *sentences: str, severity: str = "error") -> OperationOutcome:
    """Return an OperationOutcome of one issue for each sentence."""
    return OperationOutcome(tuple(_Issue(severity, code, _Text(each)) for each in sentences))


def json_response(
    body: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a JSON answer, which no cache keeps: it is about one patient at one moment."""
    return Response(
        msgspec.json.encode(body),
        status,
        {"Cache-Control": "no-store", **(headers or {})},
        "application/json",
    )


def status_of(error: errors.CardioTwinError) -> tuple[int, str]:
    """Return the HTTP status and FHIR issue type of an error, or of its nearest listed base."""
    return next(STATUS[each] for each in type(error).__mro__ if each in STATUS)


def problem_response(error: errors.CardioTwinError) -> Response:
    """Return the answer for an error that was raised on purpose."""
    status, code = status_of(error)
    structlog.contextvars.bind_contextvars(problem=type(error).__name__)
    headers: dict[str, str] = {}
    if isinstance(error, errors.TrustError | errors.NoSession | errors.LaunchRefused):
        structlog.contextvars.bind_contextvars(reason=error.reason)
    if isinstance(error, errors.TrustError):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, errors.Busy):
        headers["Retry-After"] = str(RETRY_AFTER_S)
    # An error of this service's own names its internals; the caller can do nothing with them.
    sentence = _OWN_FAULT if status == 500 else str(error)
    if status == 500:
        _log_fault(error)
    return json_response(outcome(code, sentence), status, headers)


_OWN_FAULT: Final = (
    "The service failed; no guidance could be computed. The failure is logged under the"
    " hookInstance of this call; ask the operator."
)


async def _on_purpose(request: Request, error: Exception) -> Response:
    if not isinstance(error, errors.CardioTwinError):
        raise error
    return problem_response(error)


async def _by_routing(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    code = _TITLES.get(error.status_code, "processing")
    sentence = f"{request.method} is not answered here: {error.detail}. See GET /documentation."
    return json_response(outcome(code, sentence), error.status_code, error.headers)


def answer_with_outcomes(application: FastAPI) -> None:
    """Make every error of the application an OperationOutcome."""
    application.add_exception_handler(errors.CardioTwinError, _on_purpose)
    application.add_exception_handler(HTTPException, _by_routing)


@final
class Unforeseen:
    """ASGI middleware: whatever nobody foresaw becomes a 500 without a word about the patient."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            if scope["type"] != "http":
                raise
            _log_fault(error)
            if not started:
                answer = json_response(outcome("exception", _OWN_FAULT), 500)
                await answer(scope, receive, send)


def _log_fault(error: Exception) -> None:
    """Log where and what kind, never the message: it may quote what was being read."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.name}:{frame.lineno}" for frame in frames[-4:]]
    _LOG.error("fault", kind=type(error).__name__, places=places)
