"""The detector's operators are the well-known ones, and its graph says what the net says.

Needs the training environment.
"""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not in this environment")

from inference.nets.cascade_matching import (  # noqa: E402
    Truth,
    anchor_targets,
    dense_loss,
    proposal_loss,
    stage_loss,
)
from inference.nets.cascade_operators import (  # noqa: E402
    RoiAlign,
    Suppression,
    mirrored,
    moved,
    offsets,
    sampled,
    voted,
)
from inference.nets.cascade_rcnn import (  # noqa: E402
    CascadeRcnn,
    CascadeSettings,
    Detected,
)

KINDS = ("right_lung", "left_lung", "heart", "cardiomediastinum", "opacity")
CASCADE = (0.5, 0.6, 0.7)
BACKBONES = ("efficientnet_b0", "mobilenetv3_large_100", "resnet50")


def some_boxes(count: int, side: float, seed: int = 0) -> Any:
    random = np.random.default_rng(seed)
    corner = random.uniform(0, 0.7 * side, (count, 2))
    size = random.uniform(0.05 * side, 0.3 * side, (count, 2))
    return torch.tensor(np.concatenate([corner, corner + size], axis=1), dtype=torch.float32)


def lively(
    overlaps: tuple[float, ...] = CASCADE, backbone: str = BACKBONES[1], views: int = 1
) -> Any:
    """Return a net without training whose scores differ so much that rounding orders nothing."""
    torch.manual_seed(1)
    net = CascadeRcnn(
        CascadeSettings(
            KINDS,
            backbone,
            side=128,
            width=32,
            hidden=64,
            anchor=4.0,
            overlaps=overlaps,
            views=views,
        )
    )
    with torch.no_grad():
        for layer in (net.object, net.shift):
            layer.weight *= 60.0
        for head in net.heads:
            head.kind.weight *= 8.0
            head.shift.weight *= 300.0
    return net.eval()


def picture(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    coarse = torch.rand(1, 1, 9, 9)
    return torch.nn.functional.interpolate(coarse, size=128, mode="bicubic").clamp(0, 1)


@pytest.mark.parametrize("stride", [4, 16])
def test_roi_align_is_torchvisions(stride: int) -> None:
    ops = pytest.importorskip("torchvision").ops
    torch.manual_seed(0)
    features, boxes = torch.rand(1, 6, 32, 32), some_boxes(40, 32.0 * stride)
    found = RoiAlign.apply(features, boxes, stride, 7)
    wanted = ops.roi_align(
        features, [boxes], 7, spatial_scale=1 / stride, sampling_ratio=2, aligned=True
    )
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
    features.requires_grad_()
    (own,) = torch.autograd.grad(sampled(features, boxes, stride, 7).square().sum(), features)
    again = ops.roi_align(
        features, [boxes], 7, spatial_scale=1 / stride, sampling_ratio=2, aligned=True
    )
    (theirs,) = torch.autograd.grad(again.square().sum(), features)
    torch.testing.assert_close(own, theirs, atol=1e-4, rtol=1e-4)


def test_suppression_is_torchvisions_for_each_kind() -> None:
    ops = pytest.importorskip("torchvision").ops
    boxes = some_boxes(200, 100.0)
    scores = torch.rand(3, 200, generator=torch.Generator().manual_seed(0))
    kept = Suppression.apply(boxes, scores, 0.4, 0.2, 30)
    for kind in range(3):
        wanted = ops.nms(boxes, scores[kind], 0.4)
        wanted = wanted[scores[kind][wanted] > 0.2][:30]
        assert kept[kept[:, 0] == kind, 1].tolist() == wanted.tolist()


def test_boxes_vote_with_their_scores_for_those_that_they_overlap() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 60, 60]])
    scores = torch.tensor([[0.9, 0.0], [0.3, 0.2], [0.1, 0.6]])
    found = voted(boxes, scores, 0.6)
    torch.testing.assert_close(
        found[0], torch.tensor([0.0, 0.0, 10.0, (0.9 * 10 + 0.3 * 9) / 1.2])
    )
    torch.testing.assert_close(found[2], boxes[2])
    assert mirrored(boxes[2:], 100).tolist() == [[40.0, 50.0, 50.0, 60.0]]


@pytest.mark.parametrize("overlaps", [CASCADE, ()])
def test_a_net_of_two_views_sees_in_a_mirror_the_mirror_image(
    overlaps: tuple[float, ...],
) -> None:
    net = lively(overlaps, views=2)
    with torch.no_grad():
        plain, other = net(picture()), net(picture().flip(3))
    sides = torch.tensor([1, 0, 2, 3, 4])
    again = mirrored(other.boxes, 128)
    for kind in range(len(KINDS)):
        here, there = plain.kind == kind, other.kind == sides[kind]
        torch.testing.assert_close(plain.score[here], other.score[there], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(plain.boxes[here], again[there], atol=1e-2, rtol=1e-3)
    assert len(plain.score) > 3


def test_offsets_lead_from_one_box_to_the_other() -> None:
    boxes, goals = some_boxes(50, 100.0), some_boxes(50, 100.0, seed=1)
    by = offsets(boxes, goals, (10.0, 5.0))
    torch.testing.assert_close(moved(boxes, by, (10.0, 5.0), 100), goals, atol=1e-3, rtol=1e-4)
    everywhere = moved(boxes, 100 * by, (10.0, 5.0), 100)
    assert float(everywhere.min()) >= 0
    assert float(everywhere.max()) <= 100


BUILT = [
    *((backbone, CASCADE, 1) for backbone in BACKBONES),
    *((BACKBONES[1], overlaps, 1) for overlaps in ((0.5,), ())),  # they differ behind it only
    (BACKBONES[1], CASCADE, 2),
]


@pytest.mark.parametrize(("backbone", "overlaps", "views"), BUILT)
def test_the_exported_graph_says_what_the_net_says(
    backbone: str, overlaps: tuple[float, ...], views: int
) -> None:
    import onnx
    import onnxruntime

    net = lively(overlaps, backbone, views)
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net,
            (picture(),),
            written,
            input_names=["radiograph"],
            output_names=list(Detected._fields),
            opset_version=18,
            dynamo=False,
        )
    nodes = {node.op_type for node in onnx.load_from_string(written.getvalue()).graph.node}
    assert "NonMaxSuppression" in nodes
    assert ("RoiAlign" in nodes) == bool(overlaps)
    session = onnxruntime.InferenceSession(written.getvalue())
    for seed in (0, 1, 2):
        with torch.no_grad():
            wanted = net(picture(seed))
        found = session.run(None, {"radiograph": picture(seed).numpy()})
        assert len(wanted.score) > 3
        # The 400 dense boxes of no stage come in the order of scores of which some are equal.
        compared = len(found) if overlaps else 3
        for one, other in zip(found[:compared], wanted[:compared], strict=True):
            np.testing.assert_allclose(one, other.numpy(), atol=1e-4, rtol=1e-4)


def test_each_stage_starts_where_the_one_before_ended() -> None:
    net = lively()
    with torch.no_grad():
        found = net(picture())
        net.heads[2].shift.weight.zero_()
        net.heads[2].shift.bias.zero_()
        again = net(picture())
    assert found.stage_boxes.shape[0] == 3
    torch.testing.assert_close(again.stage_boxes[2], again.stage_boxes[1])
    assert not torch.allclose(found.stage_boxes[1], found.stage_boxes[0])


def known(*kinds: str) -> Any:
    return torch.tensor([kind in kinds for kind in KINDS])


def test_a_kind_that_was_not_marked_is_neither_right_nor_wrong() -> None:
    boxes = some_boxes(20, 100.0)
    logits = torch.zeros(20, 6, requires_grad=True)
    truth = Truth(boxes[:2] + 0.5, torch.tensor([0, 1]), known("right_lung", "left_lung"))
    stage_loss(logits, torch.zeros(20, 4), boxes, truth, 0.5, (10.0, 5.0)).backward()
    assert float(logits.grad[:, 3:].abs().max()) < 1e-12
    assert float(logits.grad[:, :3].abs().min()) > 1e-4


def test_inside_a_chest_that_is_not_wholly_marked_no_anchor_is_background() -> None:
    lungs = torch.tensor([[10.0, 10.0, 45.0, 90.0], [55.0, 10.0, 90.0, 90.0]])
    anchors = torch.tensor([[40.0, 50.0, 65.0, 80.0], [0.0, 92.0, 20.0, 99.0], [12, 10, 44, 91.0]])
    partly = Truth(lungs, torch.tensor([0, 1]), known("right_lung", "left_lung"))
    wholly = Truth(lungs, torch.tensor([0, 1]), known(*KINDS))
    # The last of the anchors fits a lung; the best anchor of the other lung learns it, too.
    assert anchor_targets(anchors, partly)[0].tolist()[1:] == [0.0, 1.0]
    spare = torch.cat([anchors, torch.tensor([[56.0, 11.0, 90.0, 88.0]])])
    assert anchor_targets(spare, partly)[0].tolist() == [-1.0, 0.0, 1.0, 1.0]
    assert anchor_targets(spare, wholly)[0].tolist() == [0.0, 0.0, 1.0, 1.0]


def test_inside_a_chest_that_is_not_wholly_marked_anchors_learn_the_marked_kinds() -> None:
    lungs = torch.tensor([[10.0, 10.0, 45.0, 90.0], [55.0, 10.0, 90.0, 90.0]])
    between = torch.tensor([[40.0, 50.0, 65.0, 80.0]])
    partly = Truth(lungs, torch.tensor([0, 1]), known("right_lung", "left_lung"))
    scores = torch.zeros(3, len(KINDS), requires_grad=True)
    dense_loss(scores, torch.zeros(3, 4), torch.cat([lungs, between]), partly).backward()
    assert float(scores.grad[2, :2].min()) > 1e-3
    assert float(scores.grad[:, 2:].abs().max()) == 0
    assert bool((torch.sign(scores.grad[:2, :2]) == 1 - 2 * torch.eye(2)).all())


def test_a_picture_without_boxes_teaches_background_only() -> None:
    nothing = Truth(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), known(*KINDS))
    anchors = some_boxes(60, 100.0)
    scores = torch.zeros(60, 1, requires_grad=True)
    generator = torch.Generator().manual_seed(0)
    proposal_loss(scores, torch.zeros(60, 4), anchors, nothing, generator).backward()
    assert float(scores.grad.min()) >= 0
    assert float(scores.grad.max()) > 0


@pytest.mark.parametrize("overlaps", [(0.5, 0.6, 0.7), ()])
def test_every_variant_learns_one_picture(overlaps: tuple[float, ...]) -> None:
    torch.manual_seed(0)
    settings = CascadeSettings(
        KINDS, BACKBONES[1], side=128, width=32, hidden=64, anchor=4.0, overlaps=overlaps
    )
    net = CascadeRcnn(settings)
    shown = torch.zeros(2, 1, 128, 128)
    shown[:, :, 20:100, 15:60], shown[:, :, 24:108, 70:115] = 0.9, 0.5
    truth = Truth(
        torch.tensor([[15.0, 20.0, 60.0, 100.0], [70.0, 24.0, 115.0, 108.0]]),
        torch.tensor([0, 1]),
        known("right_lung", "left_lung"),
    )
    generator = torch.Generator().manual_seed(0)
    optimiser = torch.optim.AdamW(net.parameters(), 2e-3)
    for _ in range(40):
        optimiser.zero_grad()
        sum(net.losses(shown, [truth, truth], generator).values()).backward()
        optimiser.step()
    for layer in net.modules():  # forty steps are too few for running statistics
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.reset_running_stats()
            layer.momentum = None
    with torch.no_grad():
        for _ in range(3):
            net.pyramid(shown)
        found = net.eval()(shown[:1])
    for kind in (0, 1):
        best = found.boxes[found.kind == kind][found.score[found.kind == kind].argmax()]
        from inference.nets.cascade_operators import pairwise_iou

        assert float(pairwise_iou(best[None], truth.boxes[kind : kind + 1])) > 0.7
