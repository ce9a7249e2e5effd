"""What each ECG set says about a record, as targets: 1 stated, 0 denied, NaN not annotated.

Rule of the file: one reader a set, from the label as it was published (``source_label``) to
targets over `CODES`. What a set does not annotate is NaN: it neither teaches nor is scored. Pure.

The readers mend what a plain list of labels gets wrong: LUDB's incomplete bundle branch blocks and
third-degree blocks are not counted as complete and first-degree ones, statements of PTB-XL below a
likelihood of 50 % are not facts, and "sinus rhythm" as the only code of a challenge record is all
that its set has for a normal ECG.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

CODES: Final = (
    "NORM",
    "SB",
    "ST",
    "AF",
    "AFL",
    "PAC",
    "PVC",
    "1dAVb",
    "3dAVb",
    "PACE",
    "RBBB",
    "LBBB",
    "IRBBB",
    "LAFB",
    "LVH",
    "MI",
    "STEMI",
    "STE",
    "STD",
    "STTC",
)
"""The codes of the data README that are taught, with third-degree block and pacing beside them."""
PLACE: Final[Mapping[str, int]] = {code: place for place, code in enumerate(CODES)}
RHYTHMS: Final = ("SB", "ST", "AF", "AFL", "PAC", "PVC")
CONDUCTION: Final = ("1dAVb", "3dAVb", "PACE", "RBBB", "LBBB", "IRBBB", "LAFB")
DENIED_BY_NORMAL: Final = tuple(code for code in CODES if code not in ("NORM", "IRBBB"))
"""A record that a reader called normal without more has none of these."""
SURE: Final = 50.0
"""Likelihood in per cent from which a diagnostic statement of PTB-XL is taken as a fact."""
SURELY_NORMAL: Final = 80.0

Targets = NDArray[np.float32]
"""``[code]``: 1, 0 or NaN."""
Reader = Callable[[str, str, frozenset[str]], Targets]
"""From record name, published label and listed labels to targets."""


def targets_of(
    stated: Iterable[str], annotated: Iterable[str], doubtful: Iterable[str] = ()
) -> Targets:
    """Return targets: what is stated 1, else 0 where annotated; what is in doubt NaN."""
    out = np.full(len(CODES), np.nan, dtype=np.float32)
    for code in annotated:
        out[PLACE[code]] = 0.0
    for code in doubtful:
        out[PLACE[code]] = np.nan
    for code in stated:
        if code in PLACE:
            out[PLACE[code]] = 1.0
    return out


def _ptbxl(record: str, source: str, listed: frozenset[str]) -> Targets:
    """Statements with likelihoods; rhythm and form statements carry 0 and are facts."""
    del record
    said: Mapping[str, float] = json.loads(source)
    stated: set[str] = set()
    doubtful: set[str] = set()
    for statement, likelihood in said.items():
        code = _PTBXL_CODES.get(statement)
        if code is None:
            continue
        sure = statement in _PTBXL_FORM or likelihood >= SURE
        (stated if sure else doubtful).add(code)
    if "STTC" in listed:
        stated.add("STTC")
    doubtful |= {code for name, code in _PTBXL_NEAR.items() if name in said}
    normal = said.get("NORM", -1.0)
    if normal >= SURELY_NORMAL:
        stated.add("NORM")
    elif normal >= 0:
        doubtful.add("NORM")
    # Whether an ST elevation is an acute infarction PTB-XL does not say.
    found = targets_of(stated, [c for c in CODES if c not in ("STEMI", "STE")], doubtful - stated)
    return with_normal(found) if stated == {"NORM"} else found


def _ludb(record: str, source: str, listed: frozenset[str]) -> Targets:
    """Sentences; "incomplete" and "III degree" are read as what they say."""
    del record, listed
    text = source.split("<diagnoses>:")[-1]
    sentences = [one.strip(" .") for one in text.split(";") if one.strip(" .")]
    stated: set[str] = set()
    doubtful: set[str] = set()
    for sentence in sentences:
        for start, code in _LUDB_STARTS:
            if sentence.startswith(start):
                stated.add(code)
        if "pacing" in sentence:
            stated.add("PACE")
        if sentence.startswith(_LUDB_DOUBTS):
            doubtful |= {"MI", "STD", "STEMI"}
    # Every lead was scaled to 1 mV, so that LUDB cannot teach what is read from amplitudes.
    annotated = (*RHYTHMS, *CONDUCTION, "MI", "STEMI", "STTC")
    plain = all(one.startswith(_LUDB_NORMAL) for one in sentences)
    if "STEMI" in stated:
        doubtful.add("MI")
    if plain:
        return with_normal(targets_of({"NORM"}, (*annotated, "NORM")))
    return targets_of(stated, (*annotated, "NORM"), doubtful - stated)


def _cpsc2018(record: str, source: str, listed: frozenset[str]) -> Targets:
    """Nine classes; sinus rates and the rest are not annotated."""
    del record, source
    found = targets_of(listed, _CPSC)
    return with_normal(found) if listed == {"NORM"} else found


def _challenge(record: str, source: str, listed: frozenset[str]) -> Targets:
    """SNOMED CT codes of the PhysioNet/CinC Challenges; what is annotated depends on the source.

    A code outside our list denies "normal"; so does every finding.
    """
    if record.startswith("A"):
        return _cpsc2018(record, source, listed)
    codes = {one.strip() for one in source.split(",") if one.strip()}
    stated = {_SNOMED[one] for one in codes if one in _SNOMED}
    annotated = {*RHYTHMS, *CONDUCTION, "MI"} - {"PACE"}
    doubtful = {"STD"} if "55930002" in codes else set()
    if codes <= _SINUS_ONLY and "426783006" in codes:
        return with_normal(targets_of({"NORM"}, (*annotated, "NORM")))
    if codes <= {*_SINUS_ONLY, "426177001", "427084000"}:
        doubtful.add("NORM")
    return targets_of(stated, (*annotated, "NORM", "STD", "STTC"), doubtful - stated)


def _listed(record: str, source: str, listed: frozenset[str]) -> Targets:
    """Take the column ``labels`` as it stands, every code annotated."""
    del record, source
    return targets_of(listed, CODES)


def _unlabelled(record: str, source: str, listed: frozenset[str]) -> Targets:
    """Nothing that is taught here is annotated: the record teaches how tracings look."""
    del record, source, listed
    return targets_of((), ())


def with_normal(targets: Targets) -> Targets:
    """Return the targets of a record called normal: everything in `DENIED_BY_NORMAL` is denied."""
    out = targets.copy()
    places = [PLACE[code] for code in DENIED_BY_NORMAL]
    out[places] = np.where(np.isnan(out[places]), 0.0, out[places])
    return out


READERS: Final[Mapping[str, Reader]] = {
    "ptbxl": _ptbxl,
    "ludb": _ludb,
    "cpsc2018": _cpsc2018,
    "challenge": _challenge,
    "listed": _listed,
    "unlabelled": _unlabelled,
}

_CPSC: Final = ("NORM", "AF", "1dAVb", "LBBB", "RBBB", "PAC", "PVC", "STD", "STE")
_PTBXL_FORM: Final = frozenset(
    ("SBRAD", "STACH", "AFIB", "AFLT", "PAC", "PVC", "PACE", "STD_", "STE_", "BIGU", "TRIGU")
)
_PTBXL_CODES: Final = {
    "SBRAD": "SB",
    "STACH": "ST",
    "AFIB": "AF",
    "AFLT": "AFL",
    "PAC": "PAC",
    "PVC": "PVC",
    "BIGU": "PVC",
    "PACE": "PACE",
    "1AVB": "1dAVb",
    "3AVB": "3dAVb",
    "CRBBB": "RBBB",
    "CLBBB": "LBBB",
    "IRBBB": "IRBBB",
    "LAFB": "LAFB",
    "LVH": "LVH",
    "STD_": "STD",
    **dict.fromkeys(("IMI", "ASMI", "AMI", "ALMI", "LMI", "ILMI", "IPMI", "IPLMI", "PMI"), "MI"),
}
_PTBXL_NEAR: Final = {
    "LPR": "1dAVb",
    "VCLVH": "LVH",
    "HVOLT": "LVH",
    "SEHYP": "LVH",
    "ILBBB": "LBBB",
    "SVTAC": "ST",
    "ABQRS": "MI",
    "QWAVE": "MI",
    "ANEUR": "MI",
}
"""Statements that are near a code: what they leave open is not taught."""
_LUDB_STARTS: Final = (
    ("Rhythm: Sinus bradycardia", "SB"),
    ("Rhythm: Sinus tachycardia", "ST"),
    ("Rhythm: Atrial fibrillation", "AF"),
    ("Rhythm: Atrial flutter", "AFL"),
    ("Atrial extrasystole", "PAC"),
    ("Ventricular extrasystole", "PVC"),
    ("I degree AV block", "1dAVb"),
    ("III degree AV-block", "3dAVb"),
    ("Complete right bundle", "RBBB"),
    ("Complete left bundle", "LBBB"),
    ("Incomplete right bundle", "IRBBB"),
    ("Left anterior hemiblock", "LAFB"),
    ("STEMI", "STEMI"),
    ("Scar formation", "MI"),
    ("Ischemia", "STTC"),
    ("Non-specific repolarization", "STTC"),
    ("Undefined ischemia", "STTC"),
)
_LUDB_DOUBTS: Final = ("Undefined ischemia", "Ischemia")
_LUDB_NORMAL: Final = (
    "Rhythm: Sinus rhythm",
    "Rhythm: Sinus arrhythmia",
    "Rhythm: Irregular sinus rhythm",
    "Electric axis of the heart: normal",
    "Electric axis of the heart: vertical",
    "Electric axis of the heart: horizontal",
)
_SINUS_ONLY: Final = frozenset(("426783006", "427393009"))
"""Sinus rhythm and sinus arrhythmia."""
_SNOMED: Final = {
    "426177001": "SB",
    "427084000": "ST",
    "164889003": "AF",
    "164890007": "AFL",
    "284470004": "PAC",
    "63593006": "PAC",
    "427172004": "PVC",
    "17338001": "PVC",
    "164884008": "PVC",
    "270492004": "1dAVb",
    "59118001": "RBBB",
    "713427006": "RBBB",
    "164909002": "LBBB",
    "733534002": "LBBB",
    "713426002": "IRBBB",
    "445118002": "LAFB",
    "164873001": "LVH",
    "164865005": "MI",
    "164931005": "STE",
    "429622005": "STD",
    "428750005": "STTC",
    "164934002": "STTC",
    "59931005": "STTC",
}
"""As applied by the Challenges (github.com/physionetchallenges/evaluation-2021, from memory)."""
