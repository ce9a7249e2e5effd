"""The measurements of a sample patient: readings drawn about each course, as Observations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from sandbox_ehr.patients.courses import Course, SamplePatient
from sandbox_ehr.patients.quantities import (
    DIASTOLIC,
    MEAN,
    PRESSURE_CODES,
    PRESSURE_PANEL,
    QUANTITIES,
    SYSTOLIC,
    Quantity,
)
from sandbox_ehr.resources import Resource

REFERENCE = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""The "now" of the files."""

LATEST_H = 0.15
"""The newest reading is about nine minutes old: charting lags behind the bedside."""

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
MEAN_FRACTION = 0.4
"""Where the mean lies between diastolic and systolic: https://doi.org/10.1097/HJH.0b013e32803fb621."""

ARTERIAL_LINE, CUFF = "Arterial line", "Cuff on the upper arm"


def time_before(hours_before: float) -> str:
    """Return an instant of the files, so many hours before their "now"."""
    return (REFERENCE - timedelta(hours=hours_before)).isoformat(timespec="seconds")


def of_patient(sample: SamplePatient) -> dict[str, Resource]:
    """Return the elements that tie a resource to the patient and the stay."""
    return {
        "subject": {"reference": f"Patient/{sample.key}"},
        "encounter": {"reference": f"Encounter/{sample.key}-stay"},
    }


def observations(sample: SamplePatient) -> Iterator[Resource]:
    """Yield every Observation of a sample patient; the same seed gives the same readings."""
    random = np.random.default_rng(sample.seed)
    for name, course in sample.courses.items():
        if name == DIASTOLIC:
            continue
        if name == SYSTOLIC:
            yield from _pressures(sample, random)
            continue
        quantity = QUANTITIES[name]
        for number, hours_before in enumerate(_moments(sample, course, quantity.every_h, random)):
            value = _reading(course, hours_before, quantity, random)
            yield {
                **_observation(sample, name, number, quantity.category, hours_before),
                "code": _coded(quantity.codes, quantity.display),
                "valueQuantity": amount(value, quantity.unit, quantity.ucum),
            }


def _moments(
    sample: SamplePatient, course: Course, every_h: float, random: np.random.Generator
) -> list[float]:
    """Return when the quantity was read, in hours before now, oldest first."""
    start_h = course[0][0] if len(course) > 1 else sample.hours - 2
    if every_h >= 999:
        return [round(max(start_h, course[0][0], LATEST_H), 2)]
    newest_h = LATEST_H if every_h <= 2 else LATEST_H + 0.35
    count = int(max(start_h - newest_h, 0) // every_h) + 1
    jitter = random.uniform(-0.06, 0.06, count)
    return [
        round(newest_h + (count - 1 - step) * every_h + float(jitter[step]), 3)
        for step in range(count)
    ]


def _reading(
    course: Course, hours_before: float, quantity: Quantity, random: np.random.Generator
) -> float:
    value = _on_course(course, hours_before) + random.normal(0, quantity.scatter)
    if quantity.ucum == "%":
        value = min(value, 100.0)
    return round(float(max(value, 0.0)), quantity.decimals)


def _on_course(course: Course, hours_before: float) -> float:
    times, values = zip(*reversed(course), strict=True)
    return float(np.interp(hours_before, times, values))


def _pressures(sample: SamplePatient, random: np.random.Generator) -> Iterator[Resource]:
    """Yield blood pressure panels with systolic, diastolic and mean."""
    course = sample.courses[SYSTOLIC]
    for number, hours_before in enumerate(_moments(sample, course, 1, random)):
        systolic = round(_on_course(course, hours_before) + random.normal(0, 2.0))
        diastolic = round(
            _on_course(sample.courses[DIASTOLIC], hours_before) + random.normal(0, 1.5)
        )
        values = {
            SYSTOLIC: systolic,
            DIASTOLIC: diastolic,
            MEAN: round(diastolic + MEAN_FRACTION * (systolic - diastolic)),
        }
        on_line = sample.pressure_method == "arterial line"
        yield {
            **_observation(sample, "blood_pressure", number, "vital-signs", hours_before),
            "code": _coded(PRESSURE_PANEL[:1], PRESSURE_PANEL[1]),
            "method": {"text": ARTERIAL_LINE if on_line else CUFF},
            "component": [
                {
                    "code": _coded((PRESSURE_CODES[part][0],), PRESSURE_CODES[part][1]),
                    "valueQuantity": amount(value, "mmHg", "mm[Hg]"),
                }
                for part, value in values.items()
            ],
        }


def _observation(
    sample: SamplePatient, name: str, number: int, category: str, hours_before: float
) -> Resource:
    return {
        "resourceType": "Observation",
        "id": f"{sample.key}-{name.replace('_', '-')}-{number}",
        "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": category}]}],
        **of_patient(sample),
        "effectiveDateTime": time_before(hours_before),
    }


def _coded(codes: Iterable[str], display: str) -> Resource:
    return {"coding": [{"system": LOINC, "code": code} for code in codes], "text": display}


def amount(value: float, unit: str, ucum: str) -> Resource:
    """Return a Quantity in UCUM."""
    return {"value": value, "unit": unit, "system": UCUM, "code": ucum}
