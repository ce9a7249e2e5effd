"""GE MUSE RestingECG XML: the waveform marked Rhythm, little-endian 16-bit samples in Base64.

Only I, II and V1 to V6 are stored; the other limb leads are derived. No file of the maker was at
hand whose licence lets it be kept: this reader is held against files that the tests write after
the description, and that is as much as it proves.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

import numpy as np

from inference.core.owner import Owner, birth_date_of, identifier_digest
from inference.errors import EcgUnreadable
from inference.formats.recording import EcgRecording, recording, xml_root

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MILLIVOLT: Final = {"MICROVOLTS": 1e-3, "MILLIVOLTS": 1.0, "": 1e-3}


def read_muse(data: bytes) -> EcgRecording:
    """Return the rhythm of a MUSE file.

    Raises
    ------
    EcgUnreadable
        It is none, or its samples do not unpack.
    """
    root = xml_root(data)
    if root.tag != "RestingECG":
        raise EcgUnreadable("it is no MUSE resting ECG")
    rhythm = [wave for wave in root.iter("Waveform") if _text(wave, "WaveformType") == "Rhythm"]
    if not rhythm:
        raise EcgUnreadable("it holds no rhythm")
    try:
        rate = float(_text(rhythm[0], "SampleBase"))
        rate *= 10.0 ** float(_text(rhythm[0], "SampleExponent") or 0)
        leads = {_text(lead, "LeadID"): _millivolt(lead) for lead in rhythm[0].iter("LeadData")}
    except (ValueError, OverflowError, binascii.Error):
        raise EcgUnreadable("its samples do not unpack") from None
    return recording(leads, rate, "GE MUSE", _taken(root), _owner(root))


def _text(element: Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


def _millivolt(lead: Element) -> np.ndarray:
    packed = base64.b64decode("".join(_text(lead, "WaveFormData").split()), validate=True)
    unit = _text(lead, "LeadAmplitudeUnits").upper()
    if unit not in _MILLIVOLT:
        raise EcgUnreadable("a lead is not measured in volts")
    step = float(_text(lead, "LeadAmplitudeUnitsPerBit")) * _MILLIVOLT[unit]
    if not np.isfinite(step) or step <= 0:
        raise ValueError("no scale")
    return np.frombuffer(packed, dtype="<i2").astype(np.float64) * step


def _taken(root: Element) -> str | None:
    """Return the acquisition time; MUSE writes the date as month-day-year."""
    parts = (root.findtext("TestDemographics/AcquisitionDate") or "").strip().split("-")
    if len(parts) != 3:
        return None
    time = (root.findtext("TestDemographics/AcquisitionTime") or "").replace(":", "").strip()
    return f"{parts[2]}{parts[0]}{parts[1]}{time}"


def _owner(root: Element) -> Owner:
    identifier = (root.findtext("PatientDemographics/PatientID") or "").strip()
    birth = (root.findtext("PatientDemographics/DateofBirth") or "").strip().split("-")
    gender = (root.findtext("PatientDemographics/Gender") or "").strip().upper()
    return Owner(
        identifiers=frozenset({identifier_digest(identifier)} if identifier else ()),
        birth_date=birth_date_of("".join((birth[2], *birth[:2]))) if len(birth) == 3 else None,
        sex={"MALE": "male", "FEMALE": "female"}.get(gender),  # type: ignore[arg-type]
    )
