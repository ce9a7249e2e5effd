"""Interventions in words, as typed at the command line: ``norepinephrine 0.1 µg/kg/min``.

Pure. Nothing is guessed: what is missing is asked for. Whether a dose is plausible is the twin's
to say (``twin.core.interventions.schedule``).
"""

from __future__ import annotations

import re
from typing import Final

from cds_hooks.fhir.dosage import measure
from twin.core.interventions import (
    INFUSION_RATE,
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
from twin.core.parameters import Body
from twin.core.pharmacokinetics import infusion
from twin.errors import WeightNeeded

GRAMMAR: Final = (
    "a fluid (crystalloid 500 mL over 15 min), an infusion (norepinephrine 0.1 µg/kg/min), a "
    "single dose (metoprolol 5 mg intravenous), oxygen 60 %, bleeding 60 mL/min for 10 min; "
    "several at once with a semicolon between them"
)

_SECONDS: Final = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600.0),
}
_NUMBER: Final = r"(\d+(?:\.\d+)?)"
_SPAN: Final = rf"{_NUMBER}\s*({'|'.join(_SECONDS)})"
_FLUID: Final = re.compile(rf"{_NUMBER}\s*(ml|l)\s+(?:over|in)\s+{_SPAN}")
_RATE: Final = re.compile(rf"{_NUMBER}\s*(\S+/(?:kg/)?(?:min|h))")
_DOSE: Final = re.compile(rf"{_NUMBER}\s*(ug|mcg|mg|g)\s*(.*)")
_OXYGEN: Final = re.compile(rf"{_NUMBER}\s*(%?)")
_BLEEDING: Final = re.compile(rf"{_NUMBER}\s*ml/(min|h)\s+for\s+{_SPAN}")
_ROUTES: Final = {
    **{route.value: route for route in Route},
    "iv": Route.INTRAVENOUS,
    "into a vein": Route.INTRAVENOUS,
    "by mouth": Route.ORAL,
    "po": Route.ORAL,
}


class NotUnderstood(Exception):
    """The words are no intervention that is known; the message says what is missing."""


def understood(words: str, body: Body) -> tuple[Intervention, ...]:
    """Return the interventions of a plan, separated by semicolons.

    Raises
    ------
    NotUnderstood
        An intervention, a unit or a part of it is missing or not known.
    """
    parts = [part.strip() for part in words.split(";") if part.strip()]
    if not parts:
        raise NotUnderstood(f"No intervention was named. Write {GRAMMAR}.")
    return tuple(_one(part, body) for part in parts)


def seconds(words: str) -> float:
    """Return a span of time such as ``30 min`` in seconds.

    Raises
    ------
    NotUnderstood
        It is no number with a unit of time.
    """
    match = re.fullmatch(_SPAN, words.strip().lower())
    if match is None:
        raise NotUnderstood(f"`{words}` is no span of time; write for example 30 min or 6 h.")
    return float(match[1]) * _SECONDS[match[2]]


def _one(part: str, body: Body) -> Intervention:
    flat = part.lower().replace("\u00b5", "u").replace("\u03bc", "u").replace(",", ".")
    for kind in FluidKind:
        if flat.startswith(kind.value):
            return _fluid(kind, part, flat[len(kind.value) :].strip())
    for drug in Drug:
        if flat.startswith(drug.value):
            return _drug(drug, part, flat[len(drug.value) :].strip(), body)
    if flat.startswith("oxygen"):
        return _oxygen(part, flat.removeprefix("oxygen").strip())
    if flat.startswith("bleeding"):
        return _bleeding(part, flat.removeprefix("bleeding").strip())
    names = ", ".join((*FluidKind, *Drug, "oxygen", "bleeding"))
    raise NotUnderstood(f"`{part}` names nothing that is modelled; there are {names}.")


def _fluid(kind: FluidKind, part: str, rest: str) -> Fluid:
    match = _FLUID.fullmatch(rest)
    if match is None:
        raise NotUnderstood(f"`{part}`: write volume and time, as in {kind} 500 mL over 15 min.")
    volume_ml = float(match[1]) * (1000.0 if match[2] == "l" else 1.0)
    return Fluid(kind, volume_ml, float(match[3]) * _SECONDS[match[4]])


def _drug(drug: Drug, part: str, rest: str, body: Body) -> Intervention:
    if match := _RATE.fullmatch(rest):
        return _infusion(drug, part, float(match[1]), match[2], body)
    match = _DOSE.fullmatch(rest)
    if match is None:
        raise NotUnderstood(
            f"`{part}`: write a rate ({drug} 0.1 µg/kg/min) or a dose with its route "
            f"({drug} 5 mg intravenous)."
        )
    route = _ROUTES.get(match[3].strip())
    amount = measure(float(match[1]), match[2])
    if route is None or amount is None:
        raise NotUnderstood(f"`{part}`: say by which route: {', '.join(_ROUTES)}.")
    return DrugDose(drug, amount.value, route)


def _infusion(drug: Drug, part: str, rate: float, unit: str, body: Body) -> Infusion:
    found = measure(rate, unit)
    customary = INFUSION_RATE[drug].unit if drug in INFUSION_RATE else "µg/kg/min"
    base = "unit" if customary.startswith("units") else "mg"
    if found is None or found.base != base or not found.per_minute:
        raise NotUnderstood(f"`{part}`: the rate's unit is not known; write {customary}.")
    try:
        return infusion(drug, 1000.0 * found.value, body.weight_kg, per_kg=found.per_kg)
    except WeightNeeded:
        raise NotUnderstood(f"`{part}`: it acts by body weight, and no weight is known.") from None


def _oxygen(part: str, rest: str) -> Oxygen:
    match = _OXYGEN.fullmatch(rest)
    if match is None:
        raise NotUnderstood(f"`{part}`: write the inspired share, as in oxygen 60 %.")
    return Oxygen(float(match[1]) / (100.0 if match[2] else 1.0))


def _bleeding(part: str, rest: str) -> Bleeding:
    match = _BLEEDING.fullmatch(rest)
    if match is None:
        raise NotUnderstood(f"`{part}`: write rate and time, as in bleeding 60 mL/min for 10 min.")
    per_min = float(match[1]) / (60.0 if match[2] == "h" else 1.0)
    return Bleeding(per_min, float(match[3]) * _SECONDS[match[4]])
