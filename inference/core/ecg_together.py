"""Two nets read one ECG page: what they say together, and where they disagree. Pure.

The second release says in its evidence with which other release it was measured, and whether the
two together told normal from abnormal better on validation records than the first alone; only then
is it asked. Together is the mean of the two calibrated log-odds of a normal ECG, chosen before any
set that judges was read. Findings that the first release is never good enough to call, and the
second is, are the second's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inference.core.ecg_reading import (
    NAMES,
    NORMAL,
    activation_of,
    activations_of,
    findings_of,
    why_not_readable,
)
from inference.core.image_reading import ABNORMAL, Activation, Finding
from inference.core.release import ReleasedModel, Threshold
from inference.core.viz_ecg import ACTIVATION

TOGETHER: Final = "together"
_LIMIT: Final = 1e-9

Outputs = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Together:
    """The pair of releases, from which probability a page is called normal, and their name."""

    threshold: Threshold
    name: str


@dataclass(frozen=True, slots=True)
class PageSays:
    """What is said of a page: findings, where they are seen, and doubts as sentences."""

    findings: tuple[Finding, ...]
    activations: tuple[Activation, ...]
    doubts: tuple[str, ...] = ()


def pair_of(first: ReleasedModel, second: ReleasedModel) -> Together | None:
    """Return how two releases speak together, or None where that is not better or not measured."""
    measured = second.evidence.get(TOGETHER)
    if not isinstance(measured, Mapping) or not measured["used"]:
        return None
    if measured["with"] != first.digest:
        return None
    return Together(Threshold(**measured["threshold"]), f"{first.name}+{second.name}")


def mean_probability(one: ArrayLike, other: ArrayLike) -> NDArray[np.float64]:
    """Return the probability whose log-odds are the mean of those of two probabilities."""
    mean = (_log_odds(one) + _log_odds(other)) / 2
    probability: NDArray[np.float64] = 1 / (1 + np.exp(-mean))
    return probability


def _log_odds(probability: ArrayLike) -> NDArray[np.float64]:
    inside = np.clip(np.asarray(probability, dtype=np.float64), _LIMIT, 1 - _LIMIT)
    odds: NDArray[np.float64] = np.log(inside) - np.log1p(-inside)
    return odds


def said_together(
    first: ReleasedModel, first_says: Outputs, second: ReleasedModel, second_says: Outputs
) -> PageSays:
    """Return what two releases say of a page.

    The first speaks alone where they are no pair, or the page is unlike what taught the second.
    """
    own, other = findings_of(first, first_says), findings_of(second, second_says)
    pair = pair_of(first, second)
    if pair is None or why_not_readable(second, second_says) is not None:
        return PageSays(own, activations_of(own, first_says))
    by_code = {each.code: each for each in other}
    normal, second_normal = _of(own, NORMAL), by_code[NORMAL]
    chance = float(mean_probability(normal.probability, second_normal.probability))
    both = replace(normal, probability=chance, threshold=pair.threshold)
    lent = [each for each in own if each.threshold is None and _called_at_all(by_code, each)]
    changed = {NORMAL: both, **{each.code: by_code[each.code] for each in lent}}
    findings = (*(changed.get(each.code, each) for each in own), _abnormal(both))
    maps = tuple(
        activation_of(each.code, second_says[ACTIVATION][0][second.labels.index(each.code)])
        for each in (by_code[one.code] for one in lent)
        if each.possible
    )
    maps += activations_of(own, first_says)
    if not both.called:
        maps += _against_normal(first, first_says, second, second_says)
    return PageSays(findings, maps, _disagreement(first, normal, second, second_normal))


def _of(findings: tuple[Finding, ...], code: str) -> Finding:
    return next(each for each in findings if each.code == code)


def _called_at_all(findings: Mapping[str, Finding], each: Finding) -> bool:
    return each.code in findings and findings[each.code].threshold is not None


def _abnormal(normal: Finding) -> Finding:
    """Return the finding that an ECG is not normal: called where normal is not."""
    threshold = normal.threshold
    assert threshold is not None  # noqa: S101 - a pair has one
    above = float(np.nextafter(1 - threshold.value, 1))
    return Finding(
        ABNORMAL,
        NAMES[ABNORMAL],
        1 - normal.probability,
        Threshold(above, threshold.specificity, threshold.sensitivity),
    )


def _against_normal(
    first: ReleasedModel, first_says: Outputs, second: ReleasedModel, second_says: Outputs
) -> tuple[Activation, ...]:
    """Return where both nets see what speaks against a normal ECG, on the finer of their maps."""
    fine = _map_of(first, first_says)
    coarse = _map_of(second, second_says)
    spread = _spread(coarse, fine.shape[0], fine.shape[1])
    slopes = [float(one.calibration["slope"]) for one in (first, second)]
    against = -(slopes[0] * fine + slopes[1] * spread) / 2
    return (activation_of(ABNORMAL, against),) if against.max() > 0 else ()


def _map_of(release: ReleasedModel, says: Outputs) -> NDArray[np.float64]:
    place = release.labels.index(NORMAL)
    return np.asarray(says[ACTIVATION][0][place], dtype=np.float64)


def _spread(coarse: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.float64]:
    """Return a map on a finer grid, each place shared out evenly over what lies in it."""
    down = np.arange(rows) * coarse.shape[0] // rows
    right = np.arange(columns) * coarse.shape[1] // columns
    fine = coarse[np.ix_(down, right)]
    shares = np.outer(np.bincount(down)[down], np.bincount(right)[right])
    spread: NDArray[np.float64] = fine / shares
    return spread


def _disagreement(
    first: ReleasedModel, one: Finding, second: ReleasedModel, other: Finding
) -> tuple[str, ...]:
    if one.called == other.called:
        return ()
    return (
        "the two nets that read it disagree on whether it is normal "
        f"({first.name} {one.probability:.0%}, {second.name} {other.probability:.0%})",
    )
