"""Average precision is COCO's, by hand and beside pycocotools; the ratio is what is measured."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from inference.core.boxes import (
    OVERLAPS,
    average_precision,
    cardiothoracic_ratio,
    in_picture,
    iou,
    judged,
    median_boxes,
)


def test_overlap_of_hand_computed_boxes() -> None:
    one = np.array([[0.0, 0.0, 2.0, 2.0], [5.0, 5.0, 5.0, 9.0]])
    other = np.array([[1.0, 1.0, 3.0, 3.0], [0.0, 0.0, 2.0, 2.0], [2.0, 0.0, 4.0, 2.0]])
    np.testing.assert_allclose(iou(one, other), [[1 / 7, 1.0, 0.0], [0.0, 0.0, 0.0]])


def test_a_detection_too_many_above_the_right_one_halves_precision() -> None:
    truth = np.array([[0.0, 0.0, 10.0, 10.0]])
    found = np.array([[50.0, 50.0, 60.0, 60.0], [0.0, 0.0, 10.0, 10.0]])
    np.testing.assert_allclose(
        average_precision([judged(found, np.array([0.9, 0.8]), truth)]), np.full(10, 0.5)
    )


def test_two_detections_of_one_box_are_one_right_and_one_wrong() -> None:
    truth = np.array([[0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 30.0, 10.0]])
    found = np.array([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 9.9]])
    score = np.array([0.9, 0.8])
    # Recall stays at one half: 51 of 101 recalls have a precision of 1, the others 0.
    np.testing.assert_allclose(
        average_precision([judged(found, score, truth)]), np.full(10, 51 / 101)
    )


def test_without_true_boxes_there_is_no_figure() -> None:
    nothing = np.zeros((0, 4))
    assert np.isnan(average_precision([judged(nothing, np.zeros(0), nothing)])).all()
    missed = judged(nothing, np.zeros(0), np.array([[0.0, 0.0, 1.0, 1.0]]))
    assert (average_precision([missed]) == 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_is_that_of_pycocotools(seed: int) -> None:
    random = np.random.default_rng(seed)
    pictures, truths, founds = [], [], []
    for picture in range(30):
        truth = _boxes(random, random.integers(0, 4))
        near = truth[random.random(len(truth)) < 0.9] + random.normal(0, 6, (1, 4))
        found = np.concatenate([near, near + 3.0, _boxes(random, random.integers(0, 3))])
        score = np.round(random.random(len(found)), 1)  # many equal scores
        pictures.append(judged(found, score, truth))
        truths += [(picture, box) for box in truth]
        founds += [(picture, box, value) for box, value in zip(found, score, strict=True)]
    wanted = _by_pycocotools(len(pictures), truths, founds)
    np.testing.assert_allclose(average_precision(pictures), wanted, atol=1e-9)
    assert 0.05 < wanted.mean() < 0.95


def _boxes(random: np.random.Generator, count: int) -> np.ndarray:
    corner = random.uniform(0, 300, (count, 2))
    return np.concatenate([corner, corner + random.uniform(30, 150, (count, 2))], axis=1)


def _by_pycocotools(pictures: int, truths: list, founds: list) -> np.ndarray:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def corner_and_size(box: np.ndarray) -> list[float]:
        return [float(each) for each in (*box[:2], *(box[2:] - box[:2]))]

    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        known.dataset = {
            "images": [{"id": number} for number in range(pictures)],
            "categories": [{"id": 1}],
            "annotations": [
                {
                    "id": place + 1,
                    "image_id": number,
                    "category_id": 1,
                    "bbox": corner_and_size(box),
                    "area": float(np.prod(box[2:] - box[:2])),
                    "iscrowd": 0,
                }
                for place, (number, box) in enumerate(truths)
            ],
        }
        known.createIndex()
        said = known.loadRes(
            [
                {
                    "image_id": number,
                    "category_id": 1,
                    "bbox": corner_and_size(box),
                    "score": float(score),
                }
                for number, box, score in founds
            ]
        )
        evaluation = COCOeval(known, said, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, 0, 0, 2]  # overlap, recall; all areas, 100
    assert len(precision) == len(OVERLAPS)
    return np.asarray(precision.mean(axis=1))


def test_the_box_that_never_looks_is_the_median_in_shares_of_the_picture() -> None:
    boxes = {"right": np.array([[10.0, 10.0, 50.0, 80.0], [40.0, 20.0, 80.0, 160.0]])}
    sizes = {"right": np.array([[100, 100], [200, 200]])}
    shares = median_boxes(boxes, sizes)
    np.testing.assert_allclose(shares, [[0.15, 0.1, 0.45, 0.8]])
    np.testing.assert_allclose(in_picture(shares, 100, 200), [[30.0, 10.0, 90.0, 80.0]])


def test_the_ratio_is_the_heart_over_the_width_from_lung_to_lung() -> None:
    right, left = np.array([100.0, 50.0, 280.0, 400.0]), np.array([330.0, 50.0, 500.0, 400.0])
    assert cardiothoracic_ratio(np.array([220.0, 200.0, 420.0, 380.0]), right, left) == 0.5
    assert cardiothoracic_ratio(np.array([220.0, 200.0, 420.0, 380.0]), left, right) is None
    assert cardiothoracic_ratio(np.array([220.0, 200.0, 220.0, 380.0]), right, left) is None
