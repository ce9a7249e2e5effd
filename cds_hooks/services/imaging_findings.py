"""CDS Service ``imaging-findings``: what was read on the patient's ECGs and radiographs."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from anyio import to_thread

from cds_hooks.cards.imaging_card import ImageLine, imaging_card
from cds_hooks.fhir.imaging import ImagingStudyOnFile
from cds_hooks.services.image_evidence import image_evidence
from cds_hooks.services.imaging_on_file import ImageOnFile, images_on_file
from cds_hooks.services.service import HookCall, ServiceDefinition
from cds_hooks.services.templates import IMAGING, IMAGING_STUDIES

if TYPE_CHECKING:
    from cds_hooks.services.image_readings import ImageReadings
    from cds_hooks.services.patient_twin import PatientTwins
    from cds_hooks.services.speaker import Speaker
    from cds_hooks.wire.response import Card

DEFINITION = ServiceDefinition(
    id="imaging-findings",
    title="What was read on ECGs and radiographs",
    description=(
        "Fetches the patient's ECGs and chest radiographs in the background, reads them, and says "
        "what was found, how sure, how old, and what could not be read and why. A call before the "
        "reading says so and does not wait. Research use only."
    ),
    hooks=("patient-view",),
    prefetch=IMAGING,
    essential=frozenset({IMAGING_STUDIES}),
    usage_requirements=(
        "Images are fetched only from archives on this installation's allow-list, attachments "
        "only from the EHR's own FHIR server. Without prefetch, the service reads Patient, "
        "ImagingStudy, DocumentReference, DiagnosticReport, Media, Observation, Endpoint and "
        "Binary from fhirServer."
    ),
)


@final
class ImagingFindings:
    """https://cds-hooks.hl7.org/2.0/#calling-a-cds-service, for the hook patient-view."""

    definition = DEFINITION

    def __init__(self, readings: ImageReadings, twins: PatientTwins, speaker: Speaker) -> None:
        self._readings = readings
        self._twins = twins
        self._speaker = speaker

    async def cards(self, call: HookCall) -> tuple[Card, ...]:
        """Return one card of what was read so far, or none where nothing is on file."""
        patient = self._twins.digest_of(call)
        found = images_on_file(self._readings, call, patient)
        if not found.images:
            return ()
        kept = await to_thread.run_sync(self._readings.of_patient, patient)
        changed = image_evidence(kept, None, call.received_at).sentences
        frame = self._speaker.frame(DEFINITION.id, call)
        not_used = tuple(f"{each.reference}: {each.reason}" for each in found.not_used)
        missing = tuple(call.chart.missing.values())
        lines = [_line(each) for each in found.images]
        return (imaging_card(frame, lines, changed, not_used, missing),)


def _line(image: ImageOnFile) -> ImageLine:
    source, kept = image.source, image.kept
    outcomes = kept.outcomes if kept is not None else ()
    counted = source.instances if isinstance(source, ImagingStudyOnFile) else 1
    return ImageLine(
        source.title,
        source.taken_at,
        len(outcomes) or counted,
        str(image.state),
        tuple(each.reading for each in outcomes if each.reading is not None),
    )
