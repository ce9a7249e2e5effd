"""The discovery answer: which CDS Services there are. Written only.

Specification: https://cds-hooks.hl7.org/2.0/#discovery
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Protocol, final

import msgspec

from cds_hooks.wire.hooks import HOOKS
from cds_hooks.wire.response import Written

BALLOT_3: Final = "3.0.0"
"""Version of the specification that entries name when 3.0 output is switched on."""


@final
class DiscoveryEntry(Written, frozen=True, kw_only=True):
    """One service for one hook: https://cds-hooks.hl7.org/2.0/#response."""

    hook: str
    id: str
    title: str
    description: str
    prefetch: Mapping[str, str] | None = None
    usage_requirements: str | None = None
    version: str | None = None
    """Only in the 3.0 ballot, like ``hook_version``."""
    hook_version: str | None = None
    extension: dict[str, msgspec.Raw] | None = None


@final
class Discovery(msgspec.Struct, frozen=True, kw_only=True):
    """https://cds-hooks.hl7.org/2.0/#response; ``services`` may be empty."""

    services: tuple[DiscoveryEntry, ...]


class Described(Protocol):
    """What discovery needs to know of a service, whoever defines it."""

    @property
    def id(self) -> str: ...  # noqa: D102  the members are those of DiscoveryEntry
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def description(self) -> str: ...  # noqa: D102
    @property
    def hooks(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def prefetch(self) -> Mapping[str, str]: ...  # noqa: D102
    @property
    def usage_requirements(self) -> str | None: ...  # noqa: D102


def discovery(definitions: Iterable[Described], *, ballot_3: bool = False) -> Discovery:
    """Return one entry for each service and hook; a service of three hooks is listed thrice.

    Parameters
    ----------
    definitions
        In the order in which they are to be listed.
    ballot_3
        Whether to name versions, as the 3.0 ballot recommends.
    """
    return Discovery(
        services=tuple(
            DiscoveryEntry(
                hook=hook,
                id=each.id,
                title=each.title,
                description=each.description,
                prefetch=dict(each.prefetch) or None,
                usage_requirements=each.usage_requirements,
                version=BALLOT_3 if ballot_3 else None,
                hook_version=HOOKS[hook].version if ballot_3 else None,
            )
            for each in definitions
            for hook in each.hooks
        )
    )
