"""What else could be joined beside net and boosting: the twin of each stay, and the embedding.

Each candidate is fitted where the shipped join is fitted, never on the held-out stays, and judged
there by its difference to what ships without it. Choices inside a candidate (how many components,
how strong a pull) are made by cross-validation on the calibration part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.core.fusion import log_odds
from inference.training.examples import Examples
from inference.training.gradient_boosting import BoostingSettings, cross_fit
from inference.training.metrics import auprc, auroc, paired_difference, with_interval

Array = NDArray[np.float64]
COMPONENTS: Final = 32
"""Principal components of the embedding that a join may choose from."""
PULLS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Inverse strengths of the ridge that cross-validation chooses from."""
SEEDS: Final = 2


@dataclass(frozen=True, slots=True)
class TwinFeatures:
    """Numbers of each stay's fitted circulation: ``value`` [record, feature], NaN where no fit.

    ``fitted`` says in words what fitted them.
    """

    record: NDArray[np.int64]
    value: NDArray[np.float32]
    name: tuple[str, ...]
    fitted: str

    def of(self, records: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the rows of some records, in their order; unknown records are NaN."""
        place = {int(record): row for row, record in enumerate(self.record)}
        empty = np.full(self.value.shape[1], np.nan, dtype=np.float32)
        return np.stack(
            [self.value[place[int(one)]] if int(one) in place else empty for one in records]
        )


def load_twins(file: Path) -> TwinFeatures:
    """Return the features that ``cardiotwin train stay-twins`` wrote."""
    with np.load(file) as kept:
        names = tuple(str(one) for one in kept["name"])
        return TwinFeatures(kept["record"], kept["value"], names, str(kept["fitted"]))


def whole_stays(examples: Examples, columns: NDArray[np.float32] | None = None) -> Examples:
    """Return the whole stays alone, without images, with other columns for features if given."""
    whole = examples.version == 0
    return replace(
        examples,
        image=examples.image[:0],
        feature=examples.feature[whole] if columns is None else columns,
        record=examples.record[whole],
        version=examples.version[whole],
        died=examples.died[whole],
        auxiliary=examples.auxiliary[whole],
        following=examples.following[whole],
    )


def boosting_with_twins(
    examples: Examples, twins: TwinFeatures, settings: BoostingSettings
) -> dict[str, Any]:
    """Return held-out figures of boosting on aggregates, on the twin alone, and on both.

    All on whole stays and with the same seeds; the difference is both minus aggregates.
    """
    whole = whole_stays(examples)
    beside = twins.of(whole.record)
    inputs = {
        "aggregates": whole.feature,
        "twin": beside,
        "aggregates and twin": np.concatenate([whole.feature, beside], axis=1),
    }
    test = whole.part("test")
    died = whole.died[test].astype(np.float64)
    said = {
        name: [
            log_odds(cross_fit(whole_stays(examples, columns), settings, seed).probability[test])
            for seed in range(SEEDS)
        ]
        for name, columns in inputs.items()
    }
    pairs = list(zip(said["aggregates and twin"], said["aggregates"], strict=True))
    return {
        **{
            name: {
                "auroc": with_interval(auroc, died, np.mean(runs, axis=0)),
                "auprc": with_interval(auprc, died, np.mean(runs, axis=0)),
            }
            for name, runs in said.items()
        },
        "auroc_difference": paired_difference(auroc, died, pairs),
        "auprc_difference": paired_difference(auprc, died, pairs),
        "stays_without_fit": int(np.isnan(beside).all(axis=1).sum()),
        "fitted": twins.fitted,
    }


@dataclass(frozen=True, slots=True)
class Side:
    """One part of the split: the two log-odds that ship, what may come beside, the outcome."""

    shipped: Array
    beside: Array
    died: Array


def join_beside(calibrate: Side, test: Side) -> dict[str, Any]:
    """Return held-out figures of the join with and without what comes beside, and differences.

    ``shipped`` is [stay, 2], ``beside`` [stay, column] with NaN for unknown.
    """
    without = _joined(calibrate.shipped, calibrate.died, test.shipped)
    inputs = [np.concatenate([one.shipped, one.beside], axis=1) for one in (calibrate, test)]
    joined = _joined(inputs[0], calibrate.died, inputs[1])
    pair = [(joined, without)]
    return {
        "auroc": with_interval(auroc, test.died, joined),
        "auprc": with_interval(auprc, test.died, joined),
        "auroc_difference": paired_difference(auroc, test.died, pair),
        "auprc_difference": paired_difference(auprc, test.died, pair),
    }


def _joined(fitted: Array, died: Array, judged: Array) -> Array:
    """Return log-odds of logistic regression on standardised columns, its pull cross-validated."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    line = make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegressionCV(
            Cs=list(PULLS),
            cv=5,
            scoring="neg_log_loss",
            max_iter=2000,
            l1_ratios=(0.0,),
            use_legacy_attributes=False,
        ),
    )
    line.fit(fitted, died)
    found: Array = line.decision_function(judged)
    return found


def components(teaching: Array, others: Sequence[Array]) -> list[Array]:
    """Return `COMPONENTS` principal components of embeddings, fitted on the teaching part."""
    from sklearn.decomposition import PCA

    fitted = PCA(min(COMPONENTS, *teaching.shape), random_state=0).fit(teaching)
    return [fitted.transform(one) for one in others]
