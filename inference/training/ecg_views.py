"""One ECG as the nets see it: a canonical page, the strips printed on it, or all leads.

Rule of the file: from leads to arrays; what a day changes is in `ecg_augment`, what a camera does
to a page in `ecg_camera`. Here is also what finding a page leaves: it is never quite in place.

A canonical page has 62.5 pixels a second, so four samples of 250 Hz are one pixel column and
sample ``4 x`` of a strip lies at column ``x``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.core.ecg import LEADS, Ecg
from inference.core.ecg_layout import (
    CANONICAL_WIDTH,
    THREE_BY_FOUR,
    THREE_BY_FOUR_RHYTHM,
    Layout,
    PageGeometry,
)
from inference.core.ecg_paper import ink_of
from inference.core.ecg_printer import PageStyle, print_canonical
from inference.core.viz_ecg import (
    NO_LEAD,
    SAMPLES_PER_PX,
    STRIP_SAMPLES,
    STRIPS,
    TIMES,
    all_lead_strips,
)
from inference.training.ecg_camera import PHONE, SCANNER, weathered

Leads = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Grey = NDArray[np.uint8]
RATE_HZ: Final = 250.0
USUAL_MM_PER_MV: Final = 10.0


@dataclass(frozen=True, slots=True)
class View:
    """A page with what is printed on it.

    ``page`` uint8 ``[320, 672, 3]``; ``strips [strip, 2688]`` in mV, at another gain than 10 mm/mV
    as high as they look; ``leads [strip, 42]``.
    """

    page: Pixels
    strips: Leads
    leads: NDArray[np.int64]


def printed_view(leads_mv: Leads, layout: Layout, style: PageStyle) -> View:
    """Return the canonical page as printed, and its strips."""
    page = print_canonical(Ecg(leads_mv, RATE_HZ), layout, style)
    strips, leads = strips_on(leads_mv, page.geometry)
    return View(page.pixels, strips * np.float32(layout.mm_per_mv / USUAL_MM_PER_MV), leads)


def strips_on(leads_mv: Leads, geometry: PageGeometry) -> tuple[Leads, NDArray[np.int64]]:
    """Return the first `STRIPS` rows of a page as signals in place, and the lead of each token."""
    strips = np.zeros((STRIPS, STRIP_SAMPLES), dtype=np.float32)
    leads = np.full((STRIPS, TIMES), NO_LEAD, dtype=np.int64)
    heights = sorted({place.baseline_px for place in geometry.places})
    per_token = CANONICAL_WIDTH / TIMES
    for place in geometry.places:
        row = heights.index(place.baseline_px)
        if row >= STRIPS:
            continue
        lead = LEADS.index(place.lead.removeprefix("-"))
        shown = leads_mv[lead, round(place.start_seconds * RATE_HZ) :]
        at = round(place.left_px * SAMPLES_PER_PX)
        count = min(round((place.right_px - place.left_px) * SAMPLES_PER_PX), len(shown))
        strips[row, at : at + count] = shown[:count]
        first = round(place.left_px / per_token)
        leads[row, first : round(place.right_px / per_token)] = lead
    return strips, leads


def whole_view(leads_mv: Leads) -> tuple[Leads, NDArray[np.int64]]:
    """Return all twelve leads for ten seconds as strips ``[12, 2688]``, and their leads."""
    strips, leads = all_lead_strips(leads_mv[None])
    return strips[0], leads[0]


def drawn_layout(random: np.random.Generator) -> Layout:
    """Draw a layout that the net reads: three rows of four leads, mostly with a rhythm strip."""
    lead = "II" if random.random() < 0.75 else ("V1", "V5", "III", "I")[int(random.integers(4))]
    rows = THREE_BY_FOUR.rows if random.random() < 0.06 else (*THREE_BY_FOUR.rows, (lead,))
    gain = float(random.choice([10.0, 5.0, 20.0], p=[0.94, 0.04, 0.02]))
    sequential = bool(random.random() < 0.93)
    return replace(THREE_BY_FOUR_RHYTHM, rows=rows, mm_per_mv=gain, sequential=sequential)


def seen(printed: Pixels, weather: float, random: np.random.Generator) -> Grey:
    """Return the ink of a canonical page as the service finds it, never quite in its place.

    ``weather`` is the share of pages that were photographed or scanned; every page is shifted by
    up to about 8 pixels along and 5 down and scaled by up to 3 %.
    """
    if random.random() < weather:
        accidents = PHONE if random.random() < 0.7 else SCANNER
        printed = weathered(printed, accidents, random)
    ink = ink_of(printed)
    height, width = ink.shape
    spread = np.array([0.008, 0.002, 3.0, 0.002, 0.012, 2.0])
    change = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    change += (spread * np.clip(random.standard_normal(6), -2.5, 2.5)).reshape(2, 3)
    change[:, 2] += (np.eye(2) - change[:, :2]) @ np.array([0.5 * width, 0.5 * height])
    moved = cv2.warpAffine(ink, change, (width, height), borderValue=0)
    return np.asarray(moved, dtype=np.uint8)
