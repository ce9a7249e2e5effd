"""``cardiotwin bench inference``: how long a shipped net takes, beside its arithmetic floor."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cds_hooks.cli.report import console, machine, print_json


def register(bench: typer.Typer) -> None:
    """Add ``cardiotwin bench inference``."""

    @bench.command("inference")
    def inference(
        runs: Annotated[int, typer.Option(help="Runs of each case.")] = 30,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """Time the trajectory release at 1 and 2 threads, in turn with its arithmetic alone."""
        from inference.bench.trajectory import measured

        found = {"machine": machine(), **measured(runs)}
        if as_json:
            print_json(found)
        else:
            console.print_json(json.dumps(found))
