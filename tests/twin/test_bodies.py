"""Blood volume and parameters by body."""

from __future__ import annotations

import pytest

from twin.core.parameters import (
    PARAMETER_INDEX,
    Body,
    expected_blood_volume_ml,
    scaled_to,
    standard_adult,
)


def test_blood_volume_follows_nadler_for_a_man_of_70_kg_and_175_cm() -> None:
    # 0.3669 * 1.75**3 + 0.03219 * 70 + 0.6041 = 4.824 L, by hand.
    assert expected_blood_volume_ml(Body(50, "male", 70, 175)) == pytest.approx(4824, abs=1)


def test_blood_volume_follows_nadler_for_a_woman_of_60_kg_and_165_cm() -> None:
    # 0.3561 * 1.65**3 + 0.03308 * 60 + 0.1833 = 3.768 L, by hand.
    assert expected_blood_volume_ml(Body(50, "female", 60, 165)) == pytest.approx(3768, abs=1)


def test_an_unknown_body_is_the_standard_adult() -> None:
    assert (scaled_to(Body(None, None, None, None)) == standard_adult()).all()


def test_age_lowers_the_highest_heart_rate() -> None:
    old = scaled_to(Body(80, None, None, None))
    # Tanaka 2001: 208 - 0.7 * 80.
    assert old[PARAMETER_INDEX["maximum_heart_rate"]] == pytest.approx(152)
