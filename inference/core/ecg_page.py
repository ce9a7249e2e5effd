"""From any picture to the canonical page that the nets read, or to a sentence why not.

Rule of the file: the order of the steps and what may be said about a picture; how paper, grid and
rows are found is `ecg_page_outline`'s, `ecg_page_grid`'s and `ecg_page_rows`'. Pure: pictures in,
values out; a picture that is no ECG is a value, not an error.

The canonical page is ink (`inference.core.ecg_paper`) of 320 x 672 pixels at 2.5 px/mm: 0 is
paper, 255 the darkest ink. Its rows of traces divide the height evenly; ten seconds at 25 mm/s run
from x = 40 to x = 665.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.core.ecg_layout import CANONICAL_PX_PER_MM
from inference.core.ecg_page_grid import Grid, grid_of
from inference.core.ecg_page_outline import rectified_size, sheet_corners, to_rectangle
from inference.core.ecg_page_rows import (
    TRACES_LENGTH_MM,
    Rows,
    canonical_of,
    look_like_traces,
    rows_of,
    strokes_of,
    uprightness,
    without_lines,
)
from inference.core.ecg_paper import Ink, flattened, ink_of

Pixels = NDArray[np.uint8]
Homography = NDArray[np.float64]

MOST_PIXELS: Final = 50_000_000
"""Larger pictures are not decoded: a page at 600 dpi has 35 million pixels."""
LEAST_SIDE_PX: Final = 300
"""Smaller pictures do not hold an ECG that could be read."""
_WORK_PX: Final = 960
"""Long side of the copy that is worked on: 3.2 px/mm for a page of A4."""
_RIM_SHARE: Final = 0.008
_NARROWEST_MM, _WIDEST_MM = 170.0, 430.0
"""A sheet with an ECG is no narrower and no wider, along its traces."""


class PageDoubt(Enum):
    """What is odd about a picture; the value is the sentence for a card."""

    TOO_SMALL = "too small to hold an ECG"
    NOT_AN_ECG = "not an ECG page"
    TWO_ECGS = "two ECGs on one page: not read"
    TURNED = "upside down: turned"
    SIDEWAYS = "sideways: turned"
    NO_GRID = "no grid found: the scale was taken from the length of the traces"
    STRETCHED = "stretched in one direction: put right by the grid"
    CUT_OFF = "the traces are shorter than ten seconds: the page may be cut off"
    ORIENTATION_UNSURE = "it could not be told for certain which way up the page lies"


BARS_READING: Final = frozenset({PageDoubt.TOO_SMALL, PageDoubt.NOT_AN_ECG, PageDoubt.TWO_ECGS})


@dataclass(frozen=True, slots=True, eq=False)
class PageReading:
    """What became of a picture.

    ``page`` is the canonical page, None where the picture must not be read. ``to_page`` is the
    homography from the picture to the page before its rows were put in their places (for showing
    an activation map on the picture). ``rows`` counts rows of traces.
    """

    page: Ink | None
    doubts: tuple[PageDoubt, ...]
    px_per_mm: float | None = None
    """Of the picture as it came, along the traces; None where no grid was found."""
    rows: int = 0
    to_page: Homography | None = None


def read_page(pixels: Pixels) -> PageReading:
    """Find the ECG page in an RGB picture ``[h, w, 3]`` and bring it to canonical form."""
    if min(pixels.shape[:2]) < LEAST_SIDE_PX:
        return PageReading(None, (PageDoubt.TOO_SMALL,))
    work, to_work = _work_copy(pixels)
    doubts: list[PageDoubt] = []
    sheet, to_sheet = _sheet(work)
    flat = flattened(sheet)
    if _runs_down(flat):
        doubts.append(PageDoubt.SIDEWAYS)
        flat = np.ascontiguousarray(np.rot90(flat))
        to_sheet = _quarter_turn(sheet.shape[1]) @ to_sheet
    width = flat.shape[1]
    grid = grid_of(flat, width / _WIDEST_MM, width / _NARROWEST_MM)
    scaled = _scaled(flat, grid)
    if scaled is None:
        return PageReading(None, (PageDoubt.NOT_AN_ECG,))
    ink, rows, to_ink = scaled
    doubts += _doubts_of(ink, rows, grid)
    if BARS_READING & set(doubts):
        return PageReading(None, tuple(doubts), rows=len(rows.down_px))
    whole = to_ink @ to_sheet @ to_work
    upright = uprightness(ink, rows)
    if upright < 0:
        doubts.append(PageDoubt.TURNED)
        ink, rows, turn = _turned(ink, rows)
        whole = turn @ whole
    if abs(upright) < _UNSURE:
        doubts.append(PageDoubt.ORIENTATION_UNSURE)
    scale = None if grid is None else grid.px_per_mm_across / to_work[0, 0]
    return PageReading(canonical_of(ink, rows), tuple(doubts), scale, len(rows.down_px), whole)


_WIDEST_SHAPE: Final = 3.0
"""Traces of one ECG are about twice as long as its rows are deep; of two side by side, four."""
_UNSURE: Final = 1.5
"""Logarithm of odds: less than four to one."""
_LEAST_ROWS: Final = 2


def _work_copy(pixels: Pixels) -> tuple[Pixels, Homography]:
    """Return a copy of at most `_WORK_PX`: by a whole number first, which is fast."""
    height, width = pixels.shape[:2]
    whole = max(1, max(height, width) // _WORK_PX)
    size = (width // whole, height // whole)
    small = pixels if whole == 1 else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    rest = min(1.0, _WORK_PX / max(size))
    if rest < 1.0:
        size = (round(size[0] * rest), round(size[1] * rest))
        small = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)
    scale = np.diag([size[0] / width, size[1] / height, 1.0])
    return np.asarray(small, dtype=np.uint8), scale


def _sheet(work: Pixels) -> tuple[Pixels, Homography]:
    """Return the sheet cut out and made rectangular; the whole picture where it is the sheet."""
    corners = sheet_corners(work)
    if corners is None:
        return work, np.eye(3)
    size = rectified_size(corners)
    homography = to_rectangle(corners, size)
    cut = np.asarray(cv2.warpPerspective(work, homography, size), dtype=np.uint8)
    return _edges_cleared(cut), homography


def _edges_cleared(cut: Pixels) -> Pixels:
    """Overwrite the rim, where the table may show, with the paper beside it."""
    height, width = cut.shape[:2]
    rim = max(2, round(_RIM_SHARE * max(height, width)))
    inner = cut[rim : height - rim, rim : width - rim]
    return np.asarray(cv2.copyMakeBorder(inner, rim, rim, rim, rim, cv2.BORDER_REPLICATE))


def _runs_down(flat: Pixels) -> bool:
    """Return whether traces run from top to bottom.

    Every line across the traces meets each of them; lines along them meet some or none.
    """
    half = cv2.resize(flat, (flat.shape[1] // 2, flat.shape[0] // 2), interpolation=cv2.INTER_AREA)
    strokes = strokes_of(ink_of(np.asarray(half, dtype=np.uint8))).astype(np.float32)
    height, width = strokes.shape
    inner = strokes[height // 10 : height - height // 10, width // 10 : width - width // 10]
    return _evenness(inner.mean(axis=1)) > _evenness(inner.mean(axis=0))


def _evenness(shares: NDArray[np.float32]) -> float:
    """Return how little the emptiest lines differ from the usual: near 1 across every trace."""
    smooth = np.convolve(shares, np.full(5, 0.2), mode="valid")
    low, usual = np.quantile(smooth, (0.1, 0.5))
    return float(low / (usual + 1e-6))


def _quarter_turn(width: int) -> Homography:
    """Return what `numpy.rot90` does to the points of a picture so wide."""
    return np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, float(width)], [0.0, 0.0, 1.0]])


def _scaled(flat: Pixels, grid: Grid | None) -> tuple[Ink, Rows, Homography] | None:
    """Return ink at 2.5 px/mm, its rows, and the way there; None where no rows of traces are."""
    if grid is not None:
        ink, way = _at_scale(
            flat,
            CANONICAL_PX_PER_MM / grid.px_per_mm_across,
            CANONICAL_PX_PER_MM / grid.px_per_mm_down,
            grid.angle,
        )
        rows = rows_of(without_lines(ink))
        return None if rows is None else (ink, rows, way)
    # Without a grid: as if the page were as wide as most, then by the length of its traces.
    factor = CANONICAL_PX_PER_MM * 280.0 / flat.shape[1]
    ink, way = _at_scale(flat, factor, factor, 0.0)
    rows = rows_of(without_lines(ink))
    if rows is not None:
        length = rows.right_px - rows.left_px
        wanted = (TRACES_LENGTH_MM + 10.0) * CANONICAL_PX_PER_MM
        if abs(length / wanted - 1.0) > 0.03:
            factor *= float(np.clip(wanted / length, 0.6, 1.7))
            ink, way = _at_scale(flat, factor, factor, 0.0)
            rows = rows_of(without_lines(ink))
    return None if rows is None else (ink, rows, way)


def _at_scale(flat: Pixels, across: float, down: float, angle: float) -> tuple[Ink, Homography]:
    """Return the ink of the page turned straight and brought to the canonical scale."""
    height, width = flat.shape[:2]
    size = (max(1, round(width * across)), max(1, round(height * down)))
    middle = np.array([width / 2, height / 2])
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine, sine], [-sine, cosine]])
    way = np.eye(3)
    way[:2, :2] = np.diag([across, down]) @ turn
    way[:2, 2] = np.array(size) / 2 - way[:2, :2] @ middle
    flags = cv2.INTER_AREA if across < 0.6 else cv2.INTER_LINEAR
    if abs(angle) < 1e-3:
        moved = cv2.resize(flat, size, interpolation=flags)
    else:
        moved = cv2.warpAffine(
            _softened(flat, across), way[:2], size, borderValue=(255.0, 255.0, 255.0)
        )
    return ink_of(np.asarray(moved, dtype=np.uint8)), way


def _softened(flat: Pixels, factor: float) -> Pixels:
    """Blur as much as making the picture smaller needs, so that no line is lost between pixels."""
    if factor > 0.6:
        return flat
    return np.asarray(cv2.GaussianBlur(flat, (0, 0), 0.4 / factor), dtype=np.uint8)


def _doubts_of(ink: Ink, rows: Rows, grid: Grid | None) -> list[PageDoubt]:
    """Return what rows and grid say about the page."""
    if len(rows.down_px) < _LEAST_ROWS or not look_like_traces(without_lines(ink), rows):
        return [PageDoubt.NOT_AN_ECG]
    found: list[PageDoubt] = []
    length_mm = (rows.right_px - rows.left_px) / CANONICAL_PX_PER_MM
    if _holds_two(ink, rows):
        found.append(PageDoubt.TWO_ECGS)
    if grid is None:
        found.append(PageDoubt.NO_GRID)
    elif not 0.93 < grid.px_per_mm_across / grid.px_per_mm_down < 1.07:
        found.append(PageDoubt.STRETCHED)
    if length_mm < 0.9 * TRACES_LENGTH_MM:
        found.append(PageDoubt.CUT_OFF)
    return found


def _holds_two(ink: Ink, rows: Rows) -> bool:
    """Return whether the rows fall into two groups, below or beside each other."""
    apart = np.diff(rows.down_px)
    if len(apart) >= 5 and apart.max() > 1.7 * np.median(apart):
        split = int(apart.argmax()) + 1
        if min(split, len(rows.down_px) - split) >= 3:
            return True
    length, depth = rows.right_px - rows.left_px, rows.pitch_px * len(rows.down_px)
    if length < _WIDEST_SHAPE * depth:
        return False
    top, bottom = rows.down_px[0] - rows.pitch_px / 2, rows.down_px[-1] + rows.pitch_px / 2
    band = ink[max(0, round(top)) : round(bottom), rows.left_px : rows.right_px]
    empty = np.asarray(band.max(axis=0) < 90)
    third = len(empty) // 3
    return bool(empty[third : 2 * third].sum() > 0.015 * length)


def _turned(ink: Ink, rows: Rows) -> tuple[Ink, Rows, Homography]:
    """Return the page turned by half."""
    height, width = ink.shape
    turn = np.array([[-1.0, 0.0, float(width)], [0.0, -1.0, float(height)], [0.0, 0.0, 1.0]])
    moved = Rows(
        tuple(height - 1 - at for at in reversed(rows.down_px)),
        width - 1 - rows.right_px,
        width - 1 - rows.left_px,
    )
    return np.ascontiguousarray(ink[::-1, ::-1]), moved, turn
