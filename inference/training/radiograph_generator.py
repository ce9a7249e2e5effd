"""Generated frontal chest radiographs with exact boxes of lungs, heart and opacities.

Parametric shapes stand in for organs: lungs with apex, costophrenic angle and domed diaphragm, a
tilted heart, the aortic arch, spine, ribs, clavicles, abdomen with a gas bubble, opacities, fluid,
tubes and letters. Each is a thickness along the beam; `radiograph_physics` makes a picture of
them. Nothing is copied from a patient, so any licence may carry what learns from them. They teach
where things lie and how projection looks; what disease looks like they do not teach.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.training.radiograph_physics import Map, Thickness, exposed

Mask = NDArray[np.bool_]
LUNG_DENSITY: Final = 0.28
"""Of water, at the end of a breath in: air that a radiograph is mostly taken with; rounded."""
KINDS: Final = ("right_lung", "left_lung", "heart", "cardiomediastinum", "opacity")


@dataclass(frozen=True, slots=True)
class GeneratorSettings:
    """How the pictures vary; shares are of pictures."""

    side: int = 320
    with_opacities: float = 0.5
    with_fluid: float = 0.2
    with_devices: float = 0.4
    largest_tilt_degrees: float = 8.0


@dataclass(frozen=True, slots=True)
class Generated:
    """A picture, ``[row, column]``, and its boxes ``[box, 4]`` with their kinds."""

    grey: NDArray[np.uint8]
    boxes: NDArray[np.float64]
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Build:
    """One invented person, in shares of the picture's side; left and right as in the picture."""

    centre: float
    top: float
    bottom: tuple[float, float]
    half_chest: float
    half_middle: float
    dome: tuple[float, float]
    ratio: float
    heart_tilt: float
    heart_height: float
    arch: float
    wall: float
    depth_cm: float
    tilt: float


def drawn_build(random: np.random.Generator, settings: GeneratorSettings) -> Build:
    """Return a person drawn at random: thin and wide, breathing in deeply or hardly."""
    bottom = random.uniform(0.62, 0.93)
    return Build(
        centre=random.uniform(0.45, 0.55),
        top=random.uniform(0.02, 0.17),
        bottom=(bottom, min(0.98, bottom + random.uniform(-0.03, 0.07))),
        half_chest=random.uniform(0.30, 0.47),
        half_middle=random.uniform(0.03, 0.06),
        dome=(random.uniform(0.06, 0.16), random.uniform(0.05, 0.15)),
        ratio=random.uniform(0.36, 0.70),
        heart_tilt=random.uniform(0.35, 0.9),
        heart_height=random.uniform(0.36, 0.5),
        arch=random.uniform(0.24, 0.36),
        wall=random.uniform(0.03, 0.12),
        depth_cm=random.uniform(16.0, 30.0),
        tilt=np.deg2rad(settings.largest_tilt_degrees) * random.uniform(-1, 1),
    )


def generated(random: np.random.Generator, settings: GeneratorSettings) -> Generated:
    """Return one radiograph of an invented person."""
    build = drawn_build(random, settings)
    across, down = _grid(settings.side, build)
    lungs = [_lung(across, down, build, side) for side in (0, 1)]
    heart, middle = _heart(across, down, build), _middle(across, down, build)
    soft = _trunk(across, down, build)
    for lung in lungs:
        soft -= (1 - LUNG_DENSITY) * _depth_of(lung, soft, random)
    solid = np.clip(heart + _arch(across, down, build), 0.0, None) * build.depth_cm
    soft += (1 - LUNG_DENSITY) * np.where(lungs[0] | lungs[1], solid, 0.2 * solid)
    found = [*lungs, heart > 0, (heart > 0) | middle]
    boxes = [(_bounds(mask), kind) for mask, kind in zip(found, KINDS, strict=False)]
    boxes += _add_opacities(soft, lungs, random, settings)
    if random.random() < settings.with_fluid:
        _add_fluid(soft, lungs[int(random.integers(2))], down, random)
    _add_abdomen(soft, across, down, build, random)
    bone = _bones(across, down, build, settings.side, random)
    metal = np.zeros_like(soft)
    if random.random() < settings.with_devices:
        _add_devices(metal, random)
    grey = exposed(Thickness(np.clip(soft, 0.0, None), bone, metal), random)
    kept = [(box, kind) for box, kind in boxes if box is not None]
    return Generated(
        grey,
        np.array([box for box, _ in kept], dtype=np.float64).reshape(-1, 4),
        tuple(kind for _, kind in kept),
    )


def _grid(side: int, build: Build) -> tuple[Map, Map]:
    """Return the coordinates of every pixel in the upright person, tilted about the middle."""
    place = (np.arange(side, dtype=np.float32) + 0.5) / side - 0.5
    x, y = np.meshgrid(place, place)
    cosine, sine = np.cos(build.tilt), np.sin(build.tilt)
    return (cosine * x + sine * y + 0.5).astype(np.float32), (cosine * y - sine * x + 0.5).astype(
        np.float32
    )


def _along(down: Map, build: Build) -> Map:
    """Return 0 at the apex and 1 at the lower end of the lungs."""
    along: Map = np.clip((down - build.top) / (max(build.bottom) - build.top), 0.0, 1.0)
    return along


def _half_chest(down: Map, build: Build) -> Map:
    """Return the inner half width of the ribs: a dome above, nearly straight below."""
    along = _along(down, build)
    dome = 1.0 - (1.0 - np.clip(along / 0.72, 0.0, 1.0)) ** 2.3
    width = build.half_chest * np.sqrt(np.clip(dome, 0.0, 1.0)) * (0.94 + 0.06 * along)
    return np.asarray(width, dtype=np.float32)


def _lung(across: Map, down: Map, build: Build, side: int) -> Mask:
    """Return where a lung lies: 0 is the right one, on the left of the picture."""
    outward = (build.centre - across) if side == 0 else (across - build.centre)
    half = _half_chest(down, build)
    middle = build.half_middle * (0.75 + 0.5 * _along(down, build))
    peak = build.half_middle + 0.35 * (build.half_chest - build.half_middle)
    reach = build.half_chest - peak
    fall = np.clip(((outward - peak) / reach), -1.2, 1.2) ** 2
    floor = build.bottom[side] - build.dome[side] * (1.0 - fall)
    lung: Mask = (outward > middle) & (outward < half) & (down > build.top) & (down < floor)
    return lung


def _heart_axes(build: Build) -> tuple[float, float, float, float]:
    """Return centre and half axes of the heart: as wide as the ratio says, tilted to the left."""
    half_width = build.ratio * 0.97 * build.half_chest
    height = build.bottom[1] - build.top
    half_height = build.heart_height * height / 2
    cosine, sine = np.cos(build.heart_tilt), np.sin(build.heart_tilt)
    # Of an ellipse with axes a and b, tilted: half width^2 = (a cos)^2 + (b sin)^2.
    minor = min(half_height, 0.95 * half_width)
    major = np.sqrt(max(half_width**2 - (minor * sine) ** 2, minor**2)) / cosine
    across = build.centre + 0.32 * half_width
    down = build.bottom[1] - build.dome[1] - 0.55 * half_height
    return float(across), float(down), float(major), float(minor)


def _heart(across: Map, down: Map, build: Build) -> Map:
    """Return the heart's depth in shares of the chest's, 0 outside it."""
    centre, height, major, minor = _heart_axes(build)
    cosine, sine = np.cos(build.heart_tilt), np.sin(build.heart_tilt)
    x, y = across - centre, down - height
    inside = 1.0 - ((cosine * x + sine * y) / major) ** 2 - ((cosine * y - sine * x) / minor) ** 2
    lowest = build.bottom[1] - 0.35 * build.dome[1]  # it lies on the diaphragm
    depth = 0.5 * np.sqrt(np.clip(inside, 0.0, None)) * (down < lowest)
    return np.asarray(depth, dtype=np.float32)


def _arch_place(build: Build) -> tuple[float, float, float]:
    height = build.bottom[1] - build.top
    return build.centre + build.half_middle, build.top + build.arch * height, 0.035


def _arch(across: Map, down: Map, build: Build) -> Map:
    """Return the depth of the aortic arch and of the great vessels below it."""
    x, y, radius = _arch_place(build)
    knob = 1.0 - ((across - x) / radius) ** 2 - ((down - y) / radius) ** 2
    return np.asarray(0.3 * np.sqrt(np.clip(knob, 0.0, None)), dtype=np.float32)


def _middle(across: Map, down: Map, build: Build) -> Mask:
    """Return the mediastinum from the arch to the heart."""
    x, y, radius = _arch_place(build)
    _, height, _, _ = _heart_axes(build)
    band = np.abs(across - build.centre) < build.half_middle
    knob = ((across - x) / radius) ** 2 + ((down - y) / radius) ** 2 < 1
    found: Mask = (band & (down > y - radius) & (down < height)) | knob
    return found


def _trunk(across: Map, down: Map, build: Build) -> Map:
    """Return soft tissue of trunk, shoulders and neck in cm, as if there were no lungs."""
    along = np.clip((down - build.top) / 0.35, -1.0, 1.0)
    half = build.half_chest + build.wall + 0.25 * np.exp(-(((along - 0.15) / 0.35) ** 2))
    half = np.where(down < build.top, 0.1 + 0.9 * half * np.clip(1 + 3 * along, 0.1, 1.0), half)
    inside = 1.0 - ((across - build.centre) / half) ** 2
    return np.asarray(build.depth_cm * np.sqrt(np.clip(inside, 0.0, None)), dtype=np.float32)


def _depth_of(lung: Mask, trunk: Map, random: np.random.Generator) -> Map:
    """Return how much of the trunk is lung along the beam: all but the walls, less at its edge."""
    distance = cv2.distanceTransform(lung.astype(np.uint8), cv2.DIST_L2, 3) / lung.shape[0]
    rounded = 1.0 - np.exp(-distance / random.uniform(0.015, 0.05))
    vessels = 1.0 - random.uniform(0.03, 0.15) * _cloud(lung.shape[0], 0.012, random)
    depth = (trunk - random.uniform(3.0, 6.0)) * rounded * vessels
    return np.asarray(np.clip(depth, 0.0, None), dtype=np.float32)


def _cloud(side: int, grain: float, random: np.random.Generator) -> Map:
    """Return smooth noise from 0 to 1 whose grains have this share of the side."""
    coarse = max(4, int(0.5 / grain))
    small = random.random((coarse, coarse)).astype(np.float32)
    return np.asarray(
        np.clip(cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC), 0.0, 1.0),
        dtype=np.float32,
    )


_Boxed = list[tuple[tuple[int, int, int, int] | None, str]]


def _add_opacities(
    soft: Map, lungs: list[Mask], random: np.random.Generator, settings: GeneratorSettings
) -> _Boxed:
    """Make parts of the lungs dense, in place; return the boxes of what is dense enough."""
    boxes: _Boxed = []
    side = settings.side
    place = (np.arange(side, dtype=np.float32) + 0.5) / side
    for _ in range(int(random.integers(1, 5)) if random.random() < settings.with_opacities else 0):
        lung = lungs[int(random.integers(2))]
        rows, columns = np.nonzero(lung)
        if len(rows) == 0:
            continue
        chosen = int(random.integers(len(rows)))
        radius = random.uniform(0.04, 0.16, 2)
        x = (place[None, :] - columns[chosen] / side) / radius[0]
        y = (place[:, None] - rows[chosen] / side) / radius[1]
        patch = np.exp(-1.5 * (x**2 + y**2)) * (0.3 + _cloud(side, 0.03, random)) * lung
        soft += (random.uniform(4.0, 14.0) * patch).astype(np.float32)
        boxes.append((_bounds(patch > 0.3), "opacity"))
    return boxes


def _add_fluid(soft: Map, lung: Mask, down: Map, random: np.random.Generator) -> None:
    rows = down[lung]
    if rows.size:
        level = np.quantile(rows, random.uniform(0.7, 0.98))
        soft += (random.uniform(4.0, 10.0) * (lung & (down > level))).astype(np.float32)


def _add_abdomen(
    soft: Map, across: Map, down: Map, build: Build, random: np.random.Generator
) -> None:
    soft += np.clip((down - build.bottom[0]) * random.uniform(5.0, 20.0), 0.0, 4.0)
    x = build.centre + random.uniform(0.3, 0.7) * build.half_chest
    y = build.bottom[1] + random.uniform(-0.04, 0.06)
    gas = 1.0 - ((across - x) / 0.1) ** 2 - ((down - y) / random.uniform(0.03, 0.07)) ** 2
    soft -= random.uniform(0.0, 8.0) * np.sqrt(np.clip(gas, 0.0, None)).astype(np.float32)


def _bones(across: Map, down: Map, build: Build, side: int, random: np.random.Generator) -> Map:
    """Return spine, ribs and clavicles in cm of bone."""
    bone = np.zeros_like(across)
    spine = np.clip(1.0 - ((across - build.centre) / 0.045) ** 2, 0.0, None)
    discs = 0.8 + 0.2 * np.sin(down * random.uniform(55.0, 80.0))
    bone += random.uniform(1.0, 3.0) * np.sqrt(spine) * discs
    height = build.bottom[1] - build.top
    strength, slope = random.uniform(0.4, 1.6), random.uniform(0.1, 0.35)
    share = np.linspace(0.0, 1.0, 24)
    for number in range(10):
        start = build.top + (0.02 + 0.1 * number) * height
        for outward in (-1.0, 1.0):
            lateral = float(_half_chest(np.asarray(start + slope * height / 3), build)) * 1.03
            x = build.centre + outward * (0.03 + (lateral - 0.03) * np.sin(share * np.pi / 2))
            behind = start + slope * height * (share**2 - 0.25 * np.sin(share * np.pi))
            _draw(bone, x, behind, strength, 0.020, build, side)
            front = start + slope * height * (1.0 + 0.7 * (1 - share))
            _draw(bone, x[8:], front[8:], 0.5 * strength, 0.018, build, side)
    for outward in (-1.0, 1.0):
        x = build.centre + outward * (0.04 + share * build.half_chest)
        rise = (
            random.uniform(0.02, 0.08) * np.sin(share * np.pi) + random.uniform(0.0, 0.08) * share
        )
        _draw(bone, x, build.top + 0.13 * height - rise, 1.2, 0.024, build, side)
    return np.asarray(cv2.GaussianBlur(bone, (0, 0), 0.006 * side), dtype=np.float32)


def _draw(
    canvas: Map,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    cm: float,
    width: float,
    build: Build,
    side: int,
) -> None:
    """Add a curve of the upright person to a canvas, tilted as the person is."""
    cosine, sine = np.cos(build.tilt), np.sin(build.tilt)
    across, down = x - 0.5, y - 0.5
    points = np.stack([cosine * across - sine * down, sine * across + cosine * down], axis=1)
    drawn = np.zeros_like(canvas)
    pixels = [np.round((points + 0.5) * side * 8).astype(np.int32)]
    cv2.polylines(drawn, pixels, False, 1.0, max(1, round(width * side)), cv2.LINE_AA, 3)
    canvas += cm * drawn


def _add_devices(metal: Map, random: np.random.Generator) -> None:
    """Add wires, electrodes and letters: they lie over everything and mean nothing here."""
    side = metal.shape[0]
    for _ in range(int(random.integers(1, 5))):
        points = np.cumsum(random.normal(0.0, 0.1, (6, 2)), axis=0) + random.uniform(0, 1, 2)
        pixels = [np.round(points * side).astype(np.int32)]
        cv2.polylines(metal, pixels, False, random.uniform(0.02, 0.2), 1, cv2.LINE_AA)
    for _ in range(int(random.integers(0, 4))):
        centre = random.integers(0, side, 2)
        cv2.circle(metal, [int(each) for each in centre], max(2, side // 60), 0.15, -1)
    corner = (int(random.uniform(0.02, 0.9) * side), int(random.uniform(0.05, 0.15) * side))
    letter = str(random.choice(["L", "R", "A", "AP", "12"]))
    written = np.zeros(metal.shape, dtype=np.uint8)
    cv2.putText(written, letter, corner, cv2.FONT_HERSHEY_SIMPLEX, side / 400, 255, 2)
    metal += (written > 0).astype(np.float32)


def _bounds(mask: Mask) -> tuple[int, int, int, int] | None:
    """Return the box around a mask, or None around nothing or next to nothing."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) < 4 or len(columns) < 4:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
