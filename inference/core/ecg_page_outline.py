"""Where a sheet of paper lies in a photograph: its four corners, or that it fills the picture.

Rule of the file: edges of paper only; what is printed on it is not looked at. Pure geometry on a
small copy of the picture: paper is lighter and less coloured than a table.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Corners = NDArray[np.float32]
"""``[4, 2]``: x, y of top left, top right, bottom right, bottom left as the picture lies."""

_SMALL_PX: Final = 400
"""Long side of the copy in which the sheet is looked for."""
_LEAST_SHARE: Final = 0.2
"""A sheet that takes up less of the picture is not looked at."""
_WHOLE_SHARE: Final = 0.93
"""A sheet that takes up more of the picture fills it: no edge is to be trusted."""


def sheet_corners(pixels: Pixels) -> Corners | None:
    """Return the corners of the sheet in an RGB picture; None where it fills the picture."""
    height, width = pixels.shape[:2]
    scale = _SMALL_PX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # By a whole number first: another ratio takes five times as long over all pixels.
    whole = max(1, int(1.0 / scale))
    halved = cv2.resize(
        pixels[: height // whole * whole, : width // whole * whole],
        (max(1, width // whole), max(1, height // whole)),
        interpolation=cv2.INTER_AREA,
    )
    small = np.asarray(cv2.resize(halved, size), dtype=np.uint8)
    mask = _paper_mask(small)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    hull = cv2.convexHull(max(contours, key=cv2.contourArea))
    share = cv2.contourArea(hull) / (size[0] * size[1])
    if not _LEAST_SHARE < share < _WHOLE_SHARE:
        return None
    quad = _quadrilateral(np.asarray(hull).reshape(-1, 2).astype(np.float32))
    if quad is None or not _is_sheet(quad, size):
        return None
    return quad / np.float32(scale)


def _paper_mask(small: Pixels) -> NDArray[np.uint8]:
    """Return 255 where the picture is light, holes left by ink and shadows closed."""
    red, green, blue = cv2.split(small)
    darkest = cv2.min(cv2.min(red, green), blue)
    smooth = cv2.morphologyEx(darkest, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    _, mask = cv2.threshold(smooth, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    return np.asarray(
        cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((9, 9), np.uint8)), dtype=np.uint8
    )


def _quadrilateral(hull: Corners) -> Corners | None:
    """Return the four corners that a convex outline has once its edges are drawn straight."""
    around = float(cv2.arcLength(hull, True))
    for share in (0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.07):
        corners = np.asarray(cv2.approxPolyDP(hull, share * around, True)).reshape(-1, 2)
        if len(corners) == 4:
            return _in_order(_on_edges(hull, corners.astype(np.float32)))
        if len(corners) < 4:
            break
    return None


def _on_edges(hull: Corners, corners: Corners) -> Corners:
    """Return where straight lines through the outline between the corners meet."""
    dense = _dense(hull)
    lines = []
    for start, stop in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        along = stop - start
        length = float(np.hypot(*along))
        unit = along / length
        offset = dense - start
        place = offset @ unit
        apart = np.abs(offset @ np.array([-unit[1], unit[0]]))
        near = dense[(apart < 0.02 * length + 2) & (place > 0.1 * length) & (place < 0.9 * length)]
        if len(near) < 8:
            return corners
        vx, vy, x, y = np.asarray(cv2.fitLine(near, cv2.DIST_HUBER, 0, 0.01, 0.01)).ravel()
        lines.append((np.array([-vy, vx]), float(-vy * x + vx * y)))
    met = [
        np.linalg.solve(np.stack([before[0], after[0]]), np.array([before[1], after[1]]))
        for before, after in zip(lines[-1:] + lines[:-1], lines, strict=True)
    ]
    return np.array(met, dtype=np.float32)


def _dense(hull: Corners) -> Corners:
    """Return points along the outline about a pixel apart."""
    parts = []
    for start, stop in zip(hull, np.roll(hull, -1, axis=0), strict=True):
        count = max(1, int(np.hypot(*(stop - start))))
        parts.append(start + (stop - start) * (np.arange(count) / count)[:, None])
    return np.concatenate(parts).astype(np.float32)


def _in_order(corners: Corners) -> Corners:
    """Return the corners clockwise from the top left one."""
    middle = corners.mean(axis=0)
    angle = np.arctan2(corners[:, 1] - middle[1], corners[:, 0] - middle[0])
    around = corners[np.argsort(angle)]
    first = int(np.argmin(around.sum(axis=1)))
    return np.roll(around, -first, axis=0)


def _is_sheet(corners: Corners, size: tuple[int, int]) -> bool:
    """Return whether the corners could be a rectangle in perspective, inside the picture."""
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    opposite = max(
        sides[0] / sides[2], sides[2] / sides[0], sides[1] / sides[3], sides[3] / sides[1]
    )
    edge = corners - np.roll(corners, 1, axis=0)
    following = np.roll(edge, -1, axis=0)
    lengths = np.linalg.norm(edge, axis=1) * np.linalg.norm(following, axis=1)
    cosine = np.abs((edge * following).sum(axis=1)) / lengths
    inside = (corners > -0.1 * max(size)).all() and (corners < 1.1 * np.array(size)).all()
    return bool(opposite < 1.8 and cosine.max() < 0.6 and inside)


def rectified_size(corners: Corners) -> tuple[int, int]:
    """Return width and height of the rectangle that the corners are brought to."""
    top, right, bottom, left = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    return max(1, round(float(top + bottom) / 2)), max(1, round(float(left + right) / 2))


def to_rectangle(corners: Corners, size: tuple[int, int]) -> NDArray[np.float64]:
    """Return the homography from the corners to a rectangle of ``size`` (width, height)."""
    width, height = size
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    return np.asarray(cv2.getPerspectiveTransform(corners, target), dtype=np.float64)
