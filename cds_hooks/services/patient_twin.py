"""From a chart to the patient's updated twin: what two of the services do first.

Orchestration only: reading FHIR is ``cds_hooks.fhir``, fitting is ``twin.usecases``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar, final

from anyio import to_thread

from cds_hooks.cards.basis import Basis, Seen, Treated
from cds_hooks.cards.wording import escaped, measured
from cds_hooks.fhir.kinds import Kind
from cds_hooks.fhir.to_administrations import administrations_of
from cds_hooks.fhir.to_given_treatments import GivenTreatment, GivenTreatments, given_treatments_of
from cds_hooks.fhir.to_measurements import (
    PatientFacts,
    Readings,
    body_of,
    patient_facts,
    readings_of,
    twin_measurements,
)
from cds_hooks.images.kept import PatientDigest
from cds_hooks.security.patient_key import patient_key
from cds_hooks.services.image_evidence import ImageEvidence, image_evidence
from cds_hooks.services.templates import GIVEN_TREATMENTS, OBSERVATION_KEYS, PATIENT
from twin.core.haemodynamics import Quantity
from twin.core.parameters import expected_blood_volume_ml
from twin.usecases import assimilate

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from cds_hooks.fhir.reading import Reading
    from cds_hooks.images.kept import KeptSource
    from cds_hooks.services.service import Chart, HookCall
    from twin.ports import Estimator, TwinStore
    from twin.usecases import Assimilation

Result = TypeVar("Result")


def _no_images(_: PatientDigest) -> tuple[KeptSource, ...]:
    """Return nothing: a twin without a reader of images."""
    return ()


LATEST_SHOWN = 8
"""Rows of the table of latest values: what fits a card without scrolling."""


@final
@dataclass(frozen=True, slots=True)
class PatientTwin:
    """The patient of a call: who, what was read of the chart, and the twin brought up to date."""

    facts: PatientFacts
    readings: Readings
    assimilation: Assimilation
    basis: Basis
    running: tuple[GivenTreatment, ...] = ()
    """Recorded treatment that runs and that the twin knows, oldest first."""

    def latest(self, kind: Kind) -> float | None:
        """Return the newest value of a kind in its canonical unit, or None."""
        values = [each.value for each in self.readings.readings if each.kind is kind]
        return values[-1] if values else None

    def seen(self, *kinds: Kind) -> tuple[Seen, ...]:
        """Return the newest value of each kind that is charted, as a card shows it."""
        newest = {reading.kind: reading for reading in self.readings.readings}
        return tuple(_shown(newest[kind]) for kind in kinds if kind in newest)

    @property
    def blood_volume_share(self) -> float | None:
        """Return the twin's blood volume over what is expected of the body; None without a fit."""
        volume = self.assimilation.fit.estimates.get(Quantity.BLOOD_VOLUME)
        if volume is None:
            return None
        return volume.median / expected_blood_volume_ml(self.assimilation.fit.body)

    @property
    def fit_sentences(self) -> tuple[str, ...]:
        """Return what the card says of the fit: how good, what stays open, whether it was kept."""
        fit = self.assimilation.fit
        kept = self.assimilation.not_saved
        return (fit.outcome.value, *fit.sentences, *([kept] if kept else []))


@final
@dataclass(frozen=True, slots=True)
class PatientTwins:
    """Where the services get the twin of a call's patient."""

    store: TwinStore
    estimator: Estimator
    installation_key: bytes = field(repr=False)
    zone: tzinfo | None = None
    """The site's time zone, for times that come without one."""
    images: Callable[[PatientDigest], tuple[KeptSource, ...]] = _no_images
    """What was read of a patient's ECGs and radiographs; it may wait for the disk."""

    async def with_updated(self, call: HookCall, work: Callable[[PatientTwin], Result]) -> Result:
        """Read the chart, assimilate what is new, and return what ``work`` makes of the patient.

        All in one worker thread, since each change of thread costs as much as simulating a
        treatment; the twin is kept meanwhile, and is kept when this returns.

        Raises
        ------
        cds_hooks.errors.WrongPatient
            The chart holds data of another patient.
        """
        return await to_thread.run_sync(self._with_updated, call, work)

    def digest_of(self, call: HookCall) -> PatientDigest:
        """Return the digest under which readings of the call's patient are kept."""
        return self.digest(call.fhir_server or call.issuer, call.context.patient_id)

    def digest(self, fhir_server: str, patient_id: str) -> PatientDigest:
        """Return the digest under which readings of a patient of an EHR are kept."""
        return PatientDigest(patient_key(self.installation_key, fhir_server, patient_id))

    def _with_updated(self, call: HookCall, work: Callable[[PatientTwin], Result]) -> Result:
        patient = self._updated(call)
        result = work(patient)
        _ = patient.assimilation.not_saved
        return result

    def _updated(self, call: HookCall) -> PatientTwin:
        chart = call.chart
        patient_id = call.context.patient_id
        observations = [raw for key in OBSERVATION_KEYS for raw in chart.resources.get(key, ())]
        readings = readings_of(observations, patient_id, call.received_at, zone=self.zone)
        patient = next(iter(chart.resources.get(PATIENT, ())), None)
        facts = patient_facts(patient, readings.readings, call.received_at, patient_id)
        body = body_of(facts)
        given = chart.resources.get(GIVEN_TREATMENTS, ())
        treatments = given_treatments_of(given, facts, call.received_at, zone=self.zone)
        seen = image_evidence(
            self.images(self.digest_of(call)), _rate_of(readings), call.received_at
        )
        given_now = administrations_of(treatments.treatments, call.received_at)
        assimilation = assimilate(
            self.store,
            self.estimator,
            patient_key(self.installation_key, call.fhir_server or call.issuer, patient_id),
            (*twin_measurements(readings.readings, body), *seen.measurements),
            body,
            call.received_at,
            given_now if seen.rhythm is None else (*given_now, seen.rhythm.administration),
        )
        counted = {each.reference for each in assimilation.twin.given}
        known = [each for each in treatments.treatments if each.reference in counted]
        running = tuple(each for each in known if each.end is None or each.end > call.received_at)
        basis = replace(
            _basis(readings, chart),
            treated=tuple(
                Treated(escaped(each.label, 80), each.start, each in running)
                for each in reversed(known)
            ),
            not_simulated=_not_simulated(treatments, assimilation),
            images=_images(seen, assimilation),
        )
        return PatientTwin(facts, readings, assimilation, basis, running)


def _rate_of(readings: Readings) -> float | None:
    rates = [each.value for each in readings.readings if each.kind is Kind.HEART_RATE]
    return rates[-1] if rates else None


def _images(seen: ImageEvidence, assimilation: Assimilation) -> tuple[str, ...]:
    """Return what images changed, or why a rhythm that was seen is not simulated."""
    if seen.rhythm is None:
        return seen.sentences
    own = seen.rhythm.administration.reference
    for each in assimilation.not_simulated:
        if each.administration.reference == own:
            return (*seen.sentences, f"A rhythm was read and is not simulated: {each.reason}")
    return (*seen.sentences, seen.rhythm.sentence)


def _not_simulated(treatments: GivenTreatments, assimilation: Assimilation) -> tuple[str, ...]:
    """Return the recorded treatment that was left out, the newest first, with the reasons."""
    refused = {each.administration.reference: each.reason for each in assimilation.not_simulated}
    return tuple(
        f"{escaped(each.label)} ({escaped(why.rstrip('.'), 120)})"
        for each in reversed(treatments.treatments)
        if (why := each.not_understood or refused.get(each.reference))
    ) + tuple(escaped(each.sentence, 200) for each in treatments.not_used)


def _shown(reading: Reading) -> Seen:
    return Seen(
        reading.kind.value,
        reading.said or measured(reading.value, reading.unit),
        reading.taken_at,
        reading.preliminary,
    )


def _basis(readings: Readings, chart: Chart) -> Basis:
    # Readings are oldest first, so that the last of a kind is the newest.
    latest = {reading.kind: reading for reading in readings.readings}
    shown = sorted(latest.values(), key=lambda each: each.taken_at, reverse=True)[:LATEST_SHOWN]
    return Basis(
        seen=tuple(_shown(each) for each in shown),
        readings=len(readings.readings),
        not_used=tuple(escaped(each.sentence, 200) for each in readings.not_used),
        missing=tuple(chart.missing.values()),
    )
