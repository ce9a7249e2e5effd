"""PNG and JPEG files of radiographs, and of nothing else. The size is checked before decoding.

Such a file has no header that says what it shows: whoever hands it over does. It is taken as it is
looked at, air dark.
"""

from __future__ import annotations

import io
import warnings
from typing import Final

import numpy as np
from PIL import Image

from inference.core.radiograph import SMALLEST_SIDE_PX, Grey, Radiograph
from inference.errors import RadiographUnreadable

MOST_PIXELS: Final = 25_000_000
_FORMATS: Final = ("PNG", "JPEG")
_WIDE: Final = frozenset({"I", "I;16", "I;16B", "I;16L"})


def picture_of(data: bytes) -> Radiograph:
    """Return the radiograph in a PNG or JPEG file; colour becomes its luminance.

    Raises
    ------
    inference.errors.RadiographUnreadable
        It is neither, is damaged, holds more than one picture, or is too large or too small.
    """
    try:
        # Pillow warns of what this refuses itself, before it decodes.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(io.BytesIO(data), formats=_FORMATS)
    except Exception:  # noqa: BLE001  Pillow raises what the bytes lead it to
        raise RadiographUnreadable("it is neither a PNG nor a JPEG file") from None
    with picture:
        _refuse_by_header(picture)
        try:
            grey = _grey(picture)
        except Exception:  # noqa: BLE001
            raise RadiographUnreadable("it is a damaged PNG or JPEG file") from None
    return Radiograph(grey, view=None, spacing_mm=None)


def _refuse_by_header(picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > MOST_PIXELS:
        raise RadiographUnreadable(f"it would hold {height} x {width} pixels, too many")
    if min(width, height) < SMALLEST_SIDE_PX:
        raise RadiographUnreadable(f"it is only {width} x {height} pixels")
    if getattr(picture, "n_frames", 1) != 1:
        raise RadiographUnreadable("it holds more than one picture")


def _grey(picture: Image.Image) -> Grey:
    if picture.mode in _WIDE:
        # The 16 bits of a PNG are a scale of their own (PNG, section 4.4), not a window.
        return (np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8)
    return np.asarray(picture.convert("L"))
