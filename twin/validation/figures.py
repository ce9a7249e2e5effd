"""Shares with their 95 % intervals, and whether a coverage is what it claims to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Sequence


def share(hits: int, of: int) -> dict[str, float] | None:
    """Return a share with Wilson's 95 % interval (1927, J Am Stat Assoc 22:209); None of none."""
    if of == 0:
        return None
    interval = stats.binomtest(hits, of).proportion_ci(method="wilson")
    return {
        "value": round(hits / of, 4),
        "low": round(float(interval.low), 4),
        "high": round(float(interval.high), 4),
    }


def coverage(inside: Sequence[bool] | np.ndarray, nominal: float) -> dict[str, object]:
    """Return how often truth lay inside, and whether that is within binomial error of nominal."""
    count, hits = len(inside), int(np.sum(inside))
    low, high = stats.binom.interval(0.95, count, nominal)
    return {
        "coverage": round(hits / count, 4),
        "nominal": round(nominal, 4),
        "count": count,
        "expected_low": round(float(low) / count, 4),
        "expected_high": round(float(high) / count, 4),
        "within_binomial_error": bool(low <= hits <= high),
    }
