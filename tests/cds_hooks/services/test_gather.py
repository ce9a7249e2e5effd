"""The chart of a call: prefetch first, gaps within the grant, and a name for what is missing."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from cds_hooks.errors import (
    EhrEndless,
    EhrError,
    EhrLacks,
    EhrRefused,
    EhrUnreachable,
    EhrUnreadable,
    HostNotAllowed,
    PreconditionsMissing,
    WrongPatient,
)
from cds_hooks.ports import Grant
from cds_hooks.security.scopes import split
from cds_hooks.services.gather import GATHER_DEADLINE_S, Sources, gather, read_references
from cds_hooks.services.service import Chart, HookCall, ServiceDefinition
from cds_hooks.wire.request import HookContext, read_context

FHIR = "https://ehr.example/fhir"
VITALS = "Observation?patient=p1&category=vital-signs&_count=4"
LABORATORY = "Observation?patient=p1&category=laboratory"
PATIENT = {"resourceType": "Patient", "id": "p1"}
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def grant(scopes: str | None = "patient/*.read", patient: str | None = "p1") -> Grant:
    token = None if scopes is None else "token-1"
    return Grant(FHIR, token, split(scopes or ""), patient, datetime(2026, 11, 21, tzinfo=UTC))


CONTEXT: HookContext = read_context(
    "patient-view", raw({"userId": "Practitioner/u1", "patientId": "p1"})
)


@pytest.fixture
def definition(probe: Any) -> ServiceDefinition:
    found: ServiceDefinition = probe().definition
    return found


@pytest.fixture
def full(bundle: Any, observation: Any) -> dict[str, Any]:
    return {
        "patient": PATIENT,
        "vitalSigns": bundle(observation(1), observation(2)),
        "laboratory": bundle(),
    }


@pytest.fixture
def ehr(shelf_ehr: Any, observation: Any) -> Any:
    return shelf_ehr(
        {
            "Patient/p1": [PATIENT],
            VITALS: [observation(1), observation(2)],
            LABORATORY: [observation(3)],
        }
    )


def charted(
    definition: ServiceDefinition,
    prefetch: dict[str, Any],
    ehr: Any,
    given: Grant | None = None,
    deadline_s: float = 4.0,
) -> Chart:
    raws = {key: raw(value) for key, value in prefetch.items()}
    return asyncio.run(gather(definition, CONTEXT, Sources(raws, given, ehr, deadline_s)))


def counts(chart: Chart) -> dict[str, int]:
    return {key: len(found) for key, found in chart.resources.items()}


@pytest.mark.requirement("CH-044", "CH-045")
def test_what_was_prefetched_is_not_asked_for_again(definition: Any, full: Any, ehr: Any) -> None:
    chart = charted(definition, full, ehr, grant())
    assert counts(chart) == {"patient": 1, "vitalSigns": 2, "laboratory": 0}
    assert chart.missing == {}
    assert ehr.asked == []


@pytest.mark.requirement("CH-044", "CH-046", "CH-053")
@pytest.mark.parametrize(
    ("key", "query"),
    [("patient", "Patient/p1"), ("vitalSigns", VITALS), ("laboratory", LABORATORY)],
)
def test_a_key_that_is_absent_is_read_from_the_fhir_server_with_the_token(
    definition: Any, full: Any, ehr: Any, key: str, query: str
) -> None:
    del full[key]
    chart = charted(definition, full, ehr, grant())
    assert ehr.asked == [(query, "token-1")]
    assert chart.missing == {}


@pytest.mark.requirement("CH-045")
def test_the_same_patient_gives_the_same_chart_by_prefetch_and_by_fhir_server(
    definition: Any, full: Any, ehr: Any, bundle: Any, observation: Any
) -> None:
    full["laboratory"] = bundle(observation(3))
    by_prefetch = charted(definition, full, ehr)
    by_server = charted(definition, {}, ehr, grant())
    for key, found in by_prefetch.resources.items():
        assert [bytes(each) for each in found] == [
            bytes(each) for each in by_server.resources[key]
        ]


@pytest.mark.requirement("CH-047")
def test_null_for_a_search_means_no_data_and_is_not_asked_for(
    definition: Any, full: Any, ehr: Any
) -> None:
    chart = charted(definition, full | {"vitalSigns": None}, ehr, grant())
    assert counts(chart)["vitalSigns"] == 0
    assert ehr.asked == []


def test_null_for_the_patient_itself_is_a_missing_patient(
    definition: Any, full: Any, ehr: Any
) -> None:
    with pytest.raises(PreconditionsMissing, match="patient: the EHR has no such resource"):
        charted(definition, full | {"patient": None}, ehr, grant())


@pytest.mark.requirement("CH-049")
def test_an_operation_outcome_is_named_and_the_data_asked_for(
    definition: Any, full: Any, ehr: Any
) -> None:
    chart = charted(definition, full | {"vitalSigns": OUTCOME}, ehr, grant())
    assert ehr.asked == [(VITALS, "token-1")]
    assert counts(chart)["vitalSigns"] == 2
    assert any("vitalSigns" in sentence for sentence in chart.set_aside)


@pytest.mark.requirement("CH-048")
def test_a_value_of_the_wrong_shape_is_asked_for(
    definition: Any, full: Any, ehr: Any, observation: Any
) -> None:
    chart = charted(definition, full | {"vitalSigns": observation(1)}, ehr, grant())
    assert ehr.asked == [(VITALS, "token-1")]
    assert counts(chart)["vitalSigns"] == 2


@pytest.mark.requirement("CH-050")
def test_the_next_page_is_read_with_the_token_until_there_is_enough(
    definition: Any, full: Any, ehr: Any, bundle: Any, observation: Any
) -> None:
    link = [{"relation": "next", "url": f"{FHIR}?_getpages=2"}]
    ehr.shelf["?_getpages=2"] = [observation(8), observation(9)]
    full["vitalSigns"] = bundle(observation(1), observation(2), link=link)
    chart = charted(definition, full, ehr, grant())
    assert ehr.asked == [("?_getpages=2", "token-1")]
    assert counts(chart)["vitalSigns"] == 4
    full["vitalSigns"] = bundle(*(observation(number) for number in range(4)), link=link)
    ehr.asked.clear()
    assert counts(charted(definition, full, ehr, grant()))["vitalSigns"] == 4
    assert ehr.asked == []


@pytest.mark.requirement("CH-050", "CH-057")
@pytest.mark.parametrize(
    ("url", "given"),
    [
        ("https://evil.example/fhir?_getpages=2", grant()),
        ("https://ehr.example.evil/fhir?_getpages=2", grant()),
        (f"{FHIR}?_getpages=2", None),
        (f"{FHIR}?_getpages=2", grant("patient/Patient.read")),
    ],
)
def test_a_page_that_may_not_be_read_is_said_to_be_missing_and_the_first_is_kept(
    definition: Any, full: Any, ehr: Any, bundle: Any, observation: Any, url: str, given: Any
) -> None:
    link = [{"relation": "next", "url": url}]
    full["vitalSigns"] = bundle(observation(1), link=link)
    chart = charted(definition, full, ehr, given)
    assert counts(chart)["vitalSigns"] == 1
    assert "vitalSigns: only the first page came" in " ".join(chart.set_aside)
    assert ehr.asked == []


@pytest.mark.requirement("CH-051")
@pytest.mark.parametrize("key", ["patient", "vitalSigns"])
def test_an_essential_that_came_in_no_way_refuses_the_call(
    definition: Any, full: Any, ehr: Any, key: str
) -> None:
    del full[key]
    with pytest.raises(PreconditionsMissing, match=f"{key}: it came neither"):
        charted(definition, full, ehr)


@pytest.mark.requirement("CH-041")
def test_what_is_not_essential_is_missing_by_name(definition: Any, full: Any, ehr: Any) -> None:
    del full["laboratory"]
    chart = charted(definition, full, ehr)
    assert "laboratory" not in chart.resources
    assert chart.missing["laboratory"].startswith("laboratory: it came neither")


@pytest.mark.requirement("CH-080")
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (EhrRefused, "denied"),
        (EhrLacks, "no such resource"),
        (EhrUnreachable, "in time"),
        (EhrUnreadable, "error"),
        (EhrEndless, "without end"),
        (HostNotAllowed, "allow-list"),
        (EhrError, "did not give"),
    ],
)
def test_each_failure_of_the_fhir_server_has_its_own_words(
    definition: Any, full: Any, ehr: Any, error: type[Exception], words: str
) -> None:
    del full["laboratory"]
    ehr.shelf[LABORATORY] = error("canary")
    chart = charted(definition, full, ehr, grant())
    assert words in chart.missing["laboratory"]
    assert "canary" not in chart.missing["laboratory"]
    ehr.shelf["Patient/p1"] = error("canary")
    del full["patient"]
    with pytest.raises(PreconditionsMissing, match=words):
        charted(definition, full, ehr, grant())


@pytest.mark.requirement("CH-052", "CH-056")
def test_no_query_outside_the_scopes_is_sent(definition: Any, full: Any, ehr: Any) -> None:
    del full["laboratory"], full["vitalSigns"]
    ehr.shelf[f"{VITALS}&category=vital-signs"] = ehr.shelf[VITALS]
    narrow = grant("patient/Observation.rs?category=vital-signs launch openid")
    charted(definition, full, ehr, narrow)
    assert all("&category=vital-signs" in path for path, _ in ehr.asked)
    ehr.asked.clear()
    with pytest.raises(PreconditionsMissing, match="scopes"):
        charted(definition, full, ehr, grant("patient/Patient.read"))
    assert ehr.asked == []


def test_an_open_fhir_server_is_read_without_a_token(definition: Any, ehr: Any) -> None:
    chart = charted(definition, {}, ehr, grant(scopes=None))
    assert chart.missing == {}
    assert {token for _, token in ehr.asked} == {None}


@pytest.mark.requirement("CH-058")
def test_a_token_for_another_patient_refuses_the_call(
    definition: Any, full: Any, ehr: Any
) -> None:
    with pytest.raises(WrongPatient, match="fhirAuthorization"):
        charted(definition, full, ehr, grant(patient="p2"))
    assert ehr.asked == []


@pytest.mark.requirement("CH-058")
def test_every_query_is_about_the_patient_of_the_context(definition: Any, ehr: Any) -> None:
    charted(definition, {}, ehr, grant(patient=None))
    assert all(path == "Patient/p1" or "patient=p1&" in path for path, _ in ehr.asked)


@pytest.mark.requirement("CH-058")
def test_another_patients_data_refuses_the_call_however_it_came(
    definition: Any, full: Any, ehr: Any, observation: Any
) -> None:
    del full["laboratory"]
    ehr.shelf[LABORATORY] = [observation(1), observation(2, "p2")]
    with pytest.raises(WrongPatient, match="laboratory: entry 1"):
        charted(definition, full, ehr, grant())


def test_a_resource_that_does_not_say_whose_it_is_is_set_aside(
    definition: Any, full: Any, ehr: Any, bundle: Any, observation: Any
) -> None:
    nobodys = {name: value for name, value in observation(7).items() if name != "subject"}
    devices = observation(8) | {"subject": {"reference": "Device/d1"}}
    full["vitalSigns"] = bundle(observation(1), nobodys, devices)
    chart = charted(definition, full, ehr)
    assert counts(chart)["vitalSigns"] == 1
    assert len(chart.set_aside) == 2


def test_a_context_without_the_token_of_a_template_leaves_that_key_missing(
    ehr: Any,
) -> None:
    wants = {"encounter": "Encounter/{{context.encounterId}}"}
    definition = ServiceDefinition("a", "A", "Does a.", ("patient-view",), wants, frozenset())
    chart = charted(definition, {}, ehr, grant())
    assert "context" in chart.missing["encounter"]


def test_all_queries_run_at_once_and_stop_at_the_deadline(definition: Any, ehr: Any) -> None:
    ehr.delay_s = 0.2
    start = time.monotonic()
    charted(definition, {}, ehr, grant())
    together = time.monotonic() - start
    assert len(ehr.asked) == 3
    assert together < 3 * ehr.delay_s, "three queries one after the other take 0.6 s"
    ehr.delay_s = 30.0
    with pytest.raises(PreconditionsMissing, match="in time"):
        charted(definition, {}, ehr, grant(), deadline_s=0.05)


def test_a_call_that_is_given_up_leaves_no_query_behind(definition: Any, ehr: Any) -> None:
    async def scenario() -> int:
        ehr.delay_s = 30.0
        sources = Sources({}, grant(), ehr, 30.0)
        call = asyncio.ensure_future(gather(definition, CONTEXT, sources))
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    assert asyncio.run(scenario()) == 1


ORDER = {"resourceType": "ServiceRequest", "id": "7", "subject": {"reference": "Patient/p1"}}


def referred(ehr: Any, given: Grant | None, *references: str) -> Any:
    return asyncio.run(read_references(references, "p1", Sources({}, given, ehr)))


@pytest.mark.requirement("CH-052", "CH-053", "CH-056")
def test_orders_named_by_reference_are_read_within_the_scopes(shelf_ehr: Any) -> None:
    ehr = shelf_ehr({"ServiceRequest/7": [ORDER]})
    given = grant("patient/ServiceRequest.read")
    read, lacking = referred(ehr, given, "ServiceRequest/7", "DeviceRequest/8")
    assert [msgspec.json.decode(each) for each in read] == [ORDER]
    assert ehr.asked == [("ServiceRequest/7", "token-1")]
    assert "scopes" in lacking["DeviceRequest/8"]


@pytest.mark.requirement("CH-080", "CH-084")
@pytest.mark.parametrize("given", [None, grant(), grant("patient/Patient.read")])
def test_orders_that_cannot_be_read_refuse_the_call(shelf_ehr: Any, given: Grant | None) -> None:
    with pytest.raises(PreconditionsMissing, match="ServiceRequest/7"):
        referred(shelf_ehr({}), given, "ServiceRequest/7")


@pytest.mark.requirement("CH-058")
def test_an_order_of_another_patient_behind_a_reference_refuses_the_call(shelf_ehr: Any) -> None:
    other = ORDER | {"subject": {"reference": "Patient/p2"}}
    with pytest.raises(WrongPatient):
        referred(shelf_ehr({"ServiceRequest/7": [other]}), grant(), "ServiceRequest/7")


def test_what_a_service_reads_later_has_only_the_time_that_the_call_has_left(ehr: Any) -> None:
    async def left(seconds: float | None) -> float:
        until = None if seconds is None else asyncio.get_running_loop().time() + seconds
        call = HookCall(
            "order-dispatch",
            UUID(int=1),
            "open",
            CONTEXT,
            FHIR,
            grant(),
            Chart({}, {}),
            received_at=datetime(2026, 11, 21, tzinfo=UTC),
            gather_until=until,
        )
        return Sources.left_to(call, ehr).deadline_s

    assert 0.0 < asyncio.run(left(1.5)) <= 1.5
    assert asyncio.run(left(-1.0)) == 0.0
    assert asyncio.run(left(None)) == GATHER_DEADLINE_S


def test_orders_that_no_time_is_left_to_read_are_said_to_be_unread(ehr: Any) -> None:
    ehr.delay_s = 30.0
    with pytest.raises(PreconditionsMissing, match="did not answer in time"):
        asyncio.run(
            read_references(["ServiceRequest/7"], "p1", Sources({}, grant(), ehr, deadline_s=0.0))
        )
