"""From a treatment and its dosing to one intervention in the twin's units. Pure.

Fluids, oxygen and settings; drugs are in ``drug_dose``.
"""

from __future__ import annotations

from typing import Final

from cds_hooks.fhir.dosage import Dosing, Measure, Unclear
from twin.core.dose_ranges import SETTING
from twin.core.interventions import (
    INFUSION_RATE,
    DrugDose,
    Fluid,
    FluidKind,
    Infusion,
    Intervention,
    Oxygen,
    Setting,
    SettingKind,
)

BOLUS_S: Final = 900.0
"""Where a bolus gives no time: 15 min, own choice; in practice half an hour at most (FENICE,
Cecconi 2015, Intensive Care Med 41:1529: 500 mL in 24 min, medians)."""

BOLUS_ML: Final = 500.0
"""A larger volume runs as long as boluses of this size one after another."""

RED_CELL_UNIT_ML: Final = 300.0
"""A unit has 250-350 mL: AABB, Circular of Information for the Use of Human Blood."""

RED_CELL_UNIT_S: Final = 1800.0
RUNNING_S: Final = 14_400.0
"""An infusion of fluid without an end is simulated for 4 h, longer than any horizon of a card."""

AIR: Final = 0.21
_PRONGS_TO_L_PER_MIN: Final = 6.0
_RESERVOIR_TO_L_PER_MIN: Final = 15.0


def fluid(
    kind: FluidKind, dosing: Dosing, quantity: Measure | None, weight_kg: float | None
) -> tuple[Intervention, list[str]]:
    """Return a fluid; volume and time come from dose, rate or the order's quantity.

    Raises
    ------
    cds_hooks.fhir.dosage.Unclear
        No volume, or a volume that depends on an unknown weight.
    """
    assumptions: list[str] = []
    dose = dosing.dose or (quantity if quantity is not None and not quantity.per_minute else None)
    rate = _volume_rate(dosing.rate, weight_kg)
    duration_s = dosing.duration_s
    if dose is None and rate is None:
        raise Unclear("it gives no volume")
    if dose is None:
        if duration_s is None:
            duration_s = RUNNING_S
            assumptions.append("it is simulated as running for 4 h, since no end is written")
        volume_ml = (rate or 0.0) * duration_s / 60
        return Fluid(kind, volume_ml, duration_s), assumptions
    volume_ml = _volume(kind, dose, weight_kg, assumptions)
    if duration_s is None and rate is not None:
        duration_s = 60 * volume_ml / rate
    if duration_s is None:
        duration_s = _usual_duration_s(kind, volume_ml)
        assumptions.append(f"it is given over {duration_s / 60:.0f} min, since no time is written")
    return Fluid(kind, volume_ml, duration_s), assumptions


def _usual_duration_s(kind: FluidKind, volume_ml: float) -> float:
    if kind is FluidKind.RED_CELLS:
        return RED_CELL_UNIT_S * max(1.0, volume_ml / RED_CELL_UNIT_ML)
    return BOLUS_S * max(1.0, volume_ml / BOLUS_ML)


def _volume(
    kind: FluidKind, dose: Measure, weight_kg: float | None, assumptions: list[str]
) -> float:
    if dose.base == "mL":
        return dose.for_body(weight_kg)
    if dose.base == "unit" and kind is FluidKind.RED_CELLS:
        assumptions.append(f"a unit of red cells is taken as {RED_CELL_UNIT_ML:.0f} mL")
        return dose.value * RED_CELL_UNIT_ML
    raise Unclear("its amount is no volume")


def _volume_rate(rate: Measure | None, weight_kg: float | None) -> float | None:
    """Return mL/min."""
    if rate is None:
        return None
    if rate.base != "mL":
        raise Unclear("its rate is no volume per time")
    return rate.for_body(weight_kg)


def oxygen(dosing: Dosing, quantity: Measure | None) -> tuple[Intervention, list[str]]:
    """Return an inspired fraction, from a fraction or, approximately, from a flow.

    Nasal prongs give about 0.04 a litre and minute above air up to 6 L/min; masks up to 0.60 at
    10 L/min, and with a reservoir up to 0.90 at 15 L/min. The fraction at the mouth depends on
    breathing, so that the sentence says what was assumed. After O'Driscoll 2017, BTS guideline for
    oxygen use in adults, Thorax 72 Suppl 1.

    Raises
    ------
    cds_hooks.fhir.dosage.Unclear
        Neither a fraction nor a flow up to 15 L/min.
    """
    for amount in (quantity, dosing.dose, dosing.rate):
        if amount is None:
            continue
        if amount.base == "fraction" and not amount.per_minute:
            return Oxygen(amount.value), []
        if amount.base == "mL" and amount.per_minute and not amount.per_kg:
            return _of_flow(amount.value / 1000)
    raise Unclear("it gives neither an inspired fraction nor a flow")


def _of_flow(litres_per_min: float) -> tuple[Intervention, list[str]]:
    if litres_per_min > _RESERVOIR_TO_L_PER_MIN:
        raise Unclear("a high flow needs its inspired fraction, which is not given")
    if litres_per_min <= _PRONGS_TO_L_PER_MIN:
        fraction = AIR - 0.01 + 0.04 * litres_per_min
    elif litres_per_min <= 10:
        fraction = 0.44 + 0.04 * (litres_per_min - _PRONGS_TO_L_PER_MIN)
    else:
        fraction = 0.60 + 0.06 * (litres_per_min - 10)
    fraction = max(AIR, fraction)
    said = f"{litres_per_min:g} L/min is taken as an inspired fraction of about {fraction:.2f}"
    return Oxygen(fraction), [said]


def setting(
    kind: SettingKind, dosing: Dosing, quantity: Measure | None
) -> tuple[Intervention, list[str]]:
    """Return a ventilator's or pacemaker's setting.

    Raises
    ------
    cds_hooks.fhir.dosage.Unclear
        No pressure in cmH2O, or no rate a minute.
    """
    for amount in (quantity, dosing.dose, dosing.rate):
        if amount is None or amount.per_kg:
            continue
        if kind is SettingKind.END_EXPIRATORY_PRESSURE and amount.base == "cmH2O":
            return Setting(kind, amount.value), []
        if kind is SettingKind.PACING and amount.base in ("beat", "unit") and amount.per_minute:
            return Setting(kind, amount.value), []
    wanted = "pressure in cmH2O" if kind is SettingKind.END_EXPIRATORY_PRESSURE else "rate"
    raise Unclear(f"it gives no {wanted}")


def described(intervention: Intervention) -> str:
    """Return dose, rate or volume in words, for a label."""
    match intervention:
        case Fluid(volume_ml=volume_ml, duration_s=duration_s):
            return f"{volume_ml:.0f} mL in {duration_s / 60:.0f} min"
        case Infusion(drug, rate):
            return (
                f"{rate:.3g} {INFUSION_RATE[drug].unit if drug in INFUSION_RATE else ''}".strip()
            )
        case DrugDose(dose_mg=dose_mg, route=route, duration_s=duration_s):
            over = f" in {duration_s / 60:.3g} min" if duration_s else ""
            return f"{dose_mg:.3g} mg {route}{over}"
        case Oxygen(inspired_fraction):
            return f"inspired fraction {inspired_fraction:.2f}"
        case Setting(kind, value):
            return f"{value:.3g} {SETTING[kind].unit}"
        case _:
            return ""
