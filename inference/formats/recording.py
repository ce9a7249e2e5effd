"""What every reader of this room returns, and the limits that all of them keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from numpy.typing import NDArray

from inference.core.ecg import Ecg, ecg_of, lead_name
from inference.core.owner import NOBODY, Owner
from inference.errors import EcgUnreadable

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MOST_BYTES: Final = 40_000_000
"""Larger files are not opened: 12 leads of an hour at 500 Hz are 43 million bytes, and no ECG of
ten seconds that we met has more than half a million."""
MOST_SAMPLES: Final = 3_600 * 1_000
"""Of one lead: an hour at 1000 Hz."""
LEAST_RATE_HZ: Final = 20.0
MOST_RATE_HZ: Final = 40_000.0


@dataclass(frozen=True, slots=True)
class EcgRecording:
    """A recording read from a file.

    ``format`` names what the file was; ``recorded_at`` is its time as written there
    (``20021122091000``), None where it says none; ``owner`` is what it says of its patient, to be
    compared with the chart before anything is read.
    """

    ecg: Ecg
    format: str
    recorded_at: str | None = None
    owner: Owner = NOBODY


def recording(
    leads_mv: Mapping[str, NDArray[np.floating[Any]]],
    rate_hz: float,
    format_name: str,
    recorded_at: str | None = None,
    owner: Owner = NOBODY,
) -> EcgRecording:
    """Return a recording from leads by name, once its numbers are such as an ECG can have.

    Raises
    ------
    EcgUnreadable
        No lead has a known name, or rate or length are beyond what is opened.
    """
    known = {name: values for name, values in leads_mv.items() if lead_name(name) is not None}
    if not known:
        raise EcgUnreadable("none of its signals is one of the twelve leads")
    if not LEAST_RATE_HZ <= rate_hz <= MOST_RATE_HZ:
        raise EcgUnreadable("its sampling rate is none that an ECG has")
    if not 0 < max(len(values) for values in known.values()) <= MOST_SAMPLES:
        raise EcgUnreadable("it holds no samples, or more than an hour of them")
    return EcgRecording(ecg_of(known, rate_hz), format_name, recorded_at, owner)


def checked_size(data: bytes) -> bytes:
    """Return the bytes, unless there are more than are opened."""
    if len(data) > MOST_BYTES:
        raise EcgUnreadable(f"it is larger than the {MOST_BYTES // 10**6} MB that are opened")
    if not data:
        raise EcgUnreadable("it is empty")
    return data


def xml_root(data: bytes) -> Element:
    """Return the root element; entities of the file's own, inside or outside it, are refused.

    A document type alone is not: GE MUSE names one, and it is never fetched.
    Namespaces are dropped from the names, because the formats are told apart by other means.
    """
    try:
        root: Element = fromstring(
            data, forbid_dtd=False, forbid_entities=True, forbid_external=True
        )
    except DefusedXmlException:
        raise EcgUnreadable("its XML declares entities of its own") from None
    except (SyntaxError, ValueError, LookupError):
        raise EcgUnreadable("it is no well-formed XML") from None
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    return root
