"""What can be ordered that the twin knows: codes and words of each. A table and its look-up; pure.

Drugs are in ``codes_drugs``. Codes lead; words are used where there is no known code, and must not
say another thing than the code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from cds_hooks.fhir.codes_drugs import DRUG_CODES
from cds_hooks.fhir.resources import CodeableConcept
from cds_hooks.fhir.treatment_code import (
    ATC,
    RXNORM,
    SNOMED,
    Gas,
    Treatment,
    TreatmentCodes,
)
from twin.core.interventions import Drug, FluidKind, SettingKind

__all__ = [
    "ATC",
    "RXNORM",
    "SNOMED",
    "TREATMENTS",
    "Gas",
    "NotRecognised",
    "Treatment",
    "TreatmentCodes",
    "treatment_of",
]

TREATMENTS: Final = (
    *DRUG_CODES,
    TreatmentCodes(
        FluidKind.CRYSTALLOID,
        # 9863 is sodium chloride of any strength: words decide, see ``unlike_any``.
        ((RXNORM, "9863", "unverified"), (ATC, "B05BB01", "public maps")),
        r"(?:sodium chloride|nacl|saline)\W*(?:0[.,]9\W*%?|9 ?mg/ml)"
        r"|0[.,]9\W*%?\W*(?:sodium chloride|nacl|saline)"
        r"|(?:normal|physiologic(?:al)?|isotonic) saline|isotonic sodium chloride"
        r"|ringer'?s?(?: lactate| acetate)?|lactated ringer'?s?|hartmann'?s?|plasma-?lyte(?: \w+)?"
        r"|balanced crystalloid|crystalloid|sterofundin|jonosteril",
        leads=True,
    ),
    TreatmentCodes(
        FluidKind.RED_CELLS,
        # Not 71493000: public maps disagree whether it is packed cells or their exchange.
        ((SNOMED, "116863004", "public maps"),),
        r"(?:packed )?red (?:blood )?cells?|prbcs?|rbcs?|erythrocyte concentrate",
        leads=True,
    ),
    TreatmentCodes(
        FluidKind.ALBUMIN,
        ((RXNORM, "828529", "unverified"), (ATC, "B05AA01", "public maps")),
        r"(?:human )?albumin(?: human)?",
        leads=True,
    ),
    TreatmentCodes(
        Gas.OXYGEN,
        (
            (SNOMED, "57485005", "public maps"),
            (SNOMED, "371907003", "public maps"),
            (RXNORM, "7806", "unverified"),
            (ATC, "V03AN01", "public maps"),
        ),
        r"(?:inhaled |supplemental )?oxygen(?: therapy| administration)?|o2",
        leads=True,
    ),
    TreatmentCodes(
        SettingKind.END_EXPIRATORY_PRESSURE,
        (),
        r"positive end[- ]expiratory pressure|peep",
    ),
    TreatmentCodes(
        SettingKind.PACING,
        ((SNOMED, "18590009", "unverified"),),
        r"(?:cardiac )?pacing|pacemaker",
    ),
)

_BY_CODE: Final[Mapping[tuple[str, str], Treatment]] = {
    (system, code): row.treatment for row in TREATMENTS for system, code, _ in row.codes
}

# An amount, "IV" or "bolus of" may stand before the name of a fluid; another drug may not.
_BEFORE: Final = (
    r"(?:\W|\d|ml\b|l\b|units?\b|bolus\b|infusions?\b|transfus\w*\b|administ\w*\b|give\b|iv\b|of\b"
    r"|intravenous\w*\b|packs?\b)*"
)
_WORDS: Final = tuple(
    (
        row.treatment,
        re.compile(
            rf"^{_BEFORE}(?:{row.words})(?!\w)" if row.leads else rf"\b(?:{row.words})\b", re.I
        ),
    )
    for row in TREATMENTS
)

_SALINE: Final = r"(?:sodium chloride|nacl|saline)"
_OTHER_STRENGTH: Final = r"(?:0[.,]45|3|5|7[.,]5|10|20|23[.,]4)\W*%"
_UNLIKE: Final = (
    (
        rf"hypertonic|hypotonic|{_OTHER_STRENGTH}\W*{_SALINE}|{_SALINE}\W*{_OTHER_STRENGTH}",
        frozenset({FluidKind.CRYSTALLOID}),
        "only isotonic crystalloid is modelled",
    ),
    (
        r"potassium|kcl|glucose|dextrose|magnesium|bicarbonate|\bwith\b|\+",
        frozenset({FluidKind.CRYSTALLOID}),
        "the fluid carries something else that is not modelled",
    ),
    (
        r"\b(?:20|25)\W*%",
        frozenset({FluidKind.ALBUMIN}),
        "only albumin of about 5 % is modelled",
    ),
    (
        r"succinate|extended|prolonged|modified|retard|controlled"
        r"|\b(?:24 ?hr?|er|xl|xr|cr|sr|zok)\b",
        frozenset({Drug.METOPROLOL, Drug.FUROSEMIDE, Drug.LABETALOL, Drug.MORPHINE}),
        "slow-release forms are not modelled",
    ),
    (
        r"patch|ointment|cream|paste|topical|transdermal|ophthalm\w*|eye|nasal|drops"
        r"|inhal\w*|nebuli\w*|auto-?injector|epipen",
        frozenset(Drug),
        "only forms for a vein, the mouth or under the tongue are modelled",
    ),
    (
        r"(?:lido|bupiva|articai?|mepiva|ropiva|prilo|chloropro)\w*ca?ine?",
        frozenset(Drug),
        "a local anaesthetic with its additive is not modelled",
    ),
    (
        r" / |thiazide|spironolactone|amiloride|triamterene|diphenoxylate",
        frozenset(Drug),
        "combinations of drugs are not modelled",
    ),
    (
        r"exchange|whole blood",
        frozenset({FluidKind.RED_CELLS}),
        "only a transfusion of red cells is modelled",
    ),
)
"""Forms whose names contain a modelled treatment but act differently: pattern, of what, why."""

_REFUSED: Final = tuple((re.compile(words, re.I), of, why) for words, of, why in _UNLIKE)


class NotRecognised(Exception):
    """The order is for nothing the twin knows, or for two things; the text is the reason."""


def treatment_of(concept: CodeableConcept | None) -> Treatment:
    """Return what a concept orders.

    Raises
    ------
    NotRecognised
        Nothing that is modelled, codes or words that contradict each other, or a form of the drug
        or fluid that acts differently from the one that is modelled.
    """
    if concept is None:
        raise NotRecognised("it does not say what is ordered")
    by_code = {
        _BY_CODE[coding.system or "", coding.code or ""]
        for coding in concept.codings
        if (coding.system or "", coding.code or "") in _BY_CODE
    }
    texts = [text for text in (concept.text, *(c.display for c in concept.codings)) if text]
    by_words = {found for text in texts for found in _drugs_first(text)}
    if len(by_code) > 1 or len(by_words) > 1:
        raise NotRecognised("it names two different treatments")
    if by_code and by_words and by_code != by_words:
        raise NotRecognised("its code and its words name different treatments")
    found = by_code | by_words
    if not found:
        raise NotRecognised("this treatment is not modelled")
    treatment = next(iter(found))
    _refuse_unlike(treatment, concept, texts, sure=bool(by_words))
    return treatment


def _drugs_first(text: str) -> set[Treatment]:
    """Return what a text names; the fluid that carries a named drug does not count."""
    found = {treatment for treatment, pattern in _WORDS if pattern.search(text)}
    drugs: set[Treatment] = {each for each in found if isinstance(each, Drug)}
    return drugs or found


def _refuse_unlike(
    treatment: Treatment, concept: CodeableConcept, texts: list[str], *, sure: bool
) -> None:
    for pattern, treatments, reason in _REFUSED:
        if treatment in treatments and any(pattern.search(text) for text in texts):
            raise NotRecognised(reason)
    codes = {coding.code for coding in concept.codings}
    if treatment is FluidKind.CRYSTALLOID and not sure and "B05BB01" not in codes:
        raise NotRecognised("the strength of the sodium chloride is not given")
