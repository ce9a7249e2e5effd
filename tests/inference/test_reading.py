"""Readings: what they say beside the number, and how the shipped release reads invented stays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from inference.core.fusion import FusionWeights, fused_estimate, log_odds
from inference.core.reading import TrajectoryReading
from inference.core.release import ReleasedModel, release_from
from inference.core.trajectory import StayFacts, Trajectory, TrajectoryEvent
from inference.releases.library import ReleaseLibrary
from inference.runtimes.onnx import OnnxRuntime
from inference.runtimes.recorded import RecordedRuntime
from inference.usecases import read_trajectory

StayMaker = Callable[..., Trajectory]
Read = Callable[[Trajectory], TrajectoryReading]


@pytest.fixture
def invented_release(release_document: dict[str, Any]) -> ReleasedModel:
    return release_from(release_document)


def recorded(release: ReleasedModel, net: float, members: list[float]) -> RecordedRuntime:
    return RecordedRuntime(
        {release.name: {"efficientnet_log_odds": net, "boosting_probability": np.array(members)}}
    )


@pytest.fixture(scope="module")
def shipped() -> Iterator[Read]:
    library = ReleaseLibrary()
    runtime = OnnxRuntime(library, threads=1)
    release = library.load("deterioration")
    yield lambda stay: asyncio.run(read_trajectory(runtime, release, stay))
    runtime.close()


def test_the_parts_are_joined_by_the_coefficients_of_the_release(
    invented_release: ReleasedModel, usual_stay: Trajectory
) -> None:
    runtime = recorded(invented_release, 0.0, [0.5, 0.5])
    found = asyncio.run(read_trajectory(runtime, invented_release, usual_stay))
    assert found.risk.value == pytest.approx(0.5)
    assert found.risk.low < 0.5 < found.risk.high
    assert found.level == "high"
    assert found.parts["efficientnet_b3"] == pytest.approx(0.5)


def test_parts_that_disagree_beyond_what_was_seen_are_said_to(
    invented_release: ReleasedModel, usual_stay: Trajectory
) -> None:
    runtime = recorded(invented_release, 3.0, [0.05, 0.05])
    found = asyncio.run(read_trajectory(runtime, invented_release, usual_stay))
    assert found.out_of_distribution
    assert any("disagree" in reason for reason in found.unlike_because)


@pytest.mark.parametrize(("age_years", "reason"), [(None, "age"), (9.0, "younger")])
def test_an_unknown_or_young_age_is_out_of_distribution(
    invented_release: ReleasedModel,
    make_stay: StayMaker,
    age_years: float | None,
    reason: str,
) -> None:
    runtime = recorded(invented_release, -2.0, [0.1])
    stay = make_stay(age_years=age_years)
    found = asyncio.run(read_trajectory(runtime, invented_release, stay))
    assert any(reason in one for one in found.unlike_because)


def test_a_reading_says_what_was_missing(
    invented_release: ReleasedModel, make_stay: StayMaker
) -> None:
    runtime = recorded(invented_release, -2.0, [0.1])
    stay = make_stay({"HR": 80.0, "Temp": 37.0})
    found = asyncio.run(read_trajectory(runtime, invented_release, stay))
    assert found.completeness == pytest.approx(2 / 36)
    assert "lactate" in found.missing
    assert "heart rate" not in found.missing
    assert found.news2.completeness == pytest.approx(2 / 7)


def test_saturation_with_an_oxygen_mask_scores_for_the_oxygen_too(
    invented_release: ReleasedModel, make_stay: StayMaker
) -> None:
    runtime = recorded(invented_release, -2.0, [0.1])
    stay = make_stay({"SaO2": 97.0, "FiO2": 0.4})
    found = asyncio.run(read_trajectory(runtime, invented_release, stay))
    assert found.news2.points["air or oxygen"] == 2


def test_the_estimate_lies_within_its_interval_even_where_members_part() -> None:
    weights = FusionWeights(np.array([0.0, 0.5, 0.5]), np.array([[0.0, 0.5, 0.5]] * 10))
    found = fused_estimate(weights, -1.0, log_odds(np.array([0.05, 0.3])))
    assert found.low <= found.value <= found.high
    assert found.low < found.high


def test_the_sick_are_read_as_sicker_than_the_usual(
    shipped: Read, usual_stay: Trajectory, sick_stay: Trajectory
) -> None:
    usual, sick = shipped(usual_stay), shipped(sick_stay)
    assert usual.risk.value < 0.1 < 0.5 < sick.risk.value
    assert (usual.level, sick.level) == ("low", "high")
    assert sick.news2.score > usual.news2.score
    assert all(one.raises for one in sick.contributors[:2])


def test_a_single_set_of_vital_signs_is_read_and_said_to_be_little(shipped: Read) -> None:
    events = tuple(
        TrajectoryEvent(name, 59.0, value)
        for name, value in {"HR": 88.0, "NISysABP": 118.0, "RespRate": 17.0, "SaO2": 96.0}.items()
    )
    facts = StayFacts(age_years=55.0, sex="male", height_cm=None, weight_kg=None, icu_type=None)
    found = shipped(Trajectory(events, facts, hours=1.0))
    assert 0.0 < found.risk.low < found.risk.value < found.risk.high < 0.6
    assert found.completeness < 0.2


def test_the_order_in_which_events_arrive_does_not_change_a_reading(
    shipped: Read, sick_stay: Trajectory
) -> None:
    turned = replace(sick_stay, events=tuple(reversed(sick_stay.events)))
    assert shipped(turned) == shipped(sick_stay)


def test_a_reading_names_the_release_it_came_from(shipped: Read, usual_stay: Trajectory) -> None:
    assert shipped(usual_stay).release == ReleaseLibrary().load("deterioration").identity


def test_a_net_that_leaves_its_range_does_not_outvote_the_boosting(
    invented_release: ReleasedModel, sick_stay: Trajectory
) -> None:
    runtime = recorded(invented_release, -28.0, [0.5, 0.5])
    found = asyncio.run(read_trajectory(runtime, invented_release, sick_stay))
    assert found.parts["efficientnet_b3"] > 1 / 500
    assert found.out_of_distribution
