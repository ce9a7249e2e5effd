"""EfficientNet on the page: compound scaling as published, its map, its export and its teacher.

Runs where torch is installed (`make train-environment`).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.core.ecg_together import pair_of
from inference.core.viz_ecg import ACTIVATION, EMBEDDING, LOG_ODDS, PAGE, PAGE_SHAPE
from inference.releases.library import SHIPPED, ReleaseLibrary
from inference.runtimes.onnx import open_session
from inference.training.ecg_labels import CODES, PLACE
from inference.training.ecg_sets import STEP_MV
from inference.training.ecg_settings import TeacherSettings

torch = pytest.importorskip("torch", reason="torch is only in the training environment")

PUBLISHED = {
    "efficientnet_b0": (224, 5.3, 0.39),
    "efficientnet_b1": (240, 7.8, 0.70),
    "efficientnet_b2": (260, 9.2, 1.0),
    "efficientnet_b3": (300, 12.0, 1.8),
}
"""Side, millions of parameters and billions of multiply-adds: table 2 of
https://arxiv.org/abs/1905.11946."""
IMAGENET_CLASSES = 1000


def page_net(name: str = "efficientnet_b0", **settings: Any) -> Any:
    from inference.nets.efficientnet_page import PageEfficientNet

    torch.manual_seed(0)
    return PageEfficientNet(len(CODES), name=name, **settings)


def multiply_adds(net: Any, image: Any) -> int:
    """Count the products of every convolution, from shapes alone."""
    found: list[int] = []

    def count(layer: Any, _: Any, out: Any) -> None:
        found.append(out[0].numel() * layer.weight[0].numel())

    hooks = [
        layer.register_forward_hook(count)
        for layer in net.modules()
        if isinstance(layer, torch.nn.Conv2d)
    ]
    net(image)
    for hook in hooks:
        hook.remove()
    return sum(found)


@pytest.mark.parametrize("name", PUBLISHED)
def test_compound_scaling_is_the_published_one(name: str) -> None:
    side, millions, billions = PUBLISHED[name]
    backbone = page_net(name, first=3).backbone.eval().to("meta")
    head = (backbone.num_features + 1) * IMAGENET_CLASSES
    parameters = head + sum(one.numel() for one in backbone.parameters())
    products = head + multiply_adds(backbone, torch.zeros(1, 3, side, side, device="meta"))
    assert parameters / 1e6 == pytest.approx(millions, rel=0.025)
    assert products / 1e9 == pytest.approx(billions, rel=0.04)


@pytest.mark.parametrize("name", PUBLISHED)
def test_each_size_exports_to_a_graph_that_says_the_same(name: str, tmp_path: Path) -> None:
    from inference.training.ecg_export import served_graph

    settings = {"name": name}
    net = page_net(name).eval()
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    progress = {"steps": 0, "seen": 0, "spent_s": 0.0, "core_s": 0.0}
    state = {
        "settings": {"kind": "page", "net": settings},
        "codes": list(CODES),
        "averaged": net.state_dict(),
        "progress": progress,
    }
    torch.save(state, tmp_path / "checkpoint.pt")
    session = open_session(served_graph(tmp_path).SerializeToString(), 1)
    pages = np.random.default_rng(0).random((2, *PAGE_SHAPE), dtype=np.float32)
    said = session.run([LOG_ODDS, ACTIVATION, EMBEDDING], {PAGE: pages})
    with torch.no_grad():
        expected = net(torch.from_numpy(pages))
    for graph, net_said in zip(said, expected, strict=True):
        assert np.abs(graph - net_said.numpy()).max() < 1e-4


def test_what_the_places_add_is_the_log_odds() -> None:
    pages = torch.rand(2, *PAGE_SHAPE)
    says = page_net().eval()(pages)
    assert says.activation.shape == (2, len(CODES), 5, 11)
    assert torch.allclose(says.activation.sum(dim=(2, 3)), says.logits, atol=1e-5)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from inference.nets.vizecgnet import VizEcgNet
    from inference.training.ecg_teacher import PageTeacher

    folder = tmp_path_factory.mktemp("vizecgnet")
    torch.manual_seed(1)
    state = {
        "settings": {"kind": "vizecgnet", "net": {}},
        "codes": list(CODES),
        "averaged": VizEcgNet(len(CODES)).state_dict(),
        "progress": {"steps": 0, "seen": 0, "spent_s": 0.0, "core_s": 0.0},
    }
    torch.save(state, folder / "checkpoint.pt")
    settings = TeacherSettings("vizecgnet", withheld=("STEMI",))
    return PageTeacher(folder, settings, torch.device("cpu"))


def test_a_withheld_finding_is_taught_by_labels_alone(teacher: Any) -> None:
    net, pages = page_net(tokens=64), torch.rand(2, *PAGE_SHAPE)
    targets = torch.full((2, len(CODES)), torch.nan)
    targets[:, PLACE["NORM"]] = 1.0
    teacher.loss(net, pages, targets).backward()
    learns = net.coarse.weight.grad.flatten(1).abs().sum(dim=1)
    assert learns[PLACE["STEMI"]] == 0
    assert learns[PLACE["AF"]] > 0
    targets[:, PLACE["STEMI"]] = 1.0
    net.zero_grad()
    teacher.loss(net, pages, targets).backward()
    assert net.coarse.weight.grad[PLACE["STEMI"]].abs().sum() > 0


def test_a_pupil_that_adds_up_as_its_teacher_does_has_nothing_left_to_learn(teacher: Any) -> None:
    from inference.nets.efficientnet_page import PlaceSays
    from inference.training.ecg_teacher import places_loss

    says = teacher.says(torch.rand(2, *PAGE_SHAPE))
    pupil = PlaceSays(says.logits, says.activation, says.tokens)
    kept = torch.arange(len(teacher.kept))
    assert places_loss(pupil, says, kept) < 1e-10
    coarse = torch.nn.functional.avg_pool2d(says.activation, (4, 6)) * 24
    assert places_loss(pupil._replace(activation=coarse), says, kept) < 1e-8
    assert places_loss(pupil._replace(activation=coarse + 0.1), says, kept) > 0.1


def test_a_pupil_guesses_every_token_of_its_teacher(teacher: Any) -> None:
    pages = torch.rand(2, *PAGE_SHAPE)
    _, guess = page_net(tokens=64).taught(pages)
    assert guess.shape == teacher.says(pages).tokens.shape == (2, 4, 42, 64)
    assert page_net().taught(pages)[1] is None


RUN = """
[loop]
kind = "page"
steps = 2
batch = 4
every = 2
injury = 0.5

[mixture]
generated = 0.5

[net]
name = "efficientnet_b0"

[data]
[[data.sets]]
stem = "invented"
reader = "listed"
licence = "generated"
source = "the generator"

[[data.judges]]
stem = "invented"
reader = "listed"
licence = "generated"
source = "the generator"
"""


def test_a_second_reader_is_released_with_its_pair_its_infarctions_and_its_judges(
    tmp_path: Path,
) -> None:
    from inference.training.ecg_release import Making, make_release
    from inference.training.ecg_run import generator, read_run, train

    random, generate = np.random.default_rng(7), generator()
    drawn = [generate(random) for _ in range(60)]
    signal = np.stack([np.clip(leads / STEP_MV, -3e4, 3e4) for leads, _ in drawn])
    np.savez(tmp_path / "invented.npz", signal=signal.astype(np.int16))
    rows = ["row,record,patient,samples,labels,source_label"]
    for row, (_, targets) in enumerate(drawn):
        stated = "|".join(np.array(CODES)[targets == 1])
        rows.append(f"{row},g{row},,2500,{stated},{stated}")
    (tmp_path / "invented.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "page.toml").write_text(RUN, encoding="utf-8")
    run = read_run(tmp_path / "page.toml")
    train(run, tmp_path, tmp_path / "run", lambda _: None)
    making = Making(
        "second", "0.0.1", date(2026, 1, 1), "none", beside=SHIPPED,
        findings=("NORM", "STEMI"), paired="vizecgnet",
    )  # fmt: skip
    make_release(run, tmp_path / "run", tmp_path, tmp_path / "out", making, lambda _: None)
    release = ReleaseLibrary(tmp_path / "out").load("second")
    together = release.evidence["together"]
    assert isinstance(together, dict)
    first = ReleaseLibrary().load("vizecgnet")
    assert together["with"] == first.digest
    assert together["used"] == (together["gain"]["value"] > 0)
    assert (pair_of(first, release) is not None) == together["used"]
    assert release.thresholds["STEMI"].value < 1
    assert {code for code, one in release.thresholds.items() if one.value < 1} <= {
        "NORM",
        "STEMI",
    }
    judged = release.evidence["by_reader"]
    assert isinstance(judged, dict)
    assert judged["invented"]["labels"]["NORM"]["positives"] > 0
    exported = release.evidence["exported"]
    assert isinstance(exported, float)
    assert exported < 1e-4
    card = ReleaseLibrary(tmp_path / "out").card("second")
    assert "Together with vizecgnet" in card
    assert "Weights in 8 bits" in card
