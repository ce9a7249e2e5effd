"""Charts of intensive care are read as they are, artefacts dropped, and refused with a reason."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from twin.core.haemodynamics import Quantity
from twin.errors import ChartUnreadable
from twin.evaluation.cohort import cohort_of
from twin.evaluation.icu_chart import read_charts

HEADER = "subject,icustay,minute,channel,value\n"


def chart(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "vitals.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(HEADER + "\n".join(rows))
    return path


def test_units_are_turned_and_what_nobody_has_is_dropped(tmp_path: Path) -> None:
    path = chart(
        tmp_path,
        "1,1,0,temperature_f,98.6",
        "1,1,0,fio2,50",
        "1,1,60,fio2,0.4",
        "1,1,0,abp_mean,0",
        "1,1,0,heart_rate,0",
        "1,1,5,heart_rate,80",
        "1,1,5,hair_colour,3",
    )
    columns = read_charts(path, None)[0].stays[0].columns
    assert columns["temperature_c"].values[0] == pytest.approx(37.0)
    assert columns["fio2"].values.tolist() == [0.5, 0.4]
    assert "abp_mean" not in columns
    assert "hair_colour" not in columns
    assert columns["heart_rate"].values.tolist() == [80.0]


@pytest.mark.parametrize("text", ["subject,minute\n1,2\n", HEADER + "1,1,0,heart_rate,fast\n"])
def test_what_is_not_in_the_layout_is_refused_by_name_and_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "vitals.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ChartUnreadable, match=r"vitals\.csv, line [12]"):
        read_charts(path, None)


def test_a_missing_file_and_a_torn_archive_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ChartUnreadable):
        read_charts(tmp_path / "nowhere.csv.gz", None)
    path = chart(tmp_path, *(f"1,1,{m},heart_rate,{60 + m % 40}" for m in range(3000)))
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(ChartUnreadable):
        read_charts(path, None)


def test_a_pair_is_a_value_and_the_next_one_30_to_90_minutes_later_the_line_before_the_cuff(
    tmp_path: Path,
) -> None:
    path = chart(
        tmp_path,
        "1,1,0,nbp_mean,70",
        "1,1,60,nbp_mean,72",
        "1,1,60,abp_mean,80",
        "1,1,70,abp_mean,81",
        "1,1,160,abp_mean,82",
        "1,1,260,abp_mean,83",
        "1,2,300,abp_mean,60",
        "2,3,300,nbp_mean,61",
    )
    cohort = cohort_of(read_charts(path, None), Quantity.MEAN_PRESSURE)
    assert cohort.value_now.tolist() == [70.0, 81.0]
    assert cohort.value_next.tolist() == [80.0, 82.0]
    assert set(cohort.asked_of.tolist()) == {0}


def test_systolic_and_diastolic_alone_tell_of_the_mean_but_are_no_target(tmp_path: Path) -> None:
    path = chart(tmp_path, "1,1,0,abp_systolic,120", "1,1,0,abp_diastolic,60")
    cohort = cohort_of(read_charts(path, None), Quantity.MEAN_PRESSURE)
    assert cohort.stays[0].values[0, 3] == pytest.approx(80.0)
    assert np.isnan(cohort.target[0])
