"""Leads that a page shows flat, or not at all: an electrode was off, or nothing was printed.

Rule of the file: strokes of the traces and the layout in, names of leads out. On paper a lead
without a heart is a level line; how thick it is and how the page bends is not counted.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.core.ecg_layout import Layout
from inference.core.ecg_page_traces import TRACES_PX, Traces

_WORDS_PX: Final = 14
"""At the beginning of a lead its name stands in the way."""
_END_PX: Final = 6
_LEAST_DRAWN: Final = 0.3
"""Share of a lead's columns below which nothing was printed there."""
_MOST_RISE_PX: Final = 2.4
"""1 mm. Of 60 printed and photographed pages, leads taken off rose by at most 2.0 px (one of 42 by
more) and the others by 2.9 or more; leads of 44 pages of a clinic by 3.1 or more."""


def silent_leads(traces: Traces, layout: Layout) -> tuple[str, ...]:
    """Return the leads of a page without a heart in them, in the order of its rows.

    A lead that stands on the page twice is silent only where no place of it shows a heart.
    """
    upper, lower = (one[:, -TRACES_PX:] for one in (traces.upper, traces.lower))
    shown: dict[str, bool] = {}
    for row, names in enumerate(layout.rows):
        width = TRACES_PX / len(names)
        for column, name in enumerate(names):
            part = slice(round(column * width) + _WORDS_PX, round((column + 1) * width) - _END_PX)
            beats = _rise(upper[row, part], lower[row, part]) > _MOST_RISE_PX
            lead = name.removeprefix("-")
            shown[lead] = shown.get(lead, False) or beats
    return tuple(lead for lead, beats in shown.items() if not beats)


def _rise(upper: NDArray[np.float32], lower: NDArray[np.float32]) -> float:
    """Return how far strokes leave the level line, in pixels; 0 where next to nothing is drawn."""
    drawn = upper >= lower
    if drawn.mean() < _LEAST_DRAWN:
        return 0.0
    places = np.flatnonzero(drawn).astype(np.float32)
    high, low = upper[drawn], lower[drawn]
    middle = (high + low) / np.float32(2.0)
    away = places - places.mean()
    line = middle.mean() + (away @ middle) / (away @ away) * away
    # Ranked by hand: `numpy.quantile` takes ten times as long.
    usual, most = len(places) // 2, int(0.98 * (len(places) - 1))
    thick = np.partition(high - low, usual)[usual]
    above, below = (np.partition(one, most)[most] for one in (high - line, line - low))
    return float(above + below - thick)
