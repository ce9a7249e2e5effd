"""``cardiotwin train ecg``: the nets that read ECGs, from one configuration file."""

from __future__ import annotations

from typing import Annotated

import typer

from cds_hooks.cli.report import console
from cds_hooks.cli.train_trajectories import Config, Data, Run, data_folder


def register(train: typer.Typer) -> None:
    """Add ``cardiotwin train ecg``."""
    train.command("ecg")(ecg)


def ecg(
    config: Config,
    run: Run,
    data: Data = None,
    variant: Annotated[str, typer.Option(help="One of the [variants] of the configuration.")] = "",
    seed: Annotated[int | None, typer.Option(help="Instead of the configuration's.")] = None,
) -> None:
    """Train a net on ECGs or their printed pages; started again, it goes on where it stopped."""
    from inference.errors import InferenceError
    from inference.training.ecg_run import read_run
    from inference.training.ecg_run import train as train_run

    try:
        train_run(read_run(config, variant, seed), data_folder(data), run, console.print)
    except InferenceError as error:
        console.print(str(error))
        raise typer.Exit(2) from error
