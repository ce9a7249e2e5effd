"""The shipped release on real stays that taught it nothing; needs the shared data."""

from __future__ import annotations

from pathlib import Path

from inference.releases.library import ReleaseLibrary
from inference.runtimes.onnx import OnnxRuntime
from inference.training.evaluation import figures, held_out, score_stays, seen_in_training
from inference.training.physionet2012 import read_stays


def test_the_release_keeps_on_held_out_stays_what_its_card_says(shared_data: Path) -> None:
    library = ReleaseLibrary()
    release, baseline = library.load("deterioration"), library.load("deterioration-boosting")
    every = read_stays(
        shared_data / "icu/physionet2012_set_b.csv.gz",
        shared_data / "icu/physionet2012_outcomes_b.csv",
    )
    stays = held_out(every)
    assert seen_in_training(stays, release) == 0
    assert seen_in_training(every, release) == len(every) - len(stays)
    runtime = OnnxRuntime(library, threads=1)
    found = figures(score_stays(stays, release, baseline, runtime.run_now), release)
    runtime.close()
    # Half of the held-out stays: the card's figure on all of them lies within their interval.
    said = release.evidence["held_out"]
    assert isinstance(said, dict)
    assert found["auroc"]["low"] < said["auroc"]["value"] < found["auroc"]["high"]
    assert found["auroc"]["value"] > found["baselines"]["news2"]["auroc"]["high"]
    assert found["models"]["efficientnet_b3"]["auroc"]["value"] > 0.86
    assert 0.8 < found["calibration"]["slope"] < 1.3
