"""A whole run on generated ECGs: every kind of net trains, resumes, exports and is released.

Runs where torch is installed (`make train-environment`); it shows that the steps fit together, not
that anything was learnt.
"""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.core.viz_ecg import (
    ACTIVATION,
    LOG_ODDS,
    NO_LEAD,
    PAGE,
    PAGE_SHAPE,
    STRIP_LEADS,
    STRIP_SAMPLES,
    STRIP_SIGNALS,
)
from inference.errors import TrainingDataUnusable
from inference.releases.library import ReleaseLibrary
from inference.runtimes.onnx import OnnxRuntime, open_session
from inference.training.ecg_labels import CODES
from inference.training.ecg_run import generator, read_run, train
from inference.training.ecg_sets import STEP_MV

torch = pytest.importorskip("torch", reason="torch is only in the training environment")

RECORDS = 48
CONFIG = """
[data]
[[data.sets]]
stem = "invented"
reader = "listed"
licence = "generated"
source = "the generator"

[loop]
kind = "{kind}"
steps = {steps}
batch = 4
every = 2
begin = "{begin}"

[mixture]
generated = 0.5
{net}
"""
NETS = {"page": '[net]\nname = "efficientnet_b0"'}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a set of generated ECGs in the layout of the data folder."""
    folder = tmp_path_factory.mktemp("data")
    random, generate = np.random.default_rng(5), generator()
    drawn = [generate(random) for _ in range(RECORDS)]
    signal = np.stack([np.clip(leads / STEP_MV, -3e4, 3e4) for leads, _ in drawn])
    np.savez(folder / "invented.npz", signal=signal.astype(np.int16))
    with (folder / "invented.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["row", "record", "patient", "samples", "labels", "source_label"])
        for row, (_, targets) in enumerate(drawn):
            stated = "|".join(np.array(CODES)[targets == 1])
            rows.writerow([row, f"g{row}", "", 2500, stated, stated])
    return folder


def run_of(data: Path, kind: str, steps: int = 2, begin: str = "") -> Path:
    config = data / f"{kind}.toml"
    config.write_text(
        CONFIG.format(kind=kind, steps=steps, begin=begin, net=NETS.get(kind, "")),
        encoding="utf-8",
    )
    train(read_run(config), data, data / "runs" / kind, lambda _: None)
    return data / "runs" / kind


def often(data: Path, name: str, times: int) -> None:
    """Write a set again with each record several times, so that findings have positives."""
    with np.load(data / f"{name}.npz") as kept:
        np.savez(data / "often.npz", signal=np.tile(kept["signal"], (times, 1, 1)))
    lines = (data / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    again = [f"{k},g{k},{line.split(',', 2)[2]}" for k, line in enumerate(lines[1:] * times)]
    (data / "often.csv").write_text("\n".join([lines[0], *again]) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def signal_run(data: Path) -> Path:
    return run_of(data, "signal")


@pytest.fixture(scope="module")
def page_run(data: Path, signal_run: Path) -> Path:
    return run_of(data, "vizecgnet", begin=signal_run.name)


def test_a_run_started_again_goes_on_where_it_stopped(data: Path, signal_run: Path) -> None:
    before = torch.load(signal_run / "checkpoint.pt", weights_only=True)["progress"]
    run_of(data, "signal", steps=4)
    after = torch.load(signal_run / "checkpoint.pt", weights_only=True)["progress"]
    assert (before["steps"], after["steps"]) == (2, 4)
    with (signal_run / "metrics.csv").open() as file:
        assert [int(row["steps"]) for row in csv.DictReader(file)] == [2, 4]


def test_vizecgnet_begins_with_the_signal_stream_it_was_given(
    data: Path, signal_run: Path
) -> None:
    from inference.training.ecg_loop import EcgTrainer

    run = read_run(data / "signal.toml")
    trainer = EcgTrainer(run.loop, run.records(data), data / "runs" / "fresh")
    trainer.begin_with(signal_run)
    kept = torch.load(signal_run / "checkpoint.pt", weights_only=True)["averaged"]
    for name, value in trainer.net.state_dict().items():
        assert torch.equal(value.cpu(), kept[name]), name


@pytest.mark.parametrize("kind", ["signal", "vizecgnet", "image", "page"])
def test_every_exported_graph_says_what_the_net_says(
    data: Path, signal_run: Path, page_run: Path, kind: str
) -> None:
    from inference.nets.vizecgnet import VizEcgNet
    from inference.training.ecg_export import served_graph, stored_in_16_bits
    from inference.training.ecg_loop import trained_net

    made = {"signal": signal_run, "vizecgnet": page_run}
    folder = made.get(kind) or run_of(data, kind)
    graph = served_graph(folder)
    net, _ = trained_net(folder)
    random = np.random.default_rng(0)
    if kind == "signal":
        feed: dict[str, Any] = {
            STRIP_SIGNALS: random.normal(size=(3, 4, STRIP_SAMPLES)).astype(np.float32),
            STRIP_LEADS: random.integers(0, NO_LEAD, (3, 4, 42)),
        }
    else:
        feed = {PAGE: random.random((3, *PAGE_SHAPE), dtype=np.float32)}
    page_net = net.image if isinstance(net, VizEcgNet) else net
    with torch.no_grad():
        expected = page_net(*(torch.from_numpy(one) for one in feed.values())).logits.numpy()
    (exact,) = open_session(graph.SerializeToString(), 1).run([LOG_ODDS], feed)
    assert np.abs(exact - expected).max() < 1e-4
    stored = open_session(stored_in_16_bits(graph).SerializeToString(), 1)
    assert np.abs(stored.run([LOG_ODDS], feed)[0] - expected).max() < 0.02


def test_the_activation_adds_up_to_the_log_odds(page_run: Path) -> None:
    from inference.training.ecg_export import served_graph

    session = open_session(served_graph(page_run).SerializeToString(), 1)
    page = np.random.default_rng(1).random((2, *PAGE_SHAPE), dtype=np.float32)
    log_odds, activation = session.run([LOG_ODDS, ACTIVATION], {PAGE: page})
    assert np.abs(activation.sum(axis=(2, 3)) - log_odds).max() < 1e-3


def test_a_release_is_made_judged_and_read_back(
    data: Path, signal_run: Path, page_run: Path
) -> None:
    from inference.training.ecg_release import Making, make_release

    to = data / "releases"
    first = Making("ecg-signal", "0.0.1", date(2026, 1, 1), "none")
    make_release(read_run(data / "signal.toml"), signal_run, data, to, first, lambda _: None)
    often(data, "invented", 4)
    judges = (data / "often",)
    making = Making("vizecgnet", "0.0.1", date(2026, 1, 1), "none", judges, beside=to)
    make_release(read_run(data / "vizecgnet.toml"), page_run, data, to, making, lambda _: None)
    library = ReleaseLibrary(to)
    release = library.load("vizecgnet")
    runtime = OnnxRuntime(library, 1)
    said = runtime.run_now(release, {PAGE: np.zeros((1, *PAGE_SHAPE), dtype=np.float32)})
    runtime.close()
    assert said[LOG_ODDS].shape == (1, len(CODES))
    document = json.loads((to / "vizecgnet" / "release.json").read_text(encoding="utf-8"))
    assert [one["stem"] for one in document["training_sets"]] == ["invented", "generated"]
    assert release.digest in library.card("vizecgnet")
    ahead = document["evidence"]["ahead_of_signal"]["often"]
    assert ahead["signal"] == library.load("ecg-signal").identity
    assert "The page against its signal" in library.card("vizecgnet")


@pytest.fixture(scope="module")
def compared_runs(data: Path) -> tuple[Path, Path]:
    """Train two variants, one beginning with a third; return configuration and runs."""
    config = data / "variants.toml"
    config.write_text(
        CONFIG.format(kind="image", steps=3, begin="", net="").replace(
            "batch = 4", "batch = 4\nkept = 8\nwhole = 0.0"
        )
        + '[variants.full]\nloop = { kind = "vizecgnet", begin = "first-{seed}" }\n'
        + '[variants.first]\nloop = { kind = "signal", steps = 2 }\n'
        + '[variants.signal]\nloop = { kind = "signal" }\n',
        encoding="utf-8",
    )
    runs = data / "compared"
    for variant, seed in (("first", 0), ("full", 0), ("first", 1), ("full", 1), ("signal", 0)):
        run = read_run(config, variant, seed)
        train(run, data, runs / f"{variant}-{seed}", lambda _: None)
    return config, runs


def test_variants_learn_from_the_same_views_and_are_held_against_each_other(
    data: Path, compared_runs: tuple[Path, Path]
) -> None:
    from cds_hooks.cli.evaluate_ecg_variants import compared

    config, runs = compared_runs
    assert np.load(runs / "views" / "page.npy").shape == (8, *PAGE_SHAPE[1:])
    with pytest.raises(TrainingDataUnusable, match="positives"):
        compared(runs, config, data, "invented", "full")
    often(data, "invented", 4)
    found = compared(runs, config, data, "often", "full")
    assert set(found["variants"]) == {"full", "signal"}
    full, signal = found["variants"]["full"], found["variants"]["signal"]
    assert full["seeds"] == 2
    assert (signal["records"], signal["pages"]) == (12, 0)
    assert (full["records"], full["pages"]) == (8 + 12, 12)
    assert set(found["full_exceeds"]) == {"signal"}
    for one in found["variants"].values():
        assert one["f1"]["low"] <= one["f1"]["value"] <= one["f1"]["high"]


def test_a_run_costs_what_it_began_with_as_well(compared_runs: tuple[Path, Path]) -> None:
    spent = {
        name: torch.load(compared_runs[1] / name / "checkpoint.pt", weights_only=True)["progress"]
        for name in ("first-1", "full-1")
    }
    assert spent["first-1"]["seen"] == spent["full-1"]["seen_before"] == 8
    assert spent["first-1"]["core_s"] == spent["full-1"]["core_s_before"] > 0


def test_views_that_were_not_drawn_to_the_end_are_drawn_again(tmp_path: Path, data: Path) -> None:
    from inference.training.ecg_batches import EcgDraw
    from inference.training.ecg_kept import KeptViews, keep

    run = read_run(data / "signal.toml")
    records = run.records(data)

    def draw() -> EcgDraw:
        return EcgDraw(records, run.loop.mixture, None, np.random.default_rng(0))

    keep(draw(), 3, tmp_path)
    whole = np.load(tmp_path / "page.npy")
    (tmp_path / "settings.json").unlink()
    np.save(tmp_path / "page.npy", whole[:2])
    keep(draw(), 3, tmp_path)
    assert np.array_equal(np.load(tmp_path / "page.npy"), whole)
    views = KeptViews(tmp_path, np.random.default_rng(1))
    pages = views.pages(3).page
    assert pages is not None
    assert sorted(pages.sum(axis=(1, 2, 3))) == pytest.approx(sorted(whole.sum((1, 2)) / 255))
    with pytest.raises(TrainingDataUnusable, match="settings"):
        keep(draw(), 4, tmp_path)
