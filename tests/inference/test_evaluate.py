"""``cardiotwin evaluate trajectories`` on a small invented set in the layout of PhysioNet 2012."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from cds_hooks.cli import evaluate
from inference.core.trajectory import Trajectory
from inference.errors import TrainingDataUnusable
from inference.training.physionet2012 import read_stays

StayMaker = Callable[..., Trajectory]
OUTCOMES = "RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death"


@pytest.fixture
def files(tmp_path: Path, make_stay: StayMaker) -> tuple[Path, Path]:
    """Write forty invented stays, a quarter of them dying and on the whole sicker."""
    random = np.random.default_rng(5)
    events, outcomes = tmp_path / "events.csv.gz", tmp_path / "outcomes.csv"
    with gzip.open(events, "wt", newline="") as one, outcomes.open("w", newline="") as two:
        rows, ends = csv.writer(one), csv.writer(two)
        rows.writerow(["record", "minute", "parameter", "value"])
        ends.writerow(OUTCOMES.split(","))
        for record in range(1, 41):
            died = record % 4 == 0
            beats = float(random.normal(112 if died else 84, 14))
            stay = make_stay(
                {"HR": beats, "NISysABP": 200 - beats, "GCS": 8.0 if died else 15.0},
                {"BUN": 60.0 if died else 15.0},
                seed=record,
            )
            for name, value in (("Age", 70), ("Gender", -1), ("Height", -1), ("ICUType", 3)):
                rows.writerow([record, 0, name, value])
            rows.writerows([record, int(e.minute), e.parameter, e.value] for e in stay.events)
            ends.writerow([record, -1, -1, 5, -1, int(died)])
    return events, outcomes


def run(*arguments: str) -> tuple[int, str]:
    application = typer.Typer()
    evaluate.register(application)
    application.callback()(lambda: None)
    result = CliRunner().invoke(application, ["evaluate", "trajectories", *arguments])
    return result.exit_code, result.stdout


def test_the_figures_come_as_one_object_with_the_release_first(
    files: tuple[Path, Path],
) -> None:
    code, printed = run(*map(str, files), "--json")
    assert code == 0
    found = json.loads(printed)
    assert (found["records"], found["deaths"]) == (40, 10)
    assert list(found)[2:7] == ["auroc", "auprc", "event1", "brier", "calibration"]
    assert {"efficientnet_b3", "gradient_boosting_fusion"} <= set(found["models"])
    assert {"news2", "gradient_boosting"} <= set(found["baselines"])
    assert found["auroc"]["low"] <= found["auroc"]["value"] <= found["auroc"]["high"]
    assert found["auroc"]["value"] > 0.8
    assert sum(one["records"] for one in found["calibration"]["bins"]) == 40
    assert found["records_seen_in_training"] == 0


def test_a_file_out_of_layout_is_bad_input(tmp_path: Path, files: tuple[Path, Path]) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("record,value\n1,2\n", encoding="utf-8")
    code, printed = run(str(wrong), str(files[1]), "--json")
    assert (code, printed) == (2, "")


def test_minus_one_is_unknown_and_not_a_measurement(files: tuple[Path, Path]) -> None:
    stay = read_stays(*files)[0]
    age, sex, height, weight, unit = stay.columns.facts
    assert (age, unit) == (70.0, 3.0)
    assert np.isnan([sex, height, weight]).all()
    assert np.isnan([stay.outcome.saps, stay.outcome.sofa]).all()


def test_a_stay_without_events_is_kept_and_read_as_empty(files: tuple[Path, Path]) -> None:
    with files[1].open("a", encoding="utf-8") as out:
        out.write("99,-1,-1,3,-1,0\n")
    last = read_stays(*files)[-1]
    assert (last.record, len(last.columns.value)) == (99, 0)


@pytest.mark.parametrize(("text", "line"), [("1,2,HR,fast", 2), ("one,2,HR,80", 2), ("1,2,HR", 2)])
def test_a_line_that_cannot_be_read_is_named(
    tmp_path: Path, files: tuple[Path, Path], text: str, line: int
) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(f"record,minute,parameter,value\n{text}\n", encoding="utf-8")
    with pytest.raises(TrainingDataUnusable, match=rf"wrong\.csv, line {line}"):
        read_stays(wrong, files[1])
