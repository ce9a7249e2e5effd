"""``cardiotwin train radiographs``: Cascade R-CNN from licensed and generated radiographs."""

from __future__ import annotations

import typer

from cds_hooks.cli.report import console
from cds_hooks.cli.train_trajectories import Config, Data, Run, data_folder


def register(train: typer.Typer) -> None:
    """Add ``cardiotwin train radiographs``."""
    train.command("radiographs")(radiographs)


def radiographs(config: Config, run: Run, data: Data = None) -> None:
    """Train the detector of radiographs; started again, it goes on where it stopped."""
    from inference.errors import InferenceError
    from inference.training.radiograph_config import read_settings
    from inference.training.radiograph_run import RadiographRun
    from inference.training.radiograph_run import train as train_run

    try:
        train_run(RadiographRun(run, read_settings(config)), data_folder(data), console.print)
    except InferenceError as error:
        console.print(str(error))
        raise typer.Exit(2) from error
