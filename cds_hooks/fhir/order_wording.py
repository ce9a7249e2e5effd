"""The clinical part of a draft order: what, how much, by which route, in codes and in words. Pure.

Codes are those that ``treatments`` reads back: what is proposed here is understood on return.
"""

from __future__ import annotations

from typing import Any, Final

from cds_hooks.fhir.codes_drugs import DRUG_CODES
from cds_hooks.fhir.treatment_code import ATC, RXNORM, SNOMED
from cds_hooks.fhir.ucum import UCUM_SYSTEM
from twin.core.dose_ranges import SETTING
from twin.core.interventions import (
    INFUSION_RATE,
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Infusion,
    Intervention,
    Oxygen,
    Route,
    Setting,
    SettingKind,
)

Json = dict[str, Any]

_DRUGS: Final = {row.treatment: row.codes for row in DRUG_CODES}
# Which crystalloid is for prescriber and pharmacy to choose; the simulation knows no difference.
_FLUIDS: Final = {
    FluidKind.CRYSTALLOID: ("Crystalloid, balanced or sodium chloride 0.9 %", "B05BB01"),
    FluidKind.ALBUMIN: ("Albumin 5 %", "B05AA01"),
}
_ROUTES: Final = {
    Route.INTRAVENOUS: ("47625008", "intravenous"),
    Route.ORAL: ("26643006", "oral"),
    Route.SUBLINGUAL: ("37839007", "sublingual"),
}

_SETTINGS: Final[dict[SettingKind, tuple[str | None, str]]] = {
    SettingKind.END_EXPIRATORY_PRESSURE: (None, "Positive end-expiratory pressure"),
    SettingKind.PACING: (None, "Cardiac pacing"),
}
"""Posture is no order that a chart would carry."""

_UCUM: Final = {
    "µg/kg/min": ("ug/kg/min", "µg/kg/min"),
    "µg/min": ("ug/min", "µg/min"),
    "mg/min": ("mg/min", "mg/min"),
    "mg/h": ("mg/h", "mg/h"),
    "units/min": ("[USP'U]/min", "units/min"),
    "cmH2O": ("cm[H2O]", "cmH2O"),
    "/min": ("/min", "/min"),
}
"""UCUM code and words of the twin's units."""


def ordered(intervention: Intervention) -> Json:
    """Return resource type, code and amount of the order for an intervention.

    Raises
    ------
    ValueError
        Nobody orders bleeding, an insult, a posture or compressions.
    """
    match intervention:
        case Fluid(FluidKind.RED_CELLS, volume_ml, duration_s):
            return _service(
                "116863004",
                "Transfusion of red cells",
                _amount(volume_ml, "mL"),
                occurrenceTiming=_timing(duration_s),
            )
        case Fluid(kind, volume_ml, duration_s):
            return _fluid(kind, volume_ml, duration_s)
        case Infusion(drug, rate):
            return _infusion(drug, rate)
        case DrugDose():
            return _dose(intervention)
        case Oxygen(inspired_fraction):
            return _service("57485005", "Oxygen therapy", _amount(100 * inspired_fraction, "%"))
        case Setting(setting, value) if setting in _SETTINGS:
            code, text = _SETTINGS[setting]
            return _service(code, text, _amount(value, *_UCUM[SETTING[setting].unit]))
        case _:
            name = type(intervention).__name__
            raise ValueError(f"{name} is no order; propose a treatment.")


def _infusion(drug: Drug, rate: float) -> Json:
    unit = INFUSION_RATE[drug].unit
    dosage = _dosage(f"{rate:.3g} {unit}, continuous", Route.INTRAVENOUS)
    dosage["doseAndRate"] = [{"rateQuantity": _amount(rate, *_UCUM[unit])}]
    return _medicine(drug, dosage)


def _dose(dose: DrugDose) -> Json:
    over = f" over {_rounded(dose.duration_s / 60):g} min" if dose.duration_s else ""
    text = f"{dose.dose_mg:.4g} mg {_ROUTES[dose.route][1]}{over}, once"
    dosage = _dosage(text, dose.route)
    if dose.duration_s:
        dosage["timing"] = _timing(dose.duration_s)
    dosage["doseAndRate"] = [{"doseQuantity": _amount(dose.dose_mg, "mg")}]
    return _medicine(dose.drug, dosage)


def _fluid(kind: FluidKind, volume_ml: float, duration_s: float) -> Json:
    name, atc = _FLUIDS[kind]
    text = f"{volume_ml:.4g} mL intravenous over {duration_s / 60:.4g} min"
    dosage = _dosage(text, Route.INTRAVENOUS)
    dosage["timing"] = _timing(duration_s)
    dosage["doseAndRate"] = [{"doseQuantity": _amount(volume_ml, "mL")}]
    return _medication({"coding": [{"system": ATC, "code": atc}], "text": name}, dosage)


def _medicine(drug: Drug, dosage: Json) -> Json:
    name = drug.value.capitalize()
    first = {system: code for system, code, _ in reversed(_DRUGS[drug])}
    coding = [
        {"system": RXNORM, "code": first[RXNORM], "display": name},
        {"system": ATC, "code": first[ATC]},
    ]
    return _medication({"coding": coding, "text": name}, dosage)


def _medication(concept: Json, dosage: Json) -> Json:
    return {
        "resourceType": "MedicationRequest",
        "medicationCodeableConcept": concept,
        "dosageInstruction": [dosage],
    }


def _dosage(text: str, route: Route) -> Json:
    code, words = _ROUTES[route]
    return {
        "text": text,
        "route": {"coding": [{"system": SNOMED, "code": code}], "text": words},
    }


def _service(code: str | None, text: str, amount: Json, **members: Json) -> Json:
    coding = {} if code is None else {"coding": [{"system": SNOMED, "code": code}]}
    return {
        "resourceType": "ServiceRequest",
        "code": {**coding, "text": text},
        "quantityQuantity": amount,
        **members,
    }


def _timing(duration_s: float) -> Json:
    minutes = _rounded(duration_s / 60)
    return {"repeat": {"duration": minutes, "durationUnit": "min"}}


def _amount(value: float, code: str, unit: str | None = None) -> Json:
    return {"value": _rounded(value), "unit": unit or code, "system": UCUM_SYSTEM, "code": code}


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
