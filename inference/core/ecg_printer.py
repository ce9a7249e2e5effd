"""ECG pages as a cardiograph prints them: grid, traces, lead names, calibration, header.

Rule of the file: one page from one `Ecg`, one `Layout` and one `PageStyle`; the same in, the same
pixels out. Styles are drawn at random by `inference.training.ecg_styles`; what a camera does to a
page, by `inference.training.ecg_camera`.

Traces are painted by `inference.core.ecg_ink`; the grid is blended by how much of
each pixel a line covers, once for each kind of page, and copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.core.ecg import LEADS, Ecg
from inference.core.ecg_ink import Line, Pixels, paint_curves
from inference.core.ecg_layout import (
    CANONICAL_MARGINS,
    CANONICAL_PX_PER_MM,
    PLAIN_MARGINS,
    Layout,
    Margins,
    PageGeometry,
    TracePlace,
    canonical_layout,
    geometry_of,
)

_PULSE_SECONDS: Final = 0.2
Colour = tuple[int, int, int]
"""Red, green, blue."""

_FACES: Final = {
    "plain": cv2.FONT_HERSHEY_SIMPLEX,
    "bold": cv2.FONT_HERSHEY_DUPLEX,
    "serif": cv2.FONT_HERSHEY_COMPLEX,
    "small": cv2.FONT_HERSHEY_PLAIN,
}
_FACE_HEIGHT_PX: Final = {"plain": 21, "bold": 21, "serif": 21, "small": 9}
"""Height of a capital at scale 1 (`cv2.getTextSize`)."""


@dataclass(frozen=True, slots=True)
class PageStyle:
    """How a page looks; widths in millimetre, so that every resolution shows the same page.

    ``minor`` and ``major`` are the colours of the 1 mm and 5 mm lines, None where there are none.
    ``pulse`` is where the 1 mV calibration stands. ``separator`` marks where one lead gives way to
    the next. ``header`` and ``footer`` are lines of text: none of a real patient.
    """

    px_per_mm: float = 5.0
    margins: Margins = PLAIN_MARGINS
    paper: Colour = (255, 255, 255)
    minor: Colour | None = (252, 216, 216)
    major: Colour | None = (240, 160, 160)
    dotted: bool = False
    ink: Colour = (0, 0, 0)
    ink_width_mm: float = 0.3
    text: Colour = (20, 20, 20)
    face: Literal["plain", "bold", "serif", "small"] = "plain"
    letters_mm: float = 2.6
    lead_names: bool = True
    names_above_mm: float = 5.0
    pulse: Literal["left", "none"] = "left"
    separator: Literal["none", "tick", "line"] = "none"
    frame: Colour | None = None
    header: tuple[str, ...] = ()
    footer: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """A printed page: ``pixels`` uint8 ``[height, width, 3]`` RGB and where everything stands.

    ``generated`` is the ECG's own mark.
    """

    pixels: Pixels
    geometry: PageGeometry
    generated: bool


def print_page(ecg: Ecg, layout: Layout, style: PageStyle) -> Page:
    """Return the ECG printed; what was not recorded leaves its place empty."""
    geometry = geometry_of(layout, style.margins, style.px_per_mm)
    pixels = _paper(geometry, style).copy()
    _draw_text(pixels, geometry, style)
    if style.pulse == "left":
        _draw_pulses(pixels, geometry, style)
    _draw_traces(pixels, ecg, geometry, style)
    return Page(pixels, geometry, ecg.generated)


def canonical_style(style: PageStyle) -> PageStyle:
    """Return the style as it looks on a canonical page: its scale, no header, no frame."""
    fields = {name: getattr(style, name) for name in PageStyle.__slots__}
    fields |= {"px_per_mm": CANONICAL_PX_PER_MM, "margins": CANONICAL_MARGINS}
    return PageStyle(**(fields | {"header": (), "footer": "", "frame": None}))


def print_canonical(ecg: Ecg, layout: Layout, style: PageStyle) -> Page:
    """Print straight to the canonical picture ``[320, 672, 3]``, rows evenly over its height."""
    return print_page(ecg, canonical_layout(layout), canonical_style(style))


def _paper(geometry: PageGeometry, style: PageStyle) -> Pixels:
    return _grid(
        geometry.width_px,
        geometry.height_px,
        geometry.px_per_mm,
        (geometry.traces_box_px[0], geometry.traces_box_px[1]),
        (style.paper, style.minor, style.major, style.dotted),
    )


@lru_cache(maxsize=64)
def _grid(
    width: int,
    height: int,
    px_per_mm: float,
    origin_px: tuple[float, float],
    colours: tuple[Colour, Colour | None, Colour | None, bool],
) -> Pixels:
    """Blend the lines into the paper; rows that are covered alike are computed once."""
    paper, minor, major, dotted = colours
    lines = [
        (np.asarray(colour, dtype=np.float32), every_mm * px_per_mm, width_mm * px_per_mm)
        for colour, every_mm, width_mm in ((minor, 1.0, 0.12), (major, 5.0, 0.2))
        if colour is not None
    ]
    down = np.stack(
        [_coverage(height, origin_px[1], pitch, max(line, 0.35)) for _, pitch, line in lines]
        or [np.zeros(height, dtype=np.float32)],
        axis=1,
    )
    kinds, kind_of_row = np.unique(np.round(down * 64) / 64, axis=0, return_inverse=True)
    out = np.empty((len(kinds), width, 3), dtype=np.float32)
    out[:] = paper
    for index, (colour, pitch, line) in enumerate(lines):
        across = _coverage(width, origin_px[0], pitch, max(line, 0.35))[None, :]
        here = kinds[:, index, None]
        covered = across + here - across * here
        if dotted and pitch == px_per_mm:
            covered = np.minimum(across * here * 4.0, 1.0)
        out += covered[:, :, None] * (colour - out)
    grid: Pixels = np.rint(out).astype(np.uint8)[kind_of_row.ravel()]
    grid.setflags(write=False)
    return grid


def _coverage(length: int, origin: float, pitch: float, line: float) -> NDArray[np.float32]:
    """Return for each pixel the share that lines ``line`` wide, every ``pitch``, cover."""

    def covered_until(edge: NDArray[np.float64]) -> NDArray[np.float64]:
        periods = np.floor((edge - origin + line / 2) / pitch)
        within = (edge - origin + line / 2) - periods * pitch
        return periods * line + np.minimum(within, line)

    edges = np.arange(length + 1, dtype=np.float64)
    return np.diff(covered_until(edges)).astype(np.float32)


def _draw_traces(pixels: Pixels, ecg: Ecg, geometry: PageGeometry, style: PageStyle) -> None:
    curves = [
        curve for place in geometry.places for curve in _curves(ecg, place, geometry, pixels.shape)
    ]
    width = style.ink_width_mm * geometry.px_per_mm
    paint_curves(pixels, curves, style.ink, width)


def _curves(
    ecg: Ecg, place: TracePlace, geometry: PageGeometry, shape: tuple[int, ...]
) -> list[tuple[Line, Line]]:
    """Return a lead's stretches as pixel coordinates, missing samples parting them."""
    sign = -1.0 if place.lead.startswith("-") else 1.0
    lead = ecg.leads_mv[LEADS.index(place.lead.removeprefix("-"))]
    first = round(place.start_seconds * ecg.rate_hz)
    last = round(place.stop_seconds * ecg.rate_hz)
    shown = sign * lead[first:last]
    x = place.left_px + np.arange(len(shown)) / ecg.rate_hz * geometry.px_per_second
    y = np.clip(place.baseline_px - shown * geometry.px_per_mv, 0.0, shape[0] - 1.0)
    return [(x[run], y[run]) for run in _finite_runs(shown)]


def _finite_runs(values: NDArray[np.float32]) -> list[slice]:
    good = np.isfinite(values)
    if good.all():
        return [slice(0, len(values))] if len(values) > 1 else []
    edges = np.flatnonzero(np.diff(np.r_[False, good, False].astype(np.int8)))
    return [slice(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 1]


def _draw_pulses(pixels: Pixels, geometry: PageGeometry, style: PageStyle) -> None:
    """Draw 1 mV for 0.2 s before each row, narrower where there is no room for it."""
    room = geometry.traces_box_px[0] - geometry.pulse_left_px
    lasts = min(_PULSE_SECONDS * geometry.px_per_second, room)
    beside = min(1.5 * geometry.px_per_mm, (room - lasts) / 2)
    steps = np.cumsum([0.0, beside, 0.0, lasts, 0.0, beside])
    height = np.array([0.0, 0.0, 1.0, 1.0, 0.0, 0.0]) * geometry.px_per_mv
    curves = [
        (geometry.pulse_left_px + steps, np.maximum(baseline - height, 0.0))
        for baseline in sorted({place.baseline_px for place in geometry.places})
    ]
    paint_curves(pixels, curves, style.ink, style.ink_width_mm * geometry.px_per_mm)


def _draw_text(pixels: Pixels, geometry: PageGeometry, style: PageStyle) -> None:
    mm = geometry.px_per_mm
    left, top, right, bottom = geometry.traces_box_px
    if style.frame is not None:
        corners = ((round(2 * mm), round(top - mm)), (round(right + mm), round(bottom + mm)))
        cv2.rectangle(pixels, corners[0], corners[1], style.frame, max(1, round(0.3 * mm)))
    for place in geometry.places:
        if style.separator != "none" and place.left_px > left + 1:
            reach = (0.5 if style.separator == "line" else 0.12) * geometry.row_pitch_px
            x, y = round(place.left_px), place.baseline_px
            cv2.line(pixels, (x, round(y - reach)), (x, round(y + reach)), style.ink)
        if style.lead_names:
            above = min(style.names_above_mm * mm, 0.42 * geometry.row_pitch_px)
            _write(pixels, place.lead, (place.left_px + mm, place.baseline_px - above), style, mm)
    for number, words in enumerate(style.header):
        _write(pixels, words, (4 * mm, (4 + 4.2 * number) * mm), style, mm)
    if style.footer:
        _write(pixels, style.footer, (4 * mm, pixels.shape[0] - 2 * mm), style, mm)


def _write(
    pixels: Pixels, words: str, at: tuple[float, float], style: PageStyle, mm: float
) -> None:
    height = style.letters_mm * mm
    cv2.putText(
        pixels,
        words,
        (round(at[0]), round(at[1])),
        _FACES[style.face],
        height / _FACE_HEIGHT_PX[style.face],
        style.text,
        max(1, round(height / 16)),
        cv2.LINE_AA,
    )
