"""Ports of the service: what it needs of the world, in its own words.

Protocols and the values they exchange.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from cds_hooks.images.kept import (
    KeptOutcome,
    KeptSource,
    PatientDigest,
    ReadingId,
    SourceKey,
)


@dataclass(frozen=True, slots=True)
class FhirQuery:
    """A read or a type search, relative to the FHIR base, e.g. ``Observation?patient=1``.

    The further page of a search begins with ``?`` where the server's link has nothing between its
    base and the query, e.g. ``?_getpages=1``.
    """

    path: str
    enough: int | None = None
    """Follow no further page once this many resources are there; None asks for every page."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What the EHR allows for one hook call; transient, never stored or logged.

    Specification: https://cds-hooks.hl7.org/2.0/#fhir-resource-access
    """

    fhir_server: str
    access_token: str | None = field(repr=False)
    scopes: frozenset[str]
    patient_id: str | None = field(repr=False)
    expires_at: datetime | None


class Ehr(Protocol):
    """The EHR's FHIR R4 server, as one clinician's grant allows it."""

    async def search(self, query: FhirQuery, grant: Grant) -> tuple[msgspec.Raw, ...]:
        """Return the resources of a read, or of a search's pages until ``query.enough``.

        Raises
        ------
        cds_hooks.errors.EhrRefused
            401 (EhrUnauthorized) or 403, or the query is outside the grant's scopes.
        cds_hooks.errors.EhrLacks
            404 or 410.
        cds_hooks.errors.EhrUnreachable
            No connection, reset, or no reply by the deadline.
        cds_hooks.errors.EhrUnreadable
            The reply is no FHIR JSON, or a server error.
        cds_hooks.errors.EhrEndless
            More pages or entries than are accepted.
        cds_hooks.errors.HostNotAllowed
            The base, or a next link, is not on the allow-list; nothing was sent.
        """
        ...


class OrderWriting(Protocol):
    """Where a clinician's draft orders are created: the EHR's FHIR server, with her own grant."""

    async def create(self, resource: Mapping[str, object], grant: Grant) -> str:
        """Create one resource, and return its reference such as ``MedicationRequest/7``.

        Raises
        ------
        cds_hooks.errors.EhrRefused
            401 (EhrUnauthorized) or 403, or the grant's token has expired: nothing was created.
        cds_hooks.errors.EhrLacks
            404 or 410: the server has no such type.
        cds_hooks.errors.EhrUnreachable
            No connection, reset, or no reply by the deadline; whether it was created is not known.
        cds_hooks.errors.EhrUnreadable
            The server refused the resource, or did not say under which id it is.
        cds_hooks.errors.HostNotAllowed
            The base is not on the allow-list; nothing was sent.
        """
        ...


class KeySet(Protocol):
    """The public keys of the EHRs that may call."""

    async def key(
        self, issuer: str, key_id: str, jwks_url: str | None
    ) -> Mapping[str, object] | None:
        """Return the JWK with this ``kid``, or None.

        An unknown ``kid`` reloads a remote set once.
        """
        ...


class UsedTokens(Protocol):
    """Which JWTs have opened a call already; each opens one only."""

    async def use(self, issuer: str, token_id: str, expires_at: datetime) -> bool:
        """Note the use of a verified token; False where it was used before."""
        ...


@dataclass(frozen=True, slots=True)
class IssuedCard:
    """A card that was sent, as far as feedback on it can refer to it."""

    card: UUID
    suggestions: tuple[UUID, ...]
    service_id: str
    issuer: str
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a clinician made of one card: one item of feedback, in its stored form."""

    card: UUID
    outcome: str
    """``accepted`` or ``overridden``; a card without a verdict was not refused."""
    at: datetime
    accepted: tuple[UUID, ...] = ()
    reason_code: str | None = None
    reason_system: str | None = None
    comment: str | None = field(default=None, repr=False)


class FeedbackStore(Protocol):
    """Cards that were sent and what became of them: https://cds-hooks.hl7.org/2.0/#feedback."""

    async def remember(self, cards: Sequence[IssuedCard]) -> None:
        """Keep what was sent, so that feedback on it is recognised.

        Raises
        ------
        cds_hooks.errors.FeedbackNotStored
        """
        ...

    async def record(
        self, service_id: str, issuer: str, verdicts: Sequence[Verdict]
    ) -> frozenset[Verdict]:
        """Keep the verdicts on cards of this service to this issuer; a repeated one is kept once.

        Returns
        -------
        Those not kept, because the card or an accepted suggestion is unknown.

        Raises
        ------
        cds_hooks.errors.FeedbackNotStored
            Nothing was kept; the client may send all of it again.
        """
        ...


class Clock(Protocol):
    """The wall clock."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...


class ReadingStore(Protocol):
    """Where readings of ECGs and radiographs are kept; any thread may use it, and waits for it.

    Every method raises ``cds_hooks.errors.ReadingsNotKept`` where the store fails.
    """

    def source(self, key: SourceKey) -> KeptSource | None:
        """Return what was kept of a study or an ECG."""
        ...

    def outcome(self, reading: ReadingId) -> KeptOutcome | None:
        """Return what was kept of one file."""
        ...

    def of_patient(self, patient: PatientDigest) -> tuple[KeptSource, ...]:
        """Return what was read of a patient, the latest taken first."""
        ...

    def picture(self, patient: PatientDigest, reading: ReadingId) -> bytes | None:
        """Return the picture of a reading as PNG, if it is this patient's."""
        ...

    def keep(self, source: KeptSource, pictures: Mapping[ReadingId, bytes]) -> None:
        """Keep a source with the pictures of its readings, by reading."""
        ...

    def forget_others(self, patient: PatientDigest, on_file: Collection[SourceKey]) -> None:
        """Forget what is no longer on the patient's file."""
        ...
