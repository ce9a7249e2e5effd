"""``cardiotwin evaluate ecg-variants``: trained variants of one configuration compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cds_hooks.cli.report import console, print_json
from cds_hooks.cli.train_trajectories import Config, Data, data_folder


def ecg_variants(
    runs: Annotated[Path, typer.Argument(help="Folder of runs named VARIANT-SEED.")],
    config: Config,
    judge: Annotated[str, typer.Option(help="Set below the data folder that judges.")],
    first: Annotated[str, typer.Option(help="The variant that is held against others.")] = "full",
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Judge every trained variant on records of another hospital; needs the extra ``train``."""
    from inference.errors import InferenceError

    try:
        found = compared(runs, config, data_folder(data), judge, first)
    except InferenceError as error:
        console.print(str(error))
        raise typer.Exit(2) from error
    if as_json:
        print_json(found)
    else:
        _show(found, first)


def compared(runs: Path, config: Path, data: Path, judge: str, first: str) -> dict[str, Any]:
    """Return the table of the runs in a folder, by the part of their names before the dash.

    Runs that another one of them began with are part of that one's cost and not judged.
    """
    from inference.training import ecg_variants
    from inference.training.ecg_run import read_run
    from inference.training.ecg_sets import read_stem

    records, stem = read_run(config, first).records(data), read_stem(data / judge)
    labels = ecg_variants.judged_labels(stem)
    trained = sorted(one.parent for one in runs.glob("*/checkpoint.pt"))
    begun = {_begun_with(config, one.name) for one in trained}
    folders = [one for one in trained if one.name not in begun]
    found: dict[str, list[ecg_variants.RunSays]] = {}
    for said in ecg_variants.read_runs(folders, records, stem, labels):
        found.setdefault(said.name.rpartition("-")[0], []).append(said)
    return {"set": Path(judge).name, **ecg_variants.table(stem, labels, found, first)}


def _begun_with(config: Path, run: str) -> str:
    """Return the name of the run that a run VARIANT-SEED began with; empty where it began anew."""
    from inference.errors import TrainingDataUnusable
    from inference.training.ecg_run import read_run

    variant, _, seed = run.rpartition("-")
    if not variant or not seed.isdecimal():
        raise TrainingDataUnusable(run, 0, "a folder named VARIANT-SEED")
    return read_run(config, variant, int(seed)).loop.begins_with


def _show(found: dict[str, Any], first: str) -> None:
    from rich.table import Table

    measures = ("auroc", "precision", "recall", "f1")
    rows = Table("variant", "seeds", "records", "core min", *measures)
    for name, one in found["variants"].items():
        cost = (str(one[k]) for k in ("seeds", "records", "core_minutes"))
        rows.add_row(name, *cost, *(_cell(one[k], ".3f") for k in measures))
    for name, one in found[f"{first}_exceeds"].items():
        rows.add_row(
            f"{first} over {name}", "", "", "", *(_cell(one[k], "+.1%") for k in measures)
        )
    console.print(rows)


def _cell(figure: dict[str, Any], form: str) -> str:
    if figure["value"] is None:
        return ""
    value, low, high = (format(figure[key], form) for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"
