"""``cardiotwin release``: list, show, check and make released models."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.cli.release_radiographs import make_radiographs
from cds_hooks.cli.report import console, print_json

Folder = Annotated[
    Path | None, typer.Option(help="Folder of releases; by default those that ship.")
]


def register(application: typer.Typer) -> None:
    """Add ``cardiotwin release``."""
    group = typer.Typer(name="release", help="Released models.", no_args_is_help=True)

    @group.callback()
    def release() -> None:
        """List, show, check and make released models."""

    group.command("list")(list_releases)
    group.command("show")(show_card)
    group.command("check")(check_weights)
    group.command("trajectories")(make_trajectories)
    group.command("radiographs")(make_radiographs)
    group.command("ecg")(make_ecg)
    group.command("ecg-tables")(join_ecg_tables)
    group.command("evidence")(add_evidence_of)
    application.add_typer(group)


def list_releases(
    releases: Folder = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Name each release with its version and digest."""
    from inference.releases.library import SHIPPED, ReleaseLibrary

    library = ReleaseLibrary(releases or SHIPPED)
    found = [library.load(name) for name in library.names()]
    if as_json:
        print_json({"releases": {one.name: one.identity for one in found}})
    for one in () if as_json else found:
        console.print(one.identity)


def show_card(name: str, releases: Folder = None) -> None:
    """Print the card of a release."""
    from rich.markdown import Markdown

    from inference.errors import ReleaseError
    from inference.releases.library import SHIPPED, ReleaseLibrary

    try:
        console.print(Markdown(ReleaseLibrary(releases or SHIPPED).card(name)))
    except ReleaseError as error:
        console.print(str(error))
        raise typer.Exit(2) from error


def check_weights(
    releases: Folder = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Check that the weights of every release have the digest that it states."""
    from inference.errors import ReleaseError
    from inference.releases.library import SHIPPED, ReleaseLibrary

    library = ReleaseLibrary(releases or SHIPPED)
    megabytes = {}
    try:
        for name in library.names():
            megabytes[name] = round(len(library.weights(library.load(name))) / 1e6, 2)
    except ReleaseError as error:
        console.print(str(error))
        raise typer.Exit(1) from error
    if as_json:
        print_json({"megabytes": megabytes})
    else:
        console.print(f"{len(megabytes)} releases, {sum(megabytes.values()):.1f} MB, all intact")


def make_trajectories(
    run: Annotated[Path, typer.Argument(help="Folder of a run of `train trajectories`.")],
    to: Annotated[Path, typer.Argument(help="Folder to write the releases into.")],
    version: Annotated[str, typer.Option(help="Version of the releases.")],
    built: Annotated[datetime, typer.Option(help="Day of building.", formats=["%Y-%m-%d"])],
    compute: Annotated[str, typer.Option(help="What was spent on training, in a sentence.")],
    previous: Annotated[
        Path | None, typer.Option(help="Folder of the releases before, to compare with.")
    ] = None,
) -> None:
    """Fit the fusion, judge it on the held-out stays and write both trajectory releases."""
    from inference.errors import InferenceError
    from inference.training.release_make import make_releases

    try:
        make_releases(run, to, version, built.date(), compute, console.print, previous)
    except InferenceError as error:
        console.print(str(error))
        raise typer.Exit(2) from error


def make_ecg(
    run: Annotated[Path, typer.Argument(help="Folder of a run of `train ecg`.")],
    to: Annotated[Path, typer.Argument(help="Folder to write the release into.")],
    config: Annotated[Path, typer.Option(help="The TOML file of the run.")],
    name: Annotated[str, typer.Option(help="Name of the release.")],
    version: Annotated[str, typer.Option(help="Version of the release.")],
    built: Annotated[datetime, typer.Option(help="Day of building.", formats=["%Y-%m-%d"])],
    compute: Annotated[str, typer.Option(help="What was spent on training, in a sentence.")],
    judge: Annotated[
        list[str] | None, typer.Option(help="Set below the data folder that judges it.")
    ] = None,
    pages: Annotated[
        str | None, typer.Option(help="Folder of labelled pictures below the data folder.")
    ] = None,
    beside: Annotated[
        Path | None, typer.Option(help="Folder of the signal release a page net is held against.")
    ] = None,
    paired: Annotated[
        str, typer.Option(help="The release beside that it is heard with in the service.")
    ] = "",
    finding: Annotated[
        list[str] | None, typer.Option(help="A finding that it may call; by default every one.")
    ] = None,
    variant: Annotated[str, typer.Option(help="The configuration's variant that ran.")] = "",
    baseline: Annotated[
        bool, typer.Option("--baseline", help="Made to be compared with; its card says so.")
    ] = False,
    data: Annotated[
        Path | None, typer.Option(help="Data folder; by default CARDIOTWIN_DATA.")
    ] = None,
) -> None:
    """Fit calibration and thresholds on the validation part, judge, and write an ECG release."""
    from cds_hooks.cli.train_trajectories import data_folder
    from inference.errors import InferenceError
    from inference.training.ecg_release import Making, make_release
    from inference.training.ecg_run import read_run

    folder = data_folder(data)
    judges = tuple(folder / one for one in judge or ())
    pictures = None if pages is None else folder / pages
    making = Making(
        name,
        version,
        built.date(),
        compute,
        judges,
        pictures,
        beside,
        baseline,
        tuple(finding or ()),
        paired,
    )
    try:
        make_release(read_run(config, variant), run, folder, to, making, console.print)
    except InferenceError as error:
        console.print(str(error))
        raise typer.Exit(2) from error


def join_ecg_tables(
    to: Annotated[Path, typer.Argument(help="Folder of the releases.")],
    tables: Annotated[list[Path], typer.Argument(help="What `evaluate ecg-variants` wrote.")],
    name: Annotated[str, typer.Option(help="The release whose card shows them.")],
    note: Annotated[str, typer.Option(help="How the compared runs were made, in a sentence.")],
    without: Annotated[
        list[str] | None, typer.Option(help="Title of a table that is taken away.")
    ] = None,
) -> None:
    """Add tables of compared variants to an ECG release's card; its weights stay."""
    from inference.errors import InferenceError
    from inference.training.ecg_tables import join_tables

    try:
        join_tables(to, name, tables, note, console.print, without or ())
    except InferenceError as error:
        console.print(str(error))
        raise typer.Exit(2) from error


def add_evidence_of(
    run: Annotated[Path, typer.Argument(help="Folder of a run of `train trajectories`.")],
    to: Annotated[Path, typer.Argument(help="Folder of the releases to write anew.")],
    version: Annotated[str, typer.Option(help="Version of the release with this evidence.")],
    candidate: Annotated[
        Path | None, typer.Option(help="Releases made from the run that took no place.")
    ] = None,
) -> None:
    """Add what a run has measured since to the risk release's card; its weights stay."""
    from inference.errors import InferenceError
    from inference.training.release_make import add_evidence

    try:
        add_evidence(run, to, version, console.print, candidate)
    except InferenceError as error:
        console.print(str(error))
        raise typer.Exit(2) from error
