"""What runs already: taken into the fit, named on the card with its age, replaced and stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from anyio import run

from cds_hooks.services.alternatives import menu
from cds_hooks.services.order_effects import OrderEffects
from cds_hooks.services.patient_twin import PatientTwins
from cds_hooks.services.service import HookCall
from cds_hooks.wire.response import Card
from tests.cds_hooks.services.conftest import resources_of
from twin.core.estimate import Estimator
from twin.core.interventions import Drug, Infusion
from twin.store.memory import MemoryTwinStore

MakeCall = Callable[..., HookCall]
Resource = dict[str, Any]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
UCUM = "http://unitsofmeasure.org"


def amount(value: float, unit: str) -> Resource:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def given(text: str, hours_ago: float = 3.0, **members: Any) -> Resource:
    """Return a running infusion of norepinephrine's shape, without its subject."""
    begun = (NOW - timedelta(hours=hours_ago)).isoformat()
    return {
        "resourceType": "MedicationAdministration",
        "id": text.replace(" ", "-").lower(),
        "meta": {"versionId": "1"},
        "status": "in-progress",
        "medicationCodeableConcept": {"text": text},
        "effectivePeriod": {"start": begun},
        "dosage": {"rateQuantity": amount(0.2, "ug/kg/min")},
    } | members


def order(text: str, rate: float, **members: Any) -> Resource:
    dosage = {"doseAndRate": [{"rateQuantity": amount(rate, "ug/kg/min")}]}
    return {
        "resourceType": "MedicationRequest",
        "id": "draft",
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {"text": text},
        "dosageInstruction": [dosage],
    } | members


def treated(call: HookCall, *administrations: Resource) -> HookCall:
    """Return the call with administrations in its chart."""
    subject = {"subject": {"reference": f"Patient/{call.context.patient_id}"}}
    charted = tuple(msgspec.Raw(json.dumps(each | subject).encode()) for each in administrations)
    resources = {**call.chart.resources, "givenTreatments": charted}
    return replace(call, chart=replace(call.chart, resources=resources))


def the_card(service: OrderEffects, call: HookCall) -> Card:
    (card,) = run(service.cards, call)
    return card


def pressure_change(card: Card) -> float:
    line = next(each for each in (card.detail or "").splitlines() if each.startswith("| MAP"))
    return float(line.split("**")[1].split(" ")[0].replace("\N{MINUS SIGN}", "-"))


NOREPINEPHRINE = given("Norepinephrine")


class TestOrders:
    def test_a_lower_rate_takes_the_place_of_the_running_one(
        self, order_effects: OrderEffects, call: MakeCall
    ) -> None:
        draft = order("Norepinephrine", 0.05)
        card = the_card(
            order_effects, treated(call("septic", "order-sign", draft), NOREPINEPHRINE)
        )
        assert pressure_change(card) < -3.0
        detail = card.detail or ""
        assert "Takes the place of what is recorded as running" in detail
        assert "Norepinephrine, 0.2 µg/kg/min (begun 3 h ago)" in detail

    def test_the_same_order_without_the_record_would_be_an_addition(
        self, order_effects: OrderEffects, call: MakeCall
    ) -> None:
        card = the_card(order_effects, call("septic", "order-sign", order("Norepinephrine", 0.05)))
        assert pressure_change(card) > 3.0
        assert "Takes the place" not in (card.detail or "")

    @pytest.mark.parametrize(
        ("status", "assumed"),
        [("stopped", None), ("cancelled", "a cancelled order"), ("on-hold", "put on hold")],
    )
    def test_an_order_that_stops_an_infusion_is_simulated_as_its_end(
        self, order_effects: OrderEffects, call: MakeCall, status: str, assumed: str | None
    ) -> None:
        draft = order("Norepinephrine", 0.2, status=status)
        card = the_card(
            order_effects, treated(call("septic", "order-sign", draft), NOREPINEPHRINE)
        )
        assert card.summary.startswith("Simulated: Stop Norepinephrine: MAP \N{MINUS SIGN}")
        assert pressure_change(card) < -3.0
        assert ("Assumed:" in (card.detail or "")) is (assumed is not None)
        assert (assumed or "") in (card.detail or "")

    def test_stopping_what_is_not_recorded_is_refused_and_said(
        self, order_effects: OrderEffects, call: MakeCall
    ) -> None:
        draft = order("Dobutamine", 5.0, status="stopped")
        card = the_card(
            order_effects, treated(call("septic", "order-sign", draft), NOREPINEPHRINE)
        )
        assert "not simulated" in card.summary
        assert "nothing of it is recorded as running" in (card.detail or "")

    def test_an_order_that_names_the_one_before_it_ends_that_ones_infusion(
        self, order_effects: OrderEffects, call: MakeCall
    ) -> None:
        running = NOREPINEPHRINE | {"request": {"reference": "MedicationRequest/7/_history/3"}}
        prior = {
            "priorPrescription": {"reference": "https://ehr.example/fhir/MedicationRequest/7"}
        }
        changes = {}
        for name, members in (("beside", {}), ("instead", prior)):
            draft = order("Dobutamine", 2.5, **members)
            asked = treated(call("septic", "order-sign", draft), running)
            changes[name] = the_card(order_effects, asked)
        beside, instead = (pressure_change(each) for each in changes.values())
        assert instead < beside - 3.0
        assert "Takes the place" in (changes["instead"].detail or "")
        assert "Takes the place" not in (changes["beside"].detail or "")

    def test_a_prior_order_by_which_nothing_runs_is_said(
        self, order_effects: OrderEffects, call: MakeCall
    ) -> None:
        prior = {"reference": "MedicationRequest/8"}
        draft = order("Dobutamine", 2.5, priorPrescription=prior)
        card = the_card(
            order_effects, treated(call("septic", "order-sign", draft), NOREPINEPHRINE)
        )
        assert "not recorded as running, so nothing is stopped" in (card.detail or "")

    def test_a_running_vasopressor_is_proposed_to_be_raised_and_not_begun_again(self) -> None:
        begun, raised = (
            dict(menu(None, 1.0, running))
            for running in ((), (Infusion(Drug.NOREPINEPHRINE, 0.2),))
        )
        assert begun["Norepinephrine 0.05 µg/kg/min"] == Infusion(Drug.NOREPINEPHRINE, 0.05)
        assert raised["Norepinephrine raised to 0.25 µg/kg/min"] == Infusion(
            Drug.NOREPINEPHRINE, 0.25
        )
        assert "Norepinephrine 0.05 µg/kg/min" not in raised


class TestBasis:
    DRAFT = order("Dobutamine", 2.5)

    def detail(self, service: OrderEffects, call: MakeCall, *administrations: Resource) -> str:
        asked = treated(call("septic", "order-sign", self.DRAFT), *administrations)
        return the_card(service, asked).detail or ""

    def test_what_runs_and_what_was_given_before_is_named_with_its_age(
        self, order_effects: OrderEffects, call: MakeCall
    ) -> None:
        dose = {"dose": amount(5, "mg"), "route": {"text": "intravenous"}}
        bolus = given("Metoprolol", status="completed", dosage=dose)
        bolus |= {"effectiveDateTime": (NOW - timedelta(minutes=20)).isoformat()}
        del bolus["effectivePeriod"]
        detail = self.detail(order_effects, call, NOREPINEPHRINE, bolus)
        running = "**Taken as running**: Norepinephrine, 0.2 µg/kg/min (begun 3 h ago)."
        assert running in detail
        assert "**Given before, and counted**: Metoprolol, 5 mg intravenous (20 min ago)" in detail

    @pytest.mark.parametrize(
        ("administration", "why"),
        [
            (given("Insulin"), "this treatment is not modelled"),
            (given("Norepinephrine", dosage={}), "no single dose or rate"),
            (
                given("Norepinephrine", dosage={"rateQuantity": amount(900, "ug/kg/min")}),
                "outside the plausible range",
            ),
            (
                given("Ringer lactate", dosage={"rateQuantity": amount(80, "mL/h")}),
                "keep up with losses",
            ),
        ],
    )
    def test_what_is_not_simulated_is_named_with_the_reason(
        self,
        order_effects: OrderEffects,
        call: MakeCall,
        administration: Resource,
        why: str,
    ) -> None:
        detail = self.detail(order_effects, call, administration)
        (line,) = [each for each in detail.splitlines() if "is not simulated**" in each]
        assert administration["medicationCodeableConcept"]["text"] in line
        assert why in line
        assert "Taken as running" not in detail

    def test_administrations_that_could_not_be_had_are_named_as_missing(
        self, order_effects: OrderEffects, call: MakeCall
    ) -> None:
        asked = call("septic", "order-sign", self.DRAFT)
        why = {"givenTreatments": "givenTreatments: the EHR denied access to it."}
        asked = replace(asked, chart=replace(asked.chart, missing=why))
        assert why["givenTreatments"] in (the_card(order_effects, asked).detail or "")


def test_a_changed_rate_makes_a_new_fit_and_the_same_one_does_not(
    estimator: Estimator, call: MakeCall
) -> None:
    store = MemoryTwinStore()
    twins = PatientTwins(store, estimator, b"k" * 32)

    def revision(*administrations: Resource) -> int:
        asked = treated(call("septic", "order-sign", order("Dobutamine", 2.5)), *administrations)
        return run(twins.with_updated, asked, lambda patient: patient.assimilation.twin.revision)

    faster = NOREPINEPHRINE | {"dosage": {"rateQuantity": amount(0.3, "ug/kg/min")}}
    assert [
        revision(),
        revision(NOREPINEPHRINE),
        revision(NOREPINEPHRINE | {"meta": {"versionId": "2"}}),
        revision(faster),
    ] == [1, 2, 2, 3]


def test_a_fluid_that_runs_without_an_end_runs_on_and_is_the_same_from_call_to_call(
    estimator: Estimator, call: MakeCall
) -> None:
    twins = PatientTwins(MemoryTwinStore(), estimator, b"k" * 32)
    begun = given("Ringer lactate", 10.2, dosage={"rateQuantity": amount(500, "mL/h")})
    asked = treated(call("septic", "order-sign", order("Dobutamine", 2.5)), begun)
    for minutes in (0, 5):
        later = replace(asked, received_at=NOW + timedelta(minutes=minutes))
        revision, underway = run(
            twins.with_updated,
            later,
            lambda patient: (patient.assimilation.twin.revision, patient.assimilation.underway),
        )
        (fluid,) = underway.given
        assert fluid.intervention.volume_ml == pytest.approx(2000.0)
        assert fluid.starts_at_s < 0.0 < fluid.starts_at_s + fluid.intervention.duration_s
        assert revision == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("septic", "**Taken as running**: Norepinephrine, 0.08 µg/kg/min"),
        ("bleeding", "treatment that is not simulated**: Pantoprazole (this treatment is not"),
    ],
)
def test_the_sample_patients_infusions_are_on_the_card(
    order_effects: OrderEffects, call: MakeCall, name: str, words: str
) -> None:
    running = [
        each for each in resources_of(name) if each["resourceType"] == "MedicationAdministration"
    ]
    asked = treated(call(name, "order-sign", order("Dobutamine", 2.5)), *running)
    assert words in (the_card(order_effects, asked).detail or "")
