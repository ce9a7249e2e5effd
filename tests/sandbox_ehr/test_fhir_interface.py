"""The sandbox's FHIR interface: reading, searching, paging, changing, refusing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhirpy import AsyncFHIRClient


def ids(bundle: dict[str, Any]) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", [])]


def search(site: Any, path: str) -> dict[str, Any]:
    answer = site.http.get(f"/fhir/{path}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/fhir+json")
    return answer.json()


def new_patient(site: Any, **more: Any) -> dict[str, Any]:
    answer = site.http.post("/fhir/Patient", json={"resourceType": "Patient", **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def observation(patient_id: str, when: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": f"Patient/{patient_id}"},
        "effectiveDateTime": when,
        "valueQuantity": {"value": 80, "code": "/min", "system": "http://unitsofmeasure.org"},
        **more,
    }


@pytest.fixture
def dated(site: Any) -> str:
    """Return the id of a patient with one Observation for each of five times."""
    patient_id = new_patient(site)["id"]
    for when in ("2026-03-01T23:30:00Z", "2026-03-02", "2026-03-02T10:00:00+02:00", "2026-03"):
        site.http.post("/fhir/Observation", json=observation(patient_id, when))
    period = observation(patient_id, "")
    del period["effectiveDateTime"]
    period["effectivePeriod"] = {"start": "2026-03-02T06:00:00Z", "end": "2026-03-03T06:00:00Z"}
    site.http.post("/fhir/Observation", json=period)
    return str(patient_id)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-03-02", 2),
        ("eq2026-03-02T08:00:00Z", 1),
        ("ne2026-03-02", 3),
        ("ge2026-03-02", 4),
        ("gt2026-03-02", 2),
        ("lt2026-03-02", 2),
        ("le2026-03-02", 4),
        ("sa2026-03-01", 3),
        ("eb2026-03-02", 1),
        ("2026", 5),
        ("ge2026-03-02T00:00:00%2B02:00", 5),
    ],
)
def test_date_prefixes_compare_intervals_as_the_specification_says(
    site: Any, dated: str, value: str, expected: int
) -> None:
    # The expected counts are worked out by hand from https://hl7.org/fhir/R4/search.html#prefix.
    found = search(site, f"Observation?patient={dated}&date={value}")
    assert found["total"] == expected


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ("code=http://loinc.org%7C718-7", 4),
        ("code=718-7,2524-7", 8),
        ("code=718-7%5C,2524-7", 0),
        ("code=http://snomed.info/sct%7C718-7", 0),
        ("code=http://loinc.org%7C", 191),
        ("code=%7C718-7", 0),
        ("category=laboratory&code:not=718-7", 56),
        ("component-code=8478-0", 24),
        ("subject=Patient/bleeding&status=final", 191),
        ("subject:Patient=bleeding&encounter=bleeding-stay", 191),
        ("subject=Encounter/bleeding", 0),
        ("component-code:missing=false", 24),
        ("_id=bleeding-lactate-0,bleeding-lactate-1", 2),
    ],
)
def test_tokens_references_and_modifiers_select_what_they_say(
    site: Any, conditions: str, expected: int
) -> None:
    found = search(site, f"Observation?patient=bleeding&{conditions}")
    assert found["total"] == expected


def test_sorting_is_newest_first_when_asked_and_pages_neither_repeat_nor_lose(site: Any) -> None:
    page = search(site, "Observation?patient=septic&_sort=-date&_count=40")
    seen = [entry["resource"] for entry in page["entry"]]
    while following := [each["url"] for each in page["link"] if each["relation"] == "next"]:
        page = site.http.get(following[0]).json()
        seen += [entry["resource"] for entry in page["entry"]]
    times = [each["effectiveDateTime"] for each in seen]
    assert times == sorted(times, reverse=True)
    assert len({each["id"] for each in seen}) == page["total"] == len(seen)


def test_a_client_we_did_not_write_finds_every_page(site: Any) -> None:
    async def count() -> int:
        client = AsyncFHIRClient(f"{site.url}/fhir")
        return len(await client.resources("Observation").search(patient="stable").fetch_all())

    assert asyncio.run(count()) == search(site, "Observation?patient=stable")["total"]


def test_a_form_search_answers_like_the_same_search_in_the_url(site: Any) -> None:
    form = {"patient": "septic", "code": "http://loinc.org|8867-4", "_count": "7"}
    by_form = site.http.post("/fhir/Observation/_search", data=form).json()
    by_url = search(site, "Observation?patient=septic&code=http://loinc.org%7C8867-4&_count=7")
    assert ids(by_form) == ids(by_url) != []


def test_an_imaging_study_brings_its_endpoint_when_asked(site: Any) -> None:
    found = search(site, "ImagingStudy?patient=septic&_include=ImagingStudy:endpoint")
    modes = {
        entry["resource"]["resourceType"]: entry["search"]["mode"] for entry in found["entry"]
    }
    assert modes == {"ImagingStudy": "match", "Endpoint": "include"}


def test_counting_returns_no_resources(site: Any) -> None:
    for query in ("_summary=count", "_count=0"):
        found = search(site, f"Observation?patient=bleeding&{query}")
        assert found["total"] == 191
        assert "entry" not in found


@pytest.mark.parametrize(
    "path",
    [
        "Observation?patient=bleeding&color=red",
        "Observation?patient.name=Redmond",
        "Observation?code:text=lactate",
        "Observation?date=yesterday",
        "Observation?date=ap2026",
        "Observation?date=ge2026-03-02T00:00:00+02:00",
        "Observation?_sort=height",
        "Observation?_count=many",
        "Observation?patient=",
        "Observation?_include=Observation:nothing",
    ],
)
def test_a_search_that_is_not_understood_is_refused_with_a_reason(site: Any, path: str) -> None:
    answer = site.http.get(f"/fhir/{path}")
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert len(answer.json()["issue"][0]["diagnostics"]) > 20


def test_a_lenient_search_drops_what_it_does_not_know(site: Any) -> None:
    answer = site.http.get(
        "/fhir/Patient?_id=stable&color=red", headers={"Prefer": "handling=lenient"}
    )
    assert ids(answer.json()) == ["stable"]


def test_every_change_makes_a_version_that_stays_readable(site: Any) -> None:
    first = new_patient(site, gender="male")
    place = f"/fhir/Patient/{first['id']}"
    changed = site.http.put(place, json={**first, "gender": "female"})
    assert changed.headers["etag"] == 'W/"2"'
    assert changed.headers["location"].endswith(f"{place}/_history/2")
    assert site.http.get(f"{place}/_history/1").json()["gender"] == "male"
    assert site.http.get(place).json()["gender"] == "female"
    assert site.http.get(f"{place}/_history/3").status_code == 404


def test_an_update_of_an_old_version_is_refused(site: Any) -> None:
    patient = new_patient(site)
    place = f"/fhir/Patient/{patient['id']}"
    assert site.http.put(place, json=patient, headers={"If-Match": 'W/"1"'}).status_code == 200
    assert site.http.put(place, json=patient, headers={"If-Match": 'W/"1"'}).status_code == 412


def test_what_was_deleted_is_gone_and_what_never_was_is_not_found(site: Any) -> None:
    patient = new_patient(site)
    place = f"/fhir/Patient/{patient['id']}"
    assert site.http.delete(place).status_code == 204
    assert site.http.get(place).status_code == 410
    assert site.http.get("/fhir/Patient/nobody").status_code == 404
    assert site.http.get("/fhir/Starship/1").status_code == 404


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'{"resourceType":"Observation"}', b"[" * 100_000, b'{"id":"x"}'],
)
def test_a_body_that_is_no_such_resource_is_refused(site: Any, body: bytes) -> None:
    assert site.http.post("/fhir/Patient", content=body).status_code == 400


def test_a_body_without_end_is_refused(site: Any) -> None:
    assert site.http.post("/fhir/Patient", content=b" " * 3_000_000).status_code == 413


def suggestion(patient_id: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def created(resource: dict[str, Any], full_url: str | None = None) -> dict[str, Any]:
    request = {"method": "POST", "url": resource["resourceType"]}
    return {"fullUrl": full_url, "resource": resource, "request": request}


def test_a_suggestion_is_applied_as_one_transaction_with_its_references_made_real(
    site: Any,
) -> None:
    subject = {"reference": "urn:uuid:0b7c6d8e-0000-4000-8000-000000000001"}
    bundle = suggestion(
        "any",
        created(observation("x", "2026-03-02", subject=subject)),
        created({"resourceType": "Patient"}, subject["reference"]),
        {"request": {"method": "DELETE", "url": "Patient/was-never-here"}},
    )
    answer = site.http.post("/fhir/", json=bundle)
    assert answer.status_code == 200
    Bundle.model_validate(answer.json())
    first, second, third = (entry["response"] for entry in answer.json()["entry"])
    assert third["status"].startswith("204")
    stored = site.http.get(f"/fhir/{first['location']}").json()
    assert stored["subject"]["reference"] == second["location"].partition("/_history")[0]


def test_a_transaction_that_fails_midway_changes_nothing(site: Any) -> None:
    before = search(site, "Patient?_summary=count")["total"]
    broken = {"resourceType": "Patient", "id": "x"}
    bundle = suggestion(
        "any",
        created({"resourceType": "Patient"}),
        {"resource": broken, "request": {"method": "PUT", "url": "Starship/x"}},
    )
    assert site.http.post("/fhir/", json=bundle).status_code == 400
    bundle["entry"][1] = created({"resourceType": "Starship"})
    assert site.http.post("/fhir/", json=bundle).status_code == 404
    assert search(site, "Patient?_summary=count")["total"] == before


def test_the_capability_statement_is_valid_and_names_every_parameter_that_is_answered(
    site: Any,
) -> None:
    statement = CapabilityStatement.model_validate(site.http.get("/fhir/metadata").json())
    for resource in statement.rest[0].resource:
        for parameter in resource.searchParam:
            answer = site.http.get(f"/fhir/{resource.type}?{parameter.name}:missing=true&_count=0")
            assert answer.status_code == 200


def test_a_search_is_a_valid_searchset(site: Any) -> None:
    Bundle.model_validate(search(site, "Observation?patient=heart-failure&_count=20"))
