"""What a cuff or a line shows of the aorta: pulse, mean, age and device."""

from __future__ import annotations

import numpy as np
import pytest

from twin.core.arm import (
    DIASTOLIC,
    MEAN,
    SYSTOLIC,
    Arm,
    aortic_systolic_mmhg,
    arm_systolic_mmhg,
    expected_amplification,
    monitor_share,
)
from twin.core.haemodynamics import QUANTITIES
from twin.core.measurements import Device

AORTIC_SHARE = 0.45
"""Chemla 2002, Clin Sci 103:7: mean pressure in the aorta, as a share of the pulse."""


def _state(systolic: float, diastolic: float, mean: float) -> np.ndarray:
    state = np.full((len(QUANTITIES), 1), 50.0)
    state[[SYSTOLIC, DIASTOLIC, MEAN], 0] = systolic, diastolic, mean
    return state


@pytest.mark.parametrize(
    ("device", "published_share"),
    [(Device.CUFF, 0.40), (Device.ARTERIAL_LINE, 0.34)],
    ids=["brachial: Bos 2007", "radial: SphygmoCor, 376 people"],
)
def test_the_mean_lies_where_published_form_factors_put_it_in_the_pulse_of_the_arm(
    device: Device, published_share: float
) -> None:
    amplification = expected_amplification(device, None)
    assert AORTIC_SHARE / amplification == pytest.approx(published_share, abs=0.015)


def test_a_radial_line_shows_a_dozen_millimetres_more_than_the_aorta() -> None:
    # Pauca 1992, Chest 102:1193: 51 patients of 48 to 77 years, radial minus aortic 12 +- 1 mmHg.
    shown = arm_systolic_mmhg(
        np.array(120.0), np.array(70.0), expected_amplification(Device.ARTERIAL_LINE, 62.0)
    )
    assert shown - 120.0 == pytest.approx(12.0, abs=3.0)


def test_a_cuff_shows_less_of_it_than_a_line_and_the_old_less_than_the_young() -> None:
    cuff, line = (
        [expected_amplification(device, age) for age in (25.0, 45.0, 75.0)]
        for device in (Device.CUFF, Device.ARTERIAL_LINE)
    )
    assert all(a < b for a, b in zip(cuff, line, strict=True))
    assert cuff == sorted(cuff, reverse=True)
    assert line == sorted(line, reverse=True)
    assert min(cuff) > 1.0


def test_an_unknown_age_is_a_typical_patients_and_no_age_is_extrapolated_far() -> None:
    assert expected_amplification(Device.CUFF, None) == expected_amplification(Device.CUFF, 62.0)
    assert expected_amplification(Device.CUFF, 18.0) == expected_amplification(Device.CUFF, 20.0)
    assert expected_amplification(Device.CUFF, 105.0) == expected_amplification(Device.CUFF, 85.0)


def test_the_way_to_the_arm_and_back_leads_to_the_same_aorta() -> None:
    systolic, diastolic = np.array([100.0, 140.0]), np.array([60.0, 70.0])
    there = arm_systolic_mmhg(systolic, diastolic, 1.3)
    np.testing.assert_allclose(aortic_systolic_mmhg(there, diastolic, 1.3), systolic)


def test_a_line_shows_the_aortas_mean_and_a_cuff_what_its_monitor_makes_of_two_pressures() -> None:
    aorta = _state(120.0, 70.0, 92.0)
    line = Arm(np.array([1.3]), None).shown(aorta)
    cuff = Arm(np.array([1.1]), 1.0 / 3.0).shown(aorta)
    assert line[[SYSTOLIC, DIASTOLIC, MEAN], 0] == pytest.approx([135.0, 70.0, 92.0])
    assert cuff[[SYSTOLIC, DIASTOLIC, MEAN], 0] == pytest.approx([125.0, 70.0, 70.0 + 55.0 / 3.0])
    others = [row for row in range(len(QUANTITIES)) if row not in (SYSTOLIC, DIASTOLIC, MEAN)]
    np.testing.assert_array_equal(cuff[others], aorta[others])
    assert aorta[SYSTOLIC, 0] == 120.0


def test_the_change_that_is_shown_is_what_is_shown_of_the_change() -> None:
    before, after = _state(110.0, 60.0, 81.0), _state(150.0, 72.0, 103.0)
    arm = Arm(np.array([1.17]), 0.24)
    np.testing.assert_allclose(
        arm.shown(after) - arm.shown(before), arm.shown(after - before), atol=1e-9
    )


def test_a_monitors_formula_is_read_off_what_it_shows_within_what_a_pulse_allows() -> None:
    assert monitor_share(120.0, 60.0, 80.0) == pytest.approx(1.0 / 3.0)
    assert monitor_share(120.0, 60.0, 119.0) == 0.60
    assert monitor_share(60.0, 60.0, 60.0) == 0.15


def test_without_an_arm_the_aorta_is_shown() -> None:
    aorta = _state(120.0, 70.0, 92.0)
    np.testing.assert_array_equal(Arm.none(1).shown(aorta), aorta)
