"""Pages of every layout and scale become the one page that nets read, and say what they were."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from inference.core.ecg import Ecg
from inference.core.ecg_layout import (
    CANONICAL_MARGINS,
    CANONICAL_PX_PER_MM,
    LAYOUTS,
    SIX_BY_TWO,
    THREE_BY_FOUR_RHYTHM,
    TWELVE_BY_ONE,
    Layout,
    canonical_layout,
    geometry_of,
)
from inference.core.ecg_page import PageDoubt, PageReading, read_page
from inference.core.ecg_page_fast import carried_on
from inference.core.ecg_page_order import order_of
from inference.core.ecg_page_traces import TRACES_PX
from inference.core.ecg_paper import Ink, ink_of
from inference.core.ecg_printer import PageStyle, print_canonical, print_page
from inference.training.ecg_camera import PHONE, photograph
from inference.training.ecg_generator import recording_of
from inference.training.ecg_generator_cases import Case
from inference.training.sample_page import sample_page

BARE = PageStyle(pulse="none", lead_names=False)
MM = CANONICAL_PX_PER_MM


def recorded(seed: int = 2) -> Ecg:
    return recording_of(Case(), np.random.default_rng(seed), disturbed=0.3).ecg


def errors_mm(page: Ink, ecg: Ecg, layout: Layout = THREE_BY_FOUR_RHYTHM) -> np.ndarray:
    """Return how far off each lead is, along and down, with how alike it is: ``[lead, 3]``.

    Against the same recording printed straight to the canonical page.
    """
    wanted = ink_of(print_canonical(ecg, layout, BARE).pixels)
    soft = [cv2.GaussianBlur(one, (0, 0), 1.2) for one in (page, wanted)]
    seen = cv2.copyMakeBorder(soft[0], 12, 12, 20, 20, 0, value=0.0)
    places = geometry_of(canonical_layout(layout), CANONICAL_MARGINS, MM).places
    found = []
    for place in places[:12]:
        left, right = round(place.left_px) + 6, round(place.right_px) - 6
        top, bottom = round(place.baseline_px) - 34, round(place.baseline_px) + 34
        around = seen[top : bottom + 24, left : right + 40]
        alike = cv2.matchTemplate(around, soft[1][top:bottom, left:right], cv2.TM_CCOEFF_NORMED)
        _, best, _, (x, y) = cv2.minMaxLoc(alike)
        found.append(((x - 20) / MM, (y - 12) / MM, best))
    return np.array(found)


def read(layout: Layout, ecg: Ecg, style: PageStyle | None = None) -> PageReading:
    return read_page(print_page(ecg, layout, style or PageStyle()).pixels)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_every_layout_is_named_and_its_leads_put_where_the_nets_read_them(layout: Layout) -> None:
    ecg = recorded()
    got = read(layout, ecg)
    # Beats of six rows that stand in two columns look much the same from below.
    assert set(got.doubts) <= {PageDoubt.ORIENTATION_UNSURE}
    assert got.layout is not None
    assert (got.layout.name, got.layout.rows) == (layout.name, layout.rows)
    assert (got.layout.mm_per_s, got.layout.mm_per_mv) == (25.0, 10.0)
    assert got.layout.row_pitch_mm == pytest.approx(layout.row_pitch_mm, abs=0.6)
    assert got.page is not None
    wanted = THREE_BY_FOUR_RHYTHM if len(layout.rows) != 3 or "C" in layout.name else layout
    off = errors_mm(got.page, ecg, wanted)
    assert np.median(off[:, 2]) > 0.75
    assert np.abs(off[:, :2]).max() <= 2.0


@pytest.mark.parametrize("layout", [SIX_BY_TWO, TWELVE_BY_ONE], ids=lambda layout: layout.name)
def test_photographs_of_other_layouts_are_put_right_too(layout: Layout) -> None:
    right = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        ecg = recorded(seed)
        page = print_page(ecg, layout, PageStyle()).pixels
        got = read_page(photograph(page, PHONE, rng).pixels)
        if got.page is not None and got.layout is not None and got.layout.rows == layout.rows:
            off = errors_mm(got.page, ecg)
            right += bool(np.median(off[:, 2]) > 0.6 and np.median(np.abs(off[:, 0])) < 2.5)
    assert right >= 5


def test_of_six_rows_the_strip_below_shows_lead_ii_as_far_as_it_was_printed() -> None:
    page = read(SIX_BY_TWO, recorded()).page
    assert page is not None
    strip = page[240:]
    shown = strip.max(axis=0) > 60
    assert shown[45:348].mean() > 0.97
    assert not shown[356:].any()


@pytest.mark.parametrize("gain", [5.0, 20.0])
def test_the_gain_is_told_by_the_pulse_and_brought_to_ten(gain: float) -> None:
    ecg = recorded()
    ecg = replace(ecg, leads_mv=ecg.leads_mv * np.float32(min(1.0, 12.0 / gain)))
    got = read(replace(THREE_BY_FOUR_RHYTHM, mm_per_mv=gain), ecg)
    assert got.doubts == (PageDoubt.OTHER_GAIN,)
    assert got.layout is not None
    assert got.layout.mm_per_mv == gain
    assert got.page is not None
    off = errors_mm(got.page, ecg)
    assert np.median(off[:, 2]) > 0.75


def fast(ecg: Ecg, layout: Layout = THREE_BY_FOUR_RHYTHM) -> PageReading:
    style = PageStyle(margins=replace(PageStyle().margins, lead_in=14.5))
    return read(replace(layout, mm_per_s=50.0), ecg, style)


def beats_on(row: Ink) -> int:
    """Return how many complexes a row of the canonical page shows, after its pulse and name."""
    tall = np.asarray((row[:, 60:] > 90).sum(axis=0) > 5)
    return int((np.diff(tall.astype(np.int8), prepend=0) == 1).sum())


def test_fifty_millimetres_a_second_are_told_by_the_pulse_and_drawn_together() -> None:
    got = fast(recorded())
    assert got.doubts == (PageDoubt.FAST_PAPER,)
    assert got.layout is not None
    assert (got.layout.mm_per_s, got.layout.seconds) == (50.0, 5.0)
    assert got.page is not None
    assert got.page[:80, 45:110].max(axis=0).min() > 30


def test_what_fifty_millimetres_a_second_show_is_carried_on_to_ten_seconds() -> None:
    """An empty half would be read as a slow heart: the strip has as many beats as at 25 mm/s."""
    for seed in (3, 4, 6):
        ecg = recorded(seed)
        usual, carried = read(THREE_BY_FOUR_RHYTHM, ecg).page, fast(ecg).page
        assert usual is not None
        assert carried is not None
        assert beats_on(usual[240:]) > 6
        assert abs(beats_on(usual[240:]) - beats_on(carried[240:])) <= 1
        filled = carried[240:, 45:660].max(axis=0) > 30
        assert filled.mean() > 0.95


def test_a_heart_slower_than_a_lead_is_long_leaves_paper_and_invents_no_beat() -> None:
    shown = np.full((9, 40), 100, dtype=np.uint8)
    out = carried_on(shown, 100, 60)
    assert out[:, :40].min() == 100
    assert out[:, 40:60].max() == 0
    assert out[:, 60:].min() == 100


def test_the_page_that_the_sandbox_shows_is_read_without_a_doubt() -> None:
    """Its upright strokes are thin, and its traces wander away from the foot of the pulses."""
    got = read_page(np.asarray(sample_page().convert("RGB")))
    assert got.doubts == ()


def test_lines_of_a_dark_grid_are_no_pulse() -> None:
    style = PageStyle(minor=None, major=(60, 60, 60), pulse="none")
    got = read(THREE_BY_FOUR_RHYTHM, recorded(), style)
    assert {PageDoubt.GAIN_ASSUMED, PageDoubt.SPEED_ASSUMED} <= set(got.doubts) or got.page is None


def test_without_a_pulse_scales_are_doubted_and_not_silently_assumed() -> None:
    got = read(THREE_BY_FOUR_RHYTHM, recorded(), BARE)
    assert set(got.doubts) == {PageDoubt.GAIN_ASSUMED, PageDoubt.SPEED_ASSUMED}
    assert got.page is not None


def test_rows_that_are_no_layout_of_twelve_leads_are_not_read() -> None:
    rows = tuple((name,) for name in ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3"))
    got = read(Layout("nine rows", rows, row_pitch_mm=18.0), recorded())
    assert got.page is None
    assert PageDoubt.UNKNOWN_LAYOUT in got.doubts


def test_leads_without_anything_in_common_leave_the_order_unsure() -> None:
    noise = np.random.default_rng(0).normal(0.0, 8.0, (6, TRACES_PX)).astype(np.float32)
    order = order_of(noise)
    assert order is not None
    assert not order.sure
    assert order.layout.rows == SIX_BY_TWO.rows
    assert order_of(noise[:2]) is None
