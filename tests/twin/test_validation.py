"""The targets as data, how values are graded, and what the tuning may see."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from cds_hooks.cli import bench_twin, validate
from twin.core.haemodynamics import Quantity
from twin.core.interventions import schedule
from twin.core.measurements import Device
from twin.core.parameters import PARAMETER_INDEX, standard_adult
from twin.validation.grading import Grade, counts, grade
from twin.validation.report import UnknownScenario, report
from twin.validation.runner import STANDARD_BODY, simulated_values
from twin.validation.targets import ReadAt, Reading, Row, load_targets
from twin.validation.tuning import TUNED, loss

TARGETS = load_targets()


def _row(reading: Reading, low: float | None = None, high: float | None = None) -> Row:
    return Row("rest", "heart_rate", 60.0, reading, low, high, "", "by hand", "fitted")


def test_every_row_belongs_to_a_scenario_and_names_its_source() -> None:
    for row in TARGETS.rows:
        assert row.scenario in TARGETS.scenarios
        assert row.source
        assert (row.low is None) == (row.reading in ("rises", "falls"))
        assert row.at_s <= TARGETS.scenarios[row.scenario].duration_s


def test_at_least_a_third_of_the_rows_is_held_out() -> None:
    held_out = [row for row in TARGETS.rows if row.use == "held_out"]
    assert len(held_out) >= len(TARGETS.rows) / 3


@pytest.mark.parametrize(
    ("scenario", "quantity"),
    [
        ("haemorrhage_curve", "cardiac_output"),
        ("norepinephrine_septic", "cardiac_output"),
        ("phenylephrine_2", "heart_rate"),
    ],
)
def test_the_rows_that_other_engines_fail_are_held_out(scenario: str, quantity: str) -> None:
    uses = {
        row.use for row in TARGETS.rows if (row.scenario, row.quantity) == (scenario, quantity)
    }
    assert uses == {"held_out"}


def test_every_scenario_is_plausible_for_the_standard_body() -> None:
    for scenario in TARGETS.scenarios.values():
        schedule(scenario.interventions, STANDARD_BODY)
        patient = TARGETS.patients[scenario.patient]
        assert set(patient.factors) | set(patient.values) <= set(PARAMETER_INDEX)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (100.0, Grade.GOOD),
        (109.0, Grade.GOOD),
        (111.0, Grade.FAIR),
        (131.0, Grade.POOR),
        (89.0, Grade.FAIR),
        (float("nan"), Grade.POOR),
        (None, Grade.NOT_MODELLED),
    ],
)
def test_a_level_is_good_within_a_tenth_and_fair_within_three_tenths(
    value: float | None, expected: Grade
) -> None:
    assert grade(_row("level", 100.0, 100.0), value).grade is expected


def test_a_band_is_judged_from_its_nearer_edge() -> None:
    assert grade(_row("level", 60.0, 100.0), 55.0).error == pytest.approx(5 / 60)
    assert grade(_row("level", 60.0, 100.0), 80.0).error == 0.0


@pytest.mark.parametrize(
    ("percent_of_before", "expected"),
    [(103.0, Grade.GOOD), (100.2, Grade.FAIR), (95.0, Grade.POOR)],
)
def test_the_wrong_direction_is_poor_and_no_change_is_fair(
    percent_of_before: float, expected: Grade
) -> None:
    assert grade(_row("rises"), percent_of_before).grade is expected


def test_rows_that_cannot_be_simulated_are_not_counted() -> None:
    row = _row("level", 100.0, 100.0)
    assert counts([grade(row, None), grade(row, 100.0)]) == {
        "rows": 1,
        "good": 1,
        "fair": 0,
        "poor": 0,
        "good_fraction": 1.0,
    }


def test_a_source_reads_its_pressures_in_one_place() -> None:
    places: dict[str, set[ReadAt | None]] = {}
    for row in TARGETS.rows:
        places.setdefault(row.source, set()).add(row.read_at)
    assert all(len(found) == 1 for found in places.values())
    assert sum(found != {None} for found in places.values()) > 10


def test_a_cuff_shows_a_higher_systolic_pressure_and_an_aortic_row_does_not_change() -> None:
    row = Row("rest", "systolic_pressure", 60.0, "level", 0.0, 1.0, "", "by hand", "fitted")
    at_arm = replace(row, read_at=ReadAt(Device.CUFF, 25.0))
    output = replace(row, quantity="cardiac_output")
    at_arm_too = replace(output, read_at=ReadAt(Device.CUFF, 25.0))
    found = simulated_values(TARGETS, [row, at_arm, output, at_arm_too], standard_adult()[:, None])
    aorta, arm = float(found[row][0]), float(found[at_arm][0])
    assert 4.0 < arm - aorta < 15.0
    assert found[output][0] == found[at_arm_too][0]


def test_tuning_stays_within_the_parameter_table_and_rewards_the_middle_of_a_band() -> None:
    assert set(TUNED) <= set(PARAMETER_INDEX)
    band = _row("level", 60.0, 100.0)
    losses = loss(band, np.array([80.0, 100.0, 130.0]))
    assert losses[0] == 0.0
    assert 0.0 < losses[1] < losses[2]


@pytest.fixture(scope="module")
def printed() -> Mapping[str, Any]:
    # The group's own parser, as `cardiotwin validate twin` reaches it.
    import typer

    application = typer.Typer()
    validate.register(application)
    done = CliRunner().invoke(
        application,
        ["validate", "twin", "--json", "--scenario", "rest", "--scenario", "phenylephrine_2"],
    )
    assert done.exit_code == 0, done.output
    found: Mapping[str, Any] = json.loads(done.stdout)
    return found


def test_validate_twin_prints_one_object_with_counts_and_a_line_per_row(
    printed: Mapping[str, Any],
) -> None:
    assert printed["rows"] == printed["good"] + printed["fair"] + printed["poor"]
    assert printed["fitted"]["rows"] + printed["held_out"]["rows"] == printed["rows"]
    assert len(printed["table"]) == printed["rows"] + printed["not_modelled"]
    line = printed["table"][0]
    assert {"scenario", "quantity", "target", "value", "grade", "use", "source"} <= set(line)


def test_rows_of_drugs_are_simulated_and_graded(printed: Mapping[str, Any]) -> None:
    lines = [line for line in printed["table"] if line["scenario"] == "phenylephrine_2"]
    assert len(lines) == 3
    assert all(line["value"] is not None and line["grade"] != "not modelled" for line in lines)


def test_no_scenario_waits_for_a_model_of_it() -> None:
    assert not [name for name, each in TARGETS.scenarios.items() if each.lacks is not None]


def test_an_unknown_scenario_is_refused_by_name() -> None:
    with pytest.raises(UnknownScenario, match="no scenario moon"):
        report(frozenset({"moon"}))


def test_bench_twin_prints_cases_and_peers_of_one_run() -> None:
    import typer

    application = typer.Typer()
    bench_twin.register(application)
    application.callback()(lambda: None)
    done = CliRunner().invoke(application, ["twin", "--json", "--turns", "1"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    case = found["cases"]["ensemble_256x60s"]
    assert {"p50_ms", "p99_ms", "threads", "realtime_factor"} <= set(case)
    assert case["threads"] == 1
    assert "scipy_lsoda_1x60s" in found["peers"]
    torch = found["peers"]["torch_eager_256x1s"]
    assert torch["p50_ms"] is not None or torch["reason"]


def test_quantities_have_units_and_clinical_names() -> None:
    for quantity in Quantity:
        assert quantity.unit
        assert quantity.clinical_name
