"""The tables of codes as a sheet for people who connect an EHR. Pure.

``python -m cds_hooks.fhir.code_sheet > deploy/measurement_codes.md`` writes it anew; a test holds
the two together.
"""

from __future__ import annotations

import sys
from typing import Final

from cds_hooks.fhir.bedside import READ_BY_NEWS2
from cds_hooks.fhir.codes import MEASUREMENT_CODES
from cds_hooks.fhir.measurement_code import MeasurementCode
from cds_hooks.fhir.treatments import ATC, RXNORM, SNOMED, TREATMENTS, TreatmentCodes

_OPENING: Final = """# What is read of a chart

Written from `cds_hooks/fhir/codes_*.py`; do not edit it here.

An Observation counts by any of its LOINC or SNOMED CT codes, its unit by its UCUM code or, where
there is none, by the usual words for it. A value outside the bounds, without its unit, without a
time to the minute, or with a status other than final, amended, corrected or preliminary is not
used, and the card names it. *Checked* says where a code was seen with this meaning; confirm those
that are **unverified** with your laboratory. LOINC is copyright Regenstrief Institute,
https://loinc.org.

Where only a flow of oxygen is charted, the inspired fraction is estimated from it and from the
device (`cds_hooks/fhir/oxygen_support.py`), and the card says so; the nets do not read estimates.

| what | codes (checked) | unit | also accepted | bounds | read by |
| --- | --- | --- | --- | --- | --- |
"""

_ANSWERS: Final = """
## Answers in codes or words

Beside these codes, the usual words for each answer are understood. A code and words that say two
things are not used.

| what | answer | LOINC answer and SNOMED CT codes |
| --- | --- | --- |
"""

_ORDERS: Final = """
# Which orders are simulated

MedicationRequest, ServiceRequest and DeviceRequest are understood by these codes, or by the names
of the treatments where there is none of them. Dose, rate and route must be given; what is not
understood is named on the card and not simulated. Systems: RxNorm, ATC, SNOMED CT.

| treatment | codes (checked) |
| --- | --- |
"""
_SYSTEMS: Final = {RXNORM: "RxNorm", ATC: "ATC", SNOMED: "SNOMED CT"}


def sheet() -> str:
    """Return the whole sheet as GitHub Flavored Markdown."""
    rows = [_row(row) for row in MEASUREMENT_CODES if row.codes or row.snomed]
    answers = [
        f"| {row.kind.value} | {each.words} | {', '.join(sorted(each.codes))} |"
        for row in MEASUREMENT_CODES
        for each in row.answers
    ]
    orders = [_order(row) for row in TREATMENTS]
    parts = ((_OPENING, rows), (_ANSWERS, answers), (_ORDERS, orders))
    return "".join(opening + "\n".join(lines) + "\n" for opening, lines in parts)


def _order(row: TreatmentCodes) -> str:
    codes = (f"{_SYSTEMS[system]} {code} ({_checked(where)})" for system, code, where in row.codes)
    return f"| {row.treatment.value} | {', '.join(codes)} |"


def _row(row: MeasurementCode) -> str:
    codes = ", ".join(
        [f"{each.code} ({_checked(each.checked)})" for each in row.codes]
        + [f"SNOMED CT {each.code} ({_checked(each.checked)})" for each in row.snomed]
    )
    others = ", ".join(f"`{unit}`" for unit in row.conversions if unit != row.unit)
    readers = [name for name, reads in (("twin", row.quantity), ("nets", row.parameter)) if reads]
    if row.kind in READ_BY_NEWS2:
        readers.append("NEWS2")
    unit, bounds = f"`{row.unit}`", f"{row.bounds.low:g} to {row.bounds.high:g}"
    if row.answers:
        unit, others, bounds = "an answer", "", "-"
    cells = (row.kind.value, codes, unit, others, bounds, ", ".join(readers) or "-")
    return "| " + " | ".join(cells) + " |"


def _checked(where: str) -> str:
    return "**unverified**" if where == "unverified" else where


if __name__ == "__main__":
    sys.stdout.write(sheet())
