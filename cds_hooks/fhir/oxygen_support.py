"""From the flow of oxygen and how it is given to the inspired fraction, as an estimate. Pure.

The fraction at the mouth depends on breathing, so that a flow fixes it only roughly; every
estimate carries its interval and says what it was made of. Where a fraction is charted, nothing is
estimated. Where a device sets its own fraction (venturi masks by their valve, high-flow cannulas
and ventilators by their blender), the flow says nothing of it, and nothing is estimated either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from cds_hooks.fhir.coded_answers import DEVICES, Breathing, OxygenDevice
from cds_hooks.fhir.kinds import Kind
from cds_hooks.fhir.reading import Reading

AIR: Final = 0.21
CHARTED_TOGETHER: Final = timedelta(minutes=30)
"""Flow, device and fraction of one round at the bedside; own choice."""

_WORDS: Final = {int(each.value): each.words for each in DEVICES}


@dataclass(frozen=True, slots=True)
class InspiredFraction:
    """An estimate and its interval, as fractions of one."""

    value: float
    low: float
    high: float


def inspired_fraction(
    flow_l_per_min: float, device: OxygenDevice | None
) -> InspiredFraction | None:
    """Return the inspired fraction at a flow of oxygen; None where a flow does not tell it.

    Cannulas: 0.20 + 0.04 a litre, which is 0.24 to 0.44 at 1 to 6 L/min; O'Driscoll 2017 (BTS
    guideline, Thorax 72 Suppl 1) gives 0.24 to 0.50. The interval holds the means of Wettstein
    2005 (Respir Care 50:604, ten healthy adults): 0.26 to 0.54 at rest and 0.24 to 0.45 breathing
    fast, with standard deviations of 0.04 to 0.15. Masks: 0.40 to 0.60 at 5 to 10 L/min and, with
    a reservoir, 0.60 to 0.90 at 10 to 15 L/min (BTS). Where no device is charted, the usual one of
    the flow is assumed and the interval is that of both neighbours; our own choice.
    """
    if flow_l_per_min <= 0 or device is OxygenDevice.NONE:
        return InspiredFraction(AIR, AIR, AIR)
    limits = _LIMITS.get(device)
    if limits is None or not limits[0] <= flow_l_per_min <= limits[1]:
        return None
    value = _value(flow_l_per_min, device)
    below, above = _SPREAD[device]
    extra = 0.02 * flow_l_per_min if device in (None, OxygenDevice.CANNULA) else 0.0
    return InspiredFraction(
        value, max(AIR, value - below - extra / 2), min(1.0, value + above + extra)
    )


_LIMITS: Final[dict[OxygenDevice | None, tuple[float, float]]] = {
    None: (0.0, 15.0),
    OxygenDevice.CANNULA: (0.0, 6.0),
    OxygenDevice.MASK: (5.0, 10.0),
    OxygenDevice.RESERVOIR_MASK: (10.0, 15.0),
}
"""Flows in L/min within which a device is used, after the BTS guideline."""

_SPREAD: Final[dict[OxygenDevice | None, tuple[float, float]]] = {
    None: (0.06, 0.06),
    OxygenDevice.CANNULA: (0.01, 0.04),
    OxygenDevice.MASK: (0.10, 0.10),
    OxygenDevice.RESERVOIR_MASK: (0.15, 0.15),
}


def _value(flow: float, device: OxygenDevice | None) -> float:
    if device is OxygenDevice.MASK:
        return 0.40 + 0.04 * (flow - 5.0)
    if device is OxygenDevice.RESERVOIR_MASK or flow > 10.0:
        return 0.60 + 0.06 * (flow - 10.0)
    if flow > 6.0:
        return 0.44 + 0.04 * (flow - 6.0)
    return max(AIR, 0.20 + 0.04 * flow)


def estimated_fractions(readings: Sequence[Reading]) -> list[Reading]:
    """Return an inspired fraction for each flow, device or *air* beside which none is charted.

    ``readings`` are those of one chart, oldest first.
    """
    sources = [each for each in readings if each.kind in _SOURCES]
    if not sources:
        return []
    devices = [each for each in sources if each.kind is Kind.OXYGEN_DEVICE]
    charted = [each for each in readings if each.kind is Kind.INSPIRED_OXYGEN_FRACTION]
    found: dict[tuple[datetime, float], Reading] = {}
    for source in sources:
        if any(_together(source, each) for each in charted):
            continue
        estimate = _of_source(source, devices)
        if estimate is not None:
            found.setdefault((estimate.taken_at, estimate.value), estimate)
    return list(found.values())


_AIR_SAID: Final = {
    Kind.OXYGEN_DEVICE: float(OxygenDevice.NONE),
    Kind.AIR_OR_OXYGEN: float(Breathing.AIR),
}
_SOURCES: Final = frozenset({Kind.OXYGEN_FLOW, *_AIR_SAID})


def _of_source(source: Reading, devices: Iterable[Reading]) -> Reading | None:
    if source.kind is Kind.OXYGEN_FLOW:
        device = _device_of(source, devices)
        fraction = inspired_fraction(source.value, device)
        said = f"{source.value:g} L/min" + (f" by {_WORDS[device]}" if device else "")
    elif source.value == _AIR_SAID[source.kind]:
        fraction, said = InspiredFraction(AIR, AIR, AIR), ""
    else:
        return None
    if fraction is None:
        return None
    words = "0.21, breathing air"
    if fraction.high > AIR:
        words = (
            f"about {fraction.value:.2f} ({fraction.low:.2f} to {fraction.high:.2f}), estimated "
            f"from {said}"
        )
    return msgspec.structs.replace(
        source,
        kind=Kind.INSPIRED_OXYGEN_FRACTION,
        value=round(fraction.value, 3),
        said=words,
        inferred=True,
    )


def _device_of(flow: Reading, devices: Iterable[Reading]) -> OxygenDevice | None:
    """Return the device of a flow: of the same Observation, else the nearest of the same round."""
    near = [each for each in devices if _together(flow, each)]
    if not near:
        return None
    nearest = min(
        near,
        key=lambda each: (each.reference != flow.reference, abs(each.taken_at - flow.taken_at)),
    )
    return OxygenDevice(int(nearest.value))


def _together(first: Reading, second: Reading) -> bool:
    return abs(first.taken_at - second.taken_at) <= CHARTED_TOGETHER
