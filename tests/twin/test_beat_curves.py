"""One beat of a fitted patient, as it is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from twin.core.beat_curves import WAVE_S, BeatCurves, beat_curves
from twin.core.haemodynamics import Quantity

if TYPE_CHECKING:
    from tests.twin.conftest import Bedside
    from twin.core.estimate import Estimator
    from twin.core.fit import ConvergedFit


@pytest.fixture(scope="module")
def adult(estimator: Estimator, bedside: Bedside) -> ConvergedFit:
    fit = estimator.fit(bedside.seen(bedside.stable), bedside.man, bedside.noon).converged()
    assert fit is not None
    return fit


@pytest.fixture(scope="module")
def curves(adult: ConvergedFit) -> tuple[BeatCurves, BeatCurves, BeatCurves]:
    return beat_curves(adult)


def test_the_circulations_shown_are_of_low_middle_and_high_output(
    curves: tuple[BeatCurves, BeatCurves, BeatCurves], adult: ConvergedFit
) -> None:
    outputs = [each.output_l_per_min for each in curves]
    assert outputs == sorted(outputs)
    output = adult.estimates[Quantity.CARDIAC_OUTPUT]
    assert output.low <= outputs[0] <= outputs[2] <= output.high


def test_the_loop_closes_and_encloses_the_stroke_volume(
    curves: tuple[BeatCurves, BeatCurves, BeatCurves], adult: ConvergedFit
) -> None:
    rate = adult.estimates[Quantity.HEART_RATE].median
    for each in curves:
        volume, pressure = each.ventricle_volume_ml, each.ventricle_pressure_mmhg
        stroke_ml = volume.max() - volume.min()
        assert stroke_ml == pytest.approx(1000.0 * each.output_l_per_min / rate, rel=0.15)
        assert abs(volume[-1] - volume[0]) < 0.25 * stroke_ml
        # Ejection is at high pressure and filling at low, so that the loop has an area: work.
        assert abs(np.trapezoid(pressure, volume)) > 0.5 * stroke_ml * 80.0


def test_the_aortic_pressure_swings_around_the_mean_that_was_fitted(
    curves: tuple[BeatCurves, BeatCurves, BeatCurves], adult: ConvergedFit
) -> None:
    middle = curves[1].aortic_pressure_mmhg
    assert len(middle) * curves[1].step_s == pytest.approx(WAVE_S)
    mean = adult.estimates[Quantity.MEAN_PRESSURE]
    assert middle.mean() == pytest.approx(mean.median, abs=6.0)
    assert middle.min() < mean.low < mean.high < middle.max()
