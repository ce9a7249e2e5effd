"""``cardiotwin evaluate``: judge a release on known outcomes; the core install suffices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cds_hooks.cli.evaluate_ecg import add_ecg
from cds_hooks.cli.evaluate_forecast import add_forecast
from cds_hooks.cli.evaluate_radiographs import add_radiographs
from cds_hooks.cli.report import console, print_json

if TYPE_CHECKING:
    from inference.training.evaluation import Run
    from inference.training.physionet2012 import Stay


def register(application: typer.Typer) -> None:
    """Add ``cardiotwin evaluate``."""
    group = typer.Typer(
        name="evaluate", help="Judge what ships on known outcomes.", no_args_is_help=True
    )

    @group.callback()
    def evaluate() -> None:
        """Judge a release on data with known outcome."""

    @group.command("trajectories")
    def trajectories(
        events: Annotated[Path, typer.Argument(help="CSV: record, minute, parameter, value.")],
        outcomes: Annotated[Path, typer.Argument(help="CSV of outcomes, one row a record.")],
        releases: Annotated[
            Path | None, typer.Option(help="Folder of releases; by default those that ship.")
        ] = None,
        held_out: Annotated[
            bool, typer.Option(help="Only records that taught the release nothing.")
        ] = False,
        threads: Annotated[int, typer.Option(help="Threads of ONNX Runtime.")] = 2,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """Judge the risk release, its parts, NEWS2 and gradient boosting on the same stays."""
        from inference.errors import InferenceError

        try:
            found = judged(events, outcomes, releases, held_out, threads)
        except InferenceError as error:
            console.print(str(error))
            raise typer.Exit(2) from error
        if as_json:
            print_json(found)
        else:
            show(found)

    add_forecast(group)
    add_radiographs(group)
    add_ecg(group)
    application.add_typer(group)


def judged(
    events: Path, outcomes: Path, releases: Path | None, only_held_out: bool, threads: int
) -> dict[str, Any]:
    """Return the figures of the shipped release, its parts and the baselines."""
    from inference.releases.library import SHIPPED, ReleaseLibrary
    from inference.runtimes.onnx import OnnxRuntime
    from inference.training import evaluation
    from inference.training.physionet2012 import read_stays

    library = ReleaseLibrary(releases or SHIPPED)
    release, baseline = library.load("deterioration"), library.load("deterioration-boosting")
    console.print(f"reading {events.name}")
    stays = read_stays(events, outcomes)
    if only_held_out:
        stays = evaluation.held_out(stays)
    seen = evaluation.seen_in_training(stays, release)
    if seen:
        console.print(f"{seen} of {len(stays)} records taught this release: figures flatter it.")
    runtime = OnnxRuntime(library, threads)
    try:
        scores = scored(stays, release, baseline, runtime.run_now)
    finally:
        runtime.close()
    return {
        **evaluation.figures(scores, release),
        "release": release.identity,
        "records_seen_in_training": seen,
    }


def scored(stays: list[Stay], release: Any, baseline: Any, run: Run) -> Any:  # noqa: ANN401
    """Score the stays under a progress bar."""
    from rich.progress import Progress

    from inference.training.evaluation import score_stays

    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("reading trajectories", total=len(stays))
        return score_stays(
            stays, release, baseline, run, lambda count: progress.advance(bar, count)
        )


def show(found: dict[str, Any]) -> None:
    """Print the figures as a table for people."""
    from rich.table import Table

    table = Table("", "AUROC", "AUPRC", "event 1", "Brier", title=f"{found['records']} stays")
    rows = {f"release {found['release']}": found, **found["models"], **found["baselines"]}
    for name, one in rows.items():
        table.add_row(
            name, *(_cell(one.get(key)) for key in ("auroc", "auprc", "event1", "brier"))
        )
    console.print(table)


def _cell(figure: Any) -> str:  # noqa: ANN401 - a number or an interval, as the figures hold it
    if isinstance(figure, dict) and figure["value"] is not None:
        return f"{figure['value']:.3f} ({figure['low']:.3f}-{figure['high']:.3f})"
    return f"{figure:.3f}" if isinstance(figure, float) else ""
