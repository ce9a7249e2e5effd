"""One patient as a file tells: measurements, body, what was given, and the instant asked about.

A CSV of vital signs (``twin_csv``) or a FHIR Bundle, told apart by the file's name.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, cast

import msgspec

from cds_hooks.cli.twin_csv import CannotRead, read_csv, said_of_jumps
from cds_hooks.cli.twin_inputs import given_in_csv
from cds_hooks.errors import WrongPatient
from cds_hooks.fhir.to_administrations import administrations_of
from cds_hooks.fhir.to_given_treatments import GivenTreatments, given_treatments_of
from cds_hooks.fhir.to_measurements import (
    Kind,
    PatientFacts,
    body_of,
    patient_facts,
    readings_of,
    twin_measurements,
)
from twin.core.measurements import Measurement
from twin.core.parameters import Body
from twin.usecases import Administration

BREATHING_H: Final = 4.0
"""An older respiratory rate says nothing of the present."""

PLAUSIBLE_BODY: Final = {
    "age_years": (0.0, 125.0, "years"),
    "weight_kg": (20.0, 400.0, "kg"),
    "height_cm": (100.0, 250.0, "cm"),
}
"""Of an adult, or of a child that the twin then refuses; outside is a slip of a unit."""


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """What is known of one patient at one instant."""

    measurements: tuple[Measurement, ...]
    body: Body
    now: datetime
    respiratory_rate_per_min: float | None
    sentences: tuple[str, ...]
    given: tuple[Administration, ...] = ()
    """Recorded treatment as far as it was understood, in the order of the file."""


def body_from(
    age_years: float | None, sex: str | None, weight_kg: float | None, height_cm: float | None
) -> Body:
    """Return the body that options give; what is not given is not known.

    Raises
    ------
    CannotRead
        A value cannot be a body's, or the sex is neither female nor male.
    """
    given = {"age_years": age_years, "weight_kg": weight_kg, "height_cm": height_cm}
    for name, (low, high, unit) in PLAUSIBLE_BODY.items():
        value = given[name]
        if value is not None and not low <= value <= high:
            words = name.partition("_")[0]
            raise CannotRead(f"A {words} of {value:g} {unit} is not plausible ({low:g}-{high:g}).")
    if sex not in (None, "female", "male"):
        raise CannotRead(f"--sex takes female or male, not {sex}; leave it out when unknown.")
    return Body(age_years, cast("Literal['female', 'male'] | None", sex), weight_kg, height_cm)


def read_record(
    path: Path,
    body: Body,
    at: datetime | None = None,
    subject: str | None = None,
    inputs: Path | None = None,
) -> PatientRecord:
    """Return what a file tells of a patient; what ``body`` names counts before what a file says.

    Parameters
    ----------
    at
        The instant that is asked about, and after which nothing counts; None: the newest value's.
    subject
        Which patient of a file that holds several.
    inputs
        CSV of what was given, on the minutes of a CSV of vital signs; FHIR holds its own.

    Raises
    ------
    CannotRead
        The file is not there, or cannot be read as CSV or FHIR; the message says where and why.
    """
    if not path.is_file():
        raise CannotRead(f"There is no file {path}.")
    if ".json" in path.suffixes:
        if inputs is not None:
            raise CannotRead("--inputs belongs to a CSV; a Bundle holds what was given itself.")
        return _fhir(path, body, at, subject)
    charted = read_csv(path, subject)
    now = at or charted.newest_at
    kept = tuple(m for m in charted.measurements if m.taken_at <= now)
    return PatientRecord(
        kept,
        body,
        now,
        _latest_breathing(charted.respiratory_rates, now),
        charted.sentences,
        () if inputs is None else given_in_csv(inputs, subject, now),
    )


def _latest_breathing(rates: Iterable[tuple[datetime, float]], now: datetime) -> float | None:
    recent = [
        (taken_at, rate)
        for taken_at, rate in rates
        if 0.0 <= (now - taken_at).total_seconds() <= 3600.0 * BREATHING_H
    ]
    return max(recent)[1] if recent else None


def _fhir(path: Path, body: Body, at: datetime | None, subject: str | None) -> PatientRecord:
    resources = _resources(path)
    observations = [r for r in resources if r.get("resourceType") == "Observation"]
    if not observations:
        raise CannotRead(f"{path.name} holds no Observation; a FHIR Bundle is expected.")
    patient_id = subject or _one_patient(resources, observations)
    now = at or _newest(observations)
    try:
        readings = readings_of(
            [_raw(each) for each in _of(observations, patient_id)], patient_id, now
        )
    except WrongPatient as error:
        raise CannotRead(str(error)) from error
    patient = next(
        (r for r in resources if r.get("resourceType") == "Patient" and r.get("id") == patient_id),
        None,
    )
    facts = patient_facts(
        _raw(patient) if patient is not None else None, readings.readings, now, patient_id
    )
    whole = _over(body, body_of(facts))
    breathing = [
        (r.taken_at, r.value) for r in readings.readings if r.kind is Kind.RESPIRATORY_RATE
    ]
    given = _given(resources, replace(facts, weight_kg=whole.weight_kg), now)
    measurements = twin_measurements(readings.readings, whole)
    return PatientRecord(
        measurements,
        whole,
        now,
        _latest_breathing(breathing, now),
        (
            *said_of_jumps({m.taken_at for m in measurements}),
            *(each.sentence for each in readings.not_used),
            *_left_out(given),
        ),
        administrations_of(given.treatments, now),
    )


def _given(resources: list[dict[str, Any]], facts: PatientFacts, now: datetime) -> GivenTreatments:
    """Return the treatment that was recorded of this patient; that of others is passed over."""
    recorded = [r for r in resources if r.get("resourceType") == "MedicationAdministration"]
    own = _of(recorded, facts.patient_id or "")
    return given_treatments_of([_raw(each) for each in own], facts, now)


def _left_out(given: GivenTreatments) -> tuple[str, ...]:
    """Return what was given and not understood: that something was is knowledge, too."""
    return (
        *(
            f"{each.label} is recorded and is not simulated: {each.not_understood}."
            for each in given.treatments
            if each.not_understood is not None
        ),
        *(each.sentence for each in given.not_used),
    )


def _raw(resource: dict[str, Any]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(resource))


def _resources(path: Path) -> list[dict[str, Any]]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:
            whole = json.load(file)
    except (OSError, ValueError, EOFError) as error:
        raise CannotRead(f"{path.name} cannot be read as JSON: {error}") from error
    entries = whole.get("entry", [{"resource": whole}]) if isinstance(whole, dict) else []
    found = [entry.get("resource") for entry in entries if isinstance(entry, dict)]
    return [resource for resource in found if isinstance(resource, dict)]


def _one_patient(resources: Sequence[dict[str, Any]], seen: Sequence[dict[str, Any]]) -> str:
    ids = {str(r["id"]) for r in resources if r.get("resourceType") == "Patient" and "id" in r}
    ids |= {subject for each in seen if (subject := _subject(each))}
    if len(ids) != 1:
        raise CannotRead(
            "The Bundle is of several patients; name one with --subject."
            if ids
            else "The Bundle names no patient; name one with --subject."
        )
    return ids.pop()


def _subject(observation: dict[str, Any]) -> str:
    subject = observation.get("subject")
    reference = subject.get("reference") if isinstance(subject, dict) else None
    return str(reference or "").rpartition("/")[2].removeprefix("urn:uuid:")


def _of(observations: Iterable[dict[str, Any]], patient_id: str) -> list[dict[str, Any]]:
    return [each for each in observations if _subject(each) in ("", patient_id)]


def _newest(observations: Iterable[dict[str, Any]]) -> datetime:
    times = []
    for each in observations:
        period = each.get("effectivePeriod")
        end = period.get("end") if isinstance(period, dict) else None
        text = each.get("effectiveDateTime") or each.get("effectiveInstant") or end
        try:
            at = datetime.fromisoformat(str(text))
        except ValueError:
            continue
        times.append(at if at.tzinfo else at.replace(tzinfo=UTC))
    if not times:
        raise CannotRead("No Observation of the Bundle says when it was made.")
    return max(times)


def _over(options: Body, file: Body) -> Body:
    return replace(
        file,
        **{
            name: value
            for name in ("age_years", "sex", "weight_kg", "height_cm")
            if (value := getattr(options, name)) is not None
        },
    )
