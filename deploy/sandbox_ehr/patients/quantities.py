"""What is measured in the sample patients: code, unit and rhythm of each quantity. Data only.

Codes are LOINC (https://loinc.org), units UCUM (https://ucum.org). Vital signs use the codes that
FHIR R4 fixes (https://hl7.org/fhir/R4/observation-vitalsigns.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity: its codes, its unit, how exactly it is charted and how much it scatters."""

    codes: tuple[str, ...]
    display: str
    unit: str
    ucum: str
    category: str
    decimals: int
    scatter: float
    """Standard deviation of one reading about the course, in the unit."""
    every_h: float


VITAL, LABORATORY, EXAM, PROCEDURE = "vital-signs", "laboratory", "exam", "procedure"


def _vital(codes: str, display: str, unit: str, ucum: str, *numbers: float) -> Quantity:
    decimals, scatter, every_h = numbers
    return Quantity(
        tuple(codes.split()), display, unit, ucum, VITAL, int(decimals), scatter, every_h
    )


def _laboratory(code: str, display: str, ucum: str, decimals: int, scatter: float) -> Quantity:
    unit = ucum.replace("[pH]", "pH").replace("mm[Hg]", "mmHg")
    return Quantity((code,), display, unit, ucum, LABORATORY, decimals, scatter, 6)


QUANTITIES: Mapping[str, Quantity] = {
    "heart_rate": _vital("8867-4", "Heart rate", "/min", "/min", 0, 2.0, 1),
    "respiratory_rate": _vital("9279-1", "Respiratory rate", "/min", "/min", 0, 0.9, 1),
    "oxygen_saturation": _vital("2708-6 59408-5", "Oxygen saturation", "%", "%", 0, 0.6, 1),
    "temperature": _vital("8310-5", "Body temperature", "°C", "Cel", 1, 0.1, 4),
    "weight": _vital("29463-7", "Body weight", "kg", "kg", 1, 0.0, 999),
    "height": _vital("8302-2", "Body height", "cm", "cm", 0, 0.0, 999),
    # Pressures and flows from catheters: real servers file them under various categories.
    "central_venous_pressure": Quantity(
        ("60985-9",), "Central venous pressure", "mmHg", "mm[Hg]", EXAM, 0, 0.6, 2
    ),
    "wedge_pressure": Quantity(
        ("75994-4",), "Pulmonary artery wedge pressure", "mmHg", "mm[Hg]", PROCEDURE, 0, 0.8, 8
    ),
    "pulmonary_systolic": Quantity(
        ("8440-0",), "Pulmonary artery systolic pressure", "mmHg", "mm[Hg]", PROCEDURE, 0, 1.5, 4
    ),
    "pulmonary_diastolic": Quantity(
        ("8385-7",), "Pulmonary artery diastolic pressure", "mmHg", "mm[Hg]", PROCEDURE, 0, 1.0, 4
    ),
    "cardiac_output": Quantity(
        ("8741-1",), "Left ventricular cardiac output", "L/min", "L/min", PROCEDURE, 1, 0.15, 4
    ),
    "ejection_fraction": Quantity(
        ("10230-1",), "Left ventricular ejection fraction", "%", "%", PROCEDURE, 0, 0.0, 999
    ),
    # Bedside flowsheets, which are exported as vital signs, hold these three too.
    "inspired_oxygen": Quantity(
        ("3150-0",), "Inhaled oxygen concentration", "%", "%", VITAL, 0, 0.0, 6
    ),
    "urine_output": Quantity(
        ("9187-6",), "Urine output in one hour", "mL", "mL", VITAL, 0, 5.0, 2
    ),
    "coma_score": Quantity(
        ("9269-2",), "Glasgow coma score total", "{score}", "{score}", VITAL, 0, 0.0, 4
    ),
    "haemoglobin": _laboratory("718-7", "Haemoglobin", "g/dL", 1, 0.1),
    "haematocrit": _laboratory("4544-3", "Haematocrit", "%", 1, 0.3),
    "lactate": _laboratory("2524-7", "Lactate", "mmol/L", 1, 0.1),
    "sodium": _laboratory("2951-2", "Sodium", "mmol/L", 0, 0.8),
    "potassium": _laboratory("2823-3", "Potassium", "mmol/L", 1, 0.1),
    "bicarbonate": _laboratory("1963-8", "Bicarbonate", "mmol/L", 0, 0.5),
    "urea_nitrogen": _laboratory("3094-0", "Urea nitrogen", "mg/dL", 0, 0.8),
    "creatinine": _laboratory("2160-0", "Creatinine", "mg/dL", 2, 0.03),
    "glucose": _laboratory("2345-7", "Glucose", "mg/dL", 0, 5.0),
    "leucocytes": _laboratory("6690-2", "Leucocytes", "10*3/uL", 1, 0.4),
    "platelets": _laboratory("777-3", "Platelets", "10*3/uL", 0, 5.0),
    "bilirubin": _laboratory("1975-2", "Bilirubin", "mg/dL", 1, 0.05),
    "arterial_ph": _laboratory("2744-1", "pH of arterial blood", "[pH]", 2, 0.01),
    "arterial_oxygen": _laboratory("2703-7", "Oxygen pressure, arterial", "mm[Hg]", 0, 2.0),
    "arterial_carbon_dioxide": _laboratory(
        "2019-8", "Carbon dioxide pressure, arterial", "mm[Hg]", 0, 1.0
    ),
    "natriuretic_peptide": _laboratory("33762-6", "NT-proBNP", "pg/mL", 0, 100.0),
    "troponin": _laboratory("6598-7", "Troponin T", "ng/mL", 3, 0.002),
}

SYSTOLIC, DIASTOLIC, MEAN = "systolic", "diastolic", "mean"
PRESSURE_PANEL = ("85354-9", "Blood pressure panel")
PRESSURE_CODES: Mapping[str, tuple[str, str]] = {
    SYSTOLIC: ("8480-6", "Systolic blood pressure"),
    DIASTOLIC: ("8462-4", "Diastolic blood pressure"),
    MEAN: ("8478-0", "Mean blood pressure"),
}
