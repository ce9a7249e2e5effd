"""``deterioration-risk``: what a clinician reads when opening the chart."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
from anyio import run
from fhir.resources.R4B.riskassessment import RiskAssessment

from cds_hooks.services.deterioration_risk import DeteriorationRisk
from cds_hooks.services.patient_twin import PatientTwins
from cds_hooks.services.service import Chart, HookCall
from cds_hooks.services.speaker import Speaker
from cds_hooks.wire.response import Card, CreateAction, Indicator
from inference.releases.library import ReleaseLibrary
from inference.runtimes.onnx import OnnxRuntime
from twin.core.causes import CauseWeigher
from twin.store.emulator_file import read_cause_emulator

MakeCall = Callable[..., HookCall]


@pytest.fixture(scope="session")
def runtime() -> OnnxRuntime:
    return OnnxRuntime(ReleaseLibrary(), threads=1)


@pytest.fixture
def service(twins: PatientTwins, runtime: OnnxRuntime) -> DeteriorationRisk:
    release = ReleaseLibrary().load("deterioration")
    speaker = Speaker("https://cardiotwin.example/documentation", "https://app.example/launch")
    return DeteriorationRisk(twins, runtime, release, speaker, CauseWeigher(read_cause_emulator()))


def answered(service: DeteriorationRisk, call: HookCall) -> tuple[Card, ...]:
    return run(service.cards, call)


@pytest.mark.requirement("CH-078")
def test_an_unremarkable_patient_brings_no_card(
    service: DeteriorationRisk, call: MakeCall
) -> None:
    assert answered(service, call("stable", "patient-view")) == ()


@pytest.mark.parametrize(("name", "cause"), [("septic", "vasoplegia")])
def test_a_card_of_a_patient_in_trouble_names_the_likeliest_cause(
    service: DeteriorationRisk, call: MakeCall, name: str, cause: str
) -> None:
    (card,) = answered(service, call(name, "patient-view"))
    detail = card.detail or ""
    assert f"**Likeliest cause, simulated**: **{cause}" in detail
    assert "not validated on patients" in detail


@pytest.mark.parametrize("name", ["bleeding", "septic", "heart-failure"])
def test_a_patient_in_trouble_brings_a_risk_with_interval_basis_and_age(
    service: DeteriorationRisk, call: MakeCall, name: str
) -> None:
    (card,) = answered(service, call(name, "patient-view"))
    detail = card.detail or ""
    assert card.indicator in {Indicator.WARNING, Indicator.CRITICAL}
    assert "NEWS2" in card.summary
    assert "90 % interval" in detail
    assert "PhysioNet/CinC 2012" in detail
    assert "simulated, not observed" in detail
    assert " ago" in detail


def test_what_is_foreseen_stands_with_every_horizon_beside_the_present_values(
    service: DeteriorationRisk, call: MakeCall
) -> None:
    (card,) = answered(service, call("septic", "patient-view"))
    detail = card.detail or ""
    (row,) = [line for line in detail.splitlines() if line.startswith("| MAP below 65")]
    cells = [cell.strip() for cell in row.split("|")[2:-1]]
    assert "mmHg (" in cells[0]
    assert "so already" in cells[0]
    assert len(cells) == 5
    assert all(cell.endswith(" %") for cell in cells[1:])
    assert "shock is not calibrated" in detail
    assert "NEWS2 is" in detail


def test_too_little_data_is_said_and_no_number_given(
    service: DeteriorationRisk, call: MakeCall
) -> None:
    (card,) = answered(service, call("almost-no-data", "patient-view"))
    assert "not estimated" in card.summary
    assert "%" not in card.summary


def test_a_child_gets_no_estimate_from_a_model_of_adults(
    service: DeteriorationRisk, call: MakeCall
) -> None:
    asked = call("septic", "patient-view")
    patient = json.loads(bytes(asked.chart.resources["patient"][0]))
    patient["birthDate"] = "2016-01-01"
    resources = dict(asked.chart.resources)
    resources["patient"] = (msgspec.Raw(json.dumps(patient).encode()),)
    (card,) = answered(service, replace(asked, chart=Chart(resources, {})))
    assert "younger than 18" in (card.detail or "")


def test_the_estimate_can_be_recorded_with_its_basis_as_a_percentage(
    service: DeteriorationRisk, call: MakeCall
) -> None:
    (card,) = answered(service, call("septic", "patient-view"))
    (suggestion,) = card.suggestions
    (action,) = suggestion.actions
    assert isinstance(action, CreateAction)
    recorded = RiskAssessment.model_validate_json(bytes(action.resource))
    (prediction,) = recorded.prediction
    shown = card.summary.split("hospital ")[1].split(" %")[0]
    assert round(float(prediction.probabilityDecimal)) == int(shown)
    assert recorded.status == "preliminary"
    assert recorded.basis


@pytest.mark.requirement("CH-131")
def test_the_link_to_the_app_carries_nothing_of_the_patient(
    service: DeteriorationRisk, call: MakeCall
) -> None:
    asked = call("septic", "patient-view")
    (card,) = answered(service, asked)
    (link,) = card.links
    assert link.app_context == str(card.uuid)
    assert asked.context.patient_id not in (link.app_context or "") + link.url


@pytest.mark.requirement("CH-137")
def test_guidance_is_given_anew_when_the_encounter_starts_and_ends(
    service: DeteriorationRisk, call: MakeCall
) -> None:
    for hook in ("encounter-start", "encounter-discharge"):
        (card,) = answered(service, call("septic", hook, encounterId="e1"))
        assert "NEWS2" in card.summary
