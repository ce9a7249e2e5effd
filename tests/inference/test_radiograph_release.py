"""The detector that ships: what taught it, and what it says of real radiographs it never saw."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from inference.archive.dicom_pixels import radiograph_of
from inference.core.radiograph import Grey
from inference.core.radiograph_quality import doubts_of
from inference.core.radiograph_reading import (
    Detections,
    batch_of,
    detections_of,
    ratio_of,
    side_of,
)
from inference.core.release import ReleasedModel
from inference.errors import RadiographError
from inference.releases.library import SHIPPED, ReleaseLibrary
from inference.runtimes.onnx import open_session
from inference.training.radiograph_config import read_settings
from inference.training.radiograph_sets import TEACHING_LICENCE, digest_of, read_set, sort

CONFIG = Path(__file__).parents[2] / "inference/training/configs/radiographs_384.toml"
CHESTS = ("RG1_J2KI.dcm", "RG1_JLSN.dcm", "rsna_sample.dcm")
Read = Callable[[Grey], Detections]


@pytest.fixture(scope="module")
def library() -> ReleaseLibrary:
    return ReleaseLibrary(SHIPPED)


@pytest.fixture(scope="module")
def release(library: ReleaseLibrary) -> ReleasedModel:
    return library.load("radiograph")


@pytest.fixture(scope="module")
def read(library: ReleaseLibrary, release: ReleasedModel) -> Read:
    session = open_session(library.weights(release), 1)
    names = [each.name for each in release.outputs]

    def one(grey: Grey) -> Detections:
        batch, placement = batch_of(grey, side_of(release))
        said = dict(zip(names, session.run(names, batch), strict=True))
        return detections_of(said, placement, release.labels)

    return one


def test_its_weights_are_small_and_opacities_are_no_finding(
    library: ReleaseLibrary, release: ReleasedModel
) -> None:
    assert len(library.weights(release)) <= 15_000_000
    assert {"right_lung", "left_lung"} <= set(release.thresholds)
    assert "opacity" not in release.thresholds


def test_only_licences_that_let_weights_be_given_away_taught_it(release: ReleasedModel) -> None:
    licences = release.evidence["licences"]
    assert set(licences) == {"train", "validate"}
    for part in licences.values():
        assert part
        assert all(TEACHING_LICENCE.fullmatch(licence) for licence in part)


def test_the_pictures_that_taught_it_are_those_of_the_rule_and_no_judge_is_among_them(
    release: ReleasedModel, shared_data: Path
) -> None:
    places = read_settings(CONFIG).places(shared_data)
    parts = sort([each for place in places for each in read_set(place)])
    named = release.evidence["parts"]
    for part in ("train", "validate"):
        assert set(named[part]) == {digest_of(each) for each in parts.of(part, boxes=False)}
    judges = {digest_of(each) for each in parts.of("judge", boxes=False)}
    assert judges.isdisjoint({*named["train"], *named["validate"]})


def test_lungs_are_found_far_better_than_by_the_box_that_never_looks(
    release: ReleasedModel,
) -> None:
    lungs = release.evidence["judging"]["classes"]["lungs"]
    for name in ("ap50", "ap75", "map"):
        assert lungs[name]["low"] > lungs["constant_box"][name]["high"]


@pytest.mark.parametrize("name", CHESTS)
def test_a_real_chest_radiograph_comes_out_with_two_lungs_and_a_heart_between(
    name: str, read: Read, release: ReleasedModel, shared_data: Path
) -> None:
    grey = _grey(shared_data / "dicom" / name, release)
    found = read(grey)
    right, left = found.found.best("right_lung"), found.found.best("left_lung")
    heart = found.found.best("heart")
    assert right is not None
    assert left is not None
    assert heart is not None
    assert right[[0, 2]].mean() < heart[[0, 2]].mean() < left[[0, 2]].mean()
    measured = ratio_of(found.found)
    assert measured is not None
    assert 0.3 < measured[0] < 0.75
    said = " ".join(doubts_of(grey, found))
    assert "turned" not in said
    assert "upside down" not in said
    assert "exchanged" not in said


@pytest.mark.parametrize("name", CHESTS)
def test_a_real_picture_that_is_turned_is_told(
    name: str, read: Read, release: ReleasedModel, shared_data: Path
) -> None:
    grey = _grey(shared_data / "dicom" / name, release)
    for turns, said in (
        (1, "turned by a quarter"),
        (2, "upside down"),
        (3, "turned by a quarter"),
    ):
        turned = np.ascontiguousarray(np.rot90(grey, turns))
        assert f"the picture may be {said}" in doubts_of(turned, read(turned))


def test_every_dicom_file_is_read_or_refused_with_a_reason(
    read: Read, release: ReleasedModel, shared_data: Path
) -> None:
    outcome = {}
    for file in sorted((shared_data / "dicom").glob("*.dcm")):
        try:
            found = read(_grey(file, release)).found
        except RadiographError as error:
            outcome[file.name] = str(error)
            continue
        outcome[file.name] = "read"
        assert found.best("right_lung") is not None
        assert found.best("left_lung") is not None
    assert {name for name, said in outcome.items() if said == "read"} == set(CHESTS)
    assert all(outcome.values())


def _grey(file: Path, release: ReleasedModel) -> Grey:
    return radiograph_of(file.read_bytes(), side_of(release)).grey
