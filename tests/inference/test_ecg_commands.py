"""``cardiotwin evaluate ecg`` and ``ecg-images`` with the releases that ship; no torch."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from cds_hooks.cli import evaluate
from inference.core.ecg_layout import THREE_BY_FOUR_RHYTHM
from inference.core.ecg_printer import PageStyle, print_page
from inference.training.ecg_generator import generated
from inference.training.ecg_sets import STEP_MV

CODES = ("NORM", "SB") * 4


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write eight generated ECGs as a labelled set, and printed as labelled pictures."""
    folder = tmp_path_factory.mktemp("ecg")
    random = np.random.default_rng(11)
    ecgs = [generated(random, code).ecg for code in CODES]
    signal = np.stack([ecg.leads_mv / STEP_MV for ecg in ecgs]).astype(np.int16)
    np.savez(folder / "few.npz", signal=signal)
    pages = [print_page(ecg, THREE_BY_FOUR_RHYTHM, PageStyle()).pixels for ecg in ecgs]
    with (folder / "few.csv").open("w") as table, (folder / "labels.csv").open("w") as pictures:
        rows, labels = csv.writer(table), csv.writer(pictures)
        rows.writerow(["row", "record", "patient", "samples", "labels", "source_label"])
        labels.writerow(["file", "label"])
        for row, (code, page) in enumerate(zip(CODES, pages, strict=True)):
            rows.writerow([row, f"g{row}", "", 2500, code, code])
            labels.writerow([f"{row}.png", "normal" if code == "NORM" else "abnormal"])
            cv2.imwrite(str(folder / f"{row}.png"), page[:, :, ::-1])
    return folder


def run(*arguments: str) -> tuple[int, dict[str, Any] | None]:
    application = typer.Typer()
    evaluate.register(application)
    application.callback()(lambda: None)
    result = CliRunner().invoke(application, ["evaluate", *arguments])
    return result.exit_code, json.loads(result.stdout) if result.stdout else None


@pytest.mark.parametrize("via", ["image", "photo", "signal"])
def test_a_set_is_judged_by_signal_by_page_and_by_photograph(recordings: Path, via: str) -> None:
    code, found = run("ecg", str(recordings / "few"), "--via", via, "--json")
    assert code == 0
    assert found is not None
    assert found["records"] == len(CODES)
    assert set(found["labels"]) == {"NORM", "SB"}
    assert found["labels"]["SB"]["auroc"]["value"] > 0.8
    pages = () if via == "signal" else ("vizecgnet", "ecg-image")
    assert {*pages, "ecg-signal"} <= set(found["models"])
    first = found["models"][pages[0] if pages else "ecg-signal"]
    assert (found["macro"], found["labels"]) == (first["macro"], first["labels"])
    assert set(found["macro"]) == {"labels", "auroc", "auprc", "precision", "recall", "f1"}


def test_pictures_of_pages_are_told_normal_from_abnormal(recordings: Path) -> None:
    code, found = run("ecg-images", str(recordings), "--json")
    assert code == 0
    assert found is not None
    assert (found["pages"], found["not_read"]) == (len(CODES), [])
    assert found["abnormal"]["positives"] == 4
    assert set(found["classes"]) == {"abnormal"}


def test_a_set_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    assert run("ecg", str(tmp_path / "absent"), "--json") == (2, None)
    assert run("ecg-images", str(tmp_path), "--json") == (2, None)
