"""CDS Service ``imaging-findings``: which imaging studies are on file and what was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from cds_hooks.cards.imaging_card import StudyLine, imaging_card
from cds_hooks.fhir.imaging import imaging_studies
from cds_hooks.fhir.imaging_owner import chart_owner
from cds_hooks.services.service import HookCall, ServiceDefinition
from cds_hooks.services.templates import IMAGING, IMAGING_STUDIES, PATIENT

if TYPE_CHECKING:
    from cds_hooks.services.image_fetching import ImageFetching
    from cds_hooks.services.speaker import Speaker
    from cds_hooks.wire.response import Card

DEFINITION = ServiceDefinition(
    id="imaging-findings",
    title="Imaging on file and what is known of it",
    description=(
        "Lists the patient's imaging studies, fetches their images from the PACS in the "
        "background and says what has been read. No net of this release reads images."
    ),
    hooks=("patient-view",),
    prefetch=IMAGING,
    essential=frozenset({IMAGING_STUDIES}),
    usage_requirements="Images are fetched only from archives on this installation's allow-list.",
)


@final
class ImagingFindings:
    """https://cds-hooks.hl7.org/2.0/#calling-a-cds-service, for the hook patient-view."""

    definition = DEFINITION

    def __init__(self, fetching: ImageFetching, speaker: Speaker) -> None:
        self._fetching = fetching
        self._speaker = speaker

    async def cards(self, call: HookCall) -> tuple[Card, ...]:
        """Return one card that lists the studies, or none where there is no study."""
        found = imaging_studies(
            call.chart.resources.get(IMAGING_STUDIES, ()), call.context.patient_id
        )
        if not found.studies:
            return ()
        owner = chart_owner(next(iter(call.chart.resources.get(PATIENT, ())), None))
        lines = []
        for study in found.studies:
            # Handing a study over never waits: the images come in the background.
            state = self._fetching.request(study, call.grant, owner)
            lines.append(StudyLine(study.modalities, study.started, study.instances, str(state)))
        frame = self._speaker.frame(DEFINITION.id, call)
        not_used = tuple(f"{each.reference}: {each.reason}" for each in found.not_used)
        missing = tuple(call.chart.missing.values())
        return (imaging_card(frame, lines, not_used, missing),)
