"""The image: missing stays missing, order does not matter, derived rows follow physiology."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.core.trajectory import (
    PARAMETERS,
    SERIES,
    StayFacts,
    Trajectory,
    TrajectoryEvent,
    columns_of,
)
from inference.core.trajectory_image import (
    AGGREGATES,
    CLIP,
    FEATURE_NAMES,
    IMAGE_SHAPE,
    TIME_COLUMNS,
    Standards,
    features,
    image,
    image_of,
    summary_of,
)
from inference.core.trajectory_rows import FACT_ROWS, ROW_INDEX, ROWS, TIMED_ROWS
from inference.core.trajectory_series import timed_series

UNKNOWN = StayFacts(age_years=None, sex=None, height_cm=None, weight_kg=None, icu_type=None)
StayMaker = Callable[..., Trajectory]


@pytest.fixture
def standards() -> Standards:
    shape = (len(TIMED_ROWS), 1 + len(AGGREGATES))
    facts = len(FACT_ROWS)
    return Standards(np.zeros(shape), np.full(shape, 50.0), np.zeros(facts), np.full(facts, 50.0))


def of_events(*events: tuple[str, float, float], hours: float = 48.0) -> Trajectory:
    return Trajectory(tuple(TrajectoryEvent(*event) for event in events), UNKNOWN, hours)


def aggregate(stay: Trajectory, row: str, name: str) -> float:
    found = summary_of(columns_of(stay)).aggregates
    return float(found[ROW_INDEX[row], AGGREGATES.index(name)])


def test_the_parameters_are_the_forty_one_of_the_challenge() -> None:
    assert len(SERIES) == 36
    assert {row.name for row in PARAMETERS} - {row.name for row in SERIES} == {
        "Age", "Gender", "Height", "Weight", "ICUType",
    }  # fmt: skip


def test_a_stay_without_any_event_is_an_empty_image(standards: Standards) -> None:
    painted = image_of(Trajectory((), UNKNOWN, 48.0), standards)
    assert painted.shape == IMAGE_SHAPE
    assert not painted.any()


def test_rows_without_a_value_stay_empty_in_every_channel(
    make_stay: StayMaker, standards: Standards
) -> None:
    painted = image_of(make_stay({"HR": 80.0}), standards)
    touched = {row.name for row in ROWS if painted[3, ROW_INDEX[row.name]].any()}
    assert {"HR", "EarlyWarning"} <= touched
    assert not touched & {"Systolic", "ShockIndex", "Lactate", "OxygenRatio", "OrganFailure"}
    assert not painted[:, ROW_INDEX["Lactate"]].any()


@given(order=st.randoms(use_true_random=False))
def test_the_order_of_events_does_not_matter(order: object) -> None:
    events = [
        ("HR", 30.0, 80.0), ("HR", 30.0, 90.0), ("HR", 200.0, 70.0), ("NISysABP", 30.0, 110.0),
        ("NISysABP", 200.0, 100.0), ("PaO2", 60.0, 80.0), ("FiO2", 50.0, 0.4),
        ("Urine", 60.0, 50.0),
    ]  # fmt: skip
    shuffled = list(events)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (features(summary_of(columns_of(of_events(*way)))) for way in (events, shuffled))
    np.testing.assert_array_equal(one, other)


def test_events_repeated_to_the_minute_change_nothing() -> None:
    once = of_events(("HR", 30.0, 80.0), ("HR", 90.0, 100.0))
    twice = of_events(("HR", 30.0, 80.0), ("HR", 30.0, 80.0), ("HR", 90.0, 100.0))
    np.testing.assert_array_equal(
        features(summary_of(columns_of(once))), features(summary_of(columns_of(twice)))
    )


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("Temp", 9.0), ("pH", 735.0), ("HR", 0.0), ("NIDiasABP", 0.0), ("GCS", 2.0), ("FiO2", 40.0)],
)
def test_an_artefact_is_not_a_measurement(parameter: str, value: float) -> None:
    assert len(columns_of(of_events((parameter, 60.0, value))).value) == 0


def test_values_outside_the_window_are_left_out() -> None:
    stay = of_events(("HR", -5.0, 70.0), ("HR", 61.0, 75.0), ("HR", 30.0, 80.0), hours=1.0)
    assert columns_of(stay).value.tolist() == [80.0]


def test_a_window_longer_than_48_hours_keeps_its_last_48() -> None:
    stay = of_events(("HR", 60.0, 70.0), ("HR", 60.0 * 70, 90.0), hours=72.0)
    assert columns_of(stay).value.tolist() == [90.0]


def test_the_last_column_ends_now(standards: Standards) -> None:
    stay = of_events(("HR", 60.0 * 5.5, 100.0), hours=6.0)
    painted = image_of(stay, standards)[3, ROW_INDEX["HR"], :TIME_COLUMNS]
    assert np.flatnonzero(painted).tolist() == [TIME_COLUMNS - 1]


def test_aggregates_agree_with_numpy() -> None:
    values = [71.0, 93.0, 88.0, 64.0, 102.0]
    minutes = [0.0, 300.0, 1500.0, 2000.0, 2800.0]
    stay = of_events(
        *(("HR", minute, value) for minute, value in zip(minutes, values, strict=True))
    )
    assert aggregate(stay, "HR", "first") == values[0]
    assert aggregate(stay, "HR", "last") == values[-1]
    assert aggregate(stay, "HR", "median") == np.median(values)
    assert aggregate(stay, "HR", "mean") == pytest.approx(np.mean(values))
    assert aggregate(stay, "HR", "standard deviation") == pytest.approx(np.std(values))
    slope = np.polyfit(np.array(minutes) / 1440.0, values, 1)[0]
    assert aggregate(stay, "HR", "slope per day") == pytest.approx(slope)
    assert aggregate(stay, "HR", "minimum of the last half") == 64.0
    assert aggregate(stay, "HR", "hours since last") == pytest.approx(80.0 / 60.0)


def test_one_value_has_no_slope_and_no_variability() -> None:
    stay = of_events(("HR", 100.0, 80.0))
    assert np.isnan(aggregate(stay, "HR", "slope per day"))
    assert np.isnan(aggregate(stay, "HR", "standard deviation"))


@pytest.mark.parametrize(
    ("events", "row", "expected"),
    [
        ((("HR", 10.0, 90.0), ("SysABP", 10.0, 120.0)), "ShockIndex", 0.75),
        ((("SysABP", 10.0, 120.0), ("DiasABP", 10.0, 80.0)), "PulsePressure", 40.0),
        ((("PaO2", 60.0, 80.0), ("FiO2", 10.0, 0.4)), "OxygenRatio", 200.0),
        ((("BUN", 60.0, 40.0), ("Creatinine", 60.0, 2.0)), "UreaRatio", 20.0),
        # Siggaard-Andersen 1977: pH 7.4 with bicarbonate 24.4 is a base excess of 0.
        ((("pH", 60.0, 7.4), ("HCO3", 60.0, 24.4)), "BaseExcess", 0.0),
        # Room air, PaCO2 40, PaO2 90: 0.21 x 713 - 40 / 0.8 - 90 = 9.7 mmHg.
        (
            (("PaO2", 60.0, 90.0), ("PaCO2", 60.0, 40.0), ("FiO2", 60.0, 0.21)),
            "OxygenGradient",
            9.73,
        ),
    ],
)
def test_derived_rows_follow_their_definition(
    events: tuple[tuple[str, float, float], ...], row: str, expected: float
) -> None:
    assert aggregate(of_events(*events), row, "last") == pytest.approx(expected, abs=1e-9)


def test_urine_is_judged_by_weight_and_time() -> None:
    stay = of_events(("Urine", 60.0, 70.0), ("Urine", 180.0, 70.0))
    stay = replace(stay, facts=replace(UNKNOWN, weight_kg=70.0))
    assert aggregate(stay, "UrineRate", "last") == pytest.approx(0.5)
    assert "UrineRate" not in rows_of(replace(stay, facts=UNKNOWN))


def test_an_old_oxygen_fraction_makes_no_ratio() -> None:
    assert "OxygenRatio" not in rows_of(of_events(("FiO2", 10.0, 0.4), ("PaO2", 1000.0, 80.0)))


def test_the_catheter_is_believed_before_the_cuff() -> None:
    stay = of_events(("SysABP", 10.0, 100.0), ("NISysABP", 10.0, 130.0), ("NISysABP", 70.0, 125.0))
    assert aggregate(stay, "Systolic", "first") == 100.0
    assert aggregate(stay, "Systolic", "count") == 2.0


def test_organ_failure_points_count_as_sofa_counts() -> None:
    # Vincent 1996: GCS 9 -> 3, platelets 40 -> 3, creatinine 2.5 -> 2,
    # bilirubin 3 -> 2, MAP 60 -> 1.
    stay = of_events(
        ("GCS", 2800.0, 9.0), ("Platelets", 2800.0, 40.0), ("Creatinine", 2800.0, 2.5),
        ("Bilirubin", 2800.0, 3.0), ("MAP", 2800.0, 60.0),
    )  # fmt: skip
    assert aggregate(stay, "OrganFailure", "last") == 11.0


@given(
    st.lists(
        st.tuples(
            st.sampled_from([row.name for row in SERIES]),
            st.floats(0, 2880),
            st.floats(0.01, 1000),
        ),
        max_size=60,
    )
)
def test_any_stay_paints_finite_numbers_within_the_clip(
    events: list[tuple[str, float, float]],
) -> None:
    shape = (len(TIMED_ROWS), 1 + len(AGGREGATES))
    facts = len(FACT_ROWS)
    narrow = Standards(np.zeros(shape), np.ones(shape), np.zeros(facts), np.ones(facts))
    painted = image_of(of_events(*events), narrow)
    assert np.isfinite(painted).all()
    assert np.abs(painted[:3]).max() <= CLIP
    assert len(features(summary_of(columns_of(of_events(*events))))) == len(FEATURE_NAMES)


def test_the_image_depends_on_the_summary_alone(
    usual_stay: Trajectory, standards: Standards
) -> None:
    once = image(summary_of(columns_of(usual_stay)), standards)
    np.testing.assert_array_equal(once, image_of(usual_stay, standards))


def rows_of(stay: Trajectory) -> set[str]:
    return {ROWS[row].name for row in timed_series(columns_of(stay))}
