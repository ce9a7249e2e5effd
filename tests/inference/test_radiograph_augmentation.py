"""Changed pictures keep their boxes where what they show went."""

from __future__ import annotations

import numpy as np

from inference.core.radiograph_input import square_of
from inference.training.radiograph_augmentation import Strength, augmented, mirrored

STILL = Strength(turn_degrees=0, scale=0, shift=0, stretch=0, grey=0, noise=0, erase=0)
BOX = np.array([[20.0, 30.0, 60.0, 50.0]])


def shown() -> np.ndarray:
    grey = np.zeros((96, 128), dtype=np.uint8)
    grey[30:50, 20:60] = 200
    return grey


def bright(square: np.ndarray) -> list[int]:
    rows, columns = np.nonzero(square > 0.4)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_without_strength_a_picture_is_as_it_is_served() -> None:
    square, boxes, kept = augmented(shown(), BOX, 128, np.random.default_rng(0), STILL)
    served, placement = square_of(shown(), 128)
    np.testing.assert_allclose(square, served[0], atol=0.02)
    np.testing.assert_allclose(boxes, placement.in_square(BOX), atol=0.5)
    assert kept.all()


def test_a_mirror_takes_the_boxes_along() -> None:
    square, boxes, _ = augmented(shown(), BOX, 128, np.random.default_rng(0), STILL)
    assert bright(square) == boxes[0].tolist()
    other, moved = mirrored(square, boxes)
    assert bright(other) == moved[0].tolist()
    assert moved[0, 0] == 128 - boxes[0, 2]
    again, back = mirrored(other, moved)
    np.testing.assert_array_equal(again, square)
    np.testing.assert_array_equal(back, boxes)
