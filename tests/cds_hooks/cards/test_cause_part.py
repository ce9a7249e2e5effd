"""The part of a card that says why a patient is in trouble."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cds_hooks.cards.cause_part import cause_lines
from twin.core.causes import Candidate, Causes, Course
from twin.core.hypotheses import Cause
from twin.core.telling import Telling

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CAUSES = Causes(
    (
        Candidate(Cause.BLOOD_LOSS, 0.62, 0.71),
        Candidate(Cause.VASOPLEGIA, 0.30, 0.12),
        Candidate(Cause.PUMP_FAILURE, 0.07, 0.15),
        Candidate(Cause.DRUG_EFFECT, 0.01, 0.02),
    ),
    ("mean arterial pressure 58 mmHg, below 65",),
    (Telling("central venous pressure", 0.5, 1.2), Telling("cardiac output", 0.3, 1.2)),
    (Cause.TAMPONADE,),
    ("Simulated.", "Not weighed: obstruction by tamponade."),
    NOW - timedelta(minutes=8),
    Course(4, 5.2, 1.9),
)


def test_the_likeliest_cause_comes_with_probability_age_and_doubt() -> None:
    said = cause_lines(CAUSES, NOW) or ""
    assert "**blood loss**, 62 %" in said
    assert "equally common: 71 %" in said
    assert "8 min ago" in said
    assert "below 65" in said
    assert "simulated" in said


def test_alternatives_are_named_and_the_improbable_left_out() -> None:
    said = cause_lines(CAUSES, NOW) or ""
    assert "vasoplegia, as in sepsis 30 %, failure of the left ventricle 7 %" in said
    assert Cause.DRUG_EFFECT.value not in said


def test_the_most_telling_measurement_is_named_and_only_it() -> None:
    said = cause_lines(CAUSES, NOW) or ""
    assert "**Would tell them apart best**: central venous pressure." in said
    assert "cardiac output" not in said


def test_the_course_is_told_with_its_sets_and_likely_onset() -> None:
    said = cause_lines(CAUSES, NOW) or ""
    assert "weighed from 4 sets of vital signs over 5 h" in said
    assert "began about 2 h before the newest" in said
    soon = cause_lines(replace(CAUSES, course=Course(2, 0.6, 0.4)), NOW) or ""
    assert "over 36 min" in soon
    assert "about 24 min before" in soon


def test_of_one_set_no_course_is_told() -> None:
    assert "Course" not in (cause_lines(replace(CAUSES, course=Course(1, 0.0, None)), NOW) or "")


def test_what_was_not_weighed_is_said() -> None:
    assert "Not weighed: obstruction by tamponade." in (cause_lines(CAUSES, NOW) or "")


def test_nothing_is_said_of_a_patient_in_no_trouble() -> None:
    assert cause_lines(replace(CAUSES, troubles=()), NOW) is None


def test_no_measurement_is_proposed_where_none_would_tell() -> None:
    said = cause_lines(replace(CAUSES, telling=()), NOW) or ""
    assert "tell them apart" not in said
