"""From log-odds to findings: calibrated, called by threshold, never called where not fit to be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inference.core.ecg_page import PageDoubt
from inference.core.ecg_reading import (
    MOST_MAPS,
    NAMES,
    activations_of,
    findings_of,
    page_quality,
    why_not_readable,
)
from inference.core.release import ReleasedModel
from inference.core.viz_ecg import ACTIVATION, EMBEDDING, LOG_ODDS
from inference.releases.library import ReleaseLibrary


@pytest.fixture(scope="module")
def release() -> ReleasedModel:
    return ReleaseLibrary().load("vizecgnet")


def outputs(release: ReleasedModel, log_odds: float = 0.0, apart: float = 0.0) -> dict[str, Any]:
    count = len(release.labels)
    maps = np.tile(np.linspace(-2.0, 4.0, 20 * 42).reshape(20, 42), (1, count, 1, 1))
    return {
        LOG_ODDS: np.full((1, count), log_odds),
        EMBEDDING: release.calibration["centre"][None] + apart,
        ACTIVATION: maps,
    }


def test_each_label_stands_with_its_calibrated_probability(release: ReleasedModel) -> None:
    found = findings_of(release, outputs(release))
    assert [each.code for each in found] == list(release.labels)
    slope_and_offset = release.calibration["offset"]
    np.testing.assert_allclose(
        [each.probability for each in found], 1 / (1 + np.exp(-slope_and_offset))
    )
    assert all(each.code in NAMES for each in found)


def test_a_threshold_of_one_means_never_called(release: ReleasedModel) -> None:
    found = findings_of(release, outputs(release, log_odds=30.0))
    never = {code for code, each in release.thresholds.items() if each.value >= 1.0}
    assert {each.code for each in found if not each.called} == never
    assert {each.code for each in found if each.threshold is None} == never


def test_a_page_unlike_all_others_is_not_readable(release: ReleasedModel) -> None:
    assert why_not_readable(release, outputs(release)) is None
    assert "not readable" in (why_not_readable(release, outputs(release, apart=5.0)) or "")


def test_maps_show_what_speaks_for_the_likeliest_called_findings(release: ReleasedModel) -> None:
    given = outputs(release, log_odds=3.0)
    found = findings_of(release, given)
    maps = activations_of(found, given)
    assert len(maps) == MOST_MAPS
    likeliest = sorted(
        (each for each in found if each.called and each.code != "NORM"),
        key=lambda each: -each.probability,
    )
    assert [each.code for each in maps] == [each.code for each in likeliest[:MOST_MAPS]]
    values = np.frombuffer(maps[0].values, np.uint8).reshape(maps[0].rows, maps[0].columns)
    assert values[-1, -1] == 255
    assert values[0, 0] == 0, "what speaks against a finding is left out"


def test_a_finding_for_which_no_place_speaks_has_no_map(release: ReleasedModel) -> None:
    given = outputs(release, log_odds=3.0)
    given[ACTIVATION] = -np.abs(given[ACTIVATION])
    assert activations_of(findings_of(release, given), given) == ()


def test_a_normal_page_has_no_map(release: ReleasedModel) -> None:
    given = outputs(release, log_odds=-20.0)
    assert activations_of(findings_of(release, given), given) == ()


@pytest.mark.parametrize(
    ("doubts", "usable"),
    [
        ((), True),
        ((PageDoubt.TURNED, PageDoubt.NO_GRID), True),
        ((PageDoubt.GAIN_ASSUMED, PageDoubt.SPEED_ASSUMED), True),
        ((PageDoubt.CUT_OFF,), False),
        ((PageDoubt.LAYOUT_UNSURE,), False),
        ((PageDoubt.FAST_PAPER,), False),
        ((PageDoubt.ORIENTATION_UNSURE, PageDoubt.CUT_OFF, PageDoubt.NO_GRID), False),
    ],
)
def test_a_page_that_may_be_read_wrongly_is_of_poor_quality(
    doubts: tuple[PageDoubt, ...], usable: bool
) -> None:
    assert (page_quality(doubts) >= 0.6) is usable
    assert 0.0 <= page_quality(doubts) <= 1.0
