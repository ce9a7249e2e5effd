"""What every CDS Service is: its definition, the call it is given, the chart gathered for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import msgspec

if TYPE_CHECKING:
    from cds_hooks.ports import Grant
    from cds_hooks.wire.request import HookContext
    from cds_hooks.wire.response import Card


@dataclass(frozen=True, slots=True)
class ServiceDefinition:
    """One entry of the discovery answer, for one or several hooks."""

    id: str
    title: str
    description: str
    hooks: tuple[str, ...]
    prefetch: Mapping[str, str]
    essential: frozenset[str]
    """Prefetch keys without which the service answers 412."""
    usage_requirements: str | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """What could be had of the patient's record, by prefetch key."""

    resources: Mapping[str, tuple[msgspec.Raw, ...]]
    missing: Mapping[str, str]
    """Prefetch key -> a sentence that says why it could not be had."""
    set_aside: tuple[str, ...] = ()
    """One sentence for each thing that came and was not used, such as an OperationOutcome."""


@dataclass(frozen=True, slots=True)
class HookCall:
    """One verified call of a CDS Service, with the chart gathered for it."""

    hook: str
    hook_instance: UUID
    issuer: str
    """The verified ``iss`` of the calling EHR, or ``open`` where trust is switched off."""
    context: HookContext
    fhir_server: str | None
    grant: Grant | None = field(repr=False)
    chart: Chart = field(repr=False)
    received_at: datetime = field(kw_only=True)
    gather_until: float | None = field(default=None, kw_only=True)
    """When the call's reading of the EHR must be over, by the event loop's clock.

    None where nothing limits it, as in a call that was not made over HTTP.
    """


class CdsService(Protocol):
    """A CDS Service: https://cds-hooks.hl7.org/2.0/#calling-a-cds-service."""

    @property
    def definition(self) -> ServiceDefinition:
        """Return what discovery says of the service."""
        ...

    async def cards(self, call: HookCall) -> tuple[Card, ...]:
        """Return the cards for one call; an empty tuple where there is nothing to say."""
        ...
