"""Public charts are read as an independent reader reads them: `fhir.resources` and plain loops."""

from __future__ import annotations

import gzip
import json
import tarfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fhir.resources.R4B.observation import Observation

from cds_hooks.errors import WrongPatient
from cds_hooks.fhir.kinds import Kind
from cds_hooks.fhir.readings import readings_of
from cds_hooks.fhir.to_measurements import patient_facts, trajectory_of, twin_measurements

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

# Written down here a second time, by hand, so that a slip in the table shows.
EXPECTED_KINDS = {
    "8867-4": "heart rate",
    "9279-1": "respiratory rate",
    "8480-6": "systolic arterial pressure",
    "8462-4": "diastolic arterial pressure",
    "2708-6": "arterial oxygen saturation",
    "8310-5": "body temperature",
    "29463-7": "body weight",
    "8302-2": "body height",
    "6690-2": "white cells",
    "777-3": "platelets",
    "4544-3": "haematocrit",
    "718-7": "haemoglobin",
    "2345-7": "glucose",
    "2339-0": "glucose",
    "3094-0": "urea nitrogen",
    "6299-2": "urea nitrogen",
    "2160-0": "creatinine",
    "38483-4": "creatinine",
    "2951-2": "sodium",
    "2947-0": "sodium",
    "2823-3": "potassium",
    "6298-4": "potassium",
    "2093-3": "cholesterol",
    "1751-7": "albumin",
    "1975-2": "bilirubin",
    "6768-6": "alkaline phosphatase",
    "1742-6": "alanine aminotransferase",
    "1920-8": "aspartate aminotransferase",
    "89579-7": "troponin I",
    "33762-6": "NT-proBNP",
    "19123-9": "magnesium",
    "10230-1": "left ventricular ejection fraction",
    "2744-1": "arterial pH",
    "2019-8": "arterial carbon dioxide tension",
    "2703-7": "arterial oxygen tension",
    "1960-4": "bicarbonate",
    "19994-3": "inspired oxygen fraction",
}


def bundles(folder: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for path in sorted(folder.glob("synthea-*.json.gz")):
        entries = json.loads(gzip.decompress(path.read_bytes()))["entry"]
        resources = [entry["resource"] for entry in entries]
        patient = next(each for each in resources if each["resourceType"] == "Patient")
        yield patient["id"], resources


def independent_count(resources: list[dict[str, Any]]) -> Counter[str]:
    """Count distinct values of a kind at an instant, ignoring everything else."""
    seen: set[tuple[str, datetime, float]] = set()
    for each in resources:
        if each["resourceType"] != "Observation":
            continue
        parsed = Observation.model_validate(each)
        for part in (parsed, *(parsed.component or ())):
            kinds = {EXPECTED_KINDS.get(coding.code) for coding in part.code.coding} - {None}
            if part.valueQuantity is not None and kinds:
                key = (kinds.pop(), parsed.effectiveDateTime, float(part.valueQuantity.value))
                seen.add(key)
    return Counter(kind for kind, _, _ in seen)


def test_five_synthea_charts_give_the_readings_an_independent_reader_counts(
    clinical_data: Path,
) -> None:
    total: Counter[str] = Counter()
    for patient_id, resources in bundles(clinical_data):
        raws = [msgspec.Raw(json.dumps(each).encode()) for each in resources]
        found = readings_of(raws, patient_id, NOW)
        counted = Counter(
            each.kind.value
            for each in found.readings
            if each.kind is not Kind.MECHANICAL_VENTILATION
        )
        implausible = Counter(each.reason.partition(":")[0] for each in found.not_used)
        assert counted + implausible == independent_count(resources)
        assert all("no patient's value" in each.reason for each in found.not_used)
        total += counted
    # The counts of the data folder's own description.
    assert total["heart rate"] == 49
    assert total["systolic arterial pressure"] == total["diastolic arterial pressure"] == 49
    assert total["respiratory rate"] == 49


def test_synthea_charts_feed_the_twin_and_the_trajectory(clinical_data: Path) -> None:
    for patient_id, resources in bundles(clinical_data):
        raws = [msgspec.Raw(json.dumps(each).encode()) for each in resources]
        patient = next(
            raw for raw, each in zip(raws, resources, strict=True) if "birthDate" in each
        )
        readings = readings_of(raws, patient_id, NOW).readings
        facts = patient_facts(patient, readings, NOW)
        assert facts.patient_id == patient_id
        assert facts.age_years is not None
        assert facts.sex in ("female", "male")
        assert facts.weight_kg is not None
        assert len(twin_measurements(readings)) > 0
        years = 200 * 365 * 24
        assert len(trajectory_of(readings, facts, NOW, hours=years).events) > 0


def test_one_synthea_chart_among_anothers_is_noticed(clinical_data: Path) -> None:
    (first, _), (_, others), *_ = bundles(clinical_data)
    relative = json.loads(json.dumps(others).replace("urn:uuid:", "Patient/"))
    raws = [msgspec.Raw(json.dumps(each).encode()) for each in relative]
    with pytest.raises(WrongPatient):
        readings_of(raws, first, NOW)


def test_us_core_examples_are_read_or_set_aside_each_for_a_reason(clinical_data: Path) -> None:
    raws: list[msgspec.Raw] = []
    with tarfile.open(clinical_data / "us_core_examples.tar.gz") as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member) if member.name.endswith(".json") else None
            if file is not None:
                raws.append(msgspec.Raw(file.read()))
    observations = [each for each in map(msgspec.json.decode, raws) if _of_example(each)]
    chart = [msgspec.Raw(msgspec.json.encode(each)) for each in observations]
    found = readings_of(chart, "example", NOW)
    assert {(each.kind.value, each.value) for each in found.readings} == {
        ("body weight", 20.09414),
        ("body height", 111.506),
        ("arterial oxygen saturation", 95.0),
        ("inhaled oxygen flow", 6.0),
        ("inspired oxygen fraction", 0.44),  # estimated: the example charts the flow alone
    }
    # Most of these examples give a day and no hour, which is not enough to place a vital sign.
    reasons = Counter(each.reason.partition(": ")[2] for each in found.not_used)
    assert reasons == {
        "it gives the day but not the hour": 17,
        "25 cm lies outside 100 to 230, which is no patient's value": 1,
    }


def _of_example(resource: dict[str, Any]) -> bool:
    subject = resource.get("subject", {}).get("reference")
    return resource["resourceType"] == "Observation" and subject == "Patient/example"
