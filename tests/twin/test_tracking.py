"""A charted quantity is followed as statistics asks: by its past alone, artefacts doubted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from twin.core.haemodynamics import Quantity
from twin.core.temperament import Belief, learn
from twin.core.tracking import Chart, Charted, follow, learnt_spread
from twin.core.wandering import (
    CONSTANTS,
    SEEN_IN,
    Wandering,
    added_sds,
    stationary_sds,
    transition,
)
from twin.core.wanderings import SHIPPED

PRESSURE = SHIPPED[Quantity.MEAN_PRESSURE].wandering
BELIEVES_ALL = replace(PRESSURE, tails=1e9)


def charted(hours: np.ndarray, cuff: np.ndarray, line: np.ndarray | None = None) -> Charted:
    values = np.full((len(hours), 4), np.nan)
    values[:, 0] = cuff
    if line is not None:
        values[:, 1] = line
    nothing = np.zeros(len(hours))
    return Charted(hours, values, nothing, nothing)


def gaussian_process(
    w: Wandering, hours: np.ndarray, values: np.ndarray, ahead: float
) -> tuple[float, float]:
    """Condition a joint normal distribution on all values at once: no filter, no recursion."""
    times = np.append(hours, ahead)
    gap = np.abs(times[:, None] - times[None, :])
    covariance = (
        w.level_sd**2
        + w.level_walk_per_sqrt_h**2 * (np.minimum(times[:, None], times[None, :]) - hours[0])
        + w.slow_sd**2 * np.exp(-gap / w.slow_h)
        + w.fast_sd**2 * np.exp(-gap / w.fast_h)
        + w.cuff_offset_sd**2 * np.exp(-gap / w.cuff_offset_h)
        + w.rhythm_sd**2 * np.exp(-gap / w.rhythm_h) * np.cos(2 * np.pi * gap / 24)
    )
    seen = covariance[:-1, :-1] + w.other_noise_sd**2 * np.eye(len(hours))
    weights = np.linalg.solve(seen, covariance[:-1, -1])
    middle = w.level + weights @ (values - w.level)
    variance = covariance[-1, -1] - weights @ covariance[:-1, -1] + w.other_noise_sd**2
    return float(middle), float(variance)


def test_the_filter_is_the_gaussian_process_it_stands_for() -> None:
    random = np.random.default_rng(3)
    hours = np.cumsum(random.uniform(0.2, 2.0, 40))
    values = 78.0 + 9.0 * random.standard_normal(40)
    track = follow(charted(hours, values), BELIEVES_ALL)
    for moment in (1, 7, 39):
        middle, variance = gaussian_process(
            PRESSURE, hours[:moment], values[:moment], hours[moment]
        )
        assert track.expected[moment] == pytest.approx(middle, abs=1e-6)
        assert track.sd[moment] ** 2 == pytest.approx(variance, rel=1e-6)


def test_what_comes_later_changes_nothing_that_was_said_before() -> None:
    random = np.random.default_rng(4)
    hours, values = np.arange(30.0), 75.0 + 8.0 * random.standard_normal(30)
    other = values.copy()
    other[20:] += 40.0
    patients = np.zeros(1, np.int64)
    one, two = (learn([charted(hours, v)], patients, PRESSURE) for v in (values, other))
    np.testing.assert_array_equal(one.expected[:21], two.expected[:21])
    np.testing.assert_array_equal(one.sd[:21], two.sd[:21])
    assert one.expected[21] != two.expected[21]


def test_an_artefact_moves_the_expectation_less_than_its_share() -> None:
    hours = np.arange(13.0)
    values = np.full(13, 80.0)
    values[-2] = 200.0
    doubted, believed = (
        follow(charted(hours, values), w).expected[-1] for w in (PRESSURE, BELIEVES_ALL)
    )
    assert 80.0 < doubted < 80.0 + 0.5 * (believed - 80.0)


def test_a_cuffs_offset_against_the_line_is_learnt_and_taken_off() -> None:
    hours = np.arange(24.0)
    line = np.full(24, 80.0)
    line[-1] = np.nan
    track = follow(charted(hours, np.full(24, 92.0), line), PRESSURE)
    # The last line value came at 22 h, so the line is what is expected at 23 h.
    assert track.expected[-1] == pytest.approx(80.0, abs=2.0)
    assert track.means[-1] @ SEEN_IN[1] == pytest.approx(80.0, abs=2.0)


def test_stays_laid_end_to_end_are_followed_each_from_its_own_start() -> None:
    random = np.random.default_rng(5)
    stays = [charted(np.arange(n, dtype=float), 70 + random.random(n)) for n in (5, 1, 9)]
    together = Chart(stays).follow(PRESSURE)
    alone = np.concatenate([follow(stay, PRESSURE).expected for stay in stays])
    np.testing.assert_allclose(together.expected, alone)


def test_constants_keep_their_order_on_the_way_to_the_kernel() -> None:
    values = np.arange(1.0, len(CONSTANTS) + 1.0)
    assert Wandering.of(values).vector().tolist() == values.tolist()


def test_a_state_keeps_its_spread_when_nothing_is_seen() -> None:
    there = transition(PRESSURE, 7.0)
    sds = stationary_sds(PRESSURE)
    after = there @ np.diag(sds**2) @ there.T + np.diag(added_sds(PRESSURE, 7.0) ** 2)
    # All but the level, which walks away.
    np.testing.assert_allclose(np.diag(after)[1:], sds[1:] ** 2)
    assert after[0, 0] > sds[0] ** 2


def test_restlessness_is_learnt_from_errors_and_one_artefact_does_not_make_it() -> None:
    hours = np.arange(60.0)
    random = np.random.default_rng(6)
    quiet = charted(hours, 80.0 + 0.5 * random.standard_normal(60))
    restless = charted(hours, 80.0 + 20.0 * random.standard_normal(60))
    artefact = np.full(60, 80.0)
    artefact[30] = 250.0
    spread = {}
    for name, stay in (
        ("quiet", quiet),
        ("restless", restless),
        ("artefact", charted(hours, artefact)),
    ):
        spread[name] = learnt_spread(follow(stay, PRESSURE), stay.target)[0][-1]
    assert spread["quiet"] < 0.6 < 1.3 < spread["restless"]
    assert spread["artefact"] < 0.8


def test_the_bank_learns_whether_a_step_is_noise_or_news() -> None:
    random = np.random.default_rng(7)
    hours = np.arange(200.0)
    follows = []
    for course in (
        80.0 + 9.0 * random.standard_normal(200),
        80.0 + np.cumsum(3.0 * random.standard_normal(200)),
    ):
        course[-4:-2] = course[-6:-4].mean()
        course[-2:] = course[-4] + 15.0
        learnt = learn([charted(hours, course)], np.zeros(1, np.int64), PRESSURE)
        follows.append(learnt.expected[-1] - learnt.expected[-2])
        assert learnt.weights.sum(axis=0) == pytest.approx(1.0)
    noisy, wandering = follows
    assert 0.0 < noisy < 0.8 * wandering


def test_paths_start_at_what_is_believed_and_spread_as_the_filter_says() -> None:
    random = np.random.default_rng(8)
    stay = charted(np.arange(48.0), 62.0 + 4.0 * random.standard_normal(48))
    learnt = learn([stay], np.zeros(1, np.int64), PRESSURE, beliefs=True)
    belief = Belief.after(learnt, 47, 1)
    path = belief.paths(0.25 * np.arange(1, 97), 4000, np.random.default_rng(0))
    assert path[0].mean() == pytest.approx(belief.now, abs=1.0)
    assert path[0].std() < path[7].std() < path[95].std()
    one = replace(belief, weights=np.eye(18)[4], restlessness=1.0)
    there = transition(one.bank[4], 2.0)
    spread = there @ one.covariances[4] @ there.T + np.diag(added_sds(one.bank[4], 2.0) ** 2)
    drawn = one.paths(np.array([0.25, 1.0, 2.0]), 20_000, np.random.default_rng(1))[-1]
    assert drawn.mean() == pytest.approx(SEEN_IN[1] @ there @ one.means[4], abs=0.2)
    assert drawn.std() == pytest.approx(np.sqrt(SEEN_IN[1] @ spread @ SEEN_IN[1]), rel=0.03)
