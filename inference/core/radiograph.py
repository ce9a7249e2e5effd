"""Chest radiographs: what a header says of a picture, and why a picture is not read. Pure.

A radiograph is read only if its header says that it is one picture, of the chest, from the front
or the back. What a header does not say is not guessed from the picture.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
"""``[row, column]``; 0 is black. Air, and so a lung, is dark."""

View = Literal["PA", "AP"]

SMALLEST_SIDE_PX: Final = 256
"""Below, costophrenic angles and small opacities are gone; ours."""

COMPUTED: Final = "1.2.840.10008.5.1.4.1.1.1"
DIGITAL: Final = "1.2.840.10008.5.1.4.1.1.1.1"
RAW: Final = "1.2.840.10008.5.1.4.1.1.1.1.1"
SECONDARY_CAPTURE: Final = "1.2.840.10008.5.1.4.1.1.7"
"""SOP classes, PS3.4, table B.5-1. Digital X-ray exists for presentation and, raw, for processing;
teaching files and exports wrap radiographs as secondary capture."""

_MODALITIES: Final = frozenset({"CR", "DX", "RG"})
_CHEST: Final = frozenset({"CHEST", "THORAX", "LUNG", "LUNGS"})
_FRONTAL: Final[dict[str, View]] = {"PA": "PA", "AP": "AP"}
_SHOWABLE: Final = re.compile(r"[A-Z0-9 _/-]{1,16}")
_WORDS: Final = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class LookUpTable:
    """PS3.3, section C.11.1.1: ``values[0]`` is for ``first`` and everything below it."""

    first: int
    bits: int
    values: NDArray[np.uint16] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Window:
    """PS3.3, section C.11.2.1.2; in units after the modality transformation."""

    centre: float
    width: float
    function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"] = "LINEAR"


@dataclass(frozen=True, slots=True)
class GreyScale:
    """How stored values become grey: PS3.4, section N.2. None is what the header does not say."""

    bits_stored: int
    signed: bool
    slope: float = 1.0
    intercept: float = 0.0
    modality_table: LookUpTable | None = None
    voi_table: LookUpTable | None = None
    window: Window | None = None
    inverted: bool = False
    """MONOCHROME1, or a presentation look-up table of the shape INVERSE."""
    padding: tuple[int, int] | None = None
    """Stored values, from and to, that are no part of the picture."""


@dataclass(frozen=True, slots=True)
class RadiographHeader:
    """What a DICOM header says of a picture; empty or None where it says nothing.

    Attributes
    ----------
    described
        Study, series and protocol description in lower case; words are looked for in it, and it is
        never shown.
    orientation
        Patient orientation (0020,0020) of rows and of columns: ``("L", "F")`` as frontal
        radiographs are looked at.
    spacing_mm
        Distance of rows and of columns, at the detector where the header gives it there.
    """

    sop_class_uid: str
    modality: str
    body_part: str
    view_position: str
    described: str
    orientation: tuple[str, str] | None
    rows: int
    columns: int
    frames: int
    samples: int
    photometric: str
    spacing_mm: tuple[float, float] | None
    grey_scale: GreyScale | None


@dataclass(frozen=True, slots=True)
class Radiograph:
    """A frontal chest radiograph as it is looked at: upright, the patient's right on the left.

    Attributes
    ----------
    spacing_mm
        Of the rows and columns of ``grey``; None where the header gives none.
    of_whole
        Side of a pixel of ``grey`` in pixels of the stored picture: 2 if decoded at half its size.
    """

    grey: Grey = field(repr=False)
    view: View | None
    spacing_mm: tuple[float, float] | None
    of_whole: int = 1


def why_not_read(header: RadiographHeader) -> str | None:
    """Return in a clause why this is no frontal chest radiograph, or None where it is one."""
    return _not_one_grey_picture(header) or _not_chest(header) or _not_frontal(header)


def _not_one_grey_picture(header: RadiographHeader) -> str | None:
    if header.sop_class_uid == RAW:
        return "it is raw detector data, stored for processing and not for reading"
    if header.modality not in _MODALITIES:
        return f"its modality is {shown(header.modality)}, not that of a radiograph"
    if header.sop_class_uid not in (COMPUTED, DIGITAL, SECONDARY_CAPTURE):
        return "it is stored as another kind of object than a radiograph"
    if header.rows == 0 or header.columns == 0:
        return "it holds no picture"
    if header.frames != 1:
        return f"it holds {header.frames} pictures, not one"
    if header.samples != 1 or header.grey_scale is None:
        return f"it is in colour ({shown(header.photometric)})"
    if min(header.rows, header.columns) < SMALLEST_SIDE_PX:
        return f"it is only {header.columns} x {header.rows} pixels"
    return None


def _not_chest(header: RadiographHeader) -> str | None:
    if header.body_part:
        if _CHEST.isdisjoint(header.body_part.split()):
            return f"its body part is {shown(header.body_part)}, not the chest"
        return None
    if _CHEST.isdisjoint(word.upper() for word in _WORDS.findall(header.described)):
        return "its header does not say that it shows the chest"
    return None


def _not_frontal(header: RadiographHeader) -> str | None:
    if header.view_position and header.view_position not in _FRONTAL:
        return f"its view is {shown(header.view_position)}, not from the front or back"
    if header.orientation is not None and not {"L", "R"} & {
        axis[:1] for axis in header.orientation
    }:
        return "it is a lateral view, by the patient orientation of its header"
    if view_of(header) is None and header.orientation is None:
        return "its header does not say from where it was taken"
    return None


def view_of(header: RadiographHeader) -> View | None:
    """Return the view that a header states, in its view position or else in its descriptions."""
    if header.view_position:
        return _FRONTAL.get(header.view_position)
    said = {word for word in _WORDS.findall(header.described) if word in ("pa", "ap")}
    return _FRONTAL[said.pop().upper()] if len(said) == 1 else None


def shown(code: str) -> str:
    """Return a code of a header if it can be shown, and says nothing but itself."""
    if not code:
        return "not stated"
    return code if _SHOWABLE.fullmatch(code) else "not one that is known"


def upright(grey: Grey, orientation: tuple[str, str] | None) -> Grey:
    """Return the picture as it is looked at, by the patient orientation of its rows and columns.

    Without an orientation the picture stays as it is.
    """
    if orientation is None:
        return grey
    along_rows, along_columns = (axis[:1] for axis in orientation)
    if along_rows in ("H", "F"):
        grey, along_rows, along_columns = grey.T, along_columns, along_rows
    if along_rows == "R":
        grey = grey[:, ::-1]
    if along_columns == "H":
        grey = grey[::-1]
    return np.ascontiguousarray(grey)


def is_turned(orientation: tuple[str, str] | None) -> bool:
    """Return whether rows become columns when the picture is put upright."""
    return orientation is not None and orientation[0][:1] in ("H", "F")
