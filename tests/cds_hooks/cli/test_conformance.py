"""The table of conformance says what the tests showed, no more."""

from __future__ import annotations

import json

import pytest

from cds_hooks.cli.conformance import summary, table, verdict
from cds_hooks.cli.conformance_attacks import GOALS, attack_summary, attacks

REQUIREMENTS = [
    {"number": "CH-001", "level": "SHALL", "text": "One.", "met_by": "service"},
    {"number": "CH-002", "level": "SHALL", "text": "Two.", "met_by": "service"},
    {"number": "CH-003", "level": "SHALL", "text": "Three.", "met_by": "service"},
    {
        "number": "CH-004",
        "level": "MAY",
        "text": "Four.",
        "met_by": "not-offered",
        "reason": "No.",
    },
    {"number": "CH-005", "level": "SHALL", "text": "Five.", "met_by": "service"},
]
FOUND = {
    "CH-001": {"a": "passed", "b": "skipped"},
    "CH-002": {"a": "passed", "c": "failed"},
    "CH-003": {"d": "skipped"},
}


@pytest.mark.parametrize(
    ("outcomes", "result"),
    [
        (["passed"], "passed"),
        (["passed", "skipped"], "passed"),
        (["passed", "failed"], "failed"),
        (["skipped"], "skipped"),
        ([], "untested"),
    ],
)
def test_one_failure_fails_a_requirement_and_one_pass_is_needed(
    outcomes: list[str], result: str
) -> None:
    assert verdict(outcomes) == result


def test_the_table_joins_requirements_and_results() -> None:
    rows = table(REQUIREMENTS, FOUND)
    assert [row.result for row in rows] == [
        "passed",
        "failed",
        "skipped",
        "not applicable",
        "untested",
    ]


def test_the_summary_counts_and_is_json() -> None:
    figures = json.loads(json.dumps(summary(table(REQUIREMENTS, FOUND))))
    counted = {name: figures[name] for name in ("passed", "failed", "skipped", "untested")}
    assert counted == {"passed": 1, "failed": 1, "skipped": 1, "untested": 1}
    assert figures["requirements"] == 5
    assert figures["tests"] == 4
    assert figures["table"][0]["tests"] == ["a", "b"]


def test_attacks_are_counted_by_kind_and_measured_against_their_goals() -> None:
    found = {
        "markup": {f"m{number}": "passed" for number in range(500)},
        "egress": {f"e{number}": "passed" for number in range(299)} | {"e": "failed"},
        "clickjacking": {"c": "skipped"},
    }
    figures = json.loads(json.dumps(attack_summary(attacks(found))))
    assert (figures["tried"], figures["refused"], figures["succeeded"]) == (800, 799, 1)
    assert figures["skipped"] == 1
    assert figures["goals_met"] is False
    assert [each["kind"] for each in figures["attacks"]] == [
        *("markup", "egress", "clickjacking", "token forgery")
    ]
    assert figures["attacks"][-1]["goal"] == 200


def test_a_kind_without_a_goal_cannot_miss_it() -> None:
    whole = {kind: {str(n): "passed" for n in range(goal)} for kind, goal in GOALS.items()}
    assert attack_summary(attacks(whole | {"other": {"o": "passed"}}))["goals_met"] is True
