"""``cardiotwin evaluate ecg`` and ``ecg-images``: judge the ECG releases; no torch is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cds_hooks.cli.evaluate_ecg_folds import ecg_folds
from cds_hooks.cli.evaluate_ecg_variants import ecg_variants
from cds_hooks.cli.report import console, print_json

SIGNAL_RELEASE = "ecg-signal"
PAGE_RELEASES = ("vizecgnet", "efficientnet-page", "ecg-image")


class Via(StrEnum):
    """How the releases are shown each record."""

    IMAGE = "image"
    SIGNAL = "signal"
    PHOTO = "photo"


Releases = Annotated[
    Path | None, typer.Option(help="Folder of releases; by default those that ship.")
]
Threads = Annotated[int, typer.Option(help="Threads of ONNX Runtime.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object.")]


def add_ecg(group: typer.Typer) -> None:
    """Add ``cardiotwin evaluate ecg``, ``ecg-images``, ``ecg-variants`` and ``ecg-folds``."""
    group.command("ecg")(ecg)
    group.command("ecg-images")(ecg_images)
    group.command("ecg-variants")(ecg_variants)
    group.command("ecg-folds")(ecg_folds)


def ecg(
    stem: Annotated[Path, typer.Argument(help="STEM.npz and STEM.csv, as in the data folder.")],
    via: Annotated[Via, typer.Option(help="Printed, as a signal, or photographed.")] = Via.IMAGE,
    releases: Releases = None,
    threads: Threads = 2,
    as_json: AsJson = False,
) -> None:
    """Judge the ECG releases on a set with known labels.

    Page nets read what ``--via`` shows them, the signal net the signal; a label that the set does
    not annotate is not scored.
    """
    from inference.errors import InferenceError

    try:
        found = judged(stem, via, releases, threads)
    except InferenceError as error:
        console.print(str(error))
        raise typer.Exit(2) from error
    _tell(found, as_json)


def judged(stem: Path, via: Via, releases: Path | None, threads: int) -> dict[str, Any]:
    """Return the figures of every ECG release that can read ``via``."""
    from inference.training import ecg_evaluation
    from inference.training.ecg_comparison import relative_change
    from inference.training.ecg_sets import read_stem

    labelled = read_stem(stem)
    wanted = [SIGNAL_RELEASE] if via is Via.SIGNAL else [*PAGE_RELEASES, SIGNAL_RELEASE]

    def read(chosen: Sequence[Any], run: ecg_evaluation.Run) -> dict[str, Any]:
        def work(advance: Callable[[int], None]) -> Any:  # noqa: ANN401
            return ecg_evaluation.read_set(labelled, via.value, chosen, run, advance)

        said = ecg_evaluation.with_pairs(_under_a_bar("reading ECGs", len(labelled.steps), work))
        figures = ecg_evaluation.figures(labelled, said, chosen[0].name)
        first, signal = said[chosen[0].name], said.get(SIGNAL_RELEASE)
        if via is not Via.SIGNAL and signal is not None:
            figures["ahead_of_signal"] = relative_change(labelled, first, signal)
        return figures

    return {"set": stem.name, "via": via.value, **_with_releases(wanted, releases, threads, read)}


def ecg_images(
    folder: Annotated[Path, typer.Argument(help="Pictures and labels.csv with file and label.")],
    releases: Releases = None,
    threads: Threads = 2,
    as_json: AsJson = False,
) -> None:
    """Judge the page releases on pictures of pages that a clinic printed.

    Abnormal is every label but normal.
    """
    from inference.errors import InferenceError
    from inference.training import ecg_page_evaluation

    def read(chosen: Sequence[Any], run: Any) -> dict[str, Any]:  # noqa: ANN401
        pages = ecg_page_evaluation.read_folder(folder)

        def work(advance: Callable[[int], None]) -> Any:  # noqa: ANN401
            return ecg_page_evaluation.figures(pages, chosen, run, advance)

        return dict(_under_a_bar("reading pages", len(pages), work))

    try:
        found = _with_releases(list(PAGE_RELEASES), releases, threads, read)
    except InferenceError as error:
        console.print(str(error))
        raise typer.Exit(2) from error
    _tell(found, as_json)


def _with_releases(
    wanted: Sequence[str],
    folder: Path | None,
    threads: int,
    read: Callable[[Sequence[Any], Any], dict[str, Any]],
) -> dict[str, Any]:
    """Return what ``read`` finds with those of the wanted releases that are there."""
    from inference.errors import ReleaseNotFound
    from inference.releases.library import SHIPPED, ReleaseLibrary
    from inference.runtimes.onnx import OnnxRuntime

    library = ReleaseLibrary(folder or SHIPPED)
    names = [name for name in wanted if name in library.names()]
    if not names:
        raise ReleaseNotFound(wanted[0])
    runtime = OnnxRuntime(library, threads)
    try:
        return read([library.load(name) for name in names], runtime.run_now)
    finally:
        runtime.close()


def _under_a_bar(title: str, total: int, work: Callable[[Callable[[int], None]], Any]) -> Any:  # noqa: ANN401
    from rich.progress import Progress

    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task(title, total=total)
        return work(lambda count: progress.advance(bar, count))


def _tell(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    from rich.table import Table

    table = Table("release", "label", "positives", "AUROC", "AUPRC", "precision", "recall", "F1")
    for name, one in found["models"].items():
        for label, figures in one["labels"].items():
            table.add_row(name, label, str(figures["positives"]), *_cells(figures))
        table.add_row(name, "mean", "", *_cells(one["macro"]), style="bold")
    console.print(table)


def _cells(figures: dict[str, Any]) -> list[str]:
    return [_cell(figures.get(key)) for key in ("auroc", "auprc", "precision", "recall", "f1")]


def _cell(figure: Any) -> str:  # noqa: ANN401 - a number, an interval, or nothing
    if isinstance(figure, dict) and figure["value"] is not None:
        return f"{figure['value']:.3f} ({figure['low']:.3f}-{figure['high']:.3f})"
    return f"{figure:.3f}" if isinstance(figure, float) else ""
