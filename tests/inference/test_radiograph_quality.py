"""Which way up, whole lungs, exposure: each doubt is said where it is due and not elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from inference.core.radiograph_quality import doubts_of, posture_of
from inference.core.radiograph_reading import LEFT_LUNG, RIGHT_LUNG, Detections, Found

UPRIGHT = np.array([4.0, -1.0, -1.0, -1.0, -3.0])
LUNGS = {RIGHT_LUNG: (40.0, 40.0, 190.0, 330.0), LEFT_LUNG: (210.0, 40.0, 360.0, 330.0)}


def grey_picture(low: int = 60, high: int = 180) -> np.ndarray:
    columns = np.linspace(low, high, 400)
    return np.tile(columns, (400, 1)).astype(np.uint8)


def found(
    boxes: dict[str, tuple[float, float, float, float]], posture: np.ndarray = UPRIGHT
) -> Detections:
    return Detections(
        Found(
            np.array(list(boxes.values())).reshape(-1, 4), np.full(len(boxes), 0.9), tuple(boxes)
        ),
        (),
        posture,
        np.zeros(3),
    )


def test_a_good_picture_raises_no_doubt() -> None:
    assert doubts_of(grey_picture(), found(LUNGS)) == ()


@pytest.mark.parametrize(
    ("place", "said"), [(1, "turned by a quarter"), (2, "upside down"), (3, "turned by a quarter")]
)
def test_a_turned_picture_is_said_to_be(place: int, said: str) -> None:
    logits = np.array([0.0, 0.0, 0.0, 0.0, -3.0])
    logits[place] = 3.0
    assert doubts_of(grey_picture(), found(LUNGS, logits)) == (f"the picture may be {said}",)


def test_black_for_white_is_told_beside_the_quarter_turns_and_not_among_them() -> None:
    both = np.array([5.0, -1.0, -1.0, -1.0, 2.0])
    assert max(posture_of(both)[:2]) < 0.01
    assert doubts_of(grey_picture(), found(LUNGS, both)) == ("black and white may be exchanged",)


def test_a_quarter_turn_is_told_though_left_and_right_look_alike() -> None:
    either = np.array([0.0, 2.0, 0.0, 2.0, -3.0])
    (said,) = doubts_of(grey_picture(), found(LUNGS, either))
    assert said == "the picture may be turned by a quarter"


def test_four_quarter_turns_that_are_equally_likely_say_nothing() -> None:
    unsure = np.array([0.0, 0.1, 0.0, 0.0, -1.0])
    assert doubts_of(grey_picture(), found(LUNGS, unsure)) == ()


def test_a_lung_at_an_edge_and_one_that_is_missing_are_named() -> None:
    cut = {RIGHT_LUNG: (0.5, 40.0, 190.0, 399.9)}
    assert doubts_of(grey_picture(), found(cut)) == (
        "the right lung may be cut off at the left and lower edge",
        "the left lung was not found",
    )


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (100, 118, "hardly any contrast"),
        (-80, 180, "black without detail"),
        (60, 330, "white without detail"),
    ],
)
def test_poor_exposure_is_named(low: int, high: int, said: str) -> None:
    columns = np.clip(np.linspace(low, high, 400), 0, 255)
    grey = np.tile(columns, (400, 1)).astype(np.uint8)
    (doubt,) = doubts_of(grey, found(LUNGS))
    assert said in doubt


def test_without_lungs_the_exposure_of_nothing_is_not_judged() -> None:
    assert doubts_of(np.zeros((400, 400), dtype=np.uint8), found({})) == (
        "the right lung was not found",
        "the left lung was not found",
    )
