"""Rows of the table of measurement codes: blood gases and laboratory."""

from __future__ import annotations

from typing import Final

from cds_hooks.fhir import ucum
from cds_hooks.fhir.kinds import Kind
from cds_hooks.fhir.measurement_code import (
    OWN_CHOICE,
    Bounds,
    Loinc,
    MeasurementCode,
    as_trajectory,
)
from cds_hooks.fhir.ucum import Conversions
from twin.core.haemodynamics import Quantity
from twin.core.measurements import Condition, Device


def _row(
    kind: Kind,
    unit: str,
    conversions: Conversions,
    parameter: str,
    *codes: Loinc,
    quantity: Quantity | None = None,
    unitless: bool = False,
) -> MeasurementCode:
    """Return a laboratory row whose bounds and unit are those of a trajectory parameter."""
    return MeasurementCode(
        kind=kind,
        codes=codes,
        unit=unit,
        conversions=conversions,
        bounds=as_trajectory(parameter),
        parameter=parameter,
        quantity=quantity,
        device=Device.LABORATORY,
        unitless=unitless,
    )


def _outside_trajectory(
    kind: Kind,
    unit: str,
    conversions: Conversions,
    bounds: Bounds,
    *codes: Loinc,
    quantity: Condition | None = None,
) -> MeasurementCode:
    """Return a laboratory row that the trajectory does not hold."""
    return MeasurementCode(
        kind=kind,
        codes=codes,
        unit=unit,
        conversions=conversions,
        bounds=bounds,
        quantity=quantity,
        device=Device.LABORATORY,
    )


_BLOOD_GASES: Final = (
    _row(
        Kind.LACTATE,
        "mmol/L",
        ucum.LACTATE,
        "Lactate",
        Loinc("2524-7", "Lactate [Moles/volume] in Serum or Plasma", "public maps"),
        Loinc("2518-9", "Lactate [Moles/volume] in Arterial blood", "public maps"),
        Loinc("32693-4", "Lactate [Moles/volume] in Blood", "MIMIC map"),
    ),
    _row(
        Kind.PH,
        "[pH]",
        ucum.PH,
        "pH",
        Loinc("2744-1", "pH of Arterial blood", "Synthea"),
        unitless=True,
    ),
    _row(
        Kind.CARBON_DIOXIDE_TENSION,
        "mm[Hg]",
        ucum.MMHG,
        "PaCO2",
        Loinc("2019-8", "Carbon dioxide [Partial pressure] in Arterial blood", "Synthea"),
    ),
    _row(
        Kind.OXYGEN_TENSION,
        "mm[Hg]",
        ucum.MMHG,
        "PaO2",
        Loinc("2703-7", "Oxygen [Partial pressure] in Arterial blood", "Synthea"),
        quantity=Quantity.ARTERIAL_OXYGEN_PRESSURE,
    ),
    _row(
        Kind.BICARBONATE,
        "mmol/L",
        ucum.MILLIMOLE_PER_LITRE,
        "HCO3",
        Loinc("1963-8", "Bicarbonate [Moles/volume] in Serum or Plasma", "MIMIC map"),
        Loinc("1960-4", "Bicarbonate [Moles/volume] in Arterial blood", "Synthea"),
        Loinc("1959-6", "Bicarbonate [Moles/volume] in Blood", "unverified"),
    ),
)

_CHEMISTRY: Final = (
    _row(
        Kind.SODIUM,
        "mmol/L",
        ucum.MILLIMOLE_PER_LITRE,
        "Na",
        Loinc("2951-2", "Sodium [Moles/volume] in Serum or Plasma", "US Core"),
        Loinc("2947-0", "Sodium [Moles/volume] in Blood", "Synthea"),
    ),
    _row(
        Kind.POTASSIUM,
        "mmol/L",
        ucum.MILLIMOLE_PER_LITRE,
        "K",
        Loinc("2823-3", "Potassium [Moles/volume] in Serum or Plasma", "US Core"),
        Loinc("6298-4", "Potassium [Moles/volume] in Blood", "MIMIC map"),
    ),
    _row(
        Kind.MAGNESIUM,
        "mmol/L",
        ucum.MAGNESIUM,
        "Mg",
        Loinc("19123-9", "Magnesium [Mass/volume] in Serum or Plasma", "MIMIC map"),
        Loinc("2601-3", "Magnesium [Moles/volume] in Serum or Plasma", "public maps"),
    ),
    _row(
        Kind.UREA_NITROGEN,
        "mg/dL",
        ucum.UREA_NITROGEN,
        "BUN",
        Loinc("3094-0", "Urea nitrogen [Mass/volume] in Serum or Plasma", "US Core"),
        Loinc("6299-2", "Urea nitrogen [Mass/volume] in Blood", "Synthea"),
        Loinc("22664-7", "Urea [Moles/volume] in Serum or Plasma", "public maps"),
    ),
    _row(
        Kind.CREATININE,
        "mg/dL",
        ucum.CREATININE,
        "Creatinine",
        Loinc("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "US Core"),
        Loinc("38483-4", "Creatinine [Mass/volume] in Blood", "Synthea"),
        Loinc("14682-9", "Creatinine [Moles/volume] in Serum or Plasma", "public maps"),
    ),
    _row(
        Kind.GLUCOSE,
        "mg/dL",
        ucum.GLUCOSE,
        "Glucose",
        Loinc("2345-7", "Glucose [Mass/volume] in Serum or Plasma", "US Core"),
        Loinc("2339-0", "Glucose [Mass/volume] in Blood", "MIMIC map"),
        Loinc("14749-6", "Glucose [Moles/volume] in Serum or Plasma", "public maps"),
    ),
    _row(
        Kind.BILIRUBIN,
        "mg/dL",
        ucum.BILIRUBIN,
        "Bilirubin",
        Loinc("1975-2", "Bilirubin.total [Mass/volume] in Serum or Plasma", "MIMIC map"),
        Loinc("14631-6", "Bilirubin.total [Moles/volume] in Serum or Plasma", "public maps"),
    ),
    _row(
        Kind.ALBUMIN,
        "g/dL",
        ucum.GRAM_PER_DECILITRE,
        "Albumin",
        Loinc("1751-7", "Albumin [Mass/volume] in Serum or Plasma", "MIMIC map"),
    ),
    _row(
        Kind.ASPARTATE_AMINOTRANSFERASE,
        "U/L",
        ucum.ENZYME_UNIT_PER_LITRE,
        "AST",
        Loinc(
            "1920-8",
            "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma",
            "MIMIC map",
        ),
    ),
    _row(
        Kind.ALANINE_AMINOTRANSFERASE,
        "U/L",
        ucum.ENZYME_UNIT_PER_LITRE,
        "ALT",
        Loinc(
            "1742-6",
            "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma",
            "MIMIC map",
        ),
    ),
    _row(
        Kind.ALKALINE_PHOSPHATASE,
        "U/L",
        ucum.ENZYME_UNIT_PER_LITRE,
        "ALP",
        Loinc(
            "6768-6",
            "Alkaline phosphatase [Enzymatic activity/volume] in Serum or Plasma",
            "MIMIC map",
        ),
    ),
    _row(
        Kind.CHOLESTEROL,
        "mg/dL",
        ucum.CHOLESTEROL,
        "Cholesterol",
        Loinc("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "MIMIC map"),
        Loinc("14647-2", "Cholesterol [Moles/volume] in Serum or Plasma", "public maps"),
    ),
)

_HEART: Final = (
    _row(
        Kind.TROPONIN_I,
        "ug/L",
        ucum.MICROGRAM_PER_LITRE,
        "TroponinI",
        Loinc("10839-9", "Troponin I.cardiac [Mass/volume] in Serum or Plasma", "public maps"),
        Loinc(
            "89579-7",
            "Troponin I.cardiac [Mass/volume] in Serum or Plasma by High sensitivity method",
            "Synthea",
        ),
    ),
    _row(
        Kind.TROPONIN_T,
        "ug/L",
        ucum.MICROGRAM_PER_LITRE,
        "TroponinT",
        Loinc("6598-7", "Troponin T.cardiac [Mass/volume] in Serum or Plasma", "MIMIC map"),
        Loinc(
            "67151-1",
            "Troponin T.cardiac [Mass/volume] in Serum or Plasma by High sensitivity method",
            "public maps",
        ),
    ),
    _outside_trajectory(
        Kind.NATRIURETIC_PEPTIDE_NT,
        "pg/mL",
        ucum.PICOGRAM_PER_MILLILITRE,
        Bounds(1, 200_000, OWN_CHOICE),
        Loinc("33762-6", "Natriuretic peptide.B prohormone N-Terminal", "Synthea"),
    ),
    _outside_trajectory(
        Kind.NATRIURETIC_PEPTIDE,
        "pg/mL",
        ucum.PICOGRAM_PER_MILLILITRE,
        Bounds(1, 50_000, OWN_CHOICE),
        Loinc("42637-9", "Natriuretic peptide B [Mass/volume] in Blood", "2015 table"),
    ),
)

_BLOOD_COUNT: Final = (
    _row(
        Kind.WHITE_CELLS,
        "10*9/L",
        ucum.CELLS_1E9_PER_LITRE,
        "WBC",
        Loinc("6690-2", "Leukocytes [#/volume] in Blood by Automated count", "US Core"),
        Loinc("26464-8", "Leukocytes [#/volume] in Blood", "unverified"),
    ),
    _row(
        Kind.PLATELETS,
        "10*9/L",
        ucum.CELLS_1E9_PER_LITRE,
        "Platelets",
        Loinc("777-3", "Platelets [#/volume] in Blood by Automated count", "US Core"),
        Loinc("26515-7", "Platelets [#/volume] in Blood", "unverified"),
    ),
    _row(
        Kind.HAEMATOCRIT,
        "%",
        ucum.PERCENT,
        "HCT",
        Loinc("4544-3", "Hematocrit [Volume Fraction] of Blood by Automated count", "US Core"),
        Loinc("20570-8", "Hematocrit [Volume Fraction] of Blood", "public maps"),
    ),
    _outside_trajectory(
        Kind.HAEMOGLOBIN,
        "g/dL",
        ucum.GRAM_PER_DECILITRE,
        Bounds(1.5, 25, OWN_CHOICE),
        Loinc("718-7", "Hemoglobin [Mass/volume] in Blood", "US Core"),
        quantity=Condition.HAEMOGLOBIN,
    ),
)

LABORATORY: Final = (*_BLOOD_GASES, *_CHEMISTRY, *_HEART, *_BLOOD_COUNT)
