"""From boxes to a reading: calibrated scores, the ratio with its error, what is not readable."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from inference.core.radiograph_findings import (
    calibrated,
    findings_of,
    quality,
    ratio_in,
    regions_of,
    unlikeness,
    why_not_readable,
)
from inference.core.radiograph_reading import Detections, Found
from inference.core.release import ReleasedModel, Threshold

ROWS, COLUMNS = 400, 500
LABELS = ("right_lung", "left_lung", "heart", "cardiomediastinum", "opacity")
RELEASE = ReleasedModel(
    name="radiograph",
    version="0.0.1",
    task="radiograph",
    digest="0" * 64,
    inputs=(),
    outputs=(),
    labels=LABELS,
    thresholds={"opacity": Threshold(0.5, 0.6, 0.7)},
    preparation={"embedding_centre": np.zeros(4), "embedding_spread": np.full(4, 2.0)},
    calibration={"opacity": np.array([-1.0, 1.0])},
    limits={"largest_distance": 3.0},
    population="nobody",
    population_rate=1.0,
    evidence=MappingProxyType({"judging": {"cardiothoracic_ratio": {"mae": {"value": 0.04}}}}),
    source_attributes={},
)
FOUND = Found(
    np.array(
        [
            [50, 60, 200, 340],  # right lung, on the left of the picture
            [300, 60, 450, 340],
            [170, 200, 390, 350],
            [160, 100, 400, 350],
            [60, 250, 120, 300],
            [55, 65, 190, 330],
        ],
        dtype=np.float64,
    ),
    np.array([0.97, 0.96, 0.9, 0.8, 0.8, 0.3]),
    (*LABELS, "right_lung"),
)


def detections(**changes: object) -> Detections:
    whole = Detections(FOUND, (), np.array([5.0, 0.0, 0.0, 0.0, -5.0]), np.zeros(4))
    return replace(whole, **changes)  # type: ignore[arg-type]


def test_the_ratio_is_of_the_heart_with_the_error_that_judging_found() -> None:
    ratio = ratio_in(RELEASE, FOUND)
    assert ratio is not None
    assert ratio.value == pytest.approx(220 / 400)
    assert (ratio.of, ratio.error) == ("heart", 0.04)


def test_without_a_heart_there_is_no_ratio_and_without_judging_no_error() -> None:
    without = Found(FOUND.boxes[:2], FOUND.score[:2], FOUND.kinds[:2])
    assert ratio_in(RELEASE, without) is None
    ratio = ratio_in(replace(RELEASE, evidence={}), FOUND)
    assert ratio is not None
    assert ratio.error is None


def test_each_part_of_the_body_has_its_best_box_in_shares_of_the_picture() -> None:
    regions = regions_of(RELEASE, FOUND, ROWS, COLUMNS)
    by_code = {each.code: each for each in regions}
    assert len(regions) == len(by_code) == 5
    lung = by_code["right_lung"]
    assert (lung.left, lung.top, lung.right, lung.bottom) == (0.1, 0.15, 0.4, 0.85)
    assert lung.score == pytest.approx(0.97)


def test_a_finding_is_calibrated_and_called_by_its_own_threshold() -> None:
    odds = np.log(0.8 / 0.2) - 1.0
    (finding,) = findings_of(RELEASE, FOUND)
    assert finding.probability == pytest.approx(1 / (1 + np.exp(-odds)))
    assert finding.called
    (silent,) = findings_of(replace(RELEASE, thresholds={}), FOUND)
    assert not silent.called
    assert calibrated(RELEASE, "heart", 0.7) == 0.7


def test_a_finding_that_is_not_called_has_no_box() -> None:
    shy = replace(RELEASE, thresholds={"opacity": Threshold(0.9, 0.6, 0.7)})
    codes = {each.code for each in regions_of(shy, FOUND, ROWS, COLUMNS)}
    assert "opacity" not in codes


def test_a_picture_unlike_those_of_the_release_and_one_without_lungs_are_not_readable() -> None:
    assert why_not_readable(RELEASE, detections()) is None
    strange = detections(embedding=np.full(4, 8.0))
    assert unlikeness(RELEASE, strange) == pytest.approx(4.0)
    assert "unlike the radiographs" in (why_not_readable(RELEASE, strange) or "")
    empty = Found(np.zeros((0, 4)), np.zeros(0), ())
    assert why_not_readable(RELEASE, detections(found=empty)) == "no lung was found in it"


@pytest.mark.parametrize(
    ("doubts", "least", "most"),
    [
        ((), 1.0, 1.0),
        (("the right lung may be cut off at the upper edge",), 0.6, 0.95),
        (("the left lung may be cut off at the upper and lower edge",), 0.6, 0.95),
        (("the right lung may be cut off at the left edge",), 0.0, 0.59),
        (("the right lung may be cut off at the left and lower edge",), 0.0, 0.59),
        (("the picture may be upside down",), 0.0, 0.59),
        (("black and white may be exchanged", "the left lung was not found"), 0.0, 0.0),
    ],
)
def test_a_doubt_on_width_silences_the_ratio_and_one_on_height_does_not(
    doubts: tuple[str, ...], least: float, most: float
) -> None:
    assert least <= quality(doubts) <= most
