"""``cardiotwin train trajectories``: train the risk net; needs the extra ``train``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.cli.report import console


def register(train: typer.Typer) -> None:
    """Add ``cardiotwin train trajectories``."""

    @train.command("trajectories")
    def trajectories(
        config: Annotated[Path, typer.Option(help="TOML file; see inference/training/configs.")],
        run: Annotated[Path, typer.Option(help="Folder that keeps the run.")],
        data: Annotated[
            Path | None, typer.Option(help="Data folder; by default CARDIOTWIN_DATA.")
        ] = None,
    ) -> None:
        """Train EfficientNet on trajectories; started again, it goes on where it stopped."""
        from inference.errors import InferenceError
        from inference.training.trajectory_run import TrajectoryRun, read_settings
        from inference.training.trajectory_run import train as train_run

        try:
            train_run(TrajectoryRun(run, read_settings(config)), data_folder(data), console.print)
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
