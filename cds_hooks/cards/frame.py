"""What every card of one answer has in common: who speaks, in which call, and where a link leads.

Pure. The words of a card are in the file of its kind; the rules of the wire in ``wire.response``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cds_hooks.cards.wording import RESEARCH_SENTENCE, paragraphs
from cds_hooks.wire.identity import card_uuid, suggestion_uuid
from cds_hooks.wire.response import (
    Action,
    Card,
    Indicator,
    Link,
    LinkType,
    OverrideReason,
    SelectionBehavior,
    Source,
    Suggestion,
)

OVERRIDE_SYSTEM = "https://cardiotwin.example/fhir/CodeSystem/override-reason"
OVERRIDE_REASONS = tuple(
    OverrideReason(code=code, system=OVERRIDE_SYSTEM, display=display)
    for code, display in (
        ("known-to-team", "Already known and being treated"),
        ("data-wrong", "The data behind the card are wrong or out of date"),
        ("does-not-fit", "The simulation does not fit this patient"),
        ("goal-differs", "The goals of care are different"),
        ("other-reason", "Another reason"),
    )
)
"""Why a card was not followed; ours, because CDS Hooks 2.0 prescribes none."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A suggestion before it has its uuid: what the button says and what accepting it does."""

    key: str
    label: str
    actions: tuple[Action, ...]
    recommended: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """One answer of one CDS Service to one call."""

    hook_instance: UUID
    issuer: str
    service_id: str
    now: datetime
    documentation_url: str
    """The same for every patient (CH-102): what the service is and what its numbers mean."""
    smart_launch_url: str | None
    """Where the SMART app is launched; None where none is registered."""

    def card(
        self,
        key: str,
        summary: str,
        indicator: Indicator,
        detail: str,
        proposals: Sequence[Proposal] = (),
    ) -> Card:
        """Return a card; ``key`` is unique within the answer and stable between repeated calls."""
        uuid = card_uuid(self.hook_instance, self.issuer, self.service_id, key)
        return Card(
            uuid=uuid,
            summary=summary,
            indicator=indicator,
            source=Source(label="CardioTwin (research)", url=self.documentation_url),
            detail=paragraphs(detail, f"*{RESEARCH_SENTENCE}*"),
            suggestions=tuple(
                Suggestion(
                    label=proposal.label,
                    uuid=suggestion_uuid(uuid, proposal.key),
                    is_recommended=proposal.recommended,
                    actions=proposal.actions,
                )
                for proposal in proposals
            ),
            selection_behavior=SelectionBehavior.AT_MOST_ONE if proposals else None,
            override_reasons=OVERRIDE_REASONS,
            links=self._links(uuid),
        )

    def _links(self, uuid: UUID) -> tuple[Link, ...]:
        if self.smart_launch_url is None:
            return ()
        # appContext is the card's uuid: opaque to everyone but this service (CH-131).
        return (
            Link(
                label="Open the patient's twin",
                url=self.smart_launch_url,
                type=LinkType.SMART,
                app_context=str(uuid),
            ),
        )
