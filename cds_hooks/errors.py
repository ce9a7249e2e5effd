"""What the service raises; ``http/problems.py`` maps each to a status and an OperationOutcome.

* CardioTwinError
  x CallerError                 the EHR's request is at fault
    - NotJson                   400
    - TooLarge                  413
    - BadRequest                400
    - UnknownService            404
    - WrongHook                 400
    - WrongPatient              422, data of another patient
    - WrongMediaType            415
    - TooSlow                   408
  x TrustError                  401, the caller is not who it must be
  x PreconditionsMissing        412, the essentials cannot be had
  x EhrError                    the EHR's FHIR server
    - EhrRefused
      = EhrUnauthorized         401, its access token is no longer valid
    - EhrLacks
    - EhrUnreachable
    - EhrUnreadable
    - EhrEndless
  x HostNotAllowed              a request to a host off the allow-list was not sent
  x LaunchRefused               400, the launch of the SMART app went wrong
  x NoSession                   401, no launch of the SMART app stands behind the request
  x SessionNotKept              503
  x Busy                        503
  x FeedbackNotStored           503
  x ReadingsNotKept             never answered: what was read is said all the same
  x CardRefused                 500, this service was about to break the specification

No message holds a name, an identifier, a birth date or a token: they are written by whoever
raises, from places (JSON paths, query keys, host names) and reasons only.
"""

from __future__ import annotations


class CardioTwinError(Exception):
    """Root of everything the service raises on purpose."""


class CallerError(CardioTwinError):
    """The request is at fault; the EHR's integration engineer can mend it."""


class NotJson(CallerError):
    """The body is not JSON, or nests deeper than is accepted."""


class TooLarge(CallerError):
    """The body exceeds the accepted size."""


class BadRequest(CallerError):
    """The JSON is no CDS Hooks request or feedback; the message names the JSON path."""


class UnknownService(CallerError):
    """No CDS Service has this id."""


class WrongHook(CallerError):
    """The CDS Service does not answer this hook."""


class WrongPatient(CallerError):
    """The request carries data of a patient other than the one in its context."""


class TrustError(CardioTwinError):
    """The caller's JWT was refused; ``reason`` is a stable code such as ``replayed``."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class PreconditionsMissing(CardioTwinError):
    """Data without which no guidance can be given could not be had (HTTP 412, CH-051)."""


class EhrError(CardioTwinError):
    """The EHR's FHIR server did not give what was asked."""


class EhrRefused(EhrError):
    """The FHIR server denied the query, or the grant's scopes do not cover it."""


class EhrUnauthorized(EhrRefused):
    """The FHIR server no longer takes the access token; a renewed one may do."""


class EhrLacks(EhrError):
    """The FHIR server has no such resource."""


class EhrUnreachable(EhrError):
    """The FHIR server could not be reached or did not reply by the deadline."""


class EhrUnreadable(EhrError):
    """The FHIR server's reply is an error of its own or no FHIR JSON."""


class EhrEndless(EhrError):
    """The search has more pages or entries than are accepted."""


class HostNotAllowed(CardioTwinError):
    """The host is not on the allow-list; no request was sent to it."""


class LaunchRefused(CardioTwinError):
    """The SMART app could not be launched; ``reason`` is a stable code such as ``state``.

    The message is read by a clinician and by whoever registered the app.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class NoSession(CardioTwinError):
    """The request belongs to no SMART session; ``reason`` is a stable code such as ``ended``."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class SessionNotKept(CardioTwinError):
    """The store of SMART sessions failed; whoever has the app open launches it again."""


class CardRefused(CardioTwinError):
    """A card that the specification forbids was about to be built; this service is at fault."""


class WrongMediaType(CallerError):
    """The body is not declared as JSON."""


class TooSlow(CallerError):
    """The body did not arrive in time."""


class Busy(CardioTwinError):
    """As many calls as this installation serves at once are under way; try again shortly."""


class FeedbackNotStored(CardioTwinError):
    """The feedback store failed; nothing was kept, so that the client can send it again."""


class ReadingsNotKept(CardioTwinError):
    """The store of image readings failed; what is read now is said, and read anew next time."""
