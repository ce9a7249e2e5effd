"""Interventions in words, as typed at the command line: ``norepinephrine 0.1 µg/kg/min``.

Pure. Nothing is guessed: what is missing is asked for. Whether a dose is plausible is the twin's
to say (``twin.core.interventions.schedule``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from cds_hooks.fhir.dosage import measure
from twin.core.interventions import (
    INFUSION_RATE,
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
    Stop,
    Stoppable,
)
from twin.core.parameters import Body

GRAMMAR: Final = (
    "a fluid (crystalloid 500 mL over 15 min), an infusion (norepinephrine 0.1 µg/kg/min), a "
    "single dose (metoprolol 5 mg intravenous), oxygen 60 %, peep 10 cmH2O, pacing 80 /min, tilt "
    "60 degrees, bleeding 60 mL/min for 10 min, tamponade 200 mL, embolism 50 %, tension "
    "pneumothorax 60 %, vasoplegia 40 %, pump failure 50 %, lung injury 30 %, atrial fibrillation "
    "130 /min, arrest, compressions 110 /min 5 cm, stop norepinephrine; several at once with a "
    "semicolon between them"
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
_VALUE: Final = re.compile(rf"{_NUMBER}\s*(\S*)")
_COMPRESSIONS: Final = re.compile(rf"{_NUMBER}\s*/min\s+{_NUMBER}\s*cm")
_SETTINGS: Final = {
    "peep": (SettingKind.END_EXPIRATORY_PRESSURE, ("cmh2o",)),
    SettingKind.END_EXPIRATORY_PRESSURE.value: (SettingKind.END_EXPIRATORY_PRESSURE, ("cmh2o",)),
    "pacing": (SettingKind.PACING, ("/min",)),
    "tilt": (SettingKind.TILT, ("degrees", "degree")),
}
_SHARES: Final = ("%", "")
_INSULTS: Final = {
    "tamponade": (InsultKind.TAMPONADE, ("ml",)),
    "pericardial tamponade": (InsultKind.TAMPONADE, ("ml",)),
    "tension pneumothorax": (InsultKind.TENSION_PNEUMOTHORAX, _SHARES),
    "embolism": (InsultKind.EMBOLISM, _SHARES),
    "pulmonary embolism": (InsultKind.EMBOLISM, _SHARES),
    "vasoplegia": (InsultKind.VASOPLEGIA, _SHARES),
    "pump failure": (InsultKind.PUMP_FAILURE, _SHARES),
    "lung injury": (InsultKind.LUNG_INJURY, _SHARES),
    "atrial fibrillation": (InsultKind.ATRIAL_FIBRILLATION, ("/min",)),
    "ventricular tachycardia": (InsultKind.VENTRICULAR_TACHYCARDIA, ("/min",)),
    "heart block": (InsultKind.HEART_BLOCK, ("/min",)),
}
_ROUTES: Final = {
    **{route.value: route for route in Route},
    "iv": Route.INTRAVENOUS,
    "into a vein": Route.INTRAVENOUS,
    "by mouth": Route.ORAL,
    "po": Route.ORAL,
}


class NotUnderstood(Exception):
    """The words are no intervention that is known; the message says what is missing."""


def understood(words: str, body: Body) -> tuple[Intervention | Stop, ...]:
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


def _one(part: str, body: Body) -> Intervention | Stop:
    flat = part.lower().replace("\u00b5", "u").replace("\u03bc", "u").replace(",", ".")
    if flat.startswith("stop "):
        return _stop(part, flat.removeprefix("stop ").strip())
    for name, read in _readers(body):
        if flat.startswith(name):
            return read(part, flat.removeprefix(name).strip())
    names = ", ".join(name for name, _ in _readers(body))
    raise NotUnderstood(f"`{part}` names nothing that is modelled; there are {names}.")


def _stop(part: str, name: str) -> Stop:
    """Return the end of what is recorded as running; whether it runs is the schedule's to say."""
    running: dict[str, Stoppable] = {
        **{each.value: each for each in (*FluidKind, *Drug)},
        **{words: setting for words, (setting, _) in _SETTINGS.items()},
        **{words: insult for words, (insult, _) in _INSULTS.items()},
        "oxygen": Oxygen,
        "bleeding": Bleeding,
        "compressions": Compressions,
    }
    if name not in running:
        raise NotUnderstood(f"`{part}`: write stop and one of {', '.join(running)}.")
    return Stop(running[name])


_Read = Callable[[str, str], Intervention]
"""The words as typed, and what follows the name in them."""


def _readers(body: Body) -> Iterator[tuple[str, _Read]]:
    """Yield every name and what reads the words that begin with it."""
    for kind in FluidKind:
        yield kind.value, partial(_fluid, kind)
    for drug in Drug:
        yield drug.value, partial(_drug, drug, body)
    yield "oxygen", _oxygen
    yield "bleeding", _bleeding
    yield "compressions", _compressions
    yield "arrest", _arrest
    for name, (setting, units) in _SETTINGS.items():
        yield name, partial(_setting, setting, units)
    for name, (insult, units) in _INSULTS.items():
        yield name, partial(_insult, insult, units)


def _fluid(kind: FluidKind, part: str, rest: str) -> Fluid:
    match = _FLUID.fullmatch(rest)
    if match is None:
        raise NotUnderstood(f"`{part}`: write volume and time, as in {kind} 500 mL over 15 min.")
    volume_ml = float(match[1]) * (1000.0 if match[2] == "l" else 1.0)
    return Fluid(kind, volume_ml, float(match[3]) * _SECONDS[match[4]])


def _drug(drug: Drug, body: Body, part: str, rest: str) -> Intervention:
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
    """Return an infusion in the unit in which its drug is ordered."""
    if drug not in INFUSION_RATE:
        raise NotUnderstood(f"`{part}`: {drug} is not modelled as an infusion.")
    customary = INFUSION_RATE[drug].unit
    found, one = measure(rate, unit), measure(1.0, customary)
    if found is None or one is None or found.base != one.base or not found.per_minute:
        raise NotUnderstood(f"`{part}`: the rate's unit is not known; write {customary}.")
    value = found.value / one.value
    if found.per_kg == one.per_kg:
        return Infusion(drug, value)
    if body.weight_kg is None:
        raise NotUnderstood(
            f"`{part}`: {customary} is customary and no weight is known; give one."
        )
    return Infusion(drug, value * body.weight_kg if found.per_kg else value / body.weight_kg)


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


def _setting(kind: SettingKind, units: tuple[str, ...], part: str, rest: str) -> Setting:
    return Setting(kind, _value(part, rest, units))


def _insult(kind: InsultKind, units: tuple[str, ...], part: str, rest: str) -> Insult:
    return Insult(kind, _value(part, rest, units))


def _arrest(part: str, rest: str) -> Insult:
    if rest:
        raise NotUnderstood(f"`{part}`: an arrest is whole; write arrest.")
    return Insult(InsultKind.ARREST, 1.0)


def _value(part: str, rest: str, units: tuple[str, ...]) -> float:
    """Return a value in the first of the units; a percentage becomes a share."""
    match = _VALUE.fullmatch(rest)
    if match is None or match[2] not in units:
        raise NotUnderstood(f"`{part}`: write a value in {units[0]}.")
    return float(match[1]) / (100.0 if match[2] == "%" else 1.0)


def _compressions(part: str, rest: str) -> Compressions:
    match = _COMPRESSIONS.fullmatch(rest)
    if match is None:
        raise NotUnderstood(f"`{part}`: write rate and depth, as in compressions 110 /min 5 cm.")
    return Compressions(float(match[1]), float(match[2]))
