"""One value of one kind, taken from an Observation: the value alone. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import final

import msgspec

from cds_hooks.fhir.codes import CODE_OF_KIND
from cds_hooks.fhir.kinds import Kind
from twin.core.measurements import Device


@final
class Reading(msgspec.Struct, frozen=True, gc=False):
    """One value of one kind, in the canonical unit of its kind.

    A Struct and no dataclass because a call makes hundreds: 0.15 microseconds each, not 1.
    """

    kind: Kind
    value: float
    taken_at: datetime
    reference: str
    """``Observation/x/_history/3``; several readings of one panel share it."""
    preliminary: bool
    device: Device
    said: str | None = None
    """The value in words where a number would not do, such as *responds to voice*."""
    inferred: bool = False
    """Whether it was worked out from another value of the reference and not charted itself."""

    @property
    def unit(self) -> str:
        """Return the canonical UCUM unit; ``1`` for a number that needs none."""
        return CODE_OF_KIND[self.kind].unit
