"""What VizECGNet reads and says: the arrays before and after the net. Pure.

Rule of the file: names, shapes and scaling that training and serving share. Finding a page is
`ecg_page`; what a clinician is told is not here.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.core.ecg import LEADS
from inference.core.ecg_layout import (
    CANONICAL_HEIGHT,
    CANONICAL_MARGINS,
    CANONICAL_PX_PER_MM,
    CANONICAL_WIDTH,
)

PAGE: Final = "page"
STRIP_SIGNALS: Final = "strips"
STRIP_LEADS: Final = "leads"
LOG_ODDS: Final = "log_odds"
ACTIVATION: Final = "activation"
EMBEDDING: Final = "embedding"

PAGE_SHAPE: Final = (1, CANONICAL_HEIGHT, CANONICAL_WIDTH)
STRIPS: Final = 4
TIMES: Final = 42
NO_LEAD: Final = len(LEADS)
SAMPLES_PER_PX: Final = 4
"""250 Hz over 62.5 pixels a second."""
STRIP_SAMPLES: Final = CANONICAL_WIDTH * SAMPLES_PER_PX
START_PX: Final = round((CANONICAL_MARGINS.left + CANONICAL_MARGINS.lead_in) * CANONICAL_PX_PER_MM)


def net_pages(ink: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return ink of canonical pages ``[n, 320, 672]`` (`ecg_paper.ink_of`) as the net reads it."""
    scaled: NDArray[np.float32] = ink[:, None].astype(np.float32) * np.float32(1 / 255)
    return scaled


def all_lead_strips(
    leads_mv: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return leads ``[n, 12, 2500]`` at 250 Hz as strips ``[n, 12, 2688]`` and lead of each token.

    In place as on a page, so that one strip encoder reads printed strips and whole leads. The
    median of each lead is taken off.
    """
    count = len(leads_mv)
    start = START_PX * SAMPLES_PER_PX
    strips = np.zeros((count, len(LEADS), STRIP_SAMPLES), dtype=np.float32)
    middle = np.median(leads_mv, axis=2, keepdims=True)
    strips[:, :, start : start + leads_mv.shape[2]] = leads_mv - middle
    leads = np.full((count, len(LEADS), TIMES), NO_LEAD, dtype=np.int64)
    first = round(START_PX * TIMES / CANONICAL_WIDTH)
    last = round((START_PX + leads_mv.shape[2] / SAMPLES_PER_PX) * TIMES / CANONICAL_WIDTH)
    leads[:, :, first:last] = np.arange(len(LEADS))[None, :, None]
    return strips, leads


def probabilities(
    log_odds: NDArray[np.floating], slope: float, offset: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return calibrated probabilities ``[n, label]`` of log-odds ``[n, label]``.

    ``slope`` is the inverse of one temperature for all findings, ``offset`` one number a finding.
    """
    straight = slope * np.asarray(log_odds, dtype=np.float64) + offset
    return 1.0 / (1.0 + np.exp(-np.clip(straight, -30.0, 30.0)))


def strangeness(
    embedding: NDArray[np.floating],
    centre: NDArray[np.float64],
    precision: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return how far embeddings ``[n, width]`` lie from what the release learnt from ``[n]``.

    The Mahalanobis distance over the square root of the width: about 1 for what is usual.
    """
    apart = np.asarray(embedding, dtype=np.float64) - centre
    squared = np.einsum("ni,ij,nj->n", apart, precision, apart)
    distance: NDArray[np.float64] = np.sqrt(np.maximum(squared, 0.0) / apart.shape[1])
    return distance
