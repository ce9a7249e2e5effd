"""A whole run on a few generated pictures: sets, pretraining, loop, release, evaluation.

Runs where torch is installed; it shows that the steps fit together and go on where they stopped,
not that anything was learnt.
"""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="torch is only in the training environment")

from cds_hooks.cli.evaluate_radiographs import judged  # noqa: E402
from inference.errors import TrainingDataUnusable  # noqa: E402
from inference.nets.cascade_matching import Truth  # noqa: E402
from inference.nets.cascade_rcnn import CascadeRcnn  # noqa: E402
from inference.releases.library import ReleaseLibrary  # noqa: E402
from inference.runtimes.onnx import open_session  # noqa: E402
from inference.training.radiograph_augmentation import Strength  # noqa: E402
from inference.training.radiograph_config import read_settings  # noqa: E402
from inference.training.radiograph_generator import (  # noqa: E402
    Generated,
    GeneratorSettings,
    generated,
)
from inference.training.radiograph_loop import (  # noqa: E402
    Example,
    LoopSettings,
    RadiographTrainer,
    averaged_net,
)
from inference.training.radiograph_posture import fit_posture  # noqa: E402
from inference.training.radiograph_release import Order, make_release  # noqa: E402
from inference.training.radiograph_run import RadiographRun, reader, train  # noqa: E402

CONFIG = """
[[set]]
name = "few"
images = "few/images"
boxes = "few/boxes.json"
table = "few/images.csv"
columns = { file = "file", patient = "patient", licence = "licence" }
kinds = { lung = "by side", cardiomediastinum = "cardiomediastinum" }
[net]
kinds = ["right_lung", "left_lung", "heart", "cardiomediastinum", "opacity"]
backbone = "mobilenetv3_large_100"
side = 128
width = 16
hidden = 32
anchor = 4.0
sampled = 16
[generated]
side = 256
[pretraining]
steps = 1
batch = 4
[loop]
steps = STEPS
posture_pictures = 2
batch = 2
judge_every = 2
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen generated pictures of sixteen patients, four of which may only judge."""
    root = tmp_path_factory.mktemp("radiographs")
    images = root / "few/images"
    images.mkdir(parents=True)
    random = np.random.default_rng(0)
    document: dict[str, list[object]] = {
        "categories": [{"id": 1, "name": "lung"}, {"id": 2, "name": "cardiomediastinum"}],
        "images": [],
        "annotations": [],
    }
    with (root / "few/images.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["file", "patient", "licence"])
        for number in range(16):
            one = generated(random, GeneratorSettings(side=256))
            name = f"{number}.png"
            Image.fromarray(one.grey).save(images / name)
            writer.writerow([name, number, "CC BY 4.0" if number % 4 else ""])
            document["images"].append(
                {"id": number, "file_name": name, "width": 256, "height": 256}
            )
            for kind, (left, top, right, bottom) in zip(one.kinds, one.boxes, strict=True):
                if kind in ("heart", "opacity"):
                    continue
                document["annotations"].append(
                    {
                        "id": len(document["annotations"]),
                        "image_id": number,
                        "category_id": 2 if kind == "cardiomediastinum" else 1,
                        "bbox": [left, top, right - left, bottom - top],
                        "side": kind.removesuffix("_lung"),
                    }
                )
    (root / "few/boxes.json").write_text(json.dumps(document))
    return root


def run_of(folder: Path, steps: int) -> RadiographRun:
    config = folder / "config.toml"
    config.write_text(CONFIG.replace("STEPS", str(steps)))
    return RadiographRun(folder / "run", read_settings(config))


def test_a_run_goes_on_where_it_stopped_and_becomes_a_release_that_is_judged(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.training.radiograph_release.CALIBRATING_PICTURES", 8)
    monkeypatch.setattr("inference.training.radiograph_run.HELD_OUT_PICTURES", 4)
    said: list[str] = []
    train(run_of(folder, 2), folder, said.append)
    train(run_of(folder, 4), folder, said.append)
    with (folder / "run/metrics.csv").open() as lines:
        steps = [int(row["steps"]) for row in csv.DictReader(lines)]
    assert steps == [2, 4]
    assert sum("pretraining" in line for line in said) == 1

    settings = run_of(folder, 4)
    order = Order(
        run=settings.folder,
        settings=settings.settings,
        data=folder,
        to=folder / "releases",
        version="0.0.1",
        built=date(2026, 11, 21),
        compute="None to speak of.",
        findings=("right_lung", "left_lung"),
    )
    make_release(order, said.append)
    library = ReleaseLibrary(folder / "releases")
    release = library.load("radiograph")
    assert release.labels[:2] == ("right_lung", "left_lung")
    assert set(release.thresholds) == {"right_lung", "left_lung"}
    assert "Not clinically validated" in library.card("radiograph")
    # Generated people may look so alike that two of them count as one patient.
    counts = json.loads((folder / "run/parts.json").read_text())["counts"]
    assert release.evidence["judging"]["images"] == counts["judge"]["pictures"] >= 4

    net = averaged_net(folder / "run")
    grey = np.asarray(Image.open(folder / "few/images/0.png"))
    session = open_session(library.weights(release), 1)
    from inference.core.radiograph_reading import batch_of

    posture, embedding = session.run(["posture", "embedding"], batch_of(grey, 128)[0])
    # Weights are stored in 8 bits: near, not equal.
    told = reader(net)(grey)
    np.testing.assert_allclose(embedding, told.embedding, atol=0.1 * np.abs(told.embedding).max())
    assert np.argmax(posture[:4]) == np.argmax(told.posture[:4])

    found = judged(folder / "few", folder / "releases", only_held_out=False, threads=1)
    assert found["images"] == 16
    assert found["release"] == release.identity
    assert set(found["classes"]) == {"lungs", "cardiomediastinum"}
    assert 0 <= found["classes"]["lungs"]["ap50"]["value"] <= 1
    assert found["classes"]["lungs"]["constant_box"]["ap50"]["value"] > 0.05
    assert [stage["overlap"] for stage in found["stages"]] == [0.5, 0.6, 0.7]
    teaching = counts["train"]["patients"] + counts["validate"]["patients"]
    assert found["patients_seen_in_training"] == teaching
    from inference.bench.radiograph import measured

    timed = measured(1, library)
    assert timed["cases"]["detector_512_2t"]["p50_ms"] > 0
    assert timed["peers"]["detector_torch_eager_2t"]["p50_ms"] > 0
    assert timed["peers"]["detector_floor_2t"]["p50_ms"] > 0

    unseen = judged(folder / "few", folder / "releases", only_held_out=True, threads=1)
    assert unseen["images"] == counts["judge"]["pictures"]
    assert unseen["patients_seen_in_training"] == 0


def test_a_run_begins_with_another_ones_average_at_another_size_or_with_its_pyramid_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.training.radiograph_run.HELD_OUT_PICTURES", 1)
    first = run_of(folder, 1)
    train(replace(first, folder=folder / "first"), folder, lambda _: None)
    begun = averaged_net(folder / "first").state_dict()
    net = {**first.settings.net, "side": 192, "anchor": 6.0}
    still = {"learning_rate": 0.0, "average": 0.0, "posture_pictures": 0}
    loop = {**first.settings.loop, **still, "begin": "first"}
    train(
        RadiographRun(folder / "second", replace(first.settings, net=net, loop=loop)),
        folder,
        lambda _: None,
    )
    second = averaged_net(folder / "second")
    assert second.settings.side == 192
    # Without a learning rate the weights are those of the run it began with.
    for name, value in second.named_parameters():
        torch.testing.assert_close(value, begun[name], atol=1e-6, rtol=0)
    one = {**first.settings.net, "overlaps": [0.5], "views": 2}
    shared = {**loop, "begin_pyramid": True, "strength": {"mirror": 1.0}}
    train(
        RadiographRun(folder / "one", replace(first.settings, net=one, loop=shared)),
        folder,
        lambda _: None,
    )
    third = averaged_net(folder / "one")
    assert len(third.heads) == 1
    for name, value in third.pyramid.named_parameters():
        torch.testing.assert_close(value, begun[f"pyramid.{name}"], atol=1e-6, rtol=0)
    for other, reason in (("nowhere", "checkpoint"), ("first", "same net")):
        wider = replace(
            first.settings,
            net={**first.settings.net, "width": 24},
            loop={**first.settings.loop, "begin": other},
        )
        with pytest.raises(TrainingDataUnusable, match=reason):
            train(RadiographRun(folder / "third", wider), folder, lambda _: None)


def test_few_new_generated_pictures_are_rendered_once_many_are_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.training.radiograph_loop.KEPT_GENERATED", 4)
    drawn: list[int] = []

    def counted(random: np.random.Generator, settings: GeneratorSettings) -> Generated:
        drawn.append(1)
        return generated(random, settings)

    monkeypatch.setattr("inference.training.radiograph_loop.generated", counted)
    settings = run_of(folder, 1)
    trainer = RadiographTrainer(
        CascadeRcnn(settings.net_settings()),
        LoopSettings(generated=1.0, rendered=0.0, batch=8, steps=3),
        [],
        settings.made(),
        lambda _: {},
        tmp_path,
    )
    trainer.run(lambda _: None)
    assert trainer.progress.pictures == 24
    assert len(drawn) == 4


def test_a_mirrored_chest_keeps_its_right_lung_on_the_left_of_the_picture(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught: list[Truth] = []

    def losses(net: CascadeRcnn, _: object, truths: list[Truth], __: object) -> dict[str, object]:
        taught.extend(truths)
        return {"none": net.object.weight.sum() * 0.0}

    monkeypatch.setattr(CascadeRcnn, "losses", losses)
    settings = run_of(folder, 1)
    grey = np.zeros((128, 128), dtype=np.uint8)
    boxes = np.array([[10.0, 20.0, 50.0, 100.0], [40.0, 50.0, 90.0, 100.0]])
    known = np.array([True, False, True, False, False])
    for mirror in (0.0, 1.0):
        RadiographTrainer(
            CascadeRcnn(settings.net_settings()),
            LoopSettings(
                generated=0.0,
                batch=1,
                steps=1,
                strength=Strength(turn_degrees=0, scale=0, shift=0, stretch=0, mirror=mirror),
            ),
            [Example(grey, boxes, np.array([0, 2]), known)],
            settings.made(),
            lambda _: {},
            tmp_path,
        ).run(lambda _: None)
    plain, other = taught
    assert plain.kinds.tolist() == [0, 2]
    assert plain.boxes.tolist() == boxes.tolist()
    assert other.kinds.tolist() == [1, 2]
    assert other.boxes.tolist() == [[78, 20, 118, 100], [38, 50, 88, 100]]
    assert other.known.tolist() == [False, True, True, False, False]


def test_posture_is_fitted_to_turned_pictures_and_changes_nothing_else(folder: Path) -> None:
    torch.manual_seed(0)
    net = CascadeRcnn(run_of(folder, 1).net_settings()).eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    greys = [np.asarray(Image.open(folder / f"few/images/{n}.png")) for n in range(12)]
    # By chance alone: log 4 for the turns, log 2 for black and white.
    assert fit_posture(net, greys, count=24, seed=0) < 0.6 * float(np.log(4) + np.log(2))
    changed = {
        name for name, value in net.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed == {"posture.weight", "posture.bias"}
    read = reader(net)
    right = [
        int(np.argmax(read(np.ascontiguousarray(np.rot90(grey, turns))).posture[:4])) == turns
        for grey in greys
        for turns in range(4)
    ]
    assert np.mean(right) > 0.7


def test_a_folder_without_a_run_makes_no_release(folder: Path, tmp_path: Path) -> None:
    settings = run_of(folder, 1)
    order = Order(tmp_path, settings.settings, folder, tmp_path, "1", date(2026, 1, 1), "none", ())
    with pytest.raises(TrainingDataUnusable, match="checkpoint"):
        make_release(order, print)
