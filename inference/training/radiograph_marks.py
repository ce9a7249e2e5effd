"""Our own marks on licensed pictures: hearts, which no collection at hand marks.

A file of ``annotations/`` names each picture by its digest and gives the heart's edges and the
top of the aortic arch in pixels; its README says who marked what and how, and how repeatable it
is. Marks join what a collection marks already and never replace it. May live here: reading such
files and joining them.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.errors import TrainingDataUnusable
from inference.training.radiograph_sets import LabelledPicture, digest_of

ANNOTATIONS: Final = Path(__file__).parent / "annotations"
Marks = Mapping[str, NDArray[np.float64]]
"""Digest of a picture -> left, top, right and bottom of the heart, and top of the arch."""
_EDGES: Final = ("left", "top", "right", "bottom", "arch_top")


def read_marks(file: Path) -> dict[str, NDArray[np.float64]]:
    """Return the marks of a file; raise TrainingDataUnusable where it is none."""
    found = {}
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            for number, row in enumerate(csv.DictReader(lines), start=2):
                edges = np.array([float(row[name]) for name in _EDGES])
                left, top, right, bottom, arch = edges
                if not (0 <= left < right and 0 <= arch <= top < bottom):
                    raise TrainingDataUnusable(file.name, number, "a heart below an arch")
                found[row["digest"]] = edges
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise TrainingDataUnusable(file.name, 0, "a table of marked hearts") from error
    return found


def with_marks(pictures: Sequence[LabelledPicture], marks: Marks) -> list[LabelledPicture]:
    """Return the pictures, with heart and cardiomediastinum where they are marked and new.

    The cardiomediastinum reaches from the arch to the heart's lower edge and is as wide as the
    heart, as the public collection that judges it draws it.
    """
    return (
        [_marked(each, marks.get(digest_of(each))) for each in pictures] if marks else [*pictures]
    )


def _marked(picture: LabelledPicture, edges: NDArray[np.float64] | None) -> LabelledPicture:
    if edges is None:
        return picture
    left, top, right, bottom, arch = edges
    boxes = {"heart": (left, top, right, bottom), "cardiomediastinum": (left, arch, right, bottom)}
    new = [kind for kind in boxes if kind not in picture.annotated]
    extent = [picture.columns, picture.rows] * 2
    drawn = np.minimum(np.array([boxes[kind] for kind in new]).reshape(-1, 4), extent)
    return replace(
        picture,
        boxes=np.concatenate([picture.boxes, drawn]),
        kinds=(*picture.kinds, *new),
        annotated=picture.annotated | frozenset(new),
    )
