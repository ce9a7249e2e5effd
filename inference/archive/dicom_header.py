"""From a DICOM data set to the values of `inference.core.radiograph`. Translation only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pydicom
from pydicom.multival import MultiValue

from inference.core.radiograph import GreyScale, LookUpTable, RadiographHeader, Window
from inference.errors import RadiographUnreadable

_CHEST_CODES: Final = frozenset({"51185008", "816094009", "T-D3000"})
"""Thorax and chest in SNOMED CT and in SNOMED RT (PS3.16, CID 4031 and its former codes)."""
_VIEW_CODES: Final = {
    "399348003": "AP",
    "R-10206": "AP",
    "272479007": "PA",
    "R-40888": "PA",
    "399067008": "LATERAL",
    "R-102CD": "LATERAL",
    "399173006": "LL",
    "R-10236": "LL",
    "399198007": "RL",
    "R-10232": "RL",
}
"""PS3.16, CID 4010, with the codes in SNOMED RT that pydicom maps to the same concepts."""
_MONOCHROME: Final = frozenset({"MONOCHROME1", "MONOCHROME2"})
_MOST_TABLE_ENTRIES: Final = 65_536
_FUNCTIONS: Final = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


def header_of(data: pydicom.Dataset) -> RadiographHeader:
    """Return what a data set says of its picture.

    Raises
    ------
    inference.errors.RadiographUnreadable
        A value that is needed to show the picture is not what the standard allows.
    """
    return RadiographHeader(
        sop_class_uid=str(data.get("SOPClassUID") or ""),
        modality=_code(data, "Modality"),
        body_part=_code(data, "BodyPartExamined") or _coded_chest(data),
        view_position=_code(data, "ViewPosition") or _coded_view(data),
        described=_described(data),
        orientation=_orientation(data),
        rows=_whole(data, "Rows"),
        columns=_whole(data, "Columns"),
        frames=_whole(data, "NumberOfFrames") or 1,
        samples=_whole(data, "SamplesPerPixel") or 1,
        photometric=_code(data, "PhotometricInterpretation"),
        spacing_mm=_spacing(data),
        grey_scale=_grey_scale(data),
    )


def _code(data: pydicom.Dataset, keyword: str) -> str:
    value = data.get(keyword)
    return "" if value is None else str(value).strip().upper()


def _whole(data: pydicom.Dataset, keyword: str) -> int:
    value = data.get(keyword)
    if value is None or value == "":
        return 0
    try:
        return int(value)
    except (TypeError, ValueError):
        raise RadiographUnreadable(f"its {keyword} is not one whole number") from None


def _number(value: Any, keyword: str) -> float:  # noqa: ANN401 - as pydicom gives it
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise RadiographUnreadable(f"its {keyword} is no number") from None
    if not np.isfinite(found):
        raise RadiographUnreadable(f"its {keyword} is no finite number")
    return found


def _described(data: pydicom.Dataset) -> str:
    keywords = ("StudyDescription", "SeriesDescription", "ProtocolName")
    return " ".join(str(data.get(keyword) or "") for keyword in keywords).lower()


def _coded(data: pydicom.Dataset, keyword: str) -> tuple[str, ...]:
    return tuple(str(each.get("CodeValue") or "") for each in data.get(keyword) or ())


def _coded_chest(data: pydicom.Dataset) -> str:
    codes = _coded(data, "AnatomicRegionSequence")
    if not codes:
        return ""
    return "CHEST" if _CHEST_CODES.intersection(codes) else "another one"


def _coded_view(data: pydicom.Dataset) -> str:
    codes = _coded(data, "ViewCodeSequence")
    return _VIEW_CODES.get(codes[0], "another one") if codes else ""


def _orientation(data: pydicom.Dataset) -> tuple[str, str] | None:
    """PS3.3, section C.7.6.1.1.1; None where it is not stated, or stated unclearly."""
    value = data.get("PatientOrientation")
    if not isinstance(value, MultiValue | list | tuple) or len(value) != 2:
        return None
    rows, columns = (str(each).strip().upper() for each in value)
    axes = {"L": "x", "R": "x", "H": "y", "F": "y", "A": "z", "P": "z"}
    one, other = axes.get(rows[:1]), axes.get(columns[:1])
    return (rows, columns) if one and other and one != other else None


def _spacing(data: pydicom.Dataset) -> tuple[float, float] | None:
    for keyword in ("ImagerPixelSpacing", "PixelSpacing"):
        value = data.get(keyword)
        if isinstance(value, MultiValue | list | tuple) and len(value) == 2:
            rows, columns = (_number(each, keyword) for each in value)
            # Zeros are what some archives write where they do not know.
            if rows > 0 and columns > 0:
                return rows, columns
    return None


def _grey_scale(data: pydicom.Dataset) -> GreyScale | None:
    photometric = _code(data, "PhotometricInterpretation")
    if photometric not in _MONOCHROME:
        return None
    bits = _whole(data, "BitsStored")
    signed = _whole(data, "PixelRepresentation") == 1
    if not 1 < bits <= 16:
        return None
    if _whole(data, "HighBit") != bits - 1:
        raise RadiographUnreadable("its stored bits are not the lowest ones")
    slope = data.get("RescaleSlope")
    return GreyScale(
        bits_stored=bits,
        signed=signed,
        slope=_number(slope, "RescaleSlope") if slope is not None else 1.0,
        intercept=_number(data.get("RescaleIntercept") or 0.0, "RescaleIntercept"),
        modality_table=_table(data, "ModalityLUTSequence", signed=signed),
        voi_table=_table(data, "VOILUTSequence", signed=signed),
        window=_window(data),
        inverted=photometric == "MONOCHROME1" or _code(data, "PresentationLUTShape") == "INVERSE",
        padding=_padding(data),
    )


def _table(data: pydicom.Dataset, keyword: str, *, signed: bool) -> LookUpTable | None:
    """PS3.3, section C.11.1.1.1: 0 entries mean 65,536; the first value may be signed."""
    sequence = data.get(keyword)
    if not sequence:
        return None
    descriptor = sequence[0].get("LUTDescriptor")
    values = sequence[0].get("LUTData")
    if not isinstance(descriptor, Sequence) or len(descriptor) != 3 or values is None:
        raise RadiographUnreadable(f"its {keyword} has no descriptor or no data")
    entries, first, bits = (int(each) for each in descriptor)
    entries = entries & 0xFFFF or _MOST_TABLE_ENTRIES
    if signed and first >= 0x8000:
        first -= 0x10000
    found = _entries(values, entries, bits)
    if not 8 <= bits <= 16 or len(found) < entries:
        raise RadiographUnreadable(f"its {keyword} is shorter than its descriptor says")
    return LookUpTable(first, bits, found[:entries])


def _entries(values: Any, entries: int, bits: int) -> np.ndarray[Any, np.dtype[np.uint16]]:  # noqa: ANN401
    """Return the entries, which are words, or bytes two to a word (value representation OW)."""
    if isinstance(values, bytes):
        eight = bits == 8 and len(values) < 2 * entries
        return np.frombuffer(values, np.uint8 if eight else "<u2").astype(np.uint16)
    found = np.atleast_1d(np.asarray(values, dtype=np.int64)).astype(np.uint16)
    if bits == 8 and len(found) < entries:
        return found.astype("<u2").view(np.uint8).astype(np.uint16)
    return found


def _window(data: pydicom.Dataset) -> Window | None:
    """Return the first window: more than one are alternatives, the first the preferred."""
    centre, width = _first(data.get("WindowCenter")), _first(data.get("WindowWidth"))
    if centre is None or width is None:
        return None
    function = _code(data, "VOILUTFunction") or "LINEAR"
    if function not in _FUNCTIONS:
        raise RadiographUnreadable("its VOILUTFunction is not one of the standard")
    wide = _number(width, "WindowWidth")
    if wide < 1.0 if function == "LINEAR" else wide <= 0.0:
        raise RadiographUnreadable("its window has no width")
    return Window(_number(centre, "WindowCenter"), wide, function)  # type: ignore[arg-type]


def _first(value: Any) -> Any:  # noqa: ANN401 - as pydicom gives it
    if isinstance(value, MultiValue | list | tuple):
        return value[0] if len(value) else None
    return None if value == "" else value


def _padding(data: pydicom.Dataset) -> tuple[int, int] | None:
    value = data.get("PixelPaddingValue")
    if value is None or value == "":
        return None
    limit = data.get("PixelPaddingRangeLimit")
    low = int(_number(value, "PixelPaddingValue"))
    high = low if limit in (None, "") else int(_number(limit, "PixelPaddingRangeLimit"))
    return low, high
