"""Generated radiographs look as projections do, and their boxes are those of what was drawn."""

from __future__ import annotations

import numpy as np
import pytest

from inference.core.boxes import cardiothoracic_ratio
from inference.training.radiograph_generator import (
    KINDS,
    GeneratorSettings,
    drawn_build,
    generated,
)
from inference.training.radiograph_physics import SOFT_PER_CM, Thickness, exposed

PLAIN = GeneratorSettings(
    side=256, with_opacities=0.0, with_fluid=0.0, with_devices=0.0, largest_tilt_degrees=0.0
)


@pytest.mark.parametrize("seed", range(6))
def test_lungs_are_dark_on_both_sides_of_a_bright_middle(seed: int) -> None:
    found = generated(np.random.default_rng(seed), PLAIN)
    boxes = dict(zip(found.kinds, found.boxes, strict=True))
    means = {}
    for kind in ("right_lung", "left_lung"):
        left, top, right, bottom = boxes[kind]
        rows = slice(int(top + 0.35 * (bottom - top)), int(top + 0.55 * (bottom - top)))
        columns = slice(int(left + 0.35 * (right - left)), int(left + 0.65 * (right - left)))
        means[kind] = found.grey[rows, columns].mean()
        middle = int((boxes["right_lung"][2] + boxes["left_lung"][0]) / 2)
        assert found.grey[rows, middle - 4 : middle + 4].mean() > means[kind] + 15
    assert boxes["right_lung"][2] < boxes["left_lung"][2]
    heart = boxes["heart"]
    assert heart[[0, 2]].mean() > (boxes["right_lung"][0] + boxes["left_lung"][2]) / 2


@pytest.mark.parametrize("seed", range(20))
def test_the_boxes_have_the_ratio_that_the_person_was_given(seed: int) -> None:
    build = drawn_build(np.random.default_rng(seed), PLAIN)
    found = generated(np.random.default_rng(seed), PLAIN)
    boxes = dict(zip(found.kinds, found.boxes, strict=True))
    ratio = cardiothoracic_ratio(boxes["heart"], boxes["right_lung"], boxes["left_lung"])
    assert ratio is not None
    assert abs(ratio - build.ratio) < 0.1


def test_boxes_lie_in_the_picture_and_name_known_kinds() -> None:
    random = np.random.default_rng(3)
    settings = GeneratorSettings(side=256)
    seen = set()
    for _ in range(20):
        found = generated(random, settings)
        assert found.grey.shape == (256, 256)
        assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()
        assert found.boxes.min() >= 0
        assert found.boxes.max() <= 256
        assert found.kinds.count("right_lung") == found.kinds.count("heart") == 1
        seen |= set(found.kinds)
    assert seen == set(KINDS)


def test_one_seed_gives_one_picture() -> None:
    one = generated(np.random.default_rng(7), GeneratorSettings())
    other = generated(np.random.default_rng(7), GeneratorSettings())
    np.testing.assert_array_equal(one.grey, other.grey)
    np.testing.assert_array_equal(one.boxes, other.boxes)


def test_more_tissue_is_brighter_and_halves_the_beam_where_it_should() -> None:
    soft = np.full((64, 64), 10.0, dtype=np.float32)
    soft[:, 32:] += np.log(2) / SOFT_PER_CM
    empty = np.zeros_like(soft)
    grey = exposed(Thickness(soft, empty, empty), np.random.default_rng(0))
    assert grey[:, 48:].mean() > grey[:, :16].mean() + 100
