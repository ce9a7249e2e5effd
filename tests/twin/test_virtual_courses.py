"""Virtual patients whose trouble runs its course, their charts, and the examination on them."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from twin.core.causes import CauseWeigher
from twin.core.haemodynamics import QUANTITY_INDEX, Quantity
from twin.core.hypotheses import Cause
from twin.core.measurements import Condition
from twin.core.observation_sets import contradiction, observation_sets
from twin.core.trouble import troubles
from twin.store.emulator_file import read_cause_emulator
from twin.validation.charted_courses import Shown, chart
from twin.validation.course_report import BOTH, examined
from twin.validation.virtual_courses import (
    CHALLENGE_H,
    MOMENT_H,
    WELL_MOMENTS,
    VirtualCourses,
    moment_at,
    virtual_courses,
)
from twin.validation.virtual_patients import NOW

EACH = 4
CAUSES = (Cause.BLOOD_LOSS, Cause.VASOPLEGIA, Cause.PUMP_FAILURE, Cause.EMBOLISM)
EVERYTHING = Shown(extra=BOTH, haemoglobin=True)


@pytest.fixture(scope="module")
def people() -> VirtualCourses:
    return virtual_courses(dict.fromkeys(CAUSES, EACH), 5)


def values(people: VirtualCourses, person: int, quantity: Quantity) -> np.ndarray:
    last = moment_at(float(people.age_h[person])) + 1
    found: np.ndarray = people.states[QUANTITY_INDEX[quantity], :last, person]
    return found


def of_cause(people: VirtualCourses, cause: Cause) -> list[int]:
    return [place for place, each in enumerate(people.causes) if each is cause]


def test_everybody_is_well_at_first_and_in_trouble_when_asked_about(
    people: VirtualCourses,
) -> None:
    for person in range(len(people.causes)):
        pressure = values(people, person, Quantity.MEAN_PRESSURE)
        assert np.ptp(pressure[:WELL_MOMENTS]) < 25.0
        assert (people.severities[:WELL_MOMENTS, person] == 0.0).all()
        assert people.severities[moment_at(float(people.age_h[person])), person] > 0.0


def test_a_bleeder_loses_blood_along_the_course_and_water_thins_what_is_left(
    people: VirtualCourses,
) -> None:
    for person in of_cause(people, Cause.BLOOD_LOSS):
        volume = values(people, person, Quantity.BLOOD_VOLUME)
        assert volume.min() < 0.95 * volume[0]
        haemoglobin = values(people, person, Quantity.HAEMOGLOBIN)
        assert haemoglobin[-1] < haemoglobin[0]


def test_an_embolism_is_there_sooner_than_a_sepsis(people: VirtualCourses) -> None:
    soon = WELL_MOMENTS + round(0.25 / MOMENT_H)
    struck = people.severities[soon, of_cause(people, Cause.EMBOLISM)]
    crept = people.severities[soon, of_cause(people, Cause.VASOPLEGIA)]
    assert struck.min() > crept.max()


def test_oxygen_follows_a_low_saturation_and_never_comes_first(people: VirtualCourses) -> None:
    for person in range(len(people.causes)):
        given = np.flatnonzero(people.oxygen[:, person] > 0.22)
        if len(given):
            row = people.states[QUANTITY_INDEX[Quantity.OXYGEN_SATURATION], : given[0], person]
            assert row.min() < 90.0


def test_a_chart_has_sets_in_order_with_gaps_but_a_whole_newest_one(
    people: VirtualCourses,
) -> None:
    for person in range(len(people.causes)):
        seen = chart(people, person, EVERYTHING)
        sets = observation_sets(seen.measurements)
        assert len(sets) == seen.sets + 1
        assert sets[0].taken_at == NOW
        assert len(sets[0].seen) == 5 + len(BOTH)
        assert sum(contradiction(each) is not None for each in sets) == 0
        spans = [(a.taken_at - b.taken_at) for a, b in pairwise(sets)]
        assert min(spans) > timedelta(minutes=10)
        onset = NOW - timedelta(hours=float(people.age_h[person]))
        assert sets[-1].taken_at < onset < sets[-2].taken_at
        for each in seen.given:
            assert onset < each.starts_at
            assert each.ends_at == each.starts_at + timedelta(hours=CHALLENGE_H)


def test_most_newest_sets_show_the_trouble_as_charted(people: VirtualCourses) -> None:
    newest = [
        observation_sets(chart(people, person, Shown()).measurements)[0]
        for person in range(len(people.causes))
    ]
    assert sum(bool(troubles(each)) for each in newest) > 0.75 * len(newest)


def test_less_of_a_chart_is_a_part_of_more_of_it(people: VirtualCourses) -> None:
    whole = chart(people, 3, Shown()).measurements
    newest = chart(people, 3, Shown(sets=1, before=False)).measurements
    assert newest == [m for m in whole if m.taken_at == NOW]
    assert {m.quantity for m in newest} >= {Quantity.HEART_RATE, Condition.TEMPERATURE}


def test_the_same_seed_gives_the_same_courses(people: VirtualCourses) -> None:
    again = virtual_courses(dict.fromkeys(CAUSES, EACH), people.seed)
    assert np.array_equal(again.states, people.states)
    assert chart(again, 2, EVERYTHING) == chart(people, 2, EVERYTHING)


def test_an_examination_counts_everybody_under_every_amount_of_chart(
    people: VirtualCourses,
) -> None:
    shown = {"newest": Shown(1, False), "whole": EVERYTHING}
    rates = dict.fromkeys(CAUSES, 1.0)
    cases = examined(people, CauseWeigher(read_cause_emulator()), rates, shown)
    for case in cases.values():
        counted = sum(sum(said.values()) for said in case["confusion"].values())
        assert counted == len(people.causes)
        assert 0.0 <= case["brier"] <= 2.0
        assert set(case["accuracy_by_cause"]) == {cause.name.lower() for cause in CAUSES}
    assert cases["whole"]["log_loss"] < cases["newest"]["log_loss"]
    assert "accuracy_by_sets" in cases["whole"]
    assert "accuracy_by_sets" not in cases["newest"]
