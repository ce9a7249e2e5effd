"""Doses, rates and durations of an order as plain numbers in the twin's units. Pure.

Structured fields lead. The free text is read only where they are empty, and where both are there
they must not contradict each other: a prescriber reads the one, a pump gets the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from cds_hooks.fhir.order_resources import Dosage, DoseAndRate, Timing
from cds_hooks.fhir.resources import Quantity, Ratio

Base = Literal["mg", "mL", "unit", "fraction", "cmH2O", "beat"]


class Unclear(Exception):
    """The dosage cannot be read as one dose or rate; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Measure:
    """An amount, or an amount a minute, perhaps a kilogram of body weight."""

    value: float
    base: Base
    per_kg: bool = False
    per_minute: bool = False

    def for_body(self, weight_kg: float | None) -> float:
        """Return the amount or rate for the whole body.

        Raises
        ------
        Unclear
            It is per kilogram and no weight is known.
        """
        if not self.per_kg:
            return self.value
        if weight_kg is None:
            raise Unclear("the dose is per kilogram and no body weight is recorded")
        return self.value * weight_kg


_AMOUNTS: Final[dict[str, tuple[Base, float]]] = {
    "ng": ("mg", 1e-6),
    **dict.fromkeys(("ug", "mcg", "microgram", "micrograms"), ("mg", 1e-3)),
    **dict.fromkeys(("mg", "milligram", "milligrams"), ("mg", 1.0)),
    **dict.fromkeys(("g", "gram", "grams"), ("mg", 1e3)),
    **dict.fromkeys(("ml", "milliliter", "milliliters", "millilitre", "cc"), ("mL", 1.0)),
    **dict.fromkeys(("l", "liter", "liters", "litre", "litres"), ("mL", 1e3)),
    **dict.fromkeys(("unit", "units", "1", "bag", "bags", "pack", "packs"), ("unit", 1.0)),
    # Units of activity, in which vasopressin is ordered.
    **dict.fromkeys(("u", "iu", "[iu]", "usp'u", "[usp'u]"), ("unit", 1.0)),
    **dict.fromkeys(("mu", "miu", "m[iu]", "milliunit", "milliunits"), ("unit", 1e-3)),
    **dict.fromkeys(("%", "percent"), ("fraction", 0.01)),
    **dict.fromkeys(("cmh2o", "cm[h2o]"), ("cmH2O", 1.0)),
    "mbar": ("cmH2O", 1.0197),
    **dict.fromkeys(("", "beat", "beats", "pulses"), ("beat", 1.0)),
}
_MINUTES: Final = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1 / 60),
    **dict.fromkeys(("min", "minute", "minutes"), 1.0),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 60.0),
    **dict.fromkeys(("d", "day", "days"), 1440.0),
}
_AMOUNT_WORDS: Final = (
    r"ng|ug|mcg|micrograms?|mg|g|grams?|ml|l|liters?|litres?|units?|iu|milliunits?|cm ?h2o|bpm"
)
_IN_TEXT: Final = re.compile(
    rf"(?<![\w.,])(\d+(?:[.,]\d+)?)\s*({_AMOUNT_WORDS})((?:\s*/\s*|\s+per\s+)(?:kg|min|minute|h|hr|hour)"
    rf"(?:(?:\s*/\s*|\s+(?:per|and)\s+)(?:min|minute|h|hr|hour))?)?(?![\w%]|\s*(?:/|per\b))",
    re.I,
)
_PRODUCT: Final = re.compile(
    r"tablet|capsule|inject|solution|syringe|vial|ampoule|mg/ml|prefilled", re.I
)
_TIME_IN_TEXT: Final = r"\s+(\d+(?:[.,]\d+)?)\s*(s|sec|seconds?|min|minutes?|h|hr|hours?)\b"
_SPAN_IN_TEXT: Final = re.compile(rf"\b(?:over|in|for|within){_TIME_IN_TEXT}", re.I)
_OVER_IN_TEXT: Final = re.compile(rf"\bover{_TIME_IN_TEXT}", re.I)


def measure(value: float, unit: str) -> Measure | None:
    """Return a number with a unit like ``ug/kg/min`` or ``mL/h``, or None for an unknown one."""
    flat = unit.lower().replace("\u00b5", "u").replace("\u03bc", "u").replace(" ", "")
    flat = (
        re.sub(r"\{(\w*)\}", r"\1", flat).replace("(kg.min)", "kg/min").replace("(kg.h)", "kg/h")
    )
    if flat == "bpm":
        flat = "beats/min"
    amount, *denominators = flat.split("/")
    if amount not in _AMOUNTS:
        return None
    base, factor = _AMOUNTS[amount]
    per_kg = per_minute = False
    for denominator in denominators:
        if denominator == "kg" and not per_kg:
            per_kg = True
        elif denominator in _MINUTES and not per_minute:
            per_minute = True
            factor /= _MINUTES[denominator]
        else:
            return None
    return Measure(value * factor, base, per_kg, per_minute)


def measured(quantity: Quantity) -> Measure:
    """Return a Quantity of an order.

    Raises
    ------
    Unclear
        No positive number, a comparator, or a unit that is not known.
    """
    value = quantity.value
    if not isinstance(value, float | int) or not 0 < value < float("inf"):
        raise Unclear("the dose is no positive number")
    if quantity.comparator is not None:
        raise Unclear("the dose is a bound, not a number")
    for unit in (quantity.code, quantity.unit):
        found = measure(float(value), unit) if unit else None
        if found is not None:
            return found
    raise Unclear("the unit of the dose is missing or not known")


@dataclass(frozen=True, slots=True)
class Dosing:
    """What one dosage says; any part may be absent."""

    dose: Measure | None
    rate: Measure | None
    duration_s: float | None
    repeated: bool
    """Whether later doses follow, which the simulation leaves out."""
    as_needed: bool
    given_over_s: float | None = None
    """How long one dose takes, where that is said; unlike ``duration_s``, no course of doses."""


def dosing_of(dosages: Iterable[Dosage], words: str | None) -> Dosing:
    """Read the one dosage of an order, with the order's own words where it has none.

    Raises
    ------
    Unclear
        Several dosages or steps, a range, or fields and text that contradict each other.
    """
    steps = tuple(dosages)
    if len(steps) > 1:
        raise Unclear("it has several dosage steps")
    dosage = steps[0] if steps else Dosage()
    amounts = dosage.dose_and_rate or ()
    if len(amounts) > 1:
        raise Unclear("it has several doses or rates")
    dose, rate, span_s = _structured(amounts[0]) if amounts else (None, None, None)
    dose_said, rate_said = _said(dosage.text)
    if dose is None and rate is None:
        dose, rate = dose_said, rate_said
        # In the name of a product, such as "40 mg oral tablet", an amount is a strength.
        if dose is None and rate is None and words and not _PRODUCT.search(words):
            dose, rate = _said(words)
    else:
        _refuse_contradiction(dose, dose_said)
        _refuse_contradiction(rate, rate_said)
    # With a dose, its time follows from the rate; the ratio's own time is only how it was written.
    written_s = span_s if dose is None else None
    duration_s = written_s or _timed(dosage.timing) or _span_said(dosage.text) or _span_said(words)
    repeat = dosage.timing.repeat if dosage.timing is not None else None
    repeated = repeat is not None and ((repeat.count or 1) > 1 or repeat.period is not None)
    as_needed = bool(dosage.as_needed_boolean)
    over_s = _each_takes(dosage.timing) or _over_said(dosage.text) or _over_said(words)
    return Dosing(dose, rate, duration_s, repeated, as_needed, written_s or over_s)


def _structured(part: DoseAndRate) -> tuple[Measure | None, Measure | None, float | None]:
    if part.dose_range is not None or part.rate_range is not None:
        raise Unclear("the dose is a range, not one number")
    dose = measured(part.dose_quantity) if part.dose_quantity is not None else None
    rate = measured(part.rate_quantity) if part.rate_quantity is not None else None
    span_s = None
    if part.rate_ratio is not None:
        rate, span_s = _rate_of(part.rate_ratio)
    if rate is not None and not rate.per_minute:
        raise Unclear("the rate has no time in its unit")
    if dose is not None and dose.per_minute:
        dose, rate = None, rate or dose
    return dose, rate, span_s


def _rate_of(ratio: Ratio) -> tuple[Measure, float | None]:
    """Return a rate such as 500 mL : 15 min, and the time over which it was written."""
    if ratio.numerator is None or ratio.denominator is None:
        raise Unclear("the rate is half a ratio")
    over = ratio.denominator
    unit = next(
        (each for each in (over.code, over.unit) if each and each.lower() in _MINUTES), None
    )
    if unit is None or not isinstance(over.value, float | int) or not over.value > 0:
        raise Unclear("the rate is not per time")
    minutes = over.value * _MINUTES[unit.lower()]
    amount = measured(ratio.numerator)
    rate = Measure(amount.value / minutes, amount.base, amount.per_kg, per_minute=True)
    return rate, minutes * 60


def _said(text: str | None) -> tuple[Measure | None, Measure | None]:
    """Return the one dose and the one rate that a text names; of several none counts."""
    if text is None:
        return None, None
    found = []
    for number, unit, denominators in _IN_TEXT.findall(text.replace("µ", "u").replace("μ", "u")):
        tidy = re.sub(r"\s*(?:\bper\b|\band\b)\s*", "/", denominators).replace(" ", "")
        each = measure(float(number.replace(",", ".")), unit + tidy)
        if each is not None:
            found.append(each)
    doses = [each for each in found if not each.per_minute]
    rates = [each for each in found if each.per_minute]
    return (doses[0] if len(doses) == 1 else None, rates[0] if len(rates) == 1 else None)


def _refuse_contradiction(structured: Measure | None, said: Measure | None) -> None:
    if structured is None or said is None:
        return
    if (structured.base, structured.per_kg) != (said.base, said.per_kg):
        return
    if abs(structured.value - said.value) > 0.02 * structured.value:
        raise Unclear("the dosage text and the structured dose differ")


def _each_takes(timing: Timing | None) -> float | None:
    repeat = timing.repeat if timing is not None else None
    if repeat is None or repeat.duration is None or repeat.duration_unit not in _MINUTES:
        return None
    return repeat.duration * _MINUTES[repeat.duration_unit] * 60


def _timed(timing: Timing | None) -> float | None:
    repeat = timing.repeat if timing is not None else None
    if repeat is None:
        return None
    if (each_s := _each_takes(timing)) is not None:
        return each_s
    bounds = repeat.bounds_duration
    if bounds is not None and isinstance(bounds.value, float | int):
        unit = bounds.code or bounds.unit or ""
        if unit in _MINUTES:
            return bounds.value * _MINUTES[unit] * 60
    return None


def _span_said(text: str | None) -> float | None:
    return _seconds(_SPAN_IN_TEXT.search(text) if text is not None else None)


def _over_said(text: str | None) -> float | None:
    return _seconds(_OVER_IN_TEXT.search(text) if text is not None else None)


def _seconds(match: re.Match[str] | None) -> float | None:
    if match is None:
        return None
    return float(match.group(1).replace(",", ".")) * _MINUTES[match.group(2).lower()] * 60
