"""Which heart is generated next: its rhythm, its conduction, what ails it, and what to call it.

Rule of the file: a `Case` is the answer, decided before any wave is made; labels follow from it
and from the rate that came out, in the codes of the shared data. Drawn from the generator that is
passed in. How often a finding is drawn is chosen for learning, not for epidemiology.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

RHYTHMS: Final = (
    "sinus", "PAC", "PVC", "bigeminy", "AF", "AFL", "1dAVb", "2dAVb", "3dAVb", "PACE", "VT", "SVT",
)  # fmt: skip
CONDUCTIONS: Final = ("none", "RBBB", "LBBB", "IRBBB", "LAFB", "RBBB+LAFB")
TERRITORIES: Final = (
    "anterior", "anteroseptal", "anterolateral", "inferior", "inferolateral", "lateral",
    "posterior",
)  # fmt: skip
STATES: Final = (
    "none", "STEMI", "STD", "TInv", "flat T", "old MI", "pericarditis", "hyperkalaemia",
    "hypokalaemia", "early repolarisation",
)  # fmt: skip
CHAMBERS: Final = ("none", "LVH", "LVH strain", "RVH", "low voltage")

_RHYTHM_SHARES: Final = (
    0.46, 0.08, 0.08, 0.03, 0.12, 0.06, 0.06, 0.025, 0.02, 0.03, 0.015, 0.02,
)  # fmt: skip
_CONDUCTION_SHARES: Final = (0.62, 0.11, 0.08, 0.07, 0.08, 0.04)
_STATE_SHARES: Final = (0.5, 0.14, 0.08, 0.07, 0.04, 0.08, 0.015, 0.015, 0.015, 0.045)
_CHAMBER_SHARES: Final = (0.78, 0.07, 0.08, 0.03, 0.04)
_PLAIN: Final = {"rhythm": "sinus", "conduction": "none", "state": "none", "chamber": "none"}
_ALONE_SHARE: Final = 0.6
"""How often what was not asked for is left out, each kind of finding on its own."""
_SHOWN_AMOUNT: Final = 0.25
"""From here on a reader would see it."""
_SHOWN_BY_AMOUNT: Final = frozenset({"STEMI", "STD", "TInv", "MI", "LVH"})
_PLAIN_SHARE: Final = 0.25
"""So many cases are hearts without any finding but perhaps their rate."""


@dataclass(frozen=True, slots=True)
class Case:
    """One heart. ``rate_per_minute`` is the sinus rate, or the mean ventricular rate without one.

    ``amount`` in 0..1 is how much of the ``state`` shows, from barely to grossly.
    """

    rhythm: str = "sinus"
    conduction: str = "none"
    state: str = "none"
    territory: str = "anterior"
    chamber: str = "none"
    rate_per_minute: float = 75.0
    amount: float = 0.5


WANTED: Final = {
    "NORM": {},
    "SB": {},
    "ST": {},
    **{code: {"rhythm": code} for code in RHYTHMS if code not in ("sinus", "bigeminy")},
    **{code: {"conduction": code} for code in ("RBBB", "LBBB", "IRBBB", "LAFB")},
    "LVH": {"chamber": "LVH"},
    "RVH": {"chamber": "RVH"},
    "MI": {"state": "old MI"},
    "STEMI": {"state": "STEMI"},
    "STD": {"state": "STD"},
    "TInv": {"state": "TInv"},
}
"""Codes that can be asked for, and what of a case they fix."""


def draw_case(rng: np.random.Generator, wanted: str | None = None) -> Case:
    """Return a case; with ``wanted``, one of `WANTED`, a case that has this finding."""
    if wanted in ("NORM", "SB", "ST") or (wanted is None and rng.random() < _PLAIN_SHARE):
        state = "early repolarisation" if rng.random() < 0.06 else "none"
        case = Case(state=state, amount=float(rng.random()))
    else:
        case = Case(
            rhythm=str(rng.choice(RHYTHMS, p=_RHYTHM_SHARES)),
            conduction=str(rng.choice(CONDUCTIONS, p=_CONDUCTION_SHARES)),
            state=str(rng.choice(STATES, p=_STATE_SHARES)),
            territory=str(rng.choice(TERRITORIES)),
            chamber=str(rng.choice(CHAMBERS, p=_CHAMBER_SHARES)),
            amount=float(rng.beta(1.6, 1.6)),
        )
    if wanted is not None:
        alone = {name: plain for name, plain in _PLAIN.items() if rng.random() < _ALONE_SHARE}
        findings: dict[str, Any] = {**alone, **WANTED[wanted]}
        case = replace(case, **findings)
    if wanted == "LVH" and rng.random() < 0.5:
        case = replace(case, chamber="LVH strain")
    if wanted in _SHOWN_BY_AMOUNT:
        case = replace(case, amount=max(case.amount, _SHOWN_AMOUNT + 0.01))
    return replace(_plausible(case, wanted), rate_per_minute=_rate(case, wanted, rng))


def _plausible(case: Case, wanted: str | None) -> Case:
    """Take back what does not show together or would not be called so."""
    if wanted in ("STEMI", "STD", "TInv", "MI") and case.conduction == "LBBB":
        case = replace(case, conduction="none")
    if wanted in ("STEMI", "STD", "TInv", "MI", "LVH") and case.rhythm in ("VT", "PACE"):
        case = replace(case, rhythm="sinus")
    if wanted in ("RBBB", "LBBB", "IRBBB", "LAFB", "RVH") and case.rhythm in ("VT", "PACE"):
        case = replace(case, rhythm="sinus")
    if wanted == "LVH" and case.conduction == "LBBB":
        case = replace(case, conduction="none")
    if case.rhythm in ("VT", "PACE"):
        return replace(case, conduction="none", state="none", chamber="none")
    if case.conduction == "LBBB" and case.chamber in ("RVH", "LVH strain"):
        case = replace(case, chamber="none")
    if case.conduction == "LBBB" and (case.state != "STEMI" or case.amount < 0.3):
        case = replace(case, state="none")
    if case.chamber == "low voltage" and case.state == "early repolarisation":
        case = replace(case, state="none")
    return case


def _rate(case: Case, wanted: str | None, rng: np.random.Generator) -> float:
    low, high = {
        "AF": (45, 170),
        "AFL": (60, 155),
        "2dAVb": (50, 100),
        "3dAVb": (26, 52),
        "PACE": (58, 95),
        "VT": (130, 220),
        "SVT": (150, 215),
        "1dAVb": (45, 100),
        "PVC": (50, 105),
        "bigeminy": (55, 95),
        "PAC": (50, 105),
    }.get(case.rhythm, (38, 150))
    if wanted == "NORM":
        return float(np.clip(rng.normal(71, 9), 63.0, 97))
    if wanted == "SB":
        low, high = 34, 59
    if wanted == "ST":
        low, high = 101, 165
    if case.rhythm == "sinus" and wanted is None:
        middle = float(np.clip(rng.normal(74, 12), 45, 112))
        return middle if rng.random() < 0.6 else float(rng.uniform(low, high))
    return float(rng.uniform(low, high))


def labels_of(case: Case, shown_rate: float) -> tuple[frozenset[str], frozenset[str]]:
    """Return what the case is called, and what a reader might or might not call it.

    ``shown_rate`` is the mean ventricular rate of the recording per minute. A finding too small to
    be told from its absence is in doubt rather than stated.
    """
    stated: set[str] = set()
    doubtful: set[str] = set()
    _rhythm_labels(case, shown_rate, stated, doubtful)
    stated |= {one for one in case.conduction.split("+") if one != "none"}
    _state_labels(case, stated, doubtful)
    if case.chamber.startswith("LVH"):
        (stated if case.chamber == "LVH strain" or case.amount > _SHOWN_AMOUNT else doubtful).add(
            "LVH"
        )
        doubtful |= {"STTC"} if case.chamber == "LVH strain" else set()
    if case.chamber == "RVH":
        stated.add("RVH")
    if case.chamber == "low voltage":
        doubtful.add("NORM")
    if case.conduction in ("LBBB", "RBBB", "RBBB+LAFB"):
        doubtful |= {"STTC", "STD", "MI"}
    if case.conduction == "LBBB":  # whose own ST segments hide an infarction
        doubtful |= stated & {"STEMI", "STE"}
        stated -= {"STEMI", "STE"}
    plain = not stated and case.chamber == "none"
    if plain and case.rhythm == "sinus" and case.state in ("none", "early repolarisation"):
        (doubtful if "SB" in doubtful or "ST" in doubtful else stated).add("NORM")
    return frozenset(stated), frozenset(doubtful - stated)


def _rhythm_labels(case: Case, rate: float, stated: set[str], doubtful: set[str]) -> None:
    if case.rhythm == "bigeminy":
        stated.add("PVC")
    elif case.rhythm != "sinus":
        stated.add(case.rhythm)
    if case.rhythm in ("sinus", "1dAVb"):
        for code, over in (("SB", 60.0 - rate), ("ST", rate - 100.0)):
            if over > 1.5:
                stated.add(code)
            elif over > -1.5:
                doubtful.add(code)
    doubtful |= _RHYTHM_DOUBTS.get(case.rhythm, frozenset())


_RHYTHM_DOUBTS: Final = {
    "PAC": frozenset({"SB", "ST"}),
    "PVC": frozenset({"SB", "ST"}),
    "bigeminy": frozenset({"SB", "ST"}),
    "2dAVb": frozenset({"SB", "ST", "1dAVb"}),
    "VT": frozenset({"PVC", "LBBB", "RBBB", "STTC", "LAFB"}),
    "PACE": frozenset({"LBBB", "AF", "3dAVb", "STTC", "SB", "MI", "LAFB"}),
}


def _state_labels(case: Case, stated: set[str], doubtful: set[str]) -> None:
    sure = case.amount > _SHOWN_AMOUNT
    if case.state == "STEMI":
        (stated if sure else doubtful).add("STEMI")
        (stated if sure and case.territory != "posterior" else doubtful).add("STE")
        doubtful |= {"MI", "STD", "STTC"}
    elif case.state == "STD":
        (stated if sure else doubtful).update({"STD", "STTC"})
    elif case.state == "TInv":
        (stated if sure else doubtful).update({"TInv", "STTC"})
    elif case.state == "flat T":
        (stated if sure else doubtful).add("STTC")
    elif case.state == "old MI":
        (stated if sure else doubtful).add("MI")
        doubtful.add("STTC")
    elif case.state in ("pericarditis", "hyperkalaemia", "hypokalaemia"):
        stated.add(case.state)
        doubtful |= {"STTC", "STE", "STD", "NORM"}
    elif case.state == "early repolarisation":
        doubtful.add("STE")
    if not sure and case.state not in ("none", "early repolarisation"):
        doubtful.add("NORM")
