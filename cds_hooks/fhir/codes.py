"""The table of measurement codes as one, and its inverse maps, which are computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cds_hooks.fhir.codes_haemodynamics import HAEMODYNAMICS
from cds_hooks.fhir.codes_laboratory import LABORATORY
from cds_hooks.fhir.codes_vital_signs import VITAL_SIGNS
from cds_hooks.fhir.kinds import Kind
from cds_hooks.fhir.measurement_code import Loinc, MeasurementCode, Snomed

LOINC_SYSTEM: Final = "http://loinc.org"
LOINC_SYSTEMS: Final = frozenset({LOINC_SYSTEM, "urn:oid:2.16.840.1.113883.6.1"})
"""The system's URL, and the OID that converted CDA documents carry."""

MEASUREMENT_CODES: Final[tuple[MeasurementCode, ...]] = (
    *VITAL_SIGNS,
    *HAEMODYNAMICS,
    *LABORATORY,
)

CODE_OF_KIND: Final[Mapping[Kind, MeasurementCode]] = {row.kind: row for row in MEASUREMENT_CODES}
BY_LOINC: Final[Mapping[str, tuple[MeasurementCode, Loinc]]] = {
    loinc.code: (row, loinc) for row in MEASUREMENT_CODES for loinc in row.codes
}
SNOMED_SYSTEM: Final = "http://snomed.info/sct"
BY_SNOMED: Final[Mapping[str, tuple[MeasurementCode, Snomed]]] = {
    each.code: (row, each) for row in MEASUREMENT_CODES for each in row.snomed
}

SYSTEMIC_PANELS: Final = frozenset({"85354-9", "55284-4"})
"""Blood pressure panels whose generic components are of the systemic arteries.

85354-9 is fixed by https://hl7.org/fhir/R4/bp.html; 55284-4 is what older exports send.
"""

PULMONARY_PANELS: Final = frozenset({"76284-9"})
"""Panels whose generic components are of the pulmonary artery, as in the German ICU profiles."""

IN_PULMONARY_PANEL: Final[Mapping[str, str]] = {
    "8480-6": "8440-0",
    "8462-4": "8385-7",
    "8478-0": "8414-5",
}
"""What a generic pressure code means inside a pulmonary panel."""

GENERIC_PRESSURES: Final = frozenset(IN_PULMONARY_PANEL)
"""Codes that say systolic, diastolic or mean, but not of which vessel."""


def loinc_codes(*kinds: Kind) -> tuple[str, ...]:
    """Return every accepted LOINC code of these kinds, for a search."""
    return tuple(loinc.code for kind in kinds for loinc in CODE_OF_KIND[kind].codes)
