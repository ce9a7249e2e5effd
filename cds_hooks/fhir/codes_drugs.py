"""How each modelled drug is recognised: RxNorm ingredient, ATC class, names. A table; pure.

The first RxNorm and the first ATC code of a row are those that a proposal is written with.
"""

from __future__ import annotations

from typing import Final

from cds_hooks.fhir.treatment_code import ATC, RXNORM, TreatmentCodes
from twin.core.interventions import Drug

_MAPS, _MEMORY = "public maps", "unverified"

DRUG_CODES: Final = (
    TreatmentCodes(
        Drug.NOREPINEPHRINE,
        ((RXNORM, "7512", _MAPS), (RXNORM, "1745276", "MIMIC map"), (ATC, "C01CA03", _MAPS)),
        r"nor(?:epinephrine|adrenaline?)|levophed|arterenol",
    ),
    TreatmentCodes(
        Drug.EPINEPHRINE,
        ((RXNORM, "3992", _MAPS), (ATC, "C01CA24", _MEMORY)),
        r"epinephrine?|adrenaline?|suprarenin",
    ),
    TreatmentCodes(
        Drug.PHENYLEPHRINE,
        ((RXNORM, "8163", _MAPS), (ATC, "C01CA06", _MEMORY)),
        r"phenylephrine?|neo-?synephrine|biorphen|vazculep",
    ),
    TreatmentCodes(
        Drug.VASOPRESSIN,
        ((RXNORM, "11149", _MAPS), (ATC, "H01BA01", _MEMORY)),
        r"vasopressin|argipressin|vasostrict|pitressin|empressin",
    ),
    TreatmentCodes(
        Drug.DOBUTAMINE,
        ((RXNORM, "3616", _MAPS), (ATC, "C01CA07", _MEMORY)),
        r"dobutamine?|dobutrex",
    ),
    TreatmentCodes(
        Drug.DOPAMINE,
        ((RXNORM, "3628", _MAPS), (ATC, "C01CA04", _MEMORY)),
        r"dopamine?|intropin",
    ),
    TreatmentCodes(
        Drug.MILRINONE,
        ((RXNORM, "52769", _MEMORY), (ATC, "C01CE02", _MEMORY)),
        r"milrinone?|primacor|corotrop",
    ),
    TreatmentCodes(
        Drug.METOPROLOL,
        ((RXNORM, "6918", _MAPS), (RXNORM, "1740909", "MIMIC map"), (ATC, "C07AB02", _MAPS)),
        r"metoprolol|lopressor",
    ),
    TreatmentCodes(
        Drug.ESMOLOL,
        ((RXNORM, "49737", _MAPS), (RXNORM, "1736540", "MIMIC map"), (ATC, "C07AB09", _MAPS)),
        r"esmolol|brevibloc",
    ),
    TreatmentCodes(
        Drug.LABETALOL,
        ((RXNORM, "6185", _MEMORY), (ATC, "C07AG01", _MEMORY)),
        r"labetalol|trandate|normodyne",
    ),
    TreatmentCodes(
        Drug.NITROGLYCERIN,
        ((RXNORM, "4917", _MEMORY), (ATC, "C01DA02", _MEMORY)),
        r"nitroglycerine?|glyceryl ?trinitrate?|gtn|trinitrin|nitrostat|nitrolingual|tridil",
    ),
    TreatmentCodes(
        Drug.NITROPRUSSIDE,
        ((RXNORM, "7476", _MEMORY), (ATC, "C02DD01", _MEMORY)),
        r"nitroprusside?|nitropress|nipride|nipruss",
    ),
    TreatmentCodes(
        Drug.NICARDIPINE,
        ((RXNORM, "7396", _MEMORY), (ATC, "C08CA04", _MEMORY)),
        r"nicardipine?|cardene",
    ),
    TreatmentCodes(
        Drug.FUROSEMIDE,
        (
            (RXNORM, "4603", _MAPS),
            (RXNORM, "287524", "MIMIC map"),
            (RXNORM, "313988", "Synthea"),
            (RXNORM, "1719286", "Synthea"),
            (ATC, "C03CA01", _MAPS),
        ),
        r"fur[ou]semide?|frusemide|lasix",
    ),
    TreatmentCodes(
        Drug.ATROPINE,
        ((RXNORM, "1223", _MEMORY), (ATC, "A03BA01", _MEMORY)),
        r"atropine?",
    ),
    TreatmentCodes(
        Drug.AMIODARONE,
        ((RXNORM, "703", _MEMORY), (ATC, "C01BD01", _MEMORY)),
        r"amiodarone?|cordarone|nexterone|pacerone",
    ),
    TreatmentCodes(
        Drug.PROPOFOL,
        ((RXNORM, "8782", _MEMORY), (ATC, "N01AX10", _MEMORY)),
        r"propofol|diprivan|disoprivan",
    ),
    TreatmentCodes(
        Drug.KETAMINE,
        ((RXNORM, "6130", _MEMORY), (ATC, "N01AX03", _MEMORY)),
        # Not esketamine, which is about twice as potent.
        r"ketamine?|ketalar|ketanest(?! s\b)",
    ),
    TreatmentCodes(
        Drug.MORPHINE,
        ((RXNORM, "7052", _MAPS), (ATC, "N02AA01", _MEMORY)),
        r"morphine?|duramorph|infumorph",
    ),
)
