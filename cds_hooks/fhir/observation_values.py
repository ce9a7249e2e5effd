"""One Observation's value and time, judged: a number in the canonical unit, or a reason. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, final

from cds_hooks.fhir.coded_answers import YES_OR_NO, Answer, YesOrNo, answer_to
from cds_hooks.fhir.kinds import Kind
from cds_hooks.fhir.measurement_code import Loinc, MeasurementCode, Snomed
from cds_hooks.fhir.resources import Observation, ObservationComponent, Quantity
from cds_hooks.fhir.ucum import ucum_code
from cds_hooks.fhir.wording import quoted

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""A monitor's clock may run ahead of the hospital's; more than this is a wrong date."""

_DATE_LENGTH: Final = len("2026-11-21")


@final
class NotUsable(Exception):
    """A value or a time cannot be used; the text is the rest of a sentence about its resource."""


def value_in_canonical_unit(part: ObservationComponent, row: MeasurementCode) -> float:
    """Return the value of an Observation or component in the unit of its row.

    Raises
    ------
    NotUsable
        No number, a number in words, a comparator, a unit that is missing or does not fit, or a
        value that is no patient's.
    """
    quantity = part.value_quantity
    if quantity is not None:
        value = _converted(quantity, row)
    elif part.value_integer is not None and row.unitless:
        value = float(part.value_integer)
    else:
        raise NotUsable(_why_no_quantity(part))
    if not row.bounds.low <= value <= row.bounds.high:
        raise NotUsable(
            f"{value:.6g} {row.unit} lies outside {row.bounds.low:g} to {row.bounds.high:g}, "
            "which is no patient's value"
        )
    return value


def answer_in_codes_or_words(
    part: ObservationComponent, row: MeasurementCode, code: Loinc | Snomed
) -> Answer:
    """Return which answer of its row an Observation or component gives.

    Raises
    ------
    NotUsable
        No answer, one that the row does not know, or codes and words that say two things.
    """
    concept, text = part.value_codeable_concept, part.value_string
    if isinstance(code, Snomed) and code.states is not None:
        holds = _holds(part)
        if holds is not None:
            other = 1 - code.states
            return row.answers[code.states if holds else other]
    answer = answer_to(concept, text, row.answers)
    if answer is None:
        if concept is None and text is None:
            raise NotUsable(_why_no_answer(part))
        raise NotUsable("the value is none of the answers that are known here, or two of them")
    return answer


def _holds(part: ObservationComponent) -> bool | None:
    """Return whether what the code states is said to hold; None for an answer of another kind."""
    if part.value_boolean is not None:
        return part.value_boolean
    if part.value_codeable_concept is None and part.value_string is None:
        return None if _has_value(part) else True
    answer = answer_to(part.value_codeable_concept, part.value_string, YES_OR_NO)
    return None if answer is None else answer.value == YesOrNo.YES


def _has_value(part: ObservationComponent) -> bool:
    return part.data_absent_reason is not None or (
        part.value_quantity is not None or part.value_integer is not None
    )


def _why_no_answer(part: ObservationComponent) -> str:
    if part.value_quantity is not None or part.value_integer is not None:
        return "the value is a number where an answer in codes or words belongs"
    if part.data_absent_reason is not None:
        return _why_no_quantity(part)
    return "it has no value"


def _converted(quantity: Quantity, row: MeasurementCode) -> float:
    value = quantity.value
    if isinstance(value, str):
        raise NotUsable("the value is text where a number belongs")
    if value is None or not math.isfinite(value):
        raise NotUsable("the quantity has no number")
    if quantity.comparator is not None:
        raise NotUsable(f"the value is known only as {quoted(quantity.comparator, 4)} {value:g}")
    unit = ucum_code(quantity.system, quantity.code, quantity.unit)
    if unit is None and quantity.code is None and quantity.unit is None:
        if row.unitless:
            return value
        raise NotUsable("the value has no unit")
    conversion = row.conversions.get(unit) if unit is not None else None
    if conversion is None:
        written = quoted(quantity.code or quantity.unit or "", 20)
        raise NotUsable(f"the unit '{written}' is not one of {', '.join(row.conversions)}")
    if row.kind is Kind.INSPIRED_OXYGEN_FRACTION:
        # Nobody lives on 0.21 % or on 21 times pure oxygen: fraction and percentage are told apart
        # by the number, since EHRs send 0.21 with "%" and 40 with no unit but "1".
        return value if value <= 1 else value / 100
    return conversion(value)


def _why_no_quantity(part: ObservationComponent) -> str:
    if part.value_integer is not None:
        return "the value has no unit"
    if part.value_string is not None or part.value_codeable_concept is not None:
        return "the value is in words where a number belongs"
    if len(bytes(part.value_sampled_data)):
        return "the value is a sampled curve, which is not read here"
    if part.value_range is not None or part.value_ratio is not None:
        return "the value is a range or a ratio where one number belongs"
    if part.data_absent_reason is not None:
        codes = [coding.code for coding in part.data_absent_reason.codings if coding.code]
        return f"the value is absent ({quoted(codes[0], 20) if codes else 'no reason given'})"
    return "it has no value"


def taken_at(
    observation: Observation, now: datetime, zone: tzinfo | None, *, slow: bool
) -> datetime:
    """Return when a value was taken, in UTC.

    A period counts by its end: a mean over an hour or the urine of a shift is known only then.
    ``issued`` is no substitute: laboratories publish hours after the blood was drawn. A time
    without zone is read in ``zone``, the site's; where none is configured it is not used, since a
    guess could be off by half a day and make an old pressure look like the present one.

    Raises
    ------
    NotUsable
        No time, a time without zone and no zone configured, a day where an hour is needed, or a
        time in the future.
    """
    text = observation.effective_date_time or observation.effective_instant
    if text is None and observation.effective_period is not None:
        text = observation.effective_period.end or observation.effective_period.start
    if text is None:
        raise NotUsable("it does not say when it was taken")
    instant = instant_of(text, zone, slow=slow)
    if instant - now > CLOCK_TOLERANCE:
        raise NotUsable("it lies in the future")
    return instant


def instant_of(text: str, zone: tzinfo | None, *, slow: bool = False) -> datetime:
    """Return a FHIR dateTime in UTC; ``slow`` lets a day without an hour pass.

    Raises
    ------
    NotUsable
        No dateTime, a day where an hour is needed, or no zone in it and none configured.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise NotUsable(
            f"its time is no FHIR dateTime to the second ('{quoted(text, 30)}')"
        ) from None
    if len(text) <= _DATE_LENGTH:
        if not slow:
            raise NotUsable("it gives the day but not the hour")
        instant = instant.replace(tzinfo=zone or UTC)
    elif instant.tzinfo is None:
        if zone is None:
            raise NotUsable("its time has no zone and no zone is configured for this site")
        instant = instant.replace(tzinfo=zone)
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise NotUsable("it lies before all calendars") from None
