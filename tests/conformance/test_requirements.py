"""Every requirement that a CDS Service can meet is cited by a test; none is invented."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
REQUIREMENTS = tomllib.loads(
    Path(__file__).with_name("cds_hooks_requirements.toml").read_text("utf-8")
)["requirement"]


def cited() -> Iterator[str]:
    """Yield each CH number that a file of tests holds as a text."""
    for file in TESTS.rglob("test_*.py"):
        if file == Path(__file__):
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from re.findall(r"^CH-\d{3}$", node.value)


def test_there_are_152_requirements_numbered_without_a_gap() -> None:
    assert [each["number"] for each in REQUIREMENTS] == [f"CH-{n:03}" for n in range(1, 153)]


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda each: each["number"])
def test_a_requirement_is_whole(requirement: dict[str, str]) -> None:
    assert requirement["level"] in {"SHALL", "SHALL NOT", "SHOULD", "SHOULD NOT", "MAY"}
    assert requirement["text"].endswith(".")
    assert requirement["met_by"] in {"service", "deployment", "not-offered"}
    assert ("reason" in requirement) is (requirement["met_by"] != "service")


def test_each_requirement_that_a_service_can_meet_is_cited_by_a_test() -> None:
    ours = {each["number"] for each in REQUIREMENTS if each["met_by"] == "service"}
    assert sorted(ours - set(cited())) == []


def test_no_test_cites_a_requirement_that_does_not_exist() -> None:
    known = {each["number"] for each in REQUIREMENTS}
    assert sorted(set(cited()) - known) == []


def test_nothing_mandatory_is_left_to_others() -> None:
    left = [each for each in REQUIREMENTS if each["met_by"] != "service"]
    assert all(each["level"] in {"MAY", "SHOULD"} for each in left)
