"""``cardiotwin evaluate ecg-folds``: a finding of few recordings, cross-validated in its set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cds_hooks.cli.report import console, print_json
from cds_hooks.cli.train_trajectories import Config, Data, data_folder


def ecg_folds(
    run: Annotated[Path, typer.Argument(help="Folder of a run that never saw the set.")],
    config: Config,
    held: Annotated[str, typer.Option(help="Name of the set that is cut into folds.")],
    finding: Annotated[str, typer.Option(help="Code of the finding that is judged.")],
    folds: Annotated[int, typer.Option(help="How many folds.", min=2)] = 4,
    variant: Annotated[str, typer.Option(help="How the folds teach: one of [variants].")] = "fold",
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Judge a run in a set unseen, alone and by cross-validation; needs the extra ``train``."""
    from inference.errors import InferenceError

    try:
        found = cross_validated(run, config, variant, data_folder(data), (held, finding, folds))
    except InferenceError as error:
        console.print(str(error))
        raise typer.Exit(2) from error
    if as_json:
        print_json(found)
    else:
        _show(found)


def cross_validated(
    run: Path, config: Path, variant: str, data: Path, held: tuple[str, str, int]
) -> dict[str, Any]:
    """Return the figures of the run alone and of the folds."""
    from inference.errors import TrainingDataUnusable
    from inference.training import ecg_folds as judging
    from inference.training.ecg_labels import CODES
    from inference.training.ecg_run import read_run

    if held[1] not in CODES:
        raise TrainingDataUnusable(held[1], 0, f"a finding among {', '.join(CODES)}")
    return judging.cross_validated(
        read_run(config, variant), data, run, judging.Held(*held), console.print
    )


def _show(found: dict[str, Any]) -> None:
    title = "{positives} of {records} records of {set} with {finding}".format_map(found)
    console.print(title)
    for name in ("alone", "folds"):
        area = found[name]["auroc"]
        console.print(
            f"{name}: AUROC {area['value']:.3f} ({area['low']:.3f} to {area['high']:.3f}), "
            f"{found[name]['core_minutes']} core-minutes"
        )
