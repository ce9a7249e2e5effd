"""From a detector's boxes to a reading of a radiograph: lungs, heart, ratio, doubt. Pure.

Scores are calibrated by the release, kind by kind. A picture whose embedding lies beyond the
release's limit is not readable, and nothing is said of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from inference.core.image_reading import Finding, Ratio, Region
from inference.core.radiograph_reading import (
    HEARTS,
    LEFT_LUNG,
    RIGHT_LUNG,
    Detections,
    Found,
    ratio_of,
)
from inference.core.release import ReleasedModel

TASK: Final = "radiograph"
ENLARGED: Final = 0.5
"""A heart wider than half the chest is called enlarged on a film from behind (Danzer 1919, Am J
Med Sci 157:513; cited from memory, unverified)."""

NAMES: Final[Mapping[str, str]] = {
    RIGHT_LUNG: "right lung",
    LEFT_LUNG: "left lung",
    "heart": "heart",
    "cardiomediastinum": "heart and mediastinum",
    "opacity": "opacity",
}
ANATOMY: Final = (RIGHT_LUNG, LEFT_LUNG, *HEARTS)
"""Kinds that everybody has: they are measured, not found."""


def why_not_readable(release: ReleasedModel, detections: Detections) -> str | None:
    """Return why nothing may be said of this picture, or None."""
    limit = release.limits.get("largest_distance")
    if limit is not None and unlikeness(release, detections) > limit:
        return "it is unlike the radiographs that the release learnt from: not readable"
    best = detections.found.best
    if best(RIGHT_LUNG) is None and best(LEFT_LUNG) is None:
        return "no lung was found in it"
    return None


def unlikeness(release: ReleasedModel, detections: Detections) -> float:
    """Return the root mean square of the embedding's distance from the usual, in spreads."""
    centre = release.preparation["embedding_centre"]
    apart = (detections.embedding - centre) / release.preparation["embedding_spread"]
    return float(np.sqrt(np.mean(apart**2)))


DOUBT_COSTS: Final = 0.5
"""One doubt is enough for a ratio to be shown and to change nothing; ours."""
MILD_COSTS: Final = 0.1
_ACROSS: Final = re.compile(r"at the (?:upper|lower)(?: and lower)? edge$")
"""Half of the public radiographs touch the upper or lower edge, which widths do not depend on."""


def quality(doubts: Sequence[str]) -> float:
    """Return 0 to 1: each clause of ``radiograph_quality.doubts_of`` takes its share."""
    lost = sum(MILD_COSTS if _ACROSS.search(each) else DOUBT_COSTS for each in doubts)
    return max(0.0, 1.0 - lost)


def regions_of(
    release: ReleasedModel, found: Found, rows: int, columns: int
) -> tuple[Region, ...]:
    """Return the best box of each part of the body, and every box of a kind that is called."""
    regions: list[Region] = []
    best: dict[str, Region] = {}
    extent = np.array([columns, rows, columns, rows], dtype=np.float64)
    for box, score, kind in zip(found.boxes, found.score, found.kinds, strict=True):
        chance = calibrated(release, kind, float(score))
        left, top, right, bottom = (float(each) for each in box / extent)
        region = Region(kind, NAMES.get(kind, kind), chance, left, top, right, bottom)
        threshold = release.thresholds.get(kind)
        if kind in ANATOMY:
            if kind not in best or chance > best[kind].score:
                best[kind] = region
        elif threshold is not None and chance >= threshold.value:
            regions.append(region)
    return (*best.values(), *sorted(regions, key=lambda each: -each.score))


def findings_of(release: ReleasedModel, found: Found) -> tuple[Finding, ...]:
    """Return of each kind that is no part of everybody's body how likely its best box is."""
    findings = []
    for kind in release.labels:
        if kind in ANATOMY:
            continue
        scores = [
            float(score)
            for score, own in zip(found.score, found.kinds, strict=True)
            if own == kind
        ]
        chance = calibrated(release, kind, max(scores)) if scores else 0.0
        name = NAMES.get(kind, kind)
        findings.append(Finding(kind, name, chance, release.thresholds.get(kind)))
    return tuple(findings)


def ratio_in(release: ReleasedModel, found: Found) -> Ratio | None:
    """Return the cardiothoracic ratio with its error on the pictures that judged the release."""
    measured = ratio_of(found)
    if measured is None:
        return None
    value, kind = measured
    return Ratio(value, NAMES.get(kind, kind), _error(release))


def _error(release: ReleasedModel) -> float | None:
    judging = release.evidence.get("judging")
    said = judging.get("cardiothoracic_ratio") if isinstance(judging, Mapping) else None
    error = said.get("mae") if isinstance(said, Mapping) else None
    if isinstance(error, Mapping):
        error = error.get("value")
    return float(error) if isinstance(error, int | float) else None


def calibrated(release: ReleasedModel, kind: str, score: float) -> float:
    """Return the chance that a box of this score is right."""
    line = release.calibration.get(kind)
    if line is None:
        return score
    bounded = min(max(score, 1e-4), 1 - 1e-4)
    straight = float(line[0]) + float(line[1]) * float(np.log(bounded / (1 - bounded)))
    return float(1.0 / (1.0 + np.exp(-straight)))
