"""A page and the strips on it show the same at the same place, so that one can teach the other."""

from __future__ import annotations

import numpy as np

from inference.core.ecg_layout import THREE_BY_FOUR_RHYTHM
from inference.core.ecg_paper import ink_of
from inference.core.ecg_printer import PageStyle
from inference.core.viz_ecg import NO_LEAD, PAGE_SHAPE, all_lead_strips, net_pages
from inference.training.ecg_views import printed_view, seen, whole_view


def bumps() -> np.ndarray:
    """Each lead has one bump, at another time."""
    leads = np.zeros((12, 2500), dtype=np.float32)
    for lead in range(12):
        leads[lead, 100 + 200 * lead : 112 + 200 * lead] = 1.0
    return leads


def test_ink_lies_where_the_strip_says_it_does() -> None:
    style = PageStyle(minor=None, major=None, pulse="none", lead_names=False)
    view = printed_view(bumps(), THREE_BY_FOUR_RHYTHM, style)
    ink = ink_of(view.page)
    for strip in range(4):
        above = ink[80 * strip : 80 * strip + 30].astype(float).sum(axis=0)
        raised = view.strips[strip].reshape(-1, 4).mean(axis=1) > 0.5
        if raised.any():
            assert above[raised].min() > 100
        assert above[~np.convolve(raised, np.ones(5), "same").astype(bool)].max() < 60


def test_each_token_names_the_lead_that_is_printed_there() -> None:
    view = printed_view(bumps(), THREE_BY_FOUR_RHYTHM, PageStyle())
    assert view.leads.shape == (4, 42)
    assert list(dict.fromkeys(view.leads[1])) == [NO_LEAD, 1, 4, 7, 10]
    assert set(view.leads[3]) == {NO_LEAD, 1}


def test_all_leads_stand_where_a_page_would_have_them() -> None:
    strips, leads = whole_view(bumps())
    assert strips.shape == (12, 2688)
    printed = printed_view(bumps(), THREE_BY_FOUR_RHYTHM, PageStyle())
    assert np.array_equal(np.flatnonzero(strips[1]), np.flatnonzero(printed.strips[3]))
    assert leads[5, 20] == 5


def test_a_batch_of_leads_is_the_leads_one_by_one() -> None:
    leads = np.random.default_rng(0).standard_normal((3, 12, 2500)).astype(np.float32)
    together, _ = all_lead_strips(leads)
    assert np.array_equal(together[2], whole_view(leads[2])[0])


def test_what_a_camera_saw_keeps_the_shape_and_is_drawn_from_the_seed() -> None:
    view = printed_view(bumps(), THREE_BY_FOUR_RHYTHM, PageStyle())
    first, again, other = (seen(view.page, 1.0, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert net_pages(first[None]).shape == (1, *PAGE_SHAPE)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
