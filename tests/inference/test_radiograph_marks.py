"""Our own marks join what a collection marks, by the picture itself, and lie where they can."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.core.boxes import cardiothoracic_ratio
from inference.errors import TrainingDataUnusable
from inference.training.radiograph_config import read_settings
from inference.training.radiograph_marks import ANNOTATIONS, read_marks, with_marks
from inference.training.radiograph_sets import LabelledPicture, digest_of, read_set, sort

CONFIG = Path(__file__).parents[2] / "inference/training/configs/radiographs_384.toml"
BOXES = "file,digest,kind,left,top,right,bottom,how\n"
HEADER = "file,digest,left,top,right,bottom,arch_top\n"


def picture(file: Path, kinds: tuple[str, ...]) -> LabelledPicture:
    Image.fromarray(np.zeros((300, 320), dtype=np.uint8)).save(file)
    boxes = np.array([[1.0, 2.0, 30.0, 40.0]] * len(kinds)).reshape(-1, 4)
    return LabelledPicture(
        "one", file, "CC BY 4.0", "one/1", "a", 300, 320, boxes, kinds, frozenset(kinds)
    )


def test_a_marked_heart_joins_the_lungs_and_is_cut_at_the_edge(tmp_path: Path) -> None:
    own = picture(tmp_path / "a.png", ("right_lung", "left_lung"))
    (tmp_path / "marks.csv").write_text(f"{HEADER}a.png,{digest_of(own)},100,120,330,260,70\n")
    (found,) = with_marks([own], read_marks(tmp_path / "marks.csv"))
    assert found.kinds == ("right_lung", "left_lung", "heart", "cardiomediastinum")
    np.testing.assert_array_equal(found.boxes[2:], [[100, 120, 320, 260], [100, 70, 320, 260]])
    assert found.annotated == set(found.kinds)


def test_what_a_collection_marks_itself_stays_and_other_pictures_stay_unknown(
    tmp_path: Path,
) -> None:
    own = picture(tmp_path / "a.png", ("cardiomediastinum",))
    heart = np.array([100.0, 120.0, 200.0, 260.0])
    marks = {digest_of(own): {"heart": heart, "cardiomediastinum": heart + 1}}
    (found,) = with_marks([own], marks)
    assert found.kinds == ("cardiomediastinum", "heart")
    np.testing.assert_array_equal(found.boxes[0], own.boxes[0])
    (other,) = with_marks([own], {"another picture": marks[digest_of(own)]})
    assert other is own


def test_boxes_of_named_kinds_are_marks_too(tmp_path: Path) -> None:
    own = picture(tmp_path / "a.png", ())
    (tmp_path / "marks.csv").write_text(
        f"{BOXES}a.png,{digest_of(own)},left_lung,200,20,300,280,seen\n"
        f"a.png,{digest_of(own)},right_lung,30,20,140,280,seen\n"
    )
    (found,) = with_marks([own], read_marks(tmp_path / "marks.csv"))
    assert found.annotated == {"left_lung", "right_lung"}
    np.testing.assert_array_equal(found.boxes, [[200, 20, 300, 280], [30, 20, 140, 280]])


@pytest.mark.parametrize(
    "lines",
    [
        "a,b,c\n1,2,3\n",
        f"{HEADER}a.png,d,200,120,100,260,70\n",
        f"{HEADER}a.png,d,100,120,200,260,130\n",
        f"{HEADER}a.png,d,100,120,200,x,70\n",
        f"{BOXES}a.png,d,left_lung,200,120,100,260,seen\n",
    ],
)
def test_a_file_of_impossible_marks_is_named(lines: str, tmp_path: Path) -> None:
    (tmp_path / "marks.csv").write_text(lines)
    with pytest.raises(TrainingDataUnusable, match=r"marks\.csv"):
        read_marks(tmp_path / "marks.csv")


def test_only_pictures_that_may_teach_are_marked_and_their_hearts_are_possible(
    shared_data: Path,
) -> None:
    settings = read_settings(CONFIG)
    assert settings.marks == ("hearts.csv", "lungs.csv")
    hearts, lungs = (read_marks(ANNOTATIONS / name) for name in settings.marks)
    pictures = [each for place in settings.places(shared_data) for each in read_set(place)]
    parts = sort(with_marks(with_marks(pictures, hearts), lungs))
    teaching = [*parts.of("train"), *parts.of("validate")]
    assert hearts.keys() <= {digest_of(each) for each in teaching}
    assert lungs.keys() <= {digest_of(each) for each in parts.of("train")}
    assert parts.part == sort(pictures).part
    judges = [kind for each in parts.of("judge") for kind in each.kinds]
    assert "heart" not in judges
    with_hearts = [each for each in teaching if "heart" in each.kinds]
    assert len(with_hearts) > 60
    for each in with_hearts:
        boxes = dict(zip(each.kinds, each.boxes, strict=True))
        if not {"right_lung", "left_lung"} <= boxes.keys():
            continue
        ratio = cardiothoracic_ratio(boxes["heart"], boxes["right_lung"], boxes["left_lung"])
        assert ratio is not None
        assert 0.25 < ratio < 0.75
        assert boxes["heart"][0] < boxes["right_lung"][2] + 60
        assert boxes["heart"][2] > boxes["left_lung"][0]
