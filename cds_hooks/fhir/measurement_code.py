"""The columns of the table of measurement codes; its rows are in the files ``codes_*``.

LOINC (https://loinc.org) is copyright Regenstrief Institute and the LOINC Committee; codes and
names are used under its licence. ``checked`` says where a code was seen with this meaning:

``US Core``     examples of US Core 9.0.0, https://github.com/HL7/US-Core
``Synthea``     bundles of Synthea, https://github.com/synthetichealth/synthea
``MIMIC map``   concept maps of https://github.com/MIT-LCP/mimic-code (curated by two people)
``ISiK``        German vital-sign and intensive-care profiles, https://github.com/gematik
``2015 table``  the LOINC short-name table of 2015
``public maps`` several unrelated public code maps agree
``unverified``  from memory only: confirm with the site's laboratory before relying on it
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cds_hooks.fhir.coded_answers import Answers
from cds_hooks.fhir.kinds import Kind
from cds_hooks.fhir.ucum import Conversions
from inference.core.trajectory import SERIES
from twin.core.haemodynamics import Quantity
from twin.core.measurements import Condition, Device


@dataclass(frozen=True, slots=True)
class Loinc:
    """One accepted code; ``device`` where the code itself says what it was measured with."""

    code: str
    display: str
    checked: str
    device: Device = Device.UNKNOWN
    ventilated: bool = False
    """Whether the code can only be of a patient on a ventilator."""


@dataclass(frozen=True, slots=True)
class Snomed:
    """One accepted SNOMED CT code of an Observation, http://snomed.info/sct."""

    code: str
    display: str
    checked: str
    states: IntEnum | None = None
    """The answer that the code itself states, as *breathing room air* does: it needs no value."""
    device: Device = Device.UNKNOWN
    ventilated: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """Outside these, in the canonical unit, a value is a slip of unit or sensor, not disease."""

    low: float
    high: float
    source: str


@dataclass(frozen=True, slots=True)
class MeasurementCode:
    """One row: how a kind of measurement is recognised, converted, judged and passed on."""

    kind: Kind
    codes: tuple[Loinc, ...]
    unit: str
    """Canonical UCUM unit, the same that the trajectory and the twin use for it."""
    conversions: Conversions
    bounds: Bounds
    parameter: str | None = None
    """Parameter of `inference.core.trajectory`, in the same unit."""
    invasive_parameter: str | None = None
    """The parameter instead where the value came from an arterial line."""
    quantity: Quantity | Condition | None = None
    """What the twin calls it."""
    device: Device = Device.UNKNOWN
    """What such values are measured with unless the code says otherwise."""
    unitless: bool = False
    """Whether the number alone is complete; else a missing unit is not guessed."""
    answers: Answers = ()
    """What is answered in codes or words; then a number is not read."""
    snomed: tuple[Snomed, ...] = ()
    slow: bool = False
    """Whether a day, without an hour, is a good enough date."""


OWN_CHOICE: Final = "own choice, wider than any reference range"
_PARAMETERS = {row.name: row for row in SERIES}


def as_trajectory(name: str) -> Bounds:
    """Return the bounds of a trajectory parameter: one fact, one table."""
    row = _PARAMETERS[name]
    return Bounds(row.low, row.high, f"inference.core.trajectory, {name}")
