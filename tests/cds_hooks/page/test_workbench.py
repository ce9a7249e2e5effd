"""The workbench: plans compared on the twin that was shown, refusals with their range, drafts."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from cds_hooks.fhir.to_given_treatments import GivenTreatment
from cds_hooks.fhir.to_interventions import orders_of
from cds_hooks.fhir.to_measurements import PatientFacts
from cds_hooks.ports import FhirQuery, Grant
from cds_hooks.services.clinician_choices import choices, running_shown
from cds_hooks.services.clinician_plans import (
    MOST_PLANS,
    Stopping,
    WrittenComparison,
    intervention_of,
    written,
)
from twin.core.dose_ranges import check
from twin.core.intervention_kinds import (
    Bleeding,
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Infusion,
    Oxygen,
    Route,
    Setting,
    SettingKind,
)

if TYPE_CHECKING:
    from cds_hooks.security.session import SmartSession
    from tests.cds_hooks.page.conftest import Json, Site

FHIR = "https://ehr.example/fhir"
BOLUS = {"kind": "fluid", "fluid": "crystalloid", "volume_ml": 500, "over_min": 15}
PRESSOR = {"kind": "infusion", "drug": "norepinephrine", "rate": 0.1}
BLOCKER = {"kind": "dose", "drug": "metoprolol", "route": "intravenous", "dose_mg": 5}


def plan(name: str, *items: Json) -> Json:
    return {"name": name, "items": list(items)}


def shown(site: Site, patient: str = "bleeding", **changes: Any) -> SmartSession:
    """Return a session whose page was loaded, so that its twin is kept."""
    session = site.launched(patient, **changes)
    assert site.get("/app/api/view", session).status_code == 200
    return session


def compared(site: Site, session: SmartSession, *plans: Json, horizon_min: int = 30) -> Json:
    body = {"plans": list(plans), "horizon_min": horizon_min}
    answer = site.post("/app/api/simulations", session, body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_plans_are_compared_over_time_against_doing_nothing(site: Site) -> None:
    answer = compared(site, shown(site), plan("A", BOLUS), plan("B", BLOCKER))
    assert answer["timesMin"][0] == 0
    assert answer["timesMin"][-1] == answer["horizonMin"] == 30
    assert [each["name"] for each in answer["plans"]] == ["A", "B"]
    bolus, blocker = answer["plans"]
    assert bolus["change"]["cardiac_output"]["low"][-1] > 0
    assert blocker["change"]["heart_rate"]["high"][-1] < 0
    for course in (answer["nothingDone"], *answer["plans"]):
        for key in ("mean_pressure", "cardiac_output", "heart_rate", "oxygen_saturation"):
            band = course["state"][key]
            assert len(band["median"]) == len(answer["timesMin"])
            for low, median, high in zip(band["low"], band["median"], band["high"], strict=True):
                assert low <= median <= high
    assert answer["ranking"][0]["name"] == "A"
    assert "A" in answer["verdict"] or "No good option" in answer["verdict"]


def test_a_plan_that_begins_later_acts_later(site: Site) -> None:
    session = shown(site)
    later = compared(site, session, plan("late", BOLUS | {"start_min": 20}))["plans"][0]
    band = later["change"]["cardiac_output"]["median"]
    times = compared(site, session, plan("late", BOLUS))["timesMin"]
    early = [value for at, value in zip(times, band, strict=True) if at <= 19]
    assert max(map(abs, early)) < 0.01
    assert band[-1] > 0.05


def test_an_infusion_that_ends_stops_acting(site: Site) -> None:
    session = shown(site)
    answer = compared(
        site,
        session,
        plan("goes on", PRESSOR),
        plan("ends", PRESSOR | {"for_min": 10}),
        horizon_min=60,
    )
    goes_on, ends = (each["change"]["mean_pressure"]["median"][-1] for each in answer["plans"])
    assert goes_on > 5
    assert ends < 0.5 * goes_on


def test_a_new_rate_replaces_the_running_one(site: Site) -> None:
    low = PRESSOR | {"rate": 0.005}
    (treated,) = compared(site, shown(site, "septic"), plan("less", low))["plans"]
    assert treated["change"]["mean_pressure"]["high"][-1] < 0
    (untreated,) = compared(site, shown(site, "stable"), plan("more", low))["plans"]
    assert untreated["change"]["mean_pressure"]["median"][-1] >= 0


def running(site: Site, patient: str) -> Json:
    (found,) = site.view(patient)["running"]
    return dict(found)


def test_what_runs_is_offered_with_its_rate_its_order_and_the_item_that_ends_it(
    site: Site,
) -> None:
    found = running(site, "septic")
    assert found["label"].startswith("Norepinephrine")
    assert (found["rate"], found["amount"]) == (0.08, "0.08 µg/kg/min")
    assert found["choice"] in {each.key for each in choices()}
    assert found["stop"] == {
        "kind": "stop-infusion",
        "drug": "norepinephrine",
        "order": "MedicationRequest/septic-norepinephrine",
    }
    # Pantoprazole runs as well, but the twin knows nothing of it.
    assert site.view("bleeding")["running"] == []


def treatment(intervention: Any, minute: int, request: str | None = None) -> GivenTreatment:
    start = datetime(2026, 3, 1, 11, minute, tzinfo=UTC)
    members = (None, None, intervention, None, None, request)
    return GivenTreatment("MedicationAdministration/x", "as charted", (), start, None, *members)


def test_of_everything_that_runs_the_newest_of_a_kind_is_offered() -> None:
    fluid = Fluid(FluidKind.RED_CELLS, 300.0, 3600.0)
    order = "https://ehr.example/fhir/MedicationRequest/b/_history/2"
    found = running_shown(
        [
            treatment(Infusion(Drug.NOREPINEPHRINE, 0.05), 0, "MedicationRequest/a"),
            treatment(fluid, 10, order),
            treatment(Infusion(Drug.NOREPINEPHRINE, 0.1), 20, "Bundle/odd"),
            treatment(Oxygen(0.4), 30),
            treatment(None, 40),
        ]
    )
    assert [each.amount for each in found] == ["0.1 µg/kg/min", "300 mL in 60 min"]
    assert [each.stop for each in found] == [
        {"kind": "stop-infusion", "drug": "norepinephrine"},
        {"kind": "stop-fluid", "fluid": "red cells", "order": "MedicationRequest/b"},
    ]
    assert [(each.rate, each.choice) for each in found] == [
        (0.1, "infusion/norepinephrine"),
        (None, None),
    ]


def test_ending_what_runs_lowers_the_pressure_and_later_ends_it_later(site: Site) -> None:
    stop = running(site, "septic")["stop"]
    session = shown(site, "septic")
    plans = (plan("now", stop), plan("later", stop | {"start_min": 20}))
    now, later = compared(site, session, *plans)["plans"]
    assert now["change"]["mean_pressure"]["high"][-1] < 0
    ends = [each["change"]["mean_pressure"]["median"] for each in (now, later)]
    assert ends[0][-1] < ends[1][-1] < 0
    times = compared(site, session, plan("now", stop))["timesMin"]
    early = [value for at, value in zip(times, ends[1], strict=True) if at <= 19]
    assert max(map(abs, early)) < 0.01


def test_three_plans_for_what_runs_stand_in_the_order_of_their_rates(site: Site) -> None:
    found = running(site, "septic")
    rated = {"kind": "infusion", "drug": "norepinephrine", "replaces": found["stop"]["order"]}
    plans = (
        plan("end it", found["stop"]),
        plan("as it runs", rated | {"rate": found["rate"]}),
        plan("raise it", rated | {"rate": 2 * found["rate"]}),
    )
    ended, same, raised = (
        each["change"]["mean_pressure"]["median"][-1]
        for each in compared(site, shown(site, "septic"), *plans)["plans"]
    )
    assert ended < -1
    assert abs(same) < 0.05
    assert raised > 1


@pytest.mark.parametrize(
    "item",
    [
        {"kind": "stop-infusion", "drug": "dobutamine"},
        {"kind": "stop-fluid", "fluid": "crystalloid"},
    ],
    ids=["drug", "fluid"],
)
def test_what_does_not_run_cannot_be_ended(site: Site, item: Json) -> None:
    (refused,) = compared(site, shown(site, "septic"), plan("odd", item))["refusals"]
    assert "nothing of it is recorded as running" in refused["sentence"]


@pytest.mark.parametrize(
    ("item", "low", "high", "unit"),
    [
        (PRESSOR | {"rate": 30}, 0.005, 3.0, "µg/kg/min"),
        (BOLUS | {"volume_ml": 9000}, 10, 4000, "mL"),
        (BLOCKER | {"dose_mg": 500}, 1, 15, "mg"),
        ({"kind": "oxygen", "percent": 12}, 0.21, 1.0, "(fraction)"),
    ],
    ids=["rate", "volume", "dose", "oxygen"],
)
def test_an_implausible_amount_is_refused_with_its_range_and_the_rest_is_simulated(
    site: Site, item: Json, low: float, high: float, unit: str
) -> None:
    answer = compared(site, shown(site), plan("odd", item), plan("usual", BOLUS))
    (refused,) = answer["refusals"]
    assert refused["name"] == "odd"
    assert (refused["low"], refused["high"], refused["unit"]) == (low, high, unit)
    assert "outside the plausible range" in refused["sentence"]
    assert [each["name"] for each in answer["plans"]] == ["usual"]


def test_a_route_that_is_not_modelled_is_refused_in_words(site: Site) -> None:
    oral = {"kind": "dose", "drug": "norepinephrine", "route": "oral", "dose_mg": 1}
    (refused,) = compared(site, shown(site), plan("oral", oral))["refusals"]
    assert "not modelled" in refused["sentence"]
    assert refused["low"] is None


def test_nothing_is_simulated_for_a_patient_without_vital_signs(site: Site) -> None:
    answer = compared(site, shown(site, "almost-no-data"), plan("A", BOLUS))
    assert answer["plans"] == []
    assert "needs at least a heart rate" in answer["notSimulated"]


def test_before_the_page_was_loaded_there_is_no_twin_to_simulate(site: Site) -> None:
    unknown = site.launched("septic", fhir_server="https://other.example/fhir")
    answer = compared(site, unknown, plan("A", BOLUS))
    assert answer["plans"] == []
    assert "load the page again" in answer["notSimulated"]


@pytest.mark.parametrize(
    "body",
    [
        {"plans": []},
        {"plans": [plan("A")]},
        {"plans": [plan("A", BOLUS), plan("A", PRESSOR)]},
        {"plans": [plan(f"P{number}", BOLUS) for number in range(MOST_PLANS + 1)]},
        {"plans": [plan("A", *[BOLUS] * 9)]},
        {"plans": [plan("A", BOLUS)], "horizon_min": 31},
        {"plans": [plan("A", {"kind": "insult", "extent": 1})]},
        {"plans": [plan("A", {"kind": "infusion", "drug": "cocaine", "rate": 1})]},
        {"plans": [plan("A", BOLUS | {"start_min": -5})]},
        {"plans": [plan("A", BOLUS | {"volume_ml": "many"})]},
        {"plans": [plan("A", BOLUS | {"patient": "other"})]},
        {"plans": [plan("A", {"kind": "fluid", "fluid": "crystalloid", "volume_ml": 500})]},
        {"plans": [plan("A", BOLUS)], "patient": "septic"},
        [],
        "text",
    ],
)
def test_what_is_no_plan_is_refused_by_name(site: Site, body: object) -> None:
    answer = site.post("/app/api/simulations", shown(site), body)
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("path", ["simulations", "proposals"])
def test_what_another_site_or_no_json_sends_is_refused(site: Site, path: str) -> None:
    session = shown(site)
    body = {"plans": [plan("A", BOLUS)]}
    foreign = site.post(f"/app/api/{path}", session, body, Origin="https://evil.example")
    assert foreign.status_code == 401
    form = site.post(
        f"/app/api/{path}", session, body, **{"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert form.status_code == 415


def test_every_choice_that_is_offered_is_read_and_given_to_adults() -> None:
    for choice in choices():
        for amount in (choice.amount.low, choice.amount.high):
            item = {**choice.item, choice.amount_member: amount}
            if choice.over is not None:
                item["over_min"] = choice.over.high
            body = {"plans": [plan("one", item)]}
            comparison = msgspec.json.decode(msgspec.json.encode(body), type=WrittenComparison)
            (item,) = comparison.plans[0].items
            assert not isinstance(item, Stopping)
            check(intervention_of(item))


@pytest.mark.parametrize(
    "intervention",
    [
        Infusion(Drug.VASOPRESSIN, 0.03),
        DrugDose(Drug.METOPROLOL, 5.0, Route.INTRAVENOUS, 120.0),
        Fluid(FluidKind.RED_CELLS, 300.0, 1800.0),
        Oxygen(0.5),
        Setting(SettingKind.PACING, 80.0),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_is_written_for_the_page_reads_back_as_the_same(intervention: Any) -> None:
    (item,) = written("one", intervention).items
    assert not isinstance(item, Stopping)
    assert intervention_of(item) == intervention


def test_nobody_plans_bleeding_on_the_page() -> None:
    with pytest.raises(ValueError, match="cannot be planned"):
        written("odd", Bleeding(50.0, 600.0))


def proposed(site: Site, session: SmartSession, *items: Json) -> Json:
    answer = site.post("/app/api/proposals", session, {"plan": plan("chosen", *items)})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def found_at(site: Site, query: str) -> list[Json]:
    grant = Grant(FHIR, None, frozenset(), "bleeding", None)
    return [
        msgspec.json.decode(raw) for raw in asyncio.run(site.ehr.search(FhirQuery(query), grant))
    ]


def proposals_at(site: Site) -> list[Json]:
    drafts = found_at(site, "MedicationRequest?patient=bleeding")
    return [each for each in drafts if each["intent"] == "proposal"]


def test_a_chosen_plan_becomes_draft_proposals_at_the_ehr(site: Site) -> None:
    session = shown(site)
    oxygen = {"kind": "oxygen", "percent": 40}
    answer = proposed(site, session, BOLUS, PRESSOR, oxygen)
    assert answer["toCopy"] == []
    drafts = [found_at(site, reference)[0] for reference in answer["created"]]
    assert [each["resourceType"] for each in drafts] == [
        "MedicationRequest",
        "MedicationRequest",
        "ServiceRequest",
    ]
    for draft in drafts:
        assert (draft["status"], draft["intent"]) == ("draft", "proposal")
        assert draft["subject"] == {"reference": "Patient/bleeding"}
        assert draft["encounter"] == {"reference": "Encounter/bleeding-stay"}
        assert draft["requester"] == {"reference": "Practitioner/1"}
        assert "Research use only" in draft["note"][0]["text"]
        assert "AIAST" in str(draft["meta"])


def test_a_draft_is_understood_when_it_comes_back_as_an_order(site: Site) -> None:
    answer = proposed(site, shown(site), BOLUS, PRESSOR | {"start_min": 10, "for_min": 30})
    drafts = [found_at(site, reference)[0] for reference in answer["created"]]
    facts = PatientFacts("bleeding", 54.0, "male", 178.0, 82.0)
    found = orders_of([msgspec.Raw(msgspec.json.encode(each)) for each in drafts], facts)
    assert found.not_understood == ()
    assert [each.intervention for each in found.understood] == [
        Fluid(FluidKind.CRYSTALLOID, 500.0, 900.0),
        Infusion(Drug.NOREPINEPHRINE, 0.1),
    ]
    (dosage,) = drafts[1]["dosageInstruction"]
    bounds = dosage["timing"]["repeat"]["boundsPeriod"]
    assert bounds == {"start": "2026-03-01T12:10:00+00:00", "end": "2026-03-01T12:40:00+00:00"}


def test_a_changed_rate_names_the_order_whose_place_it_takes(site: Site) -> None:
    rated = {"kind": "infusion", "drug": "norepinephrine", "rate": 0.15}
    order = running(site, "septic")["stop"]["order"]
    answer = proposed(site, shown(site, "septic"), rated | {"replaces": order})
    (draft,) = found_at(site, answer["created"][0])
    assert draft["priorPrescription"] == {"reference": order}
    facts = PatientFacts("septic", 67.0, "female", 164.0, 70.0)
    (read,) = orders_of([msgspec.Raw(msgspec.json.encode(draft))], facts).understood
    assert read.prior == order
    assert read.intervention == Infusion(Drug.NOREPINEPHRINE, 0.15)


def test_an_end_is_told_and_only_the_rest_of_the_plan_is_written(site: Site) -> None:
    stop = running(site, "septic")["stop"]
    answer = proposed(site, shown(site, "septic"), stop, BOLUS)
    (sentence,) = answer["toEnd"]
    assert sentence.startswith(
        "End norepinephrine (order MedicationRequest/septic-norepinephrine) now in the EHR"
    )
    (reference,) = answer["created"]
    assert "500 mL" in found_at(site, reference)[0]["dosageInstruction"][0]["text"]
    assert answer["toCopy"] == []


@pytest.mark.parametrize(
    "order",
    ["Patient/x", "MedicationRequest/", "MedicationRequest/a b", "https://evil.example/x"],
)
def test_what_is_no_order_takes_no_place(site: Site, order: str) -> None:
    body = {"plans": [plan("A", PRESSOR | {"replaces": order})]}
    assert site.post("/app/api/simulations", shown(site, "septic"), body).status_code == 400


def test_without_the_scope_the_drafts_are_given_out_and_nothing_is_written(site: Site) -> None:
    read_only, before = frozenset({"patient/*.read"}), proposals_at(site)
    answer = proposed(site, shown(site, scopes=read_only), BOLUS)
    assert answer["created"] == []
    (draft,) = answer["toCopy"]
    assert draft["resourceType"] == "MedicationRequest"
    assert "did not allow" in answer["whyToCopy"]
    assert proposals_at(site) == before


def test_an_implausible_plan_becomes_no_draft(site: Site) -> None:
    session, before = shown(site), proposals_at(site)
    body = {"plan": plan("odd", PRESSOR | {"rate": 30})}
    answer = site.post("/app/api/proposals", session, body)
    assert answer.status_code == 400
    assert "plausible range" in answer.json()["issue"][0]["details"]["text"]
    assert proposals_at(site) == before


def test_without_a_twin_no_draft_is_made(site: Site) -> None:
    body = {"plan": plan("A", BOLUS)}
    unknown = site.launched("septic", fhir_server="https://other.example/fhir")
    answer = site.post("/app/api/proposals", unknown, body)
    assert answer.status_code == 412
