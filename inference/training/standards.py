"""Fits the numbers the image is standardised with: robust centre and scale. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.core.trajectory_image import (
    Standards,
    TrajectorySummary,
    levels,
    scaled_aggregates,
)

Array = NDArray[np.float64]
_NORMAL_5_TO_95: Final = 3.29
"""Width of the central 90 % of a standard normal distribution, in standard deviations."""


def fit_standards(summaries: Sequence[TrajectorySummary]) -> Standards:
    """Return centre (median) and scale (central 90 % over 3.29) of rows, aggregates and facts."""
    timed = np.concatenate([levels(summary.last) for summary in summaries], axis=1)
    aggregates = np.stack([scaled_aggregates(summary.aggregates) for summary in summaries])
    facts = np.stack([summary.facts for summary in summaries])
    row_centre, row_scale = _robust(timed.T)
    aggregate_centre, aggregate_scale = _robust(aggregates)
    fact_centre, fact_scale = _robust(facts)
    return Standards(
        np.c_[row_centre, aggregate_centre],
        np.c_[row_scale, aggregate_scale],
        fact_centre,
        fact_scale,
    )


def _robust(values: Array) -> tuple[Array, Array]:
    """Centre and scale along the first axis; a column that hardly varies keeps a scale of 1."""
    empty = np.all(np.isnan(values), axis=0)
    filled = np.where(empty, 0.0, values)
    centre = np.nanmedian(filled, axis=0)
    low, high = np.nanpercentile(filled, [5, 95], axis=0)
    scale = np.maximum((high - low) / _NORMAL_5_TO_95, np.nanstd(filled, axis=0) / 4)
    kept: Array = np.where(scale > 1e-3, scale, 1.0)
    return centre.round(5), kept.round(5)
