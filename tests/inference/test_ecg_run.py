"""Configurations of ECG runs: the shipped ones are readable, a wrong one is told of."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.errors import TrainingDataUnusable
from inference.training.ecg_run import CONFIGS, read_run

SHIPPED = ("ecg_signal", "ecg_image", "ecg_page", "vizecgnet")


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_configuration_says_what_is_trained_on_which_sets(name: str) -> None:
    run = read_run(CONFIGS / f"{name}.toml")
    assert run.loop.kind == name.removeprefix("ecg_")
    assert {one.stem for one in run.sets} >= {"ecg/ptbxl500", "ecg/cpsc2018"}
    # LUDB judges the infarctions of the EfficientNet, so it does not teach it.
    assert ("ecg/ludb" in {one.stem for one in run.sets}) == (name != "ecg_page")


def test_a_variant_changes_what_it_names_and_nothing_else() -> None:
    file = CONFIGS / "ecg_comparison.toml"
    full, image = read_run(file, "full", 2), read_run(file, "image", 2)
    assert (full.loop.kind, image.loop.kind) == ("vizecgnet", "image")
    assert full.loop.seed == image.loop.seed == 2
    assert full.loop.core_minutes == image.loop.core_minutes
    assert full.loop.net == image.loop.net
    assert full.loop.mixture == image.loop.mixture
    assert full.sets == image.sets
    assert (full.loop.begins_with, image.loop.begins_with) == ("signal_first-2", "")
    alone = read_run(file, "no_distillation").loop
    assert alone.distillation.findings == alone.distillation.tokens == 0.0
    assert alone.net == full.loop.net
    with pytest.raises(TrainingDataUnusable, match="telepathy"):
        read_run(file, "telepathy")


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ('[loop]\nkind = "vizecgnet"', "data"),
        ('[data]\nsets = []\n[loop]\nkind = "telepathy"', "kind"),
        ('[data]\nsets = []\n[loop]\nkin = "signal"', "kin"),
        ("[data", "configuration"),
    ],
)
def test_a_wrong_configuration_is_named(tmp_path: Path, written: str, named: str) -> None:
    file = tmp_path / "run.toml"
    file.write_text(written, encoding="utf-8")
    with pytest.raises(TrainingDataUnusable, match=named):
        read_run(file)


def test_a_set_without_a_licence_cannot_be_configured_to_teach(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text(
        '[loop]\nkind = "signal"\n[[data.sets]]\nstem = "ecg/hdai2021"\nreader = "listed"\n'
        'licence = "none stated"\nsource = "HDAI 2021"\n',
        encoding="utf-8",
    )
    with pytest.raises(TrainingDataUnusable, match="licence"):
        read_run(file)
