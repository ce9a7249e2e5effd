"""Judges a release that is being made on sets and pictures that taught it nothing.

Rule of the file: from a drafted release and its session to the figures of its card. How figures
are taken is `ecg_evaluation`'s; here is which ones a card shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from inference.core.release import ReleasedModel
from inference.core.viz_ecg import LOG_ODDS
from inference.releases.library import ReleaseLibrary
from inference.runtimes.onnx import open_session
from inference.training import ecg_evaluation
from inference.training.ecg_comparison import relative_change
from inference.training.ecg_page_evaluation import figures as page_figures
from inference.training.ecg_page_evaluation import read_folder
from inference.training.ecg_sets import LabelledStem, read_stem

PHOTOGRAPHED: Final = 3
SIGNAL_RELEASE: Final = "ecg-signal"


def signal_beside(folder: Path | None) -> tuple[ReleasedModel, ecg_evaluation.Run] | None:
    """Return the signal release of a folder with what runs it, or None where there is none."""
    if folder is None:
        return None
    library = ReleaseLibrary(folder)
    release = library.load(SIGNAL_RELEASE)
    return release, _runner(open_session(library.weights(release), 2))


def judged_pages(release: ReleasedModel, folder: Path, session: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the figures of a release on pictures of a clinic's pages that taught it nothing."""
    pictures = read_folder(folder)
    found = page_figures(pictures, [release], _runner(session), lambda _: None)
    return {
        "name": folder.name,
        **{key: found[key] for key in ("pages", "not_read", "abnormal", "classes")},
    }


def _runner(session: Any) -> ecg_evaluation.Run:  # noqa: ANN401
    def run(_: ReleasedModel, batch: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return dict(zip([LOG_ODDS], session.run([LOG_ODDS], dict(batch)), strict=True))

    return run


def judged(
    release: ReleasedModel,
    stem: Path,
    session: Any,  # noqa: ANN401
    signal: tuple[ReleasedModel, ecg_evaluation.Run] | None = None,
) -> dict[str, Any]:
    """Return the figures of a release on a set that taught it nothing.

    ``ahead_of_signal`` is by how much it exceeds the ``signal`` release on the same records.
    """
    labelled, run = read_stem(stem), _runner(session)
    if release.task == ecg_evaluation.SIGNAL_TASK:
        return {"signal": _figures(labelled, _said(release, labelled, "signal", run))}
    # A photograph costs a sixth of a second to take and find: every third record gets one, and
    # its clean page is judged on the same records, so that the two can be compared.
    some = labelled.every(PHOTOGRAPHED)
    image, photo = _said(release, labelled, "image", run), _said(release, some, "photo", run)
    found = {
        "image": _figures(labelled, image),
        "photo": _figures(some, photo),
        "image_of_photographed": _figures(
            some, ecg_evaluation.Said(release, image.probability[::PHOTOGRAPHED])
        ),
    }
    if signal is not None:
        heard = _said(signal[0], labelled, "signal", signal[1])
        found["ahead_of_signal"] = {
            "signal": signal[0].identity,
            **relative_change(labelled, image, heard),
        }
    return found


def _said(
    release: ReleasedModel,
    labelled: LabelledStem,
    via: ecg_evaluation.Via,
    run: ecg_evaluation.Run,
) -> ecg_evaluation.Said:
    said = ecg_evaluation.read_set(labelled, via, [release], run, lambda _: None)
    return said[release.name]


def _figures(labelled: LabelledStem, said: ecg_evaluation.Said) -> dict[str, Any]:
    name = said.release.name
    one = ecg_evaluation.figures(labelled, {name: said}, name)
    return {key: one[key] for key in ("records", "not_read", "labels", "macro")}
