"""``order-effects``: what a clinician reads about the order being written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from anyio import run
from fhir.resources.R4B import get_fhir_model_class

from cds_hooks.services.order_effects import OrderEffects
from cds_hooks.services.service import Chart, HookCall
from cds_hooks.wire.response import Card, CreateAction, DeleteAction, UpdateAction

MakeCall = Callable[..., HookCall]
Order = dict[str, Any]


def answered(service: OrderEffects, call: HookCall) -> tuple[Card, ...]:
    return run(service.cards, call)


def change_of(card: Card, row: str) -> tuple[float, float, float]:
    """Return median and interval of a change as the card's table gives them."""
    line = next(line for line in (card.detail or "").splitlines() if line.startswith(f"| {row}"))
    cell = line.split("|")[4].strip().strip("*").replace("\N{MINUS SIGN}", "-")
    median, _, interval = cell.partition(" (")
    low, _, high = interval.rstrip(")").partition(" to ")
    return float(median), float(low), float(high)


def test_bolus_and_beta_blocker_move_a_bleeding_patient_in_opposite_directions(
    order_effects: OrderEffects, call: MakeCall, bolus: Order, beta_blocker: Order
) -> None:
    fluid, blocker = answered(order_effects, call("bleeding", "order-sign", bolus, beta_blocker))
    more = change_of(fluid, "cardiac output")
    less = change_of(blocker, "cardiac output")
    assert more[1] <= more[0] <= more[2]
    assert more[0] > 0 > less[0]
    assert change_of(blocker, "heart rate")[0] < 0
    assert "imulated" in fluid.summary
    assert "90 % interval" in (fluid.detail or "")


def test_a_harmful_order_in_a_bleeding_patient_brings_a_better_one_as_a_proposal(
    order_effects: OrderEffects, call: MakeCall, beta_blocker: Order
) -> None:
    (card,) = answered(order_effects, call("bleeding", "order-sign", beta_blocker))
    assert card.suggestions
    creates = [a for s in card.suggestions for a in s.actions if isinstance(a, CreateAction)]
    for create in creates:
        proposed = msgspec.json.decode(create.resource)
        assert (proposed["status"], proposed["intent"]) == ("draft", "proposal")
        assert "id" not in proposed
        model = get_fhir_model_class(proposed["resourceType"])
        assert model.model_validate(proposed).subject.reference.startswith("Patient/")


def test_replacing_a_draft_removes_it_in_the_same_suggestion(
    order_effects: OrderEffects, call: MakeCall, beta_blocker: Order
) -> None:
    (card,) = answered(order_effects, call("bleeding", "order-sign", beta_blocker))
    instead = [s for s in card.suggestions if s.label.startswith("Instead")]
    for suggestion in instead:
        removed = [a.resource_id for a in suggestion.actions if isinstance(a, DeleteAction)]
        assert removed == ["MedicationRequest/beta-blocker"]


def test_a_halved_order_equals_the_draft_in_all_but_its_dose(
    order_effects: OrderEffects, call: MakeCall, beta_blocker: Order
) -> None:
    from cds_hooks.fhir.halved_order import halved_order

    halved = halved_order(msgspec.Raw(json.dumps(beta_blocker).encode()))
    assert halved is not None
    quantity = halved["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]
    assert quantity["value"] == 2.5
    quantity["value"] = 5
    assert halved == beta_blocker
    UpdateAction(description="Half the dose", resource=msgspec.Raw(json.dumps(halved).encode()))


def test_order_select_answers_only_for_what_was_selected(
    order_effects: OrderEffects, call: MakeCall, bolus: Order, beta_blocker: Order
) -> None:
    asked = call(
        "bleeding",
        "order-select",
        bolus,
        beta_blocker,
        selections=["MedicationRequest/beta-blocker"],
    )
    (card,) = answered(order_effects, asked)
    assert "Metoprolol" in card.summary


def test_an_order_that_is_not_understood_is_said_and_not_guessed(
    order_effects: OrderEffects, call: MakeCall
) -> None:
    unknown = {
        "resourceType": "MedicationRequest",
        "id": "unknown",
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {"text": "Unobtainium <b>500</b>"},
    }
    (card,) = answered(order_effects, call("stable", "order-sign", unknown))
    assert "not simulated" in card.summary
    assert "<b>" not in (card.detail or "")


def test_an_implausible_dose_is_refused_with_the_range(
    order_effects: OrderEffects, call: MakeCall, beta_blocker: Order
) -> None:
    dose = beta_blocker["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]
    dose["value"] = 5000
    (card,) = answered(order_effects, call("stable", "order-sign", beta_blocker))
    assert "plausible range" in (card.detail or "")
    assert not card.suggestions


def test_the_smallest_plausible_dose_is_simulated_though_its_half_is_none(
    order_effects: OrderEffects, call: MakeCall, beta_blocker: Order
) -> None:
    dose = beta_blocker["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]
    dose["value"] = 1
    (card,) = answered(order_effects, call("bleeding", "order-sign", beta_blocker))
    assert card.summary.startswith("Simulated:")
    assert not any(each.label.startswith("Half") for each in card.suggestions)


def test_a_patient_with_almost_no_data_gets_a_sentence_and_no_advice(
    order_effects: OrderEffects, call: MakeCall, bolus: Order
) -> None:
    (card,) = answered(order_effects, call("almost-no-data", "order-sign", bolus))
    assert "not simulated" in card.summary
    assert not card.suggestions


def test_no_draft_order_no_card(order_effects: OrderEffects, call: MakeCall) -> None:
    asked = call("stable", "order-sign", draftOrders={"resourceType": "Bundle"})
    assert answered(order_effects, asked) == ()


def test_one_unreadable_observation_is_named_and_sinks_nothing(
    order_effects: OrderEffects, call: MakeCall, bolus: Order
) -> None:
    asked = call("bleeding", "order-sign", bolus)
    observations = [msgspec.json.decode(each) for each in asked.chart.resources["vitalSigns"]]
    newest = next(each for each in observations if "valueQuantity" in each)
    newest["valueQuantity"] = {"value": "rather high", "unit": "/min"}
    resources = dict(asked.chart.resources)
    resources["vitalSigns"] = tuple(
        msgspec.Raw(json.dumps(each).encode()) for each in observations
    )
    (card,) = answered(order_effects, replace(asked, chart=Chart(resources, {})))
    assert "imulated" in card.summary
    assert "**Not used**" in (card.detail or "")


@pytest.mark.parametrize("name", ["stable", "bleeding", "septic", "heart-failure"])
def test_every_sample_patient_gets_a_simulated_effect_that_names_its_basis(
    order_effects: OrderEffects, call: MakeCall, bolus: Order, name: str
) -> None:
    (card,) = answered(order_effects, call(name, "order-sign", bolus))
    detail = card.detail or ""
    assert card.summary.startswith("Simulated:")
    assert "**Based on" in detail
    assert " ago" in detail
    assert "not a medical device" in detail


def test_the_same_call_twice_gives_the_same_cards(
    order_effects: OrderEffects, call: MakeCall, bolus: Order
) -> None:
    asked = call("septic", "order-sign", bolus)
    assert answered(order_effects, asked) == answered(order_effects, asked)
