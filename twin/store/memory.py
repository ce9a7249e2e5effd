"""Twins in memory: for tests, demonstrations and a service that may forget."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, final

from twin.errors import TwinIsNewer, TwinNotFound

if TYPE_CHECKING:
    from twin.core.stored_twin import PatientKey, StoredTwin


@final
class MemoryTwinStore:
    """A ``TwinStore`` that lives as long as its process."""

    def __init__(self) -> None:
        self._twins: dict[PatientKey, StoredTwin] = {}
        self._turn = Lock()

    def load(self, patient: PatientKey) -> StoredTwin:
        """Return the latest revision; see ``twin.ports.TwinStore``."""
        try:
            return self._twins[patient]
        except KeyError:
            raise TwinNotFound("No twin is stored under this key: assimilate first.") from None

    def save(self, twin: StoredTwin) -> None:
        """Keep this revision; see ``twin.ports.TwinStore``."""
        with self._turn:
            stored = self._twins.get(twin.patient)
            if twin.revision != (stored.revision if stored else 0) + 1:
                raise TwinIsNewer(
                    "Another writer saved this twin first: recall it and assimilate again."
                )
            self._twins[twin.patient] = twin
