"""What the clinician's page shows of ECGs and radiographs: findings, places, doubt, pictures.

Values of the wire and their making; the words for a person are the page's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, final

import msgspec
from anyio import to_thread

from cds_hooks.fhir.resources import literal_reference
from cds_hooks.images.kept import ReadingId
from cds_hooks.services.image_evidence import image_evidence
from cds_hooks.services.image_readings import Waiting
from cds_hooks.services.imaging_on_file import ImageOnFile, images_on_file
from cds_hooks.services.service import ServiceDefinition
from cds_hooks.services.session_chart import opened_chart
from cds_hooks.services.templates import IMAGING, PATIENT
from inference.core.image_reading import ImageKind

if TYPE_CHECKING:
    from cds_hooks.images.kept import KeptOutcome
    from cds_hooks.ports import Clock, Ehr, Grant
    from cds_hooks.security.session import SmartSession
    from cds_hooks.services.image_readings import ImageReadings
    from cds_hooks.services.patient_twin import PatientTwins
    from inference.core.image_reading import Activation, Finding, ImageReading, Region

NOTE: Final = (
    "Read by nets, not by a person, and not validated on patients; look at the images yourself."
)
DEFINITION: Final = ServiceDefinition(
    id="clinician-page-readings",
    title="Readings of ECGs and radiographs for the clinician's page",
    description="What an open page asks of the chart's images; no hook.",
    hooks=(),
    prefetch=IMAGING,
    essential=frozenset({PATIENT}),
)


class _Value(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Base of what the page is sent: camel case, fractions 0 to 1, instants in ISO 8601."""


class FindingShown(_Value, frozen=True):
    """One finding; threshold, sensitivity and specificity are null where it is never called."""

    code: str
    name: str
    probability: float
    present: bool
    possible: bool
    likely: bool
    threshold: float | None
    sensitivity: float | None
    specificity: float | None
    highlights: bool
    """Whether ``activation`` is of this finding."""


class MeasureShown(_Value, frozen=True):
    """A number read off a picture; ``low`` and ``high`` where its error is known."""

    name: str
    value: float
    low: float | None
    high: float | None
    unit: str


class BoxShown(_Value, frozen=True):
    """A box in pixels of the picture."""

    label: str
    score: float
    left: float
    top: float
    right: float
    bottom: float


class ActivationShown(_Value, frozen=True):
    """What each place of the whole picture adds to a finding, row by row, 0 to 1."""

    finding: str
    rows: int
    columns: int
    values: list[float]


class ReadingShown(_Value, frozen=True):
    """One file of a study or an ECG, or a study or an ECG of which nothing was read."""

    id: str
    kind: str
    """``ecg``, ``radiograph``, or ``image`` where it is neither."""
    title: str
    taken_at: datetime | None
    state: str
    """``read``, ``waiting``, ``failed`` or ``no-reader``."""
    sentence: str
    reference: str
    study: str | None
    form: str | None = None
    release: str | None = None
    findings: list[FindingShown] = []
    measures: list[MeasureShown] = []
    doubts: list[str] = []
    quality: float | None = None
    picture: bool = False
    width: int = 0
    height: int = 0
    boxes: list[BoxShown] = []
    activation: ActivationShown | None = None


class ReadingsShown(_Value, frozen=True):
    """Everything that was read of the session's patient."""

    items: list[ReadingShown]
    changed_twin: list[str]
    """Sentences on what the twin was told."""
    not_used: list[str]
    missing: list[str]
    note: str


@final
@dataclass(frozen=True, slots=True)
class ClinicianReadings:
    """Makes what the page shows of a session's patient's images."""

    readings: ImageReadings
    twins: PatientTwins
    ehr: Ehr
    clock: Clock
    deadline_s: float

    async def shown(self, session: SmartSession, grant: Grant) -> ReadingsShown:
        """Return every reading, handing over what was not read yet.

        Raises
        ------
        cds_hooks.errors.EhrError, cds_hooks.errors.WrongPatient
            As ``session_chart.opened_chart`` says.
        """
        call = await opened_chart(
            DEFINITION, session, grant, self.ehr, self.clock, self.deadline_s
        )
        patient = self.twins.digest_of(call)
        found = images_on_file(self.readings, call, patient)
        kept = await to_thread.run_sync(self.readings.of_patient, patient)
        return ReadingsShown(
            items=[shown for image in found.images for shown in _items(image)],
            changed_twin=list(image_evidence(kept, None, call.received_at).sentences),
            not_used=[each.sentence for each in found.not_used],
            missing=list(call.chart.missing.values()),
            note=NOTE,
        )

    async def picture(self, session: SmartSession, grant: Grant, reading: str) -> bytes | None:
        """Return a picture as PNG, if it is of the session's own patient."""
        patient = self.twins.digest(grant.fhir_server, session.patient_id)
        return await to_thread.run_sync(self.readings.picture, patient, ReadingId(reading))


def _items(image: ImageOnFile) -> list[ReadingShown]:
    kept = image.kept
    if kept is None:
        return [_unread(image)]
    return [_outcome(image, each) for each in kept.outcomes]


def _unread(image: ImageOnFile) -> ReadingShown:
    state = "waiting" if isinstance(image.state, Waiting) else "failed"
    return _shown(image, "", state, str(image.state), _supposed_kind(image))


def _outcome(image: ImageOnFile, outcome: KeptOutcome) -> ReadingShown:
    if outcome.reading is None:
        reason = outcome.not_read.reason if outcome.not_read is not None else "not read"
        state = "no-reader" if reason.startswith("no reader") else "failed"
        return _shown(image, outcome.id, state, f"Not read: {reason}.", _supposed_kind(image))
    reading = outcome.reading
    activation = next(iter(reading.activations), None)
    shown = _shown(image, outcome.id, "read", _said(reading), reading.kind.value)
    return msgspec.structs.replace(
        shown,
        form=reading.form,
        release=reading.release,
        findings=[_finding(each, activation) for each in reading.findings],
        measures=_measures(reading),
        doubts=list(reading.doubts),
        quality=reading.quality,
        picture=outcome.width > 0,
        width=outcome.width,
        height=outcome.height,
        boxes=[_box(each, outcome) for each in reading.regions],
        activation=None if activation is None else _activation(activation, reading),
    )


def _shown(image: ImageOnFile, own: str, state: str, sentence: str, kind: str) -> ReadingShown:
    source = image.source
    reference = literal_reference(source.reference)
    unversioned = reference.partition("/_history/")[0]
    return ReadingShown(
        id=own,
        kind=kind,
        title=source.title,
        taken_at=source.taken_at,
        state=state,
        sentence=sentence,
        reference=reference,
        study=unversioned if unversioned.startswith("ImagingStudy/") else None,
    )


def _supposed_kind(image: ImageOnFile) -> str:
    title = image.source.title
    if title.startswith("ECG"):
        return ImageKind.ECG.value
    return ImageKind.RADIOGRAPH.value if title == "radiograph" else "image"


def _said(reading: ImageReading) -> str:
    called = reading.possible
    if reading.ratio is not None:
        return f"Cardiothoracic ratio {reading.ratio.value:.2f}."
    if not called:
        return "Nothing that this release looks for is likely or possible."
    words = [("likely " if each.likely else "possible ") + each.name for each in called[:3]]
    return f"{', '.join(words)[:1].upper()}{', '.join(words)[1:]}."


def _finding(finding: Finding, activation: Activation | None) -> FindingShown:
    threshold = finding.threshold
    return FindingShown(
        code=finding.code,
        name=finding.name,
        probability=finding.probability,
        present=finding.called,
        possible=finding.possible,
        likely=finding.likely,
        threshold=None if threshold is None else threshold.value,
        sensitivity=None if threshold is None else threshold.sensitivity,
        specificity=None if threshold is None else threshold.specificity,
        highlights=activation is not None and activation.code == finding.code,
    )


def _measures(reading: ImageReading) -> list[MeasureShown]:
    found = []
    if reading.ratio is not None:
        value, error = reading.ratio.value, reading.ratio.error
        ends = (None, None) if error is None else (value - error, value + error)
        found.append(
            MeasureShown(
                name="cardiothoracic ratio", value=value, low=ends[0], high=ends[1], unit=""
            )
        )
    if reading.rate_per_min is not None:
        found.append(
            MeasureShown(
                name="ventricular rate",
                value=reading.rate_per_min,
                low=None,
                high=None,
                unit="/min",
            )
        )
    return found


def _box(region: Region, outcome: KeptOutcome) -> BoxShown:
    return BoxShown(
        label=region.name,
        score=region.score,
        left=region.left * outcome.width,
        top=region.top * outcome.height,
        right=region.right * outcome.width,
        bottom=region.bottom * outcome.height,
    )


def _activation(activation: Activation, reading: ImageReading) -> ActivationShown:
    name = next(
        (each.name for each in reading.findings if each.code == activation.code), activation.code
    )
    return ActivationShown(
        finding=name,
        rows=activation.rows,
        columns=activation.columns,
        values=[round(value / 255, 3) for value in activation.values],
    )
