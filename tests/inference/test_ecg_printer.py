"""A printed page says what the ECG says: times, millivolts, places, scales, what is missing."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from inference.core.ecg import LEADS, Ecg
from inference.core.ecg_ink import paint_curves
from inference.core.ecg_layout import (
    CANONICAL_HEIGHT,
    CANONICAL_WIDTH,
    LAYOUTS,
    SIX_BY_TWO_CABRERA,
    THREE_BY_FOUR_RHYTHM,
    TWELVE_BY_ONE,
    Layout,
    PageGeometry,
    TracePlace,
)
from inference.core.ecg_paper import ink_of
from inference.core.ecg_printer import Page, PageStyle, print_canonical, print_page
from tests.inference.ecg_signals import regular

BARE = PageStyle(minor=None, major=None, lead_names=False, pulse="none", ink_width_mm=0.2)


def read_back(page: Page, place: TracePlace) -> tuple[np.ndarray, np.ndarray]:
    """Digitise a trace on white paper: seconds and millivolts at the middle of each column."""
    geometry = page.geometry
    columns = np.arange(int(place.left_px) + 2, int(place.right_px) - 2)
    top = max(0, int(place.baseline_px - geometry.row_pitch_px / 2))
    band = page.pixels[top : int(place.baseline_px + geometry.row_pitch_px / 2), columns, 0]
    dark = 255.0 - band
    y = (dark * (np.arange(len(band)) + 0.5 + top)[:, None]).sum(axis=0) / dark.sum(axis=0)
    seconds = place.start_seconds + (columns + 0.5 - place.left_px) / geometry.px_per_second
    return seconds, (place.baseline_px - y) / geometry.px_per_mv


def slow_ecg() -> Ecg:
    """Twelve slow waves of different heights: no two leads alike, no steep lines."""
    time = np.arange(2500) / 250.0
    leads = [0.1 * (1 + n % 5) * np.sin(2 * np.pi * (0.4 + 0.05 * n) * time) for n in range(12)]
    return Ecg(np.array(leads, dtype=np.float32), 250.0, generated=True)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
@pytest.mark.parametrize(("speed", "gain"), [(25.0, 10.0), (50.0, 5.0), (25.0, 20.0)])
def test_every_lead_can_be_read_back_from_its_place(
    layout: Layout, speed: float, gain: float
) -> None:
    layout = replace(layout, mm_per_s=speed, mm_per_mv=gain, row_pitch_mm=30.0)
    ecg = slow_ecg()
    page = print_page(ecg, layout, replace(BARE, px_per_mm=6.0))
    for place in page.geometry.places:
        seconds, millivolt = read_back(page, place)
        sign = -1.0 if place.lead.startswith("-") else 1.0
        lead = sign * ecg.lead(place.lead.removeprefix("-"))
        wanted = np.interp(seconds, np.arange(2500) / 250.0, lead)
        np.testing.assert_allclose(millivolt, wanted, atol=0.25 / gain)


def test_each_layout_shows_all_twelve_leads_once_besides_rhythm_strips() -> None:
    for layout in LAYOUTS:
        shown = [name.removeprefix("-") for row in layout.rows for name in row if len(row) > 1]
        if layout.name.startswith(TWELVE_BY_ONE.name):
            shown = [name.removeprefix("-") for row in layout.rows for name in row]
        assert sorted(shown) == sorted(LEADS)


def test_the_cabrera_order_goes_round_the_frontal_plane() -> None:
    assert [row[0] for row in SIX_BY_TWO_CABRERA.rows] == ["aVL", "I", "-aVR", "II", "aVF", "III"]


def test_columns_follow_each_other_in_time_and_the_strip_below_shows_it_all() -> None:
    geometry = print_page(slow_ecg(), THREE_BY_FOUR_RHYTHM, BARE).geometry
    first = [p for p in geometry.places if p.baseline_px == geometry.places[0].baseline_px]
    assert [(p.lead, p.start_seconds, p.stop_seconds) for p in first] == [
        ("I", 0.0, 2.5), ("aVR", 2.5, 5.0), ("V1", 5.0, 7.5), ("V4", 7.5, 10.0),
    ]  # fmt: skip
    assert (geometry.places[-1].start_seconds, geometry.places[-1].stop_seconds) == (0.0, 10.0)


def test_what_was_not_recorded_leaves_its_place_empty() -> None:
    ecg = slow_ecg()
    leads = ecg.leads_mv.copy()
    leads[LEADS.index("V3")] = np.nan
    leads[LEADS.index("II"), 500:750] = np.nan
    page = print_page(replace(ecg, leads_mv=leads), THREE_BY_FOUR_RHYTHM, BARE)
    for place in page.geometry.places:
        band = page.pixels[
            int(place.baseline_px) - 30 : int(place.baseline_px) + 30,
            int(place.left_px) + 2 : int(place.right_px) - 2,
        ]
        assert (band.min() < 128) == (place.lead != "V3")
    strip = page.geometry.places[-1]
    gap = [round(strip.left_px + at * page.geometry.px_per_second) for at in (2.02, 2.97)]
    rows = slice(int(strip.baseline_px) - 60, int(strip.baseline_px) + 60)
    assert page.pixels[rows, gap[0] : gap[1]].min() == 255


@pytest.mark.parametrize("px_per_mm", [2.5, 4.3, 6.0])
def test_the_grid_has_a_line_every_millimetre(px_per_mm: float) -> None:
    empty = Ecg(np.full((12, 2500), np.nan, dtype=np.float32), 250.0)
    style = replace(BARE, minor=(200, 200, 200), major=(120, 120, 120), px_per_mm=px_per_mm)
    page = print_page(empty, THREE_BY_FOUR_RHYTHM, style)
    for axis in (0, 1):
        profile = 255.0 - page.pixels[:, :, 0].mean(axis=axis)
        power = np.abs(np.fft.rfft(profile - profile.mean())) ** 2
        frequency = np.fft.rfftfreq(len(profile))
        for pitch_mm, reach in ((1.0, 0.02), (5.0, 0.02)):
            wanted = 1.0 / (pitch_mm * px_per_mm)
            near = np.abs(frequency - wanted) < reach * wanted + 1.5 / len(profile)
            around = np.abs(frequency - wanted) < 0.1 * wanted
            assert power[near].sum() > 0.9 * power[around].sum()


def test_the_calibration_is_one_millivolt_for_a_fifth_of_a_second() -> None:
    empty = Ecg(np.full((12, 2500), np.nan, dtype=np.float32), 250.0)
    page = print_page(empty, THREE_BY_FOUR_RHYTHM, replace(BARE, pulse="left", ink_width_mm=0.4))
    dark = page.pixels[:, : int(page.geometry.traces_box_px[0]), 0] < 128
    top_row = page.geometry.places[0].baseline_px
    rows = np.flatnonzero(dark[: int(top_row) + 5].any(axis=1))
    assert rows[-1] - rows[0] == pytest.approx(page.geometry.px_per_mv, abs=2.5)
    plateau = dark[rows[0] + 1].sum()
    assert plateau == pytest.approx(0.2 * page.geometry.px_per_second, abs=3)


def test_the_canonical_page_has_its_size_whatever_the_layout() -> None:
    for layout in LAYOUTS:
        page = print_canonical(slow_ecg(), layout, PageStyle(header=("none of this",)))
        assert page.pixels.shape == (CANONICAL_HEIGHT, CANONICAL_WIDTH, 3)
        assert page.geometry.traces_box_px[0] == pytest.approx(40.0)
        assert page.generated


def test_the_same_page_is_printed_twice() -> None:
    first = print_page(regular(), THREE_BY_FOUR_RHYTHM, PageStyle())
    again = print_page(regular(), THREE_BY_FOUR_RHYTHM, PageStyle())
    np.testing.assert_array_equal(first.pixels, again.pixels)


def test_curves_are_painted_as_opencv_paints_them() -> None:
    """OpenCV's anti-aliased line of one pixel is the peer."""
    x = np.linspace(3.2, 196.7, 500)
    y = 60 + 40 * np.sin(x / 9) * np.exp(-(((x - 100) / 50) ** 2)) + 0.1 * x
    ours = np.full((120, 200, 3), 255, dtype=np.uint8)
    peer = ours.copy()
    paint_curves(ours, [(x, y)], (0, 0, 0), 2.0)
    # OpenCV counts from the centre of the first pixel.
    points = np.rint((np.stack([x, y], axis=1) - 0.5) * 16).astype(np.int32)
    cv2.polylines(peer, [points], False, (0, 0, 0), 1, cv2.LINE_AA, 4)
    soft = [np.asarray(cv2.GaussianBlur(255 - one, (0, 0), 1.0)).ravel() for one in (ours, peer)]
    assert np.corrcoef(soft[0], soft[1])[0, 1] > 0.98


def test_ink_is_the_same_in_shadow_and_on_tinted_paper() -> None:
    page = print_canonical(regular(), THREE_BY_FOUR_RHYTHM, PageStyle()).pixels
    across = np.linspace(0.55, 1.0, page.shape[1])[None, :, None]
    shaded = (page * across * np.array([1.0, 0.92, 0.85])).astype(np.uint8)
    plain, dim = (ink_of(one).astype(float) for one in (page, shaded))
    assert np.corrcoef(plain.ravel(), dim.ravel())[0, 1] > 0.97
    assert np.median(dim) == 0


def test_a_coloured_grid_vanishes_from_the_ink() -> None:
    bare = ink_of(print_canonical(regular(), THREE_BY_FOUR_RHYTHM, BARE).pixels).astype(float)
    for colour in ((240, 150, 150), (150, 185, 240), (150, 230, 150)):
        style = replace(BARE, minor=colour, major=colour)
        with_grid = ink_of(print_canonical(regular(), THREE_BY_FOUR_RHYTHM, style).pixels)
        assert np.abs(with_grid - bare).mean() < 4.0


def test_paper_without_ink_stays_paper() -> None:
    rng = np.random.default_rng(0)
    blank = np.clip(rng.normal(225, 3, (320, 672, 3)), 0, 255).astype(np.uint8)
    assert ink_of(blank).mean() < 40


def test_geometry_is_a_value() -> None:
    page = print_page(regular(), THREE_BY_FOUR_RHYTHM, PageStyle())
    assert isinstance(page.geometry, PageGeometry)
    assert page.pixels.shape == (page.geometry.height_px, page.geometry.width_px, 3)
