"""Labelled radiographs in COCO's layout: who may teach, who only judges, and who is one patient.

A picture teaches only where its own licence lets weights that learnt from it be given away: CC BY
and CC BY-SA. All others judge. Patient numbers of collections are not trusted alone: pictures that
are the same to the eye, or carry one name in two sets, belong to one patient, and so does
everything that these join. A patient with one picture that only judges never teaches.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.archive.dicom_pixels import radiograph_of
from inference.archive.pictures import picture_of
from inference.core.radiograph import Grey
from inference.errors import RadiographError, TrainingDataUnusable

Part = Literal["train", "validate", "judge"]
Boxes = NDArray[np.float64]

TEACHING_LICENCE: Final = re.compile(r"CC BY(-SA)?( [1-4]\.[0-9])?")
SALT: Final = "cardiotwin radiographs 1"
_VALIDATE: Final = 20
"""Of 100 buckets of teaching patients: they choose epochs, calibrate scores and ratio."""
_THUMBNAIL: Final = 32
BY_SIDE: Final = "by side"
SAME_PICTURE: Final = 0.96
"""Correlation of two thumbnails: every pair above it in the public collections is one patient's,
and every pair that their documentation names as one patient's is joined by it."""


@dataclass(frozen=True, slots=True)
class SetPlace:
    """Where a set lies.

    Attributes
    ----------
    boxes
        COCO file; None for pictures without boxes, which can only pretrain.
    table
        CSV with a row a picture; ``columns`` names its columns for file, patient and licence, and
        optionally a name under which other sets know the picture.
    licence
        Of all pictures, where the table states none per picture.
    kinds
        COCO category -> kind of the nets; others are ignored. A category with the value
        ``by side`` becomes ``right_lung`` or ``left_lung`` by the annotation's ``side``.
    """

    name: str
    images: Path
    boxes: Path | None
    table: Path | None
    columns: Mapping[str, str]
    licence: str | None
    kinds: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """One picture, its boxes in pixels and which kinds were looked for in it.

    ``boxes`` is ``[box, 4]`` (left, top, right, bottom), ``kinds`` names each box's kind; a kind
    in ``annotated`` without a box is absent, one not in it is unknown.
    """

    set_name: str
    file: Path
    licence: str
    patient: str
    known_as: str
    rows: int
    columns: int
    boxes: Boxes = field(repr=False)
    kinds: tuple[str, ...]
    annotated: frozenset[str]

    @property
    def may_teach(self) -> bool:
        """Return whether weights that learnt from this picture may be given away."""
        return TEACHING_LICENCE.fullmatch(self.licence) is not None


@dataclass(frozen=True, slots=True)
class Sorted:
    """Pictures with the patient they belong to and their part."""

    pictures: tuple[LabelledPicture, ...]
    patient: tuple[str, ...]
    part: tuple[Part, ...]

    def of(self, part: Part, *, boxes: bool = True) -> tuple[LabelledPicture, ...]:
        """Return the pictures of a part, with ``boxes`` only those that have any."""
        return tuple(
            picture
            for picture, own in zip(self.pictures, self.part, strict=True)
            if own == part and (picture.annotated or not boxes)
        )

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many pictures and patients each part has, with boxes and without."""
        return {
            part: {
                "pictures": self.part.count(part),
                "with_boxes": len(self.of(part)),
                "patients": len(
                    {who for who, own in zip(self.patient, self.part, strict=True) if own == part}
                ),
            }
            for part in ("train", "validate", "judge")
        }


def read_set(place: SetPlace) -> list[LabelledPicture]:
    """Return the pictures of a set, without looking at their pixels.

    Raises
    ------
    inference.errors.TrainingDataUnusable
        A file is missing or not in its layout.
    """
    rows = _table(place)
    boxes = _coco(place) if place.boxes is not None else {}
    names = sorted(boxes or rows or (file.name for file in place.images.iterdir()))
    found = []
    for name in names:
        file = place.images / name
        if not file.is_file():
            raise TrainingDataUnusable(name, 0, f"a picture of the set {place.name}")
        row = rows.get(name, {})
        own, kinds, annotated, size = boxes.get(name, (np.zeros((0, 4)), (), frozenset(), None))
        high, wide = size or _size(file)
        found.append(
            LabelledPicture(
                set_name=place.name,
                file=file,
                licence=_cell(row, place, "licence") or place.licence or "",
                patient=f"{place.name}/{_cell(row, place, 'patient') or name}",
                known_as=Path(_cell(row, place, "known_as") or name).stem,
                rows=high,
                columns=wide,
                boxes=own,
                kinds=kinds,
                annotated=annotated,
            )
        )
    return found


MARKED: Final = {
    **{name: name for name in ("right_lung", "left_lung", "heart", "cardiomediastinum")},
    **{name: name for name in ("lung", "lungs", "ground_glass", "consolidation", "opacity")},
}
"""COCO categories that a folder to be judged on may use; others are left out."""


LUNGS: Final = frozenset({"right_lung", "left_lung", "lung", "lungs"})
_COLUMNS: Final = {
    "file": "file",
    "patient": "patient",
    "licence": "licence",
    "known_as": "source_file",
}


def read_marked(folder: Path) -> Sorted:
    """Return the pictures of a folder to be judged on, joined by patient.

    It holds ``boxes.json`` and ``images/``, or a folder ``structures`` that does, or both;
    ``images.csv`` beside them is read for file, patient, licence and source_file. Without it a
    picture stands for a patient. Lungs of a picture that lies in both are judged once. Errors as
    `read_set`.
    """
    found: list[LabelledPicture] = []
    for place in (folder, folder / "structures"):
        if not (place / "boxes.json").is_file():
            continue
        table = place / "images.csv"
        found += read_set(
            SetPlace(
                name=place.name,
                images=place / "images",
                boxes=place / "boxes.json",
                table=table if table.is_file() else None,
                columns=_COLUMNS,
                licence=None,
                kinds=MARKED,
            )
        )
    if not found:
        raise TrainingDataUnusable("boxes.json", 0, "a COCO file with pictures")
    return sort(lungs_once(found))


def lungs_once(pictures: Sequence[LabelledPicture]) -> list[LabelledPicture]:
    """Return the pictures; lungs of one that lies in two sets count in the first alone."""
    first: dict[str, str] = {}
    found = []
    for each in pictures:
        if each.annotated:
            first.setdefault(each.known_as, each.set_name)
        again = first.get(each.known_as, each.set_name) != each.set_name
        found.append(replace(each, annotated=each.annotated - LUNGS) if again else each)
    return found


def grey_of(picture: LabelledPicture) -> Grey:
    """Return the pixels; a DICOM file is read as from an archive, PNG and JPEG as they are.

    Raises
    ------
    inference.errors.RadiographError
        It is none of these, or no frontal chest radiograph.
    """
    data = picture.file.read_bytes()
    return (radiograph_of(data) if data[128:132] == b"DICM" else picture_of(data)).grey


def sort(pictures: Sequence[LabelledPicture]) -> Sorted:
    """Return the pictures with patients joined and parts given, by a hash of the patient.

    Parts stay the same from run to run as long as the sets do.
    """
    thumbnails = np.stack([_thumbnail(each) for each in pictures])
    alike = np.argwhere(np.triu(thumbnails @ thumbnails.T, 1) > SAME_PICTURE)
    joined = _joined(
        [(each.patient, f"known as {each.known_as}") for each in pictures]
        + [(pictures[one].patient, pictures[other].patient) for one, other in alike]
    )
    patient = tuple(joined[each.patient] for each in pictures)
    judging = {who for who, each in zip(patient, pictures, strict=True) if not each.may_teach}
    parts: list[Part] = ["judge" if who in judging else _part(who) for who in patient]
    return Sorted(tuple(pictures), patient, tuple(parts))


def digest_of(picture: LabelledPicture) -> str:
    """Return by what a release names a picture that taught it: 16 digits of its SHA-256."""
    return hashlib.sha256(picture.file.read_bytes()).hexdigest()[:16]


def _part(patient: str) -> Part:
    digest = hashlib.sha256(f"{SALT} {patient}".encode()).digest()
    return "validate" if int.from_bytes(digest[:8], "big") % 100 < _VALIDATE else "train"


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return of every name the first, in the alphabet, of all that are joined with it."""
    first: dict[str, str] = {}

    def root(name: str) -> str:
        first.setdefault(name, name)
        while first[name] != name:
            name = first[name]
        return name

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        first[high] = low
    return {name: root(name) for name in first}


def _thumbnail(picture: LabelledPicture) -> NDArray[np.float32]:
    """Return a small picture of mean 0 and length 1, so that a product is a correlation."""
    try:
        grey = Image.fromarray(grey_of(picture))
    except RadiographError as error:
        raise TrainingDataUnusable(picture.file.name, 0, "a radiograph") from error
    small = grey.resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BILINEAR, reducing_gap=2.0)
    flat: NDArray[np.float32] = np.asarray(small, dtype=np.float32).ravel()
    flat = flat - flat.mean()
    flat /= max(float(np.linalg.norm(flat)), 1e-6)
    return flat


def _table(place: SetPlace) -> dict[str, dict[str, str]]:
    if place.table is None:
        return {}
    try:
        with place.table.open(newline="", encoding="utf-8") as lines:
            return {row[place.columns["file"]]: row for row in csv.DictReader(lines)}
    except (OSError, KeyError, csv.Error) as error:
        raise TrainingDataUnusable(place.table.name, 0, f"a table of {place.name}") from error


def _cell(row: Mapping[str, str], place: SetPlace, meaning: str) -> str:
    column = place.columns.get(meaning)
    return "" if column is None else (row.get(column) or "").strip()


def _size(file: Path) -> tuple[int, int]:
    try:
        with Image.open(file, formats=["PNG", "JPEG"]) as picture:
            return picture.height, picture.width
    except OSError:
        return (0, 0)  # a DICOM file without boxes: its size is not needed


_Labels = tuple[Boxes, tuple[str, ...], frozenset[str], tuple[int, int]]


def _coco(place: SetPlace) -> dict[str, _Labels]:
    assert place.boxes is not None  # noqa: S101  the caller asks only where there are boxes
    try:
        document = json.loads(place.boxes.read_text(encoding="utf-8"))
        names = {each["id"]: each["name"] for each in document["categories"]}
        annotated = _kinds_of(names.values(), place.kinds)
        of_image: dict[int, list[tuple[str, list[float]]]] = {}
        for each in document["annotations"]:
            kind = _kind(place.kinds.get(names[each["category_id"]]), each)
            if kind is not None:
                of_image.setdefault(each["image_id"], []).append((kind, each["bbox"]))
        return {
            image["file_name"]: _labels(
                of_image.get(image["id"], []), annotated, (image["height"], image["width"])
            )
            for image in document["images"]
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingDataUnusable(place.boxes.name, 0, "COCO images, boxes and names") from error


def _labels(
    found: list[tuple[str, list[float]]], annotated: frozenset[str], size: tuple[int, int]
) -> _Labels:
    boxes = np.array([box for _, box in found], dtype=np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return boxes, tuple(kind for kind, _ in found), annotated, size


def _kinds_of(names: Iterable[str], kinds: Mapping[str, str]) -> frozenset[str]:
    found = {kinds[name] for name in names if name in kinds}
    sides = {"right_lung", "left_lung"} if BY_SIDE in found else set()
    return frozenset(found - {BY_SIDE} | sides)


def _kind(kind: str | None, annotation: Mapping[str, Any]) -> str | None:
    return f"{annotation['side']}_lung" if kind == BY_SIDE else kind
