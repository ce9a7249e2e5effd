"""Templates become queries, and a client's prefetch values are read as what they are."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cds_hooks.ports import FhirQuery
from cds_hooks.prefetch import Supplied, fill, next_page, supplied, token_values, wanted
from cds_hooks.wire.request import read_context

PATIENT = {"resourceType": "Patient", "id": "p1"}
OBSERVATION = {"resourceType": "Observation", "id": "o1"}
OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "not-supported", "diagnostics": "Canary Person"}],
}
READ = wanted("patient", "Patient/{{context.patientId}}")
SEARCH = wanted("vitals", "Observation?patient={{context.patientId}}&_sort=-date&_count=2")


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def values(hook: str = "patient-view", **context: Any) -> Any:
    members = {"patientId": "p1", "userId": "Practitioner/u1"} | context
    return token_values(read_context(hook, raw(members)))


def bundle(*resources: Any, **members: Any) -> msgspec.Raw:
    entries = [{"resource": each} for each in resources]
    return raw({"resourceType": "Bundle", "type": "searchset", "entry": entries} | members)


def test_a_template_becomes_the_query_of_the_calls_patient() -> None:
    assert fill(READ, values()) == FhirQuery("Patient/p1", enough=1)
    assert fill(SEARCH, values()) == FhirQuery(
        "Observation?patient=p1&_sort=-date&_count=2", enough=2
    )


def test_a_token_that_the_context_does_not_fill_leaves_no_query() -> None:
    encounter = wanted("encounter", "Encounter/{{context.encounterId}}")
    assert fill(encounter, values()) is None
    assert fill(encounter, values(encounterId="e1")) == FhirQuery("Encounter/e1", enough=1)


@pytest.mark.requirement("CH-026")
@pytest.mark.parametrize(
    ("user", "token"),
    [
        ("Practitioner", "userPractitionerId"),
        ("PractitionerRole", "userPractitionerRoleId"),
        ("Patient", "userPatientId"),
        ("RelatedPerson", "userRelatedPersonId"),
    ],
)
def test_each_user_token_is_filled_for_its_own_kind_of_user_only(user: str, token: str) -> None:
    filled = values(userId=f"{user}/u1")
    assert filled[token] == "u1"
    assert [name for name in filled if name.startswith("user")] == [token]


def test_an_order_dispatch_fills_its_own_tokens_and_no_user_token() -> None:
    context = read_context(
        "order-dispatch",
        raw(
            {
                "patientId": "p1",
                "dispatchedOrders": ["ServiceRequest/1", "ServiceRequest/2"],
                "performer": "Organization/o1",
            }
        ),
    )
    assert token_values(context) == {
        "context.patientId": "p1",
        "context.performer": "Organization/o1",
        "context.dispatchedOrders": "ServiceRequest/1,ServiceRequest/2",
    }


@pytest.mark.requirement("CH-047")
@pytest.mark.parametrize("want", [READ, SEARCH])
def test_null_says_that_there_is_no_data_and_nothing_to_ask_for(want: Any) -> None:
    assert supplied(want, raw(None)) == Supplied()


@pytest.mark.requirement("CH-048")
def test_a_read_takes_a_bare_resource_and_a_search_a_bundle_of_any_type() -> None:
    assert msgspec.json.decode(supplied(READ, raw(PATIENT)).resources[0]) == PATIENT
    for kind in ("searchset", "collection", "history"):
        read = supplied(SEARCH, bundle(OBSERVATION, type=kind))
        assert [msgspec.json.decode(each) for each in read.resources] == [OBSERVATION]
    assert supplied(SEARCH, bundle()) == Supplied()


@pytest.mark.requirement("CH-048")
@pytest.mark.parametrize(
    ("want", "value"),
    [
        (READ, bundle(PATIENT)),
        (READ, raw(OBSERVATION)),
        (READ, raw([PATIENT])),
        (READ, raw({})),
        (SEARCH, raw(OBSERVATION)),
        (SEARCH, raw([OBSERVATION])),
        (SEARCH, raw("Observation/1")),
        (SEARCH, raw({"resourceType": "Bundle", "entry": {}})),
        (SEARCH, raw({"resourceType": "Bundle", "entry": [1]})),
        (SEARCH, msgspec.Raw(b'{"resourceType":"B\xff"}')),
    ],
)
def test_a_value_of_another_shape_leaves_the_key_unsatisfied(want: Any, value: Any) -> None:
    read = supplied(want, value)
    assert not read.satisfied
    assert read.resources == ()
    assert len(read.set_aside) == 1


@pytest.mark.requirement("CH-049")
def test_an_operation_outcome_in_place_of_data_is_named_and_leaves_the_key_unsatisfied() -> None:
    for want in (READ, SEARCH):
        read = supplied(want, raw(OUTCOME))
        assert not read.satisfied
        assert "not-supported" in read.set_aside[0]
        assert "Canary" not in read.set_aside[0]


@pytest.mark.requirement("CH-049")
def test_an_operation_outcome_among_the_entries_is_named_and_the_rest_kept() -> None:
    by_mode = {"resource": OUTCOME, "search": {"mode": "outcome"}}
    read = supplied(
        SEARCH, bundle(entry=[by_mode, {"resource": OUTCOME}, {"resource": OBSERVATION}])
    )
    assert len(read.resources) == 1
    assert len(read.set_aside) == 2
    assert read.satisfied


def test_an_entry_of_another_type_is_named_and_an_empty_one_passed_over() -> None:
    read = supplied(SEARCH, bundle(entry=[{"resource": PATIENT}, {}, {"fullUrl": "urn:x"}]))
    assert read.resources == ()
    assert read.set_aside == ("vitals: entry 0 is no Observation; not used.",)


@pytest.mark.requirement("CH-050")
def test_the_link_to_the_next_page_is_kept() -> None:
    links = [{"relation": "self", "url": "a"}, {"relation": "next", "url": "https://e/fhir?p=2"}]
    assert supplied(SEARCH, bundle(OBSERVATION, link=links)).next_url == "https://e/fhir?p=2"


@pytest.mark.requirement("CH-050", "CH-057")
@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://ehr.example/fhir?_getpages=2", "?_getpages=2"),
        ("https://ehr.example/fhir/Observation?page=2", "Observation?page=2"),
        ("https://ehr.example.evil/fhir?_getpages=2", None),
        ("https://evil.example/fhir?_getpages=2", None),
        ("http://ehr.example/fhir?_getpages=2", None),
        ("https://ehr.example:444/fhir?_getpages=2", None),
        ("https://ehr.example/fhirx?_getpages=2", None),
        ("https://ehr.example/fhir", None),
        ("https://ehr.example/other?_getpages=2", None),
        ("https://ehr.example/fhir/../other?page=2", None),
        ("https://ehr.example@evil.example/fhir?page=2", None),
        ("/fhir?_getpages=2", None),
        ("", None),
    ],
)
def test_a_next_link_is_followed_only_within_the_ehrs_own_base(url: str, path: str | None) -> None:
    query = next_page(url, "https://ehr.example/fhir/", 5)
    assert query == (None if path is None else FhirQuery(path, enough=5))
