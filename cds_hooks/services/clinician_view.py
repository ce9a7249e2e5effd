"""The clinician's page, as a use case: a session's chart is read, its twin brought up to date.

The chart is asked for by the queries of the hooks, with the session's own grant, so that page and
cards rest on the same data. Orchestration only.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING, Final, final

from cds_hooks.cards.wording import RESEARCH_SENTENCE
from cds_hooks.fhir.imaging import imaging_studies
from cds_hooks.fhir.imaging_owner import chart_owner
from cds_hooks.fhir.kinds import Kind
from cds_hooks.fhir.patient_banner import patient_banner
from cds_hooks.fhir.to_given_treatments import given_treatments_of
from cds_hooks.fhir.to_measurements import trajectory_of
from cds_hooks.security.scopes import may_create
from cds_hooks.services.alternatives import menu
from cds_hooks.services.clinician_choices import choices, running_shown
from cds_hooks.services.clinician_plans import WrittenComparison, WrittenPlan, written
from cds_hooks.services.clinician_readings import NOTE
from cds_hooks.services.clinician_shown import (
    body_in_words,
    causes_shown,
    risk_shown,
    signs,
    treatments_shown,
    twin_shown,
)
from cds_hooks.services.clinician_simulation import Simulated, simulated
from cds_hooks.services.clinician_state import state_of
from cds_hooks.services.clinician_values import (
    Provenance,
    RiskShown,
    Study,
    View,
)
from cds_hooks.services.deterioration_risk import causes_of, why_no_risk
from cds_hooks.services.service import Chart, HookCall, ServiceDefinition
from cds_hooks.services.session_chart import opened_chart
from cds_hooks.services.templates import (
    GIVEN_TREATMENTS,
    IMAGING,
    IMAGING_STUDIES,
    OBSERVATIONS,
    PATIENT,
    TREATMENT,
)
from inference.usecases import read_trajectory
from twin.core.events import Event

if TYPE_CHECKING:
    from collections.abc import Sequence

    import msgspec

    from cds_hooks.fhir.imaging import ImagingOnFile
    from cds_hooks.fhir.readings import NotUsed
    from cds_hooks.fhir.to_given_treatments import GivenTreatments
    from cds_hooks.ports import Clock, Ehr, Grant
    from cds_hooks.security.session import SmartSession
    from cds_hooks.services.clinician_values import TwinShown
    from cds_hooks.services.image_readings import ImageReadings
    from cds_hooks.services.patient_twin import PatientTwin, PatientTwins
    from inference.core.reading import TrajectoryReading
    from inference.core.release import ReleasedModel
    from inference.ports import ModelRuntime
    from twin.core.causes import Causes, CauseWeigher

OPTIONS_HORIZON_MIN: Final = 30

DEFINITION: Final = ServiceDefinition(
    id="clinician-page",
    title="The clinician's page",
    description="What an open page asks of the chart; no hook.",
    hooks=(),
    prefetch=OBSERVATIONS | TREATMENT | IMAGING,
    essential=frozenset({PATIENT}),
)


@final
@dataclass(frozen=True, slots=True)
class _Worked:
    """What one worker thread makes of the patient."""

    patient: PatientTwin
    twin: TwinShown
    causes: Causes | None
    given: GivenTreatments
    option_plans: tuple[WrittenPlan, ...]
    options: Simulated | None


@final
@dataclass(frozen=True, slots=True)
class ClinicianView:
    """Makes the view of a session's patient."""

    twins: PatientTwins
    runtime: ModelRuntime
    release: ReleasedModel
    weigher: CauseWeigher
    readings: ImageReadings
    ehr: Ehr
    clock: Clock
    deadline_s: float
    polled_every_s: float

    async def view(self, session: SmartSession, grant: Grant) -> View:
        """Return everything that the page shows.

        Raises
        ------
        cds_hooks.errors.EhrError
            The patient's own resource could not be read; what else is missing is named instead.
        cds_hooks.errors.WrongPatient
            A resource is another patient's.
        """
        call = await self._opened(session, grant)
        worked = await self.twins.with_updated(call, lambda patient: self._worked(patient, call))
        reading = await self._risk(worked.patient, call)
        on_file = imaging_studies(
            call.chart.resources.get(IMAGING_STUDIES, ()), call.context.patient_id
        )
        patient, newest_at = worked.patient, worked.patient.assimilation.latest_at
        readings = patient.readings
        return View(
            at=call.received_at,
            research=RESEARCH_SENTENCE,
            banner=patient_banner(_patient(call)) if session.need_patient_banner else None,
            body=body_in_words(patient.facts),
            state=state_of(
                readings.readings,
                call.received_at,
                None if isinstance(reading, str) else reading,
                worked.causes,
                _hypotension_1h(worked.twin),
            ),
            risk=RiskShown(not_estimated=reading)
            if isinstance(reading, str)
            else risk_shown(reading, newest_at),
            signs=signs(readings.readings, call.received_at),
            twin=worked.twin,
            causes=causes_shown(worked.causes),
            treatments=treatments_shown(worked.given, patient.assimilation),
            running=running_shown(patient.running),
            imaging=(imaging := self._imaging(on_file, call, opened_studies(session))),
            imaging_note=NOTE,
            opened_elsewhere=bool(opened_studies(session))
            and not any(each.opened for each in imaging),
            option_plans=list(worked.option_plans),
            options=worked.options,
            choices=list(choices()),
            provenance=_provenance(
                patient,
                call.chart,
                (*readings.not_used, *worked.given.not_used, *on_file.not_used),
            ),
            may_propose=all(
                may_create(each, grant) for each in ("MedicationRequest", "ServiceRequest")
            ),
            polled_every_s=self.polled_every_s,
            fingerprint=fingerprint(call.chart),
        )

    async def chart_fingerprint(self, session: SmartSession, grant: Grant) -> str:
        """Return what changes whenever the chart does; raises as ``view`` does."""
        return fingerprint((await self._opened(session, grant)).chart)

    async def _opened(self, session: SmartSession, grant: Grant) -> HookCall:
        return await opened_chart(
            DEFINITION, session, grant, self.ehr, self.clock, self.deadline_s
        )

    def _worked(self, patient: PatientTwin, call: HookCall) -> _Worked:
        """Do what takes a core for a while, in one worker thread."""
        given = given_treatments_of(
            call.chart.resources.get(GIVEN_TREATMENTS, ()),
            patient.facts,
            call.received_at,
            zone=self.twins.zone,
        )
        return _Worked(
            patient,
            twin_shown(patient),
            causes_of(self.weigher, patient, call.received_at),
            given,
            plans := _option_plans(patient),
            _options(patient, plans),
        )

    async def _risk(self, patient: PatientTwin, call: HookCall) -> TrajectoryReading | str:
        reason = why_no_risk(patient)
        if reason is not None:
            return reason
        trajectory = trajectory_of(patient.readings.readings, patient.facts, call.received_at)
        return await read_trajectory(self.runtime, self.release, trajectory)

    def _imaging(
        self, on_file: ImagingOnFile, call: HookCall, opened: frozenset[str]
    ) -> list[Study]:
        owner, patient = chart_owner(_patient(call)), self.twins.digest_of(call)
        found = [
            Study(
                list(study.modalities),
                study.started,
                study.instances,
                str(self.readings.request(study, call.grant, owner, patient)),
                reference := unversioned(study.reference),
                reference in opened,
            )
            for study in on_file.studies
        ]
        return sorted(found, key=lambda study: not study.opened)


def opened_studies(session: SmartSession) -> frozenset[str]:
    """Return the studies that were open in the EHR, ``ImagingStudy/x`` (SM-053).

    Only the patient's own studies are ever looked at: a reference to another patient's finds
    nothing among them.
    """
    references = (each.reference for each in session.fhir_context if each.role == "launch")
    return frozenset(unversioned(each) for each in references if each and "ImagingStudy/" in each)


def unversioned(reference: str) -> str:
    """Return ``ImagingStudy/x`` of a reference with address and version or without."""
    return "/".join(reference.partition("/_history/")[0].split("/")[-2:])


def fingerprint(chart: Chart) -> str:
    """Return a digest of every resource of a chart, whatever their order."""
    digests = sorted(
        sha256(bytes(raw)).digest() for raw in chain.from_iterable(chart.resources.values())
    )
    return sha256(b"".join(digests)).hexdigest()[:32]


def _patient(call: HookCall) -> msgspec.Raw | None:
    return next(iter(call.chart.resources.get(PATIENT, ())), None)


def _option_plans(patient: PatientTwin) -> tuple[WrittenPlan, ...]:
    """Return what a team would weigh first, as plans that the workbench can change."""
    haemoglobin = patient.latest(Kind.HAEMOGLOBIN)
    running = [each.intervention for each in patient.running if each.intervention is not None]
    considered = menu(haemoglobin, patient.blood_volume_share, running)
    return tuple(written(name, intervention) for name, intervention in considered)


def _options(patient: PatientTwin, plans: tuple[WrittenPlan, ...]) -> Simulated | None:
    assimilation = patient.assimilation
    converged = assimilation.fit.converged()
    if converged is None:
        return None
    wanted = WrittenComparison(plans, OPTIONS_HORIZON_MIN)
    return simulated(converged, wanted, assimilation.underway, assimilation.twin.updated_at)


def _hypotension_1h(twin: TwinShown) -> float | None:
    if twin.outlook is None:
        return None
    place = twin.outlook.horizons_min.index(60.0)
    hypotension = Event.HYPOTENSION.clinical_name
    return next(each.within[place] for each in twin.outlook.events if each.event == hypotension)


def _provenance(patient: PatientTwin, chart: Chart, not_used: Sequence[NotUsed]) -> Provenance:
    readings = patient.readings.readings
    return Provenance(
        len(readings),
        list(dict.fromkeys(each.reference for each in readings)),
        [*(each.sentence for each in not_used), *chart.set_aside],
        list(chart.missing.values()),
    )
