"""Only what the access token covers is asked for."""

from __future__ import annotations

import pytest

from cds_hooks.ports import FhirQuery, Grant
from cds_hooks.security.scopes import may_create, queries_within, resource_scope, split

READ = FhirQuery("Patient/1")
SEARCH = FhirQuery("Observation?patient=1")


@pytest.mark.requirement("CH-056")
@pytest.mark.parametrize(
    ("scopes", "reads_patient", "searches_observations"),
    [
        ("patient/Patient.read patient/Observation.read", True, True),
        ("user/*.read", True, True),
        ("user/*.*", True, True),
        ("system/*.rs", True, True),
        ("patient/*.cruds", True, True),
        ("patient/Patient.r patient/Observation.s", True, True),
        ("patient/Patient.s patient/Observation.r", False, False),
        ("patient/Patient.rs", True, False),
        ("patient/Observation.write user/Patient.cud", False, False),
        ("launch openid fhirUser online_access", False, False),
        (
            "patient/Patient. patient/.read */*.read patient/*.sr patient/Patient.READ",
            False,
            False,
        ),
        ("", False, False),
    ],
)
def test_both_versions_of_scopes_are_read(
    scopes: str, reads_patient: bool, searches_observations: bool
) -> None:
    granted = split(scopes)
    assert (queries_within(READ, granted) == (READ,)) is reads_patient
    assert (queries_within(SEARCH, granted) == (SEARCH,)) is searches_observations
    assert reads_patient or queries_within(READ, granted) == ()


@pytest.mark.requirement("CH-056", "CH-052")
def test_a_constrained_scope_narrows_the_query_to_itself() -> None:
    granted = split(
        "patient/Observation.rs?category=laboratory patient/Observation.rs?category=vital-signs"
    )
    assert queries_within(SEARCH, granted) == (
        FhirQuery("Observation?patient=1&category=laboratory"),
        FhirQuery("Observation?patient=1&category=vital-signs"),
    )
    assert queries_within(FhirQuery("Observation/7"), granted) == ()


@pytest.mark.requirement("CH-056")
def test_an_unconstrained_scope_beside_a_constrained_one_leaves_the_query_whole() -> None:
    granted = split("patient/Observation.rs?category=laboratory user/Observation.rs")
    assert queries_within(SEARCH, granted) == (SEARCH,)


def test_a_scope_says_what_it_allows() -> None:
    scope = resource_scope("patient/Observation.rs?category=laboratory")
    assert scope is not None
    assert (scope.resource_type, scope.read, scope.search) == ("Observation", True, True)
    assert scope.constraint == "category=laboratory"
    assert resource_scope("offline_access") is None


@pytest.mark.parametrize(
    ("scopes", "creates"),
    [
        ("patient/MedicationRequest.write", True),
        ("user/MedicationRequest.*", True),
        ("patient/*.cruds", True),
        ("patient/MedicationRequest.c", True),
        ("patient/MedicationRequest.rs", False),
        ("patient/*.read", False),
        ("patient/ServiceRequest.write", False),
        ("patient/MedicationRequest.c?intent=proposal", False),
        ("launch openid", False),
    ],
)
def test_a_draft_may_be_created_only_where_a_scope_says_so(scopes: str, creates: bool) -> None:
    grant = Grant("https://ehr.example/fhir", "token", split(scopes), "1", None)
    assert may_create("MedicationRequest", grant) is creates
    assert may_create(
        "MedicationRequest", Grant("https://ehr.example", None, split(""), "1", None)
    )
