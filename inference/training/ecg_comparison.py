"""How far one ECG release is ahead of another on the same records, with intervals.

Rule of the file: paired figures only. Precision, recall and F1 are means over the labels with
enough positives; the change is relative to the other release, as VizECGNet's paper states its own
(https://arxiv.org/abs/2408.02888: +3.50, +8.21 and +7.38 % over signals, of unknown absolutes).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.training.ecg_evaluation import FEWEST_POSITIVES, Said, scored_labels
from inference.training.ecg_sets import LabelledStem

Array = NDArray[np.float64]
RESAMPLES: Final = 500
MEASURES: Final = ("precision", "recall", "f1")


def relative_change(stem: LabelledStem, one: Said, other: Said) -> dict[str, Any]:
    """Return by how much ``one`` exceeds ``other``, each as a share with its 95 % interval.

    Records that either could not read are left out; None where no label has enough positives.
    """
    read = ~np.isnan(one.probability + other.probability[:, :1]).any(axis=1)
    truths, calls = {}, {}
    for label in scored_labels(stem):
        said = (one.of(label), other.of(label))
        truth = np.array([label in each for each in stem.labels])[read]
        if said[0] is None or said[1] is None or truth.sum() < FEWEST_POSITIVES:
            continue
        truths[label] = truth
        calls[label] = (
            said[0][read] >= one.threshold(label),
            said[1][read] >= other.threshold(label),
        )
    if not truths:
        return {"labels": [], **dict.fromkeys(MEASURES)}
    counts = int(read.sum())
    random = np.random.default_rng(0)
    value = _change(truths, calls, np.arange(counts))
    draws = np.stack(
        [_change(truths, calls, random.integers(0, counts, counts)) for _ in range(RESAMPLES)]
    )
    every = np.vstack([value, draws])
    return {
        "labels": list(truths),
        **{name: figure_of(every[:, place]) for place, name in enumerate(MEASURES)},
    }


def relative(one: Array, other: Array) -> Array:
    """Return by what share ``one`` exceeds ``other``; NaN where there is nothing to exceed."""
    out = np.full(one.shape, np.nan)
    np.divide(one, other, out=out, where=other > 0)
    return out - 1


def figure_of(values: Array) -> dict[str, Any]:
    """Return the value of the whole set (the first) and the interval of the draws."""
    known = values[1:][~np.isnan(values[1:])]
    if np.isnan(values[0]) or not len(known):
        return {"value": None, "low": None, "high": None}
    low, high = np.percentile(known, [2.5, 97.5])
    return {"value": float(values[0]), "low": float(low), "high": float(high)}


def _change(
    truths: Mapping[str, NDArray[np.bool_]],
    calls: Mapping[str, tuple[NDArray[np.bool_], NDArray[np.bool_]]],
    places: NDArray[np.int64],
) -> Array:
    first, second = (
        np.mean(
            [_measures(truths[label][places], calls[label][side][places]) for label in truths],
            axis=0,
        )
        for side in (0, 1)
    )
    return relative(first, second)


def _measures(truth: NDArray[np.bool_], called: NDArray[np.bool_]) -> Sequence[float]:
    right = float((truth & called).sum())
    total = float(called.sum() + truth.sum())
    return (
        right / max(1.0, float(called.sum())),
        right / max(1.0, float(truth.sum())),
        2 * right / max(1.0, total),
    )
