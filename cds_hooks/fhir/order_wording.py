"""The clinical part of a draft order: what, how much, by which route, in codes and in words. Pure.

Codes are those that ``treatments`` reads back: what is proposed here is understood on return.
"""

from __future__ import annotations

from typing import Any, Final

from cds_hooks.fhir.treatments import ATC, RXNORM, SNOMED
from cds_hooks.fhir.ucum import UCUM_SYSTEM
from twin.core.interventions import (
    Bleeding,
    Drug,
    DrugDose,
    Fluid,
    FluidKind,
    Infusion,
    Intervention,
    Oxygen,
    Route,
)

Json = dict[str, Any]

_DRUGS: Final = {
    Drug.NOREPINEPHRINE: ("Norepinephrine", "7512", "C01CA03"),
    Drug.METOPROLOL: ("Metoprolol", "6918", "C07AB02"),
    Drug.ESMOLOL: ("Esmolol", "49737", "C07AB09"),
    Drug.FUROSEMIDE: ("Furosemide", "4603", "C03CA01"),
}
# Which crystalloid is for prescriber and pharmacy to choose; the simulation knows no difference.
_FLUIDS: Final = {
    FluidKind.CRYSTALLOID: ("Crystalloid, balanced or sodium chloride 0.9 %", "B05BB01"),
    FluidKind.ALBUMIN: ("Albumin 5 %", "B05AA01"),
}
_ROUTES: Final = {
    Route.INTRAVENOUS: ("47625008", "intravenous"),
    Route.ORAL: ("26643006", "oral"),
}


def ordered(intervention: Intervention) -> Json:
    """Return resource type, code and amount of the order for an intervention.

    Raises
    ------
    ValueError
        Bleeding is no order.
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
            dosage = _dosage(f"{rate:.3g} µg/kg/min, continuous", Route.INTRAVENOUS)
            dosage["doseAndRate"] = [{"rateQuantity": _amount(rate, "ug/kg/min", "µg/kg/min")}]
            return _medicine(drug, dosage)
        case DrugDose(drug, dose_mg, route):
            dosage = _dosage(f"{dose_mg:.4g} mg {_ROUTES[route][1]}, once", route)
            dosage["doseAndRate"] = [{"doseQuantity": _amount(dose_mg, "mg")}]
            return _medicine(drug, dosage)
        case Oxygen(inspired_fraction):
            return _service("57485005", "Oxygen therapy", _amount(100 * inspired_fraction, "%"))
        case Bleeding():
            raise ValueError("Bleeding is no order; propose a treatment.")


def _fluid(kind: FluidKind, volume_ml: float, duration_s: float) -> Json:
    name, atc = _FLUIDS[kind]
    text = f"{volume_ml:.4g} mL intravenous over {duration_s / 60:.4g} min"
    dosage = _dosage(text, Route.INTRAVENOUS)
    dosage["timing"] = _timing(duration_s)
    dosage["doseAndRate"] = [{"doseQuantity": _amount(volume_ml, "mL")}]
    return _medication({"coding": [{"system": ATC, "code": atc}], "text": name}, dosage)


def _medicine(drug: Drug, dosage: Json) -> Json:
    name, rxnorm, atc = _DRUGS[drug]
    coding = [
        {"system": RXNORM, "code": rxnorm, "display": name},
        {"system": ATC, "code": atc},
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


def _service(code: str, text: str, amount: Json, **members: Json) -> Json:
    return {
        "resourceType": "ServiceRequest",
        "code": {"coding": [{"system": SNOMED, "code": code}], "text": text},
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
