"""What a CDS Service knows of itself before any call: where its documentation and its app are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from cds_hooks.cards.frame import Frame
from cds_hooks.services.service import HookCall


@final
@dataclass(frozen=True, slots=True)
class Speaker:
    """The addresses that every card carries; the composition root takes them from the settings."""

    documentation_url: str
    smart_launch_url: str | None

    def frame(self, service_id: str, call: HookCall) -> Frame:
        """Return the frame of the answer to one call."""
        return Frame(
            call.hook_instance,
            call.issuer,
            service_id,
            call.received_at,
            self.documentation_url,
            self.smart_launch_url,
        )
