"""A picture without its light and its table, from which a page is drawn at any scale.

Rule of the file: the paper is found, flattened once, and every later picture is warped from that
in one step, one channel deep; what is on the paper is not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.core.ecg_page_grid import lines_of
from inference.core.ecg_page_outline import rectified_size, sheet_corners, to_rectangle
from inference.core.ecg_paper import Ink, flattened, ink_of_light, lightest

Pixels = NDArray[np.uint8]
Grey = NDArray[np.uint8]
Homography = NDArray[np.float64]

_RIM_SHARE: Final = 0.008
"""Of the sheet's length: so near its edge the table may show."""
_PAPER: Final = (255.0, 255.0, 255.0, 255.0)


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A rectified sheet, ``size`` its width and height in pixels.

    ``light`` and ``lines`` are pictures as they were taken, ``way`` leads from them to the sheet.
    """

    light: Grey
    lines: Grey
    way: Homography
    size: tuple[int, int]

    def turned(self) -> Sheet:
        """Return the sheet turned by a quarter, counterclockwise as `numpy.rot90` does."""
        width, height = self.size
        quarter = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, float(width)], [0.0, 0.0, 1.0]])
        return Sheet(self.light, self.lines, quarter @ self.way, (height, width))

    def lines_seen(self) -> Grey:
        """Return how dark coloured lines are on the sheet, see `ecg_page_grid.lines_of`."""
        return _warped(self.lines, self.way, self.size)

    def ink_at(self, across: float, down: float, angle: float) -> tuple[Ink, Homography]:
        """Return the ink at so many times the sheet's scale, turned straight, and the way there.

        ``angle`` in radians is how the grid lies, clockwise.
        """
        width, height = self.size
        size = (max(1, round(width * across)), max(1, round(height * down)))
        cosine, sine = np.cos(angle), np.sin(angle)
        straight = np.eye(3)
        straight[:2, :2] = np.diag([across, down]) @ np.array([[cosine, sine], [-sine, cosine]])
        straight[:2, 2] = np.array(size) / 2 - straight[:2, :2] @ np.array([width, height]) / 2
        # Blurred as much as making it smaller needs, so that no line is lost between pixels.
        soft = cv2.GaussianBlur(self.light, (0, 0), 0.4 / across) if across < 0.6 else self.light
        return ink_of_light(_warped(np.asarray(soft), straight @ self.way, size)), straight


def sheet_of(picture: Pixels) -> Sheet:
    """Return the sheet in an RGB picture; the whole picture where it is the sheet."""
    height, width = picture.shape[:2]
    flat = flattened(picture)
    light, lines = lightest(flat), lines_of(flat)
    corners = sheet_corners(picture)
    if corners is None:
        return Sheet(light, lines, np.eye(3), (width, height))
    inside = np.zeros((height, width), dtype=np.uint8)
    middle = corners.mean(axis=0)
    inner = middle + (corners - middle) * (1.0 - 2.0 * _RIM_SHARE)
    cv2.fillConvexPoly(inside, np.rint(inner).astype(np.int32), 255)
    size = rectified_size(corners)
    around = np.asarray(cv2.bitwise_not(inside))
    return Sheet(
        np.asarray(cv2.bitwise_or(light, around)),
        lines,
        to_rectangle(corners, size),
        size,
    )


def _warped(picture: Grey, way: Homography, size: tuple[int, int]) -> Grey:
    if np.allclose(way, np.eye(3)) and size == picture.shape[::-1]:
        return picture
    return np.asarray(cv2.warpPerspective(picture, way, size, borderValue=_PAPER), dtype=np.uint8)
