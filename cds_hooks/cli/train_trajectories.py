"""``cardiotwin train``: the risk net, the twins beside its stays, and what its parts bring."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.cli.report import console

Config = Annotated[Path, typer.Option(help="TOML file; see inference/training/configs.")]
Run = Annotated[Path, typer.Option(help="Folder that keeps the run.")]
Data = Annotated[Path | None, typer.Option(help="Data folder; by default CARDIOTWIN_DATA.")]


def register(train: typer.Typer) -> None:
    """Add ``cardiotwin train trajectories``, ``stay-twins`` and ``trajectory-parts``."""
    train.command("trajectories")(trajectories)
    train.command("stay-twins")(stay_twins)
    train.command("trajectory-parts")(trajectory_parts)


def trajectories(config: Config, run: Run, data: Data = None) -> None:
    """Train EfficientNet on trajectories; started again, it goes on where it stopped."""
    from inference.errors import InferenceError
    from inference.training.trajectory_run import TrajectoryRun, read_settings
    from inference.training.trajectory_run import train as train_run

    try:
        train_run(TrajectoryRun(run, read_settings(config)), data_folder(data), console.print)
    except InferenceError as error:
        console.print(str(error))
        raise typer.Exit(2) from error


def stay_twins(
    config: Config,
    run: Run,
    data: Data = None,
    processes: Annotated[int, typer.Option(help="Fits at a time.")] = 1,
) -> None:
    """Fit the twin of every stay of a run, and keep what it says beside the examples."""
    from cds_hooks.cli.stay_twins import write_twins
    from inference.errors import InferenceError
    from inference.training.trajectory_run import TWINS, TrajectoryRun, read_settings

    try:
        stays = TrajectoryRun(run, read_settings(config)).stays(data_folder(data))
        run.mkdir(parents=True, exist_ok=True)
        write_twins(stays, run / TWINS, processes)
    except InferenceError as error:
        console.print(str(error))
        raise typer.Exit(2) from error
    console.print(f"{len(stays)} stays fitted")


def trajectory_parts(
    config: Config,
    run: Run,
    seeds: Annotated[int, typer.Option(help="Nets of each variant.")] = 2,
) -> None:
    """Measure what each part of the recipe and each candidate for the fusion brings.

    Reads a run's examples, and its twins where there are any; writes the tables of the card.
    """
    from inference.errors import InferenceError
    from inference.training.evidence_tables import write_tables
    from inference.training.trajectory_run import TrajectoryRun, read_settings

    try:
        write_tables(TrajectoryRun(run, read_settings(config)), seeds, console.print)
    except InferenceError as error:
        console.print(str(error))
        raise typer.Exit(2) from error


def data_folder(given: Path | None) -> Path:
    """Return the data folder that was given, or that of the environment; else exit with 2."""
    found = given or (
        Path(os.environ["CARDIOTWIN_DATA"]) if "CARDIOTWIN_DATA" in os.environ else None
    )
    if found is None or not found.is_dir():
        console.print(
            "No data folder: give --data or set CARDIOTWIN_DATA to one that can be read."
        )
        raise typer.Exit(2)
    return found
