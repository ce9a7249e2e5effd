"""ECG releases judged: only what a set annotates is scored, and means need enough positives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.core.release import ReleasedModel, release_from
from inference.core.viz_ecg import LOG_ODDS, PAGE, STRIP_SIGNALS
from inference.training import ecg_evaluation
from inference.training.ecg_comparison import relative_change
from inference.training.ecg_evaluation import Said
from inference.training.ecg_generator import generated
from inference.training.ecg_sets import LabelledStem

LABELS = ("NORM", "AF", "SB")


@pytest.fixture
def make_release(release_document: dict[str, Any]) -> Any:
    def make(task: str) -> ReleasedModel:
        threshold = {"value": 0.5, "sensitivity": 0.9, "specificity": 0.9}
        return release_from(
            {
                **release_document,
                "task": task,
                "labels": list(LABELS),
                "thresholds": dict.fromkeys(LABELS, threshold),
                "calibration": {"slope": 1.0, "offset": [0.0, 0.0, 0.0]},
            }
        )

    return make


def stem_of(labels: list[set[str]]) -> LabelledStem:
    steps = np.random.default_rng(0).integers(-100, 100, (len(labels), 12, 2500))
    return LabelledStem(steps.astype(np.int16), tuple(map(frozenset, labels)), ({},) * len(labels))


def test_a_label_that_no_record_carries_or_no_release_knows_is_not_scored(
    make_release: Any,
) -> None:
    stem = stem_of([{"AF"}, {"NORM"}, {"BRUGADA"}, set()])
    said = Said(make_release("ecg-page"), np.full((4, 3), 0.2))
    found = ecg_evaluation.figures(stem, {"one": said}, "one")
    assert set(found["labels"]) == {"AF", "NORM"}
    assert found["records"] == 4


def test_abnormal_is_judged_by_not_being_normal(make_release: Any) -> None:
    stem = stem_of([{"ABN"}] * 3 + [{"NORM"}] * 3)
    probability = np.tile([[0.1, 0.0, 0.0]], (6, 1))
    probability[3:, 0] = 0.9
    found = ecg_evaluation.figures(
        stem, {"one": Said(make_release("ecg-page"), probability)}, "one"
    )
    assert found["labels"]["ABN"]["auroc"]["value"] == 1.0
    assert found["labels"]["ABN"]["recall"] == 1.0


def test_figures_of_a_label_are_those_counted_by_hand() -> None:
    truth = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    said = np.array([0.9, 0.8, 0.3, 0.7, 0.2, 0.1, 0.1, 0.0])
    found = ecg_evaluation.label_figures(truth, said, 0.5)
    assert found["positives"] == 3
    assert found["precision"] == pytest.approx(2 / 3)
    assert found["recall"] == pytest.approx(2 / 3)
    assert found["f1"] == pytest.approx(2 / 3)
    assert found["auroc"]["value"] == pytest.approx(14 / 15)


def test_the_macro_mean_leaves_out_labels_with_few_positives() -> None:
    truth = np.repeat([1.0, 0.0], 30)
    good = ecg_evaluation.label_figures(truth, truth, 0.5)
    bad = {**ecg_evaluation.label_figures(truth, 1 - truth, 0.5), "positives": 19}
    found = ecg_evaluation.macro({"AF": good, "ST": bad})
    assert found["labels"] == ["AF"]
    assert found["auroc"] == 1.0


def test_without_enough_positives_the_macro_is_unknown() -> None:
    one = ecg_evaluation.label_figures(np.array([1.0, 0.0]), np.array([0.9, 0.1]), 0.5)
    assert ecg_evaluation.macro({"AF": one})["auroc"] is None


@pytest.mark.parametrize(
    ("task", "via", "array"),
    [("ecg-signal", "image", STRIP_SIGNALS), ("ecg-page", "image", PAGE)],
)
def test_each_release_is_shown_what_it_reads(
    make_release: Any, task: str, via: ecg_evaluation.Via, array: str
) -> None:
    release = make_release(task)
    seen: list[Mapping[str, NDArray[Any]]] = []

    def run(_: ReleasedModel, batch: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        seen.append(batch)
        return {LOG_ODDS: np.zeros((len(batch[array]), 3))}

    random = np.random.default_rng(1)
    steps = np.stack([generated(random, code).ecg.leads_mv / 0.005 for code in ("AF", "NORM")])
    stem = replace(stem_of([{"AF"}, {"NORM"}]), steps=steps.astype(np.int16))
    said = ecg_evaluation.read_set(stem, via, [release], run, lambda _: None)
    assert np.allclose(said[release.name].probability, 0.5)
    assert set(seen[0]) == ({PAGE} if array == PAGE else {"strips", "leads"})


def test_a_page_that_is_not_found_is_counted_and_not_scored(make_release: Any) -> None:
    probability = np.array([[0.9, 0.1, 0.0], [np.nan] * 3, [0.1, 0.9, 0.0]])
    stem = stem_of([{"NORM"}, {"AF"}, {"AF"}])
    said = Said(make_release("ecg-page"), probability)
    found = ecg_evaluation.figures(stem, {"one": said}, "one")
    assert found["not_read"] == 1
    assert found["labels"]["AF"]["positives"] == 1


def test_a_release_with_one_more_right_call_is_ahead_by_that_share(make_release: Any) -> None:
    truth = np.r_[np.ones(20), np.zeros(20)]
    stem = stem_of([{"AF"} if one else {"NORM"} for one in truth])
    better, worse = (np.tile((1 - truth)[:, None], (1, 3)) for _ in range(2))
    better[:, 1] = np.r_[np.ones(20), np.zeros(20)]
    worse[:, 1] = np.r_[np.ones(10), np.zeros(30)]
    one, other = (Said(make_release("ecg-page"), said) for said in (better, worse))
    found = relative_change(stem, one, other)
    # Recall of AF 1 against 1/2, of NORM 1 against 1: means 1 and 3/4.
    assert found["recall"]["value"] == pytest.approx(1 / 3)
    assert found["recall"]["low"] > 0
    assert found["precision"]["value"] == pytest.approx(0.0)
    same = relative_change(stem, one, one)
    assert (same["f1"]["low"], same["f1"]["high"]) == (0.0, 0.0)
