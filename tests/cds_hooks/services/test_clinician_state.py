"""The first sentence of the page: what was measured, whither it went, what is only simulated."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cds_hooks.fhir.kinds import Kind
from cds_hooks.fhir.reading import Reading
from cds_hooks.services.clinician_state import state_of
from inference.core.news2 import News2
from inference.core.reading import Estimate, TrajectoryReading
from twin.core.causes import Candidate, Causes, Course
from twin.core.hypotheses import Cause
from twin.core.measurements import Device

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RISK = TrajectoryReading(
    risk=Estimate(0.31, 0.22, 0.41),
    risk_basis="a study",
    population_rate=0.14,
    level="medium",
    parts={},
    news2=News2(4, "low", {}, 1.0, ()),
    completeness=0.5,
    missing=(),
    contributors=(),
    out_of_distribution=False,
    unlike_because=(),
    release="deterioration 1",
)


def pressure(value: float, minutes_ago: float, kind: Kind = Kind.MEAN_PRESSURE) -> Reading:
    at = NOW - timedelta(minutes=minutes_ago)
    return Reading(kind, value, at, f"Observation/{minutes_ago}", False, Device.CUFF)


def said(*readings: Reading) -> str:
    return state_of(readings, NOW, None, None, None).headline.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("before", "now", "word"),
    [(71, 58, "falling"), (58, 71, "rising"), (60, 58, "steady"), (62.9, 58, "steady")],
)
def test_the_way_is_told_from_what_was_charted_an_hour_before(
    before: float, now: float, word: str
) -> None:
    readings = [pressure(60, 300), pressure(before, 65), pressure(80, 20), pressure(now, 5)]
    assert said(*readings) == f"MAP {now:.0f} mmHg (5 min ago), {word}."


def test_a_pressure_that_sinks_slowly_for_hours_is_falling() -> None:
    sinking = [pressure(94 - 4 * hour, 60 * (7 - hour) + 5) for hour in range(8)]
    assert said(*sinking) == "MAP 66 mmHg (5 min ago), falling."
    beside = state_of(sinking, NOW, None, None, None).beside
    assert any("MAP was 90" in each and "6\N{NO-BREAK SPACE}h before" in each for each in beside)


def test_without_a_value_around_one_or_six_hours_before_no_way_is_told() -> None:
    assert said(pressure(58, 5)) == "MAP 58 mmHg (5 min ago)."
    assert said(pressure(90, 600), pressure(58, 5)) == "MAP 58 mmHg (5 min ago)."


def test_an_old_pressure_is_said_to_be_old() -> None:
    assert said(pressure(70, 260), pressure(66, 200)) == "MAP 66 mmHg, but that is 3 h ago."


def test_without_a_mean_the_systolic_stands_in_and_without_both_that_is_said() -> None:
    systolic = pressure(88, 4, Kind.SYSTOLIC_PRESSURE)
    assert said(systolic) == "Systolic pressure 88 mmHg (4 min ago)."
    assert said() == "No arterial pressure is charted."


def test_the_likeliest_cause_is_named_with_its_probability_and_called_simulated() -> None:
    candidates = (Candidate(Cause.BLOOD_LOSS, 0.72, 0.6),)
    causes = Causes(candidates, ("MAP low",), (), (), (), NOW, Course(1, 0.0, None))
    state = state_of([pressure(58, 5)], NOW, None, causes, 0.83)
    assert "likeliest cause, simulated: blood loss (72\N{NO-BREAK SPACE}%)." in state.headline
    assert "simulated: MAP below 65" in state.beside[-1]
    assert "83\N{NO-BREAK SPACE}%" in state.beside[-1]
    quiet = replace(causes, troubles=())
    assert "cause" not in state_of([pressure(90, 5)], NOW, None, quiet, None).headline


@pytest.mark.parametrize(
    ("level", "score", "news2", "shown", "because"),
    [
        ("low", 2, "low", "low", "Low: NEWS2 2 points, and so the estimated risk"),
        ("medium", 2, "low", "medium", "Medium: estimated risk 31 %"),
        ("low", 9, "high", "high", "High: NEWS2 9 points"),
        ("high", 9, "high", "high", "High: NEWS2 9 points and estimated risk"),
        ("low", 3, "low-medium", "medium", "Medium: NEWS2 3 points"),
    ],
)
def test_the_level_says_whose_it_is(
    level: str, score: int, news2: str, shown: str, because: str
) -> None:
    risk = replace(RISK, level=level, news2=News2(score, news2, {}, 1.0, ()))  # type: ignore[arg-type]
    state = state_of([pressure(80, 5)], NOW, risk, None, None)
    assert (state.level, state.because) == (shown, because)


def test_without_a_risk_none_is_claimed() -> None:
    assert state_of([], NOW, None, None, None).level == "unknown"
