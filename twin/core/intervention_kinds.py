"""What can be done to a circulation, or befall it, as values. No arithmetic lives here.

Which doses are plausible is in ``dose_ranges``; when each one runs is in ``interventions``; what
it does over time is in ``drugs`` (drugs, fluids) and ``insults`` (the rest).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Drug(StrEnum):
    """A drug whose effect on the circulation is modelled."""

    NOREPINEPHRINE = "norepinephrine"
    EPINEPHRINE = "epinephrine"
    PHENYLEPHRINE = "phenylephrine"
    VASOPRESSIN = "vasopressin"
    DOBUTAMINE = "dobutamine"
    DOPAMINE = "dopamine"
    MILRINONE = "milrinone"
    METOPROLOL = "metoprolol"
    ESMOLOL = "esmolol"
    LABETALOL = "labetalol"
    NITROGLYCERIN = "nitroglycerin"
    NITROPRUSSIDE = "nitroprusside"
    NICARDIPINE = "nicardipine"
    FUROSEMIDE = "furosemide"
    ATROPINE = "atropine"
    AMIODARONE = "amiodarone"
    PROPOFOL = "propofol"
    KETAMINE = "ketamine"
    MORPHINE = "morphine"


class FluidKind(StrEnum):
    """A fluid given into a vein."""

    CRYSTALLOID = "crystalloid"
    RED_CELLS = "red cells"
    ALBUMIN = "albumin"


class Route(StrEnum):
    """The way of a single dose."""

    INTRAVENOUS = "intravenous"
    ORAL = "oral"
    SUBLINGUAL = "sublingual"


class SettingKind(StrEnum):
    """Something that is set to a value and stays there."""

    END_EXPIRATORY_PRESSURE = "positive end-expiratory pressure"
    """cmH2O."""
    PACING = "pacing"
    """Least heart rate, /min."""
    TILT = "tilt"
    """Degrees head up from lying; head down is negative."""


class InsultKind(StrEnum):
    """Something that befalls a circulation, and how its extent is told."""

    TAMPONADE = "pericardial tamponade"
    """Fluid in the pericardium, mL."""
    TENSION_PNEUMOTHORAX = "tension pneumothorax"
    """0 to 1; at 1 one lung is collapsed and the mediastinum shifted."""
    EMBOLISM = "pulmonary embolism"
    """Share of the pulmonary arterial bed that is obstructed."""
    VASOPLEGIA = "septic vasoplegia"
    """Share of the systemic vascular tone that is lost."""
    PUMP_FAILURE = "left ventricular failure"
    """Share of the left ventricle's contractility that is lost."""
    LUNG_INJURY = "lung injury"
    """Share of the output that passes the lungs without meeting air."""
    ATRIAL_FIBRILLATION = "atrial fibrillation"
    """Ventricular rate, /min."""
    VENTRICULAR_TACHYCARDIA = "ventricular tachycardia"
    """Rate, /min."""
    HEART_BLOCK = "complete heart block"
    """Rate of the escape rhythm, /min."""
    ARREST = "cardiac arrest"
    """1: no chamber contracts."""


@dataclass(frozen=True, slots=True)
class Fluid:
    """A volume given into a vein at a constant rate over ``duration_s``."""

    kind: FluidKind
    volume_ml: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Infusion:
    """A drug infused at a constant rate until it is changed or stopped.

    ``rate`` is in the unit in which this drug is ordered, µg/kg/min for most, units/min for
    vasopressin: ``dose_ranges.INFUSION_RATE[drug].unit``.
    """

    drug: Drug
    rate: float


@dataclass(frozen=True, slots=True)
class DrugDose:
    """A single dose, mg, given at once or, into a vein, over ``duration_s``."""

    drug: Drug
    dose_mg: float
    route: Route
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Oxygen:
    """Breathing gas with this oxygen fraction (0-1)."""

    inspired_fraction: float


@dataclass(frozen=True, slots=True)
class Setting:
    """A ventilator, pacemaker or bed at this value."""

    kind: SettingKind
    value: float


@dataclass(frozen=True, slots=True)
class Bleeding:
    """Loss of whole blood at a constant rate over ``duration_s``."""

    rate_ml_per_min: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Insult:
    """A disturbance of this extent, in the unit that its kind names."""

    kind: InsultKind
    extent: float


@dataclass(frozen=True, slots=True)
class Compressions:
    """Compressions of the chest at this rate and depth."""

    rate_per_min: float
    depth_cm: float


Intervention = Fluid | Infusion | DrugDose | Oxygen | Setting | Bleeding | Insult | Compressions

Stoppable = Drug | FluidKind | SettingKind | InsultKind | type[Oxygen | Bleeding | Compressions]


@dataclass(frozen=True, slots=True)
class Given:
    """An intervention in its time: seconds after the schedule's time 0, negative in the past.

    ``ends_at_s`` ``None``: it goes on, or lasts as long as itself says.
    """

    intervention: Intervention
    starts_at_s: float
    ends_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """The end of whatever of this is running at ``at_s``."""

    what: Stoppable
    at_s: float = 0.0
