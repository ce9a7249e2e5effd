"""HL7 annotated ECG (aECG, urn:hl7-org:v3): series of digits with origin, scale and increment.

The rhythm is the first series; a derived series (a median beat) hangs below it and is not read.
Of several sequence sets of one series the longest counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from inference.core.ecg import lead_name
from inference.core.owner import Owner, birth_date_of, identifier_digest
from inference.errors import EcgUnreadable
from inference.formats.recording import EcgRecording, recording, xml_root

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MILLIVOLT: Final = {"uV": 1e-3, "mV": 1.0, "V": 1e3, "nV": 1e-6}
_SECONDS: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6}


def read_aecg(data: bytes) -> EcgRecording:
    """Return the rhythm of an annotated ECG.

    Raises
    ------
    EcgUnreadable
        It is no annotated ECG, or its numbers are not as the standard has them.
    """
    root = xml_root(data)
    if root.tag != "AnnotatedECG":
        raise EcgUnreadable("it is no annotated ECG")
    series = next(root.iter("series"), None)
    sets = [] if series is None else [s for part in series.findall("component")
                                      for s in part.findall("sequenceSet")]  # fmt: skip
    read = [one for one in map(_sequence_set, sets) if one is not None]
    if not read:
        raise EcgUnreadable("it holds no series of samples")
    leads, rate = max(read, key=lambda one: max(map(len, one[0].values())))
    times = root.find("effectiveTime")
    taken = (
        None if times is None else next((e.get("value") for e in times if e.get("value")), None)
    )
    return recording(leads, rate, "HL7 aECG", taken, _owner(root))


def _sequence_set(group: Element) -> tuple[dict[str, np.ndarray], float] | None:
    leads: dict[str, np.ndarray] = {}
    rate: float | None = None
    for sequence in group.iter("sequence"):
        code, value = sequence.find("code"), sequence.find("value")
        if code is None or value is None:
            continue
        name = lead_name(code.get("code", ""))
        if (increment := value.find("increment")) is not None:
            seconds = _number(increment.get("value")) * _unit(increment, _SECONDS)
            if not seconds > 0:
                raise EcgUnreadable("its time does not go on")
            rate = 1.0 / seconds
        elif name is not None:
            leads[name] = _millivolt(value)
    return (leads, rate) if leads and rate is not None else None


def _millivolt(value: Element) -> np.ndarray:
    origin, scale, digits = (value.find(name) for name in ("origin", "scale", "digits"))
    if scale is None or digits is None:
        raise EcgUnreadable("a lead has no scale or no digits")
    try:
        counts = np.array((digits.text or "").split(), dtype=np.float64)
    except ValueError:
        raise EcgUnreadable("a lead holds something else than numbers") from None
    volts = counts * _number(scale.get("value")) * _unit(scale, _MILLIVOLT)
    if origin is not None:
        volts = volts + _number(origin.get("value")) * _unit(origin, _MILLIVOLT)
    return volts


def _number(text: str | None) -> float:
    try:
        number = float(text or "")
    except ValueError:
        number = float("nan")
    if not np.isfinite(number):
        raise EcgUnreadable("a scale or an increment is no number")
    return number


def _unit(element: Element, known: dict[str, float]) -> float:
    unit = element.get("unit", "")
    if unit not in known:
        raise EcgUnreadable("a unit is none of the standard's")
    return known[unit]


def _owner(root: Element) -> Owner:
    subject = next(root.iter("trialSubject"), None)
    if subject is None:
        return Owner()
    identifier = subject.find("id")
    extension = (identifier.get("extension") or "").strip() if identifier is not None else ""
    birth = next(subject.iter("birthTime"), None)
    gender = next(subject.iter("administrativeGenderCode"), None)
    sex = {"F": "female", "M": "male"}.get(gender.get("code", "") if gender is not None else "")
    return Owner(
        identifiers=frozenset({identifier_digest(extension)} if extension else ()),
        birth_date=birth_date_of((birth.get("value") or "")[:8]) if birth is not None else None,
        sex=sex,  # type: ignore[arg-type]
    )
