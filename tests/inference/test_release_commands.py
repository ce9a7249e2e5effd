"""``cardiotwin release``: what ships is listed, intact, and has a card to read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cds_hooks.cli import release
from inference.releases.library import ReleaseLibrary


def run(*arguments: str) -> tuple[int, str]:
    application = typer.Typer()
    release.register(application)
    application.callback()(lambda: None)
    result = CliRunner().invoke(application, ["release", *arguments])
    return result.exit_code, result.stdout


def test_each_release_is_listed_with_its_identity() -> None:
    code, printed = run("list", "--json")
    library = ReleaseLibrary()
    identities = {name: library.load(name).identity for name in library.names()}
    assert (code, json.loads(printed)) == (0, {"releases": identities})


def test_what_ships_is_intact() -> None:
    code, printed = run("check", "--json")
    assert code == 0
    assert {"deterioration", "deterioration-boosting"} <= set(json.loads(printed)["megabytes"])


def test_a_release_with_other_weights_is_a_fault(tmp_path: Path) -> None:
    place = tmp_path / "deterioration"
    place.mkdir()
    described = Path(release.__file__).parents[2] / "inference/releases/deterioration/release.json"
    (place / "release.json").write_text(described.read_text(encoding="utf-8"), encoding="utf-8")
    (place / "model.onnx").write_bytes(b"other")
    code, printed = run("check", "--releases", str(tmp_path), "--json")
    assert (code, printed) == (1, "")


@pytest.mark.parametrize(("name", "code"), [("deterioration", 0), ("no-such-release", 2)])
def test_a_card_is_shown_or_its_name_is_bad_input(name: str, code: int) -> None:
    assert run("show", name)[0] == code
