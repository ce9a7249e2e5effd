"""Readings and facts of a patient, as the twin and the nets take them. Pure.

The one door for the services: what reading a chart yields is exported here beside its uses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, Literal

import msgspec

from cds_hooks.fhir.bedside import bedside_of
from cds_hooks.fhir.codes import CODE_OF_KIND
from cds_hooks.fhir.kinds import Kind
from cds_hooks.fhir.reading import Reading
from cds_hooks.fhir.readings import NotUsed, Readings, readings_of
from cds_hooks.fhir.resources import Patient, Unreadable, read
from inference.core.trajectory import StayFacts, Trajectory, TrajectoryEvent
from twin.core.events import body_surface_m2
from twin.core.haemodynamics import Quantity
from twin.core.measurements import Device, Measurement
from twin.core.parameters import Body

__all__ = [
    "Kind",
    "NotUsed",
    "PatientFacts",
    "Reading",
    "Readings",
    "body_of",
    "patient_facts",
    "readings_of",
    "trajectory_of",
    "twin_measurements",
]

_PATIENT: Final = msgspec.json.Decoder(Patient)
_SEXES: Final[dict[str, Literal["female", "male"]]] = {"female": "female", "male": "male"}
_DAYS_PER_YEAR: Final = 365.2425


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """Age, sex and size; None is not known, nothing has a default, no birth date is kept."""

    patient_id: str | None = field(repr=False)
    age_years: float | None
    sex: Literal["female", "male"] | None
    """Administrative gender; ``other`` and ``unknown`` say nothing about a body."""
    height_cm: float | None
    weight_kg: float | None


def patient_facts(
    patient: msgspec.Raw | None,
    readings: Iterable[Reading],
    now: datetime,
    patient_id: str | None = None,
) -> PatientFacts:
    """Return what Patient and the newest weight and height say; an unreadable one says nothing.

    ``patient_id`` is the one of the call; without it, the id that Patient itself gives.
    """
    try:
        read_patient = read(_PATIENT, patient) if patient is not None else Patient()
    except Unreadable:
        read_patient = Patient()
    newest = {reading.kind: reading.value for reading in readings}
    return PatientFacts(
        patient_id=patient_id or read_patient.id,
        age_years=_age_years(read_patient.birth_date, now),
        sex=_SEXES.get(read_patient.gender or ""),
        height_cm=newest.get(Kind.BODY_HEIGHT),
        weight_kg=newest.get(Kind.BODY_WEIGHT),
    )


def body_of(facts: PatientFacts) -> Body:
    """Return the size of the circulation's owner, for the twin."""
    return Body(
        age_years=facts.age_years,
        sex=facts.sex,
        weight_kg=facts.weight_kg,
        height_cm=facts.height_cm,
    )


def twin_measurements(
    readings: Iterable[Reading], owner: Body | None = None
) -> tuple[Measurement, ...]:
    """Return the readings the twin knows, in the unit of its quantity, oldest first.

    A cardiac index becomes a cardiac output where weight and height of its owner are known.
    """
    surface_m2 = None
    if owner is not None and owner.weight_kg is not None and owner.height_cm is not None:
        surface_m2 = body_surface_m2(owner)
    measurements = []
    for reading in readings:
        quantity, value = CODE_OF_KIND[reading.kind].quantity, reading.value
        if reading.kind is Kind.CARDIAC_INDEX and surface_m2 is not None:
            quantity, value = Quantity.CARDIAC_OUTPUT, value * surface_m2
        if quantity is None:
            continue
        measurements.append(
            Measurement(quantity, value, reading.taken_at, reading.reference, reading.device)
        )
    return tuple(measurements)


def trajectory_of(
    readings: Iterable[Reading], facts: PatientFacts, now: datetime, hours: float = 48
) -> Trajectory:
    """Return the last hours as the nets read them; minutes count from the start of the window.

    A fraction of oxygen estimated from a flow is left out: the nets learnt from charted ones, and
    from when one is charted at all. What NEWS2 needs beside the series goes along.
    """
    readings = tuple(readings)
    start = now - timedelta(hours=hours)
    events = []
    for reading in readings:
        parameter = _parameter(reading)
        if parameter is None or reading.inferred or not start <= reading.taken_at:
            continue
        minute = min((reading.taken_at - start).total_seconds(), hours * 3600) / 60
        events.append(TrajectoryEvent(parameter, minute, reading.value))
    stay = StayFacts(
        age_years=facts.age_years,
        sex=facts.sex,
        height_cm=facts.height_cm,
        weight_kg=facts.weight_kg,
        icu_type=None,
    )
    return Trajectory(
        events=tuple(events), facts=stay, hours=hours, bedside=bedside_of(readings, now)
    )


def _parameter(reading: Reading) -> str | None:
    row = CODE_OF_KIND[reading.kind]
    if reading.device is Device.ARTERIAL_LINE and row.invasive_parameter is not None:
        return row.invasive_parameter
    return row.parameter


def _age_years(birth_date: str | None, now: datetime) -> float | None:
    """Return the age; of a birth date without day or month the middle of the span is taken."""
    if birth_date is None:
        return None
    middle = {4: "-07-02", 7: "-15"}.get(len(birth_date), "")
    try:
        born = date.fromisoformat(birth_date + middle)
    except ValueError:
        return None
    years = (now.date() - born).days / _DAYS_PER_YEAR
    return years if 0 <= years < 130 else None
