"""Bytes of which only the content tells what they are: an ECG's recording, or pages with one.

A name's ending is never trusted: a renamed file is read as what it is.
"""

from __future__ import annotations

from typing import Final

from inference.core.owner import NOBODY, Owner
from inference.errors import EcgUnreadable
from inference.formats.aecg import read_aecg
from inference.formats.dicom_ecg import owner_in_dicom, read_dicom
from inference.formats.muse_xml import read_muse
from inference.formats.pages import Pixels, is_pdf, is_picture, pages_of
from inference.formats.philips_xml import read_philips
from inference.formats.recording import EcgRecording, checked_size, xml_root
from inference.formats.schiller_xml import ROOT as SCHILLER
from inference.formats.schiller_xml import read_schiller
from inference.formats.scp import is_scp, read_scp

_BY_ROOT: Final = {
    "AnnotatedECG": read_aecg,
    "restingecgdata": read_philips,
    "RestingECG": read_muse,
    SCHILLER: read_schiller,
}
_XML_STARTS: Final = (b"<", b"\xef\xbb\xbf<", b"\xff\xfe<", b"\xfe\xff\0<")


def read_ecg(data: bytes) -> EcgRecording | tuple[Pixels, ...]:
    """Return the recording in a file, or its pages where it is a picture or a document.

    Raises
    ------
    EcgUnreadable
        It is none of the formats, or is broken.
    """
    checked_size(data)
    if data[128:132] == b"DICM":
        return read_dicom(data)
    if is_picture(data) or is_pdf(data):
        return pages_of(data)
    if data.lstrip()[:4].startswith(_XML_STARTS):
        read = _BY_ROOT.get(str(xml_root(data).tag))
        if read is None:
            raise EcgUnreadable("its XML is none of the ECG formats that are read")
        return read(data)
    if is_scp(data):
        return read_scp(data)
    raise EcgUnreadable("it is none of the formats that are read")


def owner_in(data: bytes) -> Owner:
    """Return what a file says of its patient, also where it holds pages; errors as above.

    `NOBODY` for a plain picture or a PDF, which say it at most in print.
    """
    if data[128:132] == b"DICM":
        return owner_in_dicom(checked_size(data))
    if is_picture(data) or is_pdf(data):
        return NOBODY
    found = read_ecg(data)
    return found.owner if isinstance(found, EcgRecording) else NOBODY
