"""Batches for the ECG nets: which records are drawn, and what becomes of each on its way in.

Rule of the file: drawing, augmenting, printing. A record with a rare finding is drawn more often;
a generated ECG takes the place of a recorded one in a given share. Randomness is passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.core.ecg import Ecg
from inference.core.ecg_beats import r_peaks
from inference.core.ecg_layout import (
    CANONICAL_MARGINS,
    CANONICAL_PX_PER_MM,
    THREE_BY_FOUR_RHYTHM,
    canonical_layout,
    geometry_of,
)
from inference.core.ecg_paper import ink_of
from inference.core.ecg_printer import PageStyle
from inference.core.viz_ecg import net_pages
from inference.training.ecg_augment import (
    SAMPLES,
    Strengths,
    disturbed,
    levelled_leads,
)
from inference.training.ecg_injury import can_be_injured, injured
from inference.training.ecg_labels import Targets
from inference.training.ecg_rhythms import RhythmShares, as_another_rhythm
from inference.training.ecg_sets import EcgRecords
from inference.training.ecg_styles import random_style
from inference.training.ecg_views import (
    RATE_HZ,
    View,
    drawn_layout,
    printed_view,
    seen,
    strips_on,
    whole_view,
)

Leads = NDArray[np.float32]
Generator = Callable[[np.random.Generator], tuple[Leads, Targets]]
"""Makes one ECG ``[12, 2500]`` in mV with targets; marked generated wherever it is counted."""
LEVELLED_SETS: Final = ("ludb",)
"""Sets whose leads were each scaled to 1 mV: their amplitudes are drawn anew."""
_LAST_PEAK: Final = SAMPLES - 60
_RARE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Mixture:
    """How batches are made: share of generated ECGs, share of pages a camera has seen.

    ``rare`` says how much more often a record with a finding that few have is drawn.
    """

    generated: float = 0.0
    weather: float = 0.5
    rare: float = 0.25
    rhythms: RhythmShares = field(default_factory=RhythmShares)
    augment: Strengths = field(default_factory=Strengths)


@dataclass(frozen=True, slots=True)
class EcgBatch:
    """``page [b, 1, 320, 672]`` of ink or None, ``strips``, ``leads`` and ``targets`` by row."""

    page: NDArray[np.float32] | None
    strips: Leads
    leads: NDArray[np.int64]
    targets: NDArray[np.float32]


@dataclass(slots=True)
class EcgDraw:
    """Draws augmented records of the part that teaches; ``injury`` is `ecg_injury`'s share."""

    records: EcgRecords
    mixture: Mixture
    generate: Generator | None
    random: np.random.Generator
    injury: float = 0.0
    weight: NDArray[np.float64] = field(init=False)
    rows: NDArray[np.int64] = field(init=False)
    peaks: dict[int, NDArray[np.int64]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.rows = np.flatnonzero(self.records.teaches)
        self.weight = drawing_weights(self.records.targets[self.rows], self.mixture.rare)

    def one(self) -> tuple[Leads, Targets]:
        """Return one ECG ``[12, 2500]`` in mV as it might have been, with its targets."""
        if self.generate is not None and self.random.random() < self.mixture.generated:
            leads, targets = self.generate(self.random)
            return disturbed(leads, targets, self.mixture.augment, self.random)
        row = int(self.random.choice(self.rows, p=self.weight))
        leads, targets, peaks = self._recorded(row)
        leads, targets = as_another_rhythm(
            leads, targets, peaks, self.mixture.rhythms, self.random
        )
        if self.records.sets[row] in LEVELLED_SETS:
            leads = levelled_leads(leads, self.random)
        return disturbed(leads, targets, self.mixture.augment, self.random)

    def _recorded(self, row: int) -> tuple[Leads, Targets, NDArray[np.int64]]:
        """Return a record with its peaks, at times with an injury current played on its beats."""
        leads, targets = self.records.leads_mv(row), self.records.targets[row]
        peaks = self._peaks(row)
        fit = self.injury > 0 and can_be_injured(targets) and len(peaks) > 1
        if fit and self.random.random() < self.injury:
            leads, targets = injured(leads, targets, peaks, self.random)
        return leads, targets, peaks

    def _peaks(self, row: int) -> NDArray[np.int64]:
        if row not in self.peaks:
            found = r_peaks(Ecg(self.records.leads_mv(row), RATE_HZ))
            self.peaks[row] = found[found < _LAST_PEAK]
        return self.peaks[row]

    def pages(self, size: int) -> EcgBatch:
        """Return printed pages with the strips on them."""
        page, strips, leads, targets = self.drawn(size)
        return EcgBatch(net_pages(page), strips, leads, targets)

    def drawn(self, size: int) -> tuple[NDArray[np.uint8], Leads, NDArray[np.int64], Targets]:
        """Return ink ``[size, 320, 672]`` of printed pages, their strips, leads and targets."""
        drawn = [self.one() for _ in range(size)]
        views = [self._printed(leads) for leads, _ in drawn]
        return (
            np.stack([seen(view.page, self.mixture.weather, self.random) for view in views]),
            np.stack([view.strips for view in views]),
            np.stack([view.leads for view in views]),
            np.stack([targets for _, targets in drawn]),
        )

    def _printed(self, leads: Leads) -> View:
        return printed_view(leads, drawn_layout(self.random), random_style(self.random))

    def signals(self, size: int, whole: bool) -> EcgBatch:
        """Return signals without pages: all leads of ten seconds, or the strips of a page."""
        drawn = [self.one() for _ in range(size)]
        views = [whole_view(leads) if whole else printed_strips(leads) for leads, _ in drawn]
        return EcgBatch(
            None,
            np.stack([strips for strips, _ in views]),
            np.stack([leads for _, leads in views]),
            np.stack([targets for _, targets in drawn]),
        )


def printed_strips(leads: Leads) -> tuple[Leads, NDArray[np.int64]]:
    """Return the strips of a three-by-four page with lead II below, without printing it."""
    geometry = geometry_of(
        canonical_layout(THREE_BY_FOUR_RHYTHM), CANONICAL_MARGINS, CANONICAL_PX_PER_MM
    )
    return strips_on(leads, geometry)


def usual_leads() -> NDArray[np.int64]:
    """Return the lead at each place of a three-by-four page with lead II below ``[strip, 42]``."""
    return printed_strips(np.zeros((12, SAMPLES), dtype=np.float32))[1]


def drawing_weights(targets: NDArray[np.float32], rare: float = 0.25) -> NDArray[np.float64]:
    """Return how often each record is drawn: one, and more for each finding that few have."""
    stated = (targets == 1).astype(np.float64)
    count = np.maximum(stated.sum(axis=0), 1.0)
    extra = rare * (len(targets) / count) ** _RARE
    weight = 1.0 + np.minimum((stated * extra).sum(axis=1), 8.0)
    shares: NDArray[np.float64] = weight / weight.sum()
    return shares


def plain_view(records: EcgRecords, rows: NDArray[np.int64], whole: bool) -> EcgBatch:
    """Return records as recorded: all leads, or the plainest page with its strips."""
    leads = [records.leads_mv(int(row)) for row in rows]
    leads = [one - np.median(one, axis=1, keepdims=True) for one in leads]
    if whole:
        views = [whole_view(one) for one in leads]
        strips, places = (np.stack(part) for part in zip(*views, strict=True))
        return EcgBatch(None, strips, places, records.targets[rows])
    pages = [printed_view(one, THREE_BY_FOUR_RHYTHM, PageStyle()) for one in leads]
    return EcgBatch(
        net_pages(np.stack([ink_of(page.page) for page in pages])),
        np.stack([page.strips for page in pages]),
        np.stack([page.leads for page in pages]),
        records.targets[rows],
    )
