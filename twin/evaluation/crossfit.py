"""Forecasts of the next value for every patient, by constants that other patients taught."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from twin.evaluation.fitting import fitted, learnt_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Float, Int

    from twin.core.temperament import Learning
    from twin.core.wandering import Calibrated
    from twin.evaluation.cohort import Cohort

FOLDS: Final = 9
FEWEST_PATIENTS: Final = 18
"""With fewer, the others teach too little: the constants that ship are used, and that is said."""


@dataclass(frozen=True, slots=True, eq=False)
class Forecasts:
    """What was expected of every pair's next value before it was shown."""

    cohort: Cohort
    rows: Float[np.ndarray, "pair centile"]
    """At ``wandering.CENTILES``."""
    taught_by: tuple[tuple[Calibrated, Learning], ...]
    """Constants of every fold, and what they made of the whole cohort."""
    folds: Int[np.ndarray, " moment"]
    """Fold of each moment; the constants of its own fold saw nothing of its patient."""
    fitted_here: bool
    """False: the constants that ship were used."""


def folds_of(cohort: Cohort, folds: int = FOLDS) -> Int[np.ndarray, " moment"]:
    """Return the fold of every moment: whole patients, about as many pairs in each."""
    patients, pairs = np.unique(cohort.asked_of, return_counts=True)
    load, fold_of = np.zeros(folds), np.zeros(int(cohort.subject.max(initial=0)) + 1, np.int64)
    for number in np.argsort(-pairs, kind="stable"):
        lightest = int(np.argmin(load))
        fold_of[patients[number]] = lightest
        load[lightest] += pairs[number]
    folded: np.ndarray = fold_of[cohort.subject]
    return folded


def cross_fitted(
    cohort: Cohort, with_treatment: bool, told: Callable[[], None] = lambda: None
) -> Forecasts:
    """Return forecasts whose constants were fitted, fold by fold, to the other patients.

    ``told`` is called after every fold.
    """
    folds = folds_of(cohort)
    taught_by = []
    for fold in range(FOLDS):
        taught = folds[cohort.first] != fold
        known = fitted(cohort, taught, with_treatment)
        taught_by.append((known, learnt_of(cohort, known.wandering)))
        told()
    return _forecasts(cohort, tuple(taught_by), folds, True)


def shipped(cohort: Cohort, known: Calibrated) -> Forecasts:
    """Return forecasts by given constants, for patients too few to fit any."""
    learnt = learnt_of(cohort, known.wandering)
    return _forecasts(cohort, ((known, learnt),), np.zeros(len(cohort.minute), np.int64), False)


def _forecasts(
    cohort: Cohort,
    taught_by: tuple[tuple[Calibrated, Learning], ...],
    folds: Int[np.ndarray, " moment"],
    fitted_here: bool,
) -> Forecasts:
    count = len(taught_by[0][0].errors)
    rows = np.empty((len(cohort.next), count))
    for fold, (known, learnt) in enumerate(taught_by):
        here = folds[cohort.next] == fold
        moments = cohort.next[here]
        rows[here] = learnt.expected[moments, None] + learnt.sd[moments, None] * known.errors
    return Forecasts(cohort, rows, taught_by, folds, fitted_here)
