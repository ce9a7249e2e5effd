"""From thicknesses of tissue to a grey picture: absorption, scatter, noise, exposure, processing.

Generated radiographs only. Beer's law over soft tissue, bone and metal; a share of the primary
beam, blurred widely, as scatter; Poisson noise of the photons; the detector's blur; and then what
workstations do: logarithm, window, gamma and, on some, local equalisation. The coefficients are
those of about 60 keV, rounded (NIST, https://physics.nist.gov/PhysRefData/XrayMassCoef/; from
memory, unverified), and serve to make pictures of many kinds, not to measure anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]

SOFT_PER_CM: Final = 0.20
BONE_PER_CM: Final = 0.45
METAL_PER_CM: Final = 8.0


@dataclass(frozen=True, slots=True)
class Thickness:
    """In cm along the beam, ``[row, column]`` each; lung counts as soft tissue by its density."""

    soft: Map
    bone: Map
    metal: Map


def exposed(thickness: Thickness, random: np.random.Generator) -> NDArray[np.uint8]:
    """Return a picture of the tissue as a workstation shows it: air dark, bone bright."""
    side = thickness.soft.shape[0]
    absorbed = (
        SOFT_PER_CM * thickness.soft
        + BONE_PER_CM * thickness.bone
        + METAL_PER_CM * thickness.metal
    )
    primary = np.exp(-np.clip(absorbed, 0.0, 12.0)).astype(np.float32)
    scatter = random.uniform(0.15, 0.9) * _blurred(primary, random.uniform(0.06, 0.15) * side)
    photons = 10.0 ** random.uniform(3.4, 5.2)
    counted = random.poisson((primary + scatter) * photons) + 1.0
    signal = _blurred(-np.log(counted / photons).astype(np.float32), random.uniform(0.3, 1.1))
    return _processed(signal, random)


def _processed(signal: Map, random: np.random.Generator) -> NDArray[np.uint8]:
    low, high = np.percentile(signal, [random.uniform(0.5, 8.0), random.uniform(92.0, 99.8)])
    share = np.clip((signal - low) / max(float(high - low), 1e-3), 0.0, 1.0)
    grey: NDArray[np.uint8] = (255.0 * share ** random.uniform(0.7, 1.5)).astype(np.uint8)
    if random.random() < 0.4:
        tiles = int(random.integers(2, 9))
        equalise = cv2.createCLAHE(random.uniform(1.0, 3.0), (tiles, tiles))
        grey = np.asarray(equalise.apply(grey), dtype=np.uint8)
    return grey


def _blurred(picture: Map, sigma: float) -> Map:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), dtype=np.float32)
