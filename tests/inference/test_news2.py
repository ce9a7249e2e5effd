"""NEWS2 against the bands of the Royal College's chart, each edge on both sides."""

from __future__ import annotations

import pytest

from inference.core.news2 import BedsideValues, news2

# Royal College of Physicians, NEWS2, 2017, chart 1: (field, value, points).
CHART = [
    *(("respiratory_rate_per_min", value, points) for value, points in
      [(8, 3), (9, 1), (11, 1), (12, 0), (20, 0), (21, 2), (24, 2), (25, 3)]),
    *(("oxygen_saturation_percent", value, points) for value, points in
      [(91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0), (100, 0)]),
    *(("systolic_pressure_mmhg", value, points) for value, points in
      [(90, 3), (91, 2), (100, 2), (101, 1), (110, 1), (111, 0), (219, 0), (220, 3)]),
    *(("pulse_per_min", value, points) for value, points in
      [(40, 3), (41, 1), (50, 1), (51, 0), (90, 0), (91, 1), (110, 1), (111, 2), (130, 2),
       (131, 3)]),
    *(("temperature_c", value, points) for value, points in
      [(35.0, 3), (35.1, 1), (36.0, 1), (36.1, 0), (38.0, 0), (38.1, 1), (39.0, 1), (39.1, 2)]),
    ("on_oxygen", True, 2),
    ("on_oxygen", False, 0),
    ("alert", False, 3),
    ("alert", True, 0),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "points"), CHART)
def test_each_band_scores_as_on_the_chart(field: str, value: float, points: int) -> None:
    assert news2(BedsideValues(**{field: value})).score == points


@pytest.mark.parametrize(
    ("saturation", "on_oxygen", "points"),
    [
        (83, False, 3),
        (85, False, 2),
        (87, True, 1),
        (88, True, 0),
        (92, True, 0),
        (93, True, 1),
        (95, True, 2),
        (97, True, 3),
        (97, False, 0),
    ],
)
def test_the_hypercapnic_scale_punishes_too_much_oxygen_only_on_oxygen(
    saturation: float, on_oxygen: bool, points: int
) -> None:
    found = news2(
        BedsideValues(
            oxygen_saturation_percent=saturation, on_oxygen=on_oxygen, hypercapnic_target=True
        )
    )
    assert found.points["oxygen saturation"] == points


def test_the_worst_patient_scores_twenty() -> None:
    worst = BedsideValues(
        respiratory_rate_per_min=30,
        oxygen_saturation_percent=80,
        on_oxygen=True,
        systolic_pressure_mmhg=70,
        pulse_per_min=150,
        alert=False,
        temperature_c=34,
    )
    assert (news2(worst).score, news2(worst).level) == (20, "high")


def test_what_is_missing_scores_nothing_and_is_named() -> None:
    found = news2(BedsideValues(pulse_per_min=120, temperature_c=38.5))
    assert found.score == 3
    assert found.completeness == pytest.approx(2 / 7)
    assert "respiratory rate" in found.missing
    assert "pulse" not in found.missing


def test_a_single_three_calls_for_urgent_ward_review() -> None:
    assert news2(BedsideValues(respiratory_rate_per_min=25)).level == "low-medium"
    assert news2(BedsideValues(pulse_per_min=95)).level == "low"


def test_nothing_charted_is_not_a_healthy_patient() -> None:
    found = news2(BedsideValues())
    assert (found.score, found.completeness) == (0, 0.0)
    assert len(found.missing) == 7
