"""A picture keeps its proportions in the net's square, and boxes find their way back."""

from __future__ import annotations

import numpy as np
import pytest

from inference.core.radiograph_input import placed, square_of


@pytest.mark.parametrize(("rows", "columns"), [(1955, 1841), (300, 1000), (512, 512), (257, 256)])
def test_boxes_go_into_the_square_and_back(rows: int, columns: int) -> None:
    boxes = np.array([[3.0, 5.0, columns - 7.0, rows - 9.0]])
    placement = placed(rows, columns, 512)
    inside = placement.in_square(boxes)
    assert inside.min() >= 0
    assert inside.max() <= 512
    np.testing.assert_allclose(placement.in_picture(inside), boxes)


def test_boxes_that_reach_out_of_the_picture_are_cut_at_its_edge() -> None:
    found = placed(400, 800, 512).in_picture(np.array([[-20.0, 0.0, 600.0, 512.0]]))
    np.testing.assert_allclose(found, [[0.0, 0.0, 800.0, 400.0]])


def test_a_bright_part_lies_where_its_box_lies() -> None:
    grey = np.zeros((900, 700), dtype=np.uint8)
    grey[300:600, 140:350] = 255
    square, placement = square_of(grey, 320)
    assert square.shape == (1, 320, 320)
    rows, columns = np.nonzero(square[0] > 0.5)
    found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    wanted = placement.in_square(np.array([[140.0, 300.0, 350.0, 600.0]]))[0]
    assert np.abs(np.array(found) - wanted).max() <= 1


def test_grey_keeps_its_mean_when_the_picture_shrinks() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (1955, 1955), dtype=np.uint8)
    square, _ = square_of(grey, 512)
    assert abs(float(square.mean()) - grey.mean() / 255) < 2e-3
    assert square.std() < 0.12  # noise of single pixels is averaged away, not sampled
