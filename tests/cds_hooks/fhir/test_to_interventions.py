"""Which draft orders become interventions, and with which words the others are refused."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_hooks.errors import WrongPatient
from cds_hooks.fhir.to_interventions import OrderedIntervention, Orders, orders_of
from cds_hooks.fhir.to_measurements import PatientFacts
from cds_hooks.fhir.treatments import ATC, RXNORM, SNOMED
from twin.core.interventions import (
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Infusion,
    Intervention,
    Oxygen,
    Route,
    schedule,
)
from twin.core.parameters import Body

ADULT = PatientFacts("p1", 60, "male", 180, 80)
UNWEIGHED = PatientFacts("p1", 60, "male", 180, None)
INTRAVENOUS = {"coding": [{"system": SNOMED, "code": "47625008"}]}


def amount(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def medication(
    text: str | None,
    dose_and_rate: dict[str, Any] | None = None,
    *,
    coding: tuple[tuple[str, str], ...] = (),
    route: object = INTRAVENOUS,
    dosage: dict[str, Any] | None = None,
    **members: Any,
) -> dict[str, Any]:
    instruction = {"route": route, **(dosage or {})}
    if dose_and_rate is not None:
        instruction["doseAndRate"] = [dose_and_rate]
    order = {
        "resourceType": "MedicationRequest",
        "id": "draft-1",
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
        "medicationCodeableConcept": {
            "coding": [{"system": system, "code": code} for system, code in coding],
            "text": text,
        },
        "dosageInstruction": [instruction],
    }
    return order | members


def service(text: str, quantity: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    order = {
        "resourceType": "ServiceRequest",
        "id": "draft-1",
        "status": "draft",
        "intent": "order",
        "code": {"text": text},
        "quantityQuantity": quantity,
    }
    return order | members


def read(order: object, facts: PatientFacts = ADULT) -> Orders:
    return orders_of([msgspec.Raw(json.dumps(order).encode())], facts)


def understood(order: object, facts: PatientFacts = ADULT) -> OrderedIntervention:
    orders = read(order, facts)
    assert orders.not_understood == ()
    return orders.understood[0]


def reason(order: object, facts: PatientFacts = ADULT) -> str:
    orders = read(order, facts)
    assert orders.understood == ()
    return orders.not_understood[0].reason


ML_500 = {"doseQuantity": amount(500, "mL")}
IN_15_MIN = {
    "rateRatio": {"numerator": amount(500, "mL"), "denominator": amount(15, "min")},
}


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (
            medication("Sodium chloride 0.9 %", ML_500 | IN_15_MIN),
            Fluid(FluidKind.CRYSTALLOID, 500, 900),
        ),
        (
            medication(
                None, ML_500 | {"rateQuantity": amount(1000, "mL/h")}, coding=((ATC, "B05BB01"),)
            ),
            Fluid(FluidKind.CRYSTALLOID, 500, 1800),
        ),
        (
            medication(
                "Ringer's lactate",
                ML_500,
                dosage={"timing": {"repeat": {"duration": 0.5, "durationUnit": "h"}}},
            ),
            Fluid(FluidKind.CRYSTALLOID, 500, 1800),
        ),
        (
            medication("Plasma-Lyte 148", dosage={"text": "1 L over 1 hour"}),
            Fluid(FluidKind.CRYSTALLOID, 1000, 3600),
        ),
        (
            medication("Albumin 5 %", {"doseQuantity": amount(250, "mL")} | IN_15_MIN),
            Fluid(FluidKind.ALBUMIN, 250, 450),
        ),
        (
            medication("Norepinephrine", {"rateQuantity": amount(0.05, "ug/kg/min")}),
            Infusion(Drug.NOREPINEPHRINE, 0.05),
        ),
        (
            medication("Noradrenaline", {"rateQuantity": amount(8, "ug/min")}),
            Infusion(Drug.NOREPINEPHRINE, 0.1),
        ),
        (
            medication(None, {"rateQuantity": amount(4.8, "mg/h")}, coding=((RXNORM, "7512"),)),
            Infusion(Drug.NOREPINEPHRINE, 1.0),
        ),
        (
            medication("Norepinephrine", dosage={"text": "0.05 mcg/kg/min, continuous"}),
            Infusion(Drug.NOREPINEPHRINE, 0.05),
        ),
        (
            medication("Norepinephrine", dosage={"text": "0.05 microgram per kg and minute"}),
            Infusion(Drug.NOREPINEPHRINE, 0.05),
        ),
        (
            medication("Esmolol", {"doseQuantity": amount(0.5, "mg/kg")}),
            DrugDose(Drug.ESMOLOL, 40, Route.INTRAVENOUS),
        ),
        (
            medication("Metoprolol", {"doseQuantity": amount(5, "mg")}),
            DrugDose(Drug.METOPROLOL, 5, Route.INTRAVENOUS),
        ),
        (
            medication("Metoprolol 5 mg intravenous", route=None),
            DrugDose(Drug.METOPROLOL, 5, Route.INTRAVENOUS),
        ),
        (
            medication(
                "Furosemide 40 MG Oral Tablet", {"doseQuantity": amount(40, "mg")}, route=None
            ),
            DrugDose(Drug.FUROSEMIDE, 40, Route.ORAL),
        ),
        (
            medication("Furosemid", {"doseQuantity": amount(0.04, "g")}, route={"text": "p.o."}),
            DrugDose(Drug.FUROSEMIDE, 40, Route.ORAL),
        ),
        (
            service("Red blood cells", amount(1, "{unit}")),
            Fluid(FluidKind.RED_CELLS, 300, 1800),
        ),
        (
            medication("1000 ML Sodium Chloride 9 MG/ML Injection", ML_500 | IN_15_MIN),
            Fluid(FluidKind.CRYSTALLOID, 500, 900),
        ),
        (
            medication(
                "10 ML Furosemide 10 MG/ML Injection",
                {"doseQuantity": amount(4, "mL")},
                coding=((RXNORM, "1719286"),),
            ),
            DrugDose(Drug.FUROSEMIDE, 40, Route.INTRAVENOUS),
        ),
        (service("Oxygen therapy", amount(2, "L/min")), Oxygen(0.28)),
        (service("Oxygen therapy", amount(15, "L/min")), Oxygen(0.9)),
        (service("Oxygen", amount(40, "%")), Oxygen(0.4)),
        (
            {
                "resourceType": "DeviceRequest",
                "id": "d",
                "codeCodeableConcept": {"text": "Oxygen mask"},
                "parameter": [{"valueQuantity": amount(60, "%")}],
            },
            Oxygen(0.6),
        ),
    ],
)
def test_orders_that_the_twin_can_simulate(order: object, expected: Intervention) -> None:
    found = understood(order).intervention
    assert type(found) is type(expected)
    for name in expected.__dataclass_fields__:
        value = getattr(expected, name)
        near = pytest.approx(value) if isinstance(value, float | int) else value
        assert getattr(found, name) == near
    schedule((found,), Body(60, "male", 80, 180))


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (medication("Vancomycin 1 g in sodium chloride 0.9 % 250 mL"), "not modelled"),
        (medication("Glucose 5 %", ML_500), "not modelled"),
        (medication("Sodium chloride 3 %", ML_500, coding=((RXNORM, "9863"),)), "isotonic"),
        (medication(None, ML_500, coding=((RXNORM, "9863"),)), "strength of the sodium chloride"),
        (medication("Sodium chloride 0.9 % with potassium chloride", ML_500), "something else"),
        (medication("Albumin 20 %", {"doseQuantity": amount(100, "mL")}), "about 5 %"),
        (
            medication("Metoprolol succinate ER", {"doseQuantity": amount(50, "mg")}),
            "slow-release",
        ),
        (
            medication("Metoprolol 50 MG / hydrochlorothiazide 12.5 MG Oral Tablet"),
            "combinations",
        ),
        (
            medication(
                "Metoprolol", {"doseQuantity": amount(5, "mg")}, coding=((RXNORM, "4603"),)
            ),
            "code and its words",
        ),
        (
            medication(None, coding=((RXNORM, "6918"), (ATC, "C03CA01"))),
            "two different treatments",
        ),
        (medication("Metoprolol and furosemide"), "two different treatments"),
        (medication("Metoprolol", {"doseQuantity": amount(5, "mg")}, route=None), "route is not"),
        (
            medication("Furosemide", {"doseQuantity": amount(5, "mg")}, route={"text": "nasal"}),
            "only intravenous, oral and sublingual",
        ),
        (medication("Furosemide 40 MG Oral Tablet", route=None), "no single dose"),
        (medication("Metoprolol"), "no single dose"),
        (
            medication("Metoprolol", {"doseRange": {"low": amount(2, "mg")}}),
            "a range, not one number",
        ),
        (medication("Metoprolol", {"doseQuantity": amount(5, "mmol")}), "unit of the dose"),
        (medication("Metoprolol", {"doseQuantity": {"value": 5}}), "unit of the dose"),
        (medication("Metoprolol", {"doseQuantity": amount(-5, "mg")}), "no positive number"),
        (medication("Metoprolol", {"doseQuantity": {"value": "5"}}), "no positive number"),
        (
            medication(
                "Metoprolol", {"doseQuantity": amount(5, "mg")}, dosage={"text": "50 mg once"}
            ),
            "text and the structured dose differ",
        ),
        (
            medication("Norepinephrine", {"rateQuantity": amount(10, "mL/h")}),
            "the concentration is not given",
        ),
        (medication("Norepinephrine", {"rateQuantity": amount(10, "ug")}), "no time in its unit"),
        (medication("Sodium chloride 0.9 %"), "no volume"),
        (medication("Sodium chloride 0.9 %", {"doseQuantity": amount(5, "mg")}), "no volume"),
        (service("Oxygen therapy"), "neither an inspired fraction nor a flow"),
        (service("Oxygen therapy", amount(40, "L/min")), "high flow"),
        (service("Chest X-ray"), "not modelled"),
        (service("Exchange of red cells", amount(1, "{unit}")), "not modelled"),
        ({"resourceType": "NutritionOrder", "id": "n"}, "this type are not simulated"),
        (medication("Metoprolol", doNotPerform=True), "shall not be done"),
        (medication("Norepinephrine", status="completed"), "its status is completed"),
        (medication("Insulin", status="stopped"), "not modelled"),
        (medication("Metoprolol", status=["draft"]), "not in the shape of FHIR R4"),
        (medication("Metoprolol", dosageInstruction=[{}, {}]), "several dosage steps"),
        (
            medication(
                None,
                medicationCodeableConcept=None,
                medicationReference={"reference": "Medication/7"},
            ),
            "only referred to",
        ),
    ],
)
def test_what_is_not_understood_is_said_and_not_guessed(order: object, words: str) -> None:
    assert words in reason(order)


@pytest.mark.parametrize(
    "order",
    [
        medication("Esmolol", {"doseQuantity": amount(0.5, "mg/kg")}),
        medication("Norepinephrine", {"rateQuantity": amount(8, "ug/min")}),
        medication("Sodium chloride 0.9 %", {"doseQuantity": amount(30, "mL/kg")}),
    ],
)
def test_without_a_weight_a_dose_that_needs_one_is_not_simulated(order: object) -> None:
    assert understood(order)
    assert "no body weight is recorded" in reason(order, UNWEIGHED)


class TestAssumptions:
    def test_a_bolus_without_a_time_is_said_to_run_a_quarter_of_an_hour(self) -> None:
        order = understood(medication("Sodium chloride 0.9 %", ML_500))
        assert order.assumption == "it is given over 15 min, since no time is written"
        assert order.intervention == Fluid(FluidKind.CRYSTALLOID, 500, 900)

    def test_a_large_volume_takes_longer(self) -> None:
        order = understood(
            medication("Sodium chloride 0.9 %", {"doseQuantity": amount(30, "mL/kg")})
        )
        assert order.intervention == Fluid(FluidKind.CRYSTALLOID, 2400, 4320)

    def test_a_repeated_dose_is_said_to_be_simulated_once(self) -> None:
        timing = {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}
        order = medication(
            "Metoprolol", {"doseQuantity": amount(5, "mg")}, dosage={"timing": timing}
        )
        assert understood(order).assumption == "only the first dose is simulated"

    def test_as_needed_is_said(self) -> None:
        order = medication(
            "Metoprolol", {"doseQuantity": amount(5, "mg")}, dosage={"asNeededBoolean": True}
        )
        assert "ordered as needed" in (understood(order).assumption or "")

    def test_what_says_everything_assumes_nothing(self) -> None:
        assert (
            understood(medication("Sodium chloride 0.9 %", ML_500 | IN_15_MIN)).assumption is None
        )


def test_the_strength_of_a_contained_mixture_turns_ml_per_hour_into_a_dose() -> None:
    mixture = {
        "resourceType": "Medication",
        "id": "mix",
        "code": {"text": "Norepinephrine 4 mg in 250 mL"},
        "ingredient": [
            {
                "itemCodeableConcept": {"text": "Norepinephrine"},
                "strength": {"numerator": amount(4, "mg"), "denominator": amount(250, "mL")},
            }
        ],
    }
    order = medication(
        None,
        {"rateQuantity": amount(15, "mL/h")},
        medicationCodeableConcept=None,
        medicationReference={"reference": "#mix"},
        contained=[mixture],
    )
    assert understood(order).intervention == Infusion(Drug.NOREPINEPHRINE, pytest.approx(0.05))


class TestLabels:
    def test_the_label_is_the_prescribers_name_with_the_dose(self) -> None:
        order = understood(medication("Metoprolol", {"doseQuantity": amount(5, "mg")}))
        assert order.label == "Metoprolol, 5 mg intravenous"

    def test_a_name_that_holds_the_dose_is_left_as_it_is(self) -> None:
        order = understood(medication("Sodium chloride 0.9 % 500 mL", ML_500 | IN_15_MIN))
        assert order.label == "Sodium chloride 0.9 % 500 mL"

    def test_the_reference_is_the_one_of_selections_and_delete_actions(self) -> None:
        order = medication(
            "Metoprolol", {"doseQuantity": amount(5, "mg")}, meta={"versionId": "1"}
        )
        assert understood(order).reference == "MedicationRequest/draft-1"


def test_one_bad_draft_costs_no_other() -> None:
    good = medication("Metoprolol", {"doseQuantity": amount(5, "mg")})
    raws = [msgspec.Raw(b"{"), msgspec.Raw(json.dumps(good).encode()), msgspec.Raw(b"null")]
    orders = orders_of(raws, ADULT)
    assert len(orders.understood) == 1
    assert len(orders.not_understood) == 2


@pytest.mark.requirement("CH-058")
def test_a_draft_for_another_patient_stops_the_call() -> None:
    other = medication("Metoprolol", subject={"reference": "Patient/p2"})
    with pytest.raises(WrongPatient):
        read(other)


def test_refused_orders_move_to_those_not_understood() -> None:
    orders = read(medication("Metoprolol", {"doseQuantity": amount(5, "mg")}))
    moved = orders.checked(lambda order: f"{order.reference} is implausible")
    assert moved.understood == ()
    assert moved.not_understood[0].reason == "MedicationRequest/draft-1 is implausible"
    assert orders.checked(lambda _: None) == orders


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["value", "unit", "code", "coding", "text", "repeat", "doseQuantity"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(
    member=st.sampled_from(
        ["dosageInstruction", "medicationCodeableConcept", "contained", "status", "subject"]
    ),
    value=_json,
)
def test_a_draft_of_any_shape_is_understood_or_refused_in_words(
    member: str, value: object
) -> None:
    order = medication("Metoprolol", {"doseQuantity": amount(5, "mg")}) | {member: value}
    try:
        text = json.dumps(order, allow_nan=False)
    except ValueError:
        return
    orders = orders_of([msgspec.Raw(text.encode())], ADULT)
    assert len(orders.understood) + len(orders.not_understood) == 1


@settings(max_examples=200, deadline=None)
@given(
    value=st.floats(0.01, 5000),
    unit=st.sampled_from(["ug/kg/min", "mg/kg/h", "ug/min", "mg/h", "mg/d", "ng/kg/min"]),
)
def test_every_spelling_of_a_rate_is_the_same_mass_per_weight_and_time(
    value: float, unit: str
) -> None:
    order = understood(medication("Norepinephrine", {"rateQuantity": amount(value, unit)}))
    assert isinstance(order.intervention, Infusion)
    ug = {"ug": 1, "mg": 1000, "ng": 1e-3}[unit.split("/")[0]]
    minutes = {"min": 1, "h": 60, "d": 1440}[unit.rsplit("/", maxsplit=1)[-1]]
    weight = 1 if "/kg" in unit else 80
    assert order.intervention.rate == pytest.approx(value * ug / minutes / weight)
