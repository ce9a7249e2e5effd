"""Marks that no collection at hand brings: our own hearts, and lungs in pictures without boxes.

A file of ``annotations/`` names each picture by its digest and gives either the heart's edges and
the top of the aortic arch, or boxes of named kinds, in pixels; its README says who marked what and
how, and how repeatable it is. Marks join what a collection marks already and never replace it. May
live here: reading such files and joining them.
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
Box = NDArray[np.float64]
"""``[4]``: left, top, right, bottom."""
Marks = Mapping[str, Mapping[str, Box]]
"""Digest of a picture -> kind -> box."""
_EDGES: Final = ("left", "top", "right", "bottom")
_ARCH: Final = "arch_top"


def read_marks(file: Path) -> dict[str, dict[str, Box]]:
    """Return the marks of a file; raise TrainingDataUnusable where it is none.

    A row with ``arch_top`` gives the heart and the cardiomediastinum, which reaches from the arch
    to the heart's lower edge and is as wide as the heart, as the public collection that judges it
    draws it. Any other row names its ``kind``.
    """
    found: dict[str, dict[str, Box]] = {}
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            for number, row in enumerate(csv.DictReader(lines), start=2):
                box = np.array([float(row[name]) for name in _EDGES])
                left, top, right, bottom = box
                arch = float(row[_ARCH]) if _ARCH in row else top
                if not (0 <= left < right and 0 <= arch <= top < bottom):
                    raise TrainingDataUnusable(file.name, number, "a box below an arch")
                own = found.setdefault(row["digest"], {})
                if _ARCH in row:
                    own |= {
                        "heart": box,
                        "cardiomediastinum": np.array([left, arch, right, bottom]),
                    }
                else:
                    own[row["kind"]] = box
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise TrainingDataUnusable(file.name, 0, "a table of marks") from error
    return found


def with_marks(pictures: Sequence[LabelledPicture], marks: Marks) -> list[LabelledPicture]:
    """Return the pictures, with the boxes of kinds that are marked and new."""
    return (
        [_marked(each, marks.get(digest_of(each))) for each in pictures] if marks else [*pictures]
    )


def _marked(picture: LabelledPicture, boxes: Mapping[str, Box] | None) -> LabelledPicture:
    if boxes is None:
        return picture
    new = [kind for kind in boxes if kind not in picture.annotated]
    extent = [picture.columns, picture.rows] * 2
    drawn = np.minimum(np.array([boxes[kind] for kind in new]).reshape(-1, 4), extent)
    return replace(
        picture,
        boxes=np.concatenate([picture.boxes, drawn]),
        kinds=(*picture.kinds, *new),
        annotated=picture.annotated | frozenset(new),
    )
