"""Gradient boosting on the aggregates: baseline, teacher of the nets, part of the fusion.

Cross-fitted: each stay is predicted by the one model of `FOLDS` that never saw it, so that
teacher, stacking and calibration see honest probabilities. scikit-learn; imported for training
only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.training.examples import Examples
from inference.training.split import fold_of

FOLDS: Final = 4
POORER_WEIGHT: Final = 0.4
"""Weight of a poorer version beside the whole stay; tried without the test part."""


@dataclass(frozen=True, slots=True)
class BoostingSettings:
    """Of HistGradientBoostingClassifier; chosen by cross-validation without the test part."""

    learning_rate: float = 0.045
    trees: int = 330
    leaves: int = 8
    smallest_leaf: int = 60
    l2: float = 10.0
    features_per_split: float = 0.1


@dataclass(frozen=True, slots=True)
class CrossFitted:
    """One model a fold, and each example's probability by the model that did not see its stay.

    Examples of the test part get the mean of all models.
    """

    models: tuple[Any, ...]
    probability: NDArray[np.float64]


def cross_fit(examples: Examples, settings: BoostingSettings, seed: int) -> CrossFitted:
    """Fit one model a fold on everything outside the fold and outside the test part."""
    test = examples.part("test")
    fold = np.array([fold_of(int(record), FOLDS) for record in examples.record])
    weight = np.where(examples.version == 0, 1.0, POORER_WEIGHT)
    models, probability = [], np.zeros(len(test))
    for held in range(FOLDS):
        taught = ~test & (fold != held)
        model = _classifier(settings, seed + held)
        model.fit(
            _fillable(examples.feature[taught]),
            examples.died[taught],
            sample_weight=weight[taught],
        )
        models.append(model)
        judged = ~test & (fold == held)
        probability[judged] = _probability(model, examples.feature[judged])
        probability[test] += _probability(model, examples.feature[test]) / FOLDS
    return CrossFitted(tuple(models), probability)


def _classifier(settings: BoostingSettings, seed: int) -> Any:  # noqa: ANN401
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        learning_rate=settings.learning_rate,
        max_iter=settings.trees,
        max_leaf_nodes=settings.leaves,
        min_samples_leaf=settings.smallest_leaf,
        l2_regularization=settings.l2,
        max_features=settings.features_per_split,
        early_stopping=False,
        random_state=seed,
    )


def _fillable(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the features with columns that never hold a value at 0: they cannot be binned."""
    empty = np.isnan(features).all(axis=0)
    return np.where(empty, np.float32(0), features) if empty.any() else features


def _probability(model: Any, features: NDArray[np.float32]) -> NDArray[np.float64]:  # noqa: ANN401
    found: NDArray[np.float64] = model.predict_proba(features)[:, 1]
    return found
