"""CDS Service ``deterioration-risk``: how likely this patient is to deteriorate, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

from anyio import to_thread

from cds_hooks.cards.cause_part import cause_lines
from cds_hooks.cards.forecast_part import ForeseenEvent, TwinForecast
from cds_hooks.cards.risk_card import risk_card, too_little_card
from cds_hooks.fhir.to_measurements import Kind, trajectory_of
from cds_hooks.services.risk_record import record_proposals
from cds_hooks.services.service import HookCall, ServiceDefinition
from cds_hooks.services.templates import (
    OBSERVATIONS,
    PATIENT,
    TREATMENT,
    VITAL_SIGNS,
)
from inference.usecases import read_trajectory
from twin.core.causes import Causes
from twin.core.events import LOW_MEAN_PRESSURE_MMHG, LOW_SATURATION_PERCENT, Event
from twin.usecases import forecast_sentences, forecast_within

if TYPE_CHECKING:
    from datetime import datetime

    from cds_hooks.services.patient_twin import PatientTwin, PatientTwins
    from cds_hooks.services.speaker import Speaker
    from cds_hooks.wire.response import Card
    from inference.core.release import ReleasedModel
    from inference.ports import ModelRuntime
    from twin.core.causes import CauseWeigher

ABOUT: Final = {
    Event.HYPOTENSION: ((Kind.MEAN_PRESSURE,), LOW_MEAN_PRESSURE_MMHG),
    Event.SHOCK: ((Kind.SYSTOLIC_PRESSURE, Kind.HEART_RATE), None),
    Event.DESATURATION: ((Kind.OXYGEN_SATURATION,), LOW_SATURATION_PERCENT),
}
"""The charted values that stand beside each event, and the limit that the first is held to."""
FEWEST_KINDS: Final = 3
"""Fewer kinds of measurement than this describe nobody: no risk is estimated; ours."""
ADULT_YEARS: Final = 18
"""PhysioNet/CinC 2012, from which the risk was learnt, holds no patient under 16; ours is 18."""

DEFINITION = ServiceDefinition(
    id="deterioration-risk",
    title="Risk of deterioration",
    description=(
        "Reads the patient's last 48 hours of vital signs and laboratory values, updates the "
        "cardiovascular twin, and says how likely deterioration is, with its basis, interval and "
        "age. Research use only."
    ),
    hooks=("patient-view", "encounter-start", "encounter-discharge"),
    prefetch=OBSERVATIONS | TREATMENT,
    essential=frozenset({PATIENT, VITAL_SIGNS}),
    usage_requirements=(
        "Adults only. Without prefetch, the service reads Patient, Observation and "
        "MedicationAdministration from fhirServer."
    ),
)


@final
class DeteriorationRisk:
    """https://cds-hooks.hl7.org/2.0/#calling-a-cds-service, for three hooks under one id."""

    definition = DEFINITION

    def __init__(
        self,
        twins: PatientTwins,
        runtime: ModelRuntime,
        release: ReleasedModel,
        speaker: Speaker,
        weigher: CauseWeigher,
    ) -> None:
        self._twins = twins
        self._runtime = runtime
        self._release = release
        self._speaker = speaker
        self._weigher = weigher

    async def cards(self, call: HookCall) -> tuple[Card, ...]:
        """Return the risk card, the reason why there is none, or nothing for a quiet patient."""
        patient, foreseen = await self._twins.with_updated(call, _looked_at)
        frame = self._speaker.frame(DEFINITION.id, call)
        reason = why_no_risk(patient)
        if reason is not None:
            return (too_little_card(frame, reason, patient.basis),)
        trajectory = trajectory_of(patient.readings.readings, patient.facts, call.received_at)
        reading = await read_trajectory(self._runtime, self._release, trajectory)
        cause = await to_thread.run_sync(self._cause, patient, call)
        records = record_proposals(call, patient, reading, self._release)
        card = risk_card(frame, reading, foreseen, patient.basis, records, cause)
        return () if card is None else (card,)

    def _cause(self, patient: PatientTwin, call: HookCall) -> str | None:
        """Return what is said of why the patient is in trouble; None when he is in none."""
        found = causes_of(self._weigher, patient, call.received_at)
        return None if found is None else cause_lines(found, call.received_at)


def causes_of(weigher: CauseWeigher, patient: PatientTwin, now: datetime) -> Causes | None:
    """Return why the patient may be in trouble; None when he is in none, or nothing can be said.

    It computes for some time: call it in a worker thread.
    """
    twin = patient.assimilation.twin
    if not weigher.worth_asking(twin.measurements, now):
        return None
    found = weigher.weigh(
        twin.measurements,
        twin.fit.body,
        now,
        patient.latest(Kind.RESPIRATORY_RATE),
        given=twin.given,
    )
    return found if isinstance(found, Causes) else None


def _looked_at(patient: PatientTwin) -> tuple[PatientTwin, TwinForecast]:
    return patient, _foreseen(patient)


def why_no_risk(patient: PatientTwin) -> str | None:
    """Return why no risk is estimated for this patient; None when it is."""
    age = patient.facts.age_years
    if age is not None and age < ADULT_YEARS:
        return "The model is of adults, and this patient is younger than 18 years."
    kinds = {reading.kind for reading in patient.readings.readings}
    if len(kinds) < FEWEST_KINDS:
        recorded = ", ".join(sorted(kinds)) or "nothing that the model reads"
        return f"Too little is recorded ({recorded}); measure vital signs to get an estimate."
    return None


def _foreseen(patient: PatientTwin) -> TwinForecast:
    converged = patient.assimilation.fit.converged()
    if converged is None:
        return TwinForecast((), patient.fit_sentences)
    history = patient.assimilation.twin.measurements
    underway = patient.assimilation.underway
    within = forecast_within(converged, history=history, underway=underway)
    return TwinForecast(
        tuple(
            ForeseenEvent(
                event,
                {horizon_s: found[event] for horizon_s, found in within.items()},
                patient.seen(*kinds),
                _is_below(patient, kinds[0], limit),
            )
            for event, (kinds, limit) in ABOUT.items()
        ),
        (*forecast_sentences(converged, history), *patient.fit_sentences),
    )


def _is_below(patient: PatientTwin, kind: Kind, limit: float | None) -> bool:
    value = patient.latest(kind)
    return limit is not None and value is not None and value < limit
