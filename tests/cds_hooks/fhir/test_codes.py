"""The table of measurement codes agrees with itself and with the rooms that read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_hooks.fhir.code_sheet import sheet
from cds_hooks.fhir.codes import BY_LOINC, CODE_OF_KIND, MEASUREMENT_CODES, loinc_codes
from cds_hooks.fhir.kinds import Kind
from cds_hooks.fhir.measurement_code import MeasurementCode
from cds_hooks.fhir.ucum import ucum_code
from inference.core.trajectory import SERIES
from twin.core.haemodynamics import Quantity
from twin.core.observation_sets import PHYSICALLY_POSSIBLE

UCUM = "http://unitsofmeasure.org"
ROWS = pytest.mark.parametrize("row", MEASUREMENT_CODES, ids=lambda row: row.kind.name)


def test_every_kind_has_one_row_and_no_code_stands_twice() -> None:
    assert set(CODE_OF_KIND) == set(Kind)
    codes = [loinc.code for row in MEASUREMENT_CODES for loinc in row.codes]
    assert len(codes) == len(set(codes)) == len(BY_LOINC)


@pytest.mark.parametrize("code", BY_LOINC)
def test_every_code_carries_a_valid_loinc_check_digit(code: str) -> None:
    # LOINC Users' Guide, appendix: the modulus 10 algorithm of Luhn.
    digits, check = code.split("-")
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits))]
    assert (10 - sum(value // 10 + value % 10 for value in doubled) % 10) % 10 == int(check)


@ROWS
def test_the_canonical_unit_converts_to_itself(row: MeasurementCode) -> None:
    conversion = row.conversions[row.unit]
    assert (conversion.factor, conversion.offset) == (1, 0)


@ROWS
def test_bounds_are_an_interval_with_a_source(row: MeasurementCode) -> None:
    assert row.bounds.low < row.bounds.high
    assert row.bounds.source


def test_every_series_of_the_trajectory_is_fed() -> None:
    fed = {row.parameter for row in MEASUREMENT_CODES}
    fed |= {row.invasive_parameter for row in MEASUREMENT_CODES}
    assert {series.name for series in SERIES} <= fed


def test_units_of_the_trajectory_are_the_canonical_ones() -> None:
    units = {series.name: series.unit for series in SERIES}
    same = {"1/min": "/min", "mmHg": "mm[Hg]", "degC": "Cel", "10^9/L": "10*9/L", "IU/L": "U/L"}
    for row in MEASUREMENT_CODES:
        if row.parameter not in (None, "GCS", "pH"):
            assert same.get(units[row.parameter], units[row.parameter]) == row.unit


def test_units_of_the_twin_are_the_canonical_ones() -> None:
    same = {"mmHg": "mm[Hg]"}
    for row in MEASUREMENT_CODES:
        if row.quantity is not None:
            assert same.get(row.quantity.unit, row.quantity.unit) == row.unit


@ROWS
def test_what_is_plausible_here_is_not_all_impossible_for_the_twin(row: MeasurementCode) -> None:
    if row.quantity not in PHYSICALLY_POSSIBLE:
        return
    low, high = PHYSICALLY_POSSIBLE[row.quantity]
    shared = min(high, row.bounds.high) - max(low, row.bounds.low)
    assert shared > 0.5 * (row.bounds.high - row.bounds.low)


def test_the_twin_hears_of_every_quantity_that_can_be_measured() -> None:
    heard = {row.quantity for row in MEASUREMENT_CODES}
    calculated = {
        Quantity.SYSTEMIC_RESISTANCE,  # follows from pressure and flow
        Quantity.BLOOD_VOLUME,
        Quantity.MIXED_VENOUS_SATURATION,  # no code that could be checked
        Quantity.HAEMOGLOBIN,  # a condition of the model
        Quantity.OXYGEN_DELIVERY,  # follows from flow and what blood carries
        Quantity.OXYGEN_CONSUMPTION,  # no code that could be checked
        Quantity.ARTERIAL_CARBON_DIOXIDE_PRESSURE,  # breathing is not fitted
        Quantity.MINUTE_VENTILATION,
    }
    assert set(Quantity) - heard <= calculated


@pytest.mark.parametrize(
    ("system", "code", "unit", "expected"),
    [
        (UCUM, "mm[Hg]", "mmHg", "mm[Hg]"),
        (UCUM, "{score}", "score", "1"),
        (UCUM, "/min", None, "/min"),
        (UCUM, "bpm", "bpm", "bpm"),
        (None, None, "mmHg", "mm[Hg]"),
        (None, None, "Mm Hg", "mm[Hg]"),
        (None, "MM[HG]", None, "mm[Hg]"),
        (None, None, "µg/L", "ug/L"),
        ("http://snomed.info/sct", "259018001", "mmHg", "mm[Hg]"),
        (None, None, "furlong", None),
        (None, None, None, None),
    ],
)
def test_a_unit_is_its_ucum_code_or_known_words(
    system: str | None, code: str | None, unit: str | None, expected: str | None
) -> None:
    assert ucum_code(system, code, unit) == expected


def test_the_codes_of_kinds_can_be_searched_for() -> None:
    assert loinc_codes(Kind.CENTRAL_VENOUS_PRESSURE, Kind.LACTATE) == (
        "60985-9",
        "8591-0",
        "2524-7",
        "2518-9",
        "32693-4",
    )


def test_the_sheet_for_integration_engineers_is_the_table() -> None:
    written = Path(__file__).parents[3] / "deploy" / "measurement_codes.md"
    assert written.read_text("utf-8") == sheet()
