"""Who teaches and who judges: by licence, by patient, and by what the pictures themselves show."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.errors import TrainingDataUnusable
from inference.training.radiograph_config import read_settings
from inference.training.radiograph_sets import (
    SetPlace,
    Sorted,
    digest_of,
    grey_of,
    read_set,
    sort,
)

CONFIG = Path(__file__).parents[2] / "inference/training/configs/radiographs.toml"
COLUMNS = {"file": "file", "patient": "patient", "licence": "licence", "known_as": "source"}


def picture(seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (12, 12), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((300, 320), Image.Resampling.BICUBIC))


def write_set(folder: Path, rows: list[dict[str, str]], pictures: list[np.ndarray]) -> SetPlace:
    folder.mkdir()
    for row, grey in zip(rows, pictures, strict=True):
        Image.fromarray(grey).save(folder / row["file"])
    with (folder / "table.csv").open("w", newline="") as out:
        writer = csv.DictWriter(out, ["file", "patient", "licence", "source"])
        writer.writeheader()
        writer.writerows(rows)
    document = {
        "categories": [{"id": 1, "name": "lung"}, {"id": 2, "name": "tube"}],
        "images": [
            {"id": number, "file_name": row["file"], "width": 300, "height": 320}
            for number, row in enumerate(rows)
        ],
        "annotations": [
            {"id": 1, "image_id": 0, "category_id": 1, "bbox": [10, 20, 30, 40], "side": "left"},
            {"id": 2, "image_id": 0, "category_id": 2, "bbox": [1, 2, 3, 4]},
        ],
    }
    (folder / "boxes.json").write_text(json.dumps(document))
    return SetPlace(
        name=folder.name,
        images=folder,
        boxes=folder / "boxes.json",
        table=folder / "table.csv",
        columns=COLUMNS,
        licence=None,
        kinds={"lung": "by side"},
    )


def row(file: str, patient: str, licence: str, source: str = "") -> dict[str, str]:
    return {"file": file, "patient": patient, "licence": licence, "source": source}


def test_boxes_licence_and_what_was_looked_for_are_read(tmp_path: Path) -> None:
    place = write_set(tmp_path / "one", [row("a.png", "7", "CC BY 4.0")], [picture(0)])
    (found,) = read_set(place)
    assert (found.patient, found.licence, found.known_as) == ("one/7", "CC BY 4.0", "a")
    np.testing.assert_array_equal(found.boxes, [[10.0, 20.0, 40.0, 60.0]])
    assert found.kinds == ("left_lung",)
    assert found.annotated == {"left_lung", "right_lung"}
    np.testing.assert_array_equal(grey_of(found), picture(0))


@pytest.mark.parametrize(
    ("licence", "teaches"),
    [
        ("CC BY 3.0", True),
        ("CC BY", True),
        ("CC BY-SA 4.0", True),
        ("", False),
        ("CC BY-NC-SA", False),
        ("CC BY-NC-SA 4.0", False),
        ("CC BY-ND 4.0", False),
        ("listed as authorized for everyone", False),
    ],
)
def test_only_licences_that_let_weights_be_given_away_teach(
    licence: str, teaches: bool, tmp_path: Path
) -> None:
    place = write_set(tmp_path / "one", [row("a.png", "7", licence)], [picture(0)])
    parts = sort(read_set(place))
    assert (parts.part[0] != "judge") == teaches


def sorted_of(tmp_path: Path, rows: list[dict[str, str]], pictures: list[np.ndarray]) -> Sorted:
    return sort(read_set(write_set(tmp_path / "one", rows, pictures)))


def test_a_patient_with_one_picture_that_only_judges_does_not_teach(tmp_path: Path) -> None:
    rows = [row("a.png", "7", "CC BY 4.0"), row("b.png", "7", "")]
    assert sorted_of(tmp_path, rows, [picture(0), picture(1)]).part == ("judge", "judge")


def test_the_same_picture_under_two_patients_joins_them(tmp_path: Path) -> None:
    rows = [row("a.png", "7", "CC BY 4.0"), row("b.png", "8", ""), row("c.png", "9", "CC BY")]
    lighter = np.clip(picture(0) * 0.7 + 60, 0, 255).astype(np.uint8)
    found = sorted_of(tmp_path, rows, [picture(0), lighter, picture(2)])
    assert found.patient[0] == found.patient[1] != found.patient[2]
    assert found.part[0] == "judge"


def test_one_name_in_two_sets_joins_their_patients(tmp_path: Path) -> None:
    one = write_set(tmp_path / "one", [row("a.png", "7", "CC BY", "x.jpeg")], [picture(0)])
    two = write_set(tmp_path / "two", [row("b.png", "1", "", "x.png")], [picture(1)])
    found = sort([*read_set(one), *read_set(two)])
    assert found.patient[0] == found.patient[1]
    assert set(found.part) == {"judge"}


def test_a_fifth_of_the_teaching_patients_validates_and_no_patient_does_both(
    tmp_path: Path,
) -> None:
    rows = [row(f"{n}.png", str(n // 2), "CC BY 4.0") for n in range(80)]
    found = sorted_of(tmp_path, rows, [picture(n) for n in range(80)])
    counts = found.counts()
    assert counts["train"]["patients"] + counts["validate"]["patients"] == 40
    assert 2 <= counts["validate"]["patients"] <= 16


@pytest.mark.parametrize("broken", ["{}", "[]", "no JSON", '{"categories": 3}'])
def test_a_file_that_is_not_coco_is_named(broken: str, tmp_path: Path) -> None:
    place = write_set(tmp_path / "one", [row("a.png", "7", "CC BY 4.0")], [picture(0)])
    (tmp_path / "one/boxes.json").write_text(broken)
    with pytest.raises(TrainingDataUnusable, match=r"boxes\.json"):
        read_set(place)


def test_the_public_sets_are_parted_as_their_documentation_demands(shared_data: Path) -> None:
    places = read_settings(CONFIG).places(shared_data)
    found = sort([each for place in places for each in read_set(place)])
    assert len(found.pictures) == 366 + 55 + 243
    whose = {
        f"{each.set_name}/{each.file.name}": (who, part)
        for each, who, part in zip(found.pictures, found.patient, found.part, strict=True)
    }

    def same(one: str, other: str) -> bool:
        return whose[f"lung_boxes/{one}"][0] == whose[f"lung_boxes/{other}"][0]

    # Pairs that the documentation of the data names as one patient under two numbers.
    ards = "covid-19-rapidly-progressive-acute-respiratory-distress-syndrome-ards"
    assert same("16660_2_1.jpg", f"{ards}-day-3.jpg")
    assert same("4-x-day1.jpg", "extubation-13.jpg")
    assert same("AR-2.jpg", "4-x-day8.jpg")
    assert same("case_76_1-3.jpg", "A7E260CE-8A00-4C5F-A7F5-27336527A981.jpg")
    # 104 pictures are in two sets, 55 in two others: never on both sides.
    for each, (who, part) in whose.items():
        name = each.split("/")[1]
        for other in ("lung_boxes", "structures", "hannover"):
            if f"{other}/{name}" in whose:
                assert whose[f"{other}/{name}"] == (who, part)
    counts = found.counts()
    assert counts["train"]["with_boxes"] + counts["validate"]["with_boxes"] == 104 + 5 + 2
    assert counts["judge"]["with_boxes"] == 366 - 109 + 55 - 2
    assert counts["train"]["patients"] > 40
    teaching = {each.licence for each in (*found.of("train"), *found.of("validate"))}
    assert teaching <= {"CC BY 3.0", "CC BY 4.0", "CC BY", "CC BY-SA"}
    assert len({digest_of(each) for each in found.of("train")}) == len(found.of("train")) - len(
        [each for each in found.of("train") if each.set_name == "structures"]
    )
