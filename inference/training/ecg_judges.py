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
    return release_beside(folder, SIGNAL_RELEASE)


def release_beside(folder: Path, name: str) -> tuple[ReleasedModel, ecg_evaluation.Run]:
    """Return a release of a folder with what runs it."""
    library = ReleaseLibrary(folder)
    release = library.load(name)
    return release, _runner(open_session(library.weights(release), 2))


def judged_pages(
    release: ReleasedModel,
    folder: Path,
    session: Any,  # noqa: ANN401
    first: tuple[ReleasedModel, ecg_evaluation.Run] | None = None,
) -> dict[str, Any]:
    """Return the figures of a release on pictures of a clinic's pages that taught it nothing.

    ``normal`` are those of every reader where it is heard with a ``first``.
    """
    pictures = read_folder(folder)
    chosen = [*([first[0]] if first else []), release]
    run = _either(release, _runner(session), first)
    models = page_figures(pictures, chosen, run, lambda _: None)
    own = models["models"][release.name]
    found = {
        "name": folder.name,
        "pages": models["pages"],
        "not_read": models["not_read"],
        "abnormal": own["abnormal"],
        "classes": own["classes"],
    }
    if first is not None:
        found["normal"] = {name: one["abnormal"] for name, one in models["models"].items()}
    return found


def _either(
    release: ReleasedModel,
    run: ecg_evaluation.Run,
    first: tuple[ReleasedModel, ecg_evaluation.Run] | None,
) -> ecg_evaluation.Run:
    """Return what runs a release, and the one that it is heard with."""
    runs = {release.name: run, **({first[0].name: first[1]} if first else {})}
    return lambda wanted, batch: runs[wanted.name](wanted, batch)


def _runner(session: Any) -> ecg_evaluation.Run:  # noqa: ANN401
    def run(_: ReleasedModel, batch: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return dict(zip([LOG_ODDS], session.run([LOG_ODDS], dict(batch)), strict=True))

    return run


def judged(
    release: ReleasedModel,
    stem: Path,
    session: Any,  # noqa: ANN401
    signal: tuple[ReleasedModel, ecg_evaluation.Run] | None = None,
    first: tuple[ReleasedModel, ecg_evaluation.Run] | None = None,
) -> dict[str, Any]:
    """Return the figures of a release on a set that taught it nothing.

    ``ahead_of_signal`` is by how much it exceeds the ``signal`` release on the same records;
    ``normal`` are the figures of every reader where it is heard with a ``first``.
    """
    labelled, run = read_stem(stem), _either(release, _runner(session), first)
    if release.task == ecg_evaluation.SIGNAL_TASK:
        return {"signal": _figures(labelled, _said(release, labelled, "signal", run))}
    # A photograph costs a sixth of a second to take and find: every third record gets one, and
    # its clean page is judged on the same records, so that the two can be compared.
    some = labelled.every(PHOTOGRAPHED)
    chosen = [*([first[0]] if first else []), release]

    def shown(some: LabelledStem, via: ecg_evaluation.Via) -> dict[str, ecg_evaluation.Said]:
        said = ecg_evaluation.read_set(some, via, chosen, run, lambda _: None)
        return ecg_evaluation.with_pairs(said)

    by_image, by_photo = shown(labelled, "image"), shown(some, "photo")
    image, photo = by_image[release.name], by_photo[release.name]
    found: dict[str, Any] = {
        "image": _figures(labelled, image),
        "photo": _figures(some, photo),
        "image_of_photographed": _figures(
            some, ecg_evaluation.Said(release, image.probability[::PHOTOGRAPHED])
        ),
    }
    if first is not None:
        found["normal"] = {
            "image": _normal(labelled, by_image),
            "photo": _normal(some, by_photo),
        }
    if signal is not None:
        heard = _said(signal[0], labelled, "signal", signal[1])
        found["ahead_of_signal"] = {
            "signal": signal[0].identity,
            **relative_change(labelled, image, heard),
        }
    return found


def _normal(
    labelled: LabelledStem, said: Mapping[str, ecg_evaluation.Said]
) -> dict[str, Mapping[str, Any]]:
    """Return the figures of normal, or of abnormal where the set calls it so, by reader."""
    models = ecg_evaluation.figures(labelled, said, next(iter(said)))["models"]
    by_reader = {name: one["labels"] for name, one in models.items()}
    return {
        name: labels[label]
        for name, labels in by_reader.items()
        for label in (ecg_evaluation.NORMAL, ecg_evaluation.ABNORMAL)
        if label in labels
    }


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
