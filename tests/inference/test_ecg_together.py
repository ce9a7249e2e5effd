"""Two releases read one page: when they speak together, what they say, where they disagree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from inference.core.ecg_together import mean_probability, pair_of, said_together
from inference.core.image_reading import ImageKind, ImageReading, LeadsToRead
from inference.core.release import ReleasedModel, Threshold, joint_digest
from inference.core.viz_ecg import ACTIVATION, EMBEDDING, LOG_ODDS, probabilities
from inference.reader.process import ReadingProcess
from inference.releases.library import ReleaseLibrary
from inference.training.ecg_evaluation import Said, with_pairs

NEVER = Threshold(1.0, 0.0, 1.0)


@pytest.fixture(scope="module")
def first() -> ReleasedModel:
    release = ReleaseLibrary().load("vizecgnet")
    thresholds = {**release.thresholds, "NORM": Threshold(0.5, 0.8, 0.8), "STEMI": NEVER}
    return replace(release, thresholds=thresholds)


@pytest.fixture(scope="module")
def second(first: ReleasedModel) -> ReleasedModel:
    thresholds = dict.fromkeys(first.labels, NEVER)
    thresholds |= {"NORM": Threshold(0.4, 0.8, 0.8), "STEMI": Threshold(0.3, 0.9, 0.9)}
    measured = {
        "with": first.digest,
        "used": True,
        "threshold": {"value": 0.45, "sensitivity": 0.9, "specificity": 0.85},
    }
    return replace(
        first,
        name="second",
        digest="0" * 64,
        limits={},
        thresholds=thresholds,
        evidence={"together": measured},
        calibration={**first.calibration, "offset": np.zeros(len(first.labels))},
    )


def says(release: ReleasedModel, rows: int, columns: int, **log_odds: float) -> dict[str, Any]:
    """Return outputs with these log-odds, all of each from one corner of the map."""
    found = np.full((1, len(release.labels)), -6.0, dtype=np.float32)
    for code, value in log_odds.items():
        found[0, release.labels.index(code)] = value
    maps = np.zeros((1, len(release.labels), rows, columns), dtype=np.float32)
    maps[0, :, 0, 0] = found[0]
    return {LOG_ODDS: found, ACTIVATION: maps, EMBEDDING: np.zeros((1, 64), dtype=np.float32)}


def chance(release: ReleasedModel, outputs: dict[str, Any], code: str) -> float:
    slope, offset = float(release.calibration["slope"]), release.calibration["offset"]
    said = probabilities(outputs[LOG_ODDS], slope, offset)[0]
    return float(said[release.labels.index(code)])


def test_a_second_release_is_heard_only_where_its_evidence_says_it_helps_this_first(
    first: ReleasedModel, second: ReleasedModel
) -> None:
    assert pair_of(first, second) is not None
    assert pair_of(second, first) is None
    assert pair_of(replace(first, digest="1" * 64), second) is None
    measured = {**second.evidence["together"], "used": False}  # type: ignore[dict-item]
    unhelpful = replace(second, evidence={"together": measured})
    assert pair_of(first, unhelpful) is None
    one = says(first, 20, 42, NORM=2.0)
    alone = said_together(first, one, unhelpful, says(second, 5, 11, NORM=-9.0))
    normal = next(each for each in alone.findings if each.code == "NORM")
    assert normal.probability == pytest.approx(chance(first, one, "NORM"))


def test_a_page_unlike_what_taught_the_second_is_read_by_the_first_alone(
    first: ReleasedModel, second: ReleasedModel
) -> None:
    one, other = says(first, 20, 42, NORM=2.0), says(second, 5, 11, NORM=-9.0)
    strict = replace(second, limits={"strangest": 0.0})
    said = said_together(first, one, strict, other)
    assert [each.code for each in said.findings] == list(first.labels)
    assert said.doubts == ()


def test_together_is_the_mean_of_calibrated_log_odds_and_abnormal_is_the_rest(
    first: ReleasedModel, second: ReleasedModel
) -> None:
    one, other = says(first, 20, 42, NORM=2.5), says(second, 5, 11, NORM=1.0)
    findings = {each.code: each for each in said_together(first, one, second, other).findings}
    odds = [
        np.log(p / (1 - p)) for p in (chance(first, one, "NORM"), chance(second, other, "NORM"))
    ]
    assert findings["NORM"].probability == pytest.approx(1 / (1 + np.exp(-np.mean(odds))))
    assert findings["ABN"].probability == pytest.approx(1 - findings["NORM"].probability)
    assert findings["NORM"].called
    assert not findings["ABN"].called


def test_what_speaks_against_normal_is_shown_where_both_nets_see_it(
    first: ReleasedModel, second: ReleasedModel
) -> None:
    one, other = says(first, 20, 42, NORM=-3.0), says(second, 5, 11, NORM=-4.0)
    one[ACTIVATION] = np.roll(one[ACTIVATION], (13, 30), axis=(2, 3))
    other[ACTIVATION] = np.roll(other[ACTIVATION], (3, 7), axis=(2, 3))
    said = said_together(first, one, second, other)
    (shown,) = [each for each in said.activations if each.code == "ABN"]
    values = np.frombuffer(shown.values, np.uint8).reshape(shown.rows, shown.columns)
    assert (shown.rows, shown.columns) == (20, 42)
    assert values[13, 30] == values.max()
    assert values[12:16, 27:30].min() > 0
    assert values[:12].max() == 0
    abnormal = next(each for each in said.findings if each.code == "ABN")
    assert abnormal.called


def test_merely_abnormal_is_told_after_what_it_is(
    first: ReleasedModel, second: ReleasedModel
) -> None:
    one, other = says(first, 20, 42, NORM=-9.0, AF=3.0), says(second, 5, 11, NORM=-9.0)
    found = said_together(first, one, second, other).findings
    reading = ImageReading(ImageKind.ECG, "page", found, (), 1.0, (), None, (), None, None, "", "")
    called = [each.code for each in reading.called]
    assert called[0] == "AF"
    assert called[-1] == "ABN"


def test_a_disagreement_is_told_with_both_probabilities(
    first: ReleasedModel, second: ReleasedModel
) -> None:
    agree = said_together(
        first, says(first, 20, 42, NORM=4.0), second, says(second, 5, 11, NORM=4.0)
    )
    assert agree.doubts == ()
    apart = said_together(
        first, says(first, 20, 42, NORM=4.0), second, says(second, 5, 11, NORM=-4.0)
    )
    (sentence,) = apart.doubts
    assert "disagree on whether it is normal" in sentence
    assert "vizecgnet 9" in sentence
    assert "second " in sentence


def test_an_infarction_that_the_first_never_calls_is_called_by_the_second(
    first: ReleasedModel, second: ReleasedModel
) -> None:
    one, other = says(first, 20, 42, STEMI=6.0), says(second, 5, 11, STEMI=3.0)
    said = said_together(first, one, second, other)
    found = next(each for each in said.findings if each.code == "STEMI")
    assert found.called
    assert found.probability == pytest.approx(chance(second, other, "STEMI"))
    assert said.activations[0].code == "STEMI"
    assert (said.activations[0].rows, said.activations[0].columns) == (5, 11)


def test_readings_by_two_releases_are_kept_apart_from_those_by_one(
    first: ReleasedModel, second: ReleasedModel
) -> None:
    file = LeadsToRead((), 500.0)
    alone = ReadingProcess({ImageKind.ECG: first})
    both = ReadingProcess({ImageKind.ECG: first}, second={ImageKind.ECG: second})
    assert alone.releases_of(file) == first.digest
    assert both.releases_of(file) == joint_digest([first, second])
    assert len({alone.releases_of(file), both.releases_of(file), second.digest}) == 3


def test_a_pair_is_judged_as_a_model_of_its_own(
    first: ReleasedModel, second: ReleasedModel
) -> None:
    random = np.random.default_rng(0)
    one, other = (random.random((6, len(first.labels))) for _ in range(2))
    other[2] = np.nan
    said = with_pairs({"vizecgnet": Said(first, one), "second": Said(second, other)})
    assert list(said) == ["vizecgnet", "second", "vizecgnet+second"]
    place = first.labels.index("NORM")
    expected = mean_probability(one[:, place], other[:, place])
    together = said["vizecgnet+second"]
    assert np.allclose(together.probability[:, 0], expected, equal_nan=True)
    assert np.isnan(expected[2])
    assert together.threshold("ABN") == pytest.approx(0.55)
    assert list(with_pairs({"vizecgnet": Said(first, one)})) == ["vizecgnet"]
