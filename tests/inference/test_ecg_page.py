"""From any picture to the canonical page, or to a sentence why not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from inference.core.ecg import Ecg
from inference.core.ecg_layout import (
    CANONICAL_HEIGHT,
    CANONICAL_WIDTH,
    THREE_BY_FOUR,
    THREE_BY_FOUR_RHYTHM,
    Layout,
)
from inference.core.ecg_page import PageDoubt, read_page
from inference.core.ecg_paper import ink_of
from inference.core.ecg_printer import Page, PageStyle, print_canonical, print_page
from inference.training.ecg_accidents import handwritten
from inference.training.ecg_camera import PHONE, SCANNER, moved, photograph
from inference.training.ecg_generator import recording_of
from inference.training.ecg_generator_cases import Case

HEADER = ("ID 123456   Male   63 years", "HR 75 bpm  PR 160 ms  QRS 90 ms")


def recording(seed: int = 1) -> Page:
    ecg = recording_of(Case(), np.random.default_rng(seed), disturbed=0.3).ecg
    return print_page(ecg, THREE_BY_FOUR_RHYTHM, PageStyle(header=HEADER))


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Return the best correlation of two canonical pages, a few pixels of shift forgiven."""
    soft = [cv2.GaussianBlur(page.astype(np.float32), (0, 0), 2.5) for page in (one, other)]
    return max(
        float(np.corrcoef(soft[0].ravel(), np.roll(soft[1], (y, x), (0, 1)).ravel())[0, 1])
        for y in range(-6, 7, 2)
        for x in range(-12, 13, 3)
    )


@pytest.mark.parametrize("layout", [THREE_BY_FOUR_RHYTHM, THREE_BY_FOUR])
def test_a_printed_page_becomes_the_canonical_page_it_could_have_been(layout: Layout) -> None:
    ecg = recording_of(Case(), np.random.default_rng(2), disturbed=0.3).ecg
    wanted = ink_of(print_canonical(ecg, layout, PageStyle()).pixels)
    for px_per_mm in (3.4, 5.0, 8.0):
        page = print_page(ecg, layout, PageStyle(px_per_mm=px_per_mm, header=HEADER))
        got = read_page(page.pixels)
        assert got.doubts == ()
        assert got.page is not None
        assert got.page.shape == (CANONICAL_HEIGHT, CANONICAL_WIDTH)
        assert got.rows == len(layout.rows)
        assert got.px_per_mm == pytest.approx(px_per_mm, rel=0.015)
        assert likeness(got.page, wanted) > 0.8


def test_photographed_pages_are_found_and_put_straight() -> None:
    found, alike = 0, []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        ecg = recording_of(Case(), rng, disturbed=0.5).ecg
        page = print_page(ecg, THREE_BY_FOUR_RHYTHM, PageStyle(header=HEADER))
        got = read_page(photograph(page.pixels, PHONE, rng).pixels)
        found += got.rows == 4
        wanted = ink_of(print_canonical(ecg, THREE_BY_FOUR_RHYTHM, PageStyle()).pixels)
        alike.append(0.0 if got.page is None else likeness(got.page, wanted))
    assert found >= 10
    assert np.median(alike) > 0.65


def test_the_homography_leads_from_the_photograph_to_the_page() -> None:
    """Points of the printed page, through the camera and through the reader, keep distances."""
    printed = recording()
    seen = photograph(printed.pixels, SCANNER, np.random.default_rng(5))
    got = read_page(seen.pixels)
    assert got.to_page is not None
    box = printed.geometry.traces_box_px
    points = np.array([[box[0], box[1]], [box[2], box[1]], [box[0], box[3]], [box[2], box[3]]])
    there = moved(moved(points, seen.page_to_photo), got.to_page)
    across = there[1] - there[0], there[3] - there[2]
    down = there[2] - there[0], there[3] - there[1]
    for one in across:
        assert np.hypot(*one) == pytest.approx(250 * 2.5, rel=0.03)
        assert abs(one[1]) < 12
    for one in down:
        assert np.hypot(*one) == pytest.approx(4 * 32 * 2.5, rel=0.03)


@pytest.mark.parametrize(
    ("turns", "doubt"),
    [(1, PageDoubt.SIDEWAYS), (2, PageDoubt.TURNED), (3, PageDoubt.SIDEWAYS)],
)
def test_a_page_that_lies_wrong_is_turned_and_said_to_be(turns: int, doubt: PageDoubt) -> None:
    upright = read_page(recording().pixels)
    turned = read_page(np.ascontiguousarray(np.rot90(recording().pixels, turns)))
    assert doubt in turned.doubts
    assert upright.page is not None
    assert turned.page is not None
    assert likeness(upright.page, turned.page) > 0.8


def words() -> np.ndarray:
    page = np.full((900, 700, 3), 250, dtype=np.uint8)
    for line in range(24):
        text = "the quick brown fox jumps over it"[: 20 + line % 12]
        cv2.putText(page, text, (40, 60 + 34 * line), 0, 0.8, (20, 20, 20), 2, cv2.LINE_AA)
    return page


def landscape() -> np.ndarray:
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 255, (9, 12, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (1000, 700), interpolation=cv2.INTER_CUBIC))


def grid_alone() -> np.ndarray:
    empty = Ecg(np.full((12, 2500), np.nan, dtype=np.float32), 250.0)
    style = PageStyle(pulse="none", lead_names=False)
    return print_page(empty, THREE_BY_FOUR_RHYTHM, style).pixels


def writing() -> np.ndarray:
    page = np.full((900, 1200, 3), 250, dtype=np.uint8)
    for seed in range(12):
        handwritten(page, np.random.default_rng(seed))
    return page


@pytest.mark.parametrize(
    "picture",
    [
        words(),
        writing(),
        landscape(),
        grid_alone(),
        np.full((600, 800, 3), 255, dtype=np.uint8),
        np.zeros((600, 800, 3), dtype=np.uint8),
        np.random.default_rng(0).integers(0, 255, (600, 800, 3)).astype(np.uint8),
    ],
    ids=["words", "writing by hand", "landscape", "grid alone", "white", "black", "noise"],
)
def test_what_is_no_ecg_is_recognised_as_such(picture: np.ndarray) -> None:
    got = read_page(picture)
    assert got.page is None
    assert got.doubts == (PageDoubt.NOT_AN_ECG,)


def test_a_stamp_is_too_small() -> None:
    assert read_page(np.zeros((120, 200, 3), dtype=np.uint8)).doubts == (PageDoubt.TOO_SMALL,)


@pytest.mark.parametrize("beside", [False, True])
def test_two_ecgs_on_one_page_are_not_read(beside: bool) -> None:
    one, other = recording(1).pixels, recording(2).pixels
    gap = np.full_like(one, 255)
    both = np.hstack([one, gap[:, :120], other]) if beside else np.vstack([one, gap[:60], other])
    got = read_page(both)
    assert got.page is None
    assert got.doubts == (PageDoubt.TWO_ECGS,)


def test_without_a_grid_the_traces_give_the_scale() -> None:
    ecg = recording_of(Case(), np.random.default_rng(2), disturbed=0.3).ecg
    page = print_page(ecg, THREE_BY_FOUR_RHYTHM, PageStyle(minor=None, major=None))
    got = read_page(page.pixels)
    assert got.doubts == (PageDoubt.NO_GRID,)
    assert got.px_per_mm is None
    assert got.page is not None
    style = PageStyle(minor=None, major=None)
    wanted = ink_of(print_canonical(ecg, THREE_BY_FOUR_RHYTHM, style).pixels)
    assert likeness(got.page, wanted) > 0.6


def test_pages_of_a_clinic_are_read(shared_data: Path) -> None:
    """Only looked at: these pictures never teach."""
    files = sorted((shared_data / "ecg_images").glob("*.jpg"))[::13]
    got = [read_page(np.asarray(Image.open(file).convert("RGB"))) for file in files]
    assert sum(one.page is not None and one.rows == 4 for one in got) >= 0.9 * len(got)
    assert sum(PageDoubt.TURNED in one.doubts for one in got) <= 1


def test_radiographs_are_no_ecgs(shared_data: Path) -> None:
    files = sorted((shared_data / "cxr" / "hannover" / "images").glob("*.jpg"))[::12]
    got = [read_page(np.asarray(Image.open(file).convert("RGB"))) for file in files]
    assert len(got) >= 10
    assert sum(one.page is not None for one in got) == 0
