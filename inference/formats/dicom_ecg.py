"""DICOM waveforms: twelve-lead and general ECG (PS3.3, sections A.34.3 and C.10.9), by pydicom.

A file may hold several multiplex groups; a median beat comes beside the rhythm (Mortara), so the
group that lasts longest is taken. Sensitivity, its correction factor and baseline are pydicom's.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Final, TypeVar

import numpy as np
import pydicom

from inference.core.ecg import lead_name
from inference.core.owner import Owner, birth_date_of, identifier_digest
from inference.errors import EcgUnreadable
from inference.formats.dicom_pages import is_shown, shown_pages
from inference.formats.pages import Pixels
from inference.formats.recording import EcgRecording, recording

_MILLIVOLT: Final = {"UV": 1e-3, "MV": 1.0, "V": 1e3, "NV": 1e-6}
"""UCUM units of Channel Sensitivity; "mV" is written with a small m, compared in capitals."""
_DEFLATED: Final = (b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.8.1")
_META_BYTES: Final = 2048
"""The transfer syntax stands in the meta information near the start (PS3.10, section 7.1)."""
_SEXES: Final = {"F": "female", "M": "male"}
_MOST_GROUPS: Final = 32
Found = TypeVar("Found")


def read_dicom(data: bytes) -> EcgRecording | tuple[Pixels, ...]:
    """Return the longest group of a DICOM waveform, or the pages that a DICOM file shows.

    Raises
    ------
    EcgUnreadable
        It is no DICOM file, holds neither a waveform with named leads nor pages, or is broken.
    """
    return _opened(data, lambda file: shown_pages(file) if is_shown(file) else _longest(file))


def owner_in_dicom(data: bytes) -> Owner:
    """Return what a DICOM file says of its patient, whatever it holds; errors as above."""
    return _opened(data, _owner)


def _opened(data: bytes, of: Callable[[pydicom.Dataset], Found]) -> Found:
    if any(uid in data[:_META_BYTES] for uid in _DEFLATED):
        raise EcgUnreadable("a deflated file, whose size cannot be known before it is opened")
    try:
        with warnings.catch_warnings():
            # pydicom warns of what breaks its rules and goes on; what it says may quote the file.
            warnings.simplefilter("ignore")
            return of(pydicom.dcmread(io.BytesIO(data)))
    except EcgUnreadable:
        raise
    except Exception:  # noqa: BLE001  pydicom and its decoders raise what the bytes lead them to
        raise EcgUnreadable("its DICOM is broken or cut off: send it again") from None


def _longest(file: pydicom.Dataset) -> EcgRecording:
    groups = list(file.get("WaveformSequence") or ())
    if not groups or len(groups) > _MOST_GROUPS:
        raise EcgUnreadable("it is a DICOM file without waveforms")
    longest = max(range(len(groups)), key=lambda index: _seconds(groups[index]))
    leads = _leads(groups[longest], file.waveform_array(longest))
    rate = float(groups[longest].SamplingFrequency)
    taken = str(file.get("AcquisitionDateTime") or file.get("StudyDate") or "") or None
    return recording(leads, rate, "DICOM", taken, _owner(file))


def _seconds(group: pydicom.Dataset) -> float:
    return float(group.NumberOfWaveformSamples) / float(group.SamplingFrequency)


def _leads(group: pydicom.Dataset, values: np.ndarray) -> dict[str, np.ndarray]:
    leads: dict[str, np.ndarray] = {}
    for channel, series in zip(group.ChannelDefinitionSequence, values.T, strict=True):
        source = channel.ChannelSourceSequence[0]
        name = _name(str(source.get("CodeValue", "")), str(source.get("CodeMeaning", "")))
        if name is None:
            continue
        factor = 1e-3
        units = channel.get("ChannelSensitivityUnitsSequence")
        if units:
            code = str(units[0].CodeValue).strip().upper()
            if code not in _MILLIVOLT:
                raise EcgUnreadable("a lead is not measured in volts")
            factor = _MILLIVOLT[code]
        leads[name] = series * factor
    return leads


_MDC: Final = {
    "2:1": "I", "2:2": "II", "2:3": "V1", "2:4": "V2", "2:5": "V3", "2:6": "V4", "2:7": "V5",
    "2:8": "V6", "2:61": "III", "2:62": "aVR", "2:63": "aVL", "2:64": "aVF",
    "5.6.3-9-1": "I", "5.6.3-9-2": "II", "5.6.3-9-61": "III", "5.6.3-9-62": "aVR",
    "5.6.3-9-63": "aVL", "5.6.3-9-64": "aVF",
    **{f"5.6.3-9-{k + 2}": f"V{k}" for k in range(1, 7)},
}  # fmt: skip
"""Codes of ECG leads: MDC part codes (PS3.16, CID 3001) and those of SCP-ECG."""


def _name(code: str, meaning: str) -> str | None:
    if code.strip() in _MDC:
        return _MDC[code.strip()]
    return lead_name(meaning.split("(")[0])


def _owner(file: pydicom.Dataset) -> Owner:
    """Return what the file says of its patient (PS3.3, section C.7.1.1); names are not read."""
    identifier = str(file.get("PatientID") or "").strip()
    sex = _SEXES.get(str(file.get("PatientSex") or "").strip())
    return Owner(
        identifiers=frozenset({identifier_digest(identifier)} if identifier else ()),
        birth_date=birth_date_of(str(file.get("PatientBirthDate") or "")),
        sex=sex,  # type: ignore[arg-type]
    )
