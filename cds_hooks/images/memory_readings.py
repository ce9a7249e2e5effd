"""Readings in memory: for tests and for a demonstration without a disk."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import final

from cds_hooks.images.kept import (
    KeptOutcome,
    KeptSource,
    PatientDigest,
    ReadingId,
    SourceKey,
)


@final
@dataclass(slots=True)
class MemoryReadings:
    """Forgets on restart."""

    _sources: dict[SourceKey, KeptSource] = field(default_factory=dict)
    _outcomes: dict[ReadingId, tuple[PatientDigest, KeptOutcome, bytes]] = field(
        default_factory=dict
    )

    def source(self, key: SourceKey) -> KeptSource | None:
        """Return what was kept of a source."""
        return self._sources.get(key)

    def outcome(self, reading: ReadingId) -> KeptOutcome | None:
        """Return what was kept of a file."""
        kept = self._outcomes.get(reading)
        return None if kept is None else kept[1]

    def of_patient(self, patient: PatientDigest) -> tuple[KeptSource, ...]:
        """Return what was read of a patient, the latest taken first."""
        own = (each for each in self._sources.values() if each.patient == patient)
        return tuple(sorted(own, key=lambda each: each.taken_at or each.read_at, reverse=True))

    def picture(self, patient: PatientDigest, reading: ReadingId) -> bytes | None:
        """Return the picture of a reading, if it is this patient's."""
        kept = self._outcomes.get(reading)
        return kept[2] or None if kept is not None and kept[0] == patient else None

    def keep(self, source: KeptSource, pictures: Mapping[ReadingId, bytes]) -> None:
        """Keep a source with the pictures of its readings."""
        self._sources[source.source] = source
        for each in source.outcomes:
            known = self._outcomes.get(each.id)
            picture = pictures.get(each.id, known[2] if known is not None else b"")
            self._outcomes[each.id] = (source.patient, each, picture)

    def forget_others(self, patient: PatientDigest, on_file: Collection[SourceKey]) -> None:
        """Forget what is no longer on the patient's file."""
        for key, kept in list(self._sources.items()):
            if kept.patient == patient and key not in on_file:
                del self._sources[key]

    def close(self) -> None:
        """Let go of everything."""
        self._sources.clear()
        self._outcomes.clear()
