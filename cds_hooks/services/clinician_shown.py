"""From the updated twin, the nets' reading and the chart to what the page shows. Pure but slow.

May live here: choosing and renaming. What is computed is the twin's and the nets'; sentences about
the patient's state are ``clinician_state``'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Final

from cds_hooks.cards.risk_card import PARTS
from cds_hooks.cards.wording import number, plain, unit_in_words
from cds_hooks.fhir.kinds import Kind
from cds_hooks.services.clinician_simulation import Band
from cds_hooks.services.clinician_values import (
    CausesShown,
    Estimate,
    EventProbability,
    ForecastBand,
    LikelyCause,
    Loop,
    Mover,
    Outlook,
    Point,
    RiskShown,
    Shown,
    Sign,
    Treatment,
    TwinShown,
)
from twin.core.beat_curves import beat_curves
from twin.core.forecast import HORIZONS_S, forecast, forecast_course, forecast_within
from twin.core.haemodynamics import Quantity

if TYPE_CHECKING:
    from cds_hooks.fhir.reading import Reading
    from cds_hooks.fhir.to_given_treatments import GivenTreatments
    from cds_hooks.fhir.to_measurements import PatientFacts
    from cds_hooks.services.patient_twin import PatientTwin
    from inference.core.reading import TrajectoryReading
    from twin.core.causes import Causes
    from twin.core.events import Event
    from twin.core.fit import ConvergedFit, Interval
    from twin.usecases import Assimilation

SHOWN_FOR: Final = timedelta(hours=48)
MINUTE_S: Final = 60.0
COURSE_S: Final = (300.0, 900.0, 1800.0, 3600.0, 7200.0, 10_800.0, 14_400.0, 21_600.0)
"""Where the forecast is looked at; between them the band is straight."""

FORESEEN: Final = (
    Quantity.MEAN_PRESSURE,
    Quantity.HEART_RATE,
    Quantity.OXYGEN_SATURATION,
    Quantity.CARDIAC_OUTPUT,
)
PLACE: Final = {kind: place for place, kind in enumerate(Kind)}
LEAST_PROBABILITY: Final = 0.01
NO_LONGER_ACTS: Final = "it has ended and no longer acts"
LOOP_NAMES: Final = ("low output", "middle", "high output")


def signs(readings: Iterable[Reading], now: datetime) -> list[Sign]:
    """Return what was charted of each kind, in the order in which ``Kind`` names them."""
    recent = [each for each in readings if now - each.taken_at <= SHOWN_FOR]
    recent.sort(key=lambda each: (PLACE[each.kind], each.taken_at))
    return [
        Sign(kind.value, unit_in_words(kind_unit), [_point(each) for each in group])
        for (kind, kind_unit), group in groupby(recent, key=lambda each: (each.kind, each.unit))
    ]


def _point(reading: Reading) -> Point:
    return Point(
        reading.taken_at,
        float(f"{reading.value:.4g}"),
        reading.reference,
        reading.device.value,
        None if reading.said is None else plain(reading.said, 80),
        reading.preliminary,
        reading.inferred,
    )


def twin_shown(patient: PatientTwin) -> TwinShown:
    """Return the twin with its forecast and curves; without these where it gives no advice."""
    assimilation = patient.assimilation
    stored, fit = assimilation.twin, assimilation.fit
    converged = fit.converged()
    return TwinShown(
        outcome=fit.outcome.value,
        advisable=converged is not None,
        sentences=[*patient.fit_sentences[1:]],
        revision=stored.revision,
        updated_at=stored.updated_at,
        model_version=stored.model_version,
        measurements=len(stored.measurements),
        newest_at=assimilation.latest_at,
        estimates=[] if converged is None else _estimates(converged),
        outlook=None if converged is None else _outlook(converged, assimilation),
        loops=[] if converged is None else _loops(converged),
    )


def _estimates(converged: ConvergedFit) -> list[Estimate]:
    return [
        Estimate(
            quantity.value,
            quantity.clinical_name,
            quantity.unit,
            shown(interval),
            converged.fit.residuals.get(quantity),
        )
        for quantity, interval in converged.estimates.items()
    ]


def shown(interval: Interval) -> Shown:
    """Return an interval with no more digits than can be meant."""
    return Shown(
        *(float(f"{each:.4g}") for each in (interval.median, interval.low, interval.high))
    )


def _outlook(converged: ConvergedFit, assimilation: Assimilation) -> Outlook:
    history = assimilation.twin.measurements
    underway = assimilation.underway
    course = forecast_course(converged, COURSE_S, history=history, underway=underway)
    moments = [converged.estimates, *course]
    within = forecast_within(converged, HORIZONS_S, history=history, underway=underway)
    sentences = forecast(converged, MINUTE_S, history=history, underway=underway).sentences
    return Outlook(
        times_min=[0.0, *(at / MINUTE_S for at in COURSE_S)],
        bands=[
            ForecastBand(
                quantity.value,
                quantity.clinical_name,
                quantity.unit,
                Band.of([moment[quantity] for moment in moments]),
            )
            for quantity in FORESEEN
        ],
        horizons_min=[horizon_s / MINUTE_S for horizon_s in within],
        events=_events(within),
        sentences=list(sentences),
    )


def _events(within: Mapping[float, Mapping[Event, float]]) -> list[EventProbability]:
    events = next(iter(within.values()))
    return [
        EventProbability(event.clinical_name, [each[event] for each in within.values()])
        for event in events
    ]


def _loops(converged: ConvergedFit) -> list[Loop]:
    return [
        Loop(
            name,
            round(each.output_l_per_min, 2),
            each.step_s,
            each.ventricle_volume_ml.round(1).tolist(),
            each.ventricle_pressure_mmhg.round(1).tolist(),
            each.aortic_pressure_mmhg.round(1).tolist(),
        )
        for name, each in zip(LOOP_NAMES, beat_curves(converged), strict=True)
    ]


def causes_shown(causes: Causes | None) -> CausesShown | None:
    """Return why the patient is in trouble; None for one who is in none."""
    if causes is None or not causes.troubles:
        return None
    return CausesShown(
        causes.taken_at,
        list(causes.troubles),
        [
            LikelyCause(each.cause.value, each.probability, each.probability_at_equal_rates)
            for each in causes.candidates
            if each.probability >= LEAST_PROBABILITY
        ],
        [each.name for each in causes.telling],
        list(causes.sentences),
    )


def risk_shown(reading: TrajectoryReading, newest_at: datetime | None) -> RiskShown:
    """Return the estimated risk with everything beside it."""
    return RiskShown(
        value=Shown(reading.risk.value, reading.risk.low, reading.risk.high),
        level=reading.level,
        basis=reading.risk_basis,
        population_rate=reading.population_rate,
        parts={PARTS.get(name, name): value for name, value in reading.parts.items()},
        news2=reading.news2.score,
        news2_level=reading.news2.level,
        news2_missing=[str(each) for each in reading.news2.missing],
        completeness=reading.completeness,
        missing=list(reading.missing),
        movers=[Mover(each.name, each.raises) for each in reading.contributors],
        unlike_because=list(reading.unlike_because) if reading.out_of_distribution else None,
        release=reading.release,
        newest_at=newest_at,
    )


def treatments_shown(given: GivenTreatments, assimilation: Assimilation) -> list[Treatment]:
    """Return what is recorded as given, the newest first, and whether the twin stands under it."""
    counted = {each.reference for each in assimilation.twin.given}
    refused = {each.administration.reference: each.reason for each in assimilation.not_simulated}
    newest_first = sorted(given.treatments, key=lambda each: each.start, reverse=True)
    return [
        Treatment(
            plain(each.label, 120),
            each.start,
            each.end,
            each.reference in counted,
            None
            if each.reference in counted
            else each.not_understood or refused.get(each.reference, NO_LONGER_ACTS),
        )
        for each in newest_first
    ]


def body_in_words(facts: PatientFacts) -> str:
    """Return age, sex and size as the twin was told them; what is unknown is called so."""
    known = [
        f"{number(facts.age_years)} years" if facts.age_years is not None else "age not recorded",
        facts.sex or "sex not recorded",
        f"{number(facts.weight_kg, 1)} kg"
        if facts.weight_kg is not None
        else "weight not recorded",
        f"{number(facts.height_cm)} cm" if facts.height_cm is not None else "height not recorded",
    ]
    return ", ".join(known)
