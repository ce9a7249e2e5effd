r"""Which lead stands where on a printed ECG: layouts in millimetres, geometry in pixels.

Rule of the file: arithmetic of paper only; nothing is drawn here and nothing is measured on a
picture. `ecg_printer` draws what this file lays out, `ecg_page` brings photographs to the same
places.

::

    |<- lead_in ->|<------------- seconds x mm_per_s ------------->|
       _                                                              row pitch
      | |   I       |  aVR       |  V1        |  V4                   ^
    __| |____~~/\~~~~~~~\/~~~~~~~~~~/\~~~~~~~~~~~/\~~~~~           v
       _
      | |   II      |  aVL  ...
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from inference.core.ecg import STANDARD_SECONDS

PAPER_WIDTH_MM: Final = 250.0
"""Ten seconds at 25 mm/s, the length of the traces on an A4 page held sideways."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Rows of leads and the two scales that every ECG page states.

    ``rows`` names the leads of each row from left to right; ``-aVR`` prints the lead negated, as
    the Cabrera order does. The leads of a row divide the time shown evenly; where ``sequential``,
    each shows the seconds that its place on the time axis means, else all begin at 0.
    """

    name: str
    rows: tuple[tuple[str, ...], ...]
    mm_per_s: float = 25.0
    mm_per_mv: float = 10.0
    row_pitch_mm: float = 28.0
    sequential: bool = True

    @property
    def seconds(self) -> float:
        """Return how much time a row shows: what fits on 250 mm, at most ten seconds."""
        return min(STANDARD_SECONDS, PAPER_WIDTH_MM / self.mm_per_s)


_THREE = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
_SIX = (("I", "V1"), ("II", "V2"), ("III", "V3"), ("aVR", "V4"), ("aVL", "V5"), ("aVF", "V6"))
_CABRERA_THREE = (
    ("aVL", "II", "V1", "V4"),
    ("I", "aVF", "V2", "V5"),
    ("-aVR", "III", "V3", "V6"),
)
_CABRERA = ("aVL", "I", "-aVR", "II", "aVF", "III")
_CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")

THREE_BY_FOUR: Final = Layout("3x4", _THREE, row_pitch_mm=34.0)
THREE_BY_FOUR_RHYTHM: Final = Layout("3x4+II", (*_THREE, ("II",)), row_pitch_mm=32.0)
THREE_BY_FOUR_THREE_RHYTHMS: Final = Layout(
    "3x4+V1+II+V5", (*_THREE, ("V1",), ("II",), ("V5",)), row_pitch_mm=24.0
)
THREE_BY_FOUR_CABRERA: Final = Layout("3x4 Cabrera", _CABRERA_THREE, row_pitch_mm=34.0)
SIX_BY_TWO: Final = Layout("6x2", _SIX, row_pitch_mm=22.0)
SIX_BY_TWO_RHYTHM: Final = Layout("6x2+II", (*_SIX, ("II",)), row_pitch_mm=20.0)
SIX_BY_TWO_CABRERA: Final = Layout(
    "6x2 Cabrera", tuple(zip(_CABRERA, _CHEST, strict=True)), row_pitch_mm=22.0
)
TWELVE_BY_ONE: Final = Layout(
    "12x1", tuple((name,) for pair in zip(*_SIX, strict=True) for name in pair), row_pitch_mm=13.0
)
TWELVE_BY_ONE_CABRERA: Final = Layout(
    "12x1 Cabrera", tuple((name,) for name in (*_CABRERA, *_CHEST)), row_pitch_mm=13.0
)
LAYOUTS: Final = (
    THREE_BY_FOUR_RHYTHM,
    THREE_BY_FOUR,
    THREE_BY_FOUR_CABRERA,
    THREE_BY_FOUR_THREE_RHYTHMS,
    SIX_BY_TWO,
    SIX_BY_TWO_RHYTHM,
    SIX_BY_TWO_CABRERA,
    TWELVE_BY_ONE,
    TWELVE_BY_ONE_CABRERA,
)


@dataclass(frozen=True, slots=True)
class Margins:
    """Paper around the traces, in millimetres; ``lead_in`` is where the calibration stands."""

    top: float = 16.0
    right: float = 3.0
    bottom: float = 8.0
    left: float = 3.0
    lead_in: float = 12.0


@dataclass(frozen=True, slots=True)
class TracePlace:
    """Where one lead is printed: pixels of the picture, seconds of the recording."""

    lead: str
    start_seconds: float
    stop_seconds: float
    left_px: float
    right_px: float
    baseline_px: float


@dataclass(frozen=True, slots=True)
class PageGeometry:
    """A page in pixels. ``traces_box_px`` is left, top, right, bottom around all rows."""

    width_px: int
    height_px: int
    px_per_mm: float
    px_per_second: float
    px_per_mv: float
    places: tuple[TracePlace, ...]
    traces_box_px: tuple[float, float, float, float]
    pulse_left_px: float
    row_pitch_px: float


def geometry_of(layout: Layout, margins: Margins, px_per_mm: float) -> PageGeometry:
    """Lay a page out; sizes are rounded to whole pixels, places are not."""
    left = (margins.left + margins.lead_in) * px_per_mm
    top = margins.top * px_per_mm
    width = layout.seconds * layout.mm_per_s * px_per_mm
    pitch = layout.row_pitch_mm * px_per_mm
    places = tuple(
        _place(layout, row, column, left, width, top + (row + 0.5) * pitch)
        for row in range(len(layout.rows))
        for column in range(len(layout.rows[row]))
    )
    bottom = top + pitch * len(layout.rows)
    return PageGeometry(
        width_px=round(left + width + margins.right * px_per_mm),
        height_px=round(bottom + margins.bottom * px_per_mm),
        px_per_mm=px_per_mm,
        px_per_second=layout.mm_per_s * px_per_mm,
        px_per_mv=layout.mm_per_mv * px_per_mm,
        places=places,
        traces_box_px=(left, top, left + width, bottom),
        pulse_left_px=(margins.left + 2.0) * px_per_mm,
        row_pitch_px=pitch,
    )


def _place(
    layout: Layout, row: int, column: int, left: float, width: float, baseline: float
) -> TracePlace:
    count = len(layout.rows[row])
    share = layout.seconds / count
    start = column * share if layout.sequential else 0.0
    return TracePlace(
        lead=layout.rows[row][column],
        start_seconds=start,
        stop_seconds=start + share,
        left_px=left + width * column / count,
        right_px=left + width * (column + 1) / count,
        baseline_px=baseline,
    )


PLAIN_MARGINS: Final = Margins()

CANONICAL_HEIGHT: Final = 320
CANONICAL_WIDTH: Final = 672
CANONICAL_PX_PER_MM: Final = 2.5
CANONICAL_MARGINS: Final = Margins(top=0.0, right=2.8, bottom=0.0, left=4.0, lead_in=12.0)
"""At 2.5 px/mm a page of ten seconds is 672 pixels wide, its traces from x = 40 to x = 665."""


def canonical_layout(layout: Layout) -> Layout:
    """Return the layout with the row pitch at which its rows fill the canonical height."""
    pitch = CANONICAL_HEIGHT / CANONICAL_PX_PER_MM / len(layout.rows)
    return Layout(
        layout.name, layout.rows, layout.mm_per_s, layout.mm_per_mv, pitch, layout.sequential
    )
