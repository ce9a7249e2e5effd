"""Components of an Observation with SampledData to leads in millivolt. Pure.

https://hl7.org/fhir/R4/datatypes.html#SampledData; the arithmetic is `inference.formats`'. A lead
is named by its MDC code, as in FHIR's own example, or by its text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
import numpy as np

from cds_hooks.fhir.resources import CodeableConcept, Lenient, Quantity, Unreadable, read
from inference.core.ecg import lead_name
from inference.core.image_reading import LeadsToRead
from inference.errors import EcgUnreadable
from inference.formats.sampled_data import sampled_values

_MILLIVOLT: Final = {"mV": 1.0, "uV": 1e-3, "V": 1e3}
"""UCUM codes of the origin's unit."""
SHORTEST_PERIOD_MS: Final = 1e-3
"""A million samples a second: no ECG has as many, and no reader takes them."""
_FIRST_CODES: Final = (131_328, 131_072)
"""MDC_ECG_ELEC_POTL, and lead names of part 10101: a lead's code is one of them and a number."""
_NUMBERS: Final = {
    1: "I", 2: "II", 3: "V1", 4: "V2", 5: "V3", 6: "V4", 7: "V5", 8: "V6",
    61: "III", 62: "aVR", 63: "aVL", 64: "aVF",
}  # fmt: skip


class _SampledData(Lenient, frozen=True):
    origin: Quantity | None = None
    period: float | None = None
    factor: float | None = None
    lower_limit: float | None = None
    upper_limit: float | None = None
    dimensions: int | None = None
    data: str | None = None


class _Component(Lenient, frozen=True):
    code: CodeableConcept | None = None
    value_sampled_data: _SampledData | None = None


_COMPONENT: Final = msgspec.json.Decoder(_Component)


def sampled_leads(components: Iterable[msgspec.Raw]) -> LeadsToRead:
    """Return the leads of an ECG Observation.

    Raises
    ------
    inference.errors.EcgUnreadable
        No component is a lead, one has no unit or no period, or their periods differ.
    """
    leads: dict[str, bytes] = {}
    periods: set[float] = set()
    for raw in components:
        try:
            component = read(_COMPONENT, raw)
        except Unreadable as reason:
            raise EcgUnreadable(f"one of its components cannot be read: {reason}") from None
        name, sampled = _lead(component.code), component.value_sampled_data
        if name is None or sampled is None:
            continue
        leads[name] = _millivolts(sampled)
        periods.add(sampled.period or 0.0)
    if not leads:
        raise EcgUnreadable("none of its components is one of the twelve leads")
    if len(periods) != 1 or min(periods) < SHORTEST_PERIOD_MS:
        raise EcgUnreadable("its leads are not sampled at one and the same rate")
    return LeadsToRead(tuple(leads.items()), 1_000.0 / periods.pop())


def _lead(code: CodeableConcept | None) -> str | None:
    if code is None:
        return None
    for coding in code.codings:
        if coding.code is not None and coding.code.isdecimal() and len(coding.code) < 8:
            for first in _FIRST_CODES:
                if (known := _NUMBERS.get(int(coding.code) - first)) is not None:
                    return known
        if (named := lead_name(coding.display or "")) is not None:
            return named
    return lead_name(code.text or "")


def _millivolts(sampled: _SampledData) -> bytes:
    origin = sampled.origin
    value = origin.value if origin is not None else None
    scale = _MILLIVOLT.get((origin.code or origin.unit or "") if origin is not None else "")
    if scale is None or not isinstance(value, int | float) or sampled.data is None:
        raise EcgUnreadable("a lead has no data, or is not said to be in volts")
    if sampled.dimensions not in (None, 1):
        raise EcgUnreadable("a lead has several dimensions")
    values = sampled_values(
        sampled.data,
        origin=float(value),
        factor=sampled.factor,
        lower_limit=sampled.lower_limit,
        upper_limit=sampled.upper_limit,
    )[0]
    return bytes((values * scale).astype(np.float32).tobytes())
