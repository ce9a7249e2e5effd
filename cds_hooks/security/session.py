"""A SMART session: what one launch gave, and the port behind which sessions are kept. Pure.

A session belongs to one launch, one patient and one browser. Several may be open in one browser
at once, one a tab, so each has a handle of its own that stands in the page's addresses, and a
secret of its own that stands in a cookie named after the handle. Without the cookie the handle
opens nothing; without the handle no cookie is looked at. So a chart that is opened in a second
tab never changes the patient of the first one.

Specification: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol, final

from cds_hooks.ports import Grant

LONGEST: Final = timedelta(hours=8)
"""A session ends after this whatever its tokens say: one shift at one workstation."""

HANDLE_BYTES: Final = 12
SECRET_BYTES: Final = 32


@final
@dataclass(frozen=True, slots=True)
class ContextItem:
    """One item of ``fhirContext``: what else was open in the EHR (SM-053)."""

    reference: str | None = field(default=None, repr=False)
    """A reference relative to the FHIR base, e.g. ``ImagingStudy/123``."""
    canonical: str | None = None
    identifier: str | None = field(default=None, repr=False)
    """The Identifier as JSON text."""
    type: str | None = None
    role: str = "launch"
    """``launch`` where the server says nothing."""


@final
@dataclass(frozen=True, slots=True)
class SmartSession:
    """What one launch gave: with what right, about whom, for whom.

    Everything here comes from the token response, never from a URL (SM-052), and from the
    registration of the EHR.
    """

    handle: str
    """Names the session in the page's addresses; opens nothing by itself."""
    secret: str = field(repr=False)
    """What the browser's cookie holds. It goes into no page, no address and no log."""
    grant: Grant
    """With which the EHR is read; ``grant.fhir_server`` is the launch's ``iss``."""
    started_at: datetime
    expires_at: datetime
    patient_id: str = field(repr=False)
    encounter_id: str | None = field(default=None, repr=False)
    fhir_user: str | None = field(default=None, repr=False)
    """Reference relative to the FHIR base such as ``Practitioner/7``; None: nobody was named."""
    need_patient_banner: bool = True
    """Whether the app itself must show whose chart it is; so it does unless told otherwise."""
    intent: str | None = None
    fhir_context: tuple[ContextItem, ...] = ()
    app_context: str | None = field(default=None, repr=False)
    """As the card's link sent it: the card's uuid, or whatever somebody else wrote there."""
    tenant: str | None = None
    style_url: str | None = None
    """``smart_style_url``; on the EHR's own origin, or None."""
    other_context: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Members of the token response that this app does not know, as JSON texts (SM-057)."""
    frame_ancestors: tuple[str, ...] = ()
    """Origins of the EHR whose pages may show the app in a frame; none by default."""
    refresh_token: str | None = field(default=None, repr=False)
    token_scopes_asked: frozenset[str] = frozenset()
    """What was asked; the grant's scopes are what was given (SM-040)."""

    def scopes_refused(self) -> frozenset[str]:
        """Return what was asked for and not given."""
        return self.token_scopes_asked - self.grant.scopes


class Sessions(Protocol):
    """The sessions in force; each is stored so that only its own browser's cookie opens it."""

    async def keep(self, session: SmartSession) -> None:
        """Store a session, in place of its former state where there is one."""
        ...

    async def of(self, handle: str, secret: str) -> SmartSession | None:
        """Return the session that this handle and this cookie open together.

        None: there is none, it has expired, it was ended, it was tampered with, or the cookie is
        another session's.
        """
        ...

    async def end(self, handle: str) -> None:
        """Forget a session; one that is not there is no error."""
        ...


def fresh_handle() -> str:
    """Return a new handle: 96 bits, of characters that a cookie's name may have."""
    return secrets.token_urlsafe(HANDLE_BYTES)


def fresh_secret() -> str:
    """Return a new secret of 256 bits for a cookie."""
    return secrets.token_urlsafe(SECRET_BYTES)
