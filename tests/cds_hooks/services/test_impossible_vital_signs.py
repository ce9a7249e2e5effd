"""Vital signs and orders that cannot be: each is named on the card, none becomes advice or NaN."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from anyio import run

from cds_hooks.services.order_effects import OrderEffects
from cds_hooks.services.service import HookCall
from cds_hooks.wire.response import Card

MakeCall = Callable[..., HookCall]
Resource = dict[str, Any]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CODES = {
    "8867-4": "/min",
    "8480-6": "mm[Hg]",
    "8462-4": "mm[Hg]",
    "8478-0": "mm[Hg]",
    "59408-5": "%",
}
USUAL = {"8867-4": 96.0, "8480-6": 104.0, "8462-4": 58.0, "8478-0": 73.0, "59408-5": 96.0}
BOLUS = {
    "resourceType": "MedicationRequest",
    "id": "bolus",
    "status": "draft",
    "intent": "order",
    "medicationCodeableConcept": {"text": "Sodium chloride 0.9 %"},
    "dosageInstruction": [
        {
            "route": {"text": "intravenous"},
            "timing": {"repeat": {"duration": 15, "durationUnit": "min"}},
            "doseAndRate": [{"doseQuantity": {"value": 500, "unit": "mL"}}],
        }
    ],
}


def observed(
    values: dict[str, float], patient_id: str, minutes_ago: float = 5.0, position: int = 0
) -> list[Resource]:
    return [
        {
            "resourceType": "Observation",
            "id": f"o{position}-{code}",
            "meta": {"versionId": "1"},
            "status": "final",
            "category": [{"coding": [{"code": "vital-signs"}]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "subject": {"reference": f"Patient/{patient_id}"},
            "effectiveDateTime": (NOW - timedelta(minutes=minutes_ago)).isoformat(),
            "valueQuantity": {
                "value": value,
                "unit": CODES[code],
                "system": "http://unitsofmeasure.org",
                "code": CODES[code],
            },
        }
        for code, value in values.items()
    ]


@pytest.fixture
def asked(order_effects: OrderEffects, call: MakeCall) -> Callable[..., Card]:
    """Return a maker of the one card about a bolus for a patient with these observations."""

    def made(
        *sets: tuple[dict[str, float], float],
        draft: Resource = BOLUS,
        patient: dict[str, Any] | None = None,
    ) -> Card:
        sample = call("stable", "order-sign", draft)
        patient_id = sample.context.patient_id
        charted = [
            each
            for position, (values, minutes_ago) in enumerate(sets)
            for each in observed(values, patient_id, minutes_ago, position)
        ]
        (who,) = sample.chart.resources["patient"]
        person = msgspec.json.decode(who) | (patient or {})
        resources = {
            "patient": (msgspec.Raw(json.dumps(person).encode()),),
            "vitalSigns": tuple(msgspec.Raw(json.dumps(each).encode()) for each in charted),
        }
        (card,) = run(
            order_effects.cards, replace(sample, chart=replace(sample.chart, resources=resources))
        )
        assert "nan" not in (card.summary + (card.detail or "")).lower().replace("finan", "")
        return card

    return made


def is_advice(card: Card) -> bool:
    return card.summary.startswith("Simulated:") or bool(card.suggestions)


def test_a_patient_with_usual_vital_signs_is_simulated(asked: Callable[..., Card]) -> None:
    """What the others are compared with: the same call gives advice when the data can be."""
    assert is_advice(asked((USUAL, 5.0)))


def test_a_systolic_below_the_diastolic_pressure_is_a_contradiction_and_no_advice(
    asked: Callable[..., Card],
) -> None:
    card = asked((USUAL | {"8480-6": 60.0, "8462-4": 95.0}, 5.0))
    assert not is_advice(card)
    assert "contradict each other" in card.summary + (card.detail or "")


def test_a_heart_rate_of_0_is_no_measurement_and_is_named(asked: Callable[..., Card]) -> None:
    card = asked((USUAL | {"8867-4": 0.0}, 5.0))
    assert not is_advice(card)
    detail = card.detail or ""
    assert "needs at least a heart rate" in card.summary + detail
    assert "Not used" in detail
    assert "o0-8867-4" in detail.replace("\\", "")


def test_two_hours_in_the_wrong_order_are_put_in_theirs(asked: Callable[..., Card]) -> None:
    earlier = (USUAL | {"8478-0": 90.0, "8480-6": 128.0, "8462-4": 72.0}, 65.0)
    newest = (USUAL, 5.0)
    swapped, sorted_ = asked(earlier, newest), asked(newest, earlier)
    # The bytes of the chart come in another order; what is known of the patient does not.
    table = [line for line in (swapped.detail or "").splitlines() if line.startswith("| MAP")]
    assert table == [line for line in (sorted_.detail or "").splitlines() if "| MAP" in line]
    assert "73 mmHg | 5 min ago" in (swapped.detail or "")


def test_a_clock_that_jumped_ahead_is_named_and_its_values_not_used(
    asked: Callable[..., Card],
) -> None:
    card = asked((USUAL, 5.0), ({"8867-4": 180.0, "8478-0": 40.0}, -180.0))
    detail = card.detail or ""
    assert is_advice(card)
    assert "future" in detail
    assert "| heart rate | 96 /min |" in detail
    assert "| heart rate | 180 /min |" not in detail


def test_only_values_of_the_future_are_no_data_at_all(asked: Callable[..., Card]) -> None:
    card = asked((USUAL, -180.0))
    assert not is_advice(card)
    assert "future" in (card.detail or "")


@pytest.mark.parametrize("birth", [{"birthDate": None}, {"birthDate": "not a date"}])
def test_a_missing_age_is_no_reason_to_guess_one(
    asked: Callable[..., Card], birth: dict[str, Any]
) -> None:
    assert is_advice(asked((USUAL, 5.0), patient=birth))


def test_a_dose_that_needs_a_weight_is_refused_by_name_where_none_is_charted(
    asked: Callable[..., Card],
) -> None:
    dose = {"doseQuantity": {"value": 5, "unit": "mg"}}
    draft = BOLUS | {
        "medicationCodeableConcept": {"text": "Metoprolol"},
        "dosageInstruction": [{"route": {"text": "intravenous"}, "doseAndRate": [dose]}],
    }
    card = asked((USUAL, 5.0), draft=draft)
    assert not is_advice(card)
    assert "Record a weight" in (card.detail or "")


@pytest.mark.parametrize("volume_ml", [-500.0, 0.0, 5e6, 1e300])
def test_an_impossible_dose_is_refused(asked: Callable[..., Card], volume_ml: float) -> None:
    dosage = BOLUS["dosageInstruction"][0] | {
        "doseAndRate": [{"doseQuantity": {"value": volume_ml, "unit": "mL"}}]
    }
    card = asked((USUAL, 5.0), draft=BOLUS | {"dosageInstruction": [dosage]})
    assert not is_advice(card)
    assert "not simulated" in card.summary
    said = card.detail or ""
    assert "plausible range" in said or "no positive number" in said
