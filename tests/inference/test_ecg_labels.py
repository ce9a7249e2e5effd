"""What each set says of a record: stated, denied or not annotated, with the known traps."""

from __future__ import annotations

import json

import numpy as np
import pytest

from inference.training.ecg_labels import CODES, PLACE, READERS


def said(reader: str, source: str, *listed: str, record: str = "X1") -> dict[str, float]:
    found = READERS[reader](record, source, frozenset(listed))
    return {code: float(found[PLACE[code]]) for code in CODES}


def test_an_incomplete_block_in_ludb_is_not_a_complete_one() -> None:
    text = "<diagnoses>: ; Rhythm: Sinus rhythm. ; Incomplete right bundle branch block."
    found = said("ludb", text, "RBBB", "IRBBB", "SR")
    assert (found["RBBB"], found["IRBBB"]) == (0.0, 1.0)


def test_a_supposed_nstemi_in_ludb_is_not_an_st_elevation_infarction() -> None:
    text = "<diagnoses>: ; Undefined ischemia/scar/supp.NSTEMI: lateral wall."
    assert np.isnan(said("ludb", text, "STEMI")["STEMI"])
    assert said("ludb", "<diagnoses>: ; STEMI: septal.", "STEMI")["STEMI"] == 1.0


def test_third_degree_block_in_ludb_is_not_a_first_degree_one() -> None:
    found = said("ludb", "<diagnoses>: ; III degree AV-block.", "1dAVb")
    assert (found["1dAVb"], found["3dAVb"]) == (0.0, 1.0)


def test_ludb_does_not_teach_what_is_read_from_amplitudes() -> None:
    text = "<diagnoses>: ; Rhythm: Sinus rhythm. ; Left ventricular hypertrophy."
    assert np.isnan(said("ludb", text, "LVH")["LVH"])


@pytest.mark.parametrize(
    ("likelihood", "expected"), [(100.0, 1.0), (50.0, 1.0), (35.0, np.nan), (0.0, np.nan)]
)
def test_a_diagnosis_of_ptbxl_counts_from_a_likelihood_of_half(
    likelihood: float, expected: float
) -> None:
    found = said("ptbxl", json.dumps({"IMI": likelihood, "SR": 0.0}), "MI")
    np.testing.assert_equal(found["MI"], expected)


def test_a_rhythm_of_ptbxl_has_no_likelihood_and_counts() -> None:
    assert said("ptbxl", json.dumps({"AFIB": 0.0}), "AF")["AF"] == 1.0


def test_a_normal_record_denies_infarction_even_where_its_set_never_states_one() -> None:
    found = said("ptbxl", json.dumps({"NORM": 100.0, "SR": 0.0}), "NORM")
    assert (found["NORM"], found["STEMI"], found["AF"]) == (1.0, 0.0, 0.0)


def test_sinus_rhythm_beside_a_finding_is_not_a_normal_ecg() -> None:
    assert said("challenge", "426783006", "NORM", record="E1")["NORM"] == 1.0
    assert said("challenge", "426783006,164934002", "NORM", "TAb", record="E1")["NORM"] == 0.0


def test_cpsc_does_not_annotate_sinus_rates() -> None:
    found = said("cpsc2018", "AF", "AF")
    assert found["AF"] == 1.0
    assert np.isnan(found["SB"])
    assert np.isnan(found["ST"])
