"""What can be measured at the bedside: values only, already in the unit of their quantity.

How wrong each device may be is in ``device_errors``; which values go together, in
``observation_sets``. Nothing has a default: a value is there or it is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from twin.core.haemodynamics import Quantity


class Device(StrEnum):
    """What a value was measured with."""

    CUFF = "cuff"
    ARTERIAL_LINE = "arterial line"
    OXIMETER = "oximeter"
    MONITOR = "monitor"
    THERMODILUTION = "thermodilution"
    ECHO = "echocardiography"
    LABORATORY = "laboratory"
    UNKNOWN = "unknown"


class Condition(StrEnum):
    """A measured value that sets or shifts a parameter of the model instead of being fitted."""

    HAEMOGLOBIN = "haemoglobin"
    INSPIRED_OXYGEN_FRACTION = "inspired oxygen fraction"
    TEMPERATURE = "temperature"
    ATRIAL_KICK_LOSS = "loss of the atrial kick"
    """1 in atrial fibrillation or flutter, 0 where an ECG shows neither."""
    CARDIOTHORACIC_RATIO = "cardiothoracic ratio"
    """Width of the heart over that of the chest on a radiograph from the front or the back."""
    LUNG_OPACITY = "opaque share of the lungs"
    """Share of the lungs' area on a radiograph that is opaque."""

    @property
    def unit(self) -> str:
        """Return the unit, in UCUM."""
        return _CONDITION_UNITS[self]


_CONDITION_UNITS = {
    Condition.HAEMOGLOBIN: "g/dL",
    Condition.INSPIRED_OXYGEN_FRACTION: "1",
    Condition.TEMPERATURE: "Cel",
    Condition.ATRIAL_KICK_LOSS: "1",
    Condition.CARDIOTHORACIC_RATIO: "1",
    Condition.LUNG_OPACITY: "1",
}


@dataclass(frozen=True, slots=True)
class Measurement:
    """One value of one patient, already in the unit of its quantity."""

    quantity: Quantity | Condition
    value: float
    taken_at: datetime
    """Aware; two measurements of one patient are ordered by it."""
    reference: str
    """Names the source, version included, e.g. ``Observation/7/_history/2``; tells a repeat from
    news."""
    device: Device = Device.UNKNOWN

    @property
    def source(self) -> str:
        """Return the reference without its version: a later version replaces the earlier."""
        return self.reference.partition("/_history/")[0]
