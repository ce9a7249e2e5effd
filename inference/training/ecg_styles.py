"""Which page is printed next: layouts, scales, papers, pens and words drawn at random.

Rule of the file: everything here is made from the generator that is passed in; one seed, one
sequence of pages. Shares are chosen by what is met in clinics (three by four with a rhythm strip
at 25 mm/s and 10 mm/mV first of all), not measured. No word of a header belongs to a person.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from inference.core.ecg_layout import (
    SIX_BY_TWO,
    SIX_BY_TWO_CABRERA,
    SIX_BY_TWO_RHYTHM,
    THREE_BY_FOUR,
    THREE_BY_FOUR_RHYTHM,
    THREE_BY_FOUR_THREE_RHYTHMS,
    TWELVE_BY_ONE,
    Layout,
    Margins,
)
from inference.core.ecg_printer import Colour, PageStyle

_LAYOUTS: Final = (
    (THREE_BY_FOUR_RHYTHM, 0.62),
    (THREE_BY_FOUR, 0.06),
    (THREE_BY_FOUR_THREE_RHYTHMS, 0.06),
    (SIX_BY_TWO, 0.1),
    (SIX_BY_TWO_RHYTHM, 0.06),
    (SIX_BY_TWO_CABRERA, 0.03),
    (TWELVE_BY_ONE, 0.07),
)
_GRIDS: Final[tuple[tuple[Colour, Colour], ...]] = (
    ((252, 216, 216), (240, 160, 160)),  # pink
    ((250, 200, 190), (225, 120, 110)),  # red
    ((236, 222, 205), (205, 175, 145)),  # brown
    ((255, 225, 190), (245, 185, 130)),  # orange
    ((208, 226, 248), (150, 185, 230)),  # blue
    ((208, 238, 214), (145, 205, 160)),  # green
    ((224, 224, 224), (180, 180, 180)),  # grey
)
_HEADERS: Final = (
    ("ID {id}   {sex}   {age} years", "HR {hr} bpm  PR {pr} ms  QRS {qrs} ms"),
    ("Name:          ID: {id}", "Room:       Technician:", "Reported by:"),
    ("{date}  {time}", "Vent. rate {hr}  PR int {pr}  QRS dur {qrs}  QT/QTc {qt}/{qtc}"),
    ("12-lead ECG   {date}   {id}",),
    (),
)
_FOOTER: Final = "{speed:g} mm/s  {gain:g} mm/mV  {low}-{high} Hz  AC {mains} Hz"


def random_layout(rng: np.random.Generator) -> Layout:
    """Return a layout with its paper speed and gain."""
    shares = np.array([share for _, share in _LAYOUTS])
    layout = _LAYOUTS[int(rng.choice(len(_LAYOUTS), p=shares / shares.sum()))][0]
    speed = 50.0 if rng.random() < 0.07 else 25.0
    usual = 5.0 if len(layout.rows) > 7 and rng.random() < 0.5 else 10.0
    gain = float(rng.choice([usual, 5.0, 20.0], p=[0.92, 0.05, 0.03]))
    return replace(
        layout,
        mm_per_s=speed,
        mm_per_mv=gain,
        row_pitch_mm=layout.row_pitch_mm * float(rng.uniform(0.85, 1.15)),
        sequential=bool(rng.random() < 0.93),
    )


def random_style(rng: np.random.Generator, px_per_mm: float | None = None) -> PageStyle:
    """Return a look; the resolution between 4 and 7 px/mm (100 to 180 dpi) if none is given."""
    minor, major = _grid_colours(rng)
    dark = int(rng.integers(0, 70))
    ink = (dark, dark, int(min(255, dark + rng.choice([0, 0, 40, 90]))))
    return PageStyle(
        px_per_mm=float(rng.uniform(4.0, 7.0)) if px_per_mm is None else px_per_mm,
        margins=Margins(
            top=float(rng.uniform(6.0, 34.0)),
            right=float(rng.uniform(2.0, 12.0)),
            bottom=float(rng.uniform(5.0, 18.0)),
            left=float(rng.uniform(2.0, 10.0)),
            lead_in=float(rng.uniform(9.0, 14.0)),
        ),
        paper=_paper(rng),
        minor=minor,
        major=major,
        dotted=bool(rng.random() < 0.15),
        ink=ink,
        ink_width_mm=float(rng.uniform(0.2, 0.5)),
        text=ink,
        letters_mm=float(rng.uniform(2.0, 3.2)),
        lead_names=bool(rng.random() < 0.96),
        names_above_mm=float(rng.uniform(1.5, 9.0)),
        pulse="left" if rng.random() < 0.85 else "none",
        separator=("none", "tick", "line")[int(rng.choice(3, p=[0.55, 0.25, 0.2]))],
        frame=major if rng.random() < 0.3 else None,
        header=_header(rng),
        footer=_footer(rng) if rng.random() < 0.7 else "",
    )


def _grid_colours(rng: np.random.Generator) -> tuple[Colour | None, Colour | None]:
    if rng.random() < 0.06:
        return None, None
    minor, major = _GRIDS[int(rng.integers(len(_GRIDS)))]
    fade = float(rng.uniform(0.4, 1.25))

    def faded(colour: Colour) -> Colour:
        red, green, blue = (int(np.clip(255 - fade * (255 - c), 0, 255)) for c in colour)
        return red, green, blue

    kept = faded(minor) if rng.random() < 0.9 else None
    return kept, faded(major)


def _paper(rng: np.random.Generator) -> Colour:
    if rng.random() < 0.5:
        return 255, 255, 255
    base = int(rng.integers(238, 256))
    return base, int(base - rng.integers(0, 8)), int(base - rng.integers(0, 16))


def _header(rng: np.random.Generator) -> tuple[str, ...]:
    words = {
        "id": f"{rng.integers(10**5, 10**7)}",
        "sex": str(rng.choice(["Male", "Female", "M", "F"])),
        "age": int(rng.integers(18, 96)),
        "hr": int(rng.integers(38, 150)),
        "pr": int(rng.integers(110, 260)),
        "qrs": int(rng.integers(76, 160)),
        "qt": int(rng.integers(320, 480)),
        "qtc": int(rng.integers(380, 500)),
        "date": "20{:02d}-{:02d}-{:02d}".format(*rng.integers((10, 1, 1), (27, 13, 29))),
        "time": f"{rng.integers(24):02d}:{rng.integers(60):02d}",
    }
    lines = _HEADERS[int(rng.integers(len(_HEADERS)))]
    return tuple(line.format(**words) for line in lines)


def _footer(rng: np.random.Generator) -> str:
    return _FOOTER.format(
        speed=25.0,
        gain=10.0,
        low=str(rng.choice(["0.05", "0.15", "0.5", "0.67"])),
        high=str(rng.choice(["25", "35", "40", "100", "150"])),
        mains=str(rng.choice(["50", "60"])),
    )
