"""Feedback on cards, taken in: what the client reports becomes verdicts in the store.

A batch with an unknown card is not refused (CH-150); which items were unknown is told back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final
from uuid import UUID

from cds_hooks.ports import FeedbackStore, Verdict
from cds_hooks.wire.feedback import FeedbackItem, read_feedback


@final
@dataclass(frozen=True, slots=True)
class FeedbackReceipt:
    """What became of one feedback request."""

    items: int
    unknown: tuple[int, ...]
    """Positions of the items whose card, or accepted suggestion, this service never sent."""


@final
@dataclass(frozen=True, slots=True)
class TakingFeedback:
    """The use case behind ``POST /cds-services/{id}/feedback``."""

    store: FeedbackStore

    async def take(self, service_id: str, issuer: str, body: bytes) -> FeedbackReceipt:
        """Keep the verdicts of one request.

        Raises
        ------
        cds_hooks.errors.CallerError
            The request is no feedback; nothing of it was kept.
        cds_hooks.errors.FeedbackNotStored
            Nothing was kept.
        """
        items = read_feedback(body)
        verdicts = [verdict_of(item) for item in items]
        not_kept = await self.store.record(
            service_id, issuer, [each for each in verdicts if each is not None]
        )
        unknown = tuple(
            index
            for index, verdict in enumerate(verdicts)
            if verdict is None or verdict in not_kept
        )
        return FeedbackReceipt(len(items), unknown)


def verdict_of(item: FeedbackItem) -> Verdict | None:
    """Return an item in its stored form; None where an id is no uuid and so never was ours."""
    card = _uuid(item.card)
    accepted = _uuids([each.id for each in item.accepted_suggestions])
    if card is None or accepted is None:
        return None
    given = item.override_reason
    reason = given.reason if given is not None else None
    return Verdict(
        card=card,
        outcome=item.outcome,
        at=item.outcome_timestamp,
        accepted=accepted,
        reason_code=reason.code if reason is not None else None,
        reason_system=reason.system if reason is not None else None,
        comment=given.user_comment if given is not None else None,
    )


def _uuids(texts: Sequence[str]) -> tuple[UUID, ...] | None:
    found = [_uuid(text) for text in texts]
    known = tuple(each for each in found if each is not None)
    return known if len(known) == len(found) else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
