"""What NEWS2 asks and no series of numbers holds: alert or not, air or oxygen. Pure.

The newest word on each counts, however it was charted: a coma scale after an ACVPU answer replaces
it, and the other way round. Of two at one instant the worse counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from cds_hooks.fhir.coded_answers import Breathing, Consciousness, OxygenDevice
from cds_hooks.fhir.kinds import Kind
from cds_hooks.fhir.reading import Reading
from inference.core.trajectory import Bedside

RECENT: Final = timedelta(hours=24)
"""As old as the last values may be that NEWS2 is taken of."""

_FULL_COMA_SCALE: Final = 15.0
_ON_OXYGEN_ABOVE: Final = 0.215
_NOT_ALERT: Final[Mapping[Kind, Callable[[float], bool]]] = {
    Kind.CONSCIOUSNESS: lambda value: value != Consciousness.ALERT,
    Kind.COMA_SCALE: lambda value: value < _FULL_COMA_SCALE,
}
_ON_OXYGEN: Final[Mapping[Kind, Callable[[float], bool]]] = {
    Kind.OXYGEN_FLOW: lambda value: value > 0,
    Kind.OXYGEN_DEVICE: lambda value: value != OxygenDevice.NONE,
    Kind.AIR_OR_OXYGEN: lambda value: value == Breathing.OXYGEN,
    Kind.INSPIRED_OXYGEN_FRACTION: lambda value: value > _ON_OXYGEN_ABOVE,
    Kind.MECHANICAL_VENTILATION: lambda value: value > 0,
}
READ_BY_NEWS2: Final = frozenset({*_NOT_ALERT, *_ON_OXYGEN})


def bedside_of(readings: Iterable[Reading], now: datetime) -> Bedside:
    """Return what was last said of consciousness and oxygen; None where nothing was."""
    recent = [each for each in readings if now - each.taken_at <= RECENT]
    worse = _newest(each for each in recent if each.kind in _NOT_ALERT)
    oxygen = _newest(each for each in recent if each.kind in _ON_OXYGEN)
    return Bedside(
        alert=not any(_NOT_ALERT[each.kind](each.value) for each in worse) if worse else None,
        on_oxygen=any(_ON_OXYGEN[each.kind](each.value) for each in oxygen) if oxygen else None,
    )


def _newest(readings: Iterable[Reading]) -> list[Reading]:
    """Return the readings of the newest instant."""
    every = list(readings)
    last = max((each.taken_at for each in every), default=None)
    return [each for each in every if each.taken_at == last]
