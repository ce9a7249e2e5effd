"""What the reading process makes of a radiograph, with a net that always says the same."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inference.core.image_reading import FileToRead, ImageKind, NotRead, Read
from inference.core.owner import Owner, identifier_digest
from inference.core.release import ArraySpec, ReleasedModel
from inference.reader.child import Readers
from tests.inference.archive.radiograph_files import chest_file, stored_chest
from tests.inference.test_radiograph_findings import LABELS, RELEASE

SIDE = 64
SPEC = ArraySpec("radiograph", ("picture", "channel", "row", "column"), (1, 1, SIDE, SIDE), "grey")
INSTALLED = replace(RELEASE, inputs=(SPEC,))
OWNER = Owner(frozenset({identifier_digest("MRN-1")}), "19600504", "female")
MINE: dict[str, Any] = {"PatientID": "MRN-1", "PatientBirthDate": "19600504", "PatientSex": "F"}


class Knowing(Readers):
    """Readers whose net finds lungs and heart where the drawing has them, in every picture."""

    ran = 0
    posture = (5.0, 0.0, 0.0, 0.0, -5.0)
    embedding = 0.0

    def _read_by(self, kind: ImageKind) -> list[ReleasedModel]:
        return [INSTALLED]

    def _run(self, release: ReleasedModel, batch: dict[str, Any]) -> dict[str, Any]:
        release.check(batch)
        self.ran += 1
        boxes = np.array([[12, 10, 26, 48], [36, 10, 50, 48], [20, 28, 44, 50]], np.float32)
        return {
            "boxes": boxes,
            "score": np.array([0.95, 0.94, 0.9], np.float32),
            "kind": np.arange(3),
            "stage_boxes": np.zeros((3, 0, 4), np.float32),
            "stage_scores": np.zeros((3, 0, len(LABELS)), np.float32),
            "posture": np.array(self.posture),
            "embedding": np.full(4, self.embedding),
        }


@pytest.fixture
def readers() -> Knowing:
    return Knowing({ImageKind.RADIOGRAPH: ("radiograph",)})


def read(readers: Readers, data: bytes, chart: Owner = OWNER) -> Read | NotRead:
    return readers.read(FileToRead(ImageKind.RADIOGRAPH, data, chart))


def test_a_chest_radiograph_is_read_with_its_ratio_boxes_and_picture(readers: Knowing) -> None:
    found = read(readers, chest_file(**MINE))
    assert isinstance(found, Read)
    reading = found.reading
    assert reading.ratio is not None
    assert reading.ratio.value == pytest.approx(24 / 38)
    assert [each.code for each in reading.regions] == ["right_lung", "left_lung", "heart"]
    assert reading.doubts == ()
    assert reading.quality == 1.0
    picture = Image.open(io.BytesIO(found.picture.png))
    assert picture.size == (found.picture.width, found.picture.height) == (300, 320)
    # Lungs are dark in what is shown, where the boxes say they are.
    lung = reading.regions[0]
    middle = (
        int((lung.left + lung.right) / 2 * picture.width),
        int((lung.top + lung.bottom) / 2 * picture.height),
    )
    assert np.asarray(picture)[middle[1], middle[0]] < 128


def test_a_radiograph_of_another_patient_is_refused_before_the_net_sees_it(
    readers: Knowing,
) -> None:
    refused = read(readers, chest_file(**MINE | {"PatientID": "MRN-2"}))
    assert isinstance(refused, NotRead)
    assert refused.of_another
    unsigned = read(readers, chest_file())
    assert isinstance(unsigned, NotRead)
    assert "neither identifier nor date of birth" in unsigned.reason
    assert readers.ran == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"BodyPartExamined": "HAND"}, "its body part is HAND, not the chest"),
        ({"ViewPosition": "LATERAL"}, "not from the front or back"),
        ({"Modality": "CT"}, "its modality is CT"),
        ({"NumberOfFrames": 3}, "it holds 3 pictures"),
    ],
)
def test_what_is_no_frontal_chest_radiograph_is_said_and_not_read(
    readers: Knowing, changes: dict[str, Any], words: str
) -> None:
    said = read(readers, chest_file(**MINE | changes))
    assert isinstance(said, NotRead)
    assert words in said.reason
    assert readers.ran == 0


def test_a_truncated_file_and_no_file_are_said(readers: Knowing) -> None:
    whole = chest_file(**MINE)
    for data in (whole[: len(whole) // 2], whole[:200], b"", b"%PDF-1.4"):
        said = read(readers, data)
        assert isinstance(said, NotRead), len(data)
        assert said.lasting


def test_a_doubtful_posture_is_said_and_takes_the_quality(readers: Knowing) -> None:
    readers.posture = (0.0, 0.0, 5.0, 0.0, 5.0)
    found = read(readers, chest_file(**MINE))
    assert isinstance(found, Read)
    assert "upside down" in found.reading.doubts[0]
    assert found.reading.quality < 0.6


def test_a_picture_unlike_what_the_release_learnt_from_is_not_readable(readers: Knowing) -> None:
    readers.embedding = 50.0
    said = read(readers, chest_file(**MINE))
    assert isinstance(said, NotRead)
    assert "not readable" in said.reason


def test_a_large_radiograph_is_shown_no_larger_than_a_screen_needs(readers: Knowing) -> None:
    found = read(readers, chest_file(stored_chest(2400, 2000), **MINE))
    assert isinstance(found, Read)
    assert (found.picture.width, found.picture.height) == (853, 1024)


def test_an_ecg_is_not_read_where_only_radiographs_are(readers: Knowing) -> None:
    said = readers.read(FileToRead(ImageKind.ECG, b"", OWNER))
    assert said == NotRead("no reader for it is installed", lasting=False)
