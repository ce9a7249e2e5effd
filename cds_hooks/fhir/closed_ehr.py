"""The EHR of an installation that may contact no FHIR server. An adapter of ``Ehr``."""

from __future__ import annotations

from typing import final

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
        raise HostNotAllowed(
            "This installation may contact no FHIR server; list it in"
            " CARDIOTWIN_ALLOWED_FHIR_SERVERS if it is trusted."
        )
