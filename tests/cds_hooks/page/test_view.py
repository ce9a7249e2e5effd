"""What the page is told of a patient: everything with unit, basis and age, or why not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from cds_hooks.security.session import ContextItem

if TYPE_CHECKING:
    from tests.cds_hooks.page.conftest import Json, Site

PATIENTS = ("bleeding", "septic", "heart-failure", "stable", "almost-no-data")


@pytest.mark.parametrize("patient", PATIENTS)
def test_every_sample_patient_has_a_page(site: Site, patient: str) -> None:
    view = site.view(patient)
    assert view["state"]["headline"].endswith(".")
    assert view["research"].startswith("Research use only")
    assert view["provenance"]["readings"] == sum(len(sign["points"]) for sign in view["signs"])


def test_a_bleeding_patient_is_understood_from_the_first_sentence(site: Site) -> None:
    view = site.view("bleeding")
    state = view["state"]
    (pressure,) = [each for each in view["signs"] if each["kind"] == "mean arterial pressure"]
    newest = pressure["points"][-1]["value"]
    headline, *beside = (
        words.replace("\N{NO-BREAK SPACE}", " ") for words in (state["headline"], *state["beside"])
    )
    assert headline.startswith(f"MAP {newest:.0f} mmHg (")
    assert "likeliest cause, simulated: blood loss" in headline
    assert state["level"] == "high"
    assert "NEWS2" in state["because"]
    assert any("below 65 mmHg within 1 h" in sentence for sentence in beside)


def test_every_charted_value_has_unit_time_and_source(site: Site) -> None:
    view = site.view("septic")
    at = datetime.fromisoformat(view["at"])
    for sign in view["signs"]:
        assert (
            sign["unit"]
            or sign["points"][0]["said"]
            or "fraction" in sign["kind"]
            or (sign["kind"] in {"arterial pH", "Glasgow coma scale"})
        )
        times = [datetime.fromisoformat(point["at"]) for point in sign["points"]]
        assert times == sorted(times)
        assert times[-1] <= at
        assert all(point["reference"].startswith("Observation/") for point in sign["points"])


def test_the_forecast_is_a_band_around_its_middle_that_begins_in_the_fit(site: Site) -> None:
    twin = site.view("bleeding")["twin"]
    outlook = twin["outlook"]
    assert outlook["timesMin"][0] == 0
    assert outlook["horizonsMin"] == [5, 30, 60, 360]
    estimates = {each["key"]: each for each in twin["estimates"]}
    for each in outlook["bands"]:
        band = each["band"]
        assert len(band["median"]) == len(outlook["timesMin"])
        for low, median, high in zip(band["low"], band["median"], band["high"], strict=True):
            assert low <= median <= high
        fitted = estimates[each["key"]]["value"]["median"]
        assert band["median"][0] == pytest.approx(fitted, rel=1e-3)
        assert each["unit"]
    for event in outlook["events"]:
        assert all(0 <= share <= 1 for share in event["within"])
    assert outlook["sentences"]


def test_the_risk_has_interval_parts_news2_and_what_is_missing(site: Site) -> None:
    risk = site.view("septic")["risk"]
    value = risk["value"]
    assert 0 <= value["low"] <= value["median"] <= value["high"] <= 1
    assert set(risk["parts"]) == {"EfficientNet-B3 alone", "Gradient boosting alone"}
    assert 0 <= risk["news2"] <= 20
    assert risk["missing"]
    assert risk["release"].startswith("deterioration ")
    assert risk["newestAt"]


def test_without_vital_signs_nothing_is_estimated_and_the_reason_is_said(site: Site) -> None:
    view = site.view("almost-no-data")
    assert view["risk"]["value"] is None
    assert "recorded" in view["risk"]["notEstimated"]
    assert view["twin"]["advisable"] is False
    assert view["twin"]["outlook"] is None
    assert view["twin"]["loops"] == []
    assert view["options"] is None
    assert "needs at least a heart rate and an arterial pressure" in view["twin"]["outcome"]


def test_the_banner_is_there_unless_the_ehr_shows_whose_chart_it_is(site: Site) -> None:
    banner = site.view("bleeding", need_patient_banner=True)["banner"]
    assert banner["name"] == "Tomas Redmond"
    assert banner["sex"] == "male"
    assert banner["birth_date"]
    assert banner["identifier"]
    assert site.view("bleeding", need_patient_banner=False)["banner"] is None


def test_options_are_ranked_and_can_be_taken_to_the_workbench(site: Site) -> None:
    view = site.view("bleeding")
    named = {each["name"] for each in view["optionPlans"]}
    assert {each["name"] for each in view["options"]["ranking"]} == named
    assert all(each["items"][0]["kind"] in {"fluid", "infusion"} for each in view["optionPlans"])


def test_every_choice_has_a_range_with_unit_and_source(site: Site) -> None:
    choices = site.view("stable")["choices"]
    assert len({each["key"] for each in choices}) == len(choices) > 35
    for choice in choices:
        amount = choice["amount"]
        assert amount["low"] < amount["high"]
        assert amount["unit"]
        assert amount["source"]


def test_the_curves_are_of_three_circulations(site: Site) -> None:
    loops = site.view("stable")["twin"]["loops"]
    assert [each["name"] for each in loops] == ["low output", "middle", "high output"]
    for each in loops:
        assert len(each["volumeMl"]) == len(each["pressureMmhg"]) > 20


def test_imaging_on_file_is_listed_and_said_to_be_read_by_nets(site: Site) -> None:
    view = site.view("bleeding")
    assert view["imaging"]
    assert "not by a person" in view["imagingNote"]


@pytest.mark.requirement("SM-053")
def test_the_study_that_is_open_in_the_ehr_is_named_and_stands_first(site: Site) -> None:
    (study,) = site.view("bleeding")["imaging"]
    assert study["opened"] is False
    for reference in (study["reference"], f"https://ehr.example/fhir/{study['reference']}"):
        view = site.view("bleeding", fhir_context=(ContextItem(reference),))
        assert view["imaging"][0]["opened"] is True
        assert view["openedElsewhere"] is False


@pytest.mark.requirement("SM-053")
@pytest.mark.parametrize(
    ("item", "elsewhere"),
    [
        (ContextItem("ImagingStudy/septic-chest-radiograph"), True),
        (ContextItem("ImagingStudy/../Patient/septic"), True),
        (ContextItem("ImagingStudy/bleeding-chest-radiograph", role="https://x/other"), False),
        (ContextItem("Observation/1"), False),
        (ContextItem(None), False),
    ],
    ids=["another patient's", "a path", "another role", "no study", "no reference"],
)
def test_no_other_patients_study_is_opened(site: Site, item: ContextItem, elsewhere: bool) -> None:
    view = site.view("bleeding", fhir_context=(item,))
    assert [each["opened"] for each in view["imaging"]] == [False]
    assert view["openedElsewhere"] is elsewhere
    assert "septic" not in str(view["imaging"])


def test_recorded_treatment_is_listed_with_whether_the_twin_knows_it(site: Site) -> None:
    (running,) = site.view("septic")["treatments"]
    assert running["label"].lower().startswith("norepinephrine")
    assert running["simulated"] is True
    assert running["end"] is None
    (other,) = site.view("bleeding")["treatments"]
    assert other["label"] == "Pantoprazole"
    assert other["simulated"] is False
    assert other["whyNot"]


def test_what_could_not_be_read_of_the_chart_is_named(site: Site) -> None:
    scopes = frozenset({"patient/Patient.rs", "patient/Observation.rs?category=vital-signs"})
    view = site.view("bleeding", scopes=scopes)
    missing = " ".join(view["provenance"]["missing"])
    assert "imagingStudies: the access token's scopes do not cover it" in missing
    assert view["mayPropose"] is False
    assert {each["kind"] for each in view["signs"]} >= {"heart rate", "mean arterial pressure"}
    assert "lactate" not in {each["kind"] for each in view["signs"]}


def test_without_the_patient_nothing_is_shown(site: Site) -> None:
    session = site.launched("bleeding", scopes=frozenset({"patient/Observation.rs"}))
    answer = site.get("/app/api/view", session)
    assert answer.status_code == 412
    assert "Patient" in answer.json()["issue"][0]["details"]["text"]


def test_the_patient_of_a_session_that_is_not_there_is_refused(site: Site) -> None:
    session = site.launched("bleeding", patient_id="nobody")
    answer = site.get("/app/api/view", session)
    assert answer.status_code == 412
    assert "nobody" not in answer.text


def test_a_chart_that_changes_has_another_fingerprint(
    site: Site, build: Callable[..., AbstractContextManager[Site]]
) -> None:
    def amended(bundle: Json) -> Json:
        for entry in bundle["entry"]:
            if entry["resource"]["resourceType"] == "Observation":
                entry["resource"]["status"] = "amended"
                break
        return bundle

    before = site.view("septic")["fingerprint"]
    assert site.view("septic")["fingerprint"] == before
    with build(amended) as other:
        assert other.view("septic")["fingerprint"] != before


def test_the_releases_state_all_their_source_attributes(site: Site) -> None:
    answer = site.get("/app/api/releases", site.launched("stable"))
    releases = answer.json()["releases"]
    assert {"deterioration", "vizecgnet"} <= {each["name"] for each in releases}
    for release in releases:
        assert len(release["attributes"]) == 31
        assert all(each["text"] for each in release["attributes"])
        assert release["digest"].startswith("sha256:")


def test_numbers_of_the_view_are_finite(site: Site) -> None:
    def numbers(value: Any) -> list[float]:
        if isinstance(value, dict):
            return [one for each in value.values() for one in numbers(each)]
        if isinstance(value, list):
            return [one for each in value for one in numbers(each)]
        return [value] if isinstance(value, float) else []

    # JSON has no NaN: what is not a number would have become null, and so a missing member.
    view = site.view("heart-failure")
    assert len(numbers(view["twin"])) > 300
    assert all(each["value"]["median"] is not None for each in view["twin"]["estimates"])
