"""Answers in codes and words: level of consciousness, air or oxygen, how oxygen is given. Pure.

A table and its look-up. ``checked`` of a code is as in ``measurement_code``; SNOMED CT
(http://snomed.info/sct) is SNOMED International's, LOINC answers (``LA...``) are Regenstrief's.
Codes and words must not say two things: then the answer is not used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cds_hooks.fhir.resources import CodeableConcept


class Consciousness(IntEnum):
    """ACVPU of NEWS2: Royal College of Physicians, *National Early Warning Score 2*, 2017."""

    ALERT = 0
    CONFUSED = 1
    VOICE = 2
    PAIN = 3
    UNRESPONSIVE = 4


class Breathing(IntEnum):
    """What a patient breathes."""

    AIR = 0
    OXYGEN = 1


class YesOrNo(IntEnum):
    """Whether what a code states holds."""

    NO = 0
    YES = 1


class OxygenDevice(IntEnum):
    """How oxygen is given."""

    NONE = 0
    CANNULA = 1
    MASK = 2
    RESERVOIR_MASK = 3
    VENTURI_MASK = 4
    HIGH_FLOW_CANNULA = 5
    POSITIVE_PRESSURE = 6


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its number, its words on a card, and how it is recognised."""

    value: IntEnum
    words: str
    codes: frozenset[str]
    """SNOMED CT and LOINC answer codes, which cannot be mistaken for one another."""
    texts: str
    """Regular expression of a whole text, without case."""

    def is_said_by(self, text: str) -> bool:
        """Return whether a text says this and nothing else."""
        return re.fullmatch(self.texts, text.strip(), re.I) is not None


Answers = tuple[Answer, ...]


def _answer(value: IntEnum, words: str, codes: str, texts: str) -> Answer:
    return Answer(value, words, frozenset(codes.split()), texts)


# The codes are those of public maps that agree (UK Care Connect, Belgian and Indonesian guides).
CONSCIOUSNESS: Final[Answers] = (
    _answer(Consciousness.ALERT, "alert", "LA9340-6 248234008", r"a|(?:mentally )?alert(?:ness)?"),
    _answer(
        Consciousness.CONFUSED,
        "newly confused",
        "LA6560-2 130987000",
        r"c|(?:new(?:ly)? |acute )?confus(?:ed|ion)",
    ),
    _answer(
        Consciousness.VOICE,
        "responds to voice",
        "LA17108-4 300202002",
        r"v|voice|verbal|(?:responds?|response|responsive|reacts) to (?:voice|verbal stimul\w+)",
    ),
    _answer(
        Consciousness.PAIN,
        "responds to pain",
        "LA17107-6 450847001",
        r"p|pain(?:ful)?|(?:responds?|response|responsive|reacts) to pain(?:ful stimul\w+)?",
    ),
    _answer(
        Consciousness.UNRESPONSIVE,
        "unresponsive",
        "LA9343-0 422768004",
        r"u|unresponsive|no response",
    ),
)
BREATHING: Final[Answers] = (
    _answer(
        Breathing.AIR,
        "air",
        "722742002",
        r"(?:breathing )?(?:room )?air|ra",
    ),
    _answer(
        Breathing.OXYGEN,
        "oxygen",
        "371825009 315041000",  # patient on oxygen; high concentration oxygen therapy
        r"(?:patient )?(?:on )?(?:supplemental )?oxygen|o2",
    ),
)
YES_OR_NO: Final[Answers] = (
    _answer(YesOrNo.NO, "no", "373067005 LA32-8", r"no?|false"),
    _answer(YesOrNo.YES, "yes", "373066001 LA33-6", r"y(?:es)?|true"),
)
DEVICES: Final[Answers] = (
    _answer(OxygenDevice.NONE, "room air", "722742002", r"none|(?:breathing )?room air|ra"),
    _answer(
        OxygenDevice.CANNULA,
        "nasal cannula",
        "336623009",
        r"(?:oxygen )?nasal (?:cannulae?|prongs|specs)|nc",
    ),
    _answer(
        OxygenDevice.MASK,
        "face mask",
        "336602003",
        r"(?:simple )?(?:oxygen )?(?:face )?mask|(?:simple|medium conc\w*) (?:face )?mask",
    ),
    _answer(
        OxygenDevice.RESERVOIR_MASK,
        "mask with a reservoir",
        "427591007",
        r"(?:oxygen )?(?:reservoir mask|mask with (?:a )?reservoir)"
        r"|non-?\s?rebreath\w*(?: oxygen)?(?: mask)?|nrbm?",
    ),
    _answer(
        OxygenDevice.VENTURI_MASK,
        "venturi mask",
        "428285009",
        r"venturi(?: mask)?|air[- ]entrainment mask",
    ),
    _answer(
        OxygenDevice.HIGH_FLOW_CANNULA,
        "high-flow nasal cannula",
        "426854004",
        r"high[- ]flow (?:oxygen )?nasal (?:cannulae?|oxygen)|hfnc|hfno",
    ),
    _answer(
        OxygenDevice.POSITIVE_PRESSURE,
        "positive pressure",
        "449071006 26412008 425826004 706226000 704718009 467645007",
        r"(?:mechanical )?ventilat(?:or|ion)|cpap|bi-?pap|endotracheal tube",
    ),
)


def answer_to(
    concept: CodeableConcept | None, text: str | None, answers: Iterable[Answer]
) -> Answer | None:
    """Return which of the answers a concept or a text gives.

    None where it gives none of them, or two: a code that says *unresponsive* beside a display that
    says *voice* is not known to be either.
    """
    codings = concept.codings if concept is not None else ()
    codes = {coding.code for coding in codings if coding.code is not None}
    texts = list(_texts(concept, text))
    found = [
        each
        for each in answers
        if not codes.isdisjoint(each.codes) or any(each.is_said_by(said) for said in texts)
    ]
    return found[0] if len(found) == 1 else None


def _texts(concept: CodeableConcept | None, text: str | None) -> Iterator[str]:
    if text is not None:
        yield text
    if concept is not None:
        if concept.text is not None:
            yield concept.text
        for coding in concept.codings:
            if coding.display is not None:
                yield coding.display.removesuffix(" (finding)").removesuffix(" (physical object)")
