"""A draft order with half its dose: the whole resource, as an ``update`` action needs it. Pure.

Only a dose that stands in structured fields can be halved; a dose in words is left to people.
"""

from __future__ import annotations

from typing import Any

import msgspec

from cds_hooks.fhir.resources import CodeableConcept

_NO_DOSE = 1e12
"""JSON's numbers have no end; a float's have."""
_HALVED = ("doseQuantity", "rateQuantity")
_TELLS_THE_DOSE = frozenset({"text", "patientInstruction"})


def halved_order(draft: msgspec.Raw) -> dict[str, Any] | None:
    """Return the draft with half the dose or rate and all else equal (CH-120), or None.

    None where the order is no MedicationRequest with exactly one structured dose: guessing which
    of several steps to halve, or rewriting a dose in words, could order something nobody meant;
    or where the medication's own name holds the old amount. Free text that would still tell the
    old dose, the narrative included, goes.
    """
    try:
        order = msgspec.json.decode(draft, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None  # what was read of it is sound, but it cannot be written anew as a whole
    if order.get("resourceType") != "MedicationRequest" or not order.get("id"):
        return None
    match order.get("dosageInstruction"):
        case [{"doseAndRate": [dict() as dose_and_rate]} as dosage]:
            pass
        case _:
            return None
    present = [name for name in _HALVED if _is_quantity(dose_and_rate.get(name))]
    if not present or "rateRatio" in dose_and_rate or "doseRange" in dose_and_rate:
        return None
    # A rate alone, or a dose alone; with both, the dose is halved and so takes half the time.
    name = present[0]
    quantity = dose_and_rate[name]
    if _named(order, quantity["value"]):
        return None
    halved = dose_and_rate | {name: quantity | {"value": quantity["value"] / 2}}
    kept = {key: value for key, value in dosage.items() if key not in _TELLS_THE_DOSE}
    order = {key: value for key, value in order.items() if key not in _TELLS_THE_DOSE}
    return order | {"dosageInstruction": [kept | {"doseAndRate": [halved]}]}


def _named(order: dict[str, Any], value: float) -> bool:
    """Return whether the medication's name says the amount, as in ``Sodium chloride 500 mL``."""
    try:
        concept = msgspec.convert(order.get("medicationCodeableConcept"), CodeableConcept | None)
    except msgspec.ValidationError:
        return True  # what it says cannot be told, so that it may say the amount
    if concept is None:
        return False
    names = [concept.text, *(each.display for each in concept.codings)]
    return any(f"{value:g}" in (name or "").split() for name in names)


def _is_quantity(value: object) -> bool:
    amount = value.get("value") if isinstance(value, dict) else None
    return isinstance(amount, int | float) and 0 < amount < _NO_DOSE
