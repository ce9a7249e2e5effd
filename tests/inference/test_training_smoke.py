"""A whole run on invented stays: examples, boosting, a small net, export, release, reading.

Runs where torch is installed (`make train-environment`); it shows that the steps fit together, not
that anything was learnt.
"""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from inference.core.trajectory import Trajectory
from inference.releases.library import ReleaseLibrary
from inference.runtimes.onnx import OnnxRuntime, open_session
from inference.training.examples import load_examples
from inference.training.physionet2012 import OUTCOME_COLUMNS
from inference.usecases import read_trajectory

torch = pytest.importorskip("torch", reason="torch is only in the training environment")

StayMaker = Callable[..., Trajectory]
CONFIG = """
[data]
events = ["events.csv"]
outcomes = ["outcomes.csv"]
versions = 2
seed = 1
[boosting]
trees = 5
smallest_leaf = 5
[net]
net = "efficientnet_b0"
epochs = 1
batch = 16
threads = 1
[net.losses]
teacher = 0.5
"""


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train on eighty invented stays, once for all tests of this file."""
    from inference.training.trajectory_run import TrajectoryRun, read_settings, train

    data = tmp_path_factory.mktemp("data")
    write_invented(data)
    (data / "config.toml").write_text(CONFIG, encoding="utf-8")
    run = TrajectoryRun(data / "run", read_settings(data / "config.toml"))
    train(run, data, lambda line: None)
    return run.folder


def write_invented(folder: Path) -> None:
    random = np.random.default_rng(2)
    with (folder / "events.csv").open("w", newline="") as one:
        rows = csv.writer(one)
        rows.writerow(["record", "minute", "parameter", "value"])
        for record in range(1, 121):
            died = record % 3 == 0
            rows.writerow([record, 0, "Age", 50 + record % 40])
            for minute in range(0, 2880, 120):
                rows.writerow([record, minute, "HR", random.normal(115 if died else 80, 10)])
                rows.writerow([record, minute, "NISysABP", random.normal(90 if died else 120, 9)])
    with (folder / "outcomes.csv").open("w", newline="") as two:
        ends = csv.writer(two)
        ends.writerow(OUTCOME_COLUMNS)
        ends.writerows([record, 12, 5, 7, -1, int(record % 3 == 0)] for record in range(1, 121))


def test_a_run_keeps_its_checkpoint_and_its_metrics(run_folder: Path) -> None:
    assert (run_folder / "net" / "checkpoint.pt").exists()
    with (run_folder / "net" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1
    assert np.isfinite(float(rows[0]["loss"]))


def test_the_exported_graphs_say_what_was_trained(run_folder: Path) -> None:
    from inference.training.export import net_graph
    from inference.training.trajectory_loop import averaged_net, death_logits

    examples = load_examples(run_folder / "examples")
    net = averaged_net(run_folder / "net")
    session = open_session(net_graph(net).SerializeToString(), 1)
    rows = np.arange(6)
    image = np.asarray(examples.image[rows], dtype=np.float32)
    (found,) = session.run(None, {"image": image})
    np.testing.assert_allclose(found, death_logits(net, examples, rows), atol=1e-4)

    boosting = open_session((run_folder / "boosting.onnx").read_bytes(), 1)
    (members,) = boosting.run(None, {"features": examples.feature})
    assert members.shape == (len(examples.died), 4)
    test = examples.part("test")
    teacher = np.load(run_folder / "teacher.npy")
    np.testing.assert_allclose(members[test].mean(axis=1), teacher[test], atol=1e-5)


def test_a_release_made_from_the_run_can_be_served(
    run_folder: Path, tmp_path: Path, make_stay: StayMaker
) -> None:
    from inference.training.release_make import make_releases

    make_releases(run_folder, tmp_path, "0.0.1", date(2026, 1, 1), "a minute", lambda line: None)
    library = ReleaseLibrary(tmp_path)
    assert library.names() == ("deterioration", "deterioration-boosting")
    runtime = OnnxRuntime(library, threads=1)
    release = library.load("deterioration")
    found = asyncio.run(read_trajectory(runtime, release, make_stay()))
    runtime.close()
    assert 0 < found.risk.value < 1
    document = json.loads((tmp_path / "deterioration" / "release.json").read_text())
    assert "8 bits" in document["evidence"]["storage"]
    attributes = document["source_attributes"]
    assert "log-odds lie between" in attributes["known_risks_and_limitations"]


def test_a_release_is_compared_with_the_one_before_on_the_same_stays(
    run_folder: Path, tmp_path: Path
) -> None:
    from inference.training.release_make import make_releases

    built, said = date(2026, 1, 1), "a minute"
    make_releases(run_folder, tmp_path / "1", "0.0.1", built, said, lambda line: None)
    make_releases(
        run_folder, tmp_path / "2", "0.0.2", built, said, lambda line: None, tmp_path / "1"
    )
    card = (tmp_path / "2" / "deterioration" / "card.md").read_text()
    assert "Beside deterioration 0.0.1" in card
    assert "AUROC +0.000 (+0.000 to +0.000)" in card


def test_evidence_measured_later_joins_the_card_and_leaves_the_weights(
    run_folder: Path, tmp_path: Path
) -> None:
    from inference.training.release_make import add_evidence, make_releases

    make_releases(run_folder, tmp_path, "0.0.1", date(2026, 1, 1), "a minute", lambda line: None)
    before = ReleaseLibrary(tmp_path).load("deterioration")
    table = {"title": "A later table", "note": "", "columns": ["a"], "rows": [["1"]]}
    (run_folder / "compound_scaling.json").write_text(json.dumps(table))
    rival = tmp_path / "rival"
    make_releases(
        run_folder, rival, "0.1", date(2026, 1, 1), "an hour", lambda line: None, tmp_path
    )
    add_evidence(run_folder, tmp_path, "0.0.2", lambda line: None, rival)
    (run_folder / "compound_scaling.json").unlink()
    library = ReleaseLibrary(tmp_path)
    after = library.load("deterioration")
    assert (after.version, after.digest) == ("0.0.2", before.digest)
    assert library.weights(after)
    assert "A later table" in library.card("deterioration")
    assert "an hour Judged on the same held-out stays" in library.card("deterioration")


def test_a_release_of_other_standards_cannot_be_compared_with(
    run_folder: Path, tmp_path: Path
) -> None:
    from inference.errors import TrainingDataUnusable
    from inference.releases.library import SHIPPED
    from inference.training.release_make import make_releases

    with pytest.raises(TrainingDataUnusable, match="standards"):
        make_releases(
            run_folder,
            tmp_path,
            "0.0.1",
            date(2026, 1, 1),
            "a minute",
            lambda line: None,
            SHIPPED,
        )


@pytest.mark.parametrize(
    ("kernel", "stride", "edges"), [(5, 1, (2, 2)), (3, 1, (4, 3)), (5, 2, (4, 3)), (3, 2, (3, 3))]
)
def test_a_depthwise_convolution_on_a_tiny_map_is_the_convolution(
    kernel: int, stride: int, edges: tuple[int, int]
) -> None:
    from inference.nets.depthwise import DepthwiseOnTinyMaps

    torch.manual_seed(0)
    tiny = DepthwiseOnTinyMaps(7, 7, kernel, stride, kernel // 2, groups=7)
    image = torch.randn(3, 7, *edges)
    trained, served = tiny.train()(image), tiny.eval()(image)
    torch.testing.assert_close(trained, served, atol=1e-5, rtol=1e-5)


def test_a_depthwise_convolution_on_a_tiny_map_learns_as_the_convolution_does() -> None:
    from inference.nets.depthwise import DepthwiseOnTinyMaps

    torch.manual_seed(0)
    tiny = DepthwiseOnTinyMaps(7, 7, 5, 1, 2, groups=7)
    image = torch.randn(3, 7, 4, 3, requires_grad=True)
    wanted = torch.randn(3, 7, 4, 3)
    slopes = []
    for mode in (True, False):
        tiny.train(mode)
        loss = ((tiny(image) - wanted) ** 2).sum()
        slopes.append(torch.autograd.grad(loss, (image, tiny.weight, tiny.bias)))
    for as_products, as_convolution in zip(*slopes, strict=True):
        torch.testing.assert_close(as_products, as_convolution, atol=1e-4, rtol=1e-4)


def test_no_stay_has_a_longer_embedding_than_another() -> None:
    from inference.core.trajectory_image import IMAGE_SHAPE
    from inference.core.trajectory_rows import TIMED_ROWS
    from inference.nets.trajectory_net import TrajectoryNet

    torch.manual_seed(0)
    plain = torch.randn(8, *IMAGE_SHAPE)
    brighter = plain[:3] * torch.tensor([1.0, 5.0, 25.0])[:, None, None, None]
    lengths = []
    for levelled in (True, False):
        net = TrajectoryNet("efficientnet_b0", IMAGE_SHAPE, len(TIMED_ROWS), levelled=levelled)
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1.0
        with torch.no_grad():
            net.train()(plain)
            length = net.eval()(brighter).embedding.norm(dim=1)
        lengths.append(float(length.max() / length.min()))
    assert lengths[0] == pytest.approx(1.0, abs=0.05)
    assert lengths[1] > 2


def test_the_last_part_of_training_normalises_as_serving_does(run_folder: Path) -> None:
    from inference.training.trajectory_loop import LoopSettings, TrajectoryTrainer

    examples = load_examples(run_folder / "examples")
    teacher = np.load(run_folder / "teacher.npy")
    moved = []
    for settled in (1.0, 0.0):
        settings = LoopSettings(net="efficientnet_b0", steps=1, batch=8, settled=settled)
        trainer = TrajectoryTrainer(settings, examples, teacher, run_folder / f"settled-{settled}")
        trainer.run(lambda line: None)
        state = trainer.net.state_dict()
        moved.append(float(state["backbone.bn1.running_mean"].abs().max()))
    assert moved[0] == 0
    assert moved[1] > 0


def test_an_interrupted_training_goes_on_where_it_stopped(run_folder: Path) -> None:
    from inference.training.trajectory_loop import LoopSettings, TrajectoryTrainer

    examples = load_examples(run_folder / "examples")
    teacher = np.load(run_folder / "teacher.npy")
    folder = run_folder / "interrupted"
    first = LoopSettings(net="efficientnet_b0", steps=2, batch=8)
    TrajectoryTrainer(first, examples, teacher, folder).run(lambda line: None)
    longer = LoopSettings(net="efficientnet_b0", steps=5, batch=8)
    again = TrajectoryTrainer(longer, examples, teacher, folder)
    again.resume()
    assert again.progress.steps == 2
    again.run(lambda line: None)
    assert again.progress.steps == 5


def test_a_net_stored_in_8_bits_stays_close_to_itself() -> None:
    from inference.training.compress import quantised

    weights = np.random.default_rng(0).normal(size=(8, 4, 3, 3)).astype(np.float32)
    packed, scale = quantised(weights, axis=0)
    restored = packed.astype(np.float32) * scale[:, None, None, None]
    assert np.abs(restored - weights).max() <= scale.max() / 2 + 1e-7


def test_what_carries_news_adds_to_the_join_and_noise_does_not() -> None:
    from inference.training.fusion_parts import Side, join_beside

    random = np.random.default_rng(3)

    def side(with_news: bool) -> Side:
        news, known = random.normal(size=(2, 1500))
        died = (random.random(1500) < 1 / (1 + np.exp(2 - 1.5 * known - 1.5 * news))).astype(float)
        beside = news if with_news else random.normal(size=1500)
        beside[:50] = np.nan
        shipped = known[:, None] + 0.1 * random.normal(size=(1500, 2))
        return Side(shipped, beside[:, None], died)

    told, untold = (join_beside(side(news), side(news)) for news in (True, False))
    assert told["auroc_difference"]["low"] > 0.02
    assert untold["auroc_difference"]["low"] < 0.005
    assert abs(untold["auroc_difference"]["value"]) < 0.01


def test_the_tables_of_a_run_name_every_variant_and_what_was_joined(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inference.training import evidence_tables, fusion_parts, recipe_parts
    from inference.training.trajectory_loop import LoopSettings
    from inference.training.trajectory_run import TWINS, TrajectoryRun, read_settings

    quick = LoopSettings(net="efficientnet_b0", steps=1, batch=4, threads=1)
    monkeypatch.setattr(recipe_parts, "variants", lambda: {recipe_parts.WHOLE: quick, "x": quick})
    monkeypatch.setattr(fusion_parts, "SEEDS", 1)
    examples = load_examples(run_folder / "examples")
    random = np.random.default_rng(0)
    whole = examples.record[examples.version == 0]
    value = examples.died[examples.version == 0, None] + random.normal(size=(len(whole), 2))
    np.savez(
        run_folder / TWINS,
        record=whole,
        value=value.astype(np.float32),
        name=np.array(["twin one", "twin two"]),
        fitted=np.array("an invented twin"),
    )
    run = TrajectoryRun(run_folder, read_settings(run_folder.parent / "config.toml"))
    evidence_tables.write_tables(run, 2, lambda line: None)
    recipe, joins = (
        json.loads((run_folder / f"{name}.json").read_text()) for name in ("ablation", "fusion")
    )
    assert [row[0] for row in recipe["rows"]] == [
        "whole recipe",
        "x",
        "mean of 2 nets of the whole recipe",
    ]
    assert recipe["rows"][1][3] == "+0.000 (+0.000 to +0.000)"
    assert "an invented twin" in joins["note"]
    assert {"boosting on the aggregates", "boosting on the twin alone"} <= {
        row[0] for row in joins["rows"]
    }
    assert all(
        len(row) == len(table["columns"]) for table in (recipe, joins) for row in table["rows"]
    )
