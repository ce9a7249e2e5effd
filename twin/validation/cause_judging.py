"""How answers about causes are judged: accuracy, confusions, and whether probabilities hold.

May live here: what is counted of many answers. Who is asked, and what is shown, is in
``cause_report`` and ``course_report``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from twin.core.hypotheses import OBSTRUCTION, OBSTRUCTIONS, Cause
from twin.validation.figures import share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from twin.core.causes import Causes, NotWeighed

BINS: Final = (0.0, 0.4, 0.6, 0.8, 0.9, 1.0)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of one patient."""

    cause: Cause
    """The true one."""
    probabilities: Mapping[str, float]
    """By group; empty where no cause was weighed."""
    in_shock: bool = True
    """Whether the true pressure is low; else the trouble is compensated, or of the lungs."""

    @property
    def truth(self) -> str:
        """Return the true group."""
        return group_of(self.cause)

    @property
    def said(self) -> str:
        """Return the likeliest group."""
        if not self.probabilities:
            return "not weighed"
        return max(self.probabilities, key=lambda group: self.probabilities[group])


def group_of(cause: Cause) -> str:
    """Return the name of a cause in the report, the three obstructions as one."""
    return OBSTRUCTION if cause in OBSTRUCTIONS else cause.name.lower()


def groups(found: Causes | NotWeighed) -> dict[str, float]:
    """Return the probability of each group; empty where no cause was weighed."""
    by_group: defaultdict[str, float] = defaultdict(float)
    for each in getattr(found, "candidates", ()):
        by_group[group_of(each.cause)] += each.probability
    return dict(by_group)


def judged(found: Sequence[Answer]) -> dict[str, Any]:
    """Return accuracy, confusion, and how honest the probabilities are."""
    confusion: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in found:
        confusion[each.truth][each.said] += 1
    weighed = [each for each in found if each.probabilities]
    truths = np.array([max(each.probabilities.get(each.truth, 0.0), 1e-6) for each in weighed])
    shocked = [each for each in found if each.in_shock]
    return {
        "accuracy": share(sum(each.said == each.truth for each in found), len(found)),
        "accuracy_in_shock": share(sum(e.said == e.truth for e in shocked), len(shocked)),
        "accuracy_by_cause": _by_cause(found),
        "confusion": {truth: dict(said.most_common()) for truth, said in confusion.items()},
        "log_loss": round(float(-np.log(truths).mean()), 4) if len(truths) else None,
        "brier": _brier(weighed),
        "calibration": calibration(weighed),
    }


def calibration(found: Sequence[Answer]) -> dict[str, Any]:
    """Return how often the likeliest cause is right where its probability is about so high."""
    top = np.array([each.probabilities[each.said] for each in found])
    right = np.array([each.said == each.truth for each in found], bool)
    bins, gap = [], 0.0
    for low, high in pairwise(BINS):
        here = (top >= low) & ((top < high) | (high == 1.0))
        if not here.any():
            continue
        gap += abs(float(right[here].mean() - top[here].mean())) * here.mean()
        bins.append(
            {
                "from": low,
                "to": high,
                "patients": int(here.sum()),
                "mean_probability": round(float(top[here].mean()), 4),
                "right": share(int(right[here].sum()), int(here.sum())),
            }
        )
    return {
        "mean_probability": round(float(top.mean()), 4) if len(top) else None,
        "expected_calibration_error": round(float(gap), 4),
        "bins": bins,
    }


def _by_cause(found: Sequence[Answer]) -> dict[str, Any]:
    """Return how often each cause is found; of an obstruction, that it is one."""
    counted = Counter(each.cause for each in found)
    right = Counter(each.cause for each in found if each.said == each.truth)
    return {cause.name.lower(): share(right[cause], count) for cause, count in counted.items()}


def _brier(found: Sequence[Answer]) -> float | None:
    """Return the mean squared error of the probabilities, summed over groups.

    Brier 1950, Mon Weather Rev 78:1: 0 is perfect, 2 the worst.
    """
    if not found:
        return None
    names = sorted({name for each in found for name in (each.truth, *each.probabilities)})
    given = np.array([[each.probabilities.get(name, 0.0) for name in names] for each in found])
    true = np.array([[float(name == each.truth) for name in names] for each in found])
    return round(float(np.mean(np.sum((given - true) ** 2, axis=1))), 4)
