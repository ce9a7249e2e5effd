"""The camera moves and marks pages, tells where they went, and does it again from one seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inference.core.ecg_layout import THREE_BY_FOUR_RHYTHM
from inference.core.ecg_paper import ink_of
from inference.core.ecg_printer import PageStyle, print_canonical, print_page
from inference.training.ecg_camera import (
    HARSH,
    PHONE,
    SCANNER,
    Accidents,
    moved,
    photograph,
    weathered,
)
from inference.training.ecg_styles import random_layout, random_style
from tests.inference.ecg_signals import regular

NOTHING = Accidents(**dict.fromkeys(Accidents.__slots__, 0.0))


def page() -> np.ndarray:
    return print_canonical(regular(), THREE_BY_FOUR_RHYTHM, PageStyle()).pixels


def test_without_accidents_the_page_comes_back_as_it_was() -> None:
    np.testing.assert_array_equal(weathered(page(), NOTHING, np.random.default_rng(0)), page())


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_the_photograph_tells_where_each_point_of_the_page_went(seed: int, turns: int) -> None:
    marked = np.full((400, 700, 3), 255, dtype=np.uint8)
    spots = {(60, 50): (255, 0, 0), (640, 50): (0, 255, 0), (640, 350): (0, 0, 255)}
    for (x, y), colour in spots.items():
        marked[y - 6 : y + 7, x - 6 : x + 7] = colour
    pose = replace(NOTHING, rotation_degrees=10.0, corner_share=0.05)
    seen = photograph(marked, pose, np.random.default_rng(seed), turns)
    for (x, y), colour in spots.items():
        at = np.rint(moved(np.array([[x, y]], dtype=float), seen.page_to_photo)[0]).astype(int)
        assert np.abs(seen.pixels[at[1], at[0]].astype(int) - colour).max() < 40
    inside = (seen.corners_px >= 0) & (seen.corners_px <= seen.pixels.shape[1::-1])
    assert inside.all()


@pytest.mark.parametrize("accidents", [PHONE, SCANNER, HARSH])
def test_one_seed_gives_one_picture(accidents: Accidents) -> None:
    first, again, other = (
        weathered(page(), accidents, np.random.default_rng(seed)) for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_the_ink_of_a_careless_photograph_is_still_that_of_the_page() -> None:
    """Leaving the place alone: what light, noise and compression do must come out again."""
    still = replace(PHONE, residual_share=0.0, curl=0.0, handwriting=0.0, stain=0.0, fold=0.0)
    plain = ink_of(page()).astype(float).ravel()
    alike = [
        np.corrcoef(plain, ink_of(weathered(page(), still, np.random.default_rng(seed))).ravel())
        for seed in range(12)
    ]
    assert np.median([one[0, 1] for one in alike]) > 0.9


def test_stronger_accidents_leave_less_of_the_page() -> None:
    def error(accidents: Accidents) -> float:
        plain = ink_of(page()).astype(float)
        return float(
            np.mean(
                [
                    np.abs(ink_of(weathered(page(), accidents, np.random.default_rng(s))) - plain)
                    for s in range(10)
                ]
            )
        )

    assert error(SCANNER) < error(PHONE) < error(HARSH)


def test_styles_and_layouts_are_drawn_from_their_seed_and_vary() -> None:
    def drawn(seed: int) -> list[tuple[object, object]]:
        rng = np.random.default_rng(seed)
        return [(random_layout(rng), random_style(rng)) for _ in range(30)]

    assert drawn(1) == drawn(1)
    layouts = {layout.name for layout, _ in drawn(1)}  # type: ignore[attr-defined]
    assert len(layouts) >= 4
    for layout, style in drawn(2):
        printed = print_page(regular(), layout, style)  # type: ignore[arg-type]
        assert printed.pixels.min() < 120
