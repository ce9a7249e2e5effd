"""Tables of compared variants reach an ECG release's card from the file that measured them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from inference.errors import TrainingDataUnusable
from inference.releases.library import SHIPPED, ReleaseLibrary
from inference.training.ecg_tables import compared_tables, join_tables

MEASURES = ("auroc", "precision", "recall", "f1")


def figure(value: float | None) -> dict[str, float | None]:
    if value is None:
        return {"value": None, "low": None, "high": None}
    return {"value": value, "low": value - 0.02, "high": value + 0.03}


def measured(area: float = 0.8) -> dict[str, Any]:
    """Return what `evaluate ecg-variants --json` writes of two variants."""
    cost = {"records": 13600.0, "pages": 5600.0, "core_minutes": 5.04, "validation_auroc": 0.861}
    one = {"seeds": 2, **cost, **{key: figure(0.5) for key in MEASURES}}
    one["auroc"] = figure(area) | {"of_seeds": [area - 0.01, area + 0.01]}
    return {
        "set": "elsewhere",
        "records": 980,
        "labels": ["AF", "SB"],
        "variants": {"full": one, "invented_variant": one},
        "full_exceeds": {
            "invented_variant": {key: figure(None if key == "f1" else -0.015) for key in MEASURES}
        },
    }


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    shutil.copytree(SHIPPED / "ecg-signal", tmp_path / "ecg-signal")
    return tmp_path


def written(folder: Path, found: dict[str, Any]) -> Path:
    file = folder / "elsewhere.json"
    file.write_text(json.dumps(found), encoding="utf-8")
    return file


def test_a_table_states_what_each_variant_saw_cost_and_reached() -> None:
    figures, changes = compared_tables(measured(), "Drawn once.")
    for said in ("Drawn once.", "AF, SB of elsewhere", "980 recordings", "not the weights"):
        assert said in figures["note"]
    assert figures["rows"][0][1:6] == ["2", "13,600", "5,600", "5.0", "0.861"]
    assert figures["rows"][0][6] == "0.800 (0.780-0.830) [0.790, 0.810]"
    assert figures["rows"][1][0] == "invented_variant"
    assert changes["rows"][0][1] == "-1.5% (-3.5% to +1.5%)"
    assert changes["rows"][0][4] == "unknown"
    for table in (figures, changes):
        assert {len(row) for row in table["rows"]} == {len(table["columns"])}


def test_the_tables_stand_on_the_card_and_the_weights_stay(releases: Path) -> None:
    library = ReleaseLibrary(releases)
    before = library.load("ecg-signal")
    join_tables(releases, "ecg-signal", [written(releases, measured())], "Once.", lambda _: None)
    after = library.load("ecg-signal")
    assert (after.digest, after.version) == (before.digest, before.version)
    assert library.weights(after)
    assert "0.800 (0.780-0.830) [0.790, 0.810]" in library.card("ecg-signal")
    others = {key: one for key, one in after.evidence.items() if key != "tables"}
    assert others == {key: one for key, one in before.evidence.items() if key != "tables"}


def test_a_table_measured_anew_takes_the_place_of_the_one_before(releases: Path) -> None:
    for area in (0.8, 0.9):
        file = written(releases, measured(area))
        join_tables(releases, "ecg-signal", [file], "Once.", lambda _: None)
    card = ReleaseLibrary(releases).card("ecg-signal")
    assert card.count("## A comparison of equals, elsewhere") == 1
    assert "[0.890, 0.910]" in card
    assert "[0.790, 0.810]" not in card
    title = "A comparison of equals, elsewhere"
    join_tables(releases, "ecg-signal", [], "Once.", lambda _: None, [title])
    assert title not in ReleaseLibrary(releases).card("ecg-signal")


def test_a_file_that_holds_no_comparison_is_named_and_changes_nothing(releases: Path) -> None:
    before = ReleaseLibrary(releases).card("ecg-signal")
    with pytest.raises(TrainingDataUnusable, match=r"elsewhere\.json"):
        join_tables(
            releases, "ecg-signal", [written(releases, {"variants": {}})], "", lambda _: None
        )
    assert ReleaseLibrary(releases).card("ecg-signal") == before
