"""Prints the page that a sample patient of the sandbox EHR has on file, from a generated ECG.

``python -m inference.training.sample_page FILE.png``. The sandbox is a program of its own and
knows no printer: the page is committed there, and made again by this command, pixel for pixel.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from inference.core.ecg_layout import THREE_BY_FOUR_RHYTHM
from inference.core.ecg_printer import PageStyle, print_page
from inference.training.ecg_generator import generated

WORDS: Final = ("GENERATED FOR A SANDBOX - NOT A PATIENT", "25 mm/s, 10 mm/mV")
CASE: Final = "AF"
SEED: Final = 32
PX_PER_MM: Final = 4.0
_COLOURS: Final = 16


def sample_page() -> Image.Image:
    """Return the page, in few colours so that the chart that holds it stays small."""
    ecg = generated(np.random.default_rng(SEED), CASE).ecg
    style = PageStyle(px_per_mm=PX_PER_MM, header=WORDS)
    return Image.fromarray(print_page(ecg, THREE_BY_FOUR_RHYTHM, style).pixels).quantize(_COLOURS)


def main() -> None:
    """Write the page to the file that the command names."""
    sample_page().save(Path(sys.argv[1]), "PNG", optimize=True)


if __name__ == "__main__":
    main()
