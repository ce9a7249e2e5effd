"""The page of plots: its files are made, show something, and show what is graded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twin.core.haemodynamics import Quantity
from twin.core.intervention_kinds import Drug
from twin.validation.curves import circulations, dose_response, haemorrhage
from twin.validation.report import report
from twin.validation.targets import load_targets

TARGETS = load_targets()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
    from cds_hooks.cli.validation_plots import draw_all

    return draw_all(tmp_path_factory.mktemp("plots") / "new", TARGETS)


def test_every_picture_is_made_and_none_is_blank(page: list[Path]) -> None:
    from matplotlib.image import imread

    assert {path.name for path in page} == {
        "loops.png",
        "waveforms.png",
        "haemorrhage.png",
        "dose_responses.png",
    }
    for path in page:
        pixels = imread(path)[..., :3]
        drawn = (pixels < 0.9).any(axis=-1).mean()
        assert 0.005 < drawn < 0.5, path.name


def test_the_haemorrhage_curve_passes_where_the_graded_rows_say() -> None:
    graded = {
        (line["quantity"], round(line["at_s"])): line["value"]
        for line in report(frozenset({"haemorrhage_curve"}))["table"]  # type: ignore[attr-defined]
    }
    for curve in haemorrhage(TARGETS):
        assert curve.published
        for point in curve.published:
            value = graded[(curve.quantity.value, round(36.0 * point.at))]
            assert np.interp(point.at, curve.at, curve.values) == pytest.approx(value, abs=0.5)


def test_published_points_of_a_drug_stand_at_their_doses() -> None:
    curves = dose_response(TARGETS, Drug.PHENYLEPHRINE, (2.0,), (Quantity.HEART_RATE,))
    assert [(point.at, point.low, point.high) for point in curves[0].published] == [
        (2.0, -12.0, -8.0),
        (4.0, -13.0, -10.0),
    ]
    assert all(point.held_out for point in curves[0].published)
    assert curves[0].values[0] == 0.0
    assert curves[0].values[1] < -5.0


def test_loops_are_those_of_the_patients_that_are_validated() -> None:
    found = {each.name: each for each in circulations(TARGETS, 2.0)}
    assert {"standard adult", "septic shock", "refractory failure"} <= set(found)
    failing = found["refractory failure"].waves["left_ventricle"][0]
    well = found["standard adult"].waves["left_ventricle"][0]
    assert failing.min() > well.max()
