"""From a chart to its images: what is on file, and the state of each one's reading.

Used by the CDS Service ``imaging-findings`` and by the clinician's page alike; handing a study or
an ECG over never waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cds_hooks.fhir.ecgs import ecgs_on_file
from cds_hooks.fhir.imaging import imaging_studies
from cds_hooks.fhir.imaging_owner import chart_owner
from cds_hooks.services.image_readings import Done
from cds_hooks.services.templates import ECG_KEYS, IMAGING_STUDIES, PATIENT

if TYPE_CHECKING:
    from cds_hooks.fhir.readings import NotUsed
    from cds_hooks.images.kept import KeptSource, PatientDigest
    from cds_hooks.services.image_fetching import Source
    from cds_hooks.services.image_readings import ImageReadings, ReadState
    from cds_hooks.services.service import HookCall

_OLDEST: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ImageOnFile:
    """A study or an ECG of the patient, and how far its reading is."""

    source: Source
    state: ReadState

    @property
    def kept(self) -> KeptSource | None:
        """Return what was read; None where it is not there yet or could not be had."""
        return self.state.kept if isinstance(self.state, Done) else None


@dataclass(frozen=True, slots=True)
class ImagesOnFile:
    """All images of the patient, the newest first, and what could not be used."""

    images: tuple[ImageOnFile, ...]
    not_used: tuple[NotUsed, ...]


def images_on_file(
    readings: ImageReadings, call: HookCall, patient: PatientDigest
) -> ImagesOnFile:
    """Return what is on file, each handed to the background where it is not known yet.

    Raises
    ------
    cds_hooks.errors.WrongPatient
        A study or an ECG is of another patient.
    """
    resources, patient_id = call.chart.resources, call.context.patient_id
    studies = imaging_studies(resources.get(IMAGING_STUDIES, ()), patient_id)
    raws = [raw for key in ECG_KEYS for raw in resources.get(key, ())]
    ecgs = ecgs_on_file(raws, patient_id, call.fhir_server)
    owner = chart_owner(next(iter(resources.get(PATIENT, ())), None))
    sources: list[Source] = [*studies.studies, *ecgs.ecgs]
    sources.sort(key=lambda each: each.taken_at or _OLDEST, reverse=True)
    found = tuple(
        ImageOnFile(each, readings.request(each, call.grant, owner, patient)) for each in sources
    )
    # Only a whole chart tells that something is no longer there.
    if not call.chart.missing.keys() & {PATIENT, IMAGING_STUDIES, *ECG_KEYS}:
        on_file = {readings.key_of(each, owner, patient) for each in sources}
        readings.forget_others(patient, on_file)
    return ImagesOnFile(found, (*studies.not_used, *ecgs.not_used))
