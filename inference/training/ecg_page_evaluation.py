"""Judges page releases on pictures of printed ECGs whose signal nobody has.

Rule of the file: a folder of pictures with ``labels.csv`` in, figures out. ``abnormal`` is every
label but ``normal``, judged by the probability that the page is not normal. What cannot be found
on a picture counts as a page that is not read, and is told of.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.core.ecg_page import read_page
from inference.core.release import ReleasedModel
from inference.errors import TrainingDataUnusable
from inference.training.ecg_evaluation import (
    ABNORMAL,
    Array,
    Run,
    Said,
    label_figures,
    macro,
    read_pages,
    with_pairs,
)

NORMAL_LABEL: Final = "normal"
OVERALL: Final = "abnormal"


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """A picture's file and what its folder calls it."""

    file: Path
    label: str


def read_folder(folder: Path) -> list[LabelledPicture]:
    """Return the pictures of ``labels.csv``; raise TrainingDataUnusable if out of layout."""
    try:
        with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
            rows = [(row["file"], row["label"]) for row in csv.DictReader(file)]
    except (OSError, KeyError, csv.Error) as error:
        raise TrainingDataUnusable("labels.csv", 0, f"columns file and label ({error})") from error
    if not rows:
        raise TrainingDataUnusable("labels.csv", 0, "at least one picture")
    return [LabelledPicture(folder / Path(name).name, label) for name, label in rows]


def figures(
    pictures: Sequence[LabelledPicture],
    releases: Sequence[ReleasedModel],
    run: Run,
    advance: Callable[[int], None],
) -> dict[str, Any]:
    """Return the figures of every release, on the outside of the first or of a pair it is in."""
    found: dict[str, list[Array]] = {release.name: [] for release in releases}
    unread = []
    for picture in pictures:
        ink = read_page(picture_of(picture.file)).page
        if ink is None:
            unread.append(picture.file.name)
        for release in releases:
            found[release.name].append(read_pages(release, [ink], run))
        advance(1)
    said = with_pairs({one.name: Said(one, np.concatenate(found[one.name])) for one in releases})
    models = {name: _of_release(pictures, one) for name, one in said.items()}
    pairs = [name for name in models if name.startswith(f"{releases[0].name}+")]
    first = models[pairs[0] if pairs else releases[0].name]
    shown = {key: first[key] for key in (OVERALL, "classes", "labels", "macro")}
    return {"pages": len(pictures), "not_read": unread, **shown, "models": models}


def picture_of(file: Path) -> NDArray[np.uint8]:
    """Return a picture as RGB; raise TrainingDataUnusable if it is none."""
    read = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if read is None:
        raise TrainingDataUnusable(file.name, 0, "a picture")
    return np.asarray(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _of_release(pictures: Sequence[LabelledPicture], said: Said) -> dict[str, Any]:
    probability = said.of(ABNORMAL)
    assert probability is not None  # noqa: S101 - every page release knows NORM
    read = ~np.isnan(probability)
    names = np.array([picture.label for picture in pictures])
    overall = _against_normal(names, names != NORMAL_LABEL, probability, read, said)
    classes = {
        label: _against_normal(names, names == label, probability, read, said)
        for label in sorted(set(names) - {NORMAL_LABEL})
    }
    labels: Mapping[str, Any] = {OVERALL: overall}
    return {
        OVERALL: overall,
        "classes": classes,
        "labels": labels,
        "macro": macro(labels),
        "release": said.release.identity,
    }


def _against_normal(
    names: NDArray[np.str_],
    ill: NDArray[np.bool_],
    probability: Array,
    read: NDArray[np.bool_],
    said: Said,
) -> dict[str, Any]:
    """Return how well pages of a class are told from normal ones; only pages that were read."""
    chosen = read & (ill | (names == NORMAL_LABEL))
    truth = ill[chosen].astype(np.float64)
    return label_figures(truth, probability[chosen], said.threshold(ABNORMAL))
