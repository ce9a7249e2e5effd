"""Observations become readings: which kind, what value, when, from which resource. Pure.

A resource that cannot be read or used is set aside with a sentence for the card and never costs
the others. What is not in the table of codes is counted, not named: a chart is full of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

import msgspec

from cds_hooks.fhir.codes import (
    BY_LOINC,
    CODE_OF_KIND,
    GENERIC_PRESSURES,
    IN_PULMONARY_PANEL,
    LOINC_SYSTEMS,
    PULMONARY_PANELS,
    SYSTEMIC_PANELS,
)
from cds_hooks.fhir.kinds import Kind
from cds_hooks.fhir.measurement_code import Loinc, MeasurementCode
from cds_hooks.fhir.observation_values import NotUsable, taken_at, value_in_canonical_unit
from cds_hooks.fhir.resources import (
    CodeableConcept,
    Observation,
    ObservationComponent,
    Unreadable,
    head,
    head_of,
    read,
)
from cds_hooks.fhir.subject import Whose, is_known_to_be_of
from cds_hooks.fhir.wording import quoted
from twin.core.measurements import Device

_OBSERVATION: Final = msgspec.json.Decoder(Observation)

_USABLE: Final = frozenset({"final", "amended", "corrected", "preliminary"})
"""https://hl7.org/fhir/R4/valueset-observation-status.html: others have no or a void result."""

_COMA_PARTS: Final = 3
_PULMONARY_ARTERY: Final = "81040000"  # SNOMED CT, as bodySite in the German ICU profiles


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one kind, in the canonical unit of its kind."""

    kind: Kind
    value: float
    taken_at: datetime
    reference: str
    """``Observation/x/_history/3``; several readings of one panel share it."""
    preliminary: bool
    device: Device

    @property
    def unit(self) -> str:
        """Return the canonical UCUM unit; ``1`` for a number that needs none."""
        return CODE_OF_KIND[self.kind].unit


@dataclass(frozen=True, slots=True)
class NotUsed:
    """A resource, or a part of one, that was set aside; the reason completes a sentence."""

    reference: str
    reason: str

    @property
    def sentence(self) -> str:
        """Return both as the card's line."""
        return f"{self.reference}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Readings:
    """What was read of a chart."""

    readings: tuple[Reading, ...]
    """Oldest first."""
    not_used: tuple[NotUsed, ...]
    unrecognised: int
    """How many Observations were of a kind that nothing here reads."""


def readings_of(
    resources: Iterable[msgspec.Raw],
    patient_id: str,
    now: datetime,
    *,
    zone: tzinfo | None = None,
) -> Readings:
    """Read every Observation among the resources; other resource types are passed over.

    Parameters
    ----------
    resources
        JSON of FHIR resources, such as the entries of prefetched Bundles.
    patient_id
        Logical id of the patient of the call.
    now
        The instant of the call; values from after it are not used.
    zone
        The site's time zone, for times that come without one; None where not configured.

    Raises
    ------
    cds_hooks.errors.WrongPatient
        An Observation is of another patient: the whole chart is then in doubt.
    """
    not_used: list[NotUsed] = []
    observations = _newest_versions(_observations(resources, patient_id, not_used))
    readings: list[Reading] = []
    unrecognised = 0
    for observation in observations:
        if observation.status not in _USABLE:
            if _parts(observation):
                not_used.append(_void(observation))
            continue
        parts = _parts(observation)
        unrecognised += not parts
        readings += _read_parts(observation, parts, now, zone, not_used)
    return Readings(_distinct(readings), tuple(not_used), unrecognised)


_Part = tuple[MeasurementCode, Loinc, ObservationComponent]


def _observations(
    resources: Iterable[msgspec.Raw], patient_id: str, not_used: list[NotUsed]
) -> Iterator[Observation]:
    for position, raw in enumerate(resources):
        try:
            observation = read(_OBSERVATION, raw)
        except Unreadable as error:
            named = head(raw)
            if named.resource_type in (None, "Observation"):
                not_used.append(NotUsed(named.reference, str(error)))
            continue
        if observation.resource_type != "Observation":
            continue
        place = f"The Observation at position {position} of the chart"
        if not is_known_to_be_of(patient_id, observation.subject, place):
            reference = head_of(observation).reference
            not_used.append(NotUsed(reference, Whose.UNKNOWN.value))
            continue
        yield observation


def _newest_versions(observations: Iterable[Observation]) -> list[Observation]:
    """Keep of each id the newest version; a repeat of the same version changes nothing."""
    newest: dict[str, Observation] = {}
    without_id: list[Observation] = []
    for observation in observations:
        if not observation.id:
            without_id.append(observation)
            continue
        known = newest.get(observation.id)
        if known is None or _age_order(known) <= _age_order(observation):
            newest[observation.id] = observation
    return [*newest.values(), *without_id]


def _age_order(observation: Observation) -> tuple[int, str]:
    meta = observation.meta
    if meta is None:
        return (0, "")
    version = meta.version_id or ""
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 16 else 0
    return (number, meta.last_updated or "")


def _parts(observation: Observation) -> list[_Part]:
    """Return the Observation itself and its components, as far as the table knows their codes."""
    parts: list[_Part] = []
    itself = _row(observation.code, frozenset())
    if itself is not None:
        parts.append((*itself, observation))
    if observation.component:
        context = _panel(observation)
        for component in observation.component:
            row = _row(component.code, context)
            if row is not None:
                parts.append((*row, component))
    return parts


def _panel(observation: Observation) -> frozenset[str]:
    """Return which vessel's panel this is, by its codes or by its body site."""
    codes = {coding.code for coding in observation.code.codings} if observation.code else set()
    if observation.body_site is not None:
        sites = {coding.code for coding in observation.body_site.codings}
        if _PULMONARY_ARTERY in sites:
            return PULMONARY_PANELS
    return frozenset(code for code in codes if code is not None) or frozenset({"no code"})


def _row(
    concept: CodeableConcept | None, panel: frozenset[str]
) -> tuple[MeasurementCode, Loinc] | None:
    """Return the most telling row among the codings of a concept.

    A code that names the vessel or the device tells more than a generic one beside it: the German
    ICU profiles send a pulmonary pressure as 8480-6 and 8440-0 together. In a panel a generic
    pressure is what the panel says; in a panel that is not known it is nothing.
    """
    best: tuple[MeasurementCode, Loinc] | None = None
    best_rank = -1
    for coding in concept.codings if concept is not None else ():
        if coding.system not in LOINC_SYSTEMS or coding.code is None:
            continue
        code = coding.code
        if panel and code in GENERIC_PRESSURES:
            if panel & PULMONARY_PANELS:
                code = IN_PULMONARY_PANEL[code]
            elif not panel & SYSTEMIC_PANELS:
                continue
        found = BY_LOINC.get(code)
        if found is None:
            continue
        rank = 2 * (code not in GENERIC_PRESSURES) + (found[1].device is not Device.UNKNOWN)
        if rank > best_rank:
            best, best_rank = found, rank
    return best


def _void(observation: Observation) -> NotUsed:
    status = quoted(observation.status or "missing", 20)
    return NotUsed(head_of(observation).reference, f"its status is {status}")


def _read_parts(
    observation: Observation,
    parts: list[_Part],
    now: datetime,
    zone: tzinfo | None,
    not_used: list[NotUsed],
) -> list[Reading]:
    reference = head_of(observation).reference
    readings: list[Reading] = []
    for row, loinc, part in parts:
        if part is observation and _is_bare_panel(observation):
            continue
        try:
            when = taken_at(observation, now, zone, slow=row.slow)
            value = value_in_canonical_unit(part, row)
        except NotUsable as reason:
            not_used.append(NotUsed(reference, f"{row.kind}: {reason}"))
            continue
        device = loinc.device if loinc.device is not Device.UNKNOWN else row.device
        preliminary = observation.status == "preliminary"
        readings.append(Reading(row.kind, value, when, reference, preliminary, device))
        if loinc.ventilated:
            readings.append(
                Reading(Kind.MECHANICAL_VENTILATION, 1.0, when, reference, preliminary, row.device)
            )
    return readings + _coma_total(readings) if len(readings) >= _COMA_PARTS else readings


def _is_bare_panel(observation: Observation) -> bool:
    """Return whether a coded Observation leaves its value to its components, as panels do."""
    return bool(observation.component) and (
        observation.value_quantity is None
        and observation.value_integer is None
        and observation.value_string is None
        and observation.data_absent_reason is None
    )


def _coma_total(readings: list[Reading]) -> list[Reading]:
    """Return the sum of eyes, verbal and motor of one examination that gives no total."""
    by_kind = {reading.kind: reading for reading in readings}
    parts = [by_kind.get(kind) for kind in (Kind.COMA_EYES, Kind.COMA_VERBAL, Kind.COMA_MOTOR)]
    present = [part for part in parts if part is not None]
    if len(present) < len(parts) or Kind.COMA_SCALE in by_kind:
        return []
    first = present[0]
    total = sum(part.value for part in present)
    return [
        Reading(
            Kind.COMA_SCALE,
            total,
            first.taken_at,
            first.reference,
            first.preliminary,
            first.device,
        )
    ]


def _distinct(readings: list[Reading]) -> tuple[Reading, ...]:
    """Sort by time and drop what says the same of the same instant, as doubled imports do."""
    distinct: dict[tuple[Kind, datetime, float], Reading] = {}
    for reading in sorted(readings, key=lambda reading: reading.taken_at):
        key = (reading.kind, reading.taken_at, reading.value)
        distinct.setdefault(key, reading)
    return tuple(distinct.values())
