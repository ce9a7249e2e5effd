"""Judges a detector on marked radiographs: per kind, per stage, beside the box that never looks.

Numpy only: what runs the detector is handed over. Intervals are 95 %, by bootstrap over patients.
Every lung counts as ``lungs``, whichever side; opacities are told apart from organs, since a box
around all parts of an opacity says little about finding each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.core.boxes import (
    OVERLAPS,
    Boxes,
    Judged,
    average_precision,
    cardiothoracic_ratio,
    in_picture,
    judged,
)
from inference.core.radiograph import Grey
from inference.core.radiograph_reading import Detections, Found, ratio_of
from inference.training.radiograph_sets import LabelledPicture, grey_of

Read = Callable[[Grey], Detections]
Figure = dict[str, float | None]

LUNGS: Final = "lungs"
CATEGORIES: Final = {
    "right_lung": LUNGS,
    "left_lung": LUNGS,
    "lung": LUNGS,
    "lungs": LUNGS,
    "heart": "heart",
    "cardiomediastinum": "cardiomediastinum",
    "ground_glass": "opacity",
    "consolidation": "opacity",
    "opacity": "opacity",
}
"""COCO category of a folder to be judged on -> kind under which it is judged."""
ORGANS: Final = (LUNGS, "heart", "cardiomediastinum")
RESAMPLES: Final = 500
FOLDS: Final = 5


@dataclass(frozen=True, slots=True)
class Case:
    """A picture, its patient, its true boxes and what was found in it."""

    picture: LabelledPicture
    patient: str
    detections: Detections | None


def read_cases(
    pictures: Sequence[LabelledPicture],
    patients: Sequence[str],
    read: Read | None,
    advance: Callable[[], None] = lambda: None,
) -> list[Case]:
    """Return the cases, every picture read; without a reader they have no detections."""
    cases = []
    for picture, patient in zip(pictures, patients, strict=True):
        cases.append(Case(picture, patient, None if read is None else read(grey_of(picture))))
        advance()
    return cases


def figures(
    cases: Sequence[Case], overlaps: Sequence[float] = (), resamples: int = RESAMPLES
) -> dict[str, Any]:
    """Return every figure; ``overlaps`` are those at which the stages were taught.

    With 0 ``resamples`` there are no intervals, as while training.
    """
    kinds = [
        kind
        for kind in dict.fromkeys(CATEGORIES.values())
        if any(_as_judged(own) == kind for case in cases for own in case.picture.kinds)
    ]
    classes = {kind: _class(cases, kind, resamples) for kind in kinds}
    organs = [kind for kind in ORGANS if kind in classes]
    return {
        "images": len({case.picture.known_as for case in cases}),
        "patients": len({case.patient for case in cases}),
        "classes": classes,
        "mean_ap50_of_lungs_and_cardiomediastinum": _mean(
            [
                classes[kind]["ap50"]["value"]
                for kind in (LUNGS, "cardiomediastinum")
                if kind in classes
            ]
        ),
        "stages": _stages(cases, organs, overlaps),
        "cardiothoracic_ratio": _ratio(cases, resamples),
    }


def _as_judged(kind: str) -> str:
    return CATEGORIES.get(kind, kind)


def _marked(cases: Sequence[Case], kind: str) -> list[Case]:
    """Return the cases in whose pictures the kind was looked for."""
    return [
        case for case in cases if kind in {_as_judged(each) for each in case.picture.annotated}
    ]


def _truth(picture: LabelledPicture, kind: str) -> Boxes:
    return picture.boxes[[_as_judged(each) == kind for each in picture.kinds]]


def _of(found: Found, kind: str) -> tuple[Boxes, NDArray[np.float64]]:
    own = np.array([_as_judged(each) == kind for each in found.kinds], dtype=bool)
    return found.boxes[own], found.score[own]


def _class(cases: Sequence[Case], kind: str, resamples: int) -> dict[str, Any]:
    marked = _marked(cases, kind)
    patients = [case.patient for case in marked]
    read = [case for case in marked if case.detections is not None]
    own = [
        judged(*_of(case.detections.found, kind), _truth(case.picture, kind))
        for case in read
        if case.detections is not None
    ]
    return {
        "images": len(marked),
        "boxes": sum(len(_truth(case.picture, kind)) for case in marked),
        **_precision(own if len(read) == len(marked) else [], patients, resamples),
        "constant_box": _precision(_constant(marked, kind), patients, resamples),
    }


def _precision(
    pictures: Sequence[Judged], patients: Sequence[str], resamples: int
) -> dict[str, Figure]:
    names = ("ap50", "ap75", "map")
    if not pictures:
        return {name: {"value": None, "low": None, "high": None} for name in names}
    value = _three(average_precision(pictures))
    if resamples == 0:
        return {name: _figure(value[n], None, None) for n, name in enumerate(names)}
    groups = _groups(patients)
    random = np.random.default_rng(0)
    draws = []
    for _ in range(resamples):
        chosen = random.integers(0, len(groups), len(groups))
        draws.append(
            _three(average_precision([pictures[place] for one in chosen for place in groups[one]]))
        )
    ends = np.nanquantile(np.array(draws), (0.025, 0.975), axis=0)
    return {
        name: _figure(value[place], float(ends[0, place]), float(ends[1, place]))
        for place, name in enumerate(names)
    }


def _three(by_overlap: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return average precision at .5, at .75 and over all overlaps."""
    return np.array(
        [by_overlap[OVERLAPS.index(0.5)], by_overlap[OVERLAPS.index(0.75)], by_overlap.mean()]
    )


def _figure(value: float, low: float | None, high: float | None) -> Figure:
    if np.isnan(value):
        return {"value": None, "low": None, "high": None}
    return {
        name: None if one is None else round(float(one), 4)
        for name, one in (("value", value), ("low", low), ("high", high))
    }


def _groups(patients: Sequence[str]) -> list[list[int]]:
    groups: dict[str, list[int]] = {}
    for place, patient in enumerate(patients):
        groups.setdefault(patient, []).append(place)
    return list(groups.values())


def _constant(cases: Sequence[Case], kind: str) -> list[Judged]:
    """Judge the median box of the other patients, in shares of the picture: it never looks.

    It has seen marks of the same annotators on the same collection, which the detector has not.
    """
    found = []
    for case in cases:
        fold = _fold(case.patient)
        shares = _median([each for each in cases if _fold(each.patient) != fold], kind)
        own = in_picture(shares, case.picture.rows, case.picture.columns)
        found.append(judged(own, np.ones(len(own)), _truth(case.picture, kind)))
    return found


def _median(cases: Sequence[Case], kind: str) -> Boxes:
    """Return the median box by place: of lungs the one on each side of the picture."""
    places: dict[int, list[NDArray[np.float64]]] = {}
    for case in cases:
        boxes = _truth(case.picture, kind)
        extent = np.array([case.picture.columns, case.picture.rows] * 2, dtype=np.float64)
        for place, box in enumerate(boxes[np.argsort(boxes[:, 0])]):
            places.setdefault(place, []).append(box / extent)
    most = max((len(each) for each in places.values()), default=0)
    kept = [np.median(each, axis=0) for each in places.values() if 2 * len(each) > most]
    return np.array(kept, dtype=np.float64).reshape(-1, 4)


def _fold(patient: str) -> int:
    return int.from_bytes(hashlib.sha256(patient.encode()).digest()[:4], "big") % FOLDS


def _stages(
    cases: Sequence[Case], kinds: Sequence[str], overlaps: Sequence[float]
) -> list[dict[str, Any]]:
    """Return average precision of each stage, and of the one before at the same overlap."""
    read = [case for case in cases if case.detections is not None]
    if not read:
        return []
    every = [
        {kind: _stage_precision(read, kind, stage) for kind in kinds}
        for stage in range(len(read[0].detections.stages if read[0].detections else ()))
    ]
    found = []
    for stage, own in enumerate(every):
        overlap = overlaps[stage] if stage < len(overlaps) else None
        before = every[stage - 1] if stage else None
        place = OVERLAPS.index(overlap) if overlap is not None else None
        found.append(
            {
                "stage": stage + 1,
                "overlap": overlap,
                "classes": {
                    kind: {
                        "ap_at_overlap": None if place is None else _rounded(by[place]),
                        "ap_at_overlap_of_the_stage_before": None
                        if before is None or place is None
                        else _rounded(before[kind][place]),
                        **dict(
                            zip(("ap50", "ap75", "map"), map(_rounded, _three(by)), strict=True)
                        ),
                    }
                    for kind, by in own.items()
                },
            }
        )
    return found


def _stage_precision(cases: Sequence[Case], kind: str, stage: int) -> NDArray[np.float64]:
    return average_precision(
        [
            judged(*_of(case.detections.stages[stage], kind), _truth(case.picture, kind))
            for case in _marked(cases, kind)
            if case.detections is not None
        ]
    )


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return round(float(np.mean(known)), 4) if known and len(known) == len(values) else None


def _ratio(cases: Sequence[Case], resamples: int) -> dict[str, Any]:
    """Return how far the ratio of found boxes is from that of marked ones."""
    pairs = []
    for case in cases:
        true = true_ratio(case.picture)
        if true is not None:
            found = None if case.detections is None else ratio_of(case.detections.found)
            pairs.append((case.patient, true, None if found is None else found[0]))
    known = [(patient, true, found) for patient, true, found in pairs if found is not None]
    apart = np.array([found - true for _, true, found in known])
    middle = np.median([each[1] for each in pairs]) if pairs else np.nan
    return {
        "images": len(pairs),
        "measured": len(known),
        "mae": _mean_with_interval(np.abs(apart), [each[0] for each in known], resamples),
        "bias": _mean_with_interval(apart, [each[0] for each in known], resamples),
        "mae_of_the_median_ratio": _rounded(
            float(np.mean([abs(each[1] - middle) for each in pairs])) if pairs else np.nan
        ),
    }


def true_ratio(picture: LabelledPicture) -> float | None:
    """Return the ratio of the marked boxes: the heart's, else the cardiomediastinum's width."""
    lungs = _truth(picture, LUNGS)
    if len(lungs) != 2:
        return None
    right, left = lungs[np.argsort(lungs[:, 0])]
    for kind in ("heart", "cardiomediastinum"):
        heart = _truth(picture, kind)
        if len(heart) == 1:
            return cardiothoracic_ratio(heart[0], right, left)
    return None


def _mean_with_interval(
    values: NDArray[np.float64], patients: Sequence[str], resamples: int
) -> Figure:
    if len(values) == 0:
        return {"value": None, "low": None, "high": None}
    if resamples == 0:
        return _figure(float(values.mean()), None, None)
    groups, random = _groups(patients), np.random.default_rng(0)
    draws = []
    for _ in range(resamples):
        chosen = random.integers(0, len(groups), len(groups))
        draws.append(float(values[[place for one in chosen for place in groups[one]]].mean()))
    ends = np.quantile(draws, (0.025, 0.975))
    return _figure(float(values.mean()), float(ends[0]), float(ends[1]))


def short(found: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures that a training logs, NaN where there are none."""
    lines = {}
    for kind, one in found["classes"].items():
        for name in ("ap50", "ap75", "map"):
            value = one[name]["value"]
            lines[f"{kind}_{name}"] = float("nan") if value is None else float(value)
    return lines
