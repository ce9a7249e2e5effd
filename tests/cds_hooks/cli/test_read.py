"""``cardiotwin read``: findings, reasons and pictures of files, by the real reading process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from cds_hooks.cli import read
from inference.core.ecg import LEADS
from inference.training.ecg_generator import generated


@pytest.fixture(scope="module")
def application() -> typer.Typer:
    made = typer.Typer()
    made.callback()(lambda: None)
    read.register(made)
    return made


def asked(application: typer.Typer, *words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(application, ["read", *words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def wfdb_record(folder: Path) -> Path:
    """Write a generated normal ECG as a WFDB record of format 16; return its header."""
    ecg = generated(np.random.default_rng(3), "NORM").ecg
    samples = np.rint(np.nan_to_num(ecg.leads_mv.T) * 1000).astype("<i2")
    (folder / "rest.dat").write_bytes(samples.tobytes())
    lines = [f"rest {len(LEADS)} {ecg.rate_hz:g} {len(samples)}"]
    lines += [f"rest.dat 16 1000/mV 16 0 0 0 0 {name}" for name in LEADS]
    header = folder / "rest.hea"
    header.write_text("\n".join(lines) + "\n", encoding="ascii")
    return header


def test_an_ecg_is_read_and_drawn_and_what_is_none_is_said(
    application: typer.Typer, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear colleague", encoding="utf-8")
    pictures = tmp_path / "pictures"
    words = ("ecg", str(wfdb_record(tmp_path)), str(letter), "--pictures", str(pictures), "--json")
    status, out, _ = asked(application, *words)
    assert status == 0
    found: dict[str, Any] = json.loads(out)
    recording, refused = found["files"]
    assert recording["outcome"] == "read"
    assert {each["code"] for each in recording["findings"]} >= {"NORM", "AF"}
    assert recording["release"].startswith("vizecgnet ")
    assert recording["ventricular_rate_per_min"] == pytest.approx(70, abs=35)
    with Image.open(recording["picture"]) as drawn:
        assert drawn.width >= 900
        assert drawn.height > drawn.width * 640 / 1344, "there is no caption under the page"
    assert refused["outcome"] == "not-read"
    assert refused["reason"] == "it is none of the formats that are read"
    assert refused["picture"] is None
    assert "not validated on patients" in found["note"]


def test_a_file_that_is_not_there_is_named(application: typer.Typer, tmp_path: Path) -> None:
    status, out, said = asked(application, "radiograph", str(tmp_path / "gone.dcm"))
    assert status == 2
    assert out == ""
    assert "gone.dcm" in said.replace("\n", "")


def test_a_header_without_its_signals_is_refused_before_anything_is_read(
    application: typer.Typer, tmp_path: Path
) -> None:
    header = wfdb_record(tmp_path)
    (tmp_path / "rest.dat").unlink()
    status, _, said = asked(application, "ecg", str(header))
    assert status == 2
    assert "Nothing was read" in said


def test_boxes_ratio_and_doubts_of_a_radiograph_are_told(
    application: typer.Typer, shared_data: Path, tmp_path: Path
) -> None:
    cr = shared_data / "dicom" / "RG1_J2KI.dcm"
    ct = shared_data / "dicom" / "CT_small.dcm"
    status, out, _ = asked(
        application, "radiograph", str(cr), str(ct), "--json", "--pictures", str(tmp_path)
    )
    assert status == 0
    chest, slice_of_a_ct = json.loads(out)["files"]
    assert {"right lung", "left lung"} <= {each["name"] for each in chest["boxes"]}
    assert 0.3 < chest["cardiothoracic_ratio"]["value"] < 0.7
    assert Path(chest["picture"]).exists()
    assert "CT" in slice_of_a_ct["reason"]
