"""Cards and verdicts in memory: for tests and for a sandbox that forgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final
from uuid import UUID

from cds_hooks.ports import IssuedCard, Verdict


@final
class MemoryFeedback:
    """Keeps everything until the process ends."""

    def __init__(self) -> None:
        self.issued: dict[UUID, IssuedCard] = {}
        self.verdicts: dict[Verdict, None] = {}

    async def remember(self, cards: Sequence[IssuedCard]) -> None:
        """Keep what was sent."""
        self.issued.update({each.card: each for each in cards})

    async def record(
        self, service_id: str, issuer: str, verdicts: Sequence[Verdict]
    ) -> frozenset[Verdict]:
        """Keep the verdicts on known cards, each once; return the unknown ones."""
        known = [each for each in verdicts if self._is_known(each, service_id, issuer)]
        self.verdicts.update(dict.fromkeys(known))
        return frozenset(verdicts) - frozenset(known)

    def _is_known(self, verdict: Verdict, service_id: str, issuer: str) -> bool:
        card = self.issued.get(verdict.card)
        return (
            card is not None
            and (card.service_id, card.issuer) == (service_id, issuer)
            and set(verdict.accepted) <= set(card.suggestions)
        )
