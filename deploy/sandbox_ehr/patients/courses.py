"""The five invented patients as data: who they are, what they take, how their values run.

The courses follow textbook pictures (haemorrhagic shock: ATLS classes; septic shock: Sepsis-3,
https://doi.org/10.1001/jama.2016.0287; acute heart failure: ESC 2021,
https://doi.org/10.1093/eurheartj/ehab368); every number is made up; no patient stands behind any.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Course: TypeAlias = tuple[tuple[float, float], ...]
"""(hours before now, value), oldest first; straight lines in between."""


@dataclass(frozen=True, slots=True)
class Medicine:
    """An active order: RxNorm ingredient, ATC code, name and how it is given."""

    key: str
    rxnorm: str
    atc: str
    name: str
    dosage: str
    dose: tuple[float, str] | None = None
    rate: tuple[float, str] | None = None
    """A running infusion, in UCUM units."""
    route: str = "oral"


@dataclass(frozen=True, slots=True)
class Picture:
    """A chest radiograph drawn for the patient, not taken of anyone."""

    hours_before: float
    heart_width: float
    """Cardiothoracic ratio as drawn."""
    opacity: float
    """How white the drawn infiltrate is, 0 to 1."""


@dataclass(frozen=True, slots=True)
class SamplePatient:
    """One sample patient."""

    key: str
    given: str
    family: str
    sex: str
    age_years: int
    situation: str
    """One sentence for whoever opens the chart."""
    encounter_class: str
    hours: float
    """How long ago the patient came."""
    conditions: tuple[tuple[str, str], ...]
    """SNOMED CT code and words."""
    courses: Mapping[str, Course]
    medicines: tuple[Medicine, ...] = ()
    picture: Picture | None = None
    ecg_hours_before: float | None = None
    """When the generated ECG was "recorded" whose page lies in ``ecg-pages``; None without one."""
    pressure_method: str = "cuff"
    seed: int = field(default=0)


def _flat(value: float) -> Course:
    return ((0.0, value),)


STABLE = SamplePatient(
    key="stable",
    given="Ingrid",
    family="Stillwater",
    sex="female",
    age_years=58,
    situation="First day after a planned knee replacement. Comfortable.",
    encounter_class="ACUTE",
    hours=26,
    conditions=(("38341003", "Hypertension"),),
    courses={
        "heart_rate": ((24, 70), (8, 76), (0, 73)),
        "systolic": ((24, 128), (8, 122), (0, 124)),
        "diastolic": ((24, 74), (8, 71), (0, 72)),
        "respiratory_rate": _flat(14),
        "oxygen_saturation": _flat(97),
        "temperature": ((24, 36.6), (8, 37.1), (0, 36.8)),
        "urine_output": _flat(140),
        "coma_score": _flat(15),
        "haemoglobin": ((24, 12.9), (0, 12.1)),
        "haematocrit": ((24, 38.5), (0, 36.3)),
        "lactate": _flat(1.0),
        "sodium": _flat(139),
        "potassium": _flat(4.1),
        "bicarbonate": _flat(24),
        "urea_nitrogen": _flat(15),
        "creatinine": _flat(0.78),
        "glucose": ((24, 128), (0, 106)),
        "leucocytes": ((24, 9.4), (0, 8.2)),
        "platelets": _flat(231),
        "weight": _flat(66),
        "height": _flat(168),
    },
    medicines=(
        Medicine("amlodipine", "17767", "C08CA01", "Amlodipine", "5 mg by mouth daily", (5, "mg")),
        Medicine(
            "enoxaparin",
            "67108",
            "B01AB05",
            "Enoxaparin",
            "40 mg under the skin daily",
            (40, "mg"),
            route="subcutaneous",
        ),
    ),
    picture=Picture(25, 0.45, 0.0),
    seed=41,
)

BLEEDING = SamplePatient(
    key="bleeding",
    given="Tomas",
    family="Redmond",
    sex="male",
    age_years=54,
    situation="Bleeding from the stomach since the night; pressure falling for six hours.",
    encounter_class="ACUTE",
    hours=26,
    conditions=(("74474003", "Gastrointestinal haemorrhage"), ("13200003", "Peptic ulcer")),
    courses={
        "heart_rate": ((24, 78), (9, 82), (5, 98), (2, 112), (0, 122)),
        "systolic": ((24, 130), (9, 126), (5, 112), (2, 94), (0, 82)),
        "diastolic": ((24, 77), (9, 76), (5, 71), (2, 61), (0, 53)),
        "respiratory_rate": ((24, 14), (8, 16), (3, 21), (0, 25)),
        "oxygen_saturation": ((24, 98), (6, 97), (0, 95)),
        "inspired_oxygen": ((24, 21), (4, 21), (3, 28), (0, 28)),
        "temperature": ((24, 36.9), (8, 36.7), (0, 36.1)),
        "central_venous_pressure": ((10, 6), (5, 4), (0, 1)),
        "urine_output": ((24, 85), (8, 60), (3, 28), (0, 14)),
        "coma_score": ((24, 15), (3, 15), (0, 14)),
        "haemoglobin": ((24, 13.4), (10, 12.6), (5, 10.4), (0, 8.1)),
        "haematocrit": ((24, 40.2), (10, 37.8), (5, 31.2), (0, 24.3)),
        "lactate": ((24, 1.1), (8, 1.5), (4, 2.8), (0, 4.6)),
        "sodium": _flat(139),
        "potassium": ((24, 4.0), (0, 4.4)),
        "bicarbonate": ((24, 25), (8, 23), (0, 18)),
        "urea_nitrogen": ((24, 18), (8, 27), (0, 38)),
        "creatinine": ((24, 0.92), (0, 1.34)),
        "glucose": ((24, 112), (0, 168)),
        "leucocytes": ((24, 8.1), (0, 12.2)),
        "platelets": ((24, 224), (0, 141)),
        "bilirubin": _flat(0.8),
        "arterial_ph": ((24, 7.41), (8, 7.39), (0, 7.30)),
        "arterial_oxygen": ((24, 93), (0, 84)),
        "arterial_carbon_dioxide": ((24, 39), (0, 32)),
        "weight": _flat(82),
        "height": _flat(178),
    },
    medicines=(
        Medicine(
            "pantoprazole",
            "40790",
            "A02BC02",
            "Pantoprazole",
            "8 mg per hour into a vein",
            rate=(8, "mg/h"),
            route="intravenous",
        ),
    ),
    picture=Picture(5, 0.44, 0.0),
    pressure_method="arterial line",
    seed=11,
)

SEPTIC = SamplePatient(
    key="septic",
    given="Amara",
    family="Feverfew",
    sex="female",
    age_years=67,
    situation="Pneumonia with septic shock; warm, wide pulses, on a little norepinephrine.",
    encounter_class="ACUTE",
    hours=28,
    conditions=(("76571007", "Septic shock"), ("233604007", "Pneumonia")),
    courses={
        "heart_rate": ((26, 98), (10, 108), (0, 118)),
        "systolic": ((26, 112), (12, 96), (0, 88)),
        "diastolic": ((26, 58), (12, 47), (0, 42)),
        "respiratory_rate": ((26, 21), (0, 29)),
        "oxygen_saturation": ((26, 94), (0, 92)),
        "inspired_oxygen": ((26, 28), (12, 28), (10, 40), (0, 40)),
        "temperature": ((26, 38.3), (8, 39.4), (0, 39.1)),
        "central_venous_pressure": ((12, 6), (0, 8)),
        "cardiac_output": ((10, 6.9), (0, 7.9)),
        "urine_output": ((26, 55), (0, 19)),
        "coma_score": ((26, 15), (6, 14), (0, 13)),
        "haemoglobin": ((26, 11.9), (0, 10.8)),
        "haematocrit": ((26, 35.6), (0, 32.5)),
        "lactate": ((26, 2.0), (10, 3.1), (0, 4.3)),
        "sodium": ((26, 136), (0, 134)),
        "potassium": ((26, 4.2), (0, 4.9)),
        "bicarbonate": ((26, 22), (0, 17)),
        "urea_nitrogen": ((26, 22), (0, 39)),
        "creatinine": ((26, 1.05), (0, 1.92)),
        "glucose": ((26, 156), (0, 192)),
        "leucocytes": ((26, 14.2), (0, 21.3)),
        "platelets": ((26, 188), (0, 117)),
        "bilirubin": ((26, 0.9), (0, 1.8)),
        "arterial_ph": ((26, 7.39), (0, 7.27)),
        "arterial_oxygen": ((26, 72), (0, 66)),
        "arterial_carbon_dioxide": ((26, 35), (0, 33)),
        "weight": _flat(71),
        "height": _flat(162),
    },
    medicines=(
        Medicine(
            "norepinephrine",
            "7512",
            "C01CA03",
            "Norepinephrine",
            "0.08 microgram per kg and minute into a central vein",
            rate=(0.08, "ug/kg/min"),
            route="intravenous",
        ),
        Medicine(
            "piperacillin-tazobactam",
            "74169",
            "J01CR05",
            "Piperacillin and tazobactam",
            "4.5 g into a vein every 6 hours",
            (4.5, "g"),
            route="intravenous",
        ),
    ),
    picture=Picture(9, 0.47, 0.75),
    pressure_method="arterial line",
    seed=23,
)

HEART_FAILURE = SamplePatient(
    key="heart-failure",
    given="Walter",
    family="Pumphrey",
    sex="male",
    age_years=74,
    situation="Worsening heart failure, congested and cool, on oxygen.",
    encounter_class="ACUTE",
    hours=28,
    conditions=(
        ("42343007", "Congestive heart failure"),
        ("22298006", "Myocardial infarction, four years ago"),
    ),
    courses={
        "heart_rate": ((26, 90), (0, 103)),
        "systolic": ((26, 106), (0, 94)),
        "diastolic": ((26, 68), (0, 64)),
        "respiratory_rate": ((26, 20), (0, 26)),
        "oxygen_saturation": ((26, 94), (0, 91)),
        "inspired_oxygen": ((26, 28), (8, 28), (6, 36), (0, 36)),
        "temperature": _flat(36.5),
        "central_venous_pressure": ((20, 13), (0, 17)),
        "wedge_pressure": ((16, 24), (0, 27)),
        "pulmonary_systolic": ((16, 46), (0, 51)),
        "pulmonary_diastolic": ((16, 25), (0, 28)),
        "cardiac_output": ((16, 3.6), (0, 3.2)),
        "ejection_fraction": ((18, 22),),
        "urine_output": ((26, 58), (0, 26)),
        "coma_score": _flat(15),
        "haemoglobin": _flat(11.6),
        "haematocrit": _flat(35),
        "lactate": ((26, 1.5), (0, 2.5)),
        "sodium": ((26, 134), (0, 132)),
        "potassium": ((26, 4.5), (0, 4.9)),
        "bicarbonate": ((26, 24), (0, 21)),
        "urea_nitrogen": ((26, 36), (0, 47)),
        "creatinine": ((26, 1.52), (0, 1.95)),
        "glucose": _flat(134),
        "leucocytes": _flat(8.8),
        "platelets": _flat(196),
        "bilirubin": ((26, 1.2), (0, 1.6)),
        "arterial_ph": ((26, 7.42), (0, 7.37)),
        "arterial_oxygen": ((26, 70), (0, 62)),
        "arterial_carbon_dioxide": ((26, 36), (0, 41)),
        "natriuretic_peptide": ((26, 7800), (0, 9200)),
        "troponin": ((26, 0.041), (0, 0.046)),
        "weight": _flat(88),
        "height": _flat(174),
    },
    medicines=(
        Medicine(
            "furosemide",
            "4603",
            "C03CA01",
            "Furosemide",
            "40 mg into a vein twice daily",
            (40, "mg"),
            route="intravenous",
        ),
        Medicine("bisoprolol", "19484", "C07AB07", "Bisoprolol", "2.5 mg daily", (2.5, "mg")),
        Medicine("ramipril", "35296", "C09AA05", "Ramipril", "2.5 mg daily", (2.5, "mg")),
        Medicine("apixaban", "1364430", "B01AF02", "Apixaban", "5 mg twice daily", (5, "mg")),
    ),
    picture=Picture(7, 0.61, 0.3),
    ecg_hours_before=1.5,
    pressure_method="arterial line",
    seed=37,
)

ALMOST_NOTHING = SamplePatient(
    key="almost-no-data",
    given="Noel",
    family="Blank",
    sex="male",
    age_years=41,
    situation="Just arrived; one heart rate has been charted.",
    encounter_class="EMER",
    hours=0.5,
    conditions=(),
    courses={"heart_rate": _flat(96)},
    seed=53,
)

SAMPLE_PATIENTS = (STABLE, BLEEDING, SEPTIC, HEART_FAILURE, ALMOST_NOTHING)
