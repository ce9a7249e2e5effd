"""``cardiotwin release radiographs``: make the detector's release from a run."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.cli.report import console
from cds_hooks.cli.train_trajectories import Data, data_folder


def make_radiographs(
    run: Annotated[Path, typer.Argument(help="Folder of a run of `train radiographs`.")],
    to: Annotated[Path, typer.Argument(help="Folder to write the release into.")],
    config: Annotated[Path, typer.Option(help="The configuration of the run.")],
    version: Annotated[str, typer.Option(help="Version of the release.")],
    built: Annotated[datetime, typer.Option(help="Day of building.", formats=["%Y-%m-%d"])],
    compute: Annotated[str, typer.Option(help="What was spent on training, in a sentence.")],
    finding: Annotated[
        list[str] | None, typer.Option(help="A kind that cards may tell; once for each.")
    ] = None,
    data: Data = None,
) -> None:
    """Export, calibrate and judge a run's detector and write its release."""
    from inference.errors import InferenceError
    from inference.training.radiograph_config import read_settings
    from inference.training.radiograph_release import Order, make_release

    try:
        order = Order(
            run=run,
            settings=read_settings(config),
            data=data_folder(data),
            to=to,
            version=version,
            built=built.date(),
            compute=compute,
            findings=tuple(finding or ()),
        )
        make_release(order, console.print)
    except InferenceError as error:
        console.print(str(error))
        raise typer.Exit(2) from error
