"""ECG sets: only some licences teach, identical signals count once, patients stay together."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from inference.errors import TrainingDataUnusable
from inference.training.ecg_sets import EcgSet, part_of, read_sets, read_stem


def write_set(folder: Path, name: str, signals: np.ndarray, patients: list[str]) -> EcgSet:
    np.savez_compressed(folder / f"{name}.npz", signal=signals.astype(np.int16))
    with (folder / f"{name}.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["row", "record", "patient", "samples", "labels", "source_label"])
        for row, patient in enumerate(patients):
            rows.writerow([row, f"{name}{row}", patient, 2500, "AF", "AF"])
    return EcgSet(name, "listed", "CC BY 4.0", "invented")


def invented(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-200, 200, (count, 12, 2500))


@pytest.mark.parametrize("licence", ["none stated", "", "CC BY-NC 4.0"])
def test_a_set_whose_licence_does_not_let_weights_ship_cannot_teach(licence: str) -> None:
    with pytest.raises(TrainingDataUnusable, match="licence"):
        EcgSet("ecg/hdai2021", "listed", licence, "somewhere")


def test_identical_signals_are_kept_once_within_and_across_sets(tmp_path: Path) -> None:
    signals = invented(6, 0)
    signals[5] = signals[2]
    one = write_set(tmp_path, "one", signals, [""] * 6)
    other = invented(3, 1)
    other[1] = signals[0]
    two = write_set(tmp_path, "two", other, [""] * 3)
    found = read_sets(tmp_path, [one, two])
    assert found.names == ("one0", "one1", "one2", "one3", "one4", "two0", "two2")


def test_all_records_of_a_patient_are_in_one_part(tmp_path: Path) -> None:
    patients = [str(number // 4) for number in range(80)]
    found = read_sets(tmp_path, [write_set(tmp_path, "one", invented(80, 2), patients)])
    by_patient = found.teaches.reshape(20, 4)
    assert (by_patient.all(axis=1) | ~by_patient.any(axis=1)).all()
    assert 0 < (~found.teaches).sum() < 80


def test_a_part_is_for_ever() -> None:
    parts = "".join(part_of("ecg/ptbxl500", str(n))[0] for n in range(40))
    assert parts == "ttttvttttvvtttttttvtttttttttttttttttttvt"


def test_a_stem_out_of_layout_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataUnusable, match=r"NAME\.npz"):
        read_stem(tmp_path / "absent")
