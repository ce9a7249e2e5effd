"""Every requirement that a service or an app can meet is cited by a test; none is invented."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


def read(file: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = tomllib.loads(Path(__file__).with_name(file).read_text("utf-8"))[
        "requirement"
    ]
    return found


BY_PREFIX = {"CH": read("cds_hooks_requirements.toml"), "SM": read("smart_requirements.toml")}
EVERY = [each for listed in BY_PREFIX.values() for each in listed]


def cited() -> Iterator[str]:
    """Yield each number that a file of tests holds as a text."""
    for file in TESTS.rglob("test_*.py"):
        if file == Path(__file__):
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from re.findall(r"^(?:CH|SM)-\d{3}$", node.value)


@pytest.mark.parametrize(("prefix", "count"), [("CH", 152), ("SM", 69)])
def test_requirements_are_numbered_without_a_gap(prefix: str, count: int) -> None:
    numbers = [each["number"] for each in BY_PREFIX[prefix]]
    assert numbers == [f"{prefix}-{n:03}" for n in range(1, count + 1)]


@pytest.mark.parametrize("requirement", EVERY, ids=lambda each: each["number"])
def test_a_requirement_is_whole(requirement: dict[str, str]) -> None:
    assert requirement["level"] in {"SHALL", "SHALL NOT", "SHOULD", "SHOULD NOT", "MAY"}
    assert requirement["text"].endswith(".")
    assert requirement["met_by"] in {"service", "deployment", "not-offered"}
    assert ("reason" in requirement) is (requirement["met_by"] != "service")


def test_each_requirement_that_can_be_met_here_is_cited_by_a_test() -> None:
    ours = {each["number"] for each in EVERY if each["met_by"] == "service"}
    assert sorted(ours - set(cited())) == []


def test_no_test_cites_a_requirement_that_does_not_exist() -> None:
    known = {each["number"] for each in EVERY}
    assert sorted(set(cited()) - known) == []


def test_nothing_mandatory_is_left_to_others() -> None:
    left = [each for each in EVERY if each["met_by"] != "service"]
    assert all(each["level"] in {"MAY", "SHOULD"} for each in left)
