"""The EHR of an installation that may contact no FHIR server. An adapter of both ports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, final

import msgspec

from cds_hooks.errors import HostNotAllowed
from cds_hooks.ports import FhirQuery, Grant


@final
class ClosedEhr:
    """Refuses every query: the allow-list is empty, so that only prefetch is read."""

    async def search(self, query: FhirQuery, grant: Grant) -> tuple[msgspec.Raw, ...]:
        """Refuse.

        Raises
        ------
        cds_hooks.errors.HostNotAllowed
            Always.
        """
        raise HostNotAllowed(_SENTENCE)

    async def create(self, resource: Mapping[str, object], grant: Grant) -> str:
        """Refuse, as ``search`` does.

        Raises
        ------
        cds_hooks.errors.HostNotAllowed
            Always.
        """
        raise HostNotAllowed(_SENTENCE)


_SENTENCE: Final = (
    "This installation may contact no FHIR server; list it in"
    " CARDIOTWIN_ALLOWED_FHIR_SERVERS if it is trusted."
)
