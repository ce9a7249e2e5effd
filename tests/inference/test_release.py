"""A release says everything or is refused; weights with another digest are not used."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.core.release import release_from
from inference.core.source_attributes import SOURCE_ATTRIBUTES
from inference.errors import InputUnusable, ReleaseMalformed, ReleaseNotFound, WeightsMismatch
from inference.releases.library import ReleaseLibrary

MOST_MEGABYTES = 16.0


def written(folder: Path, document: dict[str, Any], weights: bytes) -> ReleaseLibrary:
    place = folder / str(document["name"])
    place.mkdir()
    (place / "release.json").write_text(json.dumps(document), encoding="utf-8")
    (place / "model.onnx").write_bytes(weights)
    (place / "card.md").write_text("# invented", encoding="utf-8")
    return ReleaseLibrary(folder)


def test_weights_with_the_stated_digest_are_given(
    tmp_path: Path, release_document: dict[str, Any]
) -> None:
    digest = hashlib.sha256(b"weights").hexdigest()
    library = written(tmp_path, {**release_document, "digest": f"sha256:{digest}"}, b"weights")
    assert library.weights(library.load("invented")) == b"weights"


def test_weights_that_were_changed_are_refused(
    tmp_path: Path, release_document: dict[str, Any]
) -> None:
    digest = hashlib.sha256(b"weights").hexdigest()
    library = written(tmp_path, {**release_document, "digest": f"sha256:{digest}"}, b"other")
    with pytest.raises(WeightsMismatch, match="digest"):
        library.weights(library.load("invented"))


def test_a_name_that_is_no_release_is_not_looked_for_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(ReleaseNotFound):
        ReleaseLibrary(tmp_path).load("../secrets")


def test_a_description_that_is_not_json_is_malformed(
    tmp_path: Path, release_document: dict[str, Any]
) -> None:
    library = written(tmp_path, release_document, b"")
    (tmp_path / "invented" / "release.json").write_text("{", encoding="utf-8")
    with pytest.raises(ReleaseMalformed, match="not JSON"):
        library.load("invented")


@pytest.mark.parametrize("left_out", ["version", "inputs", "limits", "population", "thresholds"])
def test_a_release_that_leaves_something_out_is_malformed(
    release_document: dict[str, Any], left_out: str
) -> None:
    del release_document[left_out]
    with pytest.raises(ReleaseMalformed, match=left_out):
        release_from(release_document)


def test_every_one_of_the_31_source_attributes_must_be_stated(
    release_document: dict[str, Any],
) -> None:
    assert len(SOURCE_ATTRIBUTES) == 31
    release_document["source_attributes"]["intended_use"] = " "
    with pytest.raises(ReleaseMalformed, match="intended_use"):
        release_from(release_document)


def test_an_array_of_another_shape_is_refused_with_its_axes(
    release_document: dict[str, Any],
) -> None:
    release = release_from(release_document)
    with pytest.raises(InputUnusable, match="stay, channel, row, column"):
        release.check({"image": np.zeros((1, 2, 3, 4))})
    with pytest.raises(InputUnusable, match="missing"):
        release.check({})


def test_the_identity_names_version_and_digest(release_document: dict[str, Any]) -> None:
    assert release_from(release_document).identity == "invented 0.0.1 sha256:000000000000"


@pytest.mark.parametrize("name", ReleaseLibrary().names())
def test_a_shipped_release_is_intact_and_has_a_card_with_its_own_figures(name: str) -> None:
    library = ReleaseLibrary()
    release = library.load(name)
    assert library.weights(release)
    card = library.card(name)
    assert release.digest in card
    assert "not a medical device" in card
    assert all(title in card for title in SOURCE_ATTRIBUTES.values())


def test_the_trajectory_releases_ship_within_their_allowance() -> None:
    library = ReleaseLibrary()
    sizes = [
        len(library.weights(library.load(name)))
        for name in ("deterioration", "deterioration-boosting")
    ]
    assert sum(sizes) / 1e6 <= MOST_MEGABYTES
