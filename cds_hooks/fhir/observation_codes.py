"""What an Observation or component is of, by its codes: a row of the table of codes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from cds_hooks.fhir.coded_answers import BREATHING, DEVICES, Answer, answer_to
from cds_hooks.fhir.codes import (
    BY_LOINC,
    BY_SNOMED,
    GENERIC_PRESSURES,
    IN_PULMONARY_PANEL,
    LOINC_SYSTEMS,
    PULMONARY_PANELS,
    SNOMED_SYSTEM,
    SYSTEMIC_PANELS,
)
from cds_hooks.fhir.measurement_code import Loinc, MeasurementCode, Snomed
from cds_hooks.fhir.resources import CodeableConcept, Lenient, Observation
from twin.core.measurements import Device

_PULMONARY_ARTERY: Final = "81040000"  # SNOMED CT, as bodySite in the German ICU profiles
_DEVICE_CODE: Final = "http://hl7.org/fhir/StructureDefinition/observation-deviceCode"
"""https://hl7.org/fhir/R4/extension-observation-devicecode.html."""


class Coded(NamedTuple):
    """The row of a concept, by which code, and how much that code tells."""

    row: MeasurementCode
    code: Loinc | Snomed
    rank: int


def _ranked(row: MeasurementCode, code: Loinc | Snomed) -> Coded:
    vessel_is_known = code.code not in GENERIC_PRESSURES
    return Coded(row, code, 2 * vessel_is_known + (code.device is not Device.UNKNOWN))


_BY_CODE: Final[Mapping[tuple[str | None, str | None], Coded]] = {
    **{(system, code): _ranked(*BY_LOINC[code]) for code in BY_LOINC for system in LOINC_SYSTEMS},
    **{(SNOMED_SYSTEM, code): _ranked(*BY_SNOMED[code]) for code in BY_SNOMED},
}
_AIR_OR_OXYGEN: Final = next(iter(BY_SNOMED.values()))[0]


def coded(concept: CodeableConcept | None, panel: frozenset[str]) -> Coded | None:
    """Return the most telling row among the codings of a concept.

    A code that names the vessel or the device tells more than a generic one beside it: the German
    ICU profiles send a pulmonary pressure as 8480-6 and 8440-0 together. In a panel a generic
    pressure is what the panel says; in a panel that is not known it is nothing.
    """
    best: Coded | None = None
    for coding in (concept.coding or ()) if concept is not None else ():
        found = _BY_CODE.get((coding.system, coding.code))
        if found is None:
            continue
        if panel and found.code.code in GENERIC_PRESSURES:
            if panel & PULMONARY_PANELS:
                found = _ranked(*BY_LOINC[IN_PULMONARY_PANEL[found.code.code]])
            elif not panel & SYSTEMIC_PANELS:
                continue
        if best is None or found.rank > best.rank:
            best = found
    return best


def panel_of(observation: Observation) -> frozenset[str]:
    """Return which vessel's panel this is, by its codes or by its body site."""
    codes = {coding.code for coding in observation.code.codings} if observation.code else set()
    if observation.body_site is not None:
        sites = {coding.code for coding in observation.body_site.codings}
        if _PULMONARY_ARTERY in sites:
            return PULMONARY_PANELS
    return frozenset(code for code in codes if code is not None) or frozenset({"no code"})


def stated_by(observation: Observation) -> Coded | None:
    """Return *air or oxygen* for an Observation whose value states it and whose code is words.

    The UK's guides for NEWS2 give this Observation no code, only a text, and a coded value.
    """
    value = observation.value_codeable_concept
    if value is None or (observation.code is not None and observation.code.coding):
        return None
    codes = {coding.code for coding in value.codings if coding.system == SNOMED_SYSTEM}
    known = (code for answer in BREATHING for code in answer.codes if code in codes)
    return _of_value(next(known, None))


def _of_value(code: str | None) -> Coded | None:
    if code is None:
        return None
    return Coded(_AIR_OR_OXYGEN, Snomed(code, "as the value states", "public maps"), 0)


class _Extension(Lenient, frozen=True):
    url: str | None = None
    value_codeable_concept: CodeableConcept | None = None


_EXTENSIONS: Final = msgspec.json.Decoder(tuple[_Extension, ...])


def device_beside(observation: Observation) -> Answer | None:
    """Return how oxygen is given, by the Observation's method or by its extension deviceCode."""
    concepts = [observation.method] if observation.method is not None else []
    if len(bytes(observation.extension)):
        try:
            extensions = _EXTENSIONS.decode(observation.extension)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            extensions = ()
        concepts += [
            each.value_codeable_concept
            for each in extensions
            if each.url == _DEVICE_CODE and each.value_codeable_concept is not None
        ]
    answers = (answer_to(concept, None, DEVICES) for concept in concepts)
    return next((answer for answer in answers if answer is not None), None)
