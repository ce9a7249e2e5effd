"""Which lead stands where on a page: told by what leads must have in common, not by their names.

Rule of the file: heights of traces in, a `Layout` out; no ink is looked at here. Six limb leads
hang on three electrodes (Einthoven, Goldberger), and a rhythm strip repeats a lead of the rows
above it. What such a relation leaves over of the traces says how little it holds; each that holds
speaks for the layouts in which it must. Words beside the traces are not read. A page whose leads
were each scaled on their own tells nothing, and stays unsure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.core.ecg import LEADS, LIMB_FROM_ELECTRODES
from inference.core.ecg_layout import (
    SIX_BY_TWO,
    SIX_BY_TWO_CABRERA,
    THREE_BY_FOUR,
    THREE_BY_FOUR_CABRERA,
    TWELVE_BY_ONE,
    TWELVE_BY_ONE_CABRERA,
    Layout,
)
from inference.core.ecg_page_traces import TRACES_PX, Heights

Table = NDArray[np.float32]

SURE_EVIDENCE: Final = 1.0
"""From here on the leads themselves say which layout it is."""
_USUAL_MISFIT: Final = 0.55
"""What a relation leaves over that does not hold, as a share of the traces' height."""
_USUAL_MISFIT_OF_CABRERA: Final = 0.28
"""In Cabrera's order each lead lies near the mean of its neighbours, as chest leads do as well."""
_LEAST_MISFIT: Final = 0.05
"""Better than this no page is measured."""
_WORDS_PX: Final = 12
"""At the beginning of a lead its name stands in the way."""
_STEEPEST_SHARE: Final = 0.3
"""Share of moments that is looked at: those with complexes and T waves."""
_BASES: Final = (
    (THREE_BY_FOUR, THREE_BY_FOUR_CABRERA),
    (SIX_BY_TWO, SIX_BY_TWO_CABRERA),
    (TWELVE_BY_ONE, TWELVE_BY_ONE_CABRERA),
)
_MOST_STRIPS: Final = {3: 3, 6: 1, 12: 0}
_STRIPS: Final = ("II", "V1", "V5")
_USUAL_STRIPS: Final = 0.7
_RHYTHMS: Final[tuple[tuple[tuple[str, ...], ...], ...]] = (
    ((),),
    (("II",), ("V1",), ("V5",)),
    (("II", "V1"), ("V1", "II"), ("II", "V5"), ("V5", "II"), ("V1", "V5")),
    (("V1", "II", "V5"), ("II", "V1", "V5"), ("II", "V5", "V1"), ("V5", "II", "V1")),
)
"""Rhythm strips that pages have, by their number; the usual ones first."""


@dataclass(frozen=True, slots=True)
class Order:
    """The layout that fits best and the evidence for it, in natural logarithms.

    ``sure`` is whether the leads themselves say so; else it is the usual layout of so many rows.
    """

    layout: Layout
    evidence: float

    @property
    def sure(self) -> bool:
        """Return whether the leads themselves say which layout it is."""
        return self.evidence >= SURE_EVIDENCE


def order_of(heights: Heights) -> Order | None:
    """Return the layout that the traces fit best; None where no layout has so many rows."""
    found = [
        _with_strips(heights, max(bases, key=lambda base: _of_rows(heights, base)))
        for bases in _BASES
        if 0 <= len(heights) - len(bases[0].rows) <= _MOST_STRIPS[len(bases[0].rows)]
    ]
    if not found:
        return None
    best = max(found, key=lambda order: order.evidence)
    return best if best.sure else _usual(len(heights), best.evidence)


def _usual(rows: int, evidence: float) -> Order:
    """Return the layout that most pages with so many rows have: the one with fewest strips."""
    base = max((one for one, _ in _BASES if len(one.rows) <= rows), key=lambda one: len(one.rows))
    return Order(_named(base, _RHYTHMS[rows - len(base.rows)][0]), evidence)


def _of_rows(heights: Heights, base: Layout) -> float:
    """Return how much the rows of a layout speak for it, its rhythm strips left alone."""
    return sum(
        _evidence(heights[: len(base.rows), window.start : window.stop], window)
        for window in _windows(base)
    )


def _with_strips(heights: Heights, base: Layout) -> Order:
    """Return the layout with the rhythm strips that fit best below it."""
    above = len(base.rows)
    each = [
        {name: _of_strip(np.vstack([heights[:above], strip]), base, name) for name in _STRIPS}
        for strip in heights[above:]
    ]

    def fits(names: tuple[str, ...]) -> float:
        return sum(one[name] for one, name in zip(each, names, strict=True))

    usual, *others = _RHYTHMS[len(each)]
    # The usual strips are believed until others fit clearly better.
    names = max((usual, *others), key=lambda one: fits(one) + _USUAL_STRIPS * (one == usual))
    return Order(_named(base, names), _of_rows(heights, base) + fits(names))


def _of_strip(heights: Heights, base: Layout, name: str) -> float:
    return sum(
        _evidence(heights[:, window.start : window.stop], window)
        for window in _repeats(base, name)
    )


def _named(base: Layout, strips: tuple[str, ...]) -> Layout:
    name = "+".join((base.name, *strips))
    return replace(base, name=name, rows=(*base.rows, *((one,) for one in strips)))


def _evidence(part: Table, window: _Window) -> float:
    """Return how much traces ``[row, column]`` speak for the relations of a window: a logarithm.

    Only moments count at which the traces are away from their baselines, where everything holds.
    """
    level = _without_slope(part)
    size = np.sqrt((level**2).mean(axis=0))
    steep = size >= _ranked(size, 1.0 - _STEEPEST_SHARE)
    rest = np.sqrt(((window.relations @ level[:, steep]) ** 2).mean(axis=0))
    usual = _ranked(size[steep], 0.5)
    misfit = _ranked(rest, 0.5) / usual if usual > 0 else 1.0
    return len(window.relations) * math.log(window.usual_misfit / max(misfit, _LEAST_MISFIT))


def _ranked(values: Table, share: float) -> float:
    """Return the value that so large a share lies below; `numpy.quantile` takes ten times this."""
    place = int(share * len(values))
    return float(np.partition(values, place)[place])


def _without_slope(part: Table) -> Table:
    """Return the traces without what a bent page adds: their straight line through the window."""
    time = np.linspace(-1.0, 1.0, part.shape[1], dtype=np.float32)
    level = part - part.mean(axis=1, keepdims=True)
    slope = level @ time / (time @ time)
    return np.asarray(level - slope[:, None] * time, dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """Columns of pixels in which relations ``[n, row]``, each of length 1, must hold.

    ``usual_misfit`` is what they leave over where they do not.
    """

    start: int
    stop: int
    relations: Table
    usual_misfit: float


@cache
def _windows(base: Layout) -> tuple[_Window, ...]:
    """Return the columns of leads in which some depend on the others."""
    found = []
    for start, stop, table in _columns(base):
        _, size, across = np.linalg.svd(table.T)
        rank = int((size > 1e-9).sum())
        if rank < len(table):
            held = across[rank:].astype(np.float32)
            found.append(_Window(start, stop, held, _usual_misfit(base)))
    return tuple(found)


@cache
def _repeats(base: Layout, strip: str) -> tuple[_Window, ...]:
    """Return the columns of leads that tell what a rhythm strip below must look like."""
    found = []
    wanted = _electrodes(strip)
    for start, stop, table in _columns(base):
        shares = wanted @ np.linalg.pinv(table)
        if np.allclose(shares @ table, wanted):
            relation = np.append(-shares, 1.0)
            relation /= np.linalg.norm(relation)
            held = relation[None].astype(np.float32)
            found.append(_Window(start, stop, held, _usual_misfit(base)))
    return tuple(found)


def _usual_misfit(base: Layout) -> float:
    return _USUAL_MISFIT_OF_CABRERA if "-aVR" in str(base.rows) else _USUAL_MISFIT


def _columns(base: Layout) -> list[tuple[int, int, NDArray[np.float64]]]:
    """Return for each column of leads its pixels and its leads as sums of nine potentials."""
    count = len(base.rows[0])
    width = TRACES_PX / count
    return [
        (
            round(column * width) + _WORDS_PX,
            round((column + 1) * width) - 4,
            np.stack([_electrodes(row[column]) for row in base.rows]),
        )
        for column in range(count)
    ]


def _electrodes(name: str) -> NDArray[np.float64]:
    """Return a lead as a sum of nine potentials; those of chest leads against the limbs' mean."""
    out = np.zeros(9)
    lead = LEADS.index(name.removeprefix("-"))
    if lead < len(LIMB_FROM_ELECTRODES):
        out[:3] = LIMB_FROM_ELECTRODES[lead]
    else:
        out[3 + lead - len(LIMB_FROM_ELECTRODES)] = 1.0
    return -out if name.startswith("-") else out
