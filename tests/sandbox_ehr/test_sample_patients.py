"""The invented patients: valid, repeatable, recent, and what they are said to be."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import sandbox_ehr.patients
from sandbox_ehr.patients.courses import SAMPLE_PATIENTS
from sandbox_ehr.patients.generate import bundle_text, patient_bundle
from sandbox_ehr.patients.load import bundle_at, load_patients
from sandbox_ehr.resources import patient_of
from sandbox_ehr.store import Store

FOLDER = Path(sandbox_ehr.patients.__file__).parent
NOW = datetime(2027, 5, 6, 7, 8, tzinfo=UTC)
KEYS = [sample.key for sample in SAMPLE_PATIENTS]


@pytest.fixture(scope="module")
def store() -> Store:
    filled = Store(lambda: NOW)
    load_patients(filled, NOW, "http://archive.example/dicom-web")
    return filled


def values(store: Store, patient: str, loinc: str) -> list[float]:
    """Return a quantity's values, oldest first, from observations and their components."""
    found = []
    for each in store.all_of("Observation"):
        for holder in [each, *each.get("component", [])]:
            codes = [coding["code"] for coding in holder["code"]["coding"]]
            if patient_of(each) == patient and loinc in codes:
                found.append((each["effectiveDateTime"], holder["valueQuantity"]["value"]))
    return [value for _, value in sorted(found)]


@pytest.mark.parametrize("sample", SAMPLE_PATIENTS, ids=KEYS)
def test_the_committed_file_is_what_the_generator_writes(sample: Any) -> None:
    committed = (FOLDER / f"{sample.key}.json").read_text("utf-8")
    assert bundle_text(patient_bundle(sample)) == committed


@pytest.mark.parametrize("sample", SAMPLE_PATIENTS, ids=KEYS)
def test_every_resource_is_valid_fhir(sample: Any) -> None:
    for entry in patient_bundle(sample)["entry"]:
        name = entry["resource"]["resourceType"]
        model = getattr(import_module(f"fhir.resources.R4B.{name.lower()}"), name)
        model.model_validate(entry["resource"])


@pytest.mark.parametrize("key", KEYS)
def test_the_newest_reading_is_minutes_old_and_none_lies_ahead(store: Store, key: str) -> None:
    times = [
        datetime.fromisoformat(each["effectiveDateTime"])
        for each in store.all_of("Observation")
        if patient_of(each) == key
    ]
    assert timedelta(minutes=3) < NOW - max(times) < timedelta(minutes=20)


def test_ages_and_gaps_stay_when_the_files_are_moved_to_the_present() -> None:
    bundle = json.loads((FOLDER / "stable.json").read_text("utf-8"))
    moved = bundle_at(bundle, NOW)
    for old, new in zip(bundle["entry"], moved["entry"], strict=True):
        if "effectiveDateTime" in old["resource"]:
            before = datetime.fromisoformat(old["resource"]["effectiveDateTime"])
            after = datetime.fromisoformat(new["resource"]["effectiveDateTime"])
            assert after - before == NOW - datetime.fromisoformat(bundle["timestamp"])


def test_each_patient_shows_the_picture_it_stands_for(store: Store) -> None:
    bleeding = {
        code: values(store, "bleeding", code) for code in ("8867-4", "8478-0", "718-7", "2524-7")
    }
    assert bleeding["8867-4"][-1] > bleeding["8867-4"][0] + 30
    assert bleeding["8478-0"][-1] < 70 < bleeding["8478-0"][0]
    assert bleeding["718-7"][-1] < 9 < bleeding["718-7"][0]
    assert bleeding["2524-7"][-1] > 4
    assert values(store, "septic", "8478-0")[-1] < 65
    assert values(store, "septic", "8310-5")[-1] > 38.5
    assert values(store, "septic", "8741-1")[-1] > 7
    assert values(store, "heart-failure", "8741-1")[-1] < 3.6
    assert values(store, "heart-failure", "60985-9")[-1] > 14
    assert values(store, "heart-failure", "10230-1") == [22]
    assert 65 < values(store, "stable", "8867-4")[-1] < 85
    assert len(values(store, "almost-no-data", "8867-4")) == 1


@pytest.mark.parametrize("key", ["stable", "bleeding", "septic", "heart-failure"])
def test_a_full_chart_has_between_150_and_250_observations(store: Store, key: str) -> None:
    count = sum(patient_of(each) == key for each in store.all_of("Observation"))
    assert 150 <= count <= 250


def test_pressures_are_in_order(store: Store) -> None:
    for key in KEYS:
        readings = zip(
            *(values(store, key, code) for code in ("8462-4", "8478-0", "8480-6")), strict=True
        )
        assert all(low < middle < high for low, middle, high in readings)


def test_the_endpoint_names_the_archive_that_was_configured(store: Store) -> None:
    address = store.read("Endpoint", "sandbox-archive")["address"]
    assert address == "http://archive.example/dicom-web"
