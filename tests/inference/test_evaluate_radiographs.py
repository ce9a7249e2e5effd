"""What is judged, and beside what: kinds, stages, the box that never looks, the ratio's error."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from cds_hooks.cli.evaluate_radiographs import judged
from inference.core.radiograph_input import placed
from inference.core.radiograph_reading import Detections, Found, detections_of, ratio_of
from inference.errors import TrainingDataUnusable
from inference.training.radiograph_evaluation import Case, figures
from inference.training.radiograph_sets import LabelledPicture

ORGANS = ("right_lung", "left_lung", "cardiomediastinum")


def marked(number: int, patient: str | None = None) -> LabelledPicture:
    """Return a picture of 400 x 500 pixels whose organs lie a little elsewhere in each."""
    random = np.random.default_rng(number)
    usual = np.array(
        [[60.0, 40.0, 220.0, 340.0], [270.0, 40.0, 440.0, 340.0], [180.0, 120.0, 350.0, 350.0]]
    )
    return LabelledPicture(
        set_name="invented",
        file=Path(f"{number}.png"),
        licence="",
        patient=patient or str(number),
        known_as=str(number),
        rows=400,
        columns=500,
        boxes=usual + random.normal(0, 12, (3, 4)),
        kinds=ORGANS,
        annotated=frozenset(ORGANS),
    )


def seen(boxes: np.ndarray, kinds: tuple[str, ...] = ORGANS) -> Found:
    return Found(boxes, np.linspace(0.9, 0.8, len(boxes)), kinds)


def cases(count: int, *errors: float) -> list[Case]:
    """Return cases whose stages miss the marks by so many pixels, the last being the end."""
    found = []
    for number in range(count):
        picture = marked(number)
        random = np.random.default_rng(1000 + number)
        stages = tuple(seen(picture.boxes + random.normal(0, error, (3, 4))) for error in errors)
        detections = Detections(stages[-1], stages, np.zeros(5), np.zeros(2))
        found.append(Case(picture, picture.patient, detections))
    return found


def test_a_detector_that_is_right_scores_one_and_the_constant_box_less() -> None:
    found = figures(cases(30, 0.0), (0.5,))
    lungs = found["classes"]["lungs"]
    assert lungs["boxes"] == 60
    assert lungs["map"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert 0.3 < lungs["constant_box"]["map"]["value"] < 0.95
    assert found["mean_ap50_of_lungs_and_cardiomediastinum"] == 1.0
    assert found["cardiothoracic_ratio"]["mae"]["value"] == 0.0


def test_each_stage_is_judged_at_its_overlap_beside_the_one_before() -> None:
    found = figures(cases(30, 30.0, 15.0, 3.0), (0.5, 0.6, 0.7))["stages"]
    assert [stage["overlap"] for stage in found] == [0.5, 0.6, 0.7]
    for before, stage in pairwise(found):
        one, other = before["classes"]["lungs"], stage["classes"]["lungs"]
        assert other["ap_at_overlap"] > other["ap_at_overlap_of_the_stage_before"]
        assert other["map"] > one["map"]
    assert found[0]["classes"]["lungs"]["ap_at_overlap_of_the_stage_before"] is None


def test_the_error_of_the_ratio_is_that_of_its_boxes() -> None:
    found = cases(20, 0.0)
    wider = []
    for case in found:
        boxes = case.picture.boxes.copy()
        chest = boxes[1, 2] - boxes[0, 0]
        boxes[2, 2] += 0.05 * chest
        detections = Detections(seen(boxes), (seen(boxes),), np.zeros(5), np.zeros(2))
        wider.append(Case(case.picture, case.patient, detections))
    ratio = figures(wider)["cardiothoracic_ratio"]
    assert ratio["measured"] == 20
    assert ratio["bias"]["value"] == pytest.approx(0.05, abs=1e-3)
    assert ratio["mae"]["value"] == pytest.approx(0.05, abs=1e-3)


def test_a_kind_that_was_not_marked_in_a_picture_is_not_judged_there() -> None:
    unmarked = marked(0)
    lungs_only = LabelledPicture(
        **{name: getattr(unmarked, name) for name in unmarked.__dataclass_fields__}
        | {"boxes": unmarked.boxes[:2], "kinds": ORGANS[:2], "annotated": frozenset(ORGANS[:2])}
    )
    wrong = seen(np.array([[0.0, 0.0, 30.0, 30.0]]), ("cardiomediastinum",))
    extra = Case(lungs_only, "x", Detections(wrong, (wrong,), np.zeros(5), np.zeros(2)))
    found = figures([*cases(10, 0.0), extra])
    assert found["classes"]["cardiomediastinum"]["ap50"]["value"] == 1.0
    assert found["classes"]["lungs"]["ap50"]["value"] < 1.0


def test_without_resamples_there_are_figures_and_no_intervals() -> None:
    found = figures(cases(12, 5.0), (0.5,), resamples=0)
    whole = figures(cases(12, 5.0), (0.5,))
    for kind, one in found["classes"].items():
        assert one["map"]["low"] is None
        assert one["map"]["value"] == whole["classes"][kind]["map"]["value"]


def test_without_a_net_there_are_no_figures_but_those_of_the_constant_box() -> None:
    found = figures([Case(marked(n), str(n), None) for n in range(12)])
    assert found["classes"]["lungs"]["ap50"]["value"] is None
    assert found["classes"]["lungs"]["constant_box"]["ap50"]["value"] > 0.5
    assert found["cardiothoracic_ratio"]["measured"] == 0


def test_outputs_of_a_graph_become_boxes_in_the_picture() -> None:
    boxes = np.array([[100.0, 150.0, 200.0, 300.0], [101.0, 151.0, 200.0, 300.0]])
    outputs = {
        "boxes": boxes[:1].astype(np.float32),
        "score": np.array([0.9], dtype=np.float32),
        "kind": np.array([1]),
        "stage_boxes": boxes[None].astype(np.float32),
        "stage_scores": np.array([[[0.0, 0.8, 0.01], [0.0, 0.7, 0.6]]], dtype=np.float32),
        "posture": np.zeros(5, dtype=np.float32),
        "embedding": np.zeros(3, dtype=np.float32),
    }
    found = detections_of(outputs, placed(1000, 500, 500), ("heart", "left_lung", "opacity"))
    # The picture is halved, and lies 125 pixels from the left edge of the square.
    np.testing.assert_allclose(found.found.boxes, [[0.0, 300.0, 150.0, 600.0]])
    assert found.found.kinds == ("left_lung",)
    # Of two boxes of one kind that overlap the better one stays; each kind for itself.
    assert found.stages[0].kinds == ("left_lung", "opacity")
    np.testing.assert_allclose(found.stages[0].score, [0.8, 0.6], atol=1e-6)


def test_the_ratio_is_from_the_heart_where_it_is_found() -> None:
    boxes = np.array(
        [[0, 0, 100, 300], [150, 0, 300, 300], [90, 100, 210, 280], [80, 90, 230, 290]], float
    )
    kinds = ("right_lung", "left_lung", "heart", "cardiomediastinum")
    assert ratio_of(seen(boxes, kinds)) == (0.4, "heart")
    assert ratio_of(seen(boxes[[0, 1, 3]], (*kinds[:2], kinds[3]))) == (0.5, "cardiomediastinum")
    assert ratio_of(seen(boxes[1:], kinds[1:])) is None


def test_a_folder_that_cannot_be_judged_on_exits_with_two(tmp_path: Path) -> None:
    import typer

    from cds_hooks.cli.evaluate_radiographs import radiographs

    application = typer.Typer()
    application.command()(radiographs)
    assert CliRunner().invoke(application, [str(tmp_path)]).exit_code == 2
    with pytest.raises(TrainingDataUnusable):
        judged(tmp_path, None, only_held_out=False, threads=1)


def test_lungs_of_a_picture_in_both_folders_are_judged_once(tmp_path: Path) -> None:
    names = [{"id": 1, "name": "lung"}, {"id": 2, "name": "cardiomediastinum"}]
    image = {"id": 1, "file_name": "a.png", "width": 300, "height": 300}
    boxes = [[10, 10, 90, 200], [160, 10, 90, 200], [90, 80, 100, 130]]
    for place, count in ((tmp_path, 2), (tmp_path / "structures", 3)):
        (place / "images").mkdir(parents=True)
        grey = np.random.default_rng(0).integers(0, 255, (300, 300), dtype=np.uint8)
        Image.fromarray(grey).save(place / "images/a.png")
        found = [
            {"id": n, "image_id": 1, "category_id": 2 if n == 2 else 1, "bbox": boxes[n]}
            for n in range(count)
        ]
        document = {"categories": names[: count - 1], "images": [image], "annotations": found}
        (place / "boxes.json").write_text(json.dumps(document))
    (tmp_path / "releases").mkdir()
    found = judged(tmp_path, tmp_path / "releases", only_held_out=False, threads=1)
    assert found["images"] == 1
    assert found["classes"]["lungs"]["images"] == 1
    assert found["classes"]["cardiomediastinum"]["boxes"] == 1
    assert found["cardiothoracic_ratio"]["images"] == 1
