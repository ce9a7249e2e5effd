"""The picture of ``cardiotwin read``: what was read, with what the net saw drawn into it.

Boxes with their names and scores; or light where the page speaks for the likeliest finding; and a
caption, because pictures travel without their text. Pillow and numpy only.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from inference.core.image_reading import Activation, ImageReading, Read, Region

LIGHT: Final = (224, 130, 20)
LINES: Final = ("#e08214", "#4393c3", "#c51b7d", "#1b7837")
"""Colours of ColorBrewer's scales that people with colour blindness can tell apart."""
STRONGEST: Final = 0.55
"""Share of light where the net sees most: the trace stays readable under it."""
LEAST_WIDTH_PX: Final = 900
"""Narrower pictures are enlarged, so that a caption fits under them."""


def marked(read: Read) -> Image.Image:
    """Return the picture of a reading with its marks and a caption under it, RGB."""
    picture = Image.open(io.BytesIO(read.picture.png)).convert("RGB")
    scale = max(1, -(-LEAST_WIDTH_PX // picture.width))
    if scale > 1:
        size = (picture.width * scale, picture.height * scale)
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    if read.reading.activations:
        picture = _lit(picture, read.reading.activations[0])
    for place, region in enumerate(read.reading.regions):
        _boxed(picture, region, LINES[place % len(LINES)])
    return _captioned(picture, _caption(read.reading))


def _lit(picture: Image.Image, activation: Activation) -> Image.Image:
    values = np.frombuffer(activation.values, np.uint8)
    rows = values.reshape(activation.rows, activation.columns)
    share = Image.fromarray(rows).resize(picture.size, Image.Resampling.BILINEAR)
    mask = share.point([round(STRONGEST * value) for value in range(256)])
    return Image.composite(Image.new("RGB", picture.size, LIGHT), picture, mask)


def _boxed(picture: Image.Image, region: Region, colour: str) -> None:
    draw = ImageDraw.Draw(picture)
    width, height = picture.size
    corners = (
        region.left * width,
        region.top * height,
        region.right * width,
        region.bottom * height,
    )
    draw.rectangle(corners, outline=colour, width=3)
    at = (corners[0] + 6, corners[1] + 4)
    words = f"{region.name} {region.score:.0%}"
    font = ImageFont.load_default(16)
    draw.rectangle(draw.textbbox(at, words, font), fill="black")
    draw.text(at, words, fill="white", font=font)


def _caption(reading: ImageReading) -> tuple[str, ...]:
    called = ", ".join(f"{each.name} {each.probability:.0%}" for each in reading.possible[:4])
    lit = reading.activations[0].code if reading.activations else None
    names = {each.code: each.name for each in reading.findings}
    return (
        called
        or ("Boxes as the net drew them." if reading.regions else "Nothing likely or possible."),
        *((f"Light: what speaks for {names[lit]}, as the net saw it.",) if lit else ()),
        f"{reading.release}. Research only, not validated on patients.",
    )


def _captioned(picture: Image.Image, lines: tuple[str, ...]) -> Image.Image:
    font = ImageFont.load_default(18)
    whole = Image.new("RGB", (picture.width, picture.height + 26 * len(lines) + 12), "white")
    whole.paste(picture)
    draw = ImageDraw.Draw(whole)
    for place, line in enumerate(lines):
        draw.text((10, picture.height + 6 + 26 * place), line, fill="black", font=font)
    return whole
