"""Feedback on cards, as a CDS Client sends it. Read only; what is made of it is decided elsewhere.

Specification: https://cds-hooks.hl7.org/2.0/#feedback
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Literal, final

import msgspec

from cds_hooks.errors import BadRequest
from cds_hooks.wire.reading import decode
from cds_hooks.wire.request import Filled

MOST_ITEMS: Final = 1_000
"""Items accepted in one request; a client that kept a day's feedback of one ward sends fewer."""

Comment = Annotated[str, msgspec.Meta(max_length=4_000)]


@final
class ReasonCoding(msgspec.Struct, frozen=True, kw_only=True):
    """The reason for an override, one of those that the card offered."""

    code: Filled
    system: str | None = None
    display: str | None = None


@final
class GivenOverrideReason(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """https://cds-hooks.hl7.org/2.0/#overridereason."""

    reason: ReasonCoding | None = None
    user_comment: Comment | None = None

    def __repr__(self) -> str:
        """Show nothing of the comment, which may name a patient."""
        return "GivenOverrideReason(...)"


@final
class AcceptedSuggestion(msgspec.Struct, frozen=True, kw_only=True):
    """https://cds-hooks.hl7.org/2.0/#acceptedsuggestion; ``id`` is the suggestion's uuid."""

    id: Filled


@final
class FeedbackItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of one card. A card that is not mentioned was neither accepted nor refused."""

    card: Filled
    outcome: Literal["accepted", "overridden"]
    outcome_timestamp: datetime
    accepted_suggestions: tuple[AcceptedSuggestion, ...] = ()
    override_reason: GivenOverrideReason | None = None


class _Feedback(msgspec.Struct, frozen=True, kw_only=True):
    feedback: Annotated[tuple[FeedbackItem, ...], msgspec.Meta(max_length=MOST_ITEMS)]


_FEEDBACK: Final = msgspec.json.Decoder(_Feedback)


def read_feedback(body: bytes) -> tuple[FeedbackItem, ...]:
    """Read a feedback request.

    Raises
    ------
    cds_hooks.errors.NotJson
        The body is not JSON.
    cds_hooks.errors.BadRequest
        A member is missing or wrong; the message names its JSON path. Nothing of the request is
        to be stored then, so that the client can mend and repeat all of it.
    """
    items = decode(_FEEDBACK, body).feedback
    for index, item in enumerate(items):
        _check(item, f"$.feedback[{index}]")
    return items


def _check(item: FeedbackItem, place: str) -> None:
    if item.outcome_timestamp.utcoffset() != UTC.utcoffset(None):
        raise BadRequest(f"{place}.outcomeTimestamp is not in UTC; write it as RFC 3339 with Z.")
    if item.outcome == "accepted" and not item.accepted_suggestions:
        raise BadRequest(
            f"{place} is accepted without acceptedSuggestions (cds-fb-2); name their ids."
        )
    reason = item.override_reason
    if reason is not None and reason.reason is None and not reason.user_comment:
        raise BadRequest(
            f"{place}.overrideReason has neither reason nor userComment (cds-fb-3); give one."
        )
