"""Vital signs from CSV files: units are in the header, oddities are said, nothing is guessed."""

from __future__ import annotations

import gzip
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import pytest

from cds_hooks.cli.twin_csv import COLUMNS, CannotRead, Charted, read_csv
from twin.core.haemodynamics import Quantity
from twin.core.measurements import Condition, Device


class Reader(Protocol):
    def __call__(self, text: str, subject: str | None = None) -> Charted: ...


@pytest.fixture
def charted(tmp_path: Path) -> Reader:
    def read(text: str, subject: str | None = None) -> Charted:
        path = tmp_path / "vitals.csv"
        path.write_text(text, encoding="utf-8")
        return read_csv(path, subject)

    return read


def test_values_come_in_the_unit_of_their_quantity(charted: Reader) -> None:
    found = charted(
        "time,heart_rate_per_min,cuff_systolic_pressure_mmhg,temperature_fahrenheit,"
        "haemoglobin_g_per_l,inspired_oxygen_percent,respiratory_rate_per_min\n"
        "2026-03-01T12:00,80,120,98.6,140,40,18\n"
    )
    values = {m.quantity: m.value for m in found.measurements}
    assert values[Quantity.HEART_RATE] == 80.0
    assert values[Condition.TEMPERATURE] == pytest.approx(37.0)
    assert values[Condition.HAEMOGLOBIN] == pytest.approx(14.0)
    assert values[Condition.INSPIRED_OXYGEN_FRACTION] == pytest.approx(0.4)
    devices = {m.quantity: m.device for m in found.measurements}
    assert devices[Quantity.SYSTOLIC_PRESSURE] is Device.CUFF
    assert [rate for _, rate in found.respiratory_rates] == [18.0]


def test_every_quantity_that_can_be_fitted_has_a_column() -> None:
    from twin.core.device_errors import FITTED_QUANTITIES

    held = {column.quantity for column in COLUMNS.values()}
    assert set(FITTED_QUANTITIES) | set(Condition) <= held


def test_an_empty_cell_is_missing(charted: Reader) -> None:
    found = charted("minute,heart_rate_per_min,mean_pressure_mmhg\n0,80,\n5,,nan\n")
    assert [m.quantity for m in found.measurements] == [Quantity.HEART_RATE]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("minute,heart_rate\n0,80\n", "does not say its unit; write heart_rate_per_min"),
        ("minute,shoe_size\n0,43\n", "`shoe_size` is not known"),
        ("heart_rate_per_min\n80\n", "no column `time`"),
        ("minute,heart_rate_per_min\n0,fast\n", "Row 2, column heart_rate_per_min: `fast`"),
        ("minute,heart_rate_per_min\n0,inf\n", "Row 2, column heart_rate_per_min: `inf`"),
        ("time,heart_rate_per_min\nyesterday,80\n", "Row 2: `yesterday` is no time"),
        ("minute,heart_rate_per_min\n", "no value that the twin knows"),
        ("", "no column `time`"),
    ],
)
def test_what_cannot_be_read_is_named_by_row_and_column(
    charted: Reader, text: str, says: str
) -> None:
    with pytest.raises(CannotRead, match=says.replace("(", "\\(")):
        charted(text)


def test_rows_two_hours_out_of_order_are_ordered_and_said(charted: Reader) -> None:
    found = charted(
        "time,heart_rate_per_min\n2026-03-01T12:00,80\n2026-03-01T10:00,70\n2026-03-01T12:30,90\n"
    )
    assert found.newest_at.isoformat() == "2026-03-01T12:30:00+00:00"
    (said,) = found.sentences
    assert "goes back: row 3" in said
    assert "120 min" in said


def test_a_jump_of_the_clock_is_said(charted: Reader) -> None:
    (said,) = charted("minute,heart_rate_per_min\n0,80\n4000,90\n").sentences
    assert "The clock jumps: 67 h" in said


def test_orderly_files_need_no_sentence(charted: Reader) -> None:
    assert charted("minute,heart_rate_per_min\n0,80\n60,90\n").sentences == ()


LONG = (
    "subject,icustay,minute,channel,value\n"
    "7,1,0,heart_rate,82\n7,1,0,nbp_mean,68.7\n7,1,5,abp_mean,71\n7,1,5,fio2,40\n"
    "7,1,5,respiratory_rate,22\n7,1,5,gcs,15\n"
)


def test_one_row_a_value_is_read_by_its_channels(charted: Reader) -> None:
    found = charted(LONG)
    by_device = {m.device: m.value for m in found.measurements if m.quantity in Quantity}
    assert by_device[Device.CUFF] == 68.7
    assert by_device[Device.ARTERIAL_LINE] == 71.0
    assert {m.value for m in found.measurements if m.quantity in Condition} == {0.4}
    first, last = found.measurements[0].taken_at, found.newest_at
    assert last - first == timedelta(minutes=5)


def test_of_several_subjects_one_must_be_named(charted: Reader) -> None:
    text = LONG + "8,2,0,heart_rate,110\n"
    with pytest.raises(CannotRead, match="--subject"):
        charted(text)
    assert [m.value for m in charted(text, "8").measurements] == [110.0]


def test_packed_files_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "vitals.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(LONG)
    assert len(read_csv(path).measurements) == 4


def test_a_file_that_only_looks_packed_is_named(tmp_path: Path) -> None:
    path = tmp_path / "vitals.csv.gz"
    path.write_bytes(b"no gzip")
    with pytest.raises(CannotRead, match=r"vitals\.csv\.gz"):
        read_csv(path)


def test_the_demonstration_of_mimic_is_read(shared_data: Path) -> None:
    found = read_csv(shared_data / "icu" / "mimic3_demo_vitals.csv.gz", "10011")
    assert len(found.measurements) > 1000
    assert {m.quantity for m in found.measurements} >= {Quantity.HEART_RATE, Condition.TEMPERATURE}
