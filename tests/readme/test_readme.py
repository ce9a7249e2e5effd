"""What the README tells a newcomer to type and set exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cds_hooks.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OF_THE_TESTS = {"CARDIOTWIN_REQUIRE_SERVICES", "CARDIOTWIN_DATA"}


def test_every_setting_that_the_readme_names_is_one() -> None:
    named = set(re.findall(r"CARDIOTWIN_[A-Z_]+", README)) - OF_THE_TESTS
    known = {f"CARDIOTWIN_{name.upper()}" for name in Settings.model_fields}
    assert named
    assert named <= known


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([a-z-]+)", README))))
def test_every_make_target_that_the_readme_names_is_one(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


@pytest.mark.parametrize(
    "command",
    [
        ("serve",),
        ("prepare",),
        ("twin", "fit"),
        ("twin", "plot"),
        ("evaluate", "forecast"),
        ("validate", "causes"),
        ("validate", "recovery"),
        ("try",),
        ("conformance",),
        ("validate", "twin"),
        ("evaluate", "trajectories"),
        ("bench", "hook"),
        ("bench", "twin"),
        ("bench", "inference"),
    ],
)
def test_every_command_that_the_readme_names_explains_itself(command: tuple[str, ...]) -> None:
    assert f"cardiotwin {command[0]}" in README
    asked = subprocess.run(
        [sys.executable, "-m", "cds_hooks.cli", *command, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr
    assert "Usage:" in asked.stdout


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^):#]+)\)", README))))
def test_every_file_that_the_readme_links_to_is_there(path: str) -> None:
    assert (ROOT / path).exists()
