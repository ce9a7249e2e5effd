"""What a DICOM file says of itself, read without touching its pixels. No archive is known here.

A file from an archive is input like any other. The file meta information is read by hand up to the
transfer syntax, because a deflated file (292 KB can hold 300 MB) must be refused before a reader
inflates it; the identifiers are then read by pydicom.
"""

from __future__ import annotations

import io
import logging
import re
import struct
from typing import Final, Literal

import pydicom
import pydicom.config

from inference.core.owner import Owner, birth_date_of, identifier_digest
from inference.core.study import EncodedInstance
from inference.errors import ArchiveUnreadable

# pydicom would warn of a value that breaks its own rules, and quote the value in the log.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

_PREAMBLE: Final = 128
_UID: Final = re.compile(r"[0-9.]{1,64}")
_DEFLATED: Final = frozenset({"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.8.1"})
_TRANSFER_SYNTAX: Final = (0x0002, 0x0010)
_LONG_LENGTHS: Final = frozenset({b"OB", b"UN"})  # of the VRs that group 2 may hold
_TAGS: Final = (
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPInstanceUID",
    "SOPClassUID",
    "SeriesNumber",
    "InstanceNumber",
    "Modality",
    "PatientID",
    "OtherPatientIDsSequence",
    "PatientBirthDate",
    "PatientSex",
)
_SEXES: Final[dict[str, Literal["female", "male"]]] = {"F": "female", "M": "male"}


def identified(data: bytes) -> EncodedInstance:
    """Return a DICOM file with the identifiers it carries.

    Raises
    ------
    inference.errors.ArchiveUnreadable
        It is no DICOM file, is deflated, or lacks an identifier.
    """
    syntax = transfer_syntax(data)
    if syntax in _DEFLATED:
        raise ArchiveUnreadable("a deflated file, whose size cannot be known before it is opened")
    try:
        header = pydicom.dcmread(
            io.BytesIO(data), stop_before_pixels=True, specific_tags=list(_TAGS)
        )
        return EncodedInstance(
            study_instance_uid=_uid(header.StudyInstanceUID),
            series_instance_uid=_uid(header.SeriesInstanceUID),
            sop_instance_uid=_uid(header.SOPInstanceUID),
            sop_class_uid=_uid(header.SOPClassUID),
            transfer_syntax_uid=syntax,
            series_number=_number(header.get("SeriesNumber")),
            instance_number=_number(header.get("InstanceNumber")),
            data=data,
            modality=str(header.get("Modality") or "").strip().upper(),
            owner=_owner(header),
        )
    except Exception:  # noqa: BLE001  pydicom has no one error for bytes that are no file
        raise ArchiveUnreadable("a part is no DICOM file with its identifiers") from None


def _owner(header: pydicom.Dataset) -> Owner:
    """Return what a file says of its patient (PS3.3, section C.7.1.1); names are not read."""
    others = header.get("OtherPatientIDsSequence") or ()
    identifiers = [header.get("PatientID"), *(each.get("PatientID") for each in others)]
    return Owner(
        identifiers=frozenset(
            identifier_digest(str(each)) for each in identifiers if each and str(each).strip()
        ),
        birth_date=birth_date_of(str(header.get("PatientBirthDate") or "")),
        sex=_SEXES.get(str(header.get("PatientSex") or "").strip()),
    )


def transfer_syntax(data: bytes) -> str:
    """Return the transfer syntax of the file meta information (PS3.10, section 7.1).

    Raises
    ------
    inference.errors.ArchiveUnreadable
        It is no DICOM file, or does not say how it is encoded.
    """
    return _meta(data)[0]


def data_set_start(data: bytes) -> int:
    """Return where the file meta information ends and the data set begins; errors as above."""
    return _meta(data)[1]


def _meta(data: bytes) -> tuple[str, int]:
    if data[_PREAMBLE : _PREAMBLE + 4] != b"DICM":
        raise ArchiveUnreadable("a part is no DICOM file")
    at, syntax = _PREAMBLE + 4, None
    while at + 8 <= len(data):
        group, element, kind, length = struct.unpack_from("<HH2sH", data, at)
        if group != _TRANSFER_SYNTAX[0]:
            break
        start = at + 8
        if kind in _LONG_LENGTHS:
            if start + 4 > len(data):
                break
            (length,) = struct.unpack_from("<I", data, start)
            start += 4
        at = start + length
        if (group, element) == _TRANSFER_SYNTAX:
            syntax = data[start:at].rstrip(b"\0 ").decode("ascii", "replace")
    if syntax is None:
        raise ArchiveUnreadable("a file does not say how it is encoded")
    return syntax, at


def _uid(value: object) -> str:
    text = str(value)
    if _UID.fullmatch(text) is None:
        raise ValueError("it is no UID")
    return text


def _number(value: object) -> int:
    try:
        return int(str(value)) if value is not None else 0
    except ValueError:
        return 0
