"""What the sandbox EHR refuses, each with its HTTP status and FHIR issue type.

* SandboxError
  - UnknownType          404 not-supported
  - NoSuchResource       404 not-found
  - Gone                 410 deleted
  - BadSearch            400 invalid
  - BadResource          400 invalid
  - TooLarge             413 too-long
  - WrongVersion         412 conflict
  - NotAcceptable        406 not-supported
  - TokenRefused         401 login
  - OutsideToken         403 forbidden
  - ForeignService       400 security
  - AuthorizeRefused     400 security
  - OAuthRefused         400 or 401, in the form of RFC 6749

Issue types: https://hl7.org/fhir/R4/valueset-issue-type.html.
"""

from __future__ import annotations


class SandboxError(Exception):
    """Root; the text of each is shown to whoever sent the request."""

    status = 500
    issue = "exception"


class UnknownType(SandboxError):
    """Resources of the type are not held here."""

    status, issue = 404, "not-supported"


class NoSuchResource(SandboxError):
    """No resource has this id, or no version this number."""

    status, issue = 404, "not-found"


class Gone(SandboxError):
    """The resource was deleted."""

    status, issue = 410, "deleted"


class BadSearch(SandboxError):
    """A search parameter, modifier or value that this server does not answer."""

    status, issue = 400, "invalid"


class BadResource(SandboxError):
    """The body is not the resource that the request needs."""

    status, issue = 400, "invalid"


class TooLarge(SandboxError):
    """The body exceeds what a sandbox takes."""

    status, issue = 413, "too-long"


class WrongVersion(SandboxError):
    """If-Match names a version that is not the current one."""

    status, issue = 412, "conflict"


class NotAcceptable(SandboxError):
    """Only FHIR JSON is spoken here."""

    status, issue = 406, "not-supported"


class TokenRefused(SandboxError):
    """The access token is unknown or has expired."""

    status, issue = 401, "login"


class OutsideToken(SandboxError):
    """The access token does not cover the request."""

    status, issue = 403, "forbidden"


class ForeignService(SandboxError):
    """A token was asked for a URL that is not one of the configured CDS Services."""

    status, issue = 400, "security"


def operation_outcome(error: SandboxError) -> dict[str, object]:
    """Return the OperationOutcome that tells a caller what was refused and why."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": error.issue, "diagnostics": str(error)}],
    }


class AuthorizeRefused(SandboxError):
    """An authorization request of an app that is not registered; nobody is sent back with it."""

    status, issue = 400, "security"


class OAuthRefused(SandboxError):
    """A request to the authorization server, refused with an error code of RFC 6749."""

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.code = code
        self.status = status
