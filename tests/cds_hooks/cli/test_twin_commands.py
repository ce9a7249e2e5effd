"""``cardiotwin twin``: fits, forecasts, plans, pictures from files; oddities are named outcomes.

Every answer is one JSON object without a NaN; what allows no advice gives none.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from cds_hooks.cli import twin

HEADER = (
    "time,heart_rate_per_min,systolic_pressure_mmhg,diastolic_pressure_mmhg,"
    "oxygen_saturation_percent,respiratory_rate_per_min,temperature_celsius\n"
)
EARLIER = "2026-03-01T09:00,78,128,74,97,16,36.7\n"
BLEEDING = "2026-03-01T11:00,116,84,52,96,25,36.5\n"
SEPTIC = "2026-03-01T11:00,118,88,40,92,28,38.9\n"
MAN = ("--age", "60", "--sex", "male", "--weight", "80", "--height", "178")

Run = Callable[..., tuple[int, dict[str, Any]]]


def no_constant(name: str) -> float:
    raise AssertionError(f"{name} is no figure")


@pytest.fixture(scope="session")
def application() -> typer.Typer:
    made = typer.Typer()
    made.callback()(lambda: None)
    twin.register(made)
    return made


@pytest.fixture
def run(application: typer.Typer, tmp_path: Path) -> Run:
    def asked(command: str, rows: str, *options: str) -> tuple[int, dict[str, Any]]:
        path = tmp_path / "vitals.csv"
        path.write_text(HEADER + rows, encoding="utf-8")
        done = CliRunner().invoke(application, ["twin", command, str(path), "--json", *options])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, json.loads(done.stdout, parse_constant=no_constant)

    return asked


def test_a_fit_gives_estimates_with_their_intervals(run: Run) -> None:
    status, found = run("fit", EARLIER + BLEEDING, *MAN)
    assert status == 0
    assert found["advice"]
    output = found["estimates"]["cardiac_output"]
    assert 0.0 < output["low"] < output["value"] < output["high"] < 20.0
    assert output["unit"] == "L/min"
    assert any("research" in sentence for sentence in found["sentences"])


def test_a_fit_names_the_likeliest_cause_of_trouble(run: Run) -> None:
    _, found = run("fit", EARLIER + SEPTIC, *MAN)
    assert found["causes"]["in_trouble"]
    assert next(iter(found["causes"]["probabilities"])) == "vasoplegia, as in sepsis"


def test_the_probabilities_of_the_causes_sum_to_one(run: Run) -> None:
    _, found = run("fit", EARLIER + BLEEDING, *MAN)
    shares = [each["probability"] for each in found["causes"]["probabilities"].values()]
    assert sum(shares) == pytest.approx(1.0, abs=0.002)
    assert shares == sorted(shares, reverse=True)


def test_a_forecast_holds_the_probability_of_each_event(run: Run) -> None:
    status, found = run("forecast", EARLIER + BLEEDING, "--horizon", "30 min", *MAN)
    assert status == 0
    assert found["forecast"]["horizon_s"] == 1800.0
    assert all(0.0 <= p["probability"] <= 1.0 for p in found["forecast"]["probabilities"].values())
    _, before = run("forecast", EARLIER, "--horizon", "30 min", *MAN)
    fallen, well = (
        each["forecast"]["probabilities"]["HYPOTENSION"]["probability"] for each in (found, before)
    )
    assert fallen > max(0.1, 3.0 * well)


def test_plans_are_ranked_and_the_one_that_harms_is_never_best(run: Run) -> None:
    bolus, bleeding = "crystalloid 1000 mL over 15 min", "bleeding 100 mL/min for 10 min"
    _, found = run("simulate", EARLIER + BLEEDING, "--do", bleeding, "--do", bolus, *MAN)
    plans = {each["plan"]: each for each in found["comparison"]["plans"]}
    assert plans[bolus]["change"]["mean_pressure"]["value"] > 0.0
    assert plans[bleeding]["change"]["mean_pressure"]["value"] < 0.0
    assert not plans[bleeding]["good"]
    assert found["comparison"]["best"] == bolus


def test_no_good_option_is_an_answer(run: Run) -> None:
    _, found = run("simulate", EARLIER + BLEEDING, "--do", "metoprolol 5 mg iv", *MAN)
    assert found["comparison"]["best"] is None
    assert found["comparison"]["verdict"].startswith("No good option")


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        ("2026-03-01T11:00,116,52,84,96,25,36.5\n", "CONTRADICTORY"),
        ("2026-03-01T11:00,0,84,52,96,25,36.5\n", "TOO_LITTLE"),
        ("2026-03-01T11:00,,84,52,96,25,36.5\n", "TOO_LITTLE"),
    ],
)
@pytest.mark.parametrize("command", ["fit", "forecast", "simulate"])
def test_what_allows_no_advice_is_a_named_outcome(
    run: Run, command: str, row: str, outcome: str
) -> None:
    status, found = run(command, row, *MAN)
    assert status == 0
    assert found["outcome"] == outcome
    assert not found["advice"]
    assert found["estimates"] == {}
    assert not any(found.get(part) for part in ("forecast", "comparison"))


def test_a_heart_rate_of_0_is_set_aside_with_a_sentence(run: Run) -> None:
    _, found = run("fit", "2026-03-01T11:00,0,84,52,96,25,36.5\n", *MAN)
    assert any("heart rate of 0 is not possible" in sentence for sentence in found["sentences"])


def test_rows_out_of_order_give_the_same_fit_and_a_sentence(run: Run) -> None:
    _, orderly = run("fit", EARLIER + BLEEDING, *MAN)
    _, shuffled = run("fit", BLEEDING + EARLIER, *MAN)
    assert shuffled["estimates"] == orderly["estimates"]
    assert any("goes back" in sentence for sentence in shuffled["sentences"])


def test_after_a_jump_of_the_clock_the_past_does_not_count(run: Run) -> None:
    _, alone = run("fit", "2026-03-04T11:00,80,122,72,97,15,36.8\n", *MAN)
    _, jumped = run("fit", BLEEDING + "2026-03-04T11:00,80,122,72,97,15,36.8\n", *MAN)
    assert jumped["estimates"] == alone["estimates"]
    assert any("The clock jumps: 72 h" in sentence for sentence in jumped["sentences"])


def test_without_weight_and_age_the_fit_stands_and_they_stay_unknown(run: Run) -> None:
    status, found = run("fit", EARLIER + BLEEDING)
    assert status == 0
    assert found["advice"]
    assert found["body"] == dict.fromkeys(("age_years", "sex", "weight_kg", "height_cm"))


def test_a_dose_by_weight_without_a_weight_is_a_named_outcome(run: Run) -> None:
    status, found = run("simulate", EARLIER + BLEEDING, "--do", "metoprolol 5 mg iv")
    assert status == 2
    assert found["outcome"] == "CANNOT_BE_SIMULATED"
    assert "weight" in found["sentence"]


def test_an_impossible_dose_is_refused_with_the_range(run: Run) -> None:
    status, found = run("simulate", EARLIER, "--do", "norepinephrine 50 µg/kg/min", *MAN)
    assert status == 2
    assert found["outcome"] == "IMPLAUSIBLE_DOSE"
    assert not found["advice"]
    assert "0.005 to 3" in found["sentence"]


@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        (("--weight", "8000"), "UNREADABLE"),
        (("--sex", "m"), "UNREADABLE"),
        (("--at", "noon"), "UNREADABLE"),
    ],
)
def test_a_body_or_time_that_cannot_be_is_refused(
    run: Run, options: tuple[str, ...], outcome: str
) -> None:
    status, found = run("fit", EARLIER, *options)
    assert status == 2
    assert found["outcome"] == outcome


@pytest.mark.parametrize("horizon", ["soon", "0 min", "300 h"])
def test_a_horizon_that_cannot_be_simulated_is_refused(run: Run, horizon: str) -> None:
    status, found = run("forecast", EARLIER, "--horizon", horizon)
    assert status == 2
    assert found["outcome"] == "NOT_UNDERSTOOD"


def test_a_file_that_is_not_there_is_refused(application: typer.Typer) -> None:
    done = CliRunner().invoke(application, ["twin", "fit", "nowhere.csv", "--json"])
    assert done.exit_code == 2
    assert json.loads(done.stdout)["outcome"] == "UNREADABLE"


def test_nothing_after_the_instant_that_is_asked_about_counts(run: Run) -> None:
    _, found = run("fit", EARLIER + BLEEDING, "--at", "2026-03-01T09:30", *MAN)
    assert found["estimates"]["heart_rate"]["value"] < 90.0


@pytest.mark.parametrize("ending", [".png", ".svg"])
def test_a_picture_is_written(run: Run, tmp_path: Path, ending: str) -> None:
    picture = tmp_path / f"twin{ending}"
    plan = ("--do", "crystalloid 500 mL over 15 min")
    status, found = run(
        "plot", EARLIER + BLEEDING, "--output", str(picture), "--horizon", "10 min", *plan, *MAN
    )
    assert status == 0
    assert found["picture"] == str(picture)
    if ending == ".png":
        with Image.open(picture) as drawn:
            assert len(drawn.convert("L").getcolors(256) or []) > 20
    else:
        text = picture.read_text(encoding="utf-8")
        assert text.count("<path") > 20


def test_no_picture_is_drawn_of_a_fit_that_allows_no_advice(run: Run, tmp_path: Path) -> None:
    picture = tmp_path / "twin.png"
    _, found = run("plot", "2026-03-01T11:00,116,52,84,96,25,36.5\n", "--output", str(picture))
    assert found["picture"] is None
    assert not picture.exists()


def test_without_json_a_person_reads_tables(application: typer.Typer, tmp_path: Path) -> None:
    path = tmp_path / "vitals.csv"
    path.write_text(HEADER + EARLIER + BLEEDING, encoding="utf-8")
    done = CliRunner().invoke(application, ["twin", "fit", str(path), *MAN])
    assert done.exit_code == 0
    for words in ("cardiac output", "90 %", "blood loss", "Would tell", "not validated"):
        assert words in " ".join(done.stdout.split())


def bundle(*observations: dict[str, Any]) -> dict[str, Any]:
    patient = {"resourceType": "Patient", "id": "p1", "gender": "male", "birthDate": "1966-03-01"}
    resources = [patient, *observations]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": resource} for resource in resources],
    }


def seen(code: str, value: float, unit: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o-{code}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-03-01T11:00:00Z",
        "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": unit},
    }


VITAL_SIGNS = (
    seen("8867-4", 116, "/min"),
    seen("8480-6", 84, "mm[Hg]"),
    seen("8462-4", 52, "mm[Hg]"),
    seen("59408-5", 96, "%"),
    seen("9279-1", 25, "/min"),
    seen("29463-7", 80, "kg"),
)


def test_a_bundle_says_age_sex_weight_and_vital_signs(
    application: typer.Typer, tmp_path: Path
) -> None:
    path = tmp_path / "chart.json"
    path.write_text(json.dumps(bundle(*VITAL_SIGNS)), encoding="utf-8")
    done = CliRunner().invoke(application, ["twin", "fit", str(path), "--json"])
    found = json.loads(done.stdout, parse_constant=no_constant)
    assert done.exit_code == 0
    assert found["advice"]
    assert found["body"]["weight_kg"] == 80.0
    assert found["body"]["age_years"] == pytest.approx(60.0, abs=0.1)
    assert found["at"] == "2026-03-01T11:00:00+00:00"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "no Observation"),
        (json.dumps(bundle()), "no Observation"),
        (
            json.dumps(bundle({**VITAL_SIGNS[0], "subject": {"reference": "Patient/p2"}})),
            "several",
        ),
    ],
)
def test_a_bundle_that_cannot_be_read_is_refused(
    application: typer.Typer, tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "chart.json"
    path.write_text(text, encoding="utf-8")
    done = CliRunner().invoke(application, ["twin", "fit", str(path), "--json"])
    assert done.exit_code == 2
    assert says in json.loads(done.stdout)["sentence"]


def given(code: str, display: str, dosage: dict[str, Any], start: str, end: str | None) -> Any:
    period = {"start": start} if end is None else {"start": start, "end": end}
    return {
        "resourceType": "MedicationAdministration",
        "id": f"m-{code}",
        "status": "in-progress" if end is None else "completed",
        "subject": {"reference": "Patient/p1"},
        "medicationCodeableConcept": {"text": display},
        "effectivePeriod": period,
        "dosage": dosage,
    }


NOREPINEPHRINE = given(
    "ne",
    "norepinephrine",
    {"rateQuantity": {"value": 0.2, "unit": "ug/kg/min", "code": "ug/kg/min"}},
    "2026-03-01T08:00:00Z",
    None,
)


def asked_of_bundle(
    application: typer.Typer, folder: Path, command: str, *options: str, chart: Any
) -> tuple[int, dict[str, Any]]:
    path = folder / "chart.json"
    path.write_text(json.dumps(bundle(*chart)), encoding="utf-8")
    done = CliRunner().invoke(application, ["twin", command, str(path), "--json", *options])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, json.loads(done.stdout, parse_constant=no_constant)


def test_a_bundles_recorded_treatment_is_known_to_the_fit_and_to_every_plan(
    application: typer.Typer, tmp_path: Path
) -> None:
    _, alone = asked_of_bundle(application, tmp_path, "fit", chart=VITAL_SIGNS)
    _, treated = asked_of_bundle(
        application, tmp_path, "fit", chart=(*VITAL_SIGNS, NOREPINEPHRINE)
    )
    assert alone["recorded_treatment"] == []
    (running,) = treated["recorded_treatment"]
    assert running["what"].startswith("norepinephrine 0.2")
    assert running["until"] is None
    stop = ("--do", "stop norepinephrine")
    _, stopped = asked_of_bundle(
        application, tmp_path, "simulate", *stop, chart=(*VITAL_SIGNS, NOREPINEPHRINE)
    )
    (plan,) = stopped["comparison"]["plans"]
    assert plan["change"]["mean_pressure"]["value"] < -5.0
    status, refused = asked_of_bundle(application, tmp_path, "simulate", *stop, chart=VITAL_SIGNS)
    assert status == 2
    assert refused["outcome"] == "CANNOT_BE_SIMULATED"


def test_treatment_of_a_bundle_that_is_not_understood_is_named(
    application: typer.Typer, tmp_path: Path
) -> None:
    unknown = given("x", "grandmother's tea", {"text": "a cup"}, "2026-03-01T08:00:00Z", None)
    _, found = asked_of_bundle(application, tmp_path, "fit", chart=(*VITAL_SIGNS, unknown))
    assert any("is not simulated" in sentence for sentence in found["sentences"])
    others = {**NOREPINEPHRINE, "subject": {"reference": "Patient/p2"}}
    _, found = asked_of_bundle(
        application, tmp_path, "fit", "--subject", "p1", chart=(*VITAL_SIGNS, others)
    )
    assert found["recorded_treatment"] == []


def test_a_csv_and_a_bundle_of_the_same_patient_give_the_same_answers(
    run: Run, application: typer.Typer, tmp_path: Path
) -> None:
    row = "2026-03-01T11:00,116,84,52,96,25,\n"
    man = ("--age", "60", "--sex", "male", "--weight", "80")
    plan = ("--do", "crystalloid 500 mL over 15 min")
    for command, options in (("fit", ()), ("forecast", ()), ("simulate", plan)):
        _, csv = run(command, row, *options, *man)
        _, fhir = asked_of_bundle(
            application, tmp_path, command, *options, *man, chart=VITAL_SIGNS
        )
        assert fhir["estimates"] == csv["estimates"]
        for part in ("forecast", "comparison", "causes"):
            assert fhir.get(part) == csv.get(part)


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ((seen("8480-6", 52, "mm[Hg]"), seen("8462-4", 84, "mm[Hg]")), "CONTRADICTORY"),
        ((seen("8867-4", 0, "/min"),), "TOO_LITTLE"),
    ],
    ids=["systolic below diastolic", "no beating heart"],
)
@pytest.mark.parametrize("command", ["fit", "forecast", "simulate"])
def test_what_allows_no_advice_is_a_named_outcome_of_a_bundle_too(
    application: typer.Typer, tmp_path: Path, command: str, changed: tuple[Any, ...], outcome: str
) -> None:
    ids = {each["id"] for each in changed}
    chart = [each for each in VITAL_SIGNS if each["id"] not in ids] + list(changed)
    status, found = asked_of_bundle(application, tmp_path, command, chart=chart)
    assert status == 0
    assert found["outcome"] == outcome
    assert not found["advice"]
    assert found["estimates"] == {}
    assert not any(found.get(part) for part in ("forecast", "comparison"))


def test_a_bundle_in_another_order_gives_the_same_fit(
    application: typer.Typer, tmp_path: Path
) -> None:
    earlier = [
        {**each, "id": f"{each['id']}-1", "effectiveDateTime": "2026-03-01T09:00:00Z"}
        for each in VITAL_SIGNS
    ]
    _, orderly = asked_of_bundle(application, tmp_path, "fit", chart=[*earlier, *VITAL_SIGNS])
    _, shuffled = asked_of_bundle(application, tmp_path, "fit", chart=[*VITAL_SIGNS, *earlier])
    assert shuffled["estimates"] == orderly["estimates"]


def test_after_a_jump_of_the_clock_the_past_of_a_bundle_does_not_count(
    application: typer.Typer, tmp_path: Path
) -> None:
    long_ago = [
        {**each, "id": f"{each['id']}-1", "effectiveDateTime": "2026-02-26T11:00:00Z"}
        for each in VITAL_SIGNS[:4]
    ]
    _, alone = asked_of_bundle(application, tmp_path, "fit", chart=VITAL_SIGNS)
    _, jumped = asked_of_bundle(application, tmp_path, "fit", chart=[*long_ago, *VITAL_SIGNS])
    assert jumped["estimates"] == alone["estimates"]
    assert any("The clock jumps: 72 h" in sentence for sentence in jumped["sentences"])


def test_without_weight_and_age_the_fit_of_a_bundle_stands_and_they_stay_unknown(
    application: typer.Typer, tmp_path: Path
) -> None:
    path = tmp_path / "chart.json"
    chart = {"resourceType": "Bundle", "entry": [{"resource": r} for r in VITAL_SIGNS[:5]]}
    path.write_text(json.dumps(chart), encoding="utf-8")
    done = CliRunner().invoke(application, ["twin", "fit", str(path), "--json"])
    found = json.loads(done.stdout, parse_constant=no_constant)
    assert done.exit_code == 0
    assert found["advice"]
    assert found["body"] == dict.fromkeys(("age_years", "sex", "weight_kg", "height_cm"))


def test_an_impossible_dose_for_a_bundles_patient_is_refused_with_the_range(
    application: typer.Typer, tmp_path: Path
) -> None:
    dose = ("--do", "norepinephrine 50 µg/kg/min")
    status, found = asked_of_bundle(application, tmp_path, "simulate", *dose, chart=VITAL_SIGNS)
    assert status == 2
    assert found["outcome"] == "IMPLAUSIBLE_DOSE"
    assert "0.005 to 3" in found["sentence"]


INPUTS = "subject,start_minute,end_minute,item,amount,amount_unit,rate,rate_unit,kind\n"
LONG = "subject,minute,channel,value\n" + "".join(
    f"7,240,{channel},{value}\n"
    for channel, value in (
        ("heart_rate", 96),
        ("nbp_systolic", 92),
        ("nbp_diastolic", 50),
        ("spo2", 96),
    )
)


def test_a_csvs_recorded_treatment_comes_from_a_file_beside_it(
    application: typer.Typer, tmp_path: Path
) -> None:
    vitals, inputs = tmp_path / "vitals.csv", tmp_path / "inputs.csv"
    vitals.write_text(LONG, encoding="utf-8")
    rate = "7,60,300,Norepinephrine,,,0.2,mcg/kg/min,rate\n"
    inputs.write_text(INPUTS + rate, encoding="utf-8")
    beside = ("--inputs", str(inputs), "--weight", "80")
    done = CliRunner().invoke(application, ["twin", "fit", str(vitals), "--json", *beside])
    found = json.loads(done.stdout, parse_constant=no_constant)
    (running,) = found["recorded_treatment"]
    assert running["what"].startswith("norepinephrine 0.2")
    dated = tmp_path / "dated.csv"
    dated.write_text(HEADER + EARLIER, encoding="utf-8")
    done = CliRunner().invoke(application, ["twin", "fit", str(dated), "--json", *beside])
    assert done.exit_code == 2
    assert "counts minutes" in json.loads(done.stdout)["sentence"]
