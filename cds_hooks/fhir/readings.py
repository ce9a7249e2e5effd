"""Observations become readings: which kind, what value, when, from which resource. Pure.

A resource that cannot be read or used is set aside with a sentence for the card and never costs
the others. What is not in the table of codes is counted, not named: a chart is full of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

import msgspec

from cds_hooks.fhir.decoding import Decoding
from cds_hooks.fhir.kinds import Kind
from cds_hooks.fhir.observation_codes import Coded, coded, device_beside, panel_of, stated_by
from cds_hooks.fhir.observation_values import (
    NotUsable,
    answer_in_codes_or_words,
    taken_at,
    value_in_canonical_unit,
)
from cds_hooks.fhir.oxygen_support import estimated_fractions
from cds_hooks.fhir.reading import Reading
from cds_hooks.fhir.resources import (
    Observation,
    ObservationComponent,
    Unreadable,
    age_order,
    head,
    read,
    reference_of,
)
from cds_hooks.fhir.subject import Whose, is_known_to_be_of, whose
from cds_hooks.fhir.wording import quoted
from twin.core.measurements import Device

_OBSERVATION: Final = Decoding(Observation)

_USABLE: Final = frozenset({"final", "amended", "corrected", "preliminary"})
"""https://hl7.org/fhir/R4/valueset-observation-status.html: others have no or a void result."""

_COMA_PARTS: Final = 3


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
    resources: Sequence[msgspec.Raw],
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
        parts = _parts(observation)
        if not parts:
            unrecognised += observation.status in _USABLE
        elif observation.status not in _USABLE:
            not_used.append(_void(observation))
        else:
            readings += _read_parts(observation, parts, now, zone, not_used)
    distinct = _distinct(readings)
    estimated = estimated_fractions(distinct)
    return Readings(
        _distinct([*distinct, *estimated]) if estimated else distinct,
        tuple(not_used),
        unrecognised,
    )


_Part = tuple[Coded, ObservationComponent]


def _observations(
    resources: Sequence[msgspec.Raw], patient_id: str, not_used: list[NotUsed]
) -> Iterator[Observation]:
    for position, observation in enumerate(_decoded(resources, not_used)):
        if observation is None or observation.resource_type != "Observation":
            continue
        if whose(observation.subject, patient_id) is not Whose.SAME:
            # Only for these is the place put into words: most are the patient's.
            place = f"The Observation at position {position} of the chart"
            if not is_known_to_be_of(patient_id, observation.subject, place):
                reference = reference_of(observation)
                not_used.append(NotUsed(reference, Whose.UNKNOWN.value))
                continue
        yield observation


def _decoded(
    resources: Sequence[msgspec.Raw], not_used: list[NotUsed]
) -> Iterable[Observation | None]:
    """Return what was decoded, in order; what could not be is named if it may be Observations."""
    found = _OBSERVATION.all_of(resources)
    if found is not None:
        return found
    return [_decoded_alone(raw, not_used) for raw in resources]


def _decoded_alone(raw: msgspec.Raw, not_used: list[NotUsed]) -> Observation | None:
    try:
        return read(_OBSERVATION.one, raw)
    except Unreadable as error:
        named = head(raw)
        if named.resource_type in (None, "Observation"):
            not_used.append(NotUsed(named.reference, str(error)))
        return None


def _newest_versions(observations: Iterable[Observation]) -> list[Observation]:
    """Keep of each id the newest version; a repeat of the same version changes nothing."""
    newest: dict[str, Observation] = {}
    without_id: list[Observation] = []
    for observation in observations:
        if not observation.id:
            without_id.append(observation)
            continue
        known = newest.get(observation.id)
        if known is None or age_order(known) <= age_order(observation):
            newest[observation.id] = observation
    return [*newest.values(), *without_id]


def _parts(observation: Observation) -> list[_Part]:
    """Return the Observation itself and its components, as far as the table knows their codes."""
    itself = coded(observation.code, frozenset()) or stated_by(observation)
    parts: list[_Part] = [(itself, observation)] if itself is not None else []
    if observation.component:
        panel = panel_of(observation)
        for component in observation.component:
            found = coded(component.code, panel)
            if found is not None:
                parts.append((found, component))
    return parts


def _void(observation: Observation) -> NotUsed:
    status = quoted(observation.status or "missing", 20)
    return NotUsed(reference_of(observation), f"its status is {status}")


def _read_parts(
    observation: Observation,
    parts: list[_Part],
    now: datetime,
    zone: tzinfo | None,
    not_used: list[NotUsed],
) -> list[Reading]:
    reference = reference_of(observation)
    readings: list[Reading] = []
    for found, part in parts:
        if part is observation and observation.component and _is_bare_panel(observation):
            continue
        try:
            when = taken_at(observation, now, zone, slow=found.row.slow)
            reading = _reading(found, part, when, reference, observation.status == "preliminary")
        except NotUsable as reason:
            not_used.append(NotUsed(reference, f"{found.row.kind}: {reason}"))
            continue
        readings.append(reading)
        if found.code.ventilated:
            readings.append(_ventilated(reading, found))
        if found.row.kind is Kind.OXYGEN_FLOW:
            readings += _given_by(observation, reading)
    return readings + _coma_total(readings) if len(readings) >= _COMA_PARTS else readings


def _reading(
    found: Coded, part: ObservationComponent, when: datetime, reference: str, preliminary: bool
) -> Reading:
    row, code = found.row, found.code
    device = code.device if code.device is not Device.UNKNOWN else row.device
    if row.answers:
        answer = answer_in_codes_or_words(part, row, code)
        value = float(answer.value)
        return Reading(row.kind, value, when, reference, preliminary, device, answer.words)
    value = value_in_canonical_unit(part, row)
    return Reading(row.kind, value, when, reference, preliminary, device)


def _ventilated(reading: Reading, found: Coded) -> Reading:
    return msgspec.structs.replace(
        reading, kind=Kind.MECHANICAL_VENTILATION, value=1.0, device=found.row.device
    )


def _given_by(observation: Observation, flow: Reading) -> list[Reading]:
    """Return how the oxygen of a flow is given, where the same Observation says it."""
    answer = device_beside(observation)
    if answer is None:
        return []
    return [
        msgspec.structs.replace(
            flow, kind=Kind.OXYGEN_DEVICE, value=float(answer.value), said=answer.words
        )
    ]


def _is_bare_panel(observation: Observation) -> bool:
    """Return whether an Observation with components leaves its value to them, as panels do."""
    return (
        observation.value_quantity is None
        and observation.value_integer is None
        and observation.value_string is None
        and observation.value_boolean is None
        and observation.value_codeable_concept is None
        and observation.data_absent_reason is None
    )


def _coma_total(readings: list[Reading]) -> list[Reading]:
    """Return the sum of eyes, verbal and motor of one examination that gives no total."""
    by_kind = {reading.kind: reading for reading in readings}
    parts = [by_kind.get(kind) for kind in (Kind.COMA_EYES, Kind.COMA_VERBAL, Kind.COMA_MOTOR)]
    present = [part for part in parts if part is not None]
    if len(present) < len(parts) or Kind.COMA_SCALE in by_kind:
        return []
    total = sum(part.value for part in present)
    return [msgspec.structs.replace(present[0], kind=Kind.COMA_SCALE, value=total)]


def _distinct(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """Sort by time and drop what says the same of the same instant, as doubled imports do."""
    distinct: dict[tuple[Kind, datetime, float], Reading] = {}
    for reading in sorted(readings, key=lambda reading: reading.taken_at):
        key = (reading.kind, reading.taken_at, reading.value)
        distinct.setdefault(key, reading)
    return tuple(distinct.values())
