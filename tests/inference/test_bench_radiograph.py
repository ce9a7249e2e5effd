"""What reads no radiographs is timed as null, not left to be guessed."""

from __future__ import annotations

from pathlib import Path

from inference.bench.radiograph import measured
from inference.releases.library import ReleaseLibrary


def test_without_a_release_every_case_is_there_and_null(tmp_path: Path) -> None:
    found = measured(1, ReleaseLibrary(tmp_path))
    assert found["cases"] == {
        "detector_512_1t": None,
        "detector_512_2t": None,
        "radiograph_path_2t": None,
    }
    assert set(found["peers"].values()) == {None}
