"""From the twin and the nets to FHIR R4: draft orders and what is written of a simulation. Pure.

Every resource is checked by `fhir.resources` (its R4B classes; of these types R4B changed nothing)
before it leaves, follows the profiles in ``fhir_profiles`` and says that it is research. It claims
no profile in ``meta``: servers may refuse resources whose profiles they do not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from fhir.resources.R4B.device import Device
from fhir.resources.R4B.medicationrequest import MedicationRequest
from fhir.resources.R4B.observation import Observation
from fhir.resources.R4B.riskassessment import RiskAssessment
from fhir.resources.R4B.servicerequest import ServiceRequest
from pydantic import BaseModel

from cds_hooks.cards.wording import RESEARCH_SENTENCE
from cds_hooks.fhir.order_wording import ordered
from cds_hooks.fhir.resources import literal_reference
from cds_hooks.fhir.to_measurements import PatientFacts
from cds_hooks.fhir.ucum import UCUM_SYSTEM
from twin.core.fit import Interval
from twin.core.haemodynamics import Quantity
from twin.core.interventions import Intervention

CANONICAL: Final = "https://cardiotwin.example/fhir"
_AI: Final = {
    "security": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
            "code": "AIAST",
            "display": "Artificial Intelligence asserted",
        }
    ]
}
"""Level 1 label of HL7 AI Transparency on FHIR."""

_NOTE: Final = [{"text": RESEARCH_SENTENCE}]
_UCUM_OF_UNIT: Final = {"mmHg": "mm[Hg]", "mmHg s/mL": "mm[Hg].s/mL"}
_CLASSES: Final[Mapping[str, type[BaseModel]]] = {
    "Device": Device,
    "MedicationRequest": MedicationRequest,
    "Observation": Observation,
    "RiskAssessment": RiskAssessment,
    "ServiceRequest": ServiceRequest,
}

Json = dict[str, Any]


def draft_order(
    intervention: Intervention,
    facts: PatientFacts,
    *,
    encounter_id: str | None = None,
    requester: str | None = None,
) -> Json:
    """Return the complete new resource that would order an intervention (CH-119).

    Its status is ``draft`` and its intent ``proposal``: it orders nothing until somebody signs it.

    Parameters
    ----------
    intervention
        What would be done.
    facts
        Whose order it is.
    encounter_id
        Logical id of the encounter, where the hook names one.
    requester
        Reference such as ``Practitioner/1``.

    Raises
    ------
    ValueError
        The intervention is bleeding, which nobody orders, or it is not known whose order it is.
    """
    if facts.patient_id is None:
        raise ValueError("A draft order needs the id of its patient; pass it to patient_facts.")
    order = dict(_checked_order(intervention))
    order["subject"] = {"reference": f"Patient/{facts.patient_id}"}
    if encounter_id is not None:
        order["encounter"] = {"reference": f"Encounter/{encounter_id}"}
    if requester is not None:
        order["requester"] = {"reference": requester}
    return order


@lru_cache(maxsize=512)
def _checked_order(intervention: Intervention) -> Json:
    """Return the order without its patient; checked once, since a menu proposes the same again."""
    order = ordered(intervention) | {
        "meta": _AI,
        "status": "draft",
        "intent": "proposal",
        "note": _NOTE,
    }
    _check(order | {"subject": {"reference": "Patient/example"}})
    return order


@dataclass(frozen=True, slots=True)
class Statement:
    """What every written result says of itself."""

    patient_id: str = field(repr=False)
    stated_at: datetime
    device: str
    """Reference of the Device that speaks, such as ``Device/twin``."""
    method: str
    """Name and digest of the model, or how the twin was fitted."""
    basis: tuple[str, ...]
    """References of every resource that was read, versions included."""


@dataclass(frozen=True, slots=True)
class StatedRisk:
    """The probability of one outcome, as a fraction of 1 with its 90 % interval."""

    outcome: str
    """A code of the CodeSystem ``outcome`` in ``fhir_profiles``."""
    words: str
    probability: Interval
    until: datetime | None
    """End of the time looked ahead; None until discharge."""


def risk_assessment(risks: Sequence[StatedRisk], statement: Statement) -> Json:
    """Return a RiskAssessment; **R4 writes its probability as a percentage**, 31 for 0.31.

    https://hl7.org/fhir/R4/riskassessment-definitions.html#RiskAssessment.prediction.probability_x_
    """
    return _check(
        {
            "resourceType": "RiskAssessment",
            "meta": _AI,
            "status": "preliminary",
            "method": {"text": statement.method},
            "subject": {"reference": f"Patient/{statement.patient_id}"},
            "occurrenceDateTime": _instant(statement.stated_at),
            "performer": {"reference": statement.device},
            "basis": _references(statement.basis),
            "prediction": [_prediction(risk, statement.stated_at) for risk in risks],
            "note": _NOTE,
        }
    )


def _prediction(risk: StatedRisk, start: datetime) -> Json:
    percent = Interval(
        *(
            100 * each
            for each in (risk.probability.median, risk.probability.low, risk.probability.high)
        )
    )
    when = {"start": _instant(start)}
    if risk.until is not None:
        when["end"] = _instant(risk.until)
    return {
        "extension": [_interval(percent, "%")],
        "outcome": _concept("outcome", risk.outcome, risk.words),
        "probabilityDecimal": _rounded(percent.median),
        "whenPeriod": when,
    }


def twin_state(estimates: Mapping[Quantity, Interval], statement: Statement) -> Json:
    """Return the state of the twin as an Observation: simulated quantities, none measured."""
    return _check(
        _observation("twin_state", statement)
        | {
            "method": {"text": statement.method},
            "component": [_component(name, each) for name, each in estimates.items()],
        }
    )


def simulated_effect(
    change: Mapping[Quantity, Interval],
    after: Mapping[Quantity, Interval],
    horizon_s: float,
    order: Mapping[str, str],
    statement: Statement,
) -> Json:
    """Return what an order would change in the twin as an Observation.

    Parameters
    ----------
    change
        Difference to the same twin without the order, at the horizon.
    after
        Value with the order, at the horizon.
    horizon_s
        How far the simulation looked ahead.
    order
        The Reference of the order; a draft has no address, so its ``display`` is needed always.
    statement
        What the result says of itself.
    """
    components = []
    for name, interval in change.items():
        component = _component(name, interval)
        if name in after:
            value = _quantity(after[name].median, name)
            component["extension"] = [_extension("simulated-value", valueQuantity=value)]
        components.append(component)
    minutes = {"value": _rounded(horizon_s / 60), "unit": "min", "code": "min"}
    return _check(
        _observation("simulated_effect", statement)
        | {
            "extension": [_extension("horizon", valueDuration=minutes | {"system": UCUM_SYSTEM})],
            "focus": [dict(order)],
            "component": components,
        }
    )


def model_device(name: str, version: str, digest: str) -> Json:
    """Return the Device that stands for a model; its identifier is the digest of the release."""
    return _check(
        {
            "resourceType": "Device",
            "identifier": [{"system": f"{CANONICAL}/release", "value": digest}],
            "status": "active",
            "deviceName": [{"name": name, "type": "model-name"}],
            "type": {
                "coding": [
                    {
                        "system": "http://hl7.org/fhir/uv/aitransparency/CodeSystem/AIdeviceTypeCS",
                        "code": "Artificial-Intelligence",
                    }
                ]
            },
            "version": [{"value": version}],
            "note": _NOTE,
        }
    )


def _observation(kind: str, statement: Statement) -> Json:
    return {
        "resourceType": "Observation",
        "meta": _AI,
        "status": "preliminary",
        "code": _concept("statement-kind", kind),
        "subject": {"reference": f"Patient/{statement.patient_id}"},
        "effectiveDateTime": _instant(statement.stated_at),
        "device": {"reference": statement.device},
        "derivedFrom": _references(statement.basis),
        "note": _NOTE,
    }


def _component(name: Quantity, interval: Interval) -> Json:
    value = _quantity(interval.median, name)
    value["extension"] = [_interval(interval, value["code"])]
    return {"code": _concept("quantity", name.value), "valueQuantity": value}


def _quantity(value: float, name: Quantity) -> Json:
    code = _UCUM_OF_UNIT.get(name.unit, name.unit)
    return {"value": _rounded(value), "unit": name.unit, "system": UCUM_SYSTEM, "code": code}


def _interval(interval: Interval, code: str) -> Json:
    ends = {
        end: {"value": _rounded(value), "system": UCUM_SYSTEM, "code": code}
        for end, value in (("low", interval.low), ("high", interval.high))
    }
    return _extension("interval-90", valueRange=ends)


def _extension(name: str, **value: Json) -> Json:
    return {"url": f"{CANONICAL}/StructureDefinition/{name}", **value}


def _concept(system: str, code: str, text: str | None = None) -> Json:
    concept: Json = {"coding": [{"system": f"{CANONICAL}/CodeSystem/{system}", "code": code}]}
    return concept if text is None else concept | {"text": text}


def _references(basis: Sequence[str]) -> list[Json]:
    """Return each resource once; what came without an id has no address to refer to."""
    literal = dict.fromkeys(literal_reference(each) for each in basis if " " not in each)
    return [{"reference": each} for each in literal]


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _rounded(value: float) -> float:
    """Return four significant digits: more would claim a precision nobody has."""
    return float(f"{value:.4g}")


def _check(resource: Json) -> Json:
    _CLASSES[resource["resourceType"]].model_validate(resource)
    return resource
