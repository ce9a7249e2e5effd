"""What happens to a printed page on its way to the service: folded, stained, photographed.

Rule of the file: pictures in, pictures out; every accident has its strength in `Accidents` and is
drawn from the generator that is passed in. `photograph` moves the page about on a table;
`weathered` leaves it in its place up to what a rectified photograph still is off by, and is what
training on canonical pages uses (a tenth of the time).

Ranges that worked elsewhere: illumination 0.72-1.08, up to 3 creases of 10-45 grey levels, noise
1-8 levels, corners +-3 %, rotation +-6 degrees, blur 0.4-1.2 px, JPEG quality 40-95.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.training.ecg_accidents import creased, handwritten, stained

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Accidents:
    """How strong each accident may be; 0 leaves it out. Strengths of 1 are a careless photograph.

    ``rotation_degrees`` and ``corner_share`` (of the page's size, each corner on its own) apply to
    `photograph`; ``residual_share`` is what `weathered` moves corners by.
    """

    rotation_degrees: float = 6.0
    corner_share: float = 0.03
    residual_share: float = 0.006
    shadow: float = 0.7
    fold: float = 0.5
    curl: float = 0.5
    blur: float = 0.7
    noise: float = 0.7
    compression: float = 0.7
    stain: float = 0.3
    handwriting: float = 0.4
    colour: float = 0.6
    glare: float = 0.3


PHONE: Final = Accidents()
SCANNER: Final = Accidents(
    rotation_degrees=1.5,
    corner_share=0.0,
    residual_share=0.002,
    shadow=0.1,
    fold=0.4,
    curl=0.0,
    blur=0.3,
    noise=0.2,
    compression=0.5,
    stain=0.15,
    handwriting=0.4,
    colour=0.15,
    glare=0.0,
)
HARSH: Final = Accidents(
    rotation_degrees=12.0,
    corner_share=0.07,
    residual_share=0.012,
    shadow=1.0,
    fold=1.0,
    curl=1.0,
    blur=1.0,
    noise=1.0,
    compression=1.0,
    stain=0.8,
    handwriting=0.8,
    colour=1.0,
    glare=0.8,
)


@dataclass(frozen=True, slots=True, eq=False)
class Photograph:
    """A picture of a page and where the page is in it.

    ``corners_px`` ``[4, 2]`` are x, y of the page's corners, clockwise from the page's own top
    left; ``page_to_photo`` is the homography that made the picture.
    """

    pixels: Pixels
    corners_px: NDArray[np.float64]
    page_to_photo: NDArray[np.float64]


def photograph(
    page: Pixels, accidents: Accidents, rng: np.random.Generator, quarter_turns: int = 0
) -> Photograph:
    """Return the RGB page on a table as a phone sees it, turned by quarters counterclockwise."""
    marked = _on_paper(page, accidents, rng)
    marked = np.ascontiguousarray(np.rot90(marked, quarter_turns))
    homography, size = _pose(marked.shape, accidents, rng)
    table = _table(size, rng)
    seen = cv2.warpPerspective(
        marked,
        homography,
        size,
        dst=table.copy(),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_TRANSPARENT,
    )
    seen = _through_the_lens(np.asarray(seen), accidents, rng)
    whole = homography @ _turned(page.shape, quarter_turns)
    height, width = page.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    return Photograph(seen, moved(corners, whole), whole)


def weathered(page: Pixels, accidents: Accidents, rng: np.random.Generator) -> Pixels:
    """Return the RGB page as rectified from a photograph: the same size, nearly the same place."""
    marked = _marked(page, accidents, rng)
    width = page.shape[1]
    corners = rng.uniform(-1.0, 1.0, (2, 2, 2)) * accidents.residual_share * width
    bend = rng.uniform(-1.0, 1.0, (2, 3, 4)) * 0.004 * accidents.curl * width
    if rng.random() >= accidents.curl:
        bend *= 0.0
    still = _shifted(marked, corners, bend)
    return _through_the_lens(still, accidents, rng)


def moved(points: NDArray[np.float64], homography: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points ``[n, 2]`` under a homography."""
    after = np.c_[points, np.ones(len(points))] @ homography.T
    out: NDArray[np.float64] = after[:, :2] / after[:, 2:]
    return out


def _marked(page: Pixels, accidents: Accidents, rng: np.random.Generator) -> Pixels:
    marked = page.copy()
    if rng.random() < accidents.handwriting:
        handwritten(marked, rng)
    if rng.random() < accidents.stain:
        stained(marked, rng)
    if rng.random() < accidents.fold:
        creased(marked, accidents.fold, rng)
    return marked


def _on_paper(page: Pixels, accidents: Accidents, rng: np.random.Generator) -> Pixels:
    marked = _marked(page, accidents, rng)
    if rng.random() < accidents.curl:
        bend = rng.uniform(-1.0, 1.0, (2, 3, 4)) * 0.004 * accidents.curl * page.shape[1]
        marked = _shifted(marked, np.zeros((2, 2, 2)), bend)
    return marked


def _shifted(page: Pixels, corners: NDArray[np.float64], bend: NDArray[np.float64]) -> Pixels:
    """Move the page's points: ``corners`` ``[axis, 2, 2]`` in px linearly, ``bend`` smoothly."""
    height, width = page.shape[:2]
    down, across = np.mgrid[0:24, 0:48].astype(np.float32)
    fields = []
    for axis, place in ((0, across * (width - 1) / 47), (1, down * (height - 1) / 23)):
        moved_by = _smooth(bend[axis], (48, 24)) + cv2.resize(
            corners[axis].astype(np.float32), (48, 24), interpolation=cv2.INTER_LINEAR
        )
        fields.append(_enlarged(place + moved_by, (width, height)))
    return np.asarray(
        cv2.remap(page, fields[0], fields[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    )


def _enlarged(coarse: Floats, size: tuple[int, int]) -> Floats:
    """Return a coarse field over the whole picture, its edge points on the picture's edge."""
    width, height = size
    rows, columns = coarse.shape
    scale = np.array(
        [[(width - 1) / (columns - 1), 0, 0], [0, (height - 1) / (rows - 1), 0]], dtype=np.float32
    )
    return np.asarray(
        cv2.warpAffine(coarse, scale, size, borderMode=cv2.BORDER_REPLICATE), dtype=np.float32
    )


def _turned(shape: tuple[int, ...], quarter_turns: int) -> NDArray[np.float64]:
    """Return the homography of `numpy.rot90`, counterclockwise by quarters."""
    height, width = shape[:2]
    steps = {
        0: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        1: [[0, 1, 0], [-1, 0, width], [0, 0, 1]],
        2: [[-1, 0, width], [0, -1, height], [0, 0, 1]],
        3: [[0, -1, height], [1, 0, 0], [0, 0, 1]],
    }
    return np.array(steps[quarter_turns % 4], dtype=np.float64)


def _pose(
    shape: tuple[int, ...], accidents: Accidents, rng: np.random.Generator
) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Return where the page lies on the table: homography, and the picture's width and height."""
    height, width = shape[:2]
    border = rng.uniform(0.03, 0.14)
    size = (round(width * (1 + 2 * border)), round(height * (1 + 2 * border)))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    angle = np.radians(rng.uniform(-1, 1) * accidents.rotation_degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    placed = (corners - corners.mean(axis=0)) @ turn.T
    placed += rng.uniform(-1, 1, (4, 2)) * accidents.corner_share * np.array([width, height])
    reach = np.abs(placed).max(axis=0) / (np.array(size) / 2 * 0.985)
    placed = placed / max(float(reach.max()), 1.0) + np.array(size) / 2
    homography = cv2.getPerspectiveTransform(corners.astype(np.float32), placed.astype(np.float32))
    return np.asarray(homography, dtype=np.float64), size


def _table(size: tuple[int, int], rng: np.random.Generator) -> Pixels:
    """Return a table: one colour, streaks or a cloth, with slow changes of light."""
    colour = rng.uniform(20, 200, 3) * np.array([1.0, rng.uniform(0.7, 1.0), rng.uniform(0.5, 1)])
    grain = (3, 40) if rng.random() < 0.5 else (24, 24)
    slow = _smooth(rng.uniform(0.75, 1.2, (4, 5)), size)
    streaks = _smooth(rng.uniform(0.9, 1.1, grain), size)
    out = slow[:, :, None] * streaks[:, :, None] * colour.astype(np.float32)
    table: Pixels = np.clip(out, 0, 255).astype(np.uint8)
    return table


def _smooth(coarse: NDArray[np.floating], size: tuple[int, int]) -> Floats:
    return np.asarray(
        cv2.resize(coarse.astype(np.float32), size, interpolation=cv2.INTER_CUBIC),
        dtype=np.float32,
    )


def _through_the_lens(pixels: Pixels, accidents: Accidents, rng: np.random.Generator) -> Pixels:
    light = _light(pixels.shape, accidents, rng)
    seen = np.asarray(cv2.multiply(pixels, light, dtype=cv2.CV_8U), dtype=np.uint8)
    if rng.random() < accidents.blur:
        seen = _blurred(seen, accidents.blur, rng)
    if rng.random() < accidents.noise:
        noise = _noise(seen.shape, rng.uniform(1.0, 8.0) * accidents.noise, rng)
        seen = np.asarray(cv2.add(seen, noise, dtype=cv2.CV_8U), dtype=np.uint8)
    if rng.random() < accidents.compression:
        worst = 95 - 55 * accidents.compression
        quality = int(rng.uniform(worst, 95))
        # Red and blue change places twice: what JPEG loses does not depend on which is which.
        _, coded = cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, quality])
        seen = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), dtype=np.uint8)
    return seen


def _light(shape: tuple[int, ...], accidents: Accidents, rng: np.random.Generator) -> Floats:
    """Return what each channel is multiplied with: slow light, a shadow's edge, colour, glare."""
    coarse = (96, 48)
    depth = accidents.shadow
    light = _smooth(rng.uniform(1.0 - 0.28 * depth, 1.0 + 0.08 * depth, (3, 4)), coarse)
    across, down = np.meshgrid(np.linspace(-1, 1, coarse[0]), np.linspace(-1, 1, coarse[1]))
    if rng.random() < 0.5 * depth:
        angle = rng.uniform(0, 2 * np.pi)
        beyond = across * np.cos(angle) + down * np.sin(angle) - rng.uniform(-0.2, 0.9)
        soft = 1.0 / (1.0 + np.exp(-beyond / rng.uniform(0.02, 0.25)))
        light = light * (1.0 - soft * rng.uniform(0.1, 0.45) * depth)
    if rng.random() < accidents.glare:
        centre = rng.uniform(-0.9, 0.9, 2)
        distance = (across - centre[0]) ** 2 + (down - centre[1]) ** 2
        light = light + rng.uniform(0.1, 0.5) * np.exp(-distance / rng.uniform(0.02, 0.2))
    tint = 1.0 + rng.uniform(-0.12, 0.12, 3) * accidents.colour
    exposure = 1.0 + rng.uniform(-0.18, 0.08) * accidents.colour
    tinted = np.asarray(light, dtype=np.float32)[:, :, None] * (tint * exposure)
    return _smooth(tinted, (shape[1], shape[0]))


def _blurred(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    """Blur by 0.4 to 1.2 px for a picture 1320 px wide, in proportion for others."""
    scale = max(pixels.shape[1] / 1320.0, 0.5)
    sigma = float(rng.uniform(0.4, 0.4 + 0.8 * strength)) * scale
    if rng.random() < 0.25:
        length = max(2, round(4 * sigma))
        kernel = np.zeros((length, length), dtype=np.float32)
        kernel[length // 2, :] = 1.0 / length
        kernel = kernel if rng.random() < 0.5 else np.ascontiguousarray(kernel.T)
        return np.asarray(cv2.filter2D(pixels, -1, kernel))
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma))


def _noise(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> NDArray[np.int16]:
    """Return sensor noise: a tile of 128 x 128, repeated, in grey and a little in colour."""
    tile = rng.standard_normal((128, 128, 3), dtype=np.float32)
    tile = 0.5 * tile + 0.85 * tile[:, :, :1]
    across, down = shape[1] // 128 + 1, shape[0] // 128 + 1
    steps = np.rint(sigma * tile).astype(np.int16)
    return np.ascontiguousarray(np.tile(steps, (down, across, 1))[: shape[0], : shape[1]])
