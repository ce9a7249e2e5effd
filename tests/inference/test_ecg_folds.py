"""A finding of few recordings is cross-validated: who teaches which fold, and what is said of it.

A whole run shows that the steps fit together, not that anything is learnt.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from inference.errors import TrainingDataUnusable
from inference.training.ecg_labels import CODES, PLACE
from inference.training.ecg_run import CONFIGS, generator, read_run, train
from inference.training.ecg_sets import STEP_MV, EcgRecords

pytest.importorskip("torch", reason="torch is only in the training environment")

from inference.training.ecg_folds import (
    Held,
    cross_validated,
    figures,
    folds_of,
    without_fold,
)

CONFIG = """
[data]
[[data.sets]]
stem = "others"
reader = "listed"
licence = "generated"
source = "the generator"

[loop]
kind = "signal"
steps = 2
batch = 4
every = 2

[[variants.fold.data.sets]]
stem = "others"
reader = "listed"
licence = "generated"
source = "the generator"

[[variants.fold.data.sets]]
stem = "held"
reader = "listed"
licence = "generated"
source = "the generator"
"""


def written(folder: Path, name: str, seed: int, stemi: int) -> None:
    """Write 24 generated ECGs as a set: ``stemi`` so called, the rest AF and SB in turn."""
    random, generate = np.random.default_rng(seed), generator()
    leads = np.stack([generate(random)[0] for _ in range(24)])
    np.savez(folder / f"{name}.npz", signal=np.clip(leads / STEP_MV, -3e4, 3e4).astype(np.int16))
    with (folder / f"{name}.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["row", "record", "patient", "samples", "labels", "source_label"])
        for row in range(24):
            rows.writerow(
                [
                    row,
                    f"{name}{row}",
                    "",
                    2500,
                    "STEMI" if row < stemi else ("AF", "SB")[row % 2],
                    "",
                ]
            )


def test_every_fold_has_its_share_of_the_finding_and_too_few_are_refused() -> None:
    ill = np.zeros(50, dtype=np.bool_)
    ill[[3, 9, 10, 20, 30, 33, 40, 49]] = True
    fold = folds_of(ill, 4)
    assert [int(ill[fold == one].sum()) for one in range(4)] == [2, 2, 2, 2]
    assert [int((~ill)[fold == one].sum()) for one in range(4)] == [11, 11, 10, 10]
    with pytest.raises(TrainingDataUnusable, match="9 records"):
        folds_of(ill, 9)


def test_what_is_left_out_never_teaches_and_the_rest_of_its_set_does() -> None:
    targets = np.full((6, len(CODES)), np.nan, dtype=np.float32)
    targets[3:5, PLACE["STEMI"]] = (1.0, 0.0)
    teaches = np.array([True, False, False, False, True, True])
    sets = ("one", "one", "ludb", "ludb", "ludb", "ludb")
    records = EcgRecords(np.zeros((6, 12, 1), np.int16), targets, teaches, tuple("abcdef"), sets)
    held = Held("ludb", "STEMI")
    assert held.rows(records).tolist() == [3, 4]
    found = without_fold(records, held, np.array([4]))
    # Of other sets each record keeps its part.
    assert found.teaches.tolist() == [True, False, True, True, False, True]


def test_the_place_of_each_positive_among_the_negatives_is_said() -> None:
    ill = np.array([True, True, False, False, False, False])
    found = figures(ill, np.array([5.0, 1.5, 1.0, 2.0, 0.0, 0.5]))
    assert found["share_of_negatives_below_each_positive"] == [0.75, 1.0]
    assert found["auroc"]["value"] == pytest.approx(0.875)


def test_the_run_that_begins_has_not_seen_the_set_that_its_folds_learn_from() -> None:
    file = CONFIGS / "ecg_stemi.toml"
    alone, fold = read_run(file), read_run(file, "fold")
    assert "ecg/ludb" not in {one.stem for one in alone.sets}
    assert [one.stem for one in fold.sets] == ["ecg/ludb"]
    assert (alone.loop.kind, fold.loop.kind) == ("signal", "signal")
    assert alone.loop.mixture.generated > 0


def test_a_run_is_judged_alone_and_after_learning_from_the_other_folds(tmp_path: Path) -> None:
    written(tmp_path, "others", 1, 0)
    written(tmp_path, "held", 2, 5)
    config = tmp_path / "run.toml"
    config.write_text(CONFIG, encoding="utf-8")
    base = tmp_path / "runs" / "base"
    train(read_run(config), tmp_path, base, lambda _: None)
    said: list[str] = []
    fold = read_run(config, "fold")
    found = cross_validated(fold, tmp_path, base, Held("held", "STEMI", 2), said.append)
    assert (found["records"], found["positives"], found["folds"]["count"]) == (24, 5, 2)
    assert found["recorded_positives_of_other_sets"] == 0
    assert len(found["folds"]["of_folds"]) == 2
    assert said[0] == "fold 1 of 2: 3 with the finding"
    again = cross_validated(fold, tmp_path, base, Held("held", "STEMI", 2), said.append)
    assert again == found, "the folds' runs are kept, and go on where they stopped"
