"""What is written: valid R4, marked as research by a machine, and understood when it returns."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.fhir.from_twin import (
    StatedRisk,
    Statement,
    draft_order,
    model_device,
    risk_assessment,
    simulated_effect,
    twin_state,
)
from cds_hooks.fhir.to_interventions import orders_of
from cds_hooks.fhir.to_measurements import PatientFacts
from twin.core.fit import Interval
from twin.core.haemodynamics import Quantity
from twin.core.interventions import (
    INFUSION_RATE,
    SINGLE_DOSE,
    Bleeding,
    Compressions,
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Infusion,
    Insult,
    InsultKind,
    Intervention,
    Oxygen,
    Route,
    Setting,
    SettingKind,
)

ADULT = PatientFacts("p1", 60, "male", 180, 80)
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
STATEMENT = Statement(
    "p1",
    NOW,
    "Device/twin",
    "twin@sha256:0",
    (
        "Observation/1/_history/2",
        "Observation/1/_history/2",
        "Observation/2/_history/updated-20261121",
        "Observation (without id)",
    ),
)
INTERVENTIONS: list[Intervention] = [
    Fluid(FluidKind.CRYSTALLOID, 500, 900),
    Fluid(FluidKind.ALBUMIN, 250, 1800),
    Fluid(FluidKind.RED_CELLS, 300, 1800),
    Infusion(Drug.NOREPINEPHRINE, 0.05),
    Infusion(Drug.ESMOLOL, 50),
    DrugDose(Drug.METOPROLOL, 5, Route.INTRAVENOUS),
    DrugDose(Drug.METOPROLOL, 50, Route.ORAL),
    DrugDose(Drug.FUROSEMIDE, 40, Route.INTRAVENOUS),
    DrugDose(Drug.AMIODARONE, 150, Route.INTRAVENOUS, 600),
    DrugDose(Drug.NITROGLYCERIN, 0.4, Route.SUBLINGUAL),
    Oxygen(0.4),
    Setting(SettingKind.END_EXPIRATORY_PRESSURE, 10),
    Setting(SettingKind.PACING, 80),
    *(Infusion(drug, usual.low * 4) for drug, usual in INFUSION_RATE.items()),
    *(DrugDose(drug, usual.low * 2, way) for (drug, way), usual in SINGLE_DOSE.items()),
]


def is_valid_r4(resource: dict[str, Any]) -> None:
    get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    assert json.loads(json.dumps(resource, allow_nan=False)) == resource


@pytest.mark.requirement("CH-119", "CH-122")
@pytest.mark.parametrize("intervention", INTERVENTIONS)
def test_a_draft_order_is_a_whole_resource_that_orders_nothing_yet(
    intervention: Intervention,
) -> None:
    order = draft_order(intervention, ADULT, encounter_id="e1", requester="Practitioner/1")
    is_valid_r4(order)
    assert (order["status"], order["intent"]) == ("draft", "proposal")
    assert order["subject"] == {"reference": "Patient/p1"}
    assert order["encounter"] == {"reference": "Encounter/e1"}
    assert order["requester"] == {"reference": "Practitioner/1"}
    assert "Research use only" in order["note"][0]["text"]
    assert order["meta"]["security"][0]["code"] == "AIAST"
    assert "id" not in order


@pytest.mark.parametrize("intervention", INTERVENTIONS)
def test_a_proposed_order_is_understood_as_the_same_intervention(
    intervention: Intervention,
) -> None:
    order = draft_order(intervention, ADULT)
    orders = orders_of([msgspec.Raw(json.dumps(order).encode())], ADULT)
    assert orders.not_understood == ()
    back = orders.understood[0].intervention
    assert type(back) is type(intervention)
    for name in intervention.__dataclass_fields__:
        value = getattr(intervention, name)
        near = pytest.approx(value, rel=1e-3) if isinstance(value, float | int) else value
        assert getattr(back, name) == near
    assert orders.understood[0].assumption is None


@given(volume_ml=st.floats(10, 4000), duration_s=st.floats(60, 86400))
def test_any_fluid_survives_the_way_out_and_back(volume_ml: float, duration_s: float) -> None:
    order = draft_order(Fluid(FluidKind.CRYSTALLOID, volume_ml, duration_s), ADULT)
    orders = orders_of([msgspec.Raw(json.dumps(order).encode())], ADULT)
    back = orders.understood[0].intervention
    assert isinstance(back, Fluid)
    assert back.volume_ml == pytest.approx(volume_ml, rel=1e-3)
    assert back.duration_s == pytest.approx(duration_s, rel=1e-3)


def test_one_patients_draft_never_names_another() -> None:
    bolus = INTERVENTIONS[0]
    first = draft_order(bolus, ADULT)
    second = draft_order(bolus, PatientFacts("p2", None, None, None, None))
    assert first["subject"]["reference"] == "Patient/p1"
    assert second["subject"]["reference"] == "Patient/p2"


@pytest.mark.parametrize(
    "befalls",
    [
        Bleeding(10, 60),
        Insult(InsultKind.EMBOLISM, 0.5),
        Compressions(100, 5),
        Setting(SettingKind.TILT, 60),
    ],
)
def test_nobody_orders_what_befalls_a_patient(befalls: Intervention) -> None:
    with pytest.raises(ValueError, match="no order"):
        draft_order(befalls, ADULT)


def test_nobody_orders_for_nobody() -> None:
    with pytest.raises(ValueError, match="id of its patient"):
        draft_order(INTERVENTIONS[0], PatientFacts(None, None, None, None, None))


CHANGE = {
    Quantity.MEAN_PRESSURE: Interval(6.123456, 2.2, 10.4),
    Quantity.SYSTEMIC_RESISTANCE: Interval(0.1, 0.05, 0.2),
}


class TestStatements:
    @pytest.mark.parametrize(("fraction", "percent"), [(0.31, 31.0), (0.0031, 0.31), (1.0, 100.0)])
    def test_r4_writes_a_probability_as_a_percentage(
        self, fraction: float, percent: float
    ) -> None:
        risk = StatedRisk(
            "in_hospital_death", "Death in hospital", Interval(fraction, 0, fraction), None
        )
        written = risk_assessment([risk], STATEMENT)
        is_valid_r4(written)
        prediction = written["prediction"][0]
        assert prediction["probabilityDecimal"] == pytest.approx(percent)
        assert prediction["extension"][0]["valueRange"]["high"]["value"] == pytest.approx(percent)
        assert "end" not in prediction["whenPeriod"]

    def test_a_simulated_risk_ends_with_its_horizon(self) -> None:
        until = NOW + timedelta(minutes=30)
        risk = StatedRisk("shock", "Simulated shock", Interval(0.2, 0.1, 0.3), until)
        written = risk_assessment([risk], STATEMENT)
        assert written["prediction"][0]["whenPeriod"]["end"] == "2026-11-21T09:30:00+00:00"

    def test_the_basis_is_every_resource_once_and_only_what_can_be_resolved(self) -> None:
        written = twin_state(CHANGE, STATEMENT)
        assert written["derivedFrom"] == [
            {"reference": "Observation/1/_history/2"},
            {"reference": "Observation/2"},
        ]

    def test_a_state_is_preliminary_and_uses_no_code_of_a_measurement(self) -> None:
        written = twin_state(CHANGE, STATEMENT)
        is_valid_r4(written)
        assert written["status"] == "preliminary"
        assert "loinc" not in json.dumps(written)
        component = written["component"][0]
        assert component["valueQuantity"]["value"] == 6.123
        assert component["valueQuantity"]["code"] == "mm[Hg]"
        assert component["valueQuantity"]["unit"] == "mmHg"

    def test_an_effect_names_the_order_the_horizon_and_the_value_it_leads_to(self) -> None:
        after = {Quantity.MEAN_PRESSURE: Interval(67.3, 60, 75)}
        order = {"display": "Sodium chloride 0.9 %, 500 mL in 15 min"}
        written = simulated_effect(CHANGE, after, 1800, order, STATEMENT)
        is_valid_r4(written)
        assert written["focus"] == [order]
        assert written["extension"][0]["valueDuration"]["value"] == 30
        led_to = written["component"][0]["extension"][0]["valueQuantity"]
        assert led_to["value"] == 67.3
        assert "extension" not in written["component"][1]

    def test_the_device_is_known_by_the_digest_of_its_release(self) -> None:
        device = model_device("CardioTwin twin", "0.1.0", "sha256:0")
        is_valid_r4(device)
        assert device["identifier"][0]["value"] == "sha256:0"

    def test_a_statement_shows_no_patient_when_printed(self) -> None:
        assert "p1" not in repr(STATEMENT)
