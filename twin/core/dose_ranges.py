"""What is given to adults, and in which unit it is ordered: outside it an order is refused.

May live here: ranges with their sources, and the check of one intervention against them. A range
spans what is given to any adult, not what is recommended to this one.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from twin.core.intervention_kinds import (
    Bleeding,
    Compressions,
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Infusion,
    Insult,
    InsultKind,
    Intervention,
    Oxygen,
    Route,
    Setting,
    SettingKind,
)
from twin.errors import ImplausibleDose, RouteNotModelled


class DoseRange(NamedTuple):
    """What is given to adults, with the source; outside it an order is refused, not simulated."""

    low: float
    high: float
    unit: str
    source: str


_LABEL = "US prescribing information"
_SSC = "Surviving Sepsis Campaign 2021, Crit Care Med 49:e1063"
_ALS = "European Resuscitation Council 2021, Resuscitation 161:115"
_IV, _ORAL, _TONGUE = Route.INTRAVENOUS, Route.ORAL, Route.SUBLINGUAL

FLUID_VOLUME: Final[dict[FluidKind, DoseRange]] = {
    FluidKind.CRYSTALLOID: DoseRange(
        10, 4000, "mL", "Surviving Sepsis Campaign 2021: 30 mL/kg within 3 h, for 133 kg"
    ),
    FluidKind.RED_CELLS: DoseRange(
        50, 3000, "mL", "AABB Circular of Information: units of 300-400 mL; massive transfusion"
    ),
    FluidKind.ALBUMIN: DoseRange(20, 2000, "mL", f"{_LABEL}, albumin 5 %: 250-500 mL, repeated"),
}
FLUID_DURATION: Final = DoseRange(30, 86_400, "s", "pressure bag to a day's maintenance")

_PER_KG_MIN: Final = "µg/kg/min"
INFUSION_RATE: Final[dict[Drug, DoseRange]] = {
    Drug.NOREPINEPHRINE: DoseRange(0.005, 3.0, _PER_KG_MIN, f"{_SSC}; refractory shock up to 3"),
    Drug.EPINEPHRINE: DoseRange(
        0.005, 2.0, _PER_KG_MIN, f"{_LABEL}, epinephrine in septic shock: 0.05-2"
    ),
    Drug.PHENYLEPHRINE: DoseRange(
        0.05, 10, _PER_KG_MIN, f"{_LABEL}, phenylephrine: 0.5-6; volunteers up to 4 and more"
    ),
    Drug.VASOPRESSIN: DoseRange(
        0.002, 0.1, "units/min", f"{_LABEL}, vasopressin: 0.01-0.07, after heart surgery 0.03-0.1"
    ),
    Drug.DOBUTAMINE: DoseRange(0.25, 40, _PER_KG_MIN, f"{_LABEL}, dobutamine: 0.5-40"),
    Drug.DOPAMINE: DoseRange(0.5, 50, _PER_KG_MIN, f"{_LABEL}, dopamine: 2-50"),
    Drug.MILRINONE: DoseRange(0.05, 1.0, _PER_KG_MIN, f"{_LABEL}, milrinone: 0.375-0.75"),
    Drug.ESMOLOL: DoseRange(5, 300, _PER_KG_MIN, f"{_LABEL}, esmolol: 50-200, at most 300"),
    Drug.LABETALOL: DoseRange(0.1, 6, "mg/min", f"{_LABEL}, labetalol: 2, at most 300 mg in all"),
    Drug.NITROGLYCERIN: DoseRange(2, 500, "µg/min", f"{_LABEL}, nitroglycerin: 5-200 and more"),
    Drug.NITROPRUSSIDE: DoseRange(0.05, 10, _PER_KG_MIN, f"{_LABEL}, nitroprusside: 0.3-10"),
    Drug.NICARDIPINE: DoseRange(0.5, 15, "mg/h", f"{_LABEL}, nicardipine: 5-15"),
    Drug.FUROSEMIDE: DoseRange(
        1, 240, "mg/h", f"{_LABEL}, furosemide: at most 4 mg/min; Felker 2011, NEJM 364:797"
    ),
    Drug.AMIODARONE: DoseRange(
        0.1, 2.5, "mg/min", f"{_LABEL}, amiodarone: 1 for 6 h, then 0.5; 2.1 g a day at most"
    ),
    Drug.PROPOFOL: DoseRange(
        2, 300, _PER_KG_MIN, f"{_LABEL}, propofol: sedation 5-80, anaesthesia 100-200"
    ),
    Drug.KETAMINE: DoseRange(
        0.5, 100, _PER_KG_MIN, f"{_LABEL}, ketamine: 0.1-0.5 mg/min and more in anaesthesia"
    ),
    Drug.MORPHINE: DoseRange(0.2, 50, "mg/h", f"{_LABEL}, morphine: 0.8-10, tolerance more"),
}
"""The customary unit of each drug's rate stands here."""

_MG: Final = "mg"
SINGLE_DOSE: Final[dict[tuple[Drug, Route], DoseRange]] = {
    (Drug.EPINEPHRINE, _IV): DoseRange(
        0.002, 1, _MG, f"{_ALS}: 1 mg in arrest; pushes of 5-20 µg in hypotension"
    ),
    (Drug.PHENYLEPHRINE, _IV): DoseRange(
        0.02, 0.5, _MG, f"{_LABEL}, phenylephrine: 40-250 µg, up to 500"
    ),
    (Drug.MILRINONE, _IV): DoseRange(0.5, 10, _MG, f"{_LABEL}, milrinone: 50 µg/kg in 10 min"),
    (Drug.METOPROLOL, _IV): DoseRange(
        1, 15, _MG, f"{_LABEL}, metoprolol tartrate: 5 mg, three times"
    ),
    (Drug.METOPROLOL, _ORAL): DoseRange(6.25, 400, _MG, f"{_LABEL}, metoprolol: 12.5-400 a day"),
    (Drug.ESMOLOL, _IV): DoseRange(5, 150, _MG, f"{_LABEL}, esmolol: loading dose 0.5-1 mg/kg"),
    (Drug.LABETALOL, _IV): DoseRange(2.5, 100, _MG, f"{_LABEL}, labetalol: 20, then 40-80 mg"),
    (Drug.LABETALOL, _ORAL): DoseRange(50, 1200, _MG, f"{_LABEL}, labetalol: 200-2400 a day"),
    (Drug.NITROGLYCERIN, _IV): DoseRange(
        0.02, 2, _MG, "Cotter 1998, Lancet 351:389: repeated boluses of nitrate in lung oedema"
    ),
    (Drug.NITROGLYCERIN, _TONGUE): DoseRange(
        0.15, 1.2, _MG, f"{_LABEL}, nitroglycerin tablets: 0.3-0.6 mg, at most three"
    ),
    (Drug.FUROSEMIDE, _IV): DoseRange(
        5, 250, _MG, f"{_LABEL}, furosemide: 20-160 mg; renal failure up to 250 mg"
    ),
    (Drug.FUROSEMIDE, _ORAL): DoseRange(10, 600, _MG, f"{_LABEL}, furosemide: 20-600 mg"),
    (Drug.ATROPINE, _IV): DoseRange(0.2, 3, _MG, f"{_ALS}: 0.5 mg, up to 3 mg"),
    (Drug.AMIODARONE, _IV): DoseRange(50, 450, _MG, f"{_LABEL}, 150 mg; {_ALS}: 300 mg"),
    (Drug.PROPOFOL, _IV): DoseRange(5, 400, _MG, f"{_LABEL}, propofol: 1-2.5 mg/kg"),
    (Drug.KETAMINE, _IV): DoseRange(5, 500, _MG, f"{_LABEL}, ketamine: 0.1-4.5 mg/kg"),
    (Drug.MORPHINE, _IV): DoseRange(0.5, 30, _MG, f"{_LABEL}, morphine: 0.1-0.2 mg/kg"),
}
DOSE_DURATION: Final = DoseRange(0, 3600, "s", "a push to a loading dose over an hour")

OXYGEN_FRACTION: Final = DoseRange(0.21, 1.0, "(fraction)", "air to pure oxygen")
SETTING: Final[dict[SettingKind, DoseRange]] = {
    SettingKind.END_EXPIRATORY_PRESSURE: DoseRange(
        0, 30, "cmH2O", "ARDS Network 2000, NEJM 342:1301: up to 24"
    ),
    SettingKind.PACING: DoseRange(30, 180, "/min", "ESC guideline on pacing 2021; atrial pacing"),
    SettingKind.TILT: DoseRange(-30, 90, "degrees", "head-down position to upright"),
}
BLEEDING_RATE: Final = DoseRange(
    1, 1000, "mL/min", "ooze to major vessel injury; advanced trauma life support classes"
)
BLEEDING_DURATION: Final = DoseRange(1, 86_400, "s", "a second to a day")
INSULT_EXTENT: Final[dict[InsultKind, DoseRange]] = {
    InsultKind.TAMPONADE: DoseRange(20, 1000, "mL", "Spodick 2003, NEJM 349:684"),
    InsultKind.TENSION_PNEUMOTHORAX: DoseRange(0.05, 1, "(severity)", "one lung wholly"),
    InsultKind.EMBOLISM: DoseRange(
        0.05, 0.85, "(share obstructed)", "McIntyre 1971, Am J Cardiol 28:288: 13-68 % obstructed"
    ),
    InsultKind.VASOPLEGIA: DoseRange(0.05, 0.8, "(share lost)", "resistance in septic shock"),
    InsultKind.PUMP_FAILURE: DoseRange(0.05, 0.9, "(share lost)", "stunning to cardiogenic shock"),
    InsultKind.LUNG_INJURY: DoseRange(
        0.02, 0.7, "(share shunted)", "West, Respiratory Physiology"
    ),
    InsultKind.ATRIAL_FIBRILLATION: DoseRange(35, 220, "/min", "slow to pre-excited conduction"),
    InsultKind.VENTRICULAR_TACHYCARDIA: DoseRange(100, 260, "/min", "slow to fast tachycardia"),
    InsultKind.HEART_BLOCK: DoseRange(15, 60, "/min", "ventricular to junctional escape"),
    InsultKind.ARREST: DoseRange(1, 1, "(1: arrested)", "there is no half an arrest"),
}
COMPRESSION_RATE: Final = DoseRange(60, 140, "/min", f"{_ALS}: 100-120")
COMPRESSION_DEPTH: Final = DoseRange(2, 8, "cm", f"{_ALS}: 5-6")


def check(intervention: Intervention) -> None:
    """Refuse what is not given to adults.

    Raises
    ------
    ImplausibleDose
        A dose, rate, volume, duration, setting or extent is outside the range, which is named.
    RouteNotModelled
        The drug is not modelled as an infusion, or not by this route.
    """
    for what, value, plausible in _figures(intervention):
        within(what, value, plausible)


def within(what: str, value: float, plausible: DoseRange) -> None:
    """Refuse a value outside its range.

    Raises
    ------
    ImplausibleDose
        It is; or it is no number.
    """
    if not math.isfinite(value) or not plausible.low <= value <= plausible.high:
        raise ImplausibleDose(what, value, plausible.low, plausible.high, plausible.unit)


_Figure = tuple[str, float, DoseRange]


def _figures(intervention: Intervention) -> tuple[_Figure, ...]:
    match intervention:
        case Infusion() | DrugDose():
            return _of_drug(intervention)
        case Fluid(fluid, volume_ml, duration_s):
            return (
                (fluid.value, volume_ml, FLUID_VOLUME[fluid]),
                (f"{fluid.value}, duration", duration_s, FLUID_DURATION),
            )
        case Oxygen(inspired_fraction):
            return (("inspired oxygen", inspired_fraction, OXYGEN_FRACTION),)
        case Setting(setting, value):
            return ((setting.value, value, SETTING[setting]),)
        case Bleeding(rate_ml_per_min, duration_s):
            return (
                ("bleeding", rate_ml_per_min, BLEEDING_RATE),
                ("bleeding, duration", duration_s, BLEEDING_DURATION),
            )
        case Insult(insult, extent):
            return ((insult.value, extent, INSULT_EXTENT[insult]),)
        case Compressions(rate_per_min, depth_cm):
            return (
                ("compressions, rate", rate_per_min, COMPRESSION_RATE),
                ("compressions, depth", depth_cm, COMPRESSION_DEPTH),
            )


def _of_drug(given: Infusion | DrugDose) -> tuple[_Figure, ...]:
    name = given.drug.value
    if isinstance(given, Infusion):
        if given.drug not in INFUSION_RATE:
            raise RouteNotModelled(name, "an infusion")
        return ((name, given.rate, INFUSION_RATE[given.drug]),)
    if (given.drug, given.route) not in SINGLE_DOSE:
        raise RouteNotModelled(name, f"a single {given.route.value} dose")
    dose = (f"{name} ({given.route.value})", given.dose_mg, SINGLE_DOSE[given.drug, given.route])
    return (dose, (f"{name}, duration", given.duration_s, DOSE_DURATION))
