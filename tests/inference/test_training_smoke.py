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


def test_a_net_stored_in_8_bits_stays_close_to_itself() -> None:
    from inference.training.compress import quantised

    weights = np.random.default_rng(0).normal(size=(8, 4, 3, 3)).astype(np.float32)
    packed, scale = quantised(weights, axis=0)
    restored = packed.astype(np.float32) * scale[:, None, None, None]
    assert np.abs(restored - weights).max() <= scale.max() / 2 + 1e-7
