"""The rows of the trajectory image: what each shows, in the order of physiology. A table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from inference.core.trajectory import SERIES

RowKind = Literal["measured", "derived", "score", "fact"]


@dataclass(frozen=True, slots=True)
class TrajectoryRow:
    """One row: a measured or derived series, a bedside score, or a fact of the patient.

    ``logarithmic`` rows are read as log(1 + value): their distributions span orders of magnitude.
    """

    name: str
    clinical_name: str
    group: str
    kind: RowKind
    logarithmic: bool = False


_LOGARITHMIC: Final = frozenset(
    [
        "Lactate",
        "TroponinI",
        "TroponinT",
        "Urine",
        "Creatinine",
        "BUN",
        "PaO2",
        "WBC",
        "Platelets",
        "Bilirubin",
        "ALT",
        "AST",
        "ALP",
        "Cholesterol",
        "Glucose",
    ]
)
_DERIVED: Final = (
    TrajectoryRow("ShockIndex", "shock index", "circulation", "derived"),
    TrajectoryRow("Systolic", "systolic pressure", "circulation", "derived"),
    TrajectoryRow("Mean", "mean arterial pressure", "circulation", "derived"),
    TrajectoryRow("Diastolic", "diastolic pressure", "circulation", "derived"),
    TrajectoryRow("PulsePressure", "pulse pressure", "circulation", "derived"),
    TrajectoryRow("UrineRate", "urine per kg and hour", "kidney", "derived", logarithmic=True),
    TrajectoryRow("UreaRatio", "urea to creatinine ratio", "kidney", "derived", logarithmic=True),
    TrajectoryRow("BaseExcess", "base excess", "acid-base", "derived"),
    TrajectoryRow("OxygenRatio", "PaO2/FiO2", "gas exchange", "derived", logarithmic=True),
    TrajectoryRow("OxygenGradient", "alveolar-arterial O2 gradient", "gas exchange", "derived"),
    TrajectoryRow("EarlyWarning", "NEWS2 points", "scores", "score"),
    TrajectoryRow("OrganFailure", "organ failure points", "scores", "score"),
)
_PATIENT: Final = (
    TrajectoryRow("Age", "age", "patient", "fact"),
    TrajectoryRow("Sex", "sex", "patient", "fact"),
    TrajectoryRow("Height", "height", "patient", "fact"),
    TrajectoryRow("Weight", "weight", "patient", "fact"),
    TrajectoryRow("BodyMassIndex", "body mass index", "patient", "fact"),
    TrajectoryRow("CoronaryUnit", "coronary care unit", "patient", "fact"),
    TrajectoryRow("CardiacSurgeryUnit", "cardiac surgery unit", "patient", "fact"),
    TrajectoryRow("MedicalUnit", "medical unit", "patient", "fact"),
    TrajectoryRow("SurgicalUnit", "surgical unit", "patient", "fact"),
)
_GROUPS: Final = (
    "circulation",
    "kidney",
    "acid-base",
    "gas exchange",
    "brain and temperature",
    "blood",
    "liver and metabolism",
    "scores",
)
_MEASURED: Final = tuple(
    TrajectoryRow(
        row.name, row.clinical_name, row.group, "measured", logarithmic=row.name in _LOGARITHMIC
    )
    for row in SERIES
)
TIMED_ROWS: Final = tuple(
    row for group in _GROUPS for row in (*_DERIVED, *_MEASURED) if row.group == group
)
"""Rows that change with time; neighbours in the image are neighbours in the body."""
FACT_ROWS: Final = _PATIENT
ROWS: Final = TIMED_ROWS + FACT_ROWS
ROW_INDEX: Final = {row.name: index for index, row in enumerate(ROWS)}
