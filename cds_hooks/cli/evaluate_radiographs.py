"""``cardiotwin evaluate radiographs``: a detector on marked radiographs, beside a constant box.

The core install suffices. Without a release the constant box is judged alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cds_hooks.cli.report import console, print_json

if TYPE_CHECKING:
    from inference.training.radiograph_evaluation import Read
    from inference.training.radiograph_sets import Sorted

RELEASE = "radiograph"


def add_radiographs(group: typer.Typer) -> None:
    """Add ``cardiotwin evaluate radiographs``."""
    group.command("radiographs")(radiographs)


def radiographs(
    folder: Annotated[Path, typer.Argument(help="Holds boxes.json and images/, or structures/.")],
    releases: Annotated[
        Path | None, typer.Option(help="Folder of releases; by default those that ship.")
    ] = None,
    held_out: Annotated[
        bool, typer.Option(help="Only patients of whom no picture taught the release.")
    ] = False,
    threads: Annotated[int, typer.Option(help="Threads of ONNX Runtime.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Judge the detector on marked radiographs: per kind, per stage, with the ratio's error."""
    from inference.errors import InferenceError

    try:
        found = judged(folder, releases, held_out, threads)
    except InferenceError as error:
        console.print(str(error))
        raise typer.Exit(2) from error
    if as_json:
        print_json(found)
    else:
        show(found)


def judged(
    folder: Path, releases: Path | None, only_held_out: bool, threads: int
) -> dict[str, Any]:
    """Return the figures of the release, or of the constant box alone where there is none."""
    from inference.core.radiograph_reading import side_of
    from inference.releases.library import SHIPPED, ReleaseLibrary
    from inference.runtimes.onnx import OnnxRuntime
    from inference.training.radiograph_evaluation import figures, read_cases
    from inference.training.radiograph_sets import read_marked

    library = ReleaseLibrary(releases or SHIPPED)
    release = library.load(RELEASE) if RELEASE in library.names() else None
    pictures = read_marked(folder)
    seen = _seen(release, pictures)
    chosen = [
        place for place, who in enumerate(pictures.patient) if not (only_held_out and who in seen)
    ]
    runtime = OnnxRuntime(library, threads)
    read: Read | None = None
    overlaps: list[float] = []
    if release is not None:
        read = _reader(release, runtime, side_of(release))
        overlaps = [
            value for name, value in sorted(release.limits.items()) if name.startswith("overlap_")
        ]
    try:
        with _Reading(len(chosen)) as advance:
            cases = read_cases(
                [pictures.pictures[place] for place in chosen],
                [pictures.patient[place] for place in chosen],
                read,
                advance,
            )
    finally:
        runtime.close()
    return {
        **figures(cases, overlaps),
        "release": None if release is None else release.identity,
        "patients_seen_in_training": len({pictures.patient[place] for place in chosen} & seen),
    }


def _seen(release: Any, pictures: Sorted) -> set[str]:  # noqa: ANN401 - a release or None
    """Return the patients of whom a picture taught or chose the release."""
    from inference.training.radiograph_sets import digest_of

    if release is None:
        return set()
    parts = release.evidence.get("parts", {})
    taught = {*parts.get("train", ()), *parts.get("validate", ())}
    return {
        patient
        for picture, patient in zip(pictures.pictures, pictures.patient, strict=True)
        if digest_of(picture) in taught
    }


def _reader(release: Any, runtime: Any, side: int) -> Read:  # noqa: ANN401
    from inference.core.radiograph import Grey
    from inference.core.radiograph_reading import Detections, batch_of, detections_of

    def read(grey: Grey) -> Detections:
        batch, placement = batch_of(grey, side)
        return detections_of(runtime.run_now(release, batch), placement, release.labels)

    return read


class _Reading:
    """A bar on standard error that is advanced by one picture at a time."""

    def __init__(self, total: int) -> None:
        from rich.progress import Progress

        self._bar = Progress(console=console, transient=True)
        self._task = self._bar.add_task("reading radiographs", total=total)

    def __enter__(self) -> Callable[[], None]:
        self._bar.start()
        return lambda: self._bar.advance(self._task)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


def show(found: dict[str, Any]) -> None:
    """Print the figures as tables for people."""
    from rich.table import Table

    table = Table("kind", "boxes", "AP .5", "AP .75", "AP .5-.95", "constant box .5 / .75 / all")
    for kind, one in found["classes"].items():
        constant = " / ".join(
            _cell(one["constant_box"][name], short=True) for name in ("ap50", "ap75", "map")
        )
        own = [_cell(one[name]) for name in ("ap50", "ap75", "map")]
        table.add_row(kind, str(one["boxes"]), *own, constant)
    console.print(found["release"] or "no release reads radiographs: the constant box alone")
    console.print(table)
    ratio = found["cardiothoracic_ratio"]
    console.print(
        f"cardiothoracic ratio on {ratio['measured']} of {ratio['images']}: mean absolute error "
        f"{_cell(ratio['mae'])}"
    )


def _cell(figure: dict[str, float | None], *, short: bool = False) -> str:
    value, low, high = figure["value"], figure["low"], figure["high"]
    if value is None:
        return "-"
    return f"{value:.3f}" if short else f"{value:.3f} ({low:.3f}-{high:.3f})"
